//! The writer of a node's log: a thread of its own, so that a closed pipe, a full disk or a reader that does not read
//! neither ends nor blocks the node.
//!
//! Lines beyond the limit are dropped and counted. Lines that cannot be written are lost.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The greatest size of the waiting lines, in bytes.
const WAITING_BYTES: usize = 1 << 20;

/// Accepts lines; each write is one or more whole lines. Clones write to the same destination.
#[derive(Clone)]
pub struct LogLines {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Vec<u8>>,
    bytes: usize,
    dropped: u64,
    /// Lines that were taken out of `waiting` are not written yet.
    is_writing: bool,
}

impl LogLines {
    pub fn to(destination: impl Write + Send + 'static) -> io::Result<LogLines> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || theirs.write_all_to(destination))?;
        Ok(LogLines { shared })
    }

    /// Waits until all lines are written, at most for `time`.
    pub fn flush_within(&self, time: Duration) {
        let state = self.shared.lock();
        let busy = |state: &mut State| state.is_writing || !state.waiting.is_empty();
        // In either case the process ends now.
        drop(self.shared.changed.wait_timeout_while(state, time, busy));
    }
}

impl Write for LogLines {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let mut state = self.shared.lock();
        if state.bytes + lines.len() > WAITING_BYTES {
            state.dropped += 1;
        } else {
            state.bytes += lines.len();
            state.waiting.push_back(lines.to_vec());
            self.shared.changed.notify_all();
        }
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn write_all_to(&self, mut destination: impl Write) {
        loop {
            let (lines, dropped) = self.take();
            for line in lines {
                // A full disk may have room for the next line.
                let _ = destination.write_all(&line);
            }
            if dropped > 0 {
                let line = format!("{dropped} log lines were dropped: too many were waiting\n");
                let _ = destination.write_all(line.as_bytes());
            }
            let _ = destination.flush();
        }
    }

    /// Waits for lines and takes them all.
    fn take(&self) -> (VecDeque<Vec<u8>>, u64) {
        let mut state = self.lock();
        state.is_writing = false;
        self.changed.notify_all();
        let mut state = self
            .changed
            .wait_while(state, |state| state.waiting.is_empty() && state.dropped == 0)
            .unwrap_or_else(PoisonError::into_inner);
        state.is_writing = true;
        state.bytes = 0;
        (std::mem::take(&mut state.waiting), std::mem::take(&mut state.dropped))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No holder of the lock leaves the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A destination that takes a line when the test lets it, and reports the line.
    struct Gate {
        may: Receiver<io::Result<()>>,
        written: Sender<String>,
    }

    impl Write for Gate {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.may.recv().unwrap_or(Ok(()))?;
            let _ = self.written.send(String::from_utf8_lossy(line).trim_end().to_owned());
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn gated() -> (LogLines, Sender<io::Result<()>>, Receiver<String>) {
        let (let_through, may) = channel();
        let (written, seen) = channel();
        (LogLines::to(Gate { may, written }).expect("a thread"), let_through, seen)
    }

    #[test]
    fn a_line_that_cannot_be_written_is_lost_and_the_next_one_is_not() {
        let (mut lines, let_through, seen) = gated();
        lines.write_all(b"first\n").expect("it never fails");
        lines.write_all(b"second\n").expect("it never fails");
        let full = io::Error::from(io::ErrorKind::StorageFull);
        [Err(full), Ok(())].into_iter().for_each(|may| let_through.send(may).expect("it waits"));
        assert_eq!(seen.recv().as_deref(), Ok("second"));
        lines.flush_within(Duration::from_secs(60));
    }

    #[test]
    fn a_destination_that_takes_nothing_blocks_no_writer_and_dropped_lines_are_counted() {
        let (mut lines, let_through, seen) = gated();
        let line = [b'x'; 1024];
        // One write blocks. The lines of its batch and those after it wait, each up to the limit.
        let total = 3 * WAITING_BYTES / line.len();
        for _ in 0..total {
            lines.write_all(&line).expect("it never fails");
        }
        lines.flush_within(Duration::from_millis(1));
        drop(let_through);
        let (mut written, mut dropped) = (0, 0);
        while written + dropped < total {
            let line = seen.recv().expect("every line is written or counted");
            match line.strip_suffix(" log lines were dropped: too many were waiting") {
                Some(count) => dropped += count.parse::<usize>().expect("a count"),
                None => written += 1,
            }
        }
        assert_eq!(written + dropped, total);
        assert!(dropped >= total / 3, "{dropped} of {total}");
    }
}
