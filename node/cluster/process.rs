//! One child process, which is signalled only while its pid is certainly its own.
//!
//! A pid is free for other processes once its process was reaped. The waiting thread therefore first learns of the end
//! without reaping the process, marks it as ended under the lock under which signals are sent, and only then reaps it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use tokio::sync::watch;

use crate::cluster::spawner;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    Running,
    Paused,
    Ended,
}

pub(super) struct Process {
    pid: Pid,
    state: Arc<Mutex<State>>,
    ended: watch::Receiver<Option<ExitStatus>>,
    /// The process runs while this pipe is open, and ends when it reads the end of it.
    _stdin: Option<ChildStdin>,
    log: PathBuf,
    log_before: u64,
}

impl Process {
    /// Starts the command with its output appended to the log file.
    pub fn start(mut command: Command, log: &Path) -> io::Result<Process> {
        let output = File::options().create(true).append(true).mode(0o600).open(log)?;
        let log_before = output.metadata()?.len();
        command.stdin(Stdio::piped()).stdout(output.try_clone()?).stderr(output);
        let mut child = spawner::spawn(command)?;
        let stdin = child.stdin.take();
        let pid = Pid::from_raw(child.id() as i32);
        let state = Arc::new(Mutex::new(State::Running));
        let (tell, ended) = watch::channel(None);
        let marked = state.clone();
        std::thread::Builder::new().name(format!("wait {pid}")).spawn(move || {
            // This fails only for a process that is not a child; then `wait` below fails too.
            let _ = waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT);
            *lock(&marked) = State::Ended;
            let status = child.wait().unwrap_or_else(|_| ExitStatus::from_raw(0));
            tell.send_replace(Some(status));
        })?;
        Ok(Process { pid, state, ended, _stdin: stdin, log: log.to_owned(), log_before })
    }

    pub fn pid(&self) -> u32 {
        self.pid.as_raw() as u32
    }

    pub fn state(&self) -> State {
        *lock(&self.state)
    }

    pub fn kill(&self) {
        self.signal(Signal::SIGKILL, Some);
    }

    /// False if it is paused already, or has ended.
    pub fn pause(&self) -> bool {
        self.signal(Signal::SIGSTOP, |state| (state == State::Running).then_some(State::Paused))
    }

    /// False if it is not paused.
    pub fn resume(&self) -> bool {
        self.signal(Signal::SIGCONT, |state| (state == State::Paused).then_some(State::Running))
    }

    /// Asks the process to end without handing leadership over, since all nodes end. Resumes a paused one for that.
    pub fn terminate(&self) {
        self.signal(Signal::SIGHUP, Some);
        self.resume();
    }

    /// Signals the process if it has not ended and `then` returns its next state.
    fn signal(&self, signal: Signal, then: impl FnOnce(State) -> Option<State>) -> bool {
        let mut state = lock(&self.state);
        let Some(next) = Some(*state).filter(|state| *state != State::Ended).and_then(then) else { return false };
        // The process was not reaped, so the signal cannot reach another one. It can fail only if the process ends now.
        let _ = kill(self.pid, signal);
        *state = next;
        true
    }

    /// How the process ended, if it has.
    pub fn end(&self) -> impl Future<Output = Option<ExitStatus>> + Send + use<> {
        let mut ended = self.ended.clone();
        async move { ended.wait_for(Option::is_some).await.ok().and_then(|status| *status) }
    }

    pub fn end_within(&self, time: Duration) -> impl Future<Output = bool> + Send + use<> {
        let end = self.end();
        async move { tokio::time::timeout(time, end).await.is_ok() }
    }

    pub fn exit_status(&self) -> Option<ExitStatus> {
        *self.ended.borrow()
    }

    /// How the process ended, with its last line of output.
    pub fn obituary(&self) -> String {
        let how = match self.exit_status() {
            None => return "it has not ended".to_owned(),
            Some(status) => match (status.code(), status.signal()) {
                (Some(code), _) => format!("exit code {code}"),
                (None, Some(signal)) => format!("signal {signal}"),
                (None, None) => "for an unknown reason".to_owned(),
            },
        };
        match last_line(&self.log, self.log_before) {
            Some(line) => format!("{how}: {line}"),
            None => how,
        }
    }
}

/// The last line with content that was written after byte `from`.
fn last_line(log: &Path, from: u64) -> Option<String> {
    const READ: u64 = 16 << 10;
    let mut file = File::open(log).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(from.max(length.saturating_sub(READ)))).ok()?;
    let mut text = Vec::new();
    file.take(READ).read_to_end(&mut text).ok()?;
    let text = String::from_utf8_lossy(&text);
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // A state is one word: it is consistent even if a holder panicked.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> (Process, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        (Process::start(command, &folder.path().join("log")).unwrap(), folder)
    }

    #[tokio::test]
    async fn a_process_that_ends_by_itself_leaves_its_last_line() {
        let (process, _folder) = shell("echo first; echo its last words >&2; exit 7");
        assert_eq!(process.end().await.and_then(|status| status.code()), Some(7));
        assert_eq!(process.state(), State::Ended);
        assert_eq!(process.obituary(), "exit code 7: its last words");
    }

    #[tokio::test]
    async fn a_paused_process_can_be_killed_and_is_not_signalled_afterwards() {
        let (process, _folder) = shell("read line");
        process.pause();
        assert_eq!(process.state(), State::Paused);
        process.kill();
        assert_eq!(process.end().await.and_then(|status| status.signal()), Some(9));
        process.resume();
        assert_eq!(process.state(), State::Ended);
    }

    #[tokio::test]
    async fn a_process_reads_the_end_of_its_input_when_it_is_let_go() {
        let (process, _folder) = shell("read line; exit 3");
        let end = process.end();
        drop(process);
        assert_eq!(end.await.and_then(|status| status.code()), Some(3));
    }
}
