//! A node's simulated final database: a map, the mark of what was applied, and a hash that depends on the state alone.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::hash::{Hash, Hasher};

use bytes::Bytes;

use crate::protocol::apply::{
    self, Applied, ChangePage, History, HistoryLimits, Numbers, Records, SessionLimits, Sessions, TooOld, Write, apply,
};
use crate::protocol::{Entry, EntryId, LogPoint, Position};
use crate::verify::dice::mix;
use crate::verify::simulator::hash::TraceHasher;

#[derive(Clone, Debug)]
pub(super) struct Database {
    records: Kept,
    state: apply::State,
    applied: Option<LogPoint>,
    /// For those who watch; no part of the state.
    history: History,
    kept: HistoryLimits,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    records: BTreeMap<Bytes, (Bytes, EntryId, Numbers)>,
    /// The sum of the records' hashes: equal content, equal hash, whatever the way to it.
    hash: u64,
    /// What the last entry changed.
    changed: Vec<Write>,
}

impl Database {
    pub(super) fn new(limits: SessionLimits, kept: HistoryLimits) -> Database {
        let state = apply::State { sessions: Sessions::new(limits), ..apply::State::default() };
        Database { records: Kept::default(), state, applied: None, history: History::bounded(0, kept), kept }
    }

    /// The same data as a snapshot has them: it keeps nothing for those who watch.
    pub(super) fn without_changes(&self) -> Database {
        let history = History::bounded(self.revision(), self.kept);
        Database { records: self.records.clone(), state: self.state.clone(), history, ..*self }
    }

    /// As after an end that left the data whole.
    pub(super) fn forget_changes(&mut self) {
        self.history = History::bounded(self.revision(), self.kept);
    }

    pub(super) fn changes(&self, after: u64, prefix: &[u8], limit: usize) -> Result<ChangePage, TooOld> {
        self.history.after(after, prefix, limit)
    }

    pub(super) fn changed_last(&self) -> &[Write] {
        &self.records.changed
    }

    pub(super) fn applied(&self) -> Option<LogPoint> {
        self.applied
    }

    pub(super) fn revision(&self) -> u64 {
        self.state.revision
    }

    /// Of the whole state: records, revision and sessions.
    pub(super) fn hash(&self) -> u64 {
        let mut hasher = TraceHasher::default();
        self.records.hash.hash(&mut hasher);
        self.state.hash(&mut hasher);
        mix(hasher.finish())
    }

    /// What a file of it would be as long as.
    pub(super) fn bytes(&self) -> u64 {
        64 + self.records.records.iter().map(|(key, (value, ..))| (key.len() + value.len()) as u64).sum::<u64>()
    }

    pub(super) fn read(&self, key: &[u8]) -> Option<(&Bytes, EntryId)> {
        self.records.records.get(key).map(|(value, id, _)| (value, *id))
    }

    /// What the key holds, and the revision that wrote it.
    pub(super) fn present(&self, key: &[u8]) -> Option<(Bytes, u64)> {
        self.records.records.get(key).map(|(value, _, numbers)| (value.clone(), numbers.revision))
    }

    pub(super) fn apply(&mut self, entry: &Entry) -> Result<Applied, String> {
        if entry.position != Position::after(self.applied) {
            return Err(format!("{} at position {} is applied after {:?}", entry.id, entry.position, self.applied));
        }
        self.applied = Some(entry.point());
        self.records.changed.clear();
        let applied = apply(&mut self.state, &mut self.records, entry);
        self.state.sessions.take_touched();
        self.history.add(self.records.changed.clone());
        applied.map_err(|_| format!("{} is no command", entry.id))
    }
}

impl Records for Kept {
    type Error = Infallible;

    fn find(&self, key: &Bytes) -> Result<Option<Numbers>, Infallible> {
        Ok(self.records.get(key).map(|(_, _, numbers)| *numbers))
    }

    fn value(&self, key: &Bytes) -> Result<Option<Bytes>, Infallible> {
        Ok(self.records.get(key).map(|(value, ..)| value.clone()))
    }

    fn write(&mut self, write: Write) -> Result<(), Infallible> {
        self.changed.push(write.clone());
        let Write { key, id, record, .. } = write;
        let before = match record {
            Some((value, numbers)) => {
                self.hash = self.hash.wrapping_add(hash_of(&key, &value, id, numbers));
                self.records.insert(key.clone(), (value, id, numbers))
            }
            None => self.records.remove(&key),
        };
        if let Some((value, id, numbers)) = before {
            self.hash = self.hash.wrapping_sub(hash_of(&key, &value, id, numbers));
        }
        Ok(())
    }
}

fn hash_of(key: &[u8], value: &[u8], id: EntryId, numbers: Numbers) -> u64 {
    let mut hasher = TraceHasher::default();
    numbers.hash(&mut hasher);
    hasher.write(key);
    hasher.write_u64(id.epoch.0);
    hasher.write_u64(id.offset.0);
    hasher.write(value);
    mix(hasher.finish())
}
