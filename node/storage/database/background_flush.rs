//! Writes the buffers of the database to its files soon after each change, so that an inspection and the folder of a
//! killed node show what was applied [`FLUSH_DELAY`] ago. Left out: syncs. An idle database causes no wake-ups.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::storage::database::tree::Tree;

const FLUSH_DELAY: Duration = Duration::from_millis(300);

#[derive(Default)]
struct State {
    /// Changes are not flushed yet. Set by [`BackgroundFlush::request`], cleared by the thread before it flushes, so
    /// that a change during a flush causes another one.
    behind: bool,
    closed: bool,
}

#[derive(Default)]
struct Signal {
    state: Mutex<State>,
    changed: Condvar,
}

impl Signal {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread that flushes. Dropping it ends the thread and waits for it.
pub(crate) struct BackgroundFlush {
    signal: Arc<Signal>,
    thread: Option<JoinHandle<()>>,
}

impl BackgroundFlush {
    pub(crate) fn start(tree: Tree) -> io::Result<BackgroundFlush> {
        let signal = Arc::new(Signal::default());
        let of_thread = signal.clone();
        let thread = std::thread::Builder::new().name("final-files".into()).spawn(move || run(&of_thread, &tree))?;
        Ok(BackgroundFlush { signal, thread: Some(thread) })
    }

    /// Requests a flush after a change.
    pub(crate) fn request(&self) {
        let was_behind = std::mem::replace(&mut self.signal.state().behind, true);
        if !was_behind {
            self.signal.changed.notify_one();
        }
    }
}

impl Drop for BackgroundFlush {
    fn drop(&mut self) {
        self.signal.state().closed = true;
        self.signal.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // It panics only if the database does, which fails again at its next use.
            let _ = thread.join();
        }
    }
}

fn run(signal: &Signal, tree: &Tree) {
    let mut state = signal.state();
    loop {
        state = signal
            .changed
            .wait_while(state, |state| !state.behind && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        let waited = signal.changed.wait_timeout_while(state, FLUSH_DELAY, |state| !state.closed);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if state.closed {
            return;
        }
        state.behind = false;
        drop(state);
        // The database remembers the error: the next batch fails with it.
        let _ = tree.flush();
        state = signal.state();
    }
}
