//! The thread that makes entries final: it alone applies, in order, and batches what is queued.
//!
//! A batch costs the database more than its entries do. A leader's clients wait for it, so there each batch begins at
//! once; at a replica nobody waits, so there it takes what a few milliseconds bring.
//!
//! The queue needs no bound of its own: the core hands over no more than [`crate::protocol::Limits::applying_bytes`].

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
use crate::runtime::inbox::{Done, DoneSender};
use crate::storage::{Dump, FinalDatabase, SnapshotStore, StorageError};

/// What one batch has at most.
const BATCH_ENTRIES_MAX: usize = 4_096;

/// How long a replica lets entries gather: a local read is older by this at most.
const GATHER: Duration = Duration::from_millis(4);

pub(super) struct Applier {
    jobs: Sender<Job>,
    thread: JoinHandle<()>,
}

/// What the thread does, in the order in which it was asked for.
enum Job {
    Apply(Apply, Haste),
    /// All that was to be applied before is in the snapshot, and nothing else.
    TakeSnapshot(Base),
    /// All that was to be applied before is superseded by it.
    InstallSnapshot(SnapshotId),
    /// Somebody watches: what all jobs before have made of the database is told, then what each job after it changes.
    Watched,
    /// Nobody watches any more.
    Unwatched,
}

/// Whether somebody waits for the entries to be final.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Haste {
    AtOnce,
    Soon,
}

impl Applier {
    /// `revision` tells those who watch how far the database is.
    pub(super) fn start(
        database: Arc<dyn FinalDatabase>,
        snapshots: Arc<dyn SnapshotStore>,
        done: DoneSender,
        revision: watch::Sender<u64>,
    ) -> io::Result<Applier> {
        let (jobs, queue) = channel();
        let thread = std::thread::Builder::new().name("final-database".into()).spawn(move || {
            Thread { database, snapshots, done, revision, effects: FinalChanges::default() }.run(&queue)
        })?;
        Ok(Applier { jobs, thread })
    }

