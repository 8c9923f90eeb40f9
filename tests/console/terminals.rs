//! Terminals that close, accept no output, stop the console, or have no size or no full screen.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::session::{Session, assert_gone, node_pids};

/// Far longer than any step takes, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A demo in a terminal; the test holds both ends, so that it can close them or stop reading.
struct Demo {
    child: Child,
    master: Option<File>,
    slave: Option<OwnedFd>,
    nodes: Vec<i32>,
}

impl Demo {
    /// Starts it with `setsid`. With `is_its_own` the terminal is its controlling terminal, which sends SIGHUP when it
    /// closes.
    fn start(home: &Path, is_its_own: bool) -> Demo {
        let size = Winsize { ws_row: 36, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None).expect("a terminal");
        // The console must not inherit the test's end of the terminal.
        for end in [pty.master.as_fd(), pty.slave.as_fd()] {
            fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).expect("a descriptor");
        }
        let mut command = Command::new("setsid");
        command.args(is_its_own.then_some("--ctty")).args(["--wait", env!("CARGO_BIN_EXE_epoca")]);
        command.args(["demo", "--base-port", "0"]).current_dir(home);
        command.env("TERM", "xterm-256color").env("LC_ALL", "C.UTF-8");
        command.env("XDG_STATE_HOME", home).env("XDG_CONFIG_HOME", home).env_remove("EPOCA_CONNECT");
        let end = || pty.slave.try_clone().expect("a descriptor");
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().expect("setsid is there");
        let mut demo = Demo { child, master: Some(File::from(pty.master)), slave: Some(pty.slave), nodes: Vec::new() };
        demo.wait_for_nodes();
        demo
    }

    fn wait_for_nodes(&mut self) {
        let mut parser = vt100::Parser::new(36.try_into().expect("rows"), 120.try_into().expect("columns"), 0);
        let begun = Instant::now();
        let mut bytes = [0; 8192];
        while self.nodes.len() < 4 || !parser.screen().contents().contains("n1 leads") {
            assert!(begun.elapsed() < DEADLINE, "not seen in time:\n{}", parser.screen().contents());
            let master = self.master.as_mut().expect("it is open");
            if is_ready(master, PollFlags::POLLIN, 1_000) {
                let length = master.read(&mut bytes).expect("the console is there");
                parser.process(&bytes[..length]);
            }
            self.nodes = node_pids(&parser.screen().contents());
        }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).expect("it runs");
    }

    /// Waits until the console ends with exit code 0, and its nodes with it.
    fn assert_ends(mut self) {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            assert!(begun.elapsed() < DEADLINE, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(status.code(), Some(0), "{status}");
        assert_gone(&self.nodes);
    }
}

impl Drop for Demo {
    /// Kills the processes of a failed test.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.nodes.iter().for_each(|node| _ = kill(Pid::from_raw(*node), Signal::SIGKILL));
    }
}

fn is_ready(terminal: &impl AsFd, wanted: PollFlags, milliseconds: u16) -> bool {
    poll(&mut [PollFd::new(terminal.as_fd(), wanted)], milliseconds).is_ok_and(|ready| ready > 0)
}

#[test]
fn a_console_whose_terminal_is_closed_ends_with_its_nodes() {
    for is_its_own in [true, false] {
        let home = tempfile::tempdir().expect("a folder");
        let mut demo = Demo::start(home.path(), is_its_own);
        drop((demo.slave.take(), demo.master.take()));
        demo.assert_ends();
    }
}

#[test]
fn a_terminal_that_takes_no_output_does_not_keep_the_console_from_its_signals() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let home = tempfile::tempdir().expect("a folder");
        let mut demo = Demo::start(home.path(), true);
        let (slave, mut master) = (demo.slave.take().expect("it is open"), demo.master.take().expect("it is open"));
        // The test does not read, and each key changes the whole screen.
        let begun = Instant::now();
        while is_ready(&slave, PollFlags::POLLOUT, 0) {
            assert!(begun.elapsed() < DEADLINE, "the terminal buffer never fills up");
            master.write_all(b"v").expect("it takes keys");
            std::thread::sleep(Duration::from_millis(20));
        }
        demo.signal(signal);
        demo.assert_ends();
    }
}

