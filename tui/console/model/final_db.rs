//! A node's final database, built from its events: the first rows when the console connects, then every row that an
//! applied entry changes. It therefore matches `epoca list` at that node, also where an entry had no effect.
//!
//! The number of keys is bounded, and a key outside of the known range is unknown, not absent. Nodes send only the
//! beginning of a value.

use std::collections::BTreeMap;

use bytes::Bytes;
use epoca::protocol::EntryId;
use epoca::protocol::trace::{Fact, FinalRow};

use crate::console::model::Model;

/// Keys that are kept. Beyond it, the ones reported longest ago are dropped.
pub const KEYS_MAX: usize = 10_000;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredRow {
    /// The beginning of the value.
    pub value: Bytes,
    /// Size of the whole value in bytes.
    pub value_bytes: u64,
    pub entry: EntryId,
    /// Position in the order of reports.
    serial: u64,
}

/// What is known about a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lookup<'a> {
    Row(&'a StoredRow),
    Absent,
    /// The node has not reported it.
    Unknown,
}

#[derive(Clone, Debug, Default)]
pub struct FinalDb {
    keys: BTreeMap<Bytes, StoredRow>,
    /// Keys by serial; the first is dropped first.
    order: BTreeMap<u64, Bytes>,
    last: u64,
    /// The node has sent its first rows.
    is_known: bool,
    /// Number of keys in the database; `None` if the node has not counted them.
    total: Option<u64>,
    /// All keys below this one are known; `None` if all keys are.
    complete_below: Option<Bytes>,
}

impl FinalDb {
    pub fn keys(&self) -> &BTreeMap<Bytes, StoredRow> {
        &self.keys
    }

    /// Whether the node has sent its first rows since the console connected.
    pub fn is_known(&self) -> bool {
        self.is_known
    }

    /// Number of keys in the database; `None` if the node has not counted them.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// Whether all keys are known.
    pub fn is_complete(&self) -> bool {
        self.total == Some(self.keys.len() as u64)
    }

    pub fn find(&self, key: &Bytes) -> Lookup<'_> {
        match self.keys.get(key) {
            Some(row) => Lookup::Row(row),
            None if self.is_known && self.complete_below.as_ref().is_none_or(|end| key < end) => Lookup::Absent,
            None => Lookup::Unknown,
        }
    }

    /// Applies a fact. True if the visible content changed and no other fact reports it.
    pub fn fold(&mut self, fact: &Fact) -> bool {
        match fact {
            Fact::FinalRead { rows, keys } => {
                *self = FinalDb { is_known: true, last: self.last, ..FinalDb::default() };
                rows.iter().for_each(|row| self.take(row));
                self.total = *keys;
                if !self.is_complete() {
                    // The least key after the last reported one.
                    let end = rows.last().map(|last| [&last.key[..], &[0]].concat().into());
                    self.complete_below = Some(end.unwrap_or_default());
                }
                true
            }
            // A change to rows that are not known yet.
            Fact::FinalChanged { .. } if !self.is_known => false,
            Fact::FinalChanged { rows, keys } => {
                rows.iter().for_each(|row| self.take(row));
                self.total = *keys;
                false
            }
            _ => false,
        }
    }

    fn take(&mut self, row: &FinalRow) {
        if let Some(known) = self.keys.remove(&row.key) {
            self.order.remove(&known.serial);
        }
        let Some(value) = row.value.clone() else { return };
        self.last += 1;
        self.order.insert(self.last, row.key.clone());
        let kept = StoredRow { value, value_bytes: row.value_bytes, entry: row.entry, serial: self.last };
        self.keys.insert(row.key.clone(), kept);
        if self.keys.len() > KEYS_MAX
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.keys.remove(&oldest);
            let end = self.complete_below.take().map_or(oldest.clone(), |end| end.min(oldest));
            self.complete_below = Some(end);
        }
    }
}

