//! An in-memory storage: a log and a database with the interface of the real ones.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;

use crate::protocol::apply::{self, Applied, ChangePage, Numbers, Record, Records, TooOld, Write, apply};
use crate::protocol::{
    Append, Apply, Base, ChainCheck, ChunkOutcome, Entry, Incarnation, LogPoint, Position, Promise, Restored,
    SnapshotId, WriteSnapshot,
};
pub(in crate::runtime) use crate::storage::Opened;
use crate::storage::{Dump, FinalDatabase, FlushDone, IntermediateLog, LogReader, SnapshotStore, StorageError};

/// A storage that reports damage at every read of the log.
pub(in crate::runtime) fn damaged(id: u64) -> Opened {
    Opened { log: Box::new(Log { damaged: true, ..Log::default() }), ..open(id) }
}

pub(in crate::runtime) fn open(id: u64) -> Opened {
    Opened {
        incarnation: Incarnation([id as u8; 16]),
        log: Box::new(Log::default()),
        database: Arc::new(Database::default()),
        snapshots: Arc::new(NoSnapshots),
        restored: Restored::default(),
        notes: Vec::new(),
        quarantines: Vec::new(),
    }
}

#[derive(Clone, Default)]
struct Log {
    entries: Arc<Mutex<Vec<Entry>>>,
    damaged: bool,
}

impl Log {
    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().expect("no holder of the lock panics")
    }
}

impl IntermediateLog for Log {
    fn save_promise(&mut self, _: Promise) -> Result<(), StorageError> {
        Ok(())
    }

    fn append(&mut self, append: &Append) -> Result<(), StorageError> {
        let mut entries = self.entries();
        if let Some(from) = append.truncate_from {
            entries.retain(|entry| entry.position < from);
        }
        entries.extend(append.entries.iter().cloned());
        Ok(())
    }

    fn compact(&mut self, _: &Base) -> Result<(), StorageError> {
        Ok(())
    }

    fn replace(&mut self, _: &Base) -> Result<(), StorageError> {
        Ok(())
    }

    fn record_commit(&mut self, _: LogPoint) -> Result<(), StorageError> {
        Ok(())
    }

    fn flush(&mut self, done: FlushDone) -> Result<(), StorageError> {
        std::thread::spawn(move || done(Ok(())));
        Ok(())
    }

    fn reader(&self) -> Arc<dyn LogReader> {
        Arc::new(self.clone())
    }
}

impl LogReader for Log {
    fn read(&self, from: Position, to: Position, _: u64) -> Result<Vec<Entry>, StorageError> {
        if self.damaged {
            let (path, entry, what) = ("memory".into(), "e1·o0".to_owned(), "its checksum is wrong".to_owned());
            return Err(StorageError::Damaged { path, byte: 0, entry, what });
        }
        let wanted = |entry: &&Entry| (from..=to).contains(&entry.position);
        Ok(self.entries().iter().filter(wanted).cloned().collect())
    }

    fn check_chain(&self) -> Result<ChainCheck, StorageError> {
        Ok(ChainCheck::Whole)
    }
}

#[derive(Default)]
struct Database {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    records: Kept,
    state: apply::State,
    applied: Option<LogPoint>,
}

#[derive(Default)]
struct Kept {
    records: BTreeMap<Bytes, Record>,
    writes: Vec<Write>,
}

impl Records for Kept {
    type Error = std::convert::Infallible;

    fn find(&self, key: &Bytes) -> Result<Option<Numbers>, Self::Error> {
        let numbers = |record: &Record| {
            let Record { create_revision, revision, version, .. } = *record;
            Numbers { create_revision, revision, version }
        };
        Ok(self.records.get(key).map(numbers))
    }

    fn value(&self, key: &Bytes) -> Result<Option<Bytes>, Self::Error> {
        Ok(self.records.get(key).map(|record| record.value.clone()))
    }

