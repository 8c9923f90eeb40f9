//! Keeps the files of the database close behind its readers: what was applied reaches the operating system within
//! [`LAG`], so that a look from outside and the folder of a killed node show it. Nothing is synced here, and an idle
//! database wakes nobody.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::storage::database::tree::Tree;

const LAG: Duration = Duration::from_millis(300);

#[derive(Default)]
struct State {
    behind: bool,
    closed: bool,
}

#[derive(Default)]
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread that writes; dropping it ends and awaits it.
pub(crate) struct Lag {
    gate: Arc<Gate>,
    thread: Option<JoinHandle<()>>,
}

impl Lag {
    pub(crate) fn start(tree: Tree) -> io::Result<Lag> {
        let gate = Arc::new(Gate::default());
        let of_thread = gate.clone();
        let thread = std::thread::Builder::new().name("final-files".into()).spawn(move || run(&of_thread, &tree))?;
        Ok(Lag { gate, thread: Some(thread) })
    }

    /// Something was applied.
    pub(crate) fn is_behind(&self) {
        let was_behind = std::mem::replace(&mut self.gate.state().behind, true);
        if !was_behind {
            self.gate.changed.notify_one();
        }
    }
}

impl Drop for Lag {
    fn drop(&mut self) {
        self.gate.state().closed = true;
        self.gate.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // It only ever panics with the database, which says so at its next use.
            let _ = thread.join();
        }
    }
}

fn run(gate: &Gate, tree: &Tree) {
    let mut state = gate.state();
    loop {
        state = gate
            .changed
            .wait_while(state, |state| !state.behind && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        let waited = gate.changed.wait_timeout_while(state, LAG, |state| !state.closed);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if state.closed {
            return;
        }
        state.behind = false;
        drop(state);
        // An error stays with the database: the next batch meets it.
        let _ = tree.flush();
        state = gate.state();
    }
}
