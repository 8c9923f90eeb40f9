//! Reads the terminal in a thread of its own and groups what arrived together.
//!
//! ```text
//!   bytes ──► Tokenizer: whole sequences, characters, pastes ──► decode: keys, clicks ──► Batch ──► app
//! ```
//!
//! Crossterm's event stream is not used. It splits a sequence that arrives in two reads into single keys, and after the
//! terminal is gone it loops in the thread that must handle signals.

mod decode;

mod tokens;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use crossterm::event::{KeyEvent, MouseEvent};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::mpsc;

use crate::console::terminal;
use tokens::Tokenizer;

/// Input with shorter gaps belongs to one batch. Typed keys have longer gaps, and the delay is not noticeable.
const TOGETHER: Duration = Duration::from_millis(6);

/// How often to check whether the terminal is in the foreground again.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Maximum number of events in a batch. A longer burst continues in the next one.
const BATCH_MAX: usize = 4_096;

/// Batches that wait for the console. When the channel is full, the input waits in the terminal.
const WAITING_MAX: usize = 16;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    Key(KeyEvent),
    Mouse(MouseEvent),
    Paste(String),
    /// A paste that exceeds the limit; its size in bytes.
    TooLong(usize),
    /// A paste without an end; the bytes that arrived.
    Unended(usize),
}

/// Input that arrived together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    pub events: Vec<Event>,
    /// Time without input before the batch.
    pub quiet: Duration,
}

/// Starts the thread that reads standard input while the terminal is in the foreground. The channel closes at the end
/// of the input. Of a paste longer than `paste_bytes_max`, only the size is reported.
pub fn begin(paste_bytes_max: usize) -> io::Result<mpsc::Receiver<Batch>> {
    let (outbox, inbox) = mpsc::channel(WAITING_MAX);
    std::thread::Builder::new().name("keyboard".to_owned()).spawn(move || {
        let stdin = io::stdin();
        // An error ends the input like its end does.
        let _ = Reader::new(outbox, paste_bytes_max).read_all(stdin.as_fd(), terminal::may_read);
    })?;
    Ok(inbox)
}

struct Reader {
    outbox: mpsc::Sender<Batch>,
    tokenizer: Tokenizer,
    events: Vec<Event>,
    /// Time of the last read.
    last: Instant,
    quiet: Duration,
}

impl Reader {
    fn new(outbox: mpsc::Sender<Batch>, paste_bytes_max: usize) -> Reader {
        let (tokenizer, last) = (Tokenizer::new(paste_bytes_max), Instant::now());
        Reader { outbox, tokenizer, events: Vec::new(), last, quiet: Duration::MAX }
    }

    /// Returns at the end of the input, or when the receiver is gone.
    fn read_all(mut self, source: BorrowedFd, may_read: impl Fn() -> bool) -> Result<(), Errno> {
        let mut bytes = [0; 4_096];
        loop {
            if self.outbox.is_closed() {
                return Ok(());
            }
            let ready = wait(source, self.patience())?;
            if ready.is_empty() {
                self.on_quiet(source)?;
                continue;
            }
            // Reading in the background would stop the process. A hangup is visible without reading.
            if !may_read() {
                if ready.intersects(PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL) {
                    return Ok(());
                }
                std::thread::sleep(LOOK_EVERY);
                continue;
            }
            match nix::unistd::read(source, &mut bytes) {
                Ok(0) => return Ok(()),
                Ok(length) => self.on_bytes(&bytes[..length]),
                Err(Errno::EINTR | Errno::EAGAIN) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// How long to wait before the current input is complete; `None` if there is none.
    fn patience(&self) -> Option<Duration> {
        let timeout = self.tokenizer.timeout();
        let together = (!self.events.is_empty()).then_some(TOGETHER);
        let least = [timeout, together].into_iter().flatten().min()?;
        Some(least.saturating_sub(self.last.elapsed()))
    }

    fn on_bytes(&mut self, bytes: &[u8]) {
        let since = self.last.elapsed();
        self.last = Instant::now();
        if self.events.is_empty() && !self.tokenizer.is_incomplete() {
            self.quiet = since;
        }
        let events = &mut self.events;
        self.tokenizer.take(bytes, &mut |token| events.extend(decode::event(token)));
        if self.events.len() >= BATCH_MAX {
            self.hand_over();
        }
    }

    fn on_quiet(&mut self, source: BorrowedFd) -> Result<(), Errno> {
        let waited = self.last.elapsed();
        // On a busy machine this thread may run late. Input that has arrived meanwhile belongs to the batch.
        if !wait(source, Some(Duration::ZERO))?.is_empty() {
            return Ok(());
        }
        if self.tokenizer.timeout().is_some_and(|timeout| waited >= timeout) {
            let events = &mut self.events;
            self.tokenizer.flush(&mut |token| events.extend(decode::event(token)));
        }
        if !self.events.is_empty() && waited >= TOGETHER {
            self.hand_over();
        }
        Ok(())
    }

    fn hand_over(&mut self) {
        let batch = Batch { events: std::mem::take(&mut self.events), quiet: self.quiet };
        self.quiet = Duration::ZERO;
        // The send fails only while the console ends.
        let _ = self.outbox.blocking_send(batch);
    }
}

/// Waits for input or its end. Without a time it waits indefinitely.
fn wait(source: BorrowedFd, time: Option<Duration>) -> Result<PollFlags, Errno> {
    let timeout = match time {
        // Rounded up: rounding down to zero would busy-wait.
        Some(time) => PollTimeout::try_from(time.as_micros().div_ceil(1_000)).unwrap_or(PollTimeout::MAX),
        None => PollTimeout::NONE,
    };
    let mut waited = [PollFd::new(source, PollFlags::POLLIN)];
    match poll(&mut waited, timeout) {
        Ok(_) => Ok(waited[0].revents().unwrap_or(PollFlags::POLLIN)),
        Err(Errno::EINTR) => Ok(PollFlags::empty()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;

    use crossterm::event::{KeyCode, KeyModifiers};

    use super::*;

    fn reading() -> (File, mpsc::Receiver<Batch>) {
        let (input, output) = nix::unistd::pipe().expect("a pipe");
        let (outbox, inbox) = mpsc::channel(WAITING_MAX);
        std::thread::spawn(move || Reader::new(outbox, 1_024).read_all(input.as_fd(), || true));
        (File::from(output), inbox)
    }

    fn key(code: KeyCode) -> Event {
        Event::Key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    #[test]
    fn a_sequence_that_arrives_in_two_reads_is_one_key() {
        let (mut keyboard, mut inbox) = reading();
        keyboard.write_all(b"\x1b").expect("it is read");
        std::thread::sleep(Duration::from_millis(5));
        keyboard.write_all(b"[6~").expect("it is read");
        assert_eq!(inbox.blocking_recv().expect("a batch").events, [key(KeyCode::PageDown)]);
        keyboard.write_all(b"\x1b").expect("it is read");
        assert_eq!(inbox.blocking_recv().expect("a batch").events, [key(KeyCode::Esc)]);
        drop(keyboard);
        assert_eq!(inbox.blocking_recv(), None);
    }

    #[test]
    fn what_is_written_at_once_is_one_batch() {
        let (mut keyboard, mut inbox) = reading();
        keyboard.write_all("kül".as_bytes()).expect("it is read");
        let batch = inbox.blocking_recv().expect("a batch");
        assert_eq!(batch.events, ['k', 'ü', 'l'].map(|letter| key(KeyCode::Char(letter))));
    }
}
