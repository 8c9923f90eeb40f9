//! Intermediate data and final data on disk, the only place that names the embedded stores.
//!
//! The assignment's two kinds of data are two stores. Intermediate data is the log: durable before it is acked, read by
//! nobody but the protocol. Final data is the database that committed entries made: the only thing that a read sees. It
//! can always be rebuilt from the log.
//!
//! Neither trait shows a type of the crates behind it.

mod error;

mod disk;

mod private;

mod identity;

mod log;

mod snapshot;

mod database;

mod restored;

mod open;

mod quarantine;

mod inspect;

mod backup;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;

use crate::protocol::apply::{Applied, ChangePage, TooOld, Write};
use crate::protocol::{
    Append, Apply, Base, ChainCheck, ChunkOutcome, Entry, EntryId, Incarnation, LogPoint, Position, Promise, Restored,
    SnapshotId, WriteSnapshot,
};

pub use backup::{Backup, half_restored, read_backup, restore_backup};
pub use error::StorageError;
pub use inspect::{EntryContent, EntryState, InspectedEntry, Inspection, inspect};
pub use log::{entry_to_harm, last_list, turn_bit};
pub use open::{OpenOptions, open};
pub use quarantine::{Label, Quarantine, examine, quarantine};

/// Intermediate data and the promise. Owned by the loop: every call but [`IntermediateLog::flush`]'s completion is
/// memory and checksums only.
pub trait IntermediateLog: Send {
    fn save_promise(&mut self, promise: Promise) -> Result<(), StorageError>;

    fn append(&mut self, append: &Append) -> Result<(), StorageError>;

    /// Entries up to `base.last` may go: a durable snapshot covers them.
    fn compact(&mut self, base: &Base) -> Result<(), StorageError>;

    /// All entries go; the log begins anew after `base`, which a durable snapshot covers.
    fn replace(&mut self, base: &Base) -> Result<(), StorageError>;

    /// ChunkOutcome, so that a killed process remembers it, but not synced.
    fn record_commit(&mut self, up_to: LogPoint) -> Result<(), StorageError>;

    /// Makes everything so far durable (`fdatasync`), then calls `done` from another thread. Calls complete in order.
    fn flush(&mut self, done: FlushDone) -> Result<(), StorageError>;

    fn reader(&self) -> Arc<dyn LogReader>;
}

pub type FlushDone = Box<dyn FnOnce(Result<(), StorageError>) + Send>;

/// Reads of the log that may block on the disk: never called on the loop.
pub trait LogReader: Send + Sync {
    /// Entries from `from` to `to` (both included), in order without gaps; ends early after `bytes_max` bytes of bodies
    /// or at the end of the log, but has at least one entry if there is one at `from`.
    fn read(&self, from: Position, to: Position, bytes_max: u64) -> Result<Vec<Entry>, StorageError>;

    /// Reads everything and computes the chain of digests anew.
    fn check_chain(&self) -> Result<ChainCheck, StorageError>;
}

/// Final data: one thread applies, any thread reads.
pub trait FinalDatabase: Send + Sync {
    /// Applies the entries of several orders, in order, each batch together with the mark of what it stands for; gives
    /// what each entry came to.
    fn apply(&self, apply: &Apply) -> Result<Vec<Applied>, StorageError> {
        self.apply_telling(apply, &mut |_| ())
    }

    /// As [`FinalDatabase::apply`]; hands each change of a key to `told`, in order.
    fn apply_telling(&self, apply: &Apply, told: &mut dyn FnMut(&Write)) -> Result<Vec<Applied>, StorageError>;

    /// How many keys there are; `None` if there are more than `most`. It looks at each of them.
    fn count(&self, most: u64) -> Result<Option<u64>, StorageError>;

    fn read(&self, key: &[u8]) -> Result<Option<Record>, StorageError>;

