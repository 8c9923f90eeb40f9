//! Opening a node's data folder: who it belongs to, what the log remembers, and a final database that agrees with it.
//!
//! ```text
//! DIR/lock          held while a process runs on the folder
//! DIR/identity      node, incarnation, cluster
//! DIR/log/          intermediate data: the segments
//! DIR/commit        the recorded commit point
//! DIR/snapshot/     snapshots of the final data; the log begins after what the newest holds, or before
//! DIR/final/        final data: the embedded database
//! DIR/final.clean   what the database held when it was closed
//! DIR/quarantine-1/ a damaged folder's content, moved aside
//! ```

pub(super) mod identity;

pub(super) mod restored;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::protocol::{Base, Incarnation, LogPoint, NodeId, Position, Restored, SnapshotId};
use crate::storage::backup::half_restored;
use crate::storage::database::{DatabasePlace, Restoring, applied_for_certain, point_at, restore};
use crate::storage::disk::{Disk, SystemDisk, remove_temporaries};
use crate::storage::log::{
    LogPlace, SEGMENT_BYTES, Scanned, SegmentLog, commit_path, log_folder, read_commit, remove_torn_start, scan,
};
use crate::storage::open::identity::{Identity, Lock};
use crate::storage::open::restored::{History, restored};
use crate::storage::permissions::{create_folder, make_private};
use crate::storage::quarantine;
use crate::storage::snapshot::{SnapshotFile, SnapshotFolder};
use crate::storage::{IntermediateLog, LogReader, Opened, SnapshotStore, StorageError};

/// What to open, and how much of the log's end to hand to the core.
pub struct OpenOptions<'a> {
    /// Made if it is missing.
    pub folder: PathBuf,
    /// Whose folder it must be.
    pub node: NodeId,
    /// Bounds of [`crate::protocol::Restored::tail`] in bytes and number; entries that are not committed come on top.
    pub tail_bytes: u64,
    pub tail_entries: usize,
    /// Told what takes long, such as a rebuild of the final database.
    pub progress: &'a dyn Fn(&str),
}

/// Opens the folder or says why not. On return the final database is applied exactly up to `restored.committed`.
pub fn open(options: &OpenOptions) -> Result<Opened, StorageError> {
    open_on(Arc::new(SystemDisk), SEGMENT_BYTES, options)
}

/// Like [`open`], on a disk of the caller's and with segments of the size asked for.
pub(crate) fn open_on(disk: Arc<dyn Disk>, segment_bytes: u32, options: &OpenOptions) -> Result<Opened, StorageError> {
    let folder = &options.folder;
    if let Some(half) = folder.parent().and_then(half_restored) {
        return Err(StorageError::HalfRestored { folder: half });
    }
    make_folder(&*disk, folder)?;
    let lock = Some(Arc::new(Lock::take(folder)?));
    make_private(folder);
    quarantine::go_on(&*disk, folder)?;
    make_folder(&*disk, &log_folder(folder))?;
    for place in [folder, &log_folder(folder)] {
        remove_temporaries(&*disk, place).map_err(|error| StorageError::io("clean up", place, &error))?;
    }
    let snapshots = SnapshotFolder::new(folder, disk.clone());
    make_folder(&*disk, &snapshots.folder)?;
    let place =
        LogPlace { folder: log_folder(folder), commit: commit_path(folder), disk, segment_bytes, _lock: lock.clone() };
    let mut notes = Vec::new();
    let (mut log, mut history, incarnation) = open_log(&place, options, &mut notes)?;
    let reader = log.reader();
    let recorded = recorded_commit(&place, &*reader, history.purged())?;
    let mut kept = snapshots.kept(history.purged(), &mut notes)?;
    if let Some(base) = to_install(&mut kept, &*reader, &history, &mut notes, log_folder(folder))? {
        replace_log(&mut log, &base)?;
        history = history.replaced(base);
    }
    adopt_installed(&snapshots, &mut kept, &*reader, &history)?;
    let recorded = recorded.max_by_position(history.purged());
    let held = kept.first().map(|(id, _)| id.point);
    let recorded = recorded.max_by_position(held);
    let database = DatabasePlace { folder: folder.clone(), incarnation, disk: place.disk.clone(), _lock: lock };
    let mut restoring = Restoring {
        log: &*reader,
        last: history.last,
        purged: history.purged(),
        snapshots: kept.iter().map(|(_, path)| path.clone()).collect(),
        committed: recorded,
        progress: options.progress,
        notes: &mut notes,
    };
    let (database, committed) = restore(database, &mut restoring)?;
    let log = hold_committed(log, recorded, committed)?;
    snapshots.remove_unfinished(committed)?;
    snapshots.remove_superfluous()?;
    make_private(folder);
    let snapshot = kept.first().map(|(id, _)| *id);
    let bytes_since_snapshot = log.bytes_after(snapshot.map_or(Position(0), |id| id.point.position))?;
    let restored = restored(&*reader, history, committed, options)?;
    let restored = Restored { snapshot, bytes_since_snapshot, weights: log.weights()?, ..restored };
    name_cluster(&place, options, incarnation, &restored)?;
    let snapshots = Arc::new(snapshots);
    let quarantines = quarantine::quarantines(folder)?;
    let (log, database) = (Box::new(log), Arc::new(database));
    Ok(Opened { incarnation, log, database, snapshots, restored, notes, quarantines })
}

