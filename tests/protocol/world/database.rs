//! A simulated final database: a map, its revision, and the mark of what was applied.
//!
//! It asserts what a real one would be damaged by: an entry applied twice, left out, or out of order.

use std::collections::BTreeMap;
use std::convert::Infallible;

use bytes::Bytes;

use epoca::protocol::apply::{self, Applied, Numbers, Records, Sessions, Write, apply};
use epoca::protocol::{Entry, EntryId, LogPoint, Position};

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Database {
    records: Kept,
    state: apply::State,
    applied: Option<LogPoint>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct Kept(BTreeMap<Bytes, (Bytes, EntryId, Numbers)>);

impl Records for Kept {
    type Error = Infallible;

    fn find(&self, key: &Bytes) -> Result<Option<Numbers>, Infallible> {
        Ok(self.0.get(key).map(|(_, _, numbers)| *numbers))
    }

    fn value(&self, key: &Bytes) -> Result<Option<Bytes>, Infallible> {
        Ok(self.0.get(key).map(|(value, ..)| value.clone()))
    }

    fn write(&mut self, write: Write) -> Result<(), Infallible> {
        let Write { key, id, record, .. } = write;
        match record {
            Some((value, numbers)) => self.0.insert(key, (value, id, numbers)),
            None => self.0.remove(&key),
        };
        Ok(())
    }
}

impl Database {
    /// What a log's beginning makes, the only thing that a database may ever be.
    pub fn of(entries: &[Entry]) -> Database {
        let mut database = Database::default();
        database.apply(entries);
        database
    }

    /// An empty one with other bounds on its sessions.
    pub fn bounded(limits: apply::SessionLimits) -> Database {
        let state = apply::State { sessions: Sessions::new(limits), ..apply::State::default() };
        Database { state, ..Database::default() }
    }

    /// Gives what each entry came to.
    pub fn apply(&mut self, entries: &[Entry]) -> Vec<Applied> {
        let apply_one = |entry: &Entry| {
            assert_eq!(entry.position, Position::after(self.applied), "{} is applied out of turn", entry.id);
            self.applied = Some(entry.point());
            apply(&mut self.state, &mut self.records, entry).expect("a command that was committed decodes")
        };
        entries.iter().map(apply_one).collect()
    }

    pub fn applied(&self) -> Option<LogPoint> {
        self.applied
    }

    pub fn revision(&self) -> u64 {
        self.state.revision
    }

    pub fn records(&self) -> impl Iterator<Item = (&Bytes, (&Bytes, EntryId))> {
        self.records.0.iter().map(|(key, (value, id, _))| (key, (value, *id)))
    }

    pub fn read(&self, key: &str) -> Option<(&Bytes, EntryId)> {
        self.records.0.get(key.as_bytes()).map(|(value, id, _)| (value, *id))
    }
}
