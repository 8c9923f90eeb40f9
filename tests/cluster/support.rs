//! A cluster started with `epoca cluster`, and commands of the command line.
//!
//! Ports are free ones chosen by the system. The processes of a test are ended by their ids when the test ends.
//!
//! Times in a test are those of an idle machine. `--timeout` and `--election-timeout` are multiplied here by the
//! measured slowness of this one, also where they are not given (see "On a busy machine" in `tests/README.md`).

#[path = "../support/files.rs"]
mod files;
#[path = "../support/quiet.rs"]
mod quiet;

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use epoca::verify::patience::Patience;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

pub use files::copy_folder;
pub use quiet::{PATIENCE, Scale, election_timeout_ms, in_time, patient, until};

pub const EXECUTABLE: &str = env!("CARGO_BIN_EXE_epoca");

/// A command's output and exit code.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    /// The code and the message of an error as JSON.
    pub fn error(&self) -> (String, String) {
        let error = &self.json()["error"];
        let text = |name: &str| error[name].as_str().unwrap_or_else(|| panic!("no error: {self:?}")).to_owned();
        (text("code"), text("message"))
    }
}

/// Runs the program once, with exactly these arguments.
pub fn epoca<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Said {
    run(command(arguments).stdin(Stdio::null()))
}

/// The program with these arguments, with their times scaled from an idle machine.
fn command<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut words: Vec<OsString> = arguments.into_iter().map(|word| word.as_ref().to_owned()).collect();
    let scale = Scale::of_this_machine();
    scale.timeout_unless_given(&mut words);
    scale.all(&mut words);
    let mut command = Command::new(EXECUTABLE);
    command.args(words).env_remove("EPOCA_CONNECT");
    command
}

pub fn epoca_with_input<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>, input: &[u8]) -> Said {
    let mut child = piped(command(arguments).stdin(Stdio::piped()));
    child.stdin.take().expect("it has one").write_all(input).expect("it reads");
    said(child)
}

/// For a command that hangs if it is faulty.
pub fn epoca_until_it_ends<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Said {
    epoca(arguments)
}

pub fn run(command: &mut Command) -> Said {
    said(piped(command.env_remove("EPOCA_CONNECT")))
}

fn piped(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
}

/// Waits for the process and returns its output. A process that does not exit is killed after a while.
fn said(mut child: Child) -> Said {
    let out = read_all(child.stdout.take().expect("it is piped"));
    let err = read_all(child.stderr.take().expect("it is piped"));
    // The command's own deadline may be as long as any wait.
    let patience = Patience::of(2 * PATIENCE);
    let status = loop {
        match child.try_wait().expect("the process can be polled") {
            Some(status) => break status,
            None if patience.is_over() => _ = child.kill(),
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    let text = |read: JoinHandle<Vec<u8>>| {
        String::from_utf8(read.join().expect("it only reads")).expect("the output is UTF-8")
    };
    Said { code: status.code(), out: text(out), err: text(err) }
}

fn read_all(mut from: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // The assertion shows the output before the kill.
        let _ = from.read_to_end(&mut bytes);
        bytes
    })
}

/// `epoca cluster` with a temporary data folder.
pub struct Launched {
    child: Child,
    /// The scale of the times that its nodes were started with.
    pub scale: Scale,
    lines: Receiver<String>,
    pub said: Vec<String>,
}

