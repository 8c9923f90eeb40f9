//! Final data in the embedded database (sled), the only place that names it.
//!
//! One thread applies, any thread reads. Every batch carries the mark of what it stands for, so the data are always a
//! function of a prefix of the log. Nothing is synced on this path: the log is what must not be lost. A database that
//! was not closed cleanly is used only if it is proven to hold what its mark says; otherwise it is rebuilt.

mod read_cache;

mod changes;

mod clean;

mod background_flush;

mod layout;

mod checksum;

mod restore;

mod snapshot_reader;

mod tree;

use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;

use crate::protocol::apply::{
    Applied, ApplyError, ChangePage, History, Session, Sessions, State as Final, TooOld, Write,
};
use crate::protocol::{Apply, Entry, Incarnation, LogPoint, Position};
use crate::storage::disk::Disk;
use crate::storage::open::identity::Lock;
use crate::storage::{Dump, FinalDatabase, Record, StorageError};

use background_flush::Lag;
use changes::{Changes, put_sessions};
use checksum::Sum;
use layout::{
    Head, MARK, SESSION_TABLE, Value, decode_mark, encode_mark, is_proven, piece_key, record_key, session_id, user_key,
};
use read_cache::Before;
use restore::open_sled;
use snapshot_reader::Shadow;
use tree::{Tree, Writes};

pub(crate) use clean::read_clean;
pub(crate) use restore::{Restoring, applied_for_certain, point_at, restore};

/// Entries made final by one batch: large enough to share its costs, small enough not to keep readers waiting.
const BATCH_ENTRIES: usize = 128;
/// How the standard library writes the error numbers of a full disk and of a file that may not grow, for people and for
/// programmers: one of them is all that is left in sled's text.
const NO_SPACE: [&str; 4] = ["(os error 28)", "Os { code: 28,", "(os error 27)", "Os { code: 27,"];
/// Keys and values gathered in memory during a rebuild before they are written in the order of keys.
const BULK_BYTES: usize = 64 << 20;
/// A list ends early after this many bytes of keys and values.
const LIST_BYTES: usize = 4 << 20;

/// Where the database lives.
#[derive(Clone)]
pub(crate) struct DatabasePlace {
    /// The data folder of the node.
    pub folder: PathBuf,
    pub incarnation: Incarnation,
    pub disk: Arc<dyn Disk>,
    /// Held as long as the database is open.
    pub _lock: Option<Arc<Lock>>,
}

pub(crate) struct SledDatabase {
    place: DatabasePlace,
    /// What applying goes by besides the records. One batch after the other: it is held while a batch is made, which
    /// reads need not wait for.
    applying: Mutex<Applying>,
    /// Keeps what a snapshot that is being read may still want.
    shadow: Shadow,
    state: RwLock<State>,
    /// `None` once it is closed.
    lag: Mutex<Option<Lag>>,
    /// Something failed: the next start rebuilds it, whatever the end looks like.
    broken: AtomicBool,
}

struct Applying {
    state: Final,
    /// Of the rows in the tree.
    sum: Sum,
}

/// What a reader sees, all of it from one moment.
struct State {
    /// `None` once it is closed, and while it is being replaced.
    tree: Option<Tree>,
    replaced: bool,
    applied: Option<LogPoint>,
    revision: u64,
    history: History,
}

impl SledDatabase {
    pub(crate) fn new(place: DatabasePlace, tree: Tree) -> Result<SledDatabase, StorageError> {
        let (applied, revision, sum) = read_mark(&tree).map_err(|reason| failed(&place.folder, reason))?;
        let lag = Lag::start(tree.clone())
            .map_err(|error| StorageError::io("start the thread of", &sled_folder(&place.folder), &error))?;
        let sessions = read_sessions(&tree).map_err(|reason| failed(&place.folder, reason))?;
        let state = RwLock::new(State {
            tree: Some(tree),
            replaced: false,
            applied,
            revision,
            history: History::new(revision),
        });
        Ok(SledDatabase {
            place,
            applying: Mutex::new(Applying { state: Final { revision, sessions }, sum }),
            shadow: Shadow::default(),
            state,
            lag: Mutex::new(Some(lag)),
            broken: AtomicBool::new(false),
        })
    }

