//! The thread that makes entries final: it alone applies, in order, and batches what is queued.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use crate::protocol::{Apply, Entry};
use crate::runtime::inbox::{Done, DoneSender};
use crate::storage::FinalDatabase;

/// What one batch has at most.
const BATCH_ENTRIES_MAX: usize = 4_096;

/// Beyond so many queued bytes a leader refuses writes. A known weakness: a replica whose database is slower than its
/// leader's has no such bound.
const QUEUED_BYTES_MAX: u64 = 64 << 20;

pub(super) struct Applier {
    jobs: Sender<Apply>,
    queued_bytes: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Applier {
    pub(super) fn start(database: Arc<dyn FinalDatabase>, done: DoneSender) -> io::Result<Applier> {
        let (jobs, queue) = channel();
        let queued_bytes = Arc::new(AtomicU64::new(0));
        let queued = Arc::clone(&queued_bytes);
        let thread = std::thread::Builder::new()
            .name("final-database".into())
            .spawn(move || apply_all(&*database, &queue, &queued, &done))?;
        Ok(Applier { jobs, queued_bytes, thread })
    }

    /// Whether the database falls so far behind that nothing more should be written.
    pub(super) fn is_full(&self) -> bool {
        self.queued_bytes.load(Ordering::Relaxed) > QUEUED_BYTES_MAX
    }

    pub(super) fn apply(&self, apply: Apply) {
        self.queued_bytes.fetch_add(weight(&apply), Ordering::Relaxed);
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

fn weight(apply: &Apply) -> u64 {
    apply.entries.iter().map(Entry::weight).sum()
}

fn apply_all(database: &dyn FinalDatabase, queue: &Receiver<Apply>, queued_bytes: &AtomicU64, done: &DoneSender) {
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
        queued_bytes.fetch_sub(weight(&batch), Ordering::Relaxed);
        if done.send(applied.map_or_else(Done::Failed, |()| Done::Applied(up_to))).is_err() || failed {
            return;
        }
        next = queue.recv().ok();
    }
}