impl Launched {
    pub fn start(data: &Path, arguments: &[&str]) -> Launched {
        let mut words: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        let scale = Scale::of_this_machine();
        scale.election_timeout_unless_given(&mut words);
        scale.all(&mut words);
        let mut child = Command::new(EXECUTABLE)
            .arg("cluster")
            .arg("--data")
            .arg(data)
            .args(words)
            .env_remove("EPOCA_CONNECT")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the launcher starts");
        let (told, lines) = channel();
        let out = child.stdout.take().expect("it has an output");
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if told.send(line).is_err() {
                    break;
                }
            }
        });
        Launched { child, scale, lines, said: Vec::new() }
    }

    /// Waits for the line that announces that the cluster accepts writes.
    pub fn wait_until_ready(&mut self) {
        let patience = Patience::of(PATIENCE);
        loop {
            match self.lines.recv_timeout(Duration::from_millis(100)) {
                Ok(line) => {
                    let ready = line.starts_with("ready: ");
                    self.said.push(line);
                    if ready {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) if !patience.is_over() => {}
                Err(why) => self.not_ready(why),
            }
        }
    }

    fn not_ready(&mut self, why: RecvTimeoutError) -> ! {
        let _ = self.child.kill();
        let mut err = String::new();
        let _ = self.child.stderr.take().expect("it has one").read_to_string(&mut err);
        panic!("not ready ({why:?}): {:?}, {err}", self.said);
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).expect("the launcher exists");
    }

    /// Waits until the launcher has ended; returns its exit code.
    pub fn wait(&mut self) -> Option<i32> {
        let mut code = None;
        until("the launcher has ended", || {
            code = self.child.try_wait().expect("the process can be polled").map(|status| status.code());
            code.is_some()
        });
        code.flatten()
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::SIGTERM);
            let patience = Patience::of(Duration::from_secs(15));
            while matches!(self.child.try_wait(), Ok(None)) && !patience.is_over() {
                std::thread::sleep(Duration::from_millis(5));
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// A cluster that accepts writes, in a temporary folder.
pub struct Cluster {
    pub launched: Launched,
    folder: TempDir,
}

impl Cluster {
    pub fn start(arguments: &[&str]) -> Cluster {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let launched = launch(folder.path(), arguments);
        Cluster { launched, folder }
    }

    /// Ends the launcher and its nodes; their data stay until the folder is dropped.
    pub fn end(mut self) -> tempfile::TempDir {
        self.launched.signal(Signal::SIGTERM);
        assert_eq!(self.launched.wait(), Some(0));
        self.folder
    }

    /// Restarts the launcher on the same data.
    pub fn start_again(mut self, arguments: &[&str]) -> Cluster {
        self.launched.signal(Signal::SIGTERM);
        assert_eq!(self.launched.wait(), Some(0));
        let launched = launch(self.folder.path(), arguments);
        Cluster { launched, folder: self.folder }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub fn epoca(&self, arguments: &[&str]) -> Said {
        let data = self.data();
        epoca(arguments.iter().map(OsStr::new).chain([OsStr::new("--data"), data.as_os_str()]))
    }

    /// The command's JSON; the command must end with this code.
    #[track_caller]
    pub fn json(&self, code: i32, arguments: &[&str]) -> Value {
        let said = self.epoca(&[arguments, &["--output", "json"]].concat());
        assert_eq!(said.code, Some(code), "{arguments:?}: {said:?}");
        said.json()
    }

    /// The command must end with this code; returns its stdout and stderr.
    #[track_caller]
    pub fn text(&self, code: i32, arguments: &[&str]) -> String {
        let said = self.epoca(arguments);
        assert_eq!(said.code, Some(code), "{arguments:?}: {said:?}");
        said.out + &said.err
    }

    /// Each node's status, in the order of ids.
    pub fn status(&self) -> Vec<Value> {
        self.json(0, &["status"]).as_array().expect("status is a list").clone()
    }

    pub fn pids(&self) -> Vec<i32> {
        self.status().iter().map(|node| node["pid"].as_i64().expect("it has a pid") as i32).collect()
    }

    pub fn addresses(&self) -> Vec<String> {
        self.status().iter().map(|node| node["address"].as_str().expect("it has an address").to_owned()).collect()
    }
}

fn launch(data: &Path, arguments: &[&str]) -> Launched {
    let any: &[&str] = if arguments.contains(&"--base-port") { &[] } else { &["--base-port", "0"] };
    let mut launched = Launched::start(data, &[any, arguments].concat());
    launched.wait_until_ready();
    launched
}

/// Whether a process has ended or is a zombie.
pub fn is_gone(pid: i32) -> bool {
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        // The state follows the name, which is in parentheses.
        Ok(stat) => stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z')),
        Err(_) => kill(Pid::from_raw(pid), None).is_err(),
    }
}