    /// Records whose key starts with `prefix` and is greater than `after`, in the order of keys, at most `limit`; true
    /// if there are more.
    fn list(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<(Vec<Record>, bool), StorageError>;

    /// The changes of keys that start with `prefix` after that revision, in order without gaps, at most `limit`.
    fn changes(&self, after: u64, prefix: &[u8], limit: usize) -> Result<ChangePage, TooOld>;

    fn applied(&self) -> Option<LogPoint>;

    /// One more for each put, and for each delete of a key that was there.
    fn revision(&self) -> u64;

    /// Begins a snapshot of everything as it is now; nothing that is applied later is in it. One at a time.
    fn begin_snapshot(&self) -> Result<Box<dyn Dump>, StorageError>;

    /// Everything becomes what a snapshot holds. Until that is done readers get an error. Refused if more is applied
    /// already.
    fn install(&self, dump: &mut dyn Dump) -> Result<(), StorageError>;

    /// Makes what was applied durable, so that a restart need not replay it.
    fn checkpoint(&self) -> Result<(), StorageError>;

    /// Checkpoints and leaves the mark of a clean end.
    fn close(&self) -> Result<(), StorageError>;
}

/// The snapshots on the disk. Every call may take long and none is made on the loop.
pub trait SnapshotStore: Send + Sync {
    /// Writes what the dump gives; on return it is durable under its name.
    fn take(&self, base: &Base, dump: &mut dyn Dump) -> Result<SnapshotId, StorageError>;

    /// A part of a snapshot's file. With the first part the whole file is checked; `None` if it is gone or damaged.
    fn read(&self, snapshot: SnapshotId, offset: u64, bytes_max: u64) -> Result<Option<Bytes>, StorageError>;

    /// Keeps the next part of a snapshot that is received. With the last one the file is checked, made durable and
    /// named.
    fn write(&self, part: &WriteSnapshot) -> Result<ChunkOutcome, StorageError>;

    /// The snapshot whose last entry has this position.
    fn find(&self, position: Position) -> Result<Option<SnapshotId>, StorageError>;

    /// What a whole snapshot holds.
    fn open(&self, snapshot: SnapshotId) -> Result<Box<dyn Dump>, StorageError>;

    /// Removes snapshots of entries before `position`.
    fn remove_before(&self, position: Position) -> Result<(), StorageError>;

    /// Removes all but the newest, the one before it, which is used if the newest turns out to be damaged, and those
    /// that are being read.
    fn remove_superfluous(&self) -> Result<(), StorageError>;

    /// How many snapshots are being read part by part, to be sent or as a backup. Each of them stays on the disk
    /// meanwhile.
    fn being_read(&self) -> usize;
}

/// The content of a snapshot as it is read: of the database itself, which goes on changing meanwhile, or of a file. Of
/// a file nothing counts before its end was reached.
pub trait Dump: Send {
    /// What it stands for.
    fn applied(&self) -> Option<LogPoint>;

    fn revision(&self) -> u64;

    /// The next stretch of rows, as they lie in the database, in the order of keys; `None` at the end.
    fn next(&mut self) -> Result<Option<Rows>, StorageError>;
}

/// Keys and values as they lie in the database, in the order of keys.
pub type Rows = Vec<(Bytes, Bytes)>;

/// A final record, with where its last write stands in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    pub key: Bytes,
    pub value: Bytes,
    pub id: EntryId,
    pub create_revision: u64,
    pub revision: u64,
    /// How often the key was written since it was created.
    pub version: u64,
}

/// What opening a node's data folder gives.
pub struct Opened {
    pub incarnation: Incarnation,
    pub log: Box<dyn IntermediateLog>,
    pub database: Arc<dyn FinalDatabase>,
    pub snapshots: Arc<dyn SnapshotStore>,
    pub restored: Restored,
    /// What people should know, such as that the final database was rebuilt.
    pub notes: Vec<String>,
    /// What was found damaged here and moved aside, oldest first.
    pub quarantines: Vec<Quarantine>,
}
