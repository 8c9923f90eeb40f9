//! What a batch of committed entries changes: the same entries on the same data always give the same changes.
//!
//! What an entry does is [`apply`]'s to say; here its changes are gathered, looked up again by the entries after it, and
//! written with the mark of what they stand for.

use std::collections::HashMap;

use bytes::Bytes;
use sled::IVec;

use crate::protocol::apply::{Applied, ApplyError, Numbers, Records, State, Write, apply};
use crate::protocol::{Entry, LogPoint};
use crate::storage::database::checksum::Sum;
use crate::storage::database::layout::{
    Head, INLINE_BYTES, MARK, PIECE_BYTES, SESSION_TABLE, Value, encode_mark, piece_key, record_key, session_key,
};
use crate::storage::database::read_cache::Before;
use crate::storage::database::tree::{Tree, Writes};
use crate::storage::database::whole;

/// Pieces written or removed in one go: a batch keeps every reader out while it lasts.
const PIECES_AT_ONCE: usize = 64;
const KEYS_AT_ONCE: usize = 128;

/// What the changes of a key go by.
#[derive(Clone, Copy)]
struct Known {
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
    before: &'a Before<'a>,
    /// Keys that were touched, as they are afterwards; `None` is deleted.
    changed: HashMap<Bytes, Option<Head>>,
    /// Keys and values in `changed`, about.
    bytes: usize,
    /// Pieces that nobody refers to afterwards.
    dead: Vec<Pieces>,
    /// What was written, in order, for those who watch.
    writes: Vec<Write>,
}

/// A batch that is ready, with the mark in it.
pub(crate) struct Sealed {
    pub batch: Writes,
    /// Pieces that nobody refers to once the batch is applied.
    pub dead: Vec<Pieces>,
    pub writes: Vec<Write>,
}

impl<'a> Changes<'a> {
    pub(crate) fn new(before: &'a Before<'a>) -> Changes<'a> {
        Changes { before, changed: HashMap::new(), bytes: 0, dead: Vec::new(), writes: Vec::new() }
    }

    /// One more committed entry.
    pub(crate) fn add(&mut self, state: &mut State, entry: &Entry) -> Result<Applied, ApplyError<String>> {
        apply(state, self, entry)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What was written so far and not taken yet.
    pub(crate) fn take_writes(&mut self) -> Vec<Write> {
        std::mem::take(&mut self.writes)
    }

    /// One batch with all changes and the mark: readers see all of it or nothing. `sum` is that of the tree, and of the tree
    /// with the batch afterwards.
    pub(crate) fn seal(self, state: &mut State, last: LogPoint, sum: &mut Sum) -> Result<Sealed, String> {
        let mut batch = Writes::default();
        for (key, head) in &self.changed {
            put_change(&mut batch, key, head.as_ref());
        }
        put_sessions(&mut batch, state);
        sum.change(self.before, &batch)?;
        batch.insert(&MARK, &encode_mark(last, state.revision, *sum)[..]);
        Ok(Sealed { batch, dead: self.dead, writes: self.writes })
    }

    /// Writes all changes in the order of keys, which costs a fraction of batches in the order of entries, but is not atomic:
    /// only while nobody reads and the database has no mark.
    pub(crate) fn spill(self, sum: &mut Sum) -> Result<(), String> {
        let mut changed: Vec<_> = self.changed.into_iter().collect();
        changed.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        for changes in changed.chunks(KEYS_AT_ONCE) {
            let mut batch = Writes::default();
            changes.iter().for_each(|(key, head)| put_change(&mut batch, key, head.as_ref()));
            sum.change(self.before, &batch)?;
            self.before.tree().write(batch)?;
        }
        remove_pieces(self.before.tree(), &self.dead)
    }

    fn look_up(&self, key: &Bytes) -> Result<Option<Known>, String> {
        if let Some(head) = self.changed.get(key) {
            return Ok(head.as_ref().map(Known::of));
        }
        let Some(bytes) = self.before.get(&record_key(key))? else { return Ok(None) };
        Head::decode_numbers(&bytes).map(|head| Some(Known::of(&head))).ok_or("a record is damaged".into())
    }

    fn head(&self, write: &Write) -> Result<Option<Head>, String> {
        let Some((value, numbers)) = write.record.clone() else { return Ok(None) };
        let Numbers { create_revision, revision, version } = numbers;
        let value = if value.len() <= INLINE_BYTES {
            Value::Inline(value)
        } else {
            write_pieces(self.before.tree(), revision, &value)?;
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
            None => self.before.get(&record_key(key))?.map(|bytes| bytes.to_vec()),
        };
        let record = head.map(|head| whole(self.before.tree(), key.clone(), &head)).transpose()?;
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

impl Known {
    fn of(head: &Head) -> Known {
        let Head { create_revision, revision, version, .. } = *head;
        let pieces = Pieces { revision, count: head.value.pieces() };
        Known { numbers: Numbers { create_revision, revision, version }, pieces }
    }
}

fn put_change(batch: &mut Writes, key: &[u8], head: Option<&Head>) {
    match head {
        Some(head) => batch.insert(IVec::from(record_key(key)), IVec::from(head.encode())),
        None => batch.remove(IVec::from(record_key(key))),
    }
}

/// The sessions that changed go with the records that they changed.
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

/// Writes the pieces before anything refers to them. If the node ends in between nobody ever sees them: a database that was
/// not closed cleanly is rebuilt.
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

/// Removes pieces that nobody refers to any more.
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
