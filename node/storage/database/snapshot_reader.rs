//! A snapshot of the database while it goes on changing: before a key changes that the snapshot has not read yet, its value
//! is kept aside.
//!
//! ```text
//! applying   keep the old values of the batch's keys ─▶ write the batch
//! reading    read a stretch of keys from the tree    ─▶ put the kept values over it ─▶ let go of them
//! ```
//!
//! The one keeps before it writes, the other looks at what was kept after it has read: whatever the reader saw too new
//! lies there as it was. Nobody waits for the other, but for a reader that is so slow that too much had to be kept.

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
use crate::storage::database::read_cache::Before;
use crate::storage::database::tree::Tree;
use crate::storage::{Dump, Rows, StorageError};

/// Keys read from the tree in one stretch.
const STRETCH: usize = 256;
/// Beyond so many bytes of kept values applying waits for the reader.
const KEPT_BYTES_MAX: usize = 64 << 20;

#[derive(Default)]
struct Kept {
    /// A snapshot is being read.
    active: bool,
    /// It has read everything up to this key.
    read: Option<IVec>,
    /// Keys after that as they were when it began; `None`: there was none.
    before: BTreeMap<IVec, Option<IVec>>,
    bytes: usize,
    /// Pieces of values that nobody refers to any more but the snapshot.
    dead: Vec<Pieces>,
}

#[derive(Clone, Default)]
pub(crate) struct Shadow {
    shared: Arc<(Mutex<Kept>, Condvar)>,
}

impl Shadow {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These keys are about to change.
    pub(crate) fn keep(&self, rows: &Before, keys: &[IVec]) -> Result<(), String> {
        let full = |kept: &mut Kept| kept.active && kept.bytes > KEPT_BYTES_MAX;
        let mut kept = self.shared.1.wait_while(self.kept(), full).unwrap_or_else(PoisonError::into_inner);
        if !kept.active {
            return Ok(());
        }
        for key in keys {
            if kept.read.as_ref().is_some_and(|read| key <= read) || kept.before.contains_key(key) {
                continue;
            }
            let before = rows.get(key)?;
            kept.bytes += key.len() + before.as_ref().map_or(0, |value| value.len());
            kept.before.insert(key.clone(), before);
        }
        Ok(())
    }

    /// What is to be removed now: while a snapshot is read nothing, it may still want the pieces.
    pub(crate) fn bury(&self, dead: Vec<Pieces>) -> Vec<Pieces> {
        let mut kept = self.kept();
        if kept.active {
            kept.dead.extend(dead);
            return Vec::new();
        }
        let mut all = std::mem::take(&mut kept.dead);
        all.extend(dead);
        all
    }

    /// Begins a snapshot of the tree as it is; nothing may be applied meanwhile. `None` if one is being read.
    pub(crate) fn begin(
        &self,
        tree: Tree,
        applied: Option<LogPoint>,
        revision: u64,
        place: PathBuf,
    ) -> Option<Reading> {
        let mut kept = self.kept();
        if kept.active {
            return None;
        }
        kept.active = true;
        Some(Reading { shadow: self.clone(), tree, applied, revision, place, at_end: false })
    }

    /// Puts kept values over what was read from the tree, and lets go of them.
    fn settle(&self, rows: &mut BTreeMap<IVec, IVec>, up_to: Option<IVec>) {
        let mut kept = self.kept();
        let rest = up_to.as_ref().map(|up_to| kept.before.split_off(up_to)).unwrap_or_default();
        let mut settled = std::mem::replace(&mut kept.before, rest);
        if let Some(up_to) = &up_to {
            settled.extend(kept.before.remove_entry(up_to));
        }
        for (key, value) in settled {
            kept.bytes -= key.len() + value.as_ref().map_or(0, |value| value.len());
            match value {
                Some(value) => rows.insert(key, value),
                None => rows.remove(&key),
            };
        }
        // After the last stretch no key is to be kept any more.
        kept.active = up_to.is_some();
        kept.read = up_to;
        drop(kept);
        self.shared.1.notify_all();
    }

    fn end(&self) {
        let mut kept = self.kept();
        *kept = Kept { dead: std::mem::take(&mut kept.dead), ..Kept::default() };
        drop(kept);
        self.shared.1.notify_all();
    }
}

/// A snapshot that is being read.
pub(crate) struct Reading {
    shadow: Shadow,
    tree: Tree,
    applied: Option<LogPoint>,
    revision: u64,
    /// The data folder, for errors.
    place: PathBuf,
    at_end: bool,
}

impl Dump for Reading {
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
        let from = self.shadow.kept().read.clone();
        let range = (from.as_ref().map_or(Unbounded, Excluded), Unbounded::<&IVec>);
        let mut rows = BTreeMap::new();
        let mut count = 0;
        let mut up_to = None;
        for pair in self.tree.range::<&IVec, _>(range).take(STRETCH) {
            let (key, value) = pair.map_err(|error| failed(&self.place, error.to_string()))?;
            count += 1;
            up_to = Some(key.clone());
            if key != MARK && piece_revision(&key).is_none_or(|revision| revision <= self.revision) {
                rows.insert(key, value);
            }
        }
        self.at_end = count < STRETCH;
        self.shadow.settle(&mut rows, up_to.filter(|_| !self.at_end));
        rows.remove(&MARK[..]);
        let copy = |bytes: &IVec| Bytes::copy_from_slice(bytes);
        Ok(Some(rows.iter().map(|(key, value)| (copy(key), copy(value))).collect()))
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.shadow.end();
    }
}
