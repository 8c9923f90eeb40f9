//! A console in a pseudo-terminal: the test types keys and reads the screen. At the end it checks the exit code and
//! that the terminal has its old settings.

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

/// The pause between two checks of the deadline.
const CHECK_EVERY: Duration = Duration::from_millis(100);

pub struct Session {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
    /// Kept so that the terminal outlives the console and its settings can be read.
    _slave: Box<dyn SlavePty + Send>,
    display: Arc<Display>,
    /// The line settings before the console started.
    settings_before: String,
}

/// The contents of the terminal.
struct Display {
    parser: Mutex<vt100::Parser>,
    changed: Condvar,
}

impl Display {
    /// A test that failed with the lock has changed nothing.
    fn parser(&self) -> MutexGuard<'_, vt100::Parser> {
        self.parser.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Opens a console with these arguments. Its state files are in `home`.
    pub fn open(home: &Path, arguments: &[&str]) -> Session {
        Session::open_sized(home, arguments, (COLUMNS.get(), ROWS.get()))
    }

    /// In a terminal with this size.
    pub fn open_sized(home: &Path, arguments: &[&str], size: (u16, u16)) -> Session {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_epoca"));
        command.args(of_this_machine(arguments));
        Session::begin(home, command, "xterm-256color", size)
    }

    /// In a terminal with this name in `TERM`.
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
        let settings_before = line_settings(&*pair.master);
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
        let display = Arc::new(Display { parser, changed: Condvar::new() });
        std::thread::spawn({
            let display = display.clone();
            move || read_all(output, &display)
        });
        Session { child, keyboard, master: pair.master, _slave: pair.slave, display, settings_before }
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

    /// Waits until the terminal shows the full screen, or not, with the wanted text.
    pub fn wait_for_screen(&self, is_full: bool, wanted: impl Fn(&str) -> bool) -> String {
        self.wait_until(|screen| screen.alternate_screen() == is_full && wanted(&screen.contents()))
    }

    /// Waits for the wanted text on the screen and returns all text.
    pub fn wait_for(&self, wanted: impl Fn(&str) -> bool) -> String {
        self.wait_until(|screen| wanted(&screen.contents()))
    }

    fn wait_until(&self, wanted: impl Fn(&vt100::Screen) -> bool) -> String {
        let patience = Patience::of(PATIENCE);
        let mut parser = self.display.parser();
        loop {
            if wanted(parser.screen()) {
                return parser.screen().contents();
            }
            assert!(!patience.is_over(), "not seen in time:\n{}", parser.screen().contents());
            let waited = self.display.changed.wait_timeout(parser, CHECK_EVERY);
            parser = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub fn signal(&self, signal: Signal) {
        let pid = self.child.process_id().and_then(|pid| i32::try_from(pid).ok()).expect("a process");
        kill(Pid::from_raw(pid), signal).expect("the console runs");
    }

    /// Waits for the end of the console, with this text as its last output and the terminal restored. Returns the exit
    /// code.
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
        assert_eq!(line_settings(&*self.master), self.settings_before, "the settings of the terminal");
        status.exit_code()
    }
}

impl Drop for Session {
    /// Kills the console of a failed test, and its nodes with it.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The arguments with deadlines and election timeouts scaled to the speed of this machine.
fn of_this_machine(arguments: &[&str]) -> Vec<OsString> {
    let mut words: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    let scale = Scale::of_this_machine();
    scale.timeout_unless_given(&mut words);
    if words.iter().any(|word| word == "demo" || word == "defend") {
        scale.election_timeout_unless_given(&mut words);
    }
    scale.all(&mut words);
    words
}

/// The process ids of the nodes in the table of logs.
pub fn node_pids(screen: &str) -> Vec<i32> {
    let rows = screen.lines().filter(|row| row.starts_with("│   :"));
    let after = rows.filter_map(|row| row.split_once(" pid "));
    after.filter_map(|(_, rest)| rest.split_whitespace().next()?.parse().ok()).collect()
}

/// Waits until all of the processes have ended.
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

fn read_all(mut output: Box<dyn Read + Send>, display: &Display) {
    let mut bytes = [0; 8192];
    while let Ok(length @ 1..) = output.read(&mut bytes) {
        display.parser().process(&bytes[..length]);
        display.changed.notify_all();
    }
}
