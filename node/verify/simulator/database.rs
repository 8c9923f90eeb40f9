//! A node's simulated final database: a map, the mark of what was applied, and a hash that depends on the content alone.

use std::collections::BTreeMap;
use std::hash::Hasher;

use bytes::Bytes;

use crate::protocol::{Change, Command, Entry, EntryId, Kind, LogPoint, Position};
use crate::verify::dice::mix;
use crate::verify::simulator::hash::TraceHasher;

#[derive(Clone, Debug, Default)]
pub(super) struct Database {
    records: BTreeMap<Bytes, (Bytes, EntryId)>,
    applied: Option<LogPoint>,
    /// The sum of the records' hashes: equal content, equal hash, whatever the way to it.
    hash: u64,
}

impl Database {
    pub(super) fn of(entries: &[Entry]) -> Database {
        let mut database = Database::default();
        for entry in entries {
            database.apply(entry).expect("a log without gaps applies without gaps");
        }
        database
    }

    pub(super) fn applied(&self) -> Option<LogPoint> {
        self.applied
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) fn read(&self, key: &[u8]) -> Option<&(Bytes, EntryId)> {
        self.records.get(key)
    }

    pub(super) fn apply(&mut self, entry: &Entry) -> Result<(), String> {
        if entry.position != Position::after(self.applied) {
            return Err(format!("{} at position {} is applied after {:?}", entry.id, entry.position, self.applied));
        }
        self.applied = Some(entry.point());
        if entry.kind == Kind::Opening {
            return Ok(());
        }
        let command = Command::decode(&entry.body).ok_or(format!("{} is no command", entry.id))?;
        let key = command.change.key().clone();
        let before = match command.change {
            Change::Put { value, .. } => {
                self.hash = self.hash.wrapping_add(hash_of(&key, &value, entry.id));
                self.records.insert(key.clone(), (value, entry.id))
            }
            Change::Delete { .. } => self.records.remove(&key),
        };
        if let Some((value, id)) = before {
            self.hash = self.hash.wrapping_sub(hash_of(&key, &value, id));
        }
        Ok(())
    }
}

fn hash_of(key: &[u8], value: &[u8], id: EntryId) -> u64 {
    let mut hasher = TraceHasher::default();
    hasher.write(key);
    hasher.write_u64(id.epoch.0);
    hasher.write_u64(id.offset.0);
    hasher.write(value);
    mix(hasher.finish())
}
