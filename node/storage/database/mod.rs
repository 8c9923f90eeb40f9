//! Final data in the embedded database (sled). Only this module names it.
//!
//! One thread applies, any thread reads. Every batch includes the mark of its last entry, so the data are always a
//! function of a prefix of the log. Applying syncs nothing: what must not be lost is in the log. After an unclean end
//! the database is used only if its checksum matches its mark; otherwise it is rebuilt ([`restore`]).
//!
//! Locks are taken in one order: `applying`, then `state`. A reader holds `state` shared for one read; applying holds
//! it exclusively only while a batch is written, so a reader sees all of a batch or nothing.

mod read_cache;

mod changes;

mod clean;

mod files;

mod background_flush;

mod layout;

mod checksum;

mod rows;

mod restore;

mod snapshot_reader;

mod tree;

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;

use crate::protocol::apply::{Applied, ApplyError, ChangePage, History, Record, State as Final, TooOld, Write};
use crate::protocol::{Apply, Entry, Incarnation, LogPoint, Position};
use crate::storage::disk::Disk;
use crate::storage::open::lock::FolderLock;
use crate::storage::{Dump, FinalDatabase, StorageError};

use background_flush::BackgroundFlush;
use changes::{Changes, put_sessions};
use checksum::Checksum;
use files::{create, open, sync_files};
use layout::{MARK, encode_mark, is_checksummed, record_key, user_key};
use read_cache::ReadCache;
use rows::{list, read_mark, read_record, read_sessions};
use snapshot_reader::PreservedRows;
use tree::{Tree, Writes};

pub(crate) use clean::{clean_path, read_clean};
pub(crate) use files::{format_path, sled_folder};
pub(crate) use restore::{Restoring, applied_for_certain, point_at, restore};
pub(crate) use rows::DatabaseCopy;

/// The number of entries in a batch: large enough to share its costs, small enough to keep readers waiting only
/// briefly.
const BATCH_ENTRIES: usize = 128;
/// The error numbers of a full disk and of the file size limit as `Display` and `Debug` of `io::Error` write them:
/// sled's errors keep only the text.
const NO_SPACE: [&str; 4] = ["(os error 28)", "Os { code: 28,", "(os error 27)", "Os { code: 27,"];
/// The size of keys and values collected in memory during a rebuild before they are written in key order.
const BULK_BYTES: usize = 64 << 20;

/// The data folder of a database.
#[derive(Clone)]
pub(crate) struct DatabaseFiles {
    /// The data folder of the node.
    pub folder: PathBuf,
    pub incarnation: Incarnation,
    pub disk: Arc<dyn Disk>,
    /// Keeps the data folder locked as long as the database is open.
    pub _lock: Option<Arc<FolderLock>>,
}

pub(crate) struct SledDatabase {
    files: DatabaseFiles,
    /// The state that applying continues from. Locked while a batch is made and written, so batches are applied one
    /// after the other.
    applying: Mutex<Applying>,
    /// Old rows that a snapshot in progress still needs.
    preserved: PreservedRows,
    state: RwLock<State>,
    /// `None` once the database is closed, and while its content is replaced.
    flusher: Mutex<Option<BackgroundFlush>>,
    /// Set by the first error, never cleared: a close then writes no mark of a clean shutdown.
    broken: AtomicBool,
}

struct Applying {
    state: Final,
    /// Invariant: the checksum of the rows in the tree.
    sum: Checksum,
}

/// The state that readers see. Tree and fields change together under the lock.
struct State {
    /// `None` once the database is closed, and while its content is replaced.
    tree: Option<Tree>,
    /// The content is being replaced by a snapshot.
    replaced: bool,
    /// The mark in the tree.
    applied: Option<LogPoint>,
    revision: u64,
    /// The last changes in memory, up to `revision`.
    history: History,
}