/// The log of this node: a new one in a new folder, otherwise the one that was there, which must not be lost.
fn open_log(
    place: &LogPlace,
    options: &OpenOptions,
    notes: &mut Vec<String>,
) -> Result<(SegmentLog, History, Incarnation), StorageError> {
    let folder = &options.folder;
    let identity = Identity::read(folder)?;
    if let Some(identity) = identity.filter(|identity| identity.node != options.node) {
        return Err(StorageError::OtherNode { folder: folder.clone(), found: identity.node, expected: options.node });
    }
    let lost = |what: String| StorageError::LogLost { folder: place.folder.clone(), what };
    let scanned = match (scan(&place.folder)?, identity) {
        (None, None) => return found_log(place, options),
        (None, Some(_)) => return Err(lost("it has no file".into())),
        (Some(scanned), Some(identity)) if scanned.incarnation != identity.incarnation => {
            return Err(lost(format!("its files belong to incarnation {}", scanned.incarnation)));
        }
        (Some(scanned), Some(identity)) if identity.cluster.is_some() && scanned.replay.lists.current().is_none() => {
            return Err(lost("the entry that founded the cluster is missing".into()));
        }
        (Some(scanned), Some(_)) => scanned,
        (Some(scanned), None) => {
            begun_log(place, options, &scanned)?;
            scanned
        }
    };
    holds_commit(place, &scanned)?;
    if scanned.torn_bytes > 0 {
        holds_applied(place, folder, &scanned)?;
        let torn = scanned.torn_bytes;
        notes.push(format!("the log's end was torn: {torn} bytes dropped that were never acked"));
    }
    let (incarnation, history) = (scanned.incarnation, History::of(&scanned.replay));
    Ok((SegmentLog::resume(place, scanned)?, history, incarnation))
}

/// A new node: the first file of the log, then the identity, so that an identity without a log is always a loss.
fn found_log(place: &LogPlace, options: &OpenOptions) -> Result<(SegmentLog, History, Incarnation), StorageError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| StorageError::Io {
        action: "draw a random incarnation for",
        path: options.folder.clone(),
        reason: error.to_string(),
    })?;
    let incarnation = Incarnation(random);
    remove_torn_start(place)?;
    let log = SegmentLog::create(place, incarnation)?;
    let identity = Identity { node: options.node, incarnation, cluster: None };
    identity.write(&*place.disk, &options.folder)?;
    Ok((log, History::default(), incarnation))
}

