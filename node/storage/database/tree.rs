//! The tree of the database, with a bound on how far writes run ahead of the file.
//!
//! sled passes each full buffer of its file to a pool of threads. To write it, a thread needs a lock. Its holder may
//! wait for the next buffer until the file is truncated, which is the work of the same threads (spacejam/sled#1269,
//! fixed after 0.34). With all threads busy the database deadlocks. So fewer buffers are in flight than there are
//! threads.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sled::{Batch, IVec};

use crate::storage::database::layout::piece_of_key;

/// The size of sled's buffers.
const BUFFER_BYTES: usize = 512 << 10;
/// The estimated number of bytes in flight: three buffers, while sled has at least seven threads.
const AHEAD_BYTES_MAX: usize = 3 * BUFFER_BYTES;
/// Every tenth change of a leaf writes the whole leaf, which has up to 16 rows.
const LEAF_ROWS: usize = 16;
const CHANGES_OF_LEAF: usize = 10;

#[derive(Clone)]
pub(crate) struct Tree {
    tree: sled::Tree,
    ahead: Arc<Ahead>,
}

/// Estimated numbers of bytes since the tree was opened: written to it, and flushed to the file. `flushed ≤ written`.
#[derive(Default)]
struct Ahead {
    written: AtomicUsize,
    flushed: AtomicUsize,
    /// The longest row and the longest piece written so far: their neighbours may be as long.
    longest: [AtomicUsize; 2],
}

/// A batch of sled, with its keys and values.
#[derive(Default)]
pub(crate) struct Writes {
    batch: Batch,
    pub keys: Vec<IVec>,
    /// The value of each key; `None` if it is removed.
    pub values: Vec<Option<IVec>>,
    bytes: usize,
    longest: usize,
    /// Some keys are pieces. Their neighbours are pieces too.
    has_pieces: bool,
}

impl Writes {
    pub(crate) fn insert(&mut self, key: impl Into<IVec>, value: impl Into<IVec>) {
        let (key, value) = (key.into(), value.into());
        self.count(&key, value.len());
        self.keys.push(key.clone());
        self.values.push(Some(value.clone()));
        self.batch.insert(key, value);
    }

    pub(crate) fn remove(&mut self, key: impl Into<IVec>) {
        let key = key.into();
        self.count(&key, 0);
        self.keys.push(key.clone());
        self.values.push(None);
        self.batch.remove(key);
    }

    fn count(&mut self, key: &[u8], value: usize) {
        let bytes = key.len() + value;
        self.bytes += bytes;
        self.longest = self.longest.max(bytes);
        self.has_pieces |= piece_of_key(key).is_some();
    }
}

impl Tree {
    pub(crate) fn new(tree: sled::Tree) -> Tree {
        Tree { tree, ahead: Arc::default() }
    }

    /// Writes a batch atomically.
    pub(crate) fn write(&self, writes: Writes) -> Result<(), String> {
        self.make_room(&writes)?;
        self.ahead.written.fetch_add(self.ahead.cost(&writes), Ordering::Relaxed);
        self.tree.apply_batch(writes.batch).map_err(|error| error.to_string())
    }

    /// Waits until the batch can be written within the bound.
    pub(crate) fn make_room(&self, writes: &Writes) -> Result<(), String> {
        let ahead = self.ahead.bytes();
        if ahead > 0 && ahead + self.ahead.cost(writes) > AHEAD_BYTES_MAX {
            self.flush()?;
        }
        Ok(())
    }

    /// Flushes everything written so far to the file. On Linux sled does not sync it.
    pub(crate) fn flush(&self) -> Result<(), String> {
        let written = self.ahead.written.load(Ordering::Relaxed);
        self.tree.flush().map_err(|error| error.to_string())?;
        self.ahead.flushed.fetch_max(written, Ordering::Relaxed);
        Ok(())
    }
}

impl Ahead {
    fn bytes(&self) -> usize {
        self.written.load(Ordering::Relaxed) - self.flushed.load(Ordering::Relaxed)
    }

    /// The estimated number of bytes of the file that a batch takes.
    fn cost(&self, writes: &Writes) -> usize {
        let longest = &self.longest[usize::from(writes.has_pieces)];
        let longest = writes.longest.max(longest.fetch_max(writes.longest, Ordering::Relaxed));
        writes.bytes + writes.keys.len() * longest * LEAF_ROWS / CHANGES_OF_LEAF
    }
}

impl Deref for Tree {
    type Target = sled::Tree;

    fn deref(&self) -> &sled::Tree {
        &self.tree
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::mpsc::channel;

    use super::*;
    use crate::storage::database::layout::{PIECE_BYTES, piece_key};
    use crate::storage::tests::support::received;

    /// Writes values of one piece up to 1 MiB and removes the fourth last. Without the bound it deadlocks within
    /// thousands.
    fn values_come_and_go(tree: &Tree) {
        let mut there = VecDeque::new();
        for revision in 0..1_500 {
            let pieces: Vec<u32> = (0..1 << (revision % 9)).collect();
            for pieces in pieces.chunks(64) {
                let mut writes = Writes::default();
                pieces.iter().for_each(|number| writes.insert(&piece_key(revision, *number), &[7; PIECE_BYTES][..]));
                tree.write(writes).unwrap();
                assert!(tree.ahead.bytes() <= AHEAD_BYTES_MAX, "too much is in flight");
            }
            there.push_back((revision, pieces));
            let Some((revision, pieces)) = there.pop_front_if(|_| revision >= 3) else { continue };
            for pieces in pieces.chunks(64) {
                let mut writes = Writes::default();
                pieces.iter().for_each(|number| writes.remove(&piece_key(revision, *number)));
                tree.write(writes).unwrap();
                assert!(tree.ahead.bytes() <= AHEAD_BYTES_MAX, "too much is in flight");
            }
        }
    }

    #[test]
    fn large_values_that_come_and_go_do_not_stop_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let config = sled::Config::new().path(folder.path()).flush_every_ms(None);
        let tree = Tree::new(sled::Tree::clone(&config.open().unwrap()));
        let (done, ends) = channel();
        std::thread::spawn(move || {
            values_come_and_go(&tree);
            done.send(()).unwrap();
        });
        received("the database goes on", &ends);
    }
}
