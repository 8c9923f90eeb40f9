//! A snapshot of the database while it changes (copy on write): before a row changes that the snapshot has not read
//! yet, its old value is preserved.
//!
//! ```text
//! apply   preserve the old values of the batch's keys ─▶ write the batch
//! read    read the next keys from the tree            ─▶ replace them by preserved values ─▶ drop those
//! ```
//!
//! Applying preserves before it writes, and the reader looks for preserved values after it has read. So for each row
//! that it read too late, the old value is there. Neither waits for the other, except that applying waits for a reader
//! so slow that [`PRESERVED_BYTES_MAX`] is reached.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sled::IVec;

use crate::protocol::LogPoint;
use crate::storage::database::changes::Pieces;
use crate::storage::database::failed;
use crate::storage::database::layout::{MARK, piece_revision};
use crate::storage::database::read_cache::ReadCache;
use crate::storage::database::tree::Tree;
use crate::storage::{Dump, Rows, StorageError};

/// Keys read from the tree at once.
const KEYS_AT_ONCE: usize = 256;
/// The bytes of preserved values above which applying waits for the reader.
const PRESERVED_BYTES_MAX: usize = 64 << 20;

#[derive(Default)]
struct Preserved {
    /// A snapshot is being read.
    active: bool,
    /// The snapshot has read all keys up to this one. Only grows while `active`.
    read: Option<IVec>,
    /// Changed rows after `read` as they were when the snapshot began; `None` if there was no row. A row is added
    /// before its first change and removed once the snapshot has passed its key.
    rows: BTreeMap<IVec, Option<IVec>>,
    /// The size of `rows`.
    bytes: usize,
    /// Pieces of values that only the snapshot may still need.
    dead: Vec<Pieces>,
}

#[derive(Clone, Default)]
pub(crate) struct PreservedRows {
    shared: Arc<(Mutex<Preserved>, Condvar)>,
}

impl PreservedRows {
    fn lock(&self) -> MutexGuard<'_, Preserved> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Preserves the rows of keys that are about to change.
    pub(crate) fn preserve(&self, rows: &ReadCache, keys: &[IVec]) -> Result<(), String> {
        let full = |preserved: &mut Preserved| preserved.active && preserved.bytes > PRESERVED_BYTES_MAX;
        let mut preserved = self.shared.1.wait_while(self.lock(), full).unwrap_or_else(PoisonError::into_inner);
        if !preserved.active {
            return Ok(());
        }
        for key in keys {
            if preserved.read.as_ref().is_some_and(|read| key <= read) || preserved.rows.contains_key(key) {
                continue;
            }
            let before = rows.get(key)?;
            preserved.bytes += key.len() + before.as_ref().map_or(0, |value| value.len());
            preserved.rows.insert(key.clone(), before);
        }
        Ok(())
    }

    /// Takes pieces that no record refers to and returns those to remove now: none while a snapshot is read, it may
    /// still need them.
    pub(crate) fn release(&self, dead: Vec<Pieces>) -> Vec<Pieces> {
        let mut preserved = self.lock();
        if preserved.active {
            preserved.dead.extend(dead);
            return Vec::new();
        }
        let mut all = std::mem::take(&mut preserved.dead);
        all.extend(dead);
        all
    }

    /// Begins a snapshot of the tree. The caller must not apply meanwhile. `None` if another one is being read.
    pub(crate) fn begin(
        &self,
        tree: Tree,
        applied: Option<LogPoint>,
        revision: u64,
        folder: PathBuf,
    ) -> Option<SnapshotReader> {
        let mut preserved = self.lock();
        if preserved.active {
            return None;
        }
        preserved.active = true;
        Some(SnapshotReader { preserved: self.clone(), tree, applied, revision, folder, at_end: false })
    }

    /// Replaces rows that were read from the tree by preserved ones, and drops those.
    fn settle(&self, rows: &mut BTreeMap<IVec, IVec>, up_to: Option<IVec>) {
        let mut preserved = self.lock();
        let rest = up_to.as_ref().map(|up_to| preserved.rows.split_off(up_to)).unwrap_or_default();
        let mut settled = std::mem::replace(&mut preserved.rows, rest);
        if let Some(up_to) = &up_to {
            settled.extend(preserved.rows.remove_entry(up_to));
        }
        for (key, value) in settled {
            preserved.bytes -= key.len() + value.as_ref().map_or(0, |value| value.len());
            match value {
                Some(value) => rows.insert(key, value),
                None => rows.remove(&key),
            };
        }
        // After the last keys nothing needs to be preserved any more.
        preserved.active = up_to.is_some();
        preserved.read = up_to;
        drop(preserved);
        self.shared.1.notify_all();
    }

    fn end(&self) {
        let mut preserved = self.lock();
        *preserved = Preserved { dead: std::mem::take(&mut preserved.dead), ..Preserved::default() };
        drop(preserved);
        self.shared.1.notify_all();
    }
}

/// Reads a snapshot.
pub(crate) struct SnapshotReader {
    preserved: PreservedRows,
    tree: Tree,
    applied: Option<LogPoint>,
    revision: u64,
    /// The data folder, for errors.
    folder: PathBuf,
    at_end: bool,
}

impl Dump for SnapshotReader {
    fn applied(&self) -> Option<LogPoint> {
        self.applied
    }

    fn revision(&self) -> u64 {
        self.revision
    }

    fn next(&mut self) -> Result<Option<Rows>, StorageError> {
        if self.at_end {
            return Ok(None);
        }
        let from = self.preserved.lock().read.clone();
        let range = (from.as_ref().map_or(Unbounded, Excluded), Unbounded::<&IVec>);
        let mut rows = BTreeMap::new();
        let mut count = 0;
        let mut up_to = None;
        for pair in self.tree.range::<&IVec, _>(range).take(KEYS_AT_ONCE) {
            let (key, value) = pair.map_err(|error| failed(&self.folder, error.to_string()))?;
            count += 1;
            up_to = Some(key.clone());
            if key != MARK && piece_revision(&key).is_none_or(|revision| revision <= self.revision) {
                rows.insert(key, value);
            }
        }
        self.at_end = count < KEYS_AT_ONCE;
        self.preserved.settle(&mut rows, up_to.filter(|_| !self.at_end));
        rows.remove(&MARK[..]);
        let copy = |bytes: &IVec| Bytes::copy_from_slice(bytes);
        Ok(Some(rows.iter().map(|(key, value)| (copy(key), copy(value))).collect()))
    }
}

impl Drop for SnapshotReader {
    fn drop(&mut self) {
        self.preserved.end();
    }
}
