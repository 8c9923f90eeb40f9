//! Writes to the terminal without blocking the thread that handles signals.
//!
//! A terminal may accept no output for any length of time: a stopped emulator, a hanging connection, a program that
//! ended without closing it. Therefore a separate thread writes frames, one at a time, through a non-blocking file
//! description. Direct writes have a timeout.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{FlushArg, tcflush};
use tokio::sync::Notify;

/// How long the current frame may continue while the terminal is restored.
const FRAME_END: Duration = Duration::from_millis(200);

/// Timeout of a direct write.
const WRITE_TIMEOUT: Duration = Duration::from_millis(300);

/// Interval of checks during a write.
const POLL_MILLIS: u16 = 20;

static TERMINAL: OnceLock<File> = OnceLock::new();

/// A frame is being written.
static IS_BUSY: AtomicBool = AtomicBool::new(false);

/// The current frame must be abandoned.
static IS_ABANDONED: AtomicBool = AtomicBool::new(false);

/// The terminal failed. Nothing can be written any more.
static IS_CLOSED: AtomicBool = AtomicBool::new(false);

static FRAME_WRITTEN: Notify = Notify::const_new();

/// Opens the terminal of standard output again. `O_NONBLOCK` is a property of the open file description, and the shell
/// shares the one of standard output.
pub fn open() -> io::Result<()> {
    let named = nix::unistd::ttyname(io::stdout()).ok().and_then(|path| {
        // Without O_NOCTTY, a session leader without a terminal would acquire this one.
        let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        OpenOptions::new().write(true).custom_flags(flags.bits()).open(path).ok()
    });
    let file = match named {
        Some(file) => file,
        // The terminal has no name here, as in some containers. Direct writes may block then.
        None => File::from(io::stdout().as_fd().try_clone_to_owned()?),
    };
    // A second call keeps the first file.
    let _ = TERMINAL.set(file);
    Ok(())
}

/// Starts the thread that writes frames. It ends when the sender is dropped.
pub fn begin() -> io::Result<SyncSender<Vec<u8>>> {
    let (frames, wanted) = sync_channel::<Vec<u8>>(1);
    std::thread::Builder::new().name("screen".to_owned()).spawn(move || {
        for frame in wanted {
            let is_closed = write(&frame, || !IS_ABANDONED.load(Ordering::SeqCst)).is_err();
            IS_CLOSED.fetch_or(is_closed, Ordering::SeqCst);
            IS_BUSY.store(false, Ordering::SeqCst);
            FRAME_WRITTEN.notify_one();
        }
    })?;
    Ok(frames)
}

/// Whether a frame is still being written. Another one would wait for it.
pub fn is_busy() -> bool {
    IS_BUSY.load(Ordering::SeqCst)
}

/// Whether the terminal accepts output, or was never opened.
pub fn is_writable() -> bool {
    let ready = |terminal: &File| {
        let time = PollTimeout::try_from(WRITE_TIMEOUT).unwrap_or(PollTimeout::ZERO);
        poll(&mut [PollFd::new(terminal.as_fd(), PollFlags::POLLOUT)], time).is_ok_and(|ready| ready > 0)
    };
    TERMINAL.get().is_none_or(ready)
}

pub fn is_closed() -> bool {
    IS_CLOSED.load(Ordering::SeqCst)
}

/// Completes when the next frame may be sent.
pub async fn frame_written() {
    FRAME_WRITTEN.notified().await;
}

pub fn send(frames: &SyncSender<Vec<u8>>, frame: Vec<u8>) {
    IS_BUSY.store(true, Ordering::SeqCst);
    if frames.send(frame).is_err() {
        IS_CLOSED.store(true, Ordering::SeqCst);
    }
}

/// Waits briefly for the current frame, then abandons it. Output that follows must not wait for a terminal that accepts
/// none.
pub fn finish_frame() {
    if wait_until_idle(FRAME_END) {
        return;
    }
    IS_ABANDONED.store(true, Ordering::SeqCst);
    wait_until_idle(FRAME_END);
    IS_ABANDONED.store(false, Ordering::SeqCst);
    if let Some(terminal) = TERMINAL.get() {
        // Discards what is left of the abandoned frame.
        let _ = tcflush(terminal, FlushArg::TCOFLUSH);
    }
}

fn wait_until_idle(time: Duration) -> bool {
    let begun = Instant::now();
    while is_busy() && begun.elapsed() < time {
        std::thread::sleep(Duration::from_millis(5));
    }
    !is_busy()
}

/// Writes from this thread. False if the terminal did not accept it in time.
pub fn write_now(text: &[u8]) -> io::Result<bool> {
    let begun = Instant::now();
    write(text, || begun.elapsed() < WRITE_TIMEOUT)
}

fn write(mut bytes: &[u8], keeps_trying: impl Fn() -> bool) -> io::Result<bool> {
    let Some(terminal) = TERMINAL.get() else { return Ok(false) };
    while !bytes.is_empty() {
        match nix::unistd::write(terminal, bytes) {
            Ok(length) => bytes = &bytes[length..],
            Err(Errno::EAGAIN) => _ = poll(&mut [PollFd::new(terminal.as_fd(), PollFlags::POLLOUT)], POLL_MILLIS),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        if !bytes.is_empty() && !keeps_trying() {
            return Ok(false);
        }
    }
    Ok(true)
}
