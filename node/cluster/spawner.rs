//! One thread that starts all child processes and lives as long as this process.
//!
//! Linux sends the parent-death signal when the *thread* that forked ends, not the process: a child started from a
//! pool's thread would die with that thread's idle timeout.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, sync_channel};

struct Job {
    command: Command,
    started: SyncSender<io::Result<Child>>,
}

/// Starts the command in a process group of its own, so that Ctrl-C reaches the launcher alone. On Linux the child gets
/// SIGKILL when this process ends, however it ends: a paused child could not read the end of its pipe.
pub(super) fn spawn(mut command: Command) -> io::Result<Child> {
    command.process_group(0);
    die_with_parent(&mut command);
    let (started, result) = sync_channel(1);
    let gone = || io::Error::other("the thread that starts processes has ended");
    jobs()?.send(Job { command, started }).map_err(|_| gone())?;
    result.recv().map_err(|_| gone())?
}

fn jobs() -> io::Result<&'static SyncSender<Job>> {
    static JOBS: OnceLock<SyncSender<Job>> = OnceLock::new();
    if let Some(jobs) = JOBS.get() {
        return Ok(jobs);
    }
    let (jobs, queue) = sync_channel::<Job>(16);
    std::thread::Builder::new().name("spawner".to_owned()).spawn(move || {
        for mut job in queue {
            // Nobody waits for the answer any more: the child would be nobody's.
            if let Err(unheard) = job.started.send(job.command.spawn())
                && let Ok(mut child) = unheard.0
            {
                let _ = child.kill().and_then(|()| child.wait());
            }
        }
    })?;
    // Two first callers at once: the second thread ends with its queue, before it has started anything.
    Ok(JOBS.get_or_init(|| jobs))
}

#[cfg(target_os = "linux")]
fn die_with_parent(command: &mut Command) {
    use nix::sys::prctl::set_pdeathsig;
    use nix::sys::signal::Signal;
    use nix::unistd::{Pid, getppid};

    let parent = Pid::this();
    let before_exec = move || {
        set_pdeathsig(Signal::SIGKILL)?;
        // The parent may have ended before the signal was asked for.
        if getppid() == parent { Ok(()) } else { Err(io::Error::other("the launcher has ended")) }
    };
    // SAFETY: between fork and exec only system calls that are async-signal-safe are made, and nothing is allocated
    // unless the parent is gone, when the child only fails.
    unsafe { command.pre_exec(before_exec) };
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_command: &mut Command) {}
