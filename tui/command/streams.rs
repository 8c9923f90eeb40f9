//! The standard streams of this process: which of them were unusable when it started, and when nobody reads standard
//! output any more.
//!
//! The Rust runtime opens `/dev/null` in place of a closed standard stream, before `main`, and hides the error of one
//! that is open the other way round. So such a standard input reads like an empty one, and what is printed to such a
//! standard output is lost without an error. An initialiser that the loader calls before the runtime starts looks at
//! them.

use std::os::fd::{AsFd, RawFd};
use std::sync::atomic::{AtomicU8, Ordering};

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::oneshot;

/// A bit for each of the descriptors 0, 1 and 2 that was closed at the start, or open the other way round.
static UNUSABLE: AtomicU8 = AtomicU8::new(0);

#[used]
#[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
static LOOK: extern "C" fn() = look;

extern "C" fn look() {
    for descriptor in 0..3 {
        // SAFETY: it only reads the flags of a descriptor, and touches no memory of the process.
        let flags = unsafe { libc::fcntl(descriptor, libc::F_GETFL) };
        let other_way_round = if descriptor == 0 { libc::O_WRONLY } else { libc::O_RDONLY };
        if flags == -1 || flags & libc::O_ACCMODE == other_way_round {
            UNUSABLE.fetch_or(1 << descriptor, Ordering::Relaxed);
        }
    }
}

/// It was closed at the start, or is not open for reading.
pub fn stdin_is_unusable() -> bool {
    is_unusable(0)
}

/// It was closed at the start, or is not open for writing.
pub fn stdout_is_unusable() -> bool {
    is_unusable(1)
}

fn is_unusable(descriptor: RawFd) -> bool {
    UNUSABLE.load(Ordering::Relaxed) & (1 << descriptor) != 0
}

/// Ends when the reader of standard output goes away, also while there is nothing to write: a pipe whose other end is
/// closed, a terminal that is gone. A file never ends it.
pub async fn stdout_has_no_reader() {
    let (gone, is_gone) = oneshot::channel();
    // The thread waits until then, or until the process ends.
    let waits = std::thread::Builder::new().name("reader".to_owned()).spawn(move || {
        if wait_for_hang_up() {
            // Nobody waits for it if the command has ended.
            let _ = gone.send(());
        }
    });
    // Without the thread, the next write finds out.
    if waits.is_err() || is_gone.await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// False if the system cannot say it.
fn wait_for_hang_up() -> bool {
    let out = std::io::stdout();
    loop {
        // Errors are reported whatever is asked for.
        let mut watched = [PollFd::new(out.as_fd(), PollFlags::empty())];
        match poll(&mut watched, PollTimeout::NONE) {
            Ok(_) => {
                let seen = watched[0].revents().unwrap_or(PollFlags::empty());
                if seen.intersects(PollFlags::POLLERR | PollFlags::POLLHUP | PollFlags::POLLNVAL) {
                    return true;
                }
            }
            Err(nix::errno::Errno::EINTR) => {}
            Err(_) => return false,
        }
    }
}
