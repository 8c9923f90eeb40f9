//! What holds for the whole process from its first line on, and for all that it starts.

use nix::sys::signal::{SigHandler, Signal, signal};
use nix::sys::stat::{Mode, umask};

/// Files that this process makes are for its user alone, whatever the umask was: logs, backups, recordings and the
/// files of the embedded database hold what people have stored. And a write beyond a limit on the size of files fails
/// with an error, which is told like a full disk, where the signal would end the process without a word.
pub fn begin() {
    umask(Mode::S_IRWXG | Mode::S_IRWXO);
    // SAFETY: to ignore a signal installs no handler, so no code of ours runs in one.
    let ignored = unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn) };
    // It fails only for a signal that does not exist.
    debug_assert!(ignored.is_ok());
}
