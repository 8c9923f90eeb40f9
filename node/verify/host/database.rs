//! A simulated final database: records, revision, sessions, the position of the last applied entry, and the recent
//! changes for those who watch. What an entry does is the product's own code (`protocol::apply`).

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::hash::{Hash, Hasher};

use bytes::Bytes;

use crate::protocol::apply::{
    self, Applied, ChangePage, History, HistoryLimits, Numbers, Records, SessionLimits, Sessions, TooOld, Write, apply,
};
use crate::protocol::{Entry, EntryId, LogPoint, Position};
use crate::verify::hash::TraceHasher;
use crate::verify::rng::mix;

/// Bytes that the file of a snapshot has besides its records.
const FILE_BYTES: u64 = 64;

/// Two databases are equal if they show readers the same and answer every later write in the same way. The history of
/// changes is no part of that: a database that comes from a snapshot has none.
#[derive(Clone, Debug)]
pub struct Database {
    rows: Rows,
    state: apply::State,
    applied: Option<LogPoint>,
    history: History,
    limits: HistoryLimits,
}

#[derive(Clone, Debug, Default)]
struct Rows {
    rows: BTreeMap<Bytes, (Bytes, EntryId, Numbers)>,
    /// The wrapping sum of the rows' hashes: equal rows have equal sums, in whatever order they were written.
    hash: u64,
    /// What the last entry changed.
    changed: Vec<Write>,
}

impl Default for Database {
    fn default() -> Database {
        Database::new(SessionLimits::default(), HistoryLimits::default())
    }
}

impl PartialEq for Database {
    fn eq(&self, other: &Database) -> bool {
        (&self.rows.rows, &self.state, self.applied) == (&other.rows.rows, &other.state, other.applied)
    }
}

impl Database {
    /// An empty database.
    pub fn new(sessions: SessionLimits, limits: HistoryLimits) -> Database {
        let state = apply::State { sessions: Sessions::new(sessions), ..apply::State::default() };
        Database { rows: Rows::default(), state, applied: None, history: History::bounded(0, limits), limits }
    }

    /// A copy without the history, as a snapshot stores it.
    pub fn without_history(&self) -> Database {
        let history = History::bounded(self.revision(), self.limits);
        Database { rows: self.rows.clone(), state: self.state.clone(), history, ..*self }
    }

    /// As after a clean shutdown and a start: the data are the same, the history is empty.
    pub fn forget_history(&mut self) {
        self.history = History::bounded(self.revision(), self.limits);
    }

    /// Changes after a revision, see [`History::after`].
    pub fn changes(&self, after: u64, prefix: &[u8], limit: usize) -> Result<ChangePage, TooOld> {
        self.history.after(after, prefix, limit)
    }

    /// What the last entry changed.
    pub fn last_changes(&self) -> &[Write] {
        &self.rows.changed
    }

    /// The last applied entry.
    pub fn applied(&self) -> Option<LogPoint> {
        self.applied
    }

    /// The number of changes so far, see [`apply::State::revision`].
    pub fn revision(&self) -> u64 {
        self.state.revision
    }

    /// A hash of the whole state: records, revision and sessions.
    pub fn hash(&self) -> u64 {
        let mut hasher = TraceHasher::default();
        self.rows.hash.hash(&mut hasher);
        self.state.hash(&mut hasher);
        mix(hasher.finish())
    }

    /// The size of a snapshot of it.
    pub fn file_bytes(&self) -> u64 {
        FILE_BYTES + self.rows.rows.iter().map(|(key, (value, ..))| (key.len() + value.len()) as u64).sum::<u64>()
    }

    /// All records by key: the value, and the entry that wrote it.
    pub fn records(&self) -> impl Iterator<Item = (&Bytes, (&Bytes, EntryId))> {
        self.rows.rows.iter().map(|(key, (value, id, _))| (key, (value, *id)))
    }

    /// The value of a key, and the entry that wrote it.
    pub fn read(&self, key: impl AsRef<[u8]>) -> Option<(&Bytes, EntryId)> {
        self.rows.rows.get(key.as_ref()).map(|(value, id, _)| (value, *id))
    }

    /// The value of a key, and the revision that wrote it.
    pub fn value_and_revision(&self, key: impl AsRef<[u8]>) -> Option<(Bytes, u64)> {
        self.rows.rows.get(key.as_ref()).map(|(value, _, numbers)| (value.clone(), numbers.revision))
    }

    /// `Err`: the entry is not the next one, or its body is no command.
    pub fn apply(&mut self, entry: &Entry) -> Result<Applied, String> {
        if entry.position != Position::after(self.applied) {
            return Err(format!("{} at position {} is applied after {:?}", entry.id, entry.position, self.applied));
        }
        self.applied = Some(entry.point());
        self.rows.changed.clear();
        let applied = apply(&mut self.state, &mut self.rows, entry);
        self.state.sessions.take_touched();
        self.history.add(self.rows.changed.clone());
        applied.map_err(|_| format!("{} is no command", entry.id))
    }

    /// Applies entries in order; returns the outcome of each.
    pub fn apply_all<'a>(&mut self, entries: impl IntoIterator<Item = &'a Entry>) -> Result<Vec<Applied>, String> {
        entries.into_iter().map(|entry| self.apply(entry)).collect()
    }
}

impl Records for Rows {
    type Error = Infallible;

    fn find(&self, key: &Bytes) -> Result<Option<Numbers>, Infallible> {
        Ok(self.rows.get(key).map(|(_, _, numbers)| *numbers))
    }

    fn value(&self, key: &Bytes) -> Result<Option<Bytes>, Infallible> {
        Ok(self.rows.get(key).map(|(value, ..)| value.clone()))
    }

    fn write(&mut self, write: Write) -> Result<(), Infallible> {
        self.changed.push(write.clone());
        let Write { key, id, record, .. } = write;
        let before = match record {
            Some((value, numbers)) => {
                self.hash = self.hash.wrapping_add(row_hash(&key, &value, id, numbers));
                self.rows.insert(key.clone(), (value, id, numbers))
            }
            None => self.rows.remove(&key),
        };
        if let Some((value, id, numbers)) = before {
            self.hash = self.hash.wrapping_sub(row_hash(&key, &value, id, numbers));
        }
        Ok(())
    }
}

fn row_hash(key: &[u8], value: &[u8], id: EntryId, numbers: Numbers) -> u64 {
    let mut hasher = TraceHasher::default();
    numbers.hash(&mut hasher);
    hasher.write(key);
    hasher.write_u64(id.epoch.0);
    hasher.write_u64(id.offset.0);
    hasher.write(value);
    mix(hasher.finish())
}
