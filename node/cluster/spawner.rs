//! One thread that starts all child processes and lives as long as this process.
//!
//! Linux sends the parent-death signal when the *thread* that forked ends, not the process: a child that a thread of a
//! pool started would die when that thread becomes idle and ends.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, sync_channel};

struct Job {
    command: Command,
    started: SyncSender<io::Result<Child>>,
}

/// Starts the command in its own process group, so that Ctrl-C reaches only the launcher. On Linux the child gets
/// SIGKILL when this process ends in any way: a paused child could not read the end of its pipe.
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
            // The caller is gone: nothing would own the child.
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
        // The parent may have ended before the signal was requested.
        if getppid() == parent { Ok(()) } else { Err(io::Error::other("the launcher has ended")) }
    };
    // SAFETY: between fork and exec the child makes only async-signal-safe system calls. It allocates only if the
    // parent is gone, and then only fails.
    unsafe { command.pre_exec(before_exec) };
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_command: &mut Command) {}
