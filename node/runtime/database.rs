//! The thread that makes entries final. It alone writes to the final database: it applies entries in order and
//! combines queued ones into batches.
//!
//! A batch has a fixed cost that exceeds that of its entries. Clients wait for a leader's apply, so there each batch
//! begins at once. Nothing waits for a replica's, so there a batch collects what arrives within a few milliseconds.
//!
//! The queue needs no bound of its own: the core has at most [`crate::protocol::Limits::applying_bytes`] in flight.

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

use crate::protocol::trace::Fact;
use crate::protocol::{Apply, Base, SnapshotId};
use crate::runtime::final_changes::FinalChanges;
use crate::runtime::inbox::{Completion, CompletionSender};
use crate::storage::{Dump, FinalDatabase, SnapshotStore, StorageError};

/// Entries in one batch. Bounds how long a checkpoint or an observer waits for the thread.
const BATCH_ENTRIES_MAX: usize = 4_096;

/// How long a replica collects entries for a batch. A local read is stale by this much more.
const GATHER: Duration = Duration::from_millis(4);

pub(super) struct Applier {
    jobs: Sender<Job>,
    thread: JoinHandle<()>,
}

/// Jobs are done in the order in which they were queued.
enum Job {
    Apply(Apply, ApplyMode),
    /// The snapshot contains exactly what was queued before.
    TakeSnapshot(Base),
    /// The snapshot replaces everything that was queued before.
    InstallSnapshot(SnapshotId),
    /// Publishes the present rows, then what each later job changes.
    StartObserving,
    StopObserving,
}

/// Whether a client waits for the entries to be final.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ApplyMode {
    Immediate,
    Gather,
}

impl Applier {
    /// `revision` publishes the newest applied revision.
    pub(super) fn start(
        database: Arc<dyn FinalDatabase>,
        snapshots: Arc<dyn SnapshotStore>,
        completions: CompletionSender,
        revision: watch::Sender<u64>,
    ) -> io::Result<Applier> {
        let (jobs, queue) = channel();
        let thread = std::thread::Builder::new().name("final-database".into()).spawn(move || {
            ApplyThread { database, snapshots, completions, revision, changes: FinalChanges::default() }.run(&queue)
        })?;
        Ok(Applier { jobs, thread })
    }

    pub(super) fn apply(&self, apply: Apply, mode: ApplyMode) {
        // The thread ends early only after it has reported an error, which stops the node.
        let _ = self.jobs.send(Job::Apply(apply, mode));
        if mode == ApplyMode::Immediate {
            // It may still be gathering what came before.
            self.thread.thread().unpark();
        }
    }

    pub(super) fn take_snapshot(&self, base: Base) {
        let _ = self.jobs.send(Job::TakeSnapshot(base));
    }

    pub(super) fn install_snapshot(&self, snapshot: SnapshotId) {
        let _ = self.jobs.send(Job::InstallSnapshot(snapshot));
        // It may still be gathering what came before.
        self.thread.thread().unpark();
    }

    pub(super) fn start_observing(&self) {
        let _ = self.jobs.send(Job::StartObserving);
    }

    pub(super) fn stop_observing(&self) {
        let _ = self.jobs.send(Job::StopObserving);
    }

    /// Waits until everything queued is applied.
    pub(super) fn finish(self) {
        drop(self.jobs);
        // The panic hook has reported a panic of the thread. The database is then rebuilt from the log at the next
        // start.
        let _ = self.thread.join();
    }
}

struct ApplyThread {
    database: Arc<dyn FinalDatabase>,
    snapshots: Arc<dyn SnapshotStore>,
    completions: CompletionSender,
    revision: watch::Sender<u64>,
    changes: FinalChanges,
}

impl ApplyThread {
    /// Ends when the queue is closed, or after an error, which stops the node.
    fn run(&mut self, queue: &Receiver<Job>) {
        let mut next = queue.recv().ok();
        while let Some(job) = next.take() {
            let is_running = match job {
                Job::TakeSnapshot(base) => self.begin_snapshot(base),
                Job::InstallSnapshot(snapshot) => self.install_snapshot(snapshot),
                Job::StartObserving => self.publish(|changes, database| changes.start(database).map(Some)),
                Job::StopObserving => {
                    self.changes.stop();
                    true
                }
                Job::Apply(first, mode) => {
                    if mode == ApplyMode::Gather {
                        std::thread::park_timeout(GATHER);
                    }
                    let (batch, other) = gather(first, queue);
                    next = other;
                    self.apply(&batch)
                }
            };
            if !is_running {
                return;
            }
            next = next.or_else(|| queue.recv().ok());
        }
    }

    /// True if the thread continues, as for every job.
    fn apply(&mut self, batch: &Apply) -> bool {
        let ApplyThread { database, changes, .. } = self;
        let up_to = batch.up_to;
        let applied = database.apply_telling(batch, &mut |write| changes.record(write));
        self.revision.send_replace(self.database.revision());
        match applied {
            // Observers see the rows before the event that says they are final.
            Ok(outcomes) => {
                self.publish(FinalChanges::finish_batch) && self.report(Completion::Applied(up_to, outcomes))
            }
            Err(error) => self.fail(error),
        }
    }

