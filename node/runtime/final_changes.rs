//! What applying does to the final database, told to those who watch: each changed row, or the first rows of all where
//! that says it better. Left out: how entries are applied and who hears of it.
//!
//! Only the thread that applies tells, between two batches: so a watcher gets the rows first and then every change to
//! them, without a gap and none twice.

use crate::protocol::apply::Write;
use crate::protocol::trace::{Fact, FinalRow};
use crate::storage::{FinalDatabase, StorageError};

/// How many rows one fact tells at most, and how many bytes of keys and values.
const ROWS_MAX: usize = 1_000;
const ROW_BYTES_MAX: usize = 256 << 10;

/// More keys are not counted: applying waits while they are, some hundred milliseconds for so many.
const KEYS_MAX: u64 = 400_000;

#[derive(Default)]
pub(super) struct FinalChanges {
    watched: bool,
    /// How many keys the database has; `None` before somebody watches, and if they are too many.
    keys: Option<u64>,
    rows: Vec<FinalRow>,
    bytes: usize,
    /// The batch changes more than one fact tells.
    too_many: bool,
}

impl FinalChanges {
    pub(super) fn unwatched(&mut self) {
        *self = FinalChanges::default();
    }

    /// Somebody watches from now on: gives the database as it is.
    pub(super) fn watched(&mut self, database: &dyn FinalDatabase) -> Result<Fact, StorageError> {
        self.watched = false;
        self.keys = database.count(KEYS_MAX)?;
        let read = self.read(database)?;
        self.watched = true;
        Ok(read)
    }

    /// Everything was replaced; gives the database as it is, if somebody watches.
    pub(super) fn replaced(&mut self, database: &dyn FinalDatabase) -> Result<Option<Fact>, StorageError> {
        self.watched.then(|| self.watched(database)).transpose()
    }

    /// A key is changed.
    pub(super) fn add(&mut self, write: &Write) {
        if !self.watched {
            return;
        }
        if let Some(keys) = &mut self.keys {
            match &write.record {
                Some((_, numbers)) => *keys += u64::from(numbers.version == 1),
                // Only a key that is there is deleted.
                None => *keys = keys.saturating_sub(1),
            }
        }
        self.too_many |= self.rows.len() == ROWS_MAX || self.bytes >= ROW_BYTES_MAX;
        if !self.too_many {
            let row = FinalRow::of(write);
            self.bytes += row.bytes();
            self.rows.push(row);
        }
    }

