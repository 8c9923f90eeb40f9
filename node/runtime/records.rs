//! Reads that the services do outside the event loop: the final database, and the log for inspection.

use std::sync::Arc;

use bytes::Bytes;

use crate::protocol::apply::{Numbers, TooOld, Write};
use crate::protocol::{Entry, Position};
use crate::runtime::inbox::{Completion, CompletionSender};
use crate::server::{ChangedRecord, ChangesGone, Records, StoredRecord};
use crate::storage::{FinalDatabase, LogReader, Record, SnapshotStore, StorageError};

pub(super) struct Stores {
    pub(super) database: Arc<dyn FinalDatabase>,
    pub(super) log: Arc<dyn LogReader>,
    pub(super) snapshots: Arc<dyn SnapshotStore>,
    pub(super) completions: CompletionSender,
}

impl Records for Stores {
    fn get(&self, key: &[u8]) -> Result<Option<StoredRecord>, String> {
        Ok(self.database.read(key).map_err(text)?.map(stored))
    }

    fn list(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<(Vec<StoredRecord>, bool), String> {
        let (records, more) = self.database.list(prefix, after, limit).map_err(text)?;
        Ok((records.into_iter().map(stored).collect(), more))
    }

    fn revision(&self) -> u64 {
        self.database.revision()
    }

    fn changes(&self, after: u64, prefix: &[u8], limit: usize) -> Result<(Vec<ChangedRecord>, u64), ChangesGone> {
        let page = self.database.changes(after, prefix, limit);
        let page = page.map_err(|TooOld { oldest }| ChangesGone { oldest })?;
        Ok((page.changes.into_iter().map(changed).collect(), page.up_to))
    }

    fn snapshot(&self, at: Position, offset: u64, bytes_max: u64) -> Result<Option<(Bytes, u64)>, String> {
        let Some(id) = self.snapshots.find(at).map_err(text)? else { return Ok(None) };
        let part = self.snapshots.read(id, offset, bytes_max).map_err(text)?;
        Ok(part.map(|part| (part, id.bytes)))
    }

    fn snapshots_being_read(&self) -> usize {
        self.snapshots.being_read()
    }

    fn log(&self, from: Position, to: Position, bytes_max: u64) -> Result<Vec<Entry>, String> {
        self.log.read(from, to, bytes_max).map_err(|error| {
            let why = text(error.clone());
            if error.is_damage() {
                // The node must stop, although only an inspection has found the damage.
                let _ = self.completions.send(Completion::Failed(error));
            }
            why
        })
    }
}

fn text(error: StorageError) -> String {
    tracing::error!("a read failed: {error}");
    error.to_string()
}

fn changed(write: Write) -> ChangedRecord {
    let Write { key, id, revision, record } = write;
    let deleted = record.is_none();
    let nothing = Numbers { create_revision: 0, revision, version: 0 };
    let (value, Numbers { create_revision, revision, version }) = record.unwrap_or((Bytes::new(), nothing));
    let record = StoredRecord { key, value, id, create_revision, revision, version };
    ChangedRecord { record, deleted }
}

fn stored(record: Record) -> StoredRecord {
    let Record { key, value, id, create_revision, revision, version } = record;
    StoredRecord { key, value, id, create_revision, revision, version }
}