impl Model {
    /// The union of the keys of all nodes, in order. Lazy: a database may have thousands of keys.
    pub fn final_keys(&self) -> impl Iterator<Item = &Bytes> {
        let mut heads: Vec<_> = self.nodes.values().map(|node| node.final_db.keys().keys().peekable()).collect();
        std::iter::from_fn(move || {
            let next = heads.iter_mut().filter_map(|keys| keys.peek().copied()).min()?;
            for keys in &mut heads {
                keys.next_if_eq(&next);
            }
            Some(next)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: &str, value: Option<&str>, offset: u64) -> FinalRow {
        let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        FinalRow::new(&bytes(key), value.map(bytes).as_ref(), EntryId::new(1, offset))
    }

    fn read(keys: &[&str], total: u64) -> FinalDb {
        let rows = keys.iter().map(|key| row(key, Some("1"), 1)).collect();
        let mut final_db = FinalDb::default();
        assert!(final_db.fold(&Fact::FinalRead { rows, keys: Some(total) }));
        final_db
    }

    fn change(final_db: &mut FinalDb, rows: Vec<FinalRow>, total: u64) {
        assert!(
            !final_db.fold(&Fact::FinalChanged { rows, keys: Some(total) }),
            "the entry itself is reported as final"
        );
    }

    fn value<'a>(final_db: &'a FinalDb, key: &'static str) -> Option<&'a [u8]> {
        match final_db.find(&Bytes::from_static(key.as_bytes())) {
            Lookup::Row(row) => Some(&row.value),
            Lookup::Absent => None,
            Lookup::Unknown => panic!("{key} was not told"),
        }
    }

    #[test]
    fn an_entry_changes_what_it_did_and_not_what_it_asked_for() {
        let mut final_db = read(&["b", "g", "v"], 3);
        // `cas v --expect z new` was refused.
        change(&mut final_db, Vec::new(), 3);
        assert_eq!(value(&final_db, "v"), Some(&b"1"[..]));
        // `batch "delete g" "put b 2"`.
        change(&mut final_db, vec![row("g", None, 3), row("b", Some("2"), 3)], 2);
        assert_eq!((value(&final_db, "g"), value(&final_db, "b")), (None, Some(&b"2"[..])));
        assert_eq!((final_db.keys().len(), final_db.is_complete()), (2, true));
    }

    #[test]
    fn changes_before_the_database_was_told_say_nothing() {
        let mut final_db = FinalDb::default();
        change(&mut final_db, vec![row("x", Some("1"), 1)], 17);
        assert_eq!((final_db.is_known(), final_db.find(&Bytes::from_static(b"x"))), (false, Lookup::Unknown));
    }

    #[test]
    fn beyond_the_rows_that_were_told_a_key_is_unknown_and_not_absent() {
        let mut final_db = read(&["b", "d"], 301_000);
        assert_eq!(value(&final_db, "c"), None, "it would lie between the two");
        let untold = Bytes::from_static(b"x");
        assert_eq!((final_db.find(&untold), final_db.is_complete()), (Lookup::Unknown, false));
        change(&mut final_db, vec![row("x", Some("9"), 2)], 301_001);
        assert_eq!((value(&final_db, "x"), final_db.total()), (Some(&b"9"[..]), Some(301_001)));
        change(&mut final_db, vec![row("x", None, 3)], 301_000);
        assert_eq!(final_db.find(&untold), Lookup::Unknown);
    }

    #[test]
    fn the_keys_are_bounded_and_what_went_is_unknown() {
        let mut final_db = read(&[], 0);
        for number in 0..=KEYS_MAX as u64 {
            change(&mut final_db, vec![row(&format!("{number:09}"), Some("1"), number)], number + 1);
        }
        assert_eq!((final_db.keys().len(), final_db.is_complete()), (KEYS_MAX, false));
        assert_eq!(final_db.find(&Bytes::from_static(b"000000000")), Lookup::Unknown);
        assert_eq!(final_db.find(&Bytes::from_static(b"0")), Lookup::Absent);
    }
}
