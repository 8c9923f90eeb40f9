//! Opening a node's data folder: identity, log, snapshots, and a final database that agrees with the log.
//!
//! ```text
//! DIR/lock          locked while a process uses the folder
//! DIR/identity      node, incarnation, cluster
//! DIR/log/          intermediate data: the segments, and where the first one begins
//! DIR/commit        the recorded commit point
//! DIR/snapshot/     snapshots of the final data; the log begins at or before the end of the newest
//! DIR/final/        final data: the embedded database
//! DIR/final.clean   what the database held when it was closed
//! DIR/quarantine-1/ the content of a damaged folder, moved aside
//! ```
//!
//! Order of a start:
//!
//! 1. Compare the format versions of all files with those that this program reads. Nothing is written before.
//! 2. Finish a quarantine that a crash interrupted.
//! 3. Scan the log. Compare it with everything that remembers committed entries: commit point, final database, own
//!    snapshots ([`evidence`]). Nothing is cut off before, so a damaged folder is moved aside complete.
//! 4. Finish the install of a received snapshot that a crash interrupted.
//! 5. Open the final database, or rebuild it.

mod evidence;

pub(super) mod identity;

pub(super) mod lock;

pub(super) mod restored;

mod versions;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::protocol::{Base, FeatureLevel, Incarnation, Listed, LogPoint, NodeId, Position, Restored, SnapshotId};
use crate::storage::backup::half_restored;
use crate::storage::database::{DatabaseFiles, Restoring, point_at, restore};
use crate::storage::disk::{Disk, SystemDisk, remove_temporaries};
use crate::storage::log::{
    LogFiles, SEGMENT_BYTES, Scanned, SegmentLog, commit_path, log_folder, remove_torn_start, scan,
};
use crate::storage::permissions::{create_folder, make_private};
use crate::storage::quarantine;
use crate::storage::snapshot::{SnapshotFile, SnapshotFolder};
use crate::storage::{IntermediateLog, LogReader, Opened, SnapshotStore, StorageError};

use evidence::{check_against_applied, check_against_commit_point, own_snapshot_lost, recorded_commit};
use identity::Identity;
use lock::FolderLock;
use restored::{LogSummary, restored};

pub(crate) use evidence::applied_lost;
pub(crate) use versions::check_versions;

/// What to open, and how much of the log's end to hand to the core.
pub struct OpenOptions<'a> {
    /// Created if it is missing.
    pub folder: PathBuf,
    /// The node that must own it.
    pub node: NodeId,
    /// The greatest weight of [`crate::protocol::Restored::tail`] in bytes, besides uncommitted entries.
    pub tail_bytes: u64,
    /// The greatest number of its entries, besides uncommitted ones.
    pub tail_entries: usize,
    /// The greatest feature level that this node supports.
    pub level_max: FeatureLevel,
    /// Receives the progress of steps that take long, such as a rebuild of the final database.
    pub progress: &'a dyn Fn(&str),
}

/// Opens a data folder. On return the final database is applied exactly up to `restored.committed`.
///
/// # Errors
///
/// The folder is in use, belongs to another node, has files of another format version, or is damaged
/// ([`StorageError::is_damage`]).
pub fn open(options: &OpenOptions) -> Result<Opened, StorageError> {
    open_on(Arc::new(SystemDisk), SEGMENT_BYTES, options)
}

