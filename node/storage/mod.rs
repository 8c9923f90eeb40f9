//! Intermediate data and final data on disk.
//!
//! The assignment's two kinds of data are two stores. Intermediate data is the log: an entry is durable there before it
//! is acked, and only the protocol reads it. Final data is the database: committed entries applied in order, the only
//! data that a client reads. It can always be rebuilt from snapshot and log.
//!
//! # What is durable before what
//!
//! ```text
//! log/*.log       written with each flush; synced before the flush is answered, so before any ack or vote
//! identity        written and synced after the first segment exists; again once the cluster is known
//! commit          written before the entries are applied; never synced: a power cut may lose it
//! snapshot/*      synced, then named, then the log may drop what it covers
//! log/base        synced after the snapshot is durable, before segments are deleted
//! final/          written after the commit point; synced at a checkpoint and at the end
//! final.clean     synced after the last sync of final/; removed, durably, before final/ is opened
//! ```
//!
//! Damage of `log/` or `identity` moves the folder aside. A lost `commit` only means that less is known to be
//! committed. A damaged `final/` is rebuilt, a damaged snapshot replaced by an older one or by the log, as long as
//! these reach.
//!
//! Only this module names the embedded database (sled). The traits show no type of it, so the runtime and its tests can
//! put other stores in their place.

mod error;

mod disk;

mod permissions;

mod format;

mod log;

mod snapshot;

mod database;

mod open;

mod quarantine;

mod inspect;

mod backup;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;

use crate::protocol::apply::{Applied, ChangePage, Record, TooOld, Write};
use crate::protocol::{
    Append, Apply, Base, ChainCheck, ChunkOutcome, Entry, Incarnation, LogPoint, Position, Promise, Restored,
    SnapshotId, WriteSnapshot,
};

pub use backup::{Backup, read_backup, restore_backup};
pub use error::StorageError;
pub use inspect::{EntryContent, EntryState, InspectedEntry, Inspection, inspect};
pub use open::{OpenOptions, open};
pub use quarantine::{Label, Quarantine};

pub(crate) use backup::half_restored;
pub(crate) use log::{StoredBody, committed_body, last_list};
pub(crate) use open::lock::FolderLock;
pub(crate) use quarantine::{examine, quarantine};

/// Intermediate data and the promise (epoch and vote). The event loop owns it: calls only fill memory and compute
/// checksums, except [`IntermediateLog::record_commit`], which makes one write without a sync. The disk is written by
/// another thread after [`IntermediateLog::flush`].
pub trait IntermediateLog: Send {
    /// Appends a promise. It must not be less than the last one.
    fn save_promise(&mut self, promise: Promise) -> Result<(), StorageError>;

    /// Truncates the log if the operation says so, then appends its entries. They must continue the log without a
    /// gap, and nothing committed may be truncated.
    fn append(&mut self, append: &Append) -> Result<(), StorageError>;

    /// Drops entries up to `base.last`, in whole segments. A durable snapshot must cover them.
    fn compact(&mut self, base: &Base) -> Result<(), StorageError>;

    /// Drops all entries. The log continues after `base`, which a durable snapshot must cover.
    fn replace(&mut self, base: &Base) -> Result<(), StorageError>;

    /// Writes the commit point without a sync: it survives a killed process, not a power cut.
    fn record_commit(&mut self, up_to: LogPoint) -> Result<(), StorageError>;

    /// Makes everything so far durable (`fdatasync`), then calls `done` from another thread. Flushes complete in order.
    fn flush(&mut self, done: FlushDone) -> Result<(), StorageError>;

    /// A reader that also finds entries that are not written yet.
    fn reader(&self) -> Arc<dyn LogReader>;
}

/// Called with the result of a flush, from the thread of the log.
pub type FlushDone = Box<dyn FnOnce(Result<(), StorageError>) + Send>;

/// Reads of the log. They may block on the disk, so the event loop never makes them.
pub trait LogReader: Send + Sync {
    /// Entries from `from` to `to` (both included), in order without gaps. Ends early after `bytes_max` bytes of bodies
    /// or at the end of the log, but returns at least one entry if there is one at `from`.
    fn read(&self, from: Position, to: Position, bytes_max: u64) -> Result<Vec<Entry>, StorageError>;

    /// Reads all entries and recomputes the chain of digests.
    fn check_chain(&self) -> Result<ChainCheck, StorageError>;
}

/// Final data: one thread applies, any thread reads.
pub trait FinalDatabase: Send + Sync {
    /// Applies the entries of one or more commit orders. Each batch is atomic and includes the mark of its last entry.
    /// Returns the outcome of each entry.
    fn apply(&self, apply: &Apply) -> Result<Vec<Applied>, StorageError> {
        self.apply_telling(apply, &mut |_| ())
    }