/// A demo in a shell with job control, with the process ids of the console and of its nodes.
fn job(home: &Path) -> (Session, i32, Vec<i32>) {
    let mut session = Session::shell(home);
    session.wait_for(|screen| screen.contains("ready> "));
    session.keys(concat!(env!("CARGO_BIN_EXE_epoca"), " demo --base-port 0\r"));
    let screen = session.wait_for(|screen| screen.contains("n1 leads") && node_pids(screen).len() == 4);
    let nodes = node_pids(&screen);
    let status = std::fs::read_to_string(format!("/proc/{}/status", nodes[0])).expect("the node runs");
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).expect("it has a parent");
    (session, parent.trim().parse().expect("a number"), nodes)
}

fn stop(session: &mut Session, console: i32) {
    kill(Pid::from_raw(console), Signal::SIGTSTP).expect("it runs");
    session.wait_for_screen(false, |screen| screen.contains("Stopped"));
    session.keys("echo is $((40 + 2))\r");
    session.wait_for_screen(false, |screen| screen.contains("is 42"));
}

#[test]
fn a_stop_gives_the_terminal_back_and_fg_takes_it_again() {
    let home = tempfile::tempdir().expect("a folder");
    let (mut session, console, nodes) = job(home.path());
    for in_the_background in [false, true] {
        stop(&mut session, console);
        if in_the_background {
            session.keys("bg\r");
            session.wait_for_screen(false, |screen| screen.contains("demo --base-port 0 &"));
        }
        session.keys("fg\r");
        session.wait_for_screen(true, |screen| screen.contains("n1 leads") && screen.contains("[CONTROL]"));
        session.keys("?");
        session.wait_for_screen(true, |screen| screen.contains("HELP"));
        session.keys("x");
        session.wait_for_screen(true, |screen| !screen.contains("HELP"));
    }
    session.keys("qq");
    session.wait_for_screen(false, |screen| screen.contains("The nodes have ended."));
    assert_gone(&nodes);
    session.keys("exit\r");
    assert_eq!(session.ended(""), 0);
}

#[test]
fn sigterm_to_a_stopped_console_ends_it_in_the_background() {
    for stop_signal in [Signal::SIGTSTP, Signal::SIGSTOP] {
        let home = tempfile::tempdir().expect("a folder");
        let (mut session, console, nodes) = job(home.path());
        kill(Pid::from_raw(console), stop_signal).expect("it runs");
        session.wait_for(|screen| screen.contains("Stopped"));
        kill(Pid::from_raw(console), Signal::SIGTERM).expect("it exists");
        kill(Pid::from_raw(console), Signal::SIGCONT).expect("it exists");
        assert_gone(&[nodes, vec![console]].concat());
        // The shell reports the end of a job at its next prompt.
        session.keys("\r");
        session.wait_for(|screen| screen.contains("Done"));
        session.keys("exit\r");
        drop(session);
    }
}

#[test]
fn a_terminal_without_a_size_shows_the_usual_one_until_it_has_one() {
    let home = tempfile::tempdir().expect("a folder");
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/.assets/demo.epoca.jsonl");
    let mut session = Session::open_sized(home.path(), &["replay", file], (0, 0));
    session.wait_for(|screen| screen.contains("REPLAY") && screen.contains("[CONTROL]"));
    session.resize((50, 10));
    session.wait_for(|screen| screen.contains("60x18") && screen.contains("50x10"));
    session.resize((120, 36));
    session.wait_for(|screen| screen.contains("SPACE-TIME"));
    session.keys("q");
    assert_eq!(session.ended(""), 0);
}

#[test]
fn a_terminal_without_a_full_screen_is_refused_with_the_headless_command() {
    let home = tempfile::tempdir().expect("a folder");
    for kind in ["dumb", ""] {
        let session = Session::open_as(home.path(), &["demo", "--base-port", "0"], kind);
        let screen = session.wait_for(|screen| screen.contains("epoca cluster --lab"));
        assert!(screen.contains("TERM="), "{screen}");
        assert_eq!(session.ended("epoca cluster --lab"), 2);
    }
    assert!(!home.path().join("epoca-data").exists());
}