impl SledDatabase {
    pub(crate) fn new(files: DatabaseFiles, tree: Tree) -> Result<SledDatabase, StorageError> {
        let (applied, revision, sum) = read_mark(&tree).map_err(|reason| failed(&files.folder, reason))?;
        let lag = BackgroundFlush::start(tree.clone())
            .map_err(|error| StorageError::io("start the thread of", &sled_folder(&files.folder), &error))?;
        let sessions = read_sessions(&tree).map_err(|reason| failed(&files.folder, reason))?;
        let state = RwLock::new(State {
            tree: Some(tree),
            replaced: false,
            applied,
            revision,
            history: History::new(revision),
        });
        Ok(SledDatabase {
            files,
            applying: Mutex::new(Applying { state: Final { revision, sessions }, sum }),
            preserved: PreservedRows::default(),
            state,
            flusher: Mutex::new(Some(lag)),
            broken: AtomicBool::new(false),
        })
    }

    fn flusher(&self) -> MutexGuard<'_, Option<BackgroundFlush>> {
        self.flusher.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_tree<T>(&self, use_it: impl FnOnce(&Tree, &State) -> Result<T, String>) -> Result<T, StorageError> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        if state.replaced {
            return Err(StorageError::Replaced);
        }
        let tree = state.tree.as_ref().ok_or_else(|| StorageError::Stopped("it was closed".into()))?;
        use_it(tree, &state).map_err(|reason| self.failed(reason))
    }

    fn failed(&self, reason: String) -> StorageError {
        self.broken.store(true, Ordering::Relaxed);
        failed(&self.files.folder, reason)
    }

    fn applying(&self) -> MutexGuard<'_, Applying> {
        self.applying.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the entry at position `next` to the changes of a batch.
    fn add(
        &self,
        changes: &mut Changes,
        state: &mut Final,
        next: &mut Position,
        entry: &Entry,
    ) -> Result<Applied, StorageError> {
        if entry.position != *next {
            let what = format!("{} at position {} is to be applied", entry.id, entry.position);
            return Err(StorageError::OutOfOrder { next: *next, what });
        }
        *next = next.next();
        changes.add(state, entry).map_err(|error| match error {
            ApplyError::Undecodable => StorageError::Undecodable { entry: entry.point() },
            ApplyError::Records(reason) => self.failed(reason),
        })
    }

    fn apply_batch(
        &self,
        applying: &mut Applying,
        entries: &[Entry],
        outcomes: &mut Vec<Applied>,
        told: &mut dyn FnMut(&Write),
    ) -> Result<(), StorageError> {
        let (tree, applied) = self.with_tree(|tree, seen| Ok((tree.clone(), seen.applied)))?;
        let Some(last) = entries.last().map(Entry::point) else { return Ok(()) };
        let Applying { state, sum } = applying;
        let rows = ReadCache::new(&tree);
        let mut changes = Changes::new(&rows);
        let mut next = Position::after(applied);
        for entry in entries {
            outcomes.push(self.add(&mut changes, state, &mut next, entry)?);
        }
        let sealed = changes.seal(state, last, sum).map_err(|reason| self.failed(reason))?;
        self.preserved.preserve(&rows, &sealed.batch.keys).map_err(|reason| self.failed(reason))?;
        // Before the lock: readers must not wait for the file.
        tree.make_room(&sealed.batch).map_err(|reason| self.failed(reason))?;
        {
            let mut seen = self.state.write().unwrap_or_else(PoisonError::into_inner);
            tree.write(sealed.batch).map_err(|reason| self.failed(reason))?;
            (seen.applied, seen.revision) = (Some(last), state.revision);
            sealed.writes.iter().for_each(told);
            seen.history.add(sealed.writes);
        }
        changes::remove_pieces(&tree, &self.preserved.release(sealed.dead)).map_err(|reason| self.failed(reason))
    }

    /// Applies many entries before there are readers. `next_entries` returns them in steps, and none at the end.
    /// Meanwhile the database has no mark, so a start after a crash rebuilds it.
    fn apply_in_bulk(
        &self,
        mut next_entries: impl FnMut(Position) -> Result<Vec<Entry>, StorageError>,
    ) -> Result<(), StorageError> {
        let mut applying = self.applying();
        let Applying { state, sum } = &mut *applying;
        let (tree, mut last) = self.with_tree(|tree, seen| Ok((tree.clone(), seen.applied)))?;
        let error = |error: sled::Error| self.failed(error.to_string());
        tree.remove(MARK).map_err(error)?;
        let mut history = History::new(state.revision);
        let mut next = Position::after(last);
        let mut at_end = false;
        while !at_end {
            let rows = ReadCache::new(&tree);
            let mut changes = Changes::new(&rows);
            while !at_end && changes.bytes() < BULK_BYTES {
                let entries = next_entries(next)?;
                for entry in &entries {
                    self.add(&mut changes, state, &mut next, entry)?;
                }
                history.add(changes.take_writes());
                last = entries.last().map(Entry::point).or(last);
                at_end = entries.is_empty();
            }
            changes.spill(sum).map_err(|reason| self.failed(reason))?;
            let mut batch = Writes::default();
            put_sessions(&mut batch, state);
            sum.change(&ReadCache::new(&tree), &batch).map_err(|reason| self.failed(reason))?;
            tree.write(batch).map_err(|reason| self.failed(reason))?;
        }
        if let Some(last) = last {
            tree.insert(MARK, &encode_mark(last, state.revision, *sum)[..]).map_err(error)?;
        }
        tree.flush().map_err(|reason| self.failed(reason))?;
        let mut seen = self.state.write().unwrap_or_else(PoisonError::into_inner);
        (seen.applied, seen.revision, seen.history) = (last, state.revision, history);
        Ok(())
    }

    /// Fills a new database with the content of a snapshot. Meanwhile the database has no mark.
    pub(crate) fn load(&self, dump: &mut dyn Dump) -> Result<(), StorageError> {
        let tree = self.with_tree(|tree, _| Ok(tree.clone()))?;
        let mut applying = self.applying();
        *applying = self.fill(&tree, dump)?;
        let revision = applying.state.revision;
        let mut seen = self.state.write().unwrap_or_else(PoisonError::into_inner);
        (seen.applied, seen.revision, seen.history) = (dump.applied(), revision, History::new(revision));
        Ok(())
    }

    /// Writes all rows, then the mark, and returns the state that applying continues from.
    fn fill(&self, tree: &Tree, dump: &mut dyn Dump) -> Result<Applying, StorageError> {
        let error = |error: sled::Error| self.failed(error.to_string());
        let mut sum = Checksum::default();
        while let Some(rows) = dump.next()? {
            for rows in rows.chunks(BATCH_ENTRIES) {
                let mut batch = Writes::default();
                for (key, value) in rows {
                    batch.insert(&key[..], &value[..]);
                    if is_checksummed(key) {
                        sum.add(key, value);
                    }
                }
                tree.write(batch).map_err(|reason| self.failed(reason))?;
            }
        }
        if let Some(last) = dump.applied() {
            tree.insert(MARK, &encode_mark(last, dump.revision(), sum)[..]).map_err(error)?;
        }
        tree.flush().map_err(|reason| self.failed(reason))?;
        let sessions = read_sessions(tree).map_err(|reason| self.failed(reason))?;
        Ok(Applying { state: Final { revision: dump.revision(), sessions }, sum })
    }

    /// Syncs everything applied so far. sled's flush does not sync on Linux, so its files are synced here.
    fn sync(&self) -> Result<(), StorageError> {
        self.with_tree(|tree, _| tree.flush())?;
        let folder = sled_folder(&self.files.folder);
        sync_files(&folder).map_err(|error| StorageError::io("sync", &folder, &error))
    }
}

