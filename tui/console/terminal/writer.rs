//! Writing to the terminal without waiting for it where signals are heard.
//!
//! A terminal may take nothing for as long as it likes: a stopped emulator, a connection that hangs, a program that has
//! ended without closing. Frames are therefore written by a thread of their own, one at a time, through a file
//! description that does not block; what must be written at once has a bound.

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

/// How long a frame that is under way may go on when the terminal is given back.
const FRAME_END: Duration = Duration::from_millis(200);

/// How long a text may take that is written at once.
const WRITE_TIMEOUT: Duration = Duration::from_millis(300);

/// Between two looks whether to go on, in milliseconds.
const POLL_MILLIS: u16 = 20;

static TERMINAL: OnceLock<File> = OnceLock::new();

/// A frame is on its way.
static IS_BUSY: AtomicBool = AtomicBool::new(false);

/// The frame on its way is to be left where it is.
static IS_ABANDONED: AtomicBool = AtomicBool::new(false);

/// Nothing can be written any more.
static IS_CLOSED: AtomicBool = AtomicBool::new(false);

static FRAME_WRITTEN: Notify = Notify::const_new();

/// The terminal of standard output, opened once more: whether writing blocks is a property of the open file, which the
/// standard output shares with the shell.
pub fn open() -> io::Result<()> {
    let named = nix::unistd::ttyname(io::stdout()).ok().and_then(|path| {
        // Without O_NOCTTY the leader of a session without a terminal would get this one.
        let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        OpenOptions::new().write(true).custom_flags(flags.bits()).open(path).ok()
    });
    let file = match named {
        Some(file) => file,
        // It has no name here, as in some containers. What is written at once then may block.
        None => File::from(io::stdout().as_fd().try_clone_to_owned()?),
    };
    // Whoever asks twice gets the first one.
    let _ = TERMINAL.set(file);
    Ok(())
}

/// The thread that writes frames, from here on; it ends with the sender.
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

/// Whether the last frame is still being written; another one would wait behind it.
pub fn is_busy() -> bool {
    IS_BUSY.load(Ordering::SeqCst)
}

/// Whether the terminal takes what is printed without further care; true, too, if it was never taken.
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

/// Ends when the next frame may come.
pub async fn frame_written() {
    FRAME_WRITTEN.notified().await;
}

pub fn send(frames: &SyncSender<Vec<u8>>, frame: Vec<u8>) {
    IS_BUSY.store(true, Ordering::SeqCst);
    if frames.send(frame).is_err() {
        IS_CLOSED.store(true, Ordering::SeqCst);
    }
}

/// Lets the frame that is under way end, but not for long: what is written after it must not wait for a terminal that
/// takes nothing.
pub fn finish_frame() {
    if wait_until_idle(FRAME_END) {
        return;
    }
    IS_ABANDONED.store(true, Ordering::SeqCst);
    wait_until_idle(FRAME_END);
    IS_ABANDONED.store(false, Ordering::SeqCst);
    if let Some(terminal) = TERMINAL.get() {
        // What the terminal has not taken by now is part of a picture that is not wanted any more.
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

/// Writes a text from this thread; false if the terminal does not take it.
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
