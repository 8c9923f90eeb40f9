//! The changes of a batch of committed entries. The same entries on the same data always give the same changes.
//!
//! Left out: what an entry does, see [`apply`]. Here its changes are collected, seen by the entries after it, and
//! written together with the mark of the last entry.

use std::collections::HashMap;

use bytes::Bytes;
use sled::IVec;

use crate::protocol::apply::{Applied, ApplyError, Numbers, Records, State, Write, apply};
use crate::protocol::{Entry, LogPoint};
use crate::storage::database::checksum::Checksum;
use crate::storage::database::layout::{
    Head, INLINE_BYTES, MARK, PIECE_BYTES, SESSION_TABLE, Value, encode_mark, piece_key, record_key, session_key,
};
use crate::storage::database::read_cache::ReadCache;
use crate::storage::database::rows::read_record;
use crate::storage::database::tree::{Tree, Writes};

/// Pieces written or removed in one batch of sled: readers wait as long as a batch takes.
const PIECES_AT_ONCE: usize = 64;
const KEYS_AT_ONCE: usize = 128;

/// The state of an existing key.
#[derive(Clone, Copy)]
struct Existing {
    numbers: Numbers,
    pieces: Pieces,
}

/// The pieces of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pieces {
    revision: u64,
    count: u32,
}

pub(crate) struct Changes<'a> {
    rows: &'a ReadCache<'a>,
    /// The new state of each changed key; `None` if it is deleted.
    changed: HashMap<Bytes, Option<Head>>,
    /// Roughly the size of keys and values in `changed`.
    bytes: usize,
    /// Pieces that no record refers to after the batch.
    dead: Vec<Pieces>,
    /// The changes in order, for watchers.
    writes: Vec<Write>,
}

/// A complete batch, with its mark.
pub(crate) struct Sealed {
    pub batch: Writes,
    /// Pieces that no record refers to once the batch is applied.
    pub dead: Vec<Pieces>,
    pub writes: Vec<Write>,
}

impl<'a> Changes<'a> {
    pub(crate) fn new(rows: &'a ReadCache<'a>) -> Changes<'a> {
        Changes { rows, changed: HashMap::new(), bytes: 0, dead: Vec::new(), writes: Vec::new() }
    }

    /// Applies the next committed entry.
    pub(crate) fn add(&mut self, state: &mut State, entry: &Entry) -> Result<Applied, ApplyError<String>> {
        apply(state, self, entry)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The changes so far that were not taken yet.
    pub(crate) fn take_writes(&mut self) -> Vec<Write> {
        std::mem::take(&mut self.writes)
    }

    /// One atomic batch with all changes and the mark. `sum` must be the checksum of the tree; it becomes that of the
    /// tree with the batch.
    pub(crate) fn seal(self, state: &mut State, last: LogPoint, sum: &mut Checksum) -> Result<Sealed, String> {
        let mut batch = Writes::default();
        for (key, head) in &self.changed {
            put_change(&mut batch, key, head.as_ref());
        }
        put_sessions(&mut batch, state);
        sum.change(self.rows, &batch)?;
        batch.insert(&MARK, &encode_mark(last, state.revision, *sum)[..]);
        Ok(Sealed { batch, dead: self.dead, writes: self.writes })
    }

    /// Writes all changes in key order, which is several times faster than batches in entry order, but not atomic: only
    /// while there are no readers and the database has no mark.
    pub(crate) fn spill(self, sum: &mut Checksum) -> Result<(), String> {
        let mut changed: Vec<_> = self.changed.into_iter().collect();
        changed.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        for changes in changed.chunks(KEYS_AT_ONCE) {
            let mut batch = Writes::default();
            changes.iter().for_each(|(key, head)| put_change(&mut batch, key, head.as_ref()));
            sum.change(self.rows, &batch)?;
            self.rows.tree().write(batch)?;
        }
        remove_pieces(self.rows.tree(), &self.dead)
    }

    fn look_up(&self, key: &Bytes) -> Result<Option<Existing>, String> {
        if let Some(head) = self.changed.get(key) {
            return Ok(head.as_ref().map(Existing::of));
        }
        let Some(bytes) = self.rows.get(&record_key(key))? else { return Ok(None) };
        Head::decode_numbers(&bytes).map(|head| Some(Existing::of(&head))).ok_or("a record is damaged".into())
    }

    fn head(&self, write: &Write) -> Result<Option<Head>, String> {
        let Some((value, numbers)) = write.record.clone() else { return Ok(None) };
        let Numbers { create_revision, revision, version } = numbers;
        let value = if value.len() <= INLINE_BYTES {
            Value::Inline(value)
        } else {
            write_pieces(self.rows.tree(), revision, &value)?;
            Value::Pieces { length: value.len() as u32 }
        };
        Ok(Some(Head { id: write.id, create_revision, revision, version, value }))
    }
}