    /// The batch is applied: gives what is to be told of it, if somebody watches. After an error nothing more is told,
    /// since it would go on from what was not.
    pub(super) fn applied(&mut self, database: &dyn FinalDatabase) -> Result<Option<Fact>, StorageError> {
        if !self.watched {
            return Ok(None);
        }
        self.bytes = 0;
        let (rows, too_many) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.too_many));
        if too_many {
            let read = self.read(database);
            self.watched = read.is_ok();
            return read.map(Some);
        }
        Ok(Some(Fact::FinalChanged { rows, keys: self.keys }))
    }

    fn read(&self, database: &dyn FinalDatabase) -> Result<Fact, StorageError> {
        let (records, _) = database.list(b"", None, ROWS_MAX)?;
        let mut rows = Vec::with_capacity(records.len());
        let mut bytes = 0;
        for record in &records {
            let row = FinalRow::new(&record.key, Some(&record.value), record.id);
            bytes += row.bytes();
            if bytes > ROW_BYTES_MAX && !rows.is_empty() {
                break;
            }
            rows.push(row);
        }
        Ok(Fact::FinalRead { rows, keys: self.keys })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::protocol::{Apply, Change, Command, Entry, EntryId, Expect, Kind, LogPoint, Once};
    use crate::runtime::tests::memory;

    /// A database whose changes somebody watches.
    struct Watched {
        database: std::sync::Arc<dyn FinalDatabase>,
        effects: FinalChanges,
        last: Option<LogPoint>,
    }

    impl Watched {
        fn new() -> Watched {
            let mut effects = FinalChanges::default();
            let memory::Opened { database, .. } = memory::open(1);
            let told = effects.watched(&*database).expect("it is read");
            assert_eq!(told, Fact::FinalRead { rows: Vec::new(), keys: Some(0) });
            Watched { database, effects, last: None }
        }

        /// Applies the commands as one batch; gives what is told of it.
        fn apply(&mut self, commands: Vec<Command>) -> Fact {
            let mut entries = Vec::new();
            for command in commands {
                let offset = self.last.map_or(0, |last| last.id.offset.0 + 1);
                let entry = Entry::after(self.last, EntryId::new(1, offset), Kind::Command, command.encode());
                self.last = Some(entry.point());
                entries.push(entry);
            }
            let apply = Apply { up_to: self.last.expect("there is an entry"), entries };
            let effects = &mut self.effects;
            self.database.apply_telling(&apply, &mut |write| effects.add(write)).expect("it is applied");
            self.effects.applied(&*self.database).expect("it is read").expect("somebody watches")
        }

        fn change(&mut self, change: Change) -> Fact {
            self.apply(vec![Command { session: 0, sequence: 0, once: None, change }])
        }
    }

    fn bytes(text: &str) -> Bytes {
        Bytes::copy_from_slice(text.as_bytes())
    }

    fn put(key: &str, value: &str) -> Change {
        Change::Put { key: bytes(key), value: bytes(value) }
    }

    fn changed(rows: &[(&str, Option<&str>, u64)], keys: u64) -> Fact {
        let row = |(key, value, offset): &(&str, Option<&str>, u64)| {
            FinalRow::new(&bytes(key), value.map(bytes).as_ref(), EntryId::new(1, *offset))
        };
        Fact::FinalChanged { rows: rows.iter().map(row).collect(), keys: Some(keys) }
    }

    #[test]
    fn what_an_entry_did_is_told_and_not_what_it_asked_for() {
        let mut watched = Watched::new();
        assert_eq!(watched.change(put("v", "old")), changed(&[("v", Some("old"), 0)], 1));
        let (key, expect) = (bytes("v"), Expect::Value(bytes("z")));
        let refused = Change::CompareAndSet { key, expect, value: bytes("new") };
        assert_eq!(watched.change(refused), changed(&[], 1));
        let both = Change::Batch(vec![Change::Delete { key: bytes("v") }, put("b", "2"), put("b", "3")]);
        assert_eq!(watched.change(both), changed(&[("v", None, 2), ("b", Some("2"), 2), ("b", Some("3"), 2)], 1));
        assert_eq!(watched.change(Change::Delete { key: bytes("absent") }), changed(&[], 1));
    }

    #[test]
    fn a_retry_that_changes_nothing_tells_no_row() {
        let mut watched = Watched::new();
        watched.change(put("x", "0"));
        let once = Some(Once { born: 1, answered: 0 });
        let write = || Command { session: 7, sequence: 1, once, change: put("x", "1") };
        assert_eq!(watched.apply(vec![write()]), changed(&[("x", Some("1"), 1)], 1));
        watched.change(put("x", "2"));
        assert_eq!(watched.apply(vec![write()]), changed(&[], 1));
    }

    #[test]
    fn more_changes_than_one_fact_tells_are_told_as_the_database_that_they_made() {
        let mut watched = Watched::new();
        let many = (0..=ROWS_MAX).map(|number| put(&format!("k{number:06}"), "1")).collect();
        let Fact::FinalRead { rows, keys } = watched.change(Change::Batch(many)) else { panic!("it is told anew") };
        assert_eq!((rows.len(), keys), (ROWS_MAX, Some(ROWS_MAX as u64 + 1)));
        assert_eq!(watched.change(put("x", "1")), changed(&[("x", Some("1"), 1)], ROWS_MAX as u64 + 2));
        watched.effects.unwatched();
        assert_eq!(watched.effects.applied(&*watched.database), Ok(None), "nobody watches");
    }

    #[test]
    fn a_value_is_told_by_its_beginning_and_its_length() {
        let mut watched = Watched::new();
        let long = "x".repeat(5_000);
        let Fact::FinalChanged { rows, .. } = watched.change(put("k", &long)) else { panic!("a change") };
        assert_eq!((rows[0].value.as_ref().map(Bytes::len), rows[0].value_bytes), (Some(64), 5_000));
    }
}
