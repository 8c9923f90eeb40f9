//! The rows of the database, written never far ahead of the file behind them.
//!
//! sled hands each full buffer of its file to a few threads. To write it they want a lock that is held by whoever needs
//! the next buffer and has to wait until the file is cut, which is the work of the same threads (spacejam/sled#1269,
//! mended after 0.34). With all of them busy the database would stand still for ever; so never as many buffers are
//! under way as there are threads.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sled::{Batch, IVec};

use crate::storage::database::layout::piece_place;

/// As sled has them.
const BUFFER_BYTES: usize = 512 << 10;
/// What may be on its way to the file, about: three buffers, for the seven threads that sled has at least.
const AHEAD_BYTES_MAX: usize = 3 * BUFFER_BYTES;
/// Every tenth change of a leaf writes all of it again, and it has up to 16 rows.
const LEAF_ROWS: usize = 16;
const CHANGES_OF_LEAF: usize = 10;

#[derive(Clone)]
pub(crate) struct Tree {
    tree: sled::Tree,
    ahead: Arc<Ahead>,
}

/// About how many bytes of the file were written since it was opened, and reached it.
#[derive(Default)]
struct Ahead {
    written: AtomicUsize,
    flushed: AtomicUsize,
    /// The longest row that was written, and the longest piece: those beside one may be as long.
    longest: [AtomicUsize; 2],
}

/// A batch that knows which keys it changes, and to what.
#[derive(Default)]
pub(crate) struct Writes {
    batch: Batch,
    pub keys: Vec<IVec>,
    /// For each key; `None`: it is removed.
    pub values: Vec<Option<IVec>>,
    bytes: usize,
    longest: usize,
    /// Pieces lie beside pieces.
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
        self.has_pieces |= piece_place(key).is_some();
    }
}

impl Tree {
    pub(crate) fn new(tree: sled::Tree) -> Tree {
        Tree { tree, ahead: Arc::default() }
    }

    /// All of it or nothing.
    pub(crate) fn write(&self, writes: Writes) -> Result<(), String> {
        self.make_room(&writes)?;
        self.ahead.written.fetch_add(self.ahead.cost(&writes), Ordering::Relaxed);
        self.tree.apply_batch(writes.batch).map_err(|error| error.to_string())
    }

    /// Waits, if need be, until so much may be written.
    pub(crate) fn make_room(&self, writes: &Writes) -> Result<(), String> {
        let ahead = self.ahead.bytes();
        if ahead > 0 && ahead + self.ahead.cost(writes) > AHEAD_BYTES_MAX {
            self.flush()?;
        }
        Ok(())
    }

    /// Everything written so far reaches the file. On Linux it is not synced.
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

    /// How many bytes of the file the changes take, about.
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

    /// Values of one piece to a MiB; the fourth last of them is removed. It stood still within thousands of them.
    fn values_come_and_go(tree: &Tree) {
        let mut there = VecDeque::new();
        for revision in 0..1_500 {
            let pieces: Vec<u32> = (0..1 << (revision % 9)).collect();
            for pieces in pieces.chunks(64) {
                let mut writes = Writes::default();
                pieces.iter().for_each(|number| writes.insert(&piece_key(revision, *number), &[7; PIECE_BYTES][..]));
                tree.write(writes).unwrap();
                assert!(tree.ahead.bytes() <= AHEAD_BYTES_MAX, "too much is on its way to the file");
            }
            there.push_back((revision, pieces));
            let Some((revision, pieces)) = there.pop_front_if(|_| revision >= 3) else { continue };
            for pieces in pieces.chunks(64) {
                let mut writes = Writes::default();
                pieces.iter().for_each(|number| writes.remove(&piece_key(revision, *number)));
                tree.write(writes).unwrap();
                assert!(tree.ahead.bytes() <= AHEAD_BYTES_MAX, "too much is on its way to the file");
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
