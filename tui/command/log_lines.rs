//! Where a node's log lines go: to a thread that writes them, so that a log whose reader is gone, whose disk is full,
//! or whose pipe nobody empties never ends or holds up the node.
//!
//! Lines that find no room are left out and counted; lines that cannot be written are lost.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many bytes of lines wait at most.
const WAITING_BYTES: usize = 1 << 20;

/// Takes lines; each write is one or more whole lines. Clones write to the same place.
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
    left_out: u64,
    /// What was taken out of `waiting` is not written yet.
    is_writing: bool,
}

impl LogLines {
    pub fn to(place: impl Write + Send + 'static) -> io::Result<LogLines> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || theirs.write_all_to(place))?;
        Ok(LogLines { shared })
    }

    /// Waits until what was logged is written, but no longer than this.
    pub fn flush_within(&self, time: Duration) {
        let state = self.shared.lock();
        let busy = |state: &mut State| state.is_writing || !state.waiting.is_empty();
        // Whether it was in time makes no difference: the process ends.
        drop(self.shared.changed.wait_timeout_while(state, time, busy));
    }
}

impl Write for LogLines {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let mut state = self.shared.lock();
        if state.bytes + lines.len() > WAITING_BYTES {
            state.left_out += 1;
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
    fn write_all_to(&self, mut place: impl Write) {
        loop {
            let (lines, left_out) = self.take();
            for line in lines {
                // A full disk may have room again for the next one.
                let _ = place.write_all(&line);
            }
            if left_out > 0 {
                let _ = place.write_all(format!("{left_out} log lines were left out: there was no room\n").as_bytes());
            }
            let _ = place.flush();
        }
    }

    /// Waits for lines and takes them all.
    fn take(&self) -> (VecDeque<Vec<u8>>, u64) {
        let mut state = self.lock();
        state.is_writing = false;
        self.changed.notify_all();
        let mut state = self
            .changed
            .wait_while(state, |state| state.waiting.is_empty() && state.left_out == 0)
            .unwrap_or_else(PoisonError::into_inner);
        state.is_writing = true;
        state.bytes = 0;
        (std::mem::take(&mut state.waiting), std::mem::take(&mut state.left_out))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A place that takes a line when it is let, and says which.
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
    fn a_place_that_takes_nothing_holds_nobody_up_and_what_was_left_out_is_counted() {
        let (mut lines, let_through, seen) = gated();
        let line = [b'x'; 1024];
        // One is being written, which never ends; the rest waits, up to the bound.
        for _ in 0..3 * WAITING_BYTES / line.len() {
            lines.write_all(&line).expect("it never fails");
        }
        lines.flush_within(Duration::from_millis(1));
        drop(let_through);
        let last = seen.iter().find(|line| line.contains("left out")).expect("a count");
        assert!(last.split(' ').next().and_then(|count| count.parse::<u64>().ok()) > Some(1_000), "{last}");
    }
}