    fn write(&mut self, write: Write) -> Result<(), Self::Error> {
        self.writes.push(write.clone());
        let Write { key, id, record, .. } = write;
        match record {
            Some((value, Numbers { create_revision, revision, version })) => {
                let record = Record { key: key.clone(), value, id, create_revision, revision, version };
                self.records.insert(key, record);
            }
            None => _ = self.records.remove(&key),
        }
        Ok(())
    }
}

impl Database {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of the lock panics")
    }
}

impl FinalDatabase for Database {
    fn apply_telling(&self, entries: &Apply, told: &mut dyn FnMut(&Write)) -> Result<Vec<Applied>, StorageError> {
        let mut kept = self.state();
        let State { records, state, applied } = &mut *kept;
        *applied = Some(entries.up_to);
        let before = records.writes.len();
        let apply = |entry: &Entry| apply(state, records, entry).expect("a command is in the log");
        let outcomes = entries.entries.iter().map(apply).collect();
        records.writes[before..].iter().for_each(told);
        Ok(outcomes)
    }

    fn count(&self, most: u64) -> Result<Option<u64>, StorageError> {
        let count = self.state().records.records.len() as u64;
        Ok((count <= most).then_some(count))
    }

    fn changes(&self, after: u64, prefix: &[u8], limit: usize) -> Result<ChangePage, TooOld> {
        let state = self.state();
        let wanted = |write: &&Write| write.revision > after && write.key.starts_with(prefix);
        let changes: Vec<_> = state.records.writes.iter().filter(wanted).take(limit).cloned().collect();
        let up_to = if changes.len() == limit { changes.last().map(|write| write.revision) } else { None };
        Ok(ChangePage { changes, up_to: up_to.unwrap_or(state.state.revision.max(after)) })
    }

    fn read(&self, key: &[u8]) -> Result<Option<Record>, StorageError> {
        Ok(self.state().records.records.get(key).cloned())
    }

    fn list(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<(Vec<Record>, bool), StorageError> {
        let state = self.state();
        let later = |record: &&Record| after.is_none_or(|after| &record.key[..] > after);
        let mut found = state.records.records.values().filter(|record| record.key.starts_with(prefix)).filter(later);
        let page = found.by_ref().take(limit).cloned().collect();
        Ok((page, found.next().is_some()))
    }

    fn applied(&self) -> Option<LogPoint> {
        self.state().applied
    }

    fn revision(&self) -> u64 {
        self.state().state.revision
    }

    fn begin_snapshot(&self) -> Result<Box<dyn Dump>, StorageError> {
        unreachable!("no test here writes as much")
    }

    fn install(&self, _: &mut dyn Dump) -> Result<(), StorageError> {
        unreachable!("no test here sends a snapshot")
    }

    fn checkpoint(&self) -> Result<(), StorageError> {
        Ok(())
    }

    fn close(&self) -> Result<(), StorageError> {
        Ok(())
    }
}

struct NoSnapshots;

impl SnapshotStore for NoSnapshots {
    fn take(&self, _: &Base, _: &mut dyn Dump) -> Result<SnapshotId, StorageError> {
        unreachable!("no test here writes as much")
    }

    fn read(&self, _: SnapshotId, _: u64, _: u64) -> Result<Option<Bytes>, StorageError> {
        Ok(None)
    }

    fn write(&self, _: &WriteSnapshot) -> Result<ChunkOutcome, StorageError> {
        unreachable!("no test here sends a snapshot")
    }

    fn find(&self, _: Position) -> Result<Option<SnapshotId>, StorageError> {
        Ok(None)
    }

    fn open(&self, _: SnapshotId) -> Result<Box<dyn Dump>, StorageError> {
        unreachable!("no test here sends a snapshot")
    }

    fn remove_before(&self, _: Position) -> Result<(), StorageError> {
        Ok(())
    }

    fn remove_superfluous(&self) -> Result<(), StorageError> {
        Ok(())
    }

    fn being_read(&self) -> usize {
        0
    }
}
