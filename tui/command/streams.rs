//! The standard streams of this process: which of them were unusable at the start, and when standard output loses its
//! reader.
//!
//! The Rust runtime opens `/dev/null` in place of a closed standard stream before `main`, and hides the error of a
//! stream that is open in the wrong direction. Such a standard input reads as empty, and output to such a standard
//! output is lost without an error. An initialiser that the loader calls before the runtime starts therefore examines
//! the streams.

use std::os::fd::{AsFd, RawFd};
use std::sync::atomic::{AtomicU8, Ordering};

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::oneshot;

/// A bit for each of the descriptors 0, 1 and 2 that was closed at the start, or open in the wrong direction.
static UNUSABLE: AtomicU8 = AtomicU8::new(0);

#[used]
#[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
static EXAMINE: extern "C" fn() = examine;

extern "C" fn examine() {
    for descriptor in 0..3 {
        // SAFETY: it only reads the flags of a descriptor, and touches no memory of the process.
        let flags = unsafe { libc::fcntl(descriptor, libc::F_GETFL) };
        let wrong_direction = if descriptor == 0 { libc::O_WRONLY } else { libc::O_RDONLY };
        if flags == -1 || flags & libc::O_ACCMODE == wrong_direction {
            UNUSABLE.fetch_or(1 << descriptor, Ordering::Relaxed);
        }
    }
}

/// Whether standard input was closed at the start, or is not open for reading.
pub fn stdin_is_unusable() -> bool {
    is_unusable(0)
}

/// Whether standard output was closed at the start, or is not open for writing.
pub fn stdout_is_unusable() -> bool {
    is_unusable(1)
}

fn is_unusable(descriptor: RawFd) -> bool {
    UNUSABLE.load(Ordering::Relaxed) & (1 << descriptor) != 0
}

/// Returns when the reader of standard output goes away, even while nothing is written: the other end of a pipe is
/// closed, or the terminal is gone. For a file it never returns.
pub async fn stdout_has_no_reader() {
    let (gone, is_gone) = oneshot::channel();
    // The thread waits until then, or until the process ends.
    let thread = std::thread::Builder::new().name("reader".to_owned()).spawn(move || {
        if wait_for_hang_up() {
            // The receiver is gone if the command has ended.
            let _ = gone.send(());
        }
    });
    // Without the thread, the next write fails instead.
    if thread.is_err() || is_gone.await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// False if the system cannot tell.
fn wait_for_hang_up() -> bool {
    let out = std::io::stdout();
    loop {
        // Poll reports errors even if no event is requested.
        let mut polled = [PollFd::new(out.as_fd(), PollFlags::empty())];
        match poll(&mut polled, PollTimeout::NONE) {
            Ok(_) => {
                let events = polled[0].revents().unwrap_or(PollFlags::empty());
                if events.intersects(PollFlags::POLLERR | PollFlags::POLLHUP | PollFlags::POLLNVAL) {
                    return true;
                }
            }
            Err(nix::errno::Errno::EINTR) => {}
            Err(_) => return false,
        }
    }
}
