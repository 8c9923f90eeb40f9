//! What applying does to the final database, as facts for observers: each changed row, or the first rows of the
//! database where a batch changes too many. How entries are applied is in `database`.
//!
//! Only the applying thread calls this, between two batches. So an observer gets the rows first and then every change
//! to them, without a gap or a repetition.

use crate::protocol::apply::Write;
use crate::protocol::trace::{Fact, FinalRow};
use crate::storage::{FinalDatabase, StorageError};

/// Bounds of one fact: rows, and bytes of their keys and values. One fact is one message to each observer.
const ROWS_MAX: usize = 1_000;
const ROW_BYTES_MAX: usize = 256 << 10;

/// Above this, keys are not counted: applying stops meanwhile, for some hundred milliseconds at this number.
const KEYS_MAX: u64 = 400_000;

#[derive(Default)]
pub(super) struct FinalChanges {
    observed: bool,
    /// The number of keys; `None` without observers, or if there are too many to count.
    keys: Option<u64>,
    /// The rows of the batch so far. Bound: [`ROWS_MAX`] and [`ROW_BYTES_MAX`]; emptied with each batch.
    rows: Vec<FinalRow>,
    bytes: usize,
    /// The batch exceeds the bounds of one fact.
    too_many: bool,
}

impl FinalChanges {
    pub(super) fn stop(&mut self) {
        *self = FinalChanges::default();
    }

    /// Starts observation; returns the present rows.
    pub(super) fn start(&mut self, database: &dyn FinalDatabase) -> Result<Fact, StorageError> {
        self.observed = false;
        self.keys = database.count(KEYS_MAX)?;
        let read = self.read(database)?;
        self.observed = true;
        Ok(read)
    }

    /// The whole content was replaced. Returns the present rows if there are observers.
    pub(super) fn replaced(&mut self, database: &dyn FinalDatabase) -> Result<Option<Fact>, StorageError> {
        self.observed.then(|| self.start(database)).transpose()
    }

    /// Records the change of one key.
    pub(super) fn record(&mut self, write: &Write) {
        if !self.observed {
            return;
        }
        if let Some(keys) = &mut self.keys {
            match &write.record {
                Some((_, numbers)) => *keys += u64::from(numbers.version == 1),
                // A delete of an absent key is no change and never comes here.
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

    /// The batch is applied. Returns its fact if there are observers. After an error observation stops, because later
    /// changes would build on rows that no observer has.
    pub(super) fn finish_batch(&mut self, database: &dyn FinalDatabase) -> Result<Option<Fact>, StorageError> {
        if !self.observed {
            return Ok(None);
        }
        self.bytes = 0;
        let (rows, too_many) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.too_many));
        if too_many {
            let read = self.read(database);
            self.observed = read.is_ok();
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

    /// A database with an observer.
    struct Observed {
        database: std::sync::Arc<dyn FinalDatabase>,
        changes: FinalChanges,
        last: Option<LogPoint>,
    }

    impl Observed {
        fn new() -> Observed {
            let mut changes = FinalChanges::default();
            let memory::Opened { database, .. } = memory::open(1);
            let fact = changes.start(&*database).expect("it is read");
            assert_eq!(fact, Fact::FinalRead { rows: Vec::new(), keys: Some(0) });
            Observed { database, changes, last: None }
        }

        /// Applies the commands as one batch; returns its fact.
        fn apply(&mut self, commands: Vec<Command>) -> Fact {
            let mut entries = Vec::new();
            for command in commands {
                let offset = self.last.map_or(0, |last| last.id.offset.0 + 1);
                let entry = Entry::after(self.last, EntryId::new(1, offset), Kind::Command, command.encode());
                self.last = Some(entry.point());
                entries.push(entry);
            }
            let apply = Apply { up_to: self.last.expect("there is an entry"), entries };
            let changes = &mut self.changes;
            self.database.apply_telling(&apply, &mut |write| changes.record(write)).expect("it is applied");
            self.changes.finish_batch(&*self.database).expect("it is read").expect("there is an observer")
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
    fn facts_report_what_an_entry_did_and_not_what_it_asked_for() {
        let mut observed = Observed::new();
        assert_eq!(observed.change(put("v", "old")), changed(&[("v", Some("old"), 0)], 1));
        let (key, expect) = (bytes("v"), Expect::Value(bytes("z")));
        let refused = Change::CompareAndSet { key, expect, value: bytes("new") };
        assert_eq!(observed.change(refused), changed(&[], 1));
        let both = Change::Batch(vec![Change::Delete { key: bytes("v") }, put("b", "2"), put("b", "3")]);
        assert_eq!(observed.change(both), changed(&[("v", None, 2), ("b", Some("2"), 2), ("b", Some("3"), 2)], 1));
        assert_eq!(observed.change(Change::Delete { key: bytes("absent") }), changed(&[], 1));
    }

    #[test]
    fn a_retry_that_changes_nothing_reports_no_row() {
        let mut observed = Observed::new();
        observed.change(put("x", "0"));
        let once = Some(Once { born: 1, answered: 0 });
        let write = || Command { session: 7, sequence: 1, once, change: put("x", "1") };
        assert_eq!(observed.apply(vec![write()]), changed(&[("x", Some("1"), 1)], 1));
        observed.change(put("x", "2"));
        assert_eq!(observed.apply(vec![write()]), changed(&[], 1));
    }

    #[test]
    fn more_changes_than_fit_one_fact_are_reported_as_the_whole_database() {
        let mut observed = Observed::new();
        let many = (0..=ROWS_MAX).map(|number| put(&format!("k{number:06}"), "1")).collect();
        let Fact::FinalRead { rows, keys } = observed.change(Change::Batch(many)) else { panic!("all rows are read") };
        assert_eq!((rows.len(), keys), (ROWS_MAX, Some(ROWS_MAX as u64 + 1)));
        assert_eq!(observed.change(put("x", "1")), changed(&[("x", Some("1"), 1)], ROWS_MAX as u64 + 2));
        observed.changes.stop();
        assert_eq!(observed.changes.finish_batch(&*observed.database), Ok(None), "there is no observer");
    }

    #[test]
    fn a_value_is_shown_by_its_beginning_and_its_length() {
        let mut observed = Observed::new();
        let long = "x".repeat(5_000);
        let Fact::FinalChanged { rows, .. } = observed.change(put("k", &long)) else { panic!("a change") };
        assert_eq!((rows[0].value.as_ref().map(Bytes::len), rows[0].value_bytes), (Some(64), 5_000));
    }
}
