//! What the services read off the loop: the final database, and the log for inspection.

use std::sync::Arc;

use crate::protocol::{Entry, Position};
use crate::rpc::{Records, StoredRecord};
use crate::storage::{FinalDatabase, LogReader, Record, StorageError};

pub(super) struct Stores {
    pub(super) database: Arc<dyn FinalDatabase>,
    pub(super) log: Arc<dyn LogReader>,
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

    fn log(&self, from: Position, to: Position, bytes_max: u64) -> Result<Vec<Entry>, String> {
        self.log.read(from, to, bytes_max).map_err(text)
    }
}

fn text(error: StorageError) -> String {
    tracing::error!("a read failed: {error}");
    error.to_string()
}

fn stored(record: Record) -> StoredRecord {
    let Record { key, value, id, create_revision, revision, version } = record;
    StoredRecord { key, value, id, create_revision, revision, version }
}
