//! A console in a pseudo-terminal: sends keys, reads the screen, and checks what is left after the end.

#[path = "../support/quiet.rs"]
mod quiet;

use std::ffi::OsString;
use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use epoca::verify::patience::Patience;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};
use quiet::{PATIENCE, Scale};

const ROWS: NonZero<u16> = NonZero::new(36).unwrap();
const COLUMNS: NonZero<u16> = NonZero::new(120).unwrap();

/// Interval of deadline checks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub struct Session {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
    /// Keeps the terminal open after the console has ended, so that its settings can be read.
    _slave: Box<dyn SlavePty + Send>,
    seen: Arc<Seen>,
    found: String,
}

/// The screen as text.
struct Seen {
    parser: Mutex<vt100::Parser>,
    changed: Condvar,
}

impl Seen {
    /// A panic while reading does not invalidate the screen.
    fn parser(&self) -> MutexGuard<'_, vt100::Parser> {
        self.parser.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Starts a console with these arguments and the state folder `home`.
    pub fn open(home: &Path, arguments: &[&str]) -> Session {
        Session::open_sized(home, arguments, (COLUMNS.get(), ROWS.get()))
    }

    /// With a terminal of this size.
    pub fn open_sized(home: &Path, arguments: &[&str], size: (u16, u16)) -> Session {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_epoca"));
        command.args(of_this_machine(arguments));
        Session::begin(home, command, "xterm-256color", size)
    }

    /// With this value of TERM.
    pub fn open_as(home: &Path, arguments: &[&str], kind: &str) -> Session {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_epoca"));
        command.args(of_this_machine(arguments));
        Session::begin(home, command, kind, (COLUMNS.get(), ROWS.get()))
    }

    /// A shell with job control.
    pub fn shell(home: &Path) -> Session {
        let mut command = CommandBuilder::new("bash");
        command.args(["--norc", "--noprofile", "-i"]);
        command.env("PS1", "ready> ");
        Session::begin(home, command, "xterm-256color", (COLUMNS.get(), ROWS.get()))
    }

    fn begin(home: &Path, mut command: CommandBuilder, kind: &str, size: (u16, u16)) -> Session {
        let pair = native_pty_system().openpty(pty_size(size)).expect("a terminal");
        let found = line_settings(&*pair.master);
        command.cwd(home);
        for (name, value) in [("TERM", kind), ("LC_ALL", "C.UTF-8")] {
            command.env(name, value);
        }
        command.env("XDG_STATE_HOME", home);
        command.env("XDG_CONFIG_HOME", home);
        for name in ["NO_COLOR", "EPOCA_CONNECT"] {
            command.env_remove(name);
        }
        let child = pair.slave.spawn_command(command).expect("the console starts");
        let keyboard = pair.master.take_writer().expect("a keyboard");
        let output = pair.master.try_clone_reader().expect("a screen");
        let parser = Mutex::new(vt100::Parser::new(ROWS, COLUMNS, 0));
        let seen = Arc::new(Seen { parser, changed: Condvar::new() });
        std::thread::spawn({
            let seen = seen.clone();
            move || read_all(output, &seen)
        });
        Session { child, keyboard, master: pair.master, _slave: pair.slave, seen, found }
    }

    pub fn keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).and_then(|()| self.keyboard.flush()).expect("the terminal takes keys");
    }

    /// Types a command from CONTROL and returns to CONTROL.
    pub fn command(&mut self, line: &str) {
        self.keys("i");
        self.wait_for(|screen| screen.contains("[TYPE]"));
        self.keys(&format!("{line}\r"));
        self.keys("\u{1b}");
        self.wait_for(|screen| screen.contains("[CONTROL]"));
    }

    pub fn resize(&self, size: (u16, u16)) {
        self.master.resize(pty_size(size)).expect("a terminal has a size");
    }

    /// Waits until the alternate screen is on or off and the text matches.
    pub fn wait_for_screen(&self, is_full: bool, wanted: impl Fn(&str) -> bool) -> String {
        self.wait_until(|screen| screen.alternate_screen() == is_full && wanted(&screen.contents()))
    }

    /// Waits until the text matches and returns it.
    pub fn wait_for(&self, wanted: impl Fn(&str) -> bool) -> String {
        self.wait_until(|screen| wanted(&screen.contents()))
    }

    fn wait_until(&self, wanted: impl Fn(&vt100::Screen) -> bool) -> String {
        let patience = Patience::of(PATIENCE);
        let mut parser = self.seen.parser();
        loop {
            if wanted(parser.screen()) {
                return parser.screen().contents();
            }
            assert!(!patience.is_over(), "not seen in time:\n{}", parser.screen().contents());
            let waited = self.seen.changed.wait_timeout(parser, LOOK_EVERY);
            parser = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub fn signal(&self, signal: Signal) {
        let pid = self.child.process_id().and_then(|pid| i32::try_from(pid).ok()).expect("a process");
        kill(Pid::from_raw(pid), signal).expect("the console runs");
    }

    /// Waits for the end. The output must contain the text, and the terminal must be restored. Returns the exit code.
    pub fn ended(mut self, said: &str) -> u32 {
        let patience = Patience::of(PATIENCE);
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            assert!(!patience.is_over(), "it does not end:\n{}", self.wait_for(|_| true));
            std::thread::sleep(Duration::from_millis(5));
        };
        self.wait_until(|screen| screen.contents().contains(said) && !screen.alternate_screen());
        self.wait_until(|screen| !screen.hide_cursor() && !screen.bracketed_paste());
        self.wait_until(|screen| screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None);
        assert_eq!(line_settings(&*self.master), self.found, "the line is not as it was found");
        status.exit_code()
    }
}

impl Drop for Session {
    /// A failed test leaves no console and no nodes.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// With the deadlines and election timeouts of an idle machine.
fn of_this_machine(arguments: &[&str]) -> Vec<OsString> {
    let mut words: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    let scale = Scale::of_this_machine();
    scale.timeout_unless_given(&mut words);
    if words.iter().any(|word| word == "demo") {
        scale.election_timeout_unless_given(&mut words);
    }
    scale.all(&mut words);
    words
}

/// The process ids of the nodes, from the log table.
pub fn node_pids(screen: &str) -> Vec<i32> {
    let rows = screen.lines().filter(|row| row.starts_with("│   :"));
    let after = rows.filter_map(|row| row.split_once(" pid "));
    after.filter_map(|(_, rest)| rest.split_whitespace().next()?.parse().ok()).collect()
}

/// Waits until all of the processes are gone.
pub fn assert_gone(pids: &[i32]) {
    let patience = Patience::of(PATIENCE);
    let is_gone = |pid: &i32| kill(Pid::from_raw(*pid), None) == Err(Errno::ESRCH);
    while !pids.iter().all(is_gone) {
        assert!(!patience.is_over(), "some of {pids:?} are still there");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn pty_size((cols, rows): (u16, u16)) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

fn line_settings(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().expect("a terminal has settings"))
}

fn read_all(mut output: Box<dyn Read + Send>, seen: &Seen) {
    let mut bytes = [0; 8192];
    while let Ok(length @ 1..) = output.read(&mut bytes) {
        seen.parser().process(&bytes[..length]);
        seen.changed.notify_all();
    }
}