impl FinalDatabase for SledDatabase {
    fn apply_telling(&self, apply: &Apply, told: &mut dyn FnMut(&Write)) -> Result<Vec<Applied>, StorageError> {
        let mut applying = self.applying();
        let apply = || {
            let mut outcomes = Vec::with_capacity(apply.entries.len());
            for entries in apply.entries.chunks(BATCH_ENTRIES) {
                self.apply_batch(&mut applying, entries, &mut outcomes, told)?;
            }
            Ok(outcomes)
        };
        // sled panics on some kinds of damage. The node must stop then, not continue without applying.
        let applied = std::panic::catch_unwind(AssertUnwindSafe(apply));
        if let Some(lag) = &*self.flusher() {
            lag.request();
        }
        applied.unwrap_or_else(|_| Err(self.failed("it panicked while applying".into())))
    }

    fn count(&self, most: u64) -> Result<Option<u64>, StorageError> {
        self.with_tree(|tree, _| {
            let mut count = 0;
            for pair in tree.range(record_key(b"")..) {
                let (key, _) = pair.map_err(|error| error.to_string())?;
                if user_key(&key).is_none() {
                    break;
                }
                count += 1;
                if count > most {
                    return Ok(None);
                }
            }
            Ok(Some(count))
        })
    }

    fn read(&self, key: &[u8]) -> Result<Option<Record>, StorageError> {
        self.with_tree(|tree, _| {
            let Some(bytes) = tree.get(record_key(key)).map_err(|error| error.to_string())? else { return Ok(None) };
            read_record(tree, Bytes::copy_from_slice(key), &bytes).map(Some)
        })
    }