/// Like [`open`], on the given disk and with segments of the given size.
pub(crate) fn open_on(disk: Arc<dyn Disk>, segment_bytes: u32, options: &OpenOptions) -> Result<Opened, StorageError> {
    let folder = &options.folder;
    if let Some(half) = folder.parent().and_then(half_restored) {
        return Err(StorageError::HalfRestored { folder: half });
    }
    check_versions(folder)?;
    make_folder(&*disk, folder)?;
    let lock = Some(Arc::new(FolderLock::take(folder)?));
    make_private(folder);
    quarantine::go_on(&*disk, folder)?;
    make_folder(&*disk, &log_folder(folder))?;
    for path in [folder, &log_folder(folder)] {
        remove_temporaries(&*disk, path).map_err(|error| StorageError::io("clean up", path, &error))?;
    }
    let snapshots = SnapshotFolder::new(folder, disk.clone());
    make_folder(&*disk, &snapshots.folder)?;
    let files =
        LogFiles { folder: log_folder(folder), commit: commit_path(folder), disk, segment_bytes, _lock: lock.clone() };
    let mut notes = Vec::new();
    let (mut log, mut summary, incarnation) = open_log(&files, options, &mut notes)?;
    let reader = log.reader();
    let recorded = recorded_commit(&files, &*reader, summary.purged())?;
    let mut kept = snapshots.kept(summary.purged(), &mut notes)?;
    if let Some(base) = to_install(&mut kept, &*reader, &summary, &mut notes, log_folder(folder))? {
        check_level(options, base.lists.last())?;
        replace_log(&mut log, &base)?;
        summary = summary.replaced(base);
    }
    adopt_installed(&snapshots, &mut kept, &*reader, &summary)?;
    let held = kept.first().map(|(id, _)| id.point);
    let recorded = recorded.max_by_position(summary.purged()).max_by_position(held);
    let database = DatabaseFiles { folder: folder.clone(), incarnation, disk: files.disk.clone(), _lock: lock };
    let mut restoring = Restoring {
        log: &*reader,
        last: summary.last,
        purged: summary.purged(),
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
    let restored = restored(&*reader, summary, committed, options)?;
    let restored = Restored { snapshot, bytes_since_snapshot, weights: log.weights()?, ..restored };
    name_cluster(&files, options, incarnation, &restored)?;
    let snapshots = Arc::new(snapshots);
    let quarantines = quarantine::quarantines(folder)?;
    let (log, database) = (Box::new(log), Arc::new(database));
    Ok(Opened { incarnation, log, database, snapshots, restored, notes, quarantines })
}

/// The log of this node: a new one in a new folder, otherwise the existing one, which must be complete.
fn open_log(
    files: &LogFiles,
    options: &OpenOptions,
    notes: &mut Vec<String>,
) -> Result<(SegmentLog, LogSummary, Incarnation), StorageError> {
    let folder = &options.folder;
    let identity = Identity::read(folder)?;
    if let Some(identity) = identity.filter(|identity| identity.node != options.node) {
        return Err(StorageError::OtherNode { folder: folder.clone(), found: identity.node, expected: options.node });
    }
    let lost = |what: String| StorageError::LogLost { folder: files.folder.clone(), what };
    let scanned = match (scan(&files.folder)?, identity) {
        (None, None) => return create_log(files, options),
        (None, Some(_)) => return Err(lost("it has no file".into())),
        (Some(scanned), Some(identity)) if scanned.incarnation != identity.incarnation => {
            return Err(lost(format!("its files belong to incarnation {}", scanned.incarnation)));
        }
        (Some(scanned), Some(identity)) if identity.cluster.is_some() && scanned.replay.lists.current().is_none() => {
            return Err(lost("the entry that founded the cluster is missing".into()));
        }
        (Some(scanned), Some(_)) => scanned,
        (Some(scanned), None) => {
            restore_identity(files, options, &scanned)?;
            scanned
        }
    };
    check_level(options, scanned.replay.lists.current())?;
    check_against_commit_point(files, &scanned)?;
    if scanned.torn_bytes > 0 {
        check_against_applied(files, folder, &scanned)?;
        let torn = scanned.torn_bytes;
        notes.push(format!("the log's end was torn: dropped {torn} bytes that were never acked"));
    }
    let (incarnation, summary) = (scanned.incarnation, LogSummary::of(&scanned.replay));
    Ok((SegmentLog::resume(files, scanned)?, summary, incarnation))
}

/// Fails if a member list needs a higher feature level than this node supports: the log has entries that it cannot
/// apply.
fn check_level(options: &OpenOptions, list: Option<&Listed>) -> Result<(), StorageError> {
    match list.map(|listed| listed.membership.level).filter(|level| *level > options.level_max) {
        Some(level) => {
            let (path, supported) = (options.folder.clone(), options.level_max);
            Err(StorageError::LevelTooLow { path, level, supported })
        }
        None => Ok(()),
    }
}

/// Creates the first file of the log, then the identity: an identity without a log is therefore always a loss.
fn create_log(files: &LogFiles, options: &OpenOptions) -> Result<(SegmentLog, LogSummary, Incarnation), StorageError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| StorageError::Io {
        action: "draw a random incarnation for",
        path: options.folder.clone(),
        reason: error.to_string(),
    })?;
    let incarnation = Incarnation(random);
    remove_torn_start(files)?;
    let log = SegmentLog::create(files, incarnation)?;
    let identity = Identity { node: options.node, incarnation, cluster: None };
    identity.write(&*files.disk, &options.folder)?;
    Ok((log, LogSummary::default(), incarnation))
}