    pub(super) fn apply(&self, apply: Apply, haste: Haste) {
        // The thread ends early only after it has told of an error, which stops the node.
        let _ = self.jobs.send(Job::Apply(apply, haste));
        if haste == Haste::AtOnce {
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

    pub(super) fn watched(&self) {
        let _ = self.jobs.send(Job::Watched);
    }

    pub(super) fn unwatched(&self) {
        let _ = self.jobs.send(Job::Unwatched);
    }

    /// Waits until all that was queued is applied.
    pub(super) fn finish(self) {
        drop(self.jobs);
        // A panic of the thread was shown when it happened; what it left is rebuilt from the log.
        let _ = self.thread.join();
    }
}

struct Thread {
    database: Arc<dyn FinalDatabase>,
    snapshots: Arc<dyn SnapshotStore>,
    done: DoneSender,
    revision: watch::Sender<u64>,
    effects: FinalChanges,
}

impl Thread {
    /// Ends when nobody asks any more, or after an error, which stops the node.
    fn run(&mut self, queue: &Receiver<Job>) {
        let mut next = queue.recv().ok();
        while let Some(job) = next.take() {
            let goes_on = match job {
                Job::TakeSnapshot(base) => self.begin_snapshot(base),
                Job::InstallSnapshot(snapshot) => self.install_snapshot(snapshot),
                Job::Watched => self.tell(|effects, database| effects.watched(database).map(Some)),
                Job::Unwatched => {
                    self.effects.unwatched();
                    true
                }
                Job::Apply(first, haste) => {
                    if haste == Haste::Soon {
                        std::thread::park_timeout(GATHER);
                    }
                    let (batch, other) = gather(first, queue);
                    next = other;
                    self.apply(&batch)
                }
            };
            if !goes_on {
                return;
            }
            next = next.or_else(|| queue.recv().ok());
        }
    }

    fn apply(&mut self, batch: &Apply) -> bool {
        let Thread { database, effects, .. } = self;
        let up_to = batch.up_to;
        let applied = database.apply_telling(batch, &mut |write| effects.add(write));
        let failed = applied.is_err();
        self.revision.send_replace(self.database.revision());
        // Before it is told that they are final.
        if !failed && !self.tell(FinalChanges::applied) {
            return false;
        }
        self.done.send(applied.map_or_else(Done::Failed, |outcomes| Done::Applied(up_to, outcomes))).is_ok() && !failed
    }

    /// Tells those who watch. False if nobody takes what is done any more.
    fn tell(
        &mut self,
        tell: impl FnOnce(&mut FinalChanges, &dyn FinalDatabase) -> Result<Option<Fact>, StorageError>,
    ) -> bool {
        let Thread { database, effects, .. } = self;
        // sled panics rather than report some kinds of damage; a node does not end because somebody looks.
        let told = std::panic::catch_unwind(AssertUnwindSafe(|| tell(effects, &**database)));
        match told {
            Ok(Ok(fact)) => fact.is_none_or(|fact| self.done.send(Done::Altered(fact)).is_ok()),
            Ok(Err(error)) => {
                tracing::error!("the final database cannot be shown to those who watch: {error}");
                true
            }
            Err(_) => {
                tracing::error!("the final database cannot be shown to those who watch: reading it panicked");
                true
            }
        }
    }

    fn install_snapshot(&mut self, snapshot: SnapshotId) -> bool {
        let opened = self.snapshots.open(snapshot);
        let installed = opened.and_then(|mut dump| self.database.install(&mut *dump));
        let failed = installed.is_err();
        self.revision.send_replace(self.database.revision());
        if !failed && !self.tell(FinalChanges::replaced) {
            return false;
        }
        self.done.send(installed.map_or_else(Done::Failed, |()| Done::SnapshotInstalled(snapshot))).is_ok() && !failed
    }

    /// The snapshot is read and written by a thread of its own, while entries go on being applied.
    fn begin_snapshot(&self, base: Base) -> bool {
        let (snapshots, done) = (Arc::clone(&self.snapshots), self.done.clone());
        let begun = self.database.begin_snapshot().and_then(|dump| {
            let write = move || {
                let taken = take(&*snapshots, &base, dump);
                // Nobody listens any more when the node ends.
                let _ = done.send(taken.map_or_else(Done::Failed, Done::SnapshotTaken));
            };
            let thread = std::thread::Builder::new().name("snapshot".into()).spawn(write);
            thread.map(drop).map_err(|error| StorageError::Stopped(format!("no thread for a snapshot: {error}")))
        });
        match begun {
            Ok(()) => true,
            Err(error) => {
                let _ = self.done.send(Done::Failed(error));
                false
            }
        }
    }
}

fn take(snapshots: &dyn SnapshotStore, base: &Base, mut dump: Box<dyn Dump>) -> Result<SnapshotId, StorageError> {
    if dump.applied() != Some(base.last) {
        let what = format!("a snapshot of {} is to be taken, and {:?} is applied", base.last, dump.applied());
        return Err(StorageError::OutOfOrder { next: base.last.position.next(), what });
    }
    snapshots.take(base, &mut *dump)
}

/// Adds what is queued, up to the first other job.
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
    fn all_that_was_queued_is_applied_in_order_before_the_thread_ends() {
        for haste in [Haste::AtOnce, Haste::Soon] {
            let memory::Opened { database, snapshots, .. } = memory::open(1);
            let (sender, mut done) = mpsc::unbounded_channel();
            let applier = Applier::start(Arc::clone(&database), snapshots, sender, watch::Sender::new(0));
            let applier = applier.expect("a thread starts");
            let applies = puts(50);
            let last = applies.last().map(|apply| apply.up_to);
            applies.into_iter().for_each(|apply| applier.apply(apply, haste));
            applier.finish();
            let mut told = None;
            while let Ok(Done::Applied(up_to, _)) = done.try_recv() {
                assert!(told < Some(up_to.position), "{haste:?}: what is told only grows");
                told = Some(up_to.position);
            }
            assert_eq!((database.applied(), told), (last, last.map(|point| point.position)), "{haste:?}");
            let record = database.read(b"k").expect("it can be read").expect("it was written");
            assert_eq!((&record.value[..], record.version), (&b"50"[..], 50), "{haste:?}");
        }
    }
}