impl Records for Changes<'_> {
    type Error = String;

    fn find(&self, key: &Bytes) -> Result<Option<Numbers>, String> {
        Ok(self.look_up(key)?.map(|known| known.numbers))
    }

    fn value(&self, key: &Bytes) -> Result<Option<Bytes>, String> {
        let head = match self.changed.get(key) {
            Some(head) => head.as_ref().map(Head::encode),
            None => self.rows.get(&record_key(key))?.map(|bytes| bytes.to_vec()),
        };
        let record = head.map(|head| read_record(self.rows.tree(), key.clone(), &head)).transpose()?;
        Ok(record.map(|record| record.value))
    }

    fn write(&mut self, write: Write) -> Result<(), String> {
        let before = self.look_up(&write.key)?;
        self.dead.extend(before.map(|known| known.pieces).filter(|pieces| pieces.count > 0));
        let head = self.head(&write)?;
        self.bytes += write.key.len() + write.record.as_ref().map_or(0, |(value, _)| value.len());
        self.changed.insert(write.key.clone(), head);
        self.writes.push(write);
        Ok(())
    }
}

impl Existing {
    fn of(head: &Head) -> Existing {
        let Head { create_revision, revision, version, .. } = *head;
        let pieces = Pieces { revision, count: head.value.pieces() };
        Existing { numbers: Numbers { create_revision, revision, version }, pieces }
    }
}

fn put_change(batch: &mut Writes, key: &[u8], head: Option<&Head>) {
    match head {
        Some(head) => batch.insert(IVec::from(record_key(key)), IVec::from(head.encode())),
        None => batch.remove(IVec::from(record_key(key))),
    }
}

/// Adds the changed sessions: a session must be written in the same batch as the records that it changed.
pub(crate) fn put_sessions(batch: &mut Writes, state: &mut State) {
    let touched = state.sessions.take_touched();
    if touched.is_empty() {
        return;
    }
    batch.insert(&SESSION_TABLE, &state.sessions.new_from().to_le_bytes());
    for id in touched {
        match state.sessions.get(id) {
            Some(session) => batch.insert(&session_key(id), session.encode()),
            None => batch.remove(&session_key(id)),
        }
    }
}

/// Writes pieces before a record refers to them. If the node ends in between, no reader sees them, and the verification
/// at the next start removes them.
fn write_pieces(tree: &Tree, revision: u64, value: &[u8]) -> Result<(), String> {
    let pieces: Vec<_> = (0..).zip(value.chunks(PIECE_BYTES)).collect();
    for pieces in pieces.chunks(PIECES_AT_ONCE) {
        let mut writes = Writes::default();
        for (number, piece) in pieces {
            writes.insert(&piece_key(revision, *number), *piece);
        }
        tree.write(writes)?;
    }
    Ok(())
}

/// Removes pieces that no record refers to.
pub(crate) fn remove_pieces(tree: &Tree, dead: &[Pieces]) -> Result<(), String> {
    let keys: Vec<_> =
        dead.iter().flat_map(|dead| (0..dead.count).map(|number| piece_key(dead.revision, number))).collect();
    for keys in keys.chunks(PIECES_AT_ONCE) {
        let mut writes = Writes::default();
        keys.iter().for_each(|key| writes.remove(key));
        tree.write(writes)?;
    }
    Ok(())
}
