//! What a batch of committed entries changes: the same entries on the same data always give the same changes.

use std::collections::HashMap;

use bytes::Bytes;
use sled::{Batch, IVec, Tree};

use crate::protocol::{Change, Command, Entry, EntryId, Kind, LogPoint};
use crate::storage::database::layout::{
    Head, INLINE_BYTES, MARK, PIECE_BYTES, Value, encode_mark, piece_key, record_key,
};

/// Pieces written or removed in one go: a batch keeps every reader out while it lasts.
const PIECES_AT_ONCE: usize = 64;
const KEYS_AT_ONCE: usize = 128;

/// What the changes of a key go by.
#[derive(Clone, Copy)]
struct Known {
    create_revision: u64,
    version: u64,
    pieces: Pieces,
}

/// The pieces of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pieces {
    revision: u64,
    count: u32,
}

pub(crate) struct Changes<'a> {
    tree: &'a Tree,
    revision: u64,
    /// Keys that were touched, as they are afterwards; `None` is deleted.
    changed: HashMap<Bytes, Option<Head>>,
    /// Keys and values in `changed`, about.
    bytes: usize,
    /// Pieces that nobody refers to afterwards.
    dead: Vec<Pieces>,
}

/// A batch that is ready, with the mark in it.
pub(crate) struct Sealed {
    pub batch: Batch,
    pub revision: u64,
    /// Pieces that nobody refers to once the batch is applied.
    pub dead: Vec<Pieces>,
}

pub(crate) enum ChangeError {
    Undecodable,
    Database(String),
}

impl<'a> Changes<'a> {
    pub(crate) fn new(tree: &'a Tree, revision: u64) -> Changes<'a> {
        Changes { tree, revision, changed: HashMap::new(), bytes: 0, dead: Vec::new() }
    }

    /// One more committed entry. Only a put, and a delete of a key that is there, write: they count a revision.
    pub(crate) fn add(&mut self, entry: &Entry) -> Result<(), ChangeError> {
        if entry.kind != Kind::Command {
            return Ok(());
        }
        let command = Command::decode(&entry.body).ok_or(ChangeError::Undecodable)?;
        match command.change {
            Change::Put { key, value } => self.put(entry.id, key, value).map_err(ChangeError::Database),
            Change::Delete { key } => self.delete(key).map_err(ChangeError::Database),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// One batch with all changes and the mark: readers see all of it or nothing.
    pub(crate) fn seal(self, last: LogPoint) -> Sealed {
        let mut batch = Batch::default();
        for (key, head) in &self.changed {
            put_change(&mut batch, key, head.as_ref());
        }
        batch.insert(&MARK, &encode_mark(last, self.revision)[..]);
        Sealed { batch, revision: self.revision, dead: self.dead }
    }

    /// Writes all changes in the order of keys, which costs a fraction of batches in the order of entries, but is not atomic:
    /// only while nobody reads and the database has no mark. Gives the revision.
    pub(crate) fn spill(self) -> Result<u64, String> {
        let mut changed: Vec<_> = self.changed.into_iter().collect();
        changed.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        for changes in changed.chunks(KEYS_AT_ONCE) {
            let mut batch = Batch::default();
            changes.iter().for_each(|(key, head)| put_change(&mut batch, key, head.as_ref()));
            self.tree.apply_batch(batch).map_err(|error| error.to_string())?;
        }
        remove_pieces(self.tree, &self.dead)?;
        Ok(self.revision)
    }

    fn put(&mut self, id: EntryId, key: Bytes, value: Bytes) -> Result<(), String> {
        let before = self.look_up(&key)?;
        self.revision += 1;
        let revision = self.revision;
        self.bytes += key.len() + value.len();
        let value = if value.len() <= INLINE_BYTES {
            Value::Inline(value)
        } else {
            write_pieces(self.tree, revision, &value)?;
            Value::Pieces { length: value.len() as u32 }
        };
        let create_revision = before.map_or(revision, |known| known.create_revision);
        let version = before.map_or(0, |known| known.version) + 1;
        self.replace(key, before, Some(Head { id, create_revision, revision, version, value }));
        Ok(())
    }

    fn delete(&mut self, key: Bytes) -> Result<(), String> {
        let before = self.look_up(&key)?;
        if before.is_some() {
            self.revision += 1;
            self.bytes += key.len();
            self.replace(key, before, None);
        }
        Ok(())
    }

    fn look_up(&self, key: &Bytes) -> Result<Option<Known>, String> {
        if let Some(head) = self.changed.get(key) {
            return Ok(head.as_ref().map(Known::of));
        }
        let stored = self.tree.get(record_key(key)).map_err(|error| error.to_string())?;
        let Some(bytes) = stored else { return Ok(None) };
        Head::decode_numbers(&bytes).map(|head| Some(Known::of(&head))).ok_or("a record is damaged".into())
    }

    fn replace(&mut self, key: Bytes, before: Option<Known>, after: Option<Head>) {
        self.dead.extend(before.map(|known| known.pieces).filter(|pieces| pieces.count > 0));
        self.changed.insert(key, after);
    }
}

impl Known {
    fn of(head: &Head) -> Known {
        let pieces = Pieces { revision: head.revision, count: head.value.pieces() };
        Known { create_revision: head.create_revision, version: head.version, pieces }
    }
}

fn put_change(batch: &mut Batch, key: &[u8], head: Option<&Head>) {
    match head {
        Some(head) => batch.insert(IVec::from(record_key(key)), IVec::from(head.encode())),
        None => batch.remove(IVec::from(record_key(key))),
    }
}

/// Writes the pieces before anything refers to them. If the node ends in between nobody ever sees them: a database that was
/// not closed cleanly is rebuilt.
fn write_pieces(tree: &Tree, revision: u64, value: &[u8]) -> Result<(), String> {
    let pieces: Vec<_> = (0..).zip(value.chunks(PIECE_BYTES)).collect();
    for pieces in pieces.chunks(PIECES_AT_ONCE) {
        let mut batch = Batch::default();
        for (number, piece) in pieces {
            batch.insert(&piece_key(revision, *number), *piece);
        }
        tree.apply_batch(batch).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Removes pieces that nobody refers to any more.
pub(crate) fn remove_pieces(tree: &Tree, dead: &[Pieces]) -> Result<(), String> {
    let keys: Vec<_> =
        dead.iter().flat_map(|dead| (0..dead.count).map(|number| piece_key(dead.revision, number))).collect();
    for keys in keys.chunks(PIECES_AT_ONCE) {
        let mut batch = Batch::default();
        keys.iter().for_each(|key| batch.remove(key));
        tree.apply_batch(batch).map_err(|error| error.to_string())?;
    }
    Ok(())
}