    /// Like [`FinalDatabase::apply`]; passes each change of a key to `told`, in order.
    fn apply_telling(&self, apply: &Apply, told: &mut dyn FnMut(&Write)) -> Result<Vec<Applied>, StorageError>;

    /// The number of keys; `None` if there are more than `most`. Takes time proportional to the number.
    fn count(&self, most: u64) -> Result<Option<u64>, StorageError>;

    /// The record of a key; `None` if the key is absent.
    fn read(&self, key: &[u8]) -> Result<Option<Record>, StorageError>;

    /// Records whose key starts with `prefix` and is greater than `after`, in key order, at most `limit`, and whether
    /// there are more.
    fn list(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<(Vec<Record>, bool), StorageError>;

    /// Changes after a revision of keys that start with `prefix`, in order without gaps, at most `limit`. Fails with
    /// the oldest available revision if the history does not reach back that far.
    fn changes(&self, after: u64, prefix: &[u8], limit: usize) -> Result<ChangePage, TooOld>;

    /// The last applied entry.
    fn applied(&self) -> Option<LogPoint>;

    /// The number of changes so far: each put, and each delete of an existing key.
    fn revision(&self) -> u64;

    /// Begins a snapshot of the present content; entries applied later are not in it. One at a time.
    fn begin_snapshot(&self) -> Result<Box<dyn Dump>, StorageError>;

    /// Replaces the content by that of a snapshot. Meanwhile reads fail with [`StorageError::Replaced`]. Fails if the
    /// database has applied as much as the snapshot holds, or more.
    fn install(&self, dump: &mut dyn Dump) -> Result<(), StorageError>;

    /// Syncs what was applied, so that a restart need not replay it.
    fn checkpoint(&self) -> Result<(), StorageError>;

    /// Checkpoints and writes the mark of a clean shutdown.
    fn close(&self) -> Result<(), StorageError>;
}

/// The snapshots on the disk. Calls may take long, so the event loop never makes them.
pub trait SnapshotStore: Send + Sync {
    /// Writes the content of `dump` to a new snapshot. On return the file is durable under its name.
    fn take(&self, base: &Base, dump: &mut dyn Dump) -> Result<SnapshotId, StorageError>;

    /// A part of a snapshot's file. Reading the first part verifies the whole file; `None` if it is gone or damaged.
    fn read(&self, snapshot: SnapshotId, offset: u64, bytes_max: u64) -> Result<Option<Bytes>, StorageError>;

    /// Writes the next part of a snapshot that is received. After the last part the file is verified, synced and named.
    fn write(&self, part: &WriteSnapshot) -> Result<ChunkOutcome, StorageError>;

    /// The snapshot whose last entry has this position.
    fn find(&self, position: Position) -> Result<Option<SnapshotId>, StorageError>;

    /// The content of a complete snapshot.
    fn open(&self, snapshot: SnapshotId) -> Result<Box<dyn Dump>, StorageError>;

    /// Removes snapshots whose last entry is before `position`.
    fn remove_before(&self, position: Position) -> Result<(), StorageError>;

    /// Removes all snapshots except the newest two and those that are being read. The second newest is used if the
    /// newest is found damaged.
    fn remove_superfluous(&self) -> Result<(), StorageError>;

    /// The number of snapshots that are read part by part, to be sent or as a backup. They stay on the disk meanwhile.
    fn being_read(&self) -> usize;
}

/// The content of a snapshot, read in key order: from the database while it changes, or from a file. Rows of a file are
/// verified only once [`Dump::next`] has returned `None`.
pub trait Dump: Send {
    /// The last applied entry of the snapshot.
    fn applied(&self) -> Option<LogPoint>;

    /// The revision of the database at that entry.
    fn revision(&self) -> u64;

    /// The next rows; `None` at the end.
    fn next(&mut self) -> Result<Option<Rows>, StorageError>;
}

/// Rows of the database in its own encoding, in key order.
pub type Rows = Vec<(Bytes, Bytes)>;

/// An opened data folder.
pub struct Opened {
    /// The folder's incarnation.
    pub incarnation: Incarnation,
    /// Intermediate data.
    pub log: Box<dyn IntermediateLog>,
    /// Final data, applied up to `restored.committed`.
    pub database: Arc<dyn FinalDatabase>,
    /// The snapshots of the final data.
    pub snapshots: Arc<dyn SnapshotStore>,
    /// What the core gets at its start.
    pub restored: Restored,
    /// What an operator should know, such as a rebuild of the final database.
    pub notes: Vec<String>,
    /// Damaged content that was moved aside in this folder, oldest first.
    pub quarantines: Vec<Quarantine>,
}
