//! A storage that forgets everything at its end: a log and a database in memory, with the shape of the real ones.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;

use crate::protocol::{
    Append, Apply, ChainCheck, Change, Command, Entry, Incarnation, Kind, LogPoint, Position, Promise, Restored,
};
use crate::storage::{FinalDatabase, FlushDone, IntermediateLog, LogReader, Opened, Record, StorageError};

pub(in crate::runtime) fn open(id: u64) -> Opened {
    Opened {
        incarnation: Incarnation([id as u8; 16]),
        log: Box::new(Log::default()),
        database: Arc::new(Database::default()),
        restored: Restored::default(),
        notes: Vec::new(),
    }
}

#[derive(Clone, Default)]
struct Log {
    entries: Arc<Mutex<Vec<Entry>>>,
}

impl Log {
    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().expect("nobody panics with the log")
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
    records: BTreeMap<Bytes, Record>,
    revision: u64,
    applied: Option<LogPoint>,
}

impl Database {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with the database")
    }
}

impl State {
    fn apply(&mut self, entry: &Entry) {
        if entry.kind != Kind::Command {
            return;
        }
        let command = Command::decode(&entry.body).expect("a command is in the log");
        self.revision += 1;
        let revision = self.revision;
        match command.change {
            Change::Put { key, value } => {
                let known = self.records.get(&key);
                let create_revision = known.map_or(revision, |record| record.create_revision);
                let version = known.map_or(1, |record| record.version + 1);
                let record = Record { key: key.clone(), value, id: entry.id, create_revision, revision, version };
                self.records.insert(key, record);
            }
            Change::Delete { key } => {
                self.records.remove(&key);
            }
        }
    }
}

impl FinalDatabase for Database {
    fn apply(&self, apply: &Apply) -> Result<(), StorageError> {
        let mut state = self.state();
        apply.entries.iter().for_each(|entry| state.apply(entry));
        state.applied = Some(apply.up_to);
        Ok(())
    }

    fn read(&self, key: &[u8]) -> Result<Option<Record>, StorageError> {
        Ok(self.state().records.get(key).cloned())
    }

    fn list(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<(Vec<Record>, bool), StorageError> {
        let state = self.state();
        let later = |record: &&Record| after.is_none_or(|after| &record.key[..] > after);
        let mut found = state.records.values().filter(|record| record.key.starts_with(prefix)).filter(later);
        let page = found.by_ref().take(limit).cloned().collect();
        Ok((page, found.next().is_some()))
    }

    fn applied(&self) -> Option<LogPoint> {
        self.state().applied
    }

    fn revision(&self) -> u64 {
        self.state().revision
    }

    fn checkpoint(&self) -> Result<(), StorageError> {
        Ok(())
    }

    fn close(&self) -> Result<(), StorageError> {
        Ok(())
    }
}