    fn lag(&self) -> MutexGuard<'_, Option<Lag>> {
        self.lag.lock().unwrap_or_else(PoisonError::into_inner)
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
        failed(&self.place.folder, reason)
    }

    fn applying(&self) -> MutexGuard<'_, Applying> {
        self.applying.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an entry to the changes of a batch; it must follow what is applied and pending.
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
        let before = Before::new(&tree);
        let mut changes = Changes::new(&before);
        let mut next = Position::after(applied);
        for entry in entries {
            outcomes.push(self.add(&mut changes, state, &mut next, entry)?);
        }
        let sealed = changes.seal(state, last, sum).map_err(|reason| self.failed(reason))?;
        self.shadow.keep(&before, &sealed.batch.keys).map_err(|reason| self.failed(reason))?;
        // Readers need not wait for the file.
        tree.make_room(&sealed.batch).map_err(|reason| self.failed(reason))?;
        {
            let mut seen = self.state.write().unwrap_or_else(PoisonError::into_inner);
            tree.write(sealed.batch).map_err(|reason| self.failed(reason))?;
            (seen.applied, seen.revision) = (Some(last), state.revision);
            sealed.writes.iter().for_each(told);
            seen.history.add(sealed.writes);
        }
        changes::remove_pieces(&tree, &self.shadow.bury(sealed.dead)).map_err(|reason| self.failed(reason))
    }

    /// Applies many entries while nobody reads yet; `next_entries` gives them in steps, and nothing at the end. Until
    /// it is done the database has no mark: whoever finds it so knows that it is in the making.
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
            let before = Before::new(&tree);
            let mut changes = Changes::new(&before);
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
            sum.change(&Before::new(&tree), &batch).map_err(|reason| self.failed(reason))?;
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

    /// Fills a new database with what a snapshot holds. Until it is done the database has no mark.
    pub(crate) fn load(&self, dump: &mut dyn Dump) -> Result<(), StorageError> {
        let tree = self.with_tree(|tree, _| Ok(tree.clone()))?;
        let mut applying = self.applying();
        *applying = self.fill(&tree, dump)?;
        let revision = applying.state.revision;
        let mut seen = self.state.write().unwrap_or_else(PoisonError::into_inner);
        (seen.applied, seen.revision, seen.history) = (dump.applied(), revision, History::new(revision));
        Ok(())
    }

    /// Writes all rows, then the mark; gives what applying goes on from.
    fn fill(&self, tree: &Tree, dump: &mut dyn Dump) -> Result<Applying, StorageError> {
        let error = |error: sled::Error| self.failed(error.to_string());
        let mut sum = Sum::default();
        while let Some(rows) = dump.next()? {
            for rows in rows.chunks(BATCH_ENTRIES) {
                let mut batch = Writes::default();
                for (key, value) in rows {
                    batch.insert(&key[..], &value[..]);
                    if is_proven(key) {
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

    /// Everything applied so far reaches the disk. sled's own flush does not sync on Linux, so its files are synced
    /// here.
    fn sync(&self) -> Result<(), StorageError> {
        self.with_tree(|tree, _| tree.flush())?;
        let folder = sled_folder(&self.place.folder);
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
        // sled panics rather than report some kinds of damage; the node must stop then, not go on without applying.
        let applied = std::panic::catch_unwind(AssertUnwindSafe(apply));
        if let Some(lag) = &*self.lag() {
            lag.is_behind();
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
            whole(tree, Bytes::copy_from_slice(key), &bytes).map(Some)
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
            let place = self.place.folder.clone();
            let reading = self.shadow.begin(tree.clone(), state.applied, state.revision, place);
            reading.ok_or_else(|| "another snapshot of it is being read".into())
        };
        self.with_tree(begin).map(|reading| Box::new(reading) as Box<dyn Dump>)
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
        drop(self.lag().take());
        let tree = restore::start_anew(&self.place.folder)?;
        *applying = self.fill(&tree, dump)?;
        let lag = Lag::start(tree.clone())
            .map_err(|error| StorageError::io("start the thread of", &sled_folder(&self.place.folder), &error))?;
        *self.lag() = Some(lag);
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
        drop(self.lag().take());
        self.sync()?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let Some(tree) = state.tree.take() else { return Ok(()) };
        drop(tree);
        if self.broken.load(Ordering::Relaxed) {
            return Ok(());
        }
        clean::write_clean(&self.place, state.applied, state.revision)
    }
}

/// A copy of the files of a final database, opened to look into it.
pub(crate) struct DatabaseCopy {
    tree: Tree,
    /// What was applied last, and the revision.
    pub mark: (Option<LogPoint>, u64),
}

impl DatabaseCopy {
    pub(crate) fn open(folder: &Path) -> Result<DatabaseCopy, String> {
        let tree = open_sled(folder)?;
        let (applied, revision, _) = read_mark(&tree)?;
        Ok(DatabaseCopy { tree, mark: (applied, revision) })
    }

    /// Nothing if there is no mark: the database was in the making.
    pub(crate) fn list(&self, after: Option<&[u8]>, limit: usize) -> Result<(Vec<Record>, bool), String> {
        if self.mark.0.is_none() {
            return Ok((Vec::new(), false));
        }
        list(&self.tree, b"", after, limit)
    }
}

/// The records of a list; see [`FinalDatabase::list`].
fn list(tree: &Tree, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<(Vec<Record>, bool), String> {
    use std::ops::Bound::{Excluded, Included, Unbounded};
    let from = match after {
        Some(after) if after >= prefix => Excluded(record_key(after)),
        _ => Included(record_key(prefix)),
    };
    let (mut records, mut bytes) = (Vec::new(), 0);
    for pair in tree.range((from, Unbounded)) {
        let (key, value) = pair.map_err(|error| error.to_string())?;
        let Some(key) = user_key(&key).filter(|key| key.starts_with(prefix)) else { break };
        if records.len() == limit || bytes >= LIST_BYTES {
            return Ok((records, true));
        }
        let record = whole(tree, Bytes::copy_from_slice(key), &value)?;
        bytes += record.key.len() + record.value.len();
        records.push(record);
    }
    Ok((records, false))
}

/// The record of these bytes, with its value put together.
fn whole(tree: &Tree, key: Bytes, bytes: &[u8]) -> Result<Record, String> {
    let head = Head::decode(bytes).ok_or("a record is damaged")?;
    let value = match &head.value {
        Value::Inline(value) => value.clone(),
        Value::Pieces { length } => {
            let mut value = Vec::with_capacity(*length as usize);
            for number in 0..head.value.pieces() {
                let piece = tree.get(piece_key(head.revision, number)).map_err(|error| error.to_string())?;
                value.extend_from_slice(&piece.ok_or("a piece of a value is missing")?);
            }
            Bytes::from(value)
        }
    };
    Ok(head.record(key, value))
}

fn read_mark(tree: &Tree) -> Result<(Option<LogPoint>, u64, Sum), String> {
    match tree.get(MARK).map_err(|error| error.to_string())? {
        None => Ok((None, 0, Sum::default())),
        Some(bytes) => {
            let (point, revision, sum) = decode_mark(&bytes).ok_or("the mark of what was applied is damaged")?;
            Ok((Some(point), revision, sum))
        }
    }
}

fn read_sessions(tree: &Tree) -> Result<Sessions, String> {
    const DAMAGED: &str = "the table of sessions is damaged";
    let mut new_from = 0;
    let mut sessions = Vec::new();
    for pair in tree.scan_prefix(SESSION_TABLE) {
        let (key, bytes) = pair.map_err(|error| error.to_string())?;
        if key == SESSION_TABLE {
            new_from = u64::from_le_bytes((*bytes).try_into().map_err(|_| DAMAGED)?);
            continue;
        }
        let session = Session::decode(&bytes);
        sessions.push(session_id(&key).zip(session).ok_or(DAMAGED)?);
    }
    Ok(Sessions::restore(new_from, sessions))
}

/// The folder of the embedded database inside a data folder.
pub(crate) fn sled_folder(folder: &Path) -> PathBuf {
    folder.join("final")
}

fn failed(folder: &Path, reason: String) -> StorageError {
    if NO_SPACE.iter().any(|text| reason.contains(text)) {
        return StorageError::DiskFull { path: sled_folder(folder) };
    }
    StorageError::Database { folder: sled_folder(folder), reason }
}

/// Syncs all files of a folder, those in its folders, and the names.
fn sync_files(folder: &Path) -> std::io::Result<()> {
    for file in std::fs::read_dir(folder)? {
        let path = file?.path();
        if path.is_dir() {
            sync_files(&path)?;
            continue;
        }
        match File::open(&path) {
            Ok(file) => file.sync_data()?,
            // The database may have removed a file of its own meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    File::open(folder)?.sync_all()
}
