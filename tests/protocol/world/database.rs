//! A simulated final database: a map, its revision, and the mark of what was applied.
//!
//! It asserts what a real one would be damaged by: an entry applied twice, left out, or out of order.

use std::collections::BTreeMap;

use bytes::Bytes;

use epoca::protocol::{Change, Command, Entry, EntryId, Kind, LogPoint, Position};

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Database {
    records: BTreeMap<Bytes, (Bytes, EntryId)>,
    revision: u64,
    applied: Option<LogPoint>,
}

impl Database {
    /// What a log's beginning makes, the only thing that a database may ever be.
    pub fn of(entries: &[Entry]) -> Database {
        let mut database = Database::default();
        database.apply(entries);
        database
    }

    pub fn apply(&mut self, entries: &[Entry]) {
        for entry in entries {
            assert_eq!(entry.position, Position::after(self.applied), "{} is applied out of turn", entry.id);
            self.applied = Some(entry.point());
            if entry.kind == Kind::Command {
                let command = Command::decode(&entry.body).expect("a command that was committed decodes");
                self.change(command.change, entry.id);
            }
        }
    }

    fn change(&mut self, change: Change, id: EntryId) {
        self.revision += 1;
        match change {
            Change::Put { key, value } => self.records.insert(key, (value, id)),
            Change::Delete { key } => self.records.remove(&key),
        };
    }

    pub fn applied(&self) -> Option<LogPoint> {
        self.applied
    }

    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn records(&self) -> impl Iterator<Item = (&Bytes, &(Bytes, EntryId))> {
        self.records.iter()
    }

    pub fn read(&self, key: &str) -> Option<(&Bytes, EntryId)> {
        self.records.get(key.as_bytes()).map(|(value, id)| (value, *id))
    }
}
