//! The standard streams of this process: which of them were closed when it started, and when nobody reads standard
//! output any more.
//!
//! The Rust runtime opens `/dev/null` in place of a closed standard stream, before `main`. From then on a closed standard
//! input reads like an empty one, and what is printed to a closed standard output is lost without an error. So an
//! initialiser that the loader calls before the runtime starts looks at them.

use std::os::fd::{AsFd, RawFd};
use std::sync::atomic::{AtomicU8, Ordering};

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::oneshot;

/// A bit for each of the descriptors 0, 1 and 2 that was closed at the start.
static CLOSED: AtomicU8 = AtomicU8::new(0);

#[used]
#[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
static LOOK: extern "C" fn() = look;

extern "C" fn look() {
    for descriptor in 0..3 {
        // SAFETY: it only reads the flags of a descriptor, and touches no memory of the process.
        if unsafe { libc::fcntl(descriptor, libc::F_GETFD) } == -1 {
            CLOSED.fetch_or(1 << descriptor, Ordering::Relaxed);
        }
    }
}

pub fn stdin_was_closed() -> bool {
    was_closed(0)
}

pub fn stdout_was_closed() -> bool {
    was_closed(1)
}

fn was_closed(descriptor: RawFd) -> bool {
    CLOSED.load(Ordering::Relaxed) & (1 << descriptor) != 0
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
