//! What the services read without the loop: the final database, and the log for inspection.

use bytes::Bytes;

use crate::protocol::{Entry, EntryId, Position};
use crate::wire::proto;

/// Given by whoever runs the node. All of it may block on the disk but `get`, whose records are mostly in memory. An
/// error is a text for people.
pub trait Records: Send + Sync + 'static {
    fn get(&self, key: &[u8]) -> Result<Option<StoredRecord>, String>;

    /// In the order of keys, only those after `after`; true if there are more.
    fn list(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<(Vec<StoredRecord>, bool), String>;

    fn revision(&self) -> u64;

    /// Changes after a revision, in order without gaps, at most `limit`, and up to which revision they were looked at.
    fn changes(&self, after: u64, prefix: &[u8], limit: usize) -> Result<(Vec<ChangedRecord>, u64), ChangesGone>;

    /// A part of the snapshot at a position, and the length of the whole; `None` if it is gone or damaged.
    fn snapshot(&self, at: Position, offset: u64, bytes_max: u64) -> Result<Option<(Bytes, u64)>, String>;

    /// How many snapshots are being read, and stay on the disk for that.
    fn snapshots_being_read(&self) -> usize {
        0
    }

    /// Entries of the log, intermediate ones too, from a position on, ending early after `bytes_max`.
    fn log(&self, from: Position, to: Position, bytes_max: u64) -> Result<Vec<Entry>, String>;
}

/// A final record, with where its last write stands in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredRecord {
    pub key: Bytes,
    pub value: Bytes,
    pub id: EntryId,
    pub create_revision: u64,
    pub revision: u64,
    pub version: u64,
}

/// A change that is committed: the record that it made, or of a deleted key what deleted it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangedRecord {
    pub record: StoredRecord,
    pub deleted: bool,
}

/// Changes from so far back are not kept any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChangesGone {
    /// The first revision that is.
    pub oldest: u64,
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