/// A log without an identity. If the log is empty, the node ended between creating the two, and the identity is written
/// now. Otherwise the identity was lost.
fn restore_identity(files: &LogFiles, options: &OpenOptions, scanned: &Scanned) -> Result<(), StorageError> {
    if scanned.replay.promise.is_some() || scanned.replay.last().is_some() {
        return Err(StorageError::IdentityLost { path: Identity::path(&options.folder) });
    }
    let identity = Identity { node: options.node, incarnation: scanned.incarnation, cluster: None };
    identity.write(&*files.disk, &options.folder)
}

/// The base of a snapshot whose install a crash interrupted: it was received, and the log does not reach its last entry
/// or holds an uncommitted one there. Removes damaged snapshots from `kept`.
///
/// An own snapshot holds entries that were in this log, so if the log does not reach it, they were lost.
fn to_install(
    kept: &mut Vec<(SnapshotId, PathBuf)>,
    log: &dyn LogReader,
    summary: &LogSummary,
    notes: &mut Vec<String>,
    log_folder: PathBuf,
) -> Result<Option<Base>, StorageError> {
    while let Some((id, path)) = kept.first() {
        let genuine = summary.forged_from.is_none_or(|forged| forged > id.point.position);
        if summary.purged() == Some(id.point) || genuine && point_at(log, id.point.position)? == Some(id.point) {
            return Ok(None);
        }
        match SnapshotFile::open(path).and_then(SnapshotFile::verify) {
            Ok(found) if found == *id && !SnapshotFolder::is_received(path) => {
                return Err(own_snapshot_lost(log_folder, summary, path, id.point));
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

/// Treats received snapshots that the log reaches like own ones from now on.
fn adopt_installed(
    snapshots: &SnapshotFolder,
    kept: &mut [(SnapshotId, PathBuf)],
    log: &dyn LogReader,
    summary: &LogSummary,
) -> Result<(), StorageError> {
    for (id, path) in kept.iter_mut().filter(|(_, path)| SnapshotFolder::is_received(path)) {
        if summary.purged() == Some(id.point) || point_at(log, id.point.position)? == Some(id.point) {
            *path = snapshots.adopt(path, id.point.position)?;
        }
    }
    Ok(())
}

/// Replaces the log by one that continues `base`, and waits until that is durable.
pub(crate) fn replace_log(log: &mut SegmentLog, base: &Base) -> Result<(), StorageError> {
    log.replace(base)?;
    let (done, flushed) = std::sync::mpsc::channel();
    log.flush(Box::new(move |result| {
        // The receiver waits below.
        let _ = done.send(result);
    }))?;
    flushed.recv().unwrap_or_else(|_| Err(StorageError::Stopped("the thread of the log has ended".into())))
}

trait MaxByPosition {
    fn max_by_position(self, other: Self) -> Self;
}

impl MaxByPosition for Option<LogPoint> {
    fn max_by_position(self, other: Self) -> Self {
        [self, other].into_iter().flatten().max_by_key(|point| point.position)
    }
}

/// Tells the log what must not be truncated any more, also if only the database remembered it.
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

/// Adds the cluster to the identity once the entry that founded it is committed.
fn name_cluster(
    files: &LogFiles,
    options: &OpenOptions,
    incarnation: Incarnation,
    restored: &Restored,
) -> Result<(), StorageError> {
    let cluster = restored.committed.and(restored.lists.last()).map(|listed| listed.membership.cluster);
    let identity = Identity { node: options.node, incarnation, cluster };
    if cluster.is_none() || Identity::read(&options.folder)? == Some(identity) {
        return Ok(());
    }
    identity.write(&*files.disk, &options.folder)
}

/// Creates a folder and its missing parents, with durable names.
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