    fn list(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<(Vec<Record>, bool), StorageError> {
        self.with_tree(|tree, _| list(tree, prefix, after, limit))
    }

    fn changes(&self, after: u64, prefix: &[u8], limit: usize) -> Result<ChangePage, TooOld> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).history.after(after, prefix, limit)
    }

    fn applied(&self) -> Option<LogPoint> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).applied
    }

    fn revision(&self) -> u64 {
        self.state.read().unwrap_or_else(PoisonError::into_inner).revision
    }

    fn begin_snapshot(&self) -> Result<Box<dyn Dump>, StorageError> {
        let _one_at_a_time = self.applying();
        let begin = |tree: &Tree, state: &State| {
            let folder = self.files.folder.clone();
            let reader = self.preserved.begin(tree.clone(), state.applied, state.revision, folder);
            reader.ok_or_else(|| "another snapshot of it is being read".into())
        };
        self.with_tree(begin).map(|reader| Box::new(reader) as Box<dyn Dump>)
    }

    fn install(&self, dump: &mut dyn Dump) -> Result<(), StorageError> {
        let mut applying = self.applying();
        {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            let next = Position::after(state.applied);
            if Position::after(dump.applied()) <= next {
                let what = format!("a snapshot of {:?} is to be installed", dump.applied());
                return Err(StorageError::OutOfOrder { next, what });
            }
            if state.tree.take().is_none() {
                return Err(StorageError::Stopped("it was closed".into()));
            }
            state.replaced = true;
        }
        drop(self.flusher().take());
        let tree = create(&*self.files.disk, &self.files.folder)?;
        *applying = self.fill(&tree, dump)?;
        let lag = BackgroundFlush::start(tree.clone())
            .map_err(|error| StorageError::io("start the thread of", &sled_folder(&self.files.folder), &error))?;
        *self.flusher() = Some(lag);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        (state.applied, state.revision) = (dump.applied(), applying.state.revision);
        state.history = History::new(applying.state.revision);
        (state.tree, state.replaced) = (Some(tree), false);
        Ok(())
    }

    fn checkpoint(&self) -> Result<(), StorageError> {
        self.sync()
    }

    fn close(&self) -> Result<(), StorageError> {
        let _one_at_a_time = self.applying();
        drop(self.flusher().take());
        self.sync()?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let Some(tree) = state.tree.take() else { return Ok(()) };
        drop(tree);
        if self.broken.load(Ordering::Relaxed) {
            return Ok(());
        }
        clean::write_clean(&self.files, state.applied, state.revision)
    }
}

fn failed(folder: &Path, reason: String) -> StorageError {
    if NO_SPACE.iter().any(|text| reason.contains(text)) {
        return StorageError::DiskFull { path: sled_folder(folder) };
    }
    StorageError::Database { folder: sled_folder(folder), reason }
}
