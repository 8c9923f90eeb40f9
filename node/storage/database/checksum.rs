//! A checksum over all rows, stored with the mark in each batch. It verifies that a database holds exactly what its
//! mark says, however the process before ended.
//!
//! The checksum is the sum of the hashes of the rows, so it does not depend on the order in which they were written,
//! and each batch updates it from the rows that it changes. After an unclean end all rows are read and summed again: a
//! row that was lost, or that is from another moment, changes the sum. That takes a fraction of a rebuild.
//!
//! Left out of the sum: pieces of values. A piece is written once under its own key, so it only has to exist with the
//! right length.

use std::collections::HashMap;

use sled::IVec;

use crate::protocol::LogPoint;
use crate::storage::database::layout::{Head, PIECE_BYTES, Value, is_checksummed, piece_of_key, user_key};
use crate::storage::database::read_cache::ReadCache;
use crate::storage::database::rows::read_mark;
use crate::storage::database::tree::{Tree, Writes};

/// Pieces that no record refers to: a crash leaves fewer, those that were being written or removed.
const ORPHANS_MAX: usize = 1 << 16;
const ORPHANS_AT_ONCE: usize = 64;

/// The sum of the hashes of rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Checksum(pub u128);

impl Checksum {
    pub(crate) fn add(&mut self, key: &[u8], value: &[u8]) {
        self.0 = self.0.wrapping_add(hash(key, value));
    }

    fn remove(&mut self, key: &[u8], value: &[u8]) {
        self.0 = self.0.wrapping_sub(hash(key, value));
    }

    /// Updates the checksum for a batch that is about to be written.
    pub(crate) fn change(&mut self, rows: &ReadCache, writes: &Writes) -> Result<(), String> {
        for (key, value) in writes.keys.iter().zip(&writes.values).filter(|(key, _)| is_checksummed(key)) {
            if let Some(before) = rows.get(key)? {
                self.remove(key, &before);
            }
            if let Some(value) = value {
                self.add(key, value);
            }
        }
        Ok(())
    }
}

fn hash(key: &[u8], value: &[u8]) -> u128 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(key.len() as u32).to_le_bytes()).update(key).update(value);
    let mut first = [0; 16];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    u128::from_le_bytes(first)
}

/// The content of a verified database.
#[derive(Debug)]
pub(crate) struct Verified {
    pub applied: LogPoint,
    pub rows: u64,
}

/// The pieces that a value must have.
struct Expected {
    length: usize,
    seen: usize,
}

/// Reads the whole database and compares it with its mark. The error says how they differ. Removes pieces that no
/// record refers to.
pub(crate) fn verify(tree: &Tree) -> Result<Verified, String> {
    let (Some(applied), _, marked) = read_mark(tree)? else {
        return Err("its creation was interrupted".into());
    };
    let (mut sum, mut rows) = (Checksum::default(), 0);
    let mut expected: HashMap<u64, Expected> = HashMap::new();
    let mut orphans: Vec<IVec> = Vec::new();
    // In key order records come before pieces.
    for pair in tree.iter() {
        let (key, value) = pair.map_err(|error| error.to_string())?;
        rows += 1;
        if is_checksummed(&key) {
            sum.add(&key, &value);
        }
        if user_key(&key).is_some() {
            let head = Head::decode_numbers(&value).ok_or("a record is damaged")?;
            if let Value::Pieces { length } = head.value {
                expected.insert(head.revision, Expected { length: length as usize, seen: 0 });
            }
        } else if let Some((revision, number)) = piece_of_key(&key) {
            match expected.get_mut(&revision) {
                Some(expected) if expected.has(number as usize, value.len()) => expected.seen += 1,
                Some(_) => return Err("a piece of a value is not as long as it should be".into()),
                None if orphans.len() < ORPHANS_MAX => orphans.push(key),
                None => return Err("too many pieces belong to no value".into()),
            }
        }
    }
    if sum != marked {
        return Err("it does not hold what its mark says".into());
    }
    if expected.values().any(|expected| expected.seen != expected.length.div_ceil(PIECE_BYTES)) {
        return Err("a piece of a value is missing".into());
    }
    for keys in orphans.chunks(ORPHANS_AT_ONCE) {
        let mut writes = Writes::default();
        keys.iter().for_each(|key| writes.remove(key));
        tree.write(writes)?;
    }
    Ok(Verified { applied, rows })
}

impl Expected {
    /// Whether the value has a piece with this number and length.
    fn has(&self, number: usize, bytes: usize) -> bool {
        let before = number * PIECE_BYTES;
        before < self.length && bytes == (self.length - before).min(PIECE_BYTES)
    }
}