    /// False if the event loop is gone.
    fn report(&self, completion: Completion) -> bool {
        self.completions.send(completion).is_ok()
    }

    fn fail(&self, error: StorageError) -> bool {
        self.report(Completion::Failed(error));
        false
    }

    /// Publishes a fact for observers. False if the event loop is gone.
    fn publish(
        &mut self,
        fact: impl FnOnce(&mut FinalChanges, &dyn FinalDatabase) -> Result<Option<Fact>, StorageError>,
    ) -> bool {
        let ApplyThread { database, changes, .. } = self;
        // sled panics on some kinds of damage. A node must not end because an observer looks at it.
        let fact = std::panic::catch_unwind(AssertUnwindSafe(|| fact(changes, &**database)));
        match fact {
            Ok(Ok(fact)) => fact.is_none_or(|fact| self.report(Completion::FinalChanged(fact))),
            Ok(Err(error)) => {
                tracing::error!("observers get no final data: {error}");
                true
            }
            Err(_) => {
                tracing::error!("observers get no final data: reading the database panicked");
                true
            }
        }
    }

    fn install_snapshot(&mut self, snapshot: SnapshotId) -> bool {
        let opened = self.snapshots.open(snapshot);
        let installed = opened.and_then(|mut dump| self.database.install(&mut *dump));
        self.revision.send_replace(self.database.revision());
        match installed {
            Ok(()) => self.publish(FinalChanges::replaced) && self.report(Completion::SnapshotInstalled(snapshot)),
            Err(error) => self.fail(error),
        }
    }

    /// A separate thread reads and writes the snapshot, while entries continue to be applied.
    fn begin_snapshot(&self, base: Base) -> bool {
        let (snapshots, completions) = (Arc::clone(&self.snapshots), self.completions.clone());
        let begun = self.database.begin_snapshot().and_then(|dump| {
            let write = move || {
                let taken = take(&*snapshots, &base, dump);
                // The receiver is gone during shutdown.
                let _ = completions.send(taken.map_or_else(Completion::Failed, Completion::SnapshotTaken));
            };
            let thread = std::thread::Builder::new().name("snapshot".into()).spawn(write);
            thread
                .map(drop)
                .map_err(|error| StorageError::Stopped(format!("the thread for a snapshot did not start: {error}")))
        });
        match begun {
            Ok(()) => true,
            Err(error) => self.fail(error),
        }
    }
}

fn take(snapshots: &dyn SnapshotStore, base: &Base, mut dump: Box<dyn Dump>) -> Result<SnapshotId, StorageError> {
    if dump.applied() != Some(base.last) {
        let what = format!("the core asked for a snapshot of {}, but {:?} is applied", base.last, dump.applied());
        return Err(StorageError::OutOfOrder { next: base.last.position.next(), what });
    }
    snapshots.take(base, &mut *dump)
}

/// Adds queued entries to the batch, up to the first job of another kind, which is returned.
fn gather(mut batch: Apply, queue: &Receiver<Job>) -> (Apply, Option<Job>) {
    while batch.entries.len() < BATCH_ENTRIES_MAX {
        match queue.try_recv() {
            Ok(Job::Apply(more, _)) => {
                batch.up_to = more.up_to;
                batch.entries.extend(more.entries);
            }
            other => return (batch, other.ok()),
        }
    }
    (batch, None)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::sync::mpsc;

    use super::*;
    use crate::protocol::{Change, Command, Entry, EntryId, Kind, LogPoint};
    use crate::runtime::tests::memory;

    /// Puts of one key, each with its number as the value.
    fn puts(count: u64) -> Vec<Apply> {
        let mut last: Option<LogPoint> = None;
        let next = |number: u64| {
            let change = Change::Put { key: Bytes::from_static(b"k"), value: number.to_string().into() };
            let body = Command { session: 0, sequence: 0, once: None, change }.encode();
            let entry = Entry::after(last, EntryId::new(1, number), Kind::Command, body);
            last = Some(entry.point());
            Apply { up_to: entry.point(), entries: vec![entry] }
        };
        (1..=count).map(next).collect()
    }

    #[test]
    fn everything_queued_is_applied_in_order_before_the_thread_ends() {
        for mode in [ApplyMode::Immediate, ApplyMode::Gather] {
            let memory::Opened { database, snapshots, .. } = memory::open(1);
            let (sender, mut completions) = mpsc::unbounded_channel();
            let applier = Applier::start(Arc::clone(&database), snapshots, sender, watch::Sender::new(0));
            let applier = applier.expect("a thread starts");
            let applies = puts(50);
            let last = applies.last().map(|apply| apply.up_to);
            applies.into_iter().for_each(|apply| applier.apply(apply, mode));
            applier.finish();
            let mut applied_up_to = None;
            while let Ok(Completion::Applied(up_to, _)) = completions.try_recv() {
                assert!(applied_up_to < Some(up_to.position), "{mode:?}: the position only grows");
                applied_up_to = Some(up_to.position);
            }
            assert_eq!((database.applied(), applied_up_to), (last, last.map(|point| point.position)), "{mode:?}");
            let record = database.read(b"k").expect("it can be read").expect("it was written");
            assert_eq!((&record.value[..], record.version), (&b"50"[..], 50), "{mode:?}");
        }
    }
}
