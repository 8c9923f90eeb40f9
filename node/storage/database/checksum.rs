//! The proof that a database holds exactly what its mark says, however the process before ended.
//!
//! Beside the mark lies the sum of the hashes of all rows, changed in the same batch as the rows. It does not depend on the
//! order in which they were written. Whoever finds a database that was not closed cleanly reads all of it and adds up
//! again: a row that was lost, or one that is from another moment, and the sums differ. That takes a fraction of what it
//! takes to fill a new database.
//!
//! Pieces of values are not in the sum: a piece is written once under a key of its own, so it is there or not.

use std::collections::HashMap;

use sled::IVec;

use crate::protocol::LogPoint;
use crate::storage::database::layout::{Head, PIECE_BYTES, Value, is_proven, piece_place, user_key};
use crate::storage::database::read_cache::Before;
use crate::storage::database::read_mark;
use crate::storage::database::tree::{Tree, Writes};

/// Pieces that nobody refers to: what was being written or removed when the process ended is less.
const ORPHANS_MAX: usize = 1 << 16;
const ORPHANS_AT_ONCE: usize = 64;

/// The sum of the hashes of rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sum(pub u128);

impl Sum {
    pub(crate) fn add(&mut self, key: &[u8], value: &[u8]) {
        self.0 = self.0.wrapping_add(hash(key, value));
    }

    fn remove(&mut self, key: &[u8], value: &[u8]) {
        self.0 = self.0.wrapping_sub(hash(key, value));
    }

    /// These rows are about to be written.
    pub(crate) fn change(&mut self, rows: &Before, writes: &Writes) -> Result<(), String> {
        for (key, value) in writes.keys.iter().zip(&writes.values).filter(|(key, _)| is_proven(key)) {
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

/// What a database was proven to hold.
#[derive(Debug)]
pub(crate) struct Proven {
    pub applied: LogPoint,
    pub rows: u64,
}

/// The pieces that a value must have.
struct Wanted {
    length: usize,
    seen: usize,
}

/// Reads the whole database and compares it with its mark; the error says in which way they differ. Pieces that nobody
/// refers to are removed.
pub(crate) fn prove(tree: &Tree) -> Result<Proven, String> {
    let (Some(applied), _, told) = read_mark(tree)? else {
        return Err("it was in the making".into());
    };
    let (mut sum, mut rows) = (Sum::default(), 0);
    let mut wanted: HashMap<u64, Wanted> = HashMap::new();
    let mut orphans: Vec<IVec> = Vec::new();
    // Records come before pieces.
    for pair in tree.iter() {
        let (key, value) = pair.map_err(|error| error.to_string())?;
        rows += 1;
        if is_proven(&key) {
            sum.add(&key, &value);
        }
        if user_key(&key).is_some() {
            let head = Head::decode_numbers(&value).ok_or("a record is damaged")?;
            if let Value::Pieces { length } = head.value {
                wanted.insert(head.revision, Wanted { length: length as usize, seen: 0 });
            }
        } else if let Some((revision, number)) = piece_place(&key) {
            match wanted.get_mut(&revision) {
                Some(wanted) if wanted.has(number as usize, value.len()) => wanted.seen += 1,
                Some(_) => return Err("a piece of a value is not as long as it should be".into()),
                None if orphans.len() < ORPHANS_MAX => orphans.push(key),
                None => return Err("too many pieces belong to no value".into()),
            }
        }
    }
    if sum != told {
        return Err("it does not hold what its mark says".into());
    }
    if wanted.values().any(|wanted| wanted.seen != wanted.length.div_ceil(PIECE_BYTES)) {
        return Err("a piece of a value is missing".into());
    }
    for keys in orphans.chunks(ORPHANS_AT_ONCE) {
        let mut writes = Writes::default();
        keys.iter().for_each(|key| writes.remove(key));
        tree.write(writes)?;
    }
    Ok(Proven { applied, rows })
}

impl Wanted {
    /// Whether the value has such a piece.
    fn has(&self, number: usize, bytes: usize) -> bool {
        let before = number * PIECE_BYTES;
        before < self.length && bytes == (self.length - before).min(PIECE_BYTES)
    }
}
