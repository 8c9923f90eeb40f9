//! What a batch of committed entries changes: the same entries on the same data always give the same changes.

use std::collections::HashMap;
use std::path::Path;

use bytes::Bytes;
use sled::{Batch, IVec, Tree};

use crate::protocol::{Change, Command, Entry, EntryId, Kind, LogPoint};
use crate::storage::StorageError;
use crate::storage::database::failed;
use crate::storage::database::layout::{
    Head, INLINE_BYTES, MARK, PIECE_BYTES, Value, encode_mark, piece_key, record_key,
};

/// Pieces written or removed in one go: a batch keeps every reader out while it lasts.
const PIECES_AT_ONCE: usize = 64;

/// What is known of a key while a batch is made, without its value.
#[derive(Clone, Copy)]
struct Known {
    create_revision: u64,
    version: u64,
    dead: Pieces,
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
    batch: Batch,
    /// Keys that this batch has touched, as they are after it.
    known: HashMap<Bytes, Option<Known>>,
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

impl ChangeError {
    pub(crate) fn at(self, folder: &Path, entry: &Entry) -> StorageError {
        match self {
            ChangeError::Undecodable => StorageError::Undecodable { entry: entry.point() },
            ChangeError::Database(reason) => failed(folder, reason),
        }
    }
}

impl<'a> Changes<'a> {
    pub(crate) fn new(tree: &'a Tree, revision: u64) -> Changes<'a> {
        Changes { tree, revision, batch: Batch::default(), known: HashMap::new(), dead: Vec::new() }
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

    pub(crate) fn seal(mut self, last: LogPoint) -> Result<Sealed, String> {
        self.batch.insert(&MARK, &encode_mark(last, self.revision)[..]);
        Ok(Sealed { batch: self.batch, revision: self.revision, dead: self.dead })
    }

    fn put(&mut self, id: EntryId, key: Bytes, value: Bytes) -> Result<(), String> {
        let stored = record_key(&key);
        let before = self.look_up(&key, &stored)?;
        self.revision += 1;
        let revision = self.revision;
        let value = if value.len() <= INLINE_BYTES {
            Value::Inline(value)
        } else {
            write_pieces(self.tree, revision, &value)?;
            Value::Pieces { length: value.len() as u32 }
        };
        let head = Head {
            id,
            create_revision: before.map_or(revision, |known| known.create_revision),
            revision,
            version: before.map_or(0, |known| known.version) + 1,
            value,
        };
        self.batch.insert(IVec::from(stored), IVec::from(head.encode()));
        self.replace(key, before, Some(Known::of(&head)));
        Ok(())
    }

    fn delete(&mut self, key: Bytes) -> Result<(), String> {
        let stored = record_key(&key);
        let before = self.look_up(&key, &stored)?;
        if before.is_some() {
            self.revision += 1;
            self.batch.remove(IVec::from(stored));
            self.replace(key, before, None);
        }
        Ok(())
    }

    fn look_up(&self, key: &Bytes, stored: &[u8]) -> Result<Option<Known>, String> {
        if let Some(known) = self.known.get(key) {
            return Ok(*known);
        }
        let Some(bytes) = self.tree.get(stored).map_err(|error| error.to_string())? else { return Ok(None) };
        Head::decode_numbers(&bytes).map(|head| Some(Known::of(&head))).ok_or("a record is damaged".into())
    }

    fn replace(&mut self, key: Bytes, before: Option<Known>, after: Option<Known>) {
        self.dead.extend(before.map(|known| known.dead).filter(|pieces| pieces.count > 0));
        self.known.insert(key, after);
    }
}

impl Known {
    fn of(head: &Head) -> Known {
        Known {
            create_revision: head.create_revision,
            version: head.version,
            dead: Pieces { revision: head.revision, count: head.value.pieces() },
        }
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
