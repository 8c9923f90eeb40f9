//! The thread that makes entries final: it alone applies, in order, and batches what is queued.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use crate::protocol::Apply;
use crate::runtime::inbox::{Done, DoneSender};
use crate::storage::FinalDatabase;

/// What one batch has at most.
const BATCH_ENTRIES_MAX: usize = 4_096;

pub(super) struct Applier {
    /// The queue's length is bounded by what the core has committed and not heard to be applied.
    jobs: Sender<Apply>,
    thread: JoinHandle<()>,
}

impl Applier {
    pub(super) fn start(database: Arc<dyn FinalDatabase>, done: DoneSender) -> io::Result<Applier> {
        let (jobs, queue) = channel();
        let thread = std::thread::Builder::new()
            .name("final-database".into())
            .spawn(move || apply_all(&*database, &queue, &done))?;
        Ok(Applier { jobs, thread })
    }

    pub(super) fn apply(&self, apply: Apply) {
        // The thread ends early only after it has told of an error, which stops the node.
        let _ = self.jobs.send(apply);
    }

    /// Waits until all that was queued is applied.
    pub(super) fn finish(self) {
        drop(self.jobs);
        // A panic of the thread was shown when it happened; what it left is rebuilt from the log.
        let _ = self.thread.join();
    }
}

fn apply_all(database: &dyn FinalDatabase, queue: &Receiver<Apply>, done: &DoneSender) {
    let mut next = queue.recv().ok();
    while let Some(mut batch) = next.take() {
        while batch.entries.len() < BATCH_ENTRIES_MAX
            && let Ok(more) = queue.try_recv()
        {
            batch.up_to = more.up_to;
            batch.entries.extend(more.entries);
        }
        let up_to = batch.up_to;
        let applied = database.apply(&batch);
        let failed = applied.is_err();
        if done.send(applied.map_or_else(Done::Failed, |()| Done::Applied(up_to))).is_err() || failed {
            return;
        }
        next = queue.recv().ok();
    }
}
