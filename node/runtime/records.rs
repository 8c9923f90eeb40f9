//! Reads that the services do outside the event loop: the final database, and the log for inspection.

use std::sync::Arc;

use bytes::Bytes;

use crate::protocol::apply::{ChangePage, Record, TooOld};
use crate::protocol::{Entry, Position};
use crate::runtime::inbox::{Completion, CompletionSender};
use crate::server::Records;
use crate::storage::{FinalDatabase, LogReader, SnapshotStore, StorageError};

pub(super) struct Stores {
    pub(super) database: Arc<dyn FinalDatabase>,
    pub(super) log: Arc<dyn LogReader>,
    pub(super) snapshots: Arc<dyn SnapshotStore>,
    pub(super) completions: CompletionSender,
}

impl Records for Stores {
    fn get(&self, key: &[u8]) -> Result<Option<Record>, String> {
        self.database.read(key).map_err(text)
    }

    fn list(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<(Vec<Record>, bool), String> {
        self.database.list(prefix, after, limit).map_err(text)
    }

    fn revision(&self) -> u64 {
        self.database.revision()
    }

    fn changes(&self, after: u64, prefix: &[u8], limit: usize) -> Result<ChangePage, TooOld> {
        self.database.changes(after, prefix, limit)
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