/// A log without an identity: the node ended between making the two, or the identity was lost.
fn begun_log(place: &LogPlace, options: &OpenOptions, scanned: &Scanned) -> Result<(), StorageError> {
    if scanned.replay.promise.is_some() || scanned.replay.last().is_some() {
        return Err(StorageError::IdentityLost { path: Identity::path(&options.folder) });
    }
    let identity = Identity { node: options.node, incarnation: scanned.incarnation, cluster: None };
    identity.write(&*place.disk, &options.folder)
}

/// A log that ends before the recorded commit point has lost more than a torn end: it is refused before that is cut
/// off.
fn holds_commit(place: &LogPlace, scanned: &Scanned) -> Result<(), StorageError> {
    let end = scanned.replay.last().map_or(0, |last| last.position.0);
    match read_recorded(place)? {
        Some(point) if point.position.0 > end => Err(commit_lost(place, point, None)),
        _ => Ok(()),
    }
}

/// A log with a torn end that ends before what was applied has lost more than that end. Told before the end is cut off,
/// so that all that is left of it is moved aside. Whole logs are looked at when the final database is opened.
fn holds_applied(place: &LogPlace, folder: &Path, scanned: &Scanned) -> Result<(), StorageError> {
    let end = scanned.replay.last().map_or(0, |last| last.position.0);
    // A snapshot that is being installed is in the database before the log follows.
    let installing = SnapshotFolder::new(folder, place.disk.clone()).newest_received()?;
    match applied_for_certain(folder, scanned.incarnation, Position(end)) {
        Some(applied) if installing < Some(applied.position) => Err(applied_lost(&place.folder, end, applied)),
        _ => Ok(()),
    }
}

pub(crate) fn applied_lost(folder: &Path, end: u64, applied: LogPoint) -> StorageError {
    let what = format!(
        "it ends at position {end}, but the final database holds {applied} at position {}, so committed entries are missing",
        applied.position
    );
    StorageError::LogLost { folder: folder.to_path_buf(), what }
}

fn read_recorded(place: &LogPlace) -> Result<Option<LogPoint>, StorageError> {
    read_commit(&place.commit).map_err(|error| StorageError::io("read", &place.commit, &error))
}

fn commit_lost(place: &LogPlace, point: LogPoint, found: Option<LogPoint>) -> StorageError {
    let found = found.map_or("nothing".to_string(), |found| found.to_string());
    let what = format!("{point} was committed at position {}, there is {found}", point.position);
    StorageError::LogLost { folder: place.folder.clone(), what }
}

/// The recorded commit point, which must be in the log: only what was durable was ever committed. What the log has
/// given up was committed in any case.
fn recorded_commit(
    place: &LogPlace,
    log: &dyn LogReader,
    purged: Option<LogPoint>,
) -> Result<Option<LogPoint>, StorageError> {
    let Some(point) = read_recorded(place)? else { return Ok(purged) };
    if purged.is_some_and(|purged| point.position <= purged.position) {
        return Ok(purged);
    }
    match point_at(log, point.position)? {
        Some(found) if found == point => Ok(Some(point)),
        found => Err(commit_lost(place, point, found)),
    }
}

