//! What the services read without the event loop: the final database, and the log for inspection.

use bytes::Bytes;

use crate::protocol::{Entry, EntryId, Position};
use crate::wire::proto;

/// Implemented by the runtime. Every method may block on the disk; `get` mostly finds its record in memory. Errors are
/// texts for people.
pub(crate) trait Records: Send + Sync + 'static {
    fn get(&self, key: &[u8]) -> Result<Option<StoredRecord>, String>;

    /// At most `limit` records with keys that start with `prefix` and are greater than `after`, in key order; true if
    /// there are more.
    fn list(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<(Vec<StoredRecord>, bool), String>;

    fn revision(&self) -> u64;

    /// At most `limit` changes after a revision, in order without gaps, and the revision up to which they are
    /// complete.
    fn changes(&self, after: u64, prefix: &[u8], limit: usize) -> Result<(Vec<ChangedRecord>, u64), ChangesGone>;

    /// A part of the snapshot at a position, and the length of the whole; `None` if it is gone or damaged.
    fn snapshot(&self, at: Position, offset: u64, bytes_max: u64) -> Result<Option<(Bytes, u64)>, String>;

    /// The number of snapshots being read, which therefore stay on the disk.
    fn snapshots_being_read(&self) -> usize {
        0
    }

    /// Entries of the log from a position on, intermediate ones too, ending early after `bytes_max`.
    fn log(&self, from: Position, to: Position, bytes_max: u64) -> Result<Vec<Entry>, String>;
}

/// A final record, with the entry that wrote it last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct StoredRecord {
    pub(crate) key: Bytes,
    pub(crate) value: Bytes,
    pub(crate) id: EntryId,
    pub(crate) create_revision: u64,
    pub(crate) revision: u64,
    pub(crate) version: u64,
}

/// A committed change: the new record, or for a deleted key an empty value and the revision of the delete.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ChangedRecord {
    pub(crate) record: StoredRecord,
    pub(crate) deleted: bool,
}

/// Changes that far back are no longer kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ChangesGone {
    /// The oldest revision that is.
    pub(crate) oldest: u64,
}

impl From<ChangedRecord> for proto::Changed {
    fn from(changed: ChangedRecord) -> proto::Changed {
        proto::Changed { record: Some(changed.record.into()), deleted: changed.deleted }
    }
}

impl From<StoredRecord> for proto::Record {
    fn from(record: StoredRecord) -> proto::Record {
        proto::Record {
            key: record.key,
            value: record.value,
            epoch: record.id.epoch.0,
            offset: record.id.offset.0,
            create_revision: record.create_revision,
            revision: record.revision,
            version: record.version,
        }
    }
}