/// A snapshot that was received, and not yet installed when the node ended: the log does not reach it, or holds
/// something else there, which nobody has committed. Those that are damaged are taken out. One that this node took
/// itself stands for entries that its log held: if the log does not reach it, they were lost.
fn to_install(
    kept: &mut Vec<(SnapshotId, PathBuf)>,
    log: &dyn LogReader,
    history: &History,
    notes: &mut Vec<String>,
    log_folder: PathBuf,
) -> Result<Option<Base>, StorageError> {
    while let Some((id, path)) = kept.first() {
        let genuine = history.forged_from.is_none_or(|forged| forged > id.point.position);
        if history.purged() == Some(id.point) || genuine && point_at(log, id.point.position)? == Some(id.point) {
            return Ok(None);
        }
        match SnapshotFile::open(path).and_then(SnapshotFile::verify) {
            Ok(found) if found == *id && !SnapshotFolder::is_received(path) => {
                let end = history.last.map_or(0, |last| last.position.0);
                let what = format!(
                    "it ends at position {end}, but the snapshot {} holds what was committed up to {} at position {}",
                    path.display(),
                    id.point,
                    id.point.position
                );
                return Err(StorageError::LogLost { folder: log_folder, what });
            }
            Ok(found) if found == *id => {
                notes.push(format!("the snapshot of {} was received and is installed now", id.point));
                return SnapshotFile::open(path).map(|file| Some(file.base));
            }
            Ok(_) => {}
            Err(StorageError::SnapshotDamaged { byte, what, .. }) => {
                notes.push(format!("the snapshot {} is damaged at byte {byte}: {what}", path.display()));
            }
            Err(error) => return Err(error),
        }
        kept.remove(0);
    }
    Ok(None)
}

/// A snapshot that was received and is installed, or need not be, is from now on like one that was taken here.
fn adopt_installed(
    snapshots: &SnapshotFolder,
    kept: &mut [(SnapshotId, PathBuf)],
    log: &dyn LogReader,
    history: &History,
) -> Result<(), StorageError> {
    for (id, path) in kept.iter_mut().filter(|(_, path)| SnapshotFolder::is_received(path)) {
        if history.purged() == Some(id.point) || point_at(log, id.point.position)? == Some(id.point) {
            *path = snapshots.adopt(path, id.point.position)?;
        }
    }
    Ok(())
}

pub(crate) fn replace_log(log: &mut SegmentLog, base: &Base) -> Result<(), StorageError> {
    log.replace(base)?;
    let (told, wait) = std::sync::mpsc::channel();
    log.flush(Box::new(move |flushed| {
        // Whoever waits is just below.
        let _ = told.send(flushed);
    }))?;
    wait.recv().unwrap_or_else(|_| Err(StorageError::Stopped("the log's thread has gone".into())))
}

trait MaxByPosition {
    fn max_by_position(self, other: Self) -> Self;
}

impl MaxByPosition for Option<LogPoint> {
    fn max_by_position(self, other: Self) -> Self {
        [self, other].into_iter().flatten().max_by_key(|point| point.position)
    }
}

/// The log knows what must not be truncated any more, also when only the database remembered it.
fn hold_committed(
    mut log: SegmentLog,
    recorded: Option<LogPoint>,
    committed: Option<LogPoint>,
) -> Result<SegmentLog, StorageError> {
    match committed {
        Some(point) if recorded != committed => log.record_commit(point)?,
        Some(point) => log.hold_committed(point),
        None => {}
    }
    Ok(log)
}

/// Adds the cluster to the identity, once the entry that founded it is committed.
fn name_cluster(
    place: &LogPlace,
    options: &OpenOptions,
    incarnation: Incarnation,
    restored: &Restored,
) -> Result<(), StorageError> {
    let cluster = restored.committed.and(restored.lists.last()).map(|listed| listed.membership.cluster);
    let identity = Identity { node: options.node, incarnation, cluster };
    if cluster.is_none() || Identity::read(&options.folder)? == Some(identity) {
        return Ok(());
    }
    identity.write(&*place.disk, &options.folder)
}

/// Makes a folder and those above it, durable with their names.
pub(crate) fn make_folder(disk: &dyn Disk, folder: &Path) -> Result<(), StorageError> {
    let error = |error: io::Error| StorageError::io("make folder", folder, &error);
    if folder.is_dir() {
        return Ok(());
    }
    let parent = match folder.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    make_folder(disk, parent)?;
    create_folder(folder).map_err(error)?;
    disk.sync_folder(parent).map_err(error)
}
