//! Restoring a backup: the data folders of a new cluster, made from the file of a snapshot.
//!
//! A restored cluster is a new one: its incarnations differ, and so does its cluster id, so nodes of the old cluster
//! cannot talk to it. All folders are made together from one file, so no node has to copy the data from another.
//!
//! Order on the disk: everything is made in a folder with another name beside the target, with a marker file in it. The
//! marker is removed and synced, then the folder gets its name. A crash leaves a folder with a marker, never half of a
//! cluster under the target's name.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fs4::FileExt;
use tempfile::TempDir;

use crate::protocol::{
    Base, ClusterId, Digest, FeatureLevel, Incarnation, Listed, LogPoint, Member, Membership, NodeId, Promise,
};
use crate::storage::disk::{Disk, SystemDisk};
use crate::storage::log::{LogFiles, SEGMENT_BYTES, SegmentLog, commit_path, log_folder};
use crate::storage::open::identity::Identity;
use crate::storage::open::{make_folder, replace_log};
use crate::storage::permissions::{FILE_MODE, FOLDER_MODE};
use crate::storage::snapshot::{SnapshotFile, SnapshotFolder, SnapshotWriter};
use crate::storage::{Dump, IntermediateLog, StorageError};

/// The marker file in a folder that is being restored. Only its presence and its lock count.
const MARKER: &str = "restoring";
const MARKER_TEXT: &str =
    "epoca restore is making this folder. If no such command runs, it was interrupted: delete the folder.\n";

/// The description of a backup whose content was verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Backup {
    /// The cluster from which it was taken.
    pub cluster: Option<ClusterId>,
    /// The members of that cluster.
    pub members: Vec<Member>,
    /// The feature level that was in force there, which the content may need.
    pub level: FeatureLevel,
    /// The last entry that it holds.
    pub point: LogPoint,
    /// The revision of the database.
    pub revision: u64,
    /// The length of the file.
    pub bytes: u64,
    /// The first 16 bytes of BLAKE3 over the file before them.
    pub digest: Digest,
}

/// Reads and verifies all of a backup.
pub fn read_backup(path: &Path) -> Result<Backup, StorageError> {
    let verify = || {
        let file = SnapshotFile::open(path)?;
        Ok((file.base.clone(), file.revision, file.verify()?))
    };
    let (base, revision, id) = verify().map_err(|error| match error {
        StorageError::SnapshotDamaged { path, byte, what } => StorageError::BackupDamaged { path, byte, what },
        other => other,
    })?;
    let list = base.lists.last().map(|listed| listed.membership.clone());
    let level = list.as_ref().map_or(FeatureLevel::FIRST, |list| list.level);
    if level > FeatureLevel::NEWEST {
        let (path, supported) = (path.to_path_buf(), FeatureLevel::NEWEST);
        return Err(StorageError::LevelTooLow { path, level, supported });
    }
    let (cluster, members) = list.map(|list| (list.cluster, list.members)).unzip();
    let members = members.unwrap_or_default();
    Ok(Backup { cluster, members, level, point: id.point, revision, bytes: id.bytes, digest: id.digest })
}

/// Makes the folders `n1`, `n2`, … of a new cluster with these nodes and addresses. `folder` must not exist; it appears
/// complete or not at all. Stops early once `interrupted` is set.
pub fn restore_backup(
    path: &Path,
    folder: &Path,
    nodes: &[(NodeId, String)],
    interrupted: &AtomicBool,
) -> Result<Membership, StorageError> {
    let backup = read_backup(path)?;
    if folder.symlink_metadata().is_ok() {
        return Err(StorageError::NotNew { folder: folder.to_path_buf() });
    }
    let members = nodes.iter().map(|(id, address)| Ok(Member::voter(*id, address.clone(), random(folder)?)));
    let founding = Membership::founding(members.collect::<Result<_, StorageError>>()?).at_level(backup.level);
    let unfinished = Unfinished::begin(folder)?;
    for member in &founding.members {
        let node = unfinished.made.path().join(member.id.to_string());
        restore_node(path, &node, member, &founding, interrupted).map_err(|error| match error {
            StorageError::Interrupted { .. } => StorageError::Interrupted { folder: folder.to_path_buf() },
            other => other,
        })?;
    }
    unfinished.finish(folder)?;
    Ok(founding)
}

/// The folder under its other name, `DIR.restoring-UNIQUE`. Removed when it is dropped. If the process is killed it
/// stays, and the next restore to the same folder removes it.
struct Unfinished {
    made: TempDir,
    /// Locked as long as this process makes the folder.
    marker: File,
}

impl Unfinished {
    fn begin(folder: &Path) -> Result<Unfinished, StorageError> {
        let parent = parent_of(folder);
        make_folder(&SystemDisk, parent)?;
        for left in beside(folder) {
            let marker = File::open(left.join(MARKER));
            if marker.is_ok_and(|marker| FileExt::try_lock(&marker).is_ok()) {
                fs::remove_dir_all(&left).map_err(|error| StorageError::io("remove", &left, &error))?;
            }
        }
        let error = |error: io::Error| StorageError::io("make a folder beside", folder, &error);
        let made = tempfile::Builder::new()
            .prefix(&prefix(folder))
            .permissions(fs::Permissions::from_mode(FOLDER_MODE))
            .tempdir_in(parent)
            .map_err(error)?;
        let mut marker = File::options()
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(made.path().join(MARKER))
            .map_err(error)?;
        let _ = FileExt::try_lock(&marker);
        marker.write_all(MARKER_TEXT.as_bytes()).and_then(|()| marker.sync_all()).map_err(error)?;
        SystemDisk.sync_folder(made.path()).map_err(error)?;
        Ok(Unfinished { made, marker })
    }

    /// Removes the marker, then gives the folder its name.
    fn finish(self, folder: &Path) -> Result<(), StorageError> {
        let Unfinished { made, marker } = self;
        let error = |error: io::Error| match error.kind() {
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                StorageError::NotNew { folder: folder.to_path_buf() }
            }
            _ => StorageError::io("name", folder, &error),
        };
        fs::remove_file(made.path().join(MARKER)).map_err(error)?;
        drop(marker);
        SystemDisk.sync_folder(made.path()).map_err(error)?;
        fs::rename(made.path(), folder).map_err(error)?;
        // The folder has another name now, so there is nothing left to remove.
        let _ = made.keep();
        SystemDisk.sync_folder(parent_of(folder)).map_err(error)
    }
}

/// An unfinished restore of this folder, interrupted or still running: the folder itself if it has the marker, or one
/// beside it that is to get its name.
pub fn half_restored(folder: &Path) -> Option<PathBuf> {
    let marked = |folder: &Path| folder.join(MARKER).is_file();
    if marked(folder) {
        return Some(folder.to_path_buf());
    }
    if folder.symlink_metadata().is_ok() { None } else { beside(folder).into_iter().find(|other| marked(other)) }
}

fn prefix(folder: &Path) -> String {
    format!("{}.restoring-", folder.file_name().unwrap_or_default().to_string_lossy())
}

fn beside(folder: &Path) -> Vec<PathBuf> {
    let prefix = prefix(folder);
    let entries = fs::read_dir(parent_of(folder)).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix));
    ours.map(|entry| entry.path()).collect()
}

fn parent_of(folder: &Path) -> &Path {
    folder.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
}

/// Writes the snapshot, then a log that continues it, then the identity.
fn restore_node(
    path: &Path,
    folder: &Path,
    member: &Member,
    founding: &Membership,
    interrupted: &AtomicBool,
) -> Result<(), StorageError> {
    let disk: Arc<dyn Disk> = Arc::new(SystemDisk);
    let snapshots = SnapshotFolder::new(folder, disk.clone());
    make_folder(&*disk, &snapshots.folder)?;
    make_folder(&*disk, &log_folder(folder))?;
    let mut file = SnapshotFile::open(path)?;
    let LogPoint { id, position, .. } = file.base.last;
    let lists = vec![Listed { id, position, membership: founding.clone() }];
    let base = Base { lists, ..file.base.clone() };
    let name = snapshots.path(base.last.position);
    let mut writer = SnapshotWriter::create(&*disk, name, &base, file.revision)?;
    while let Some(rows) = file.next()? {
        if interrupted.load(Ordering::Relaxed) {
            return Err(StorageError::Interrupted { folder: folder.to_path_buf() });
        }
        writer.put(&rows)?;
    }
    writer.finish()?;
    disk.sync_folder(&snapshots.folder).map_err(|error| StorageError::io("sync", &snapshots.folder, &error))?;
    let files = LogFiles {
        folder: log_folder(folder),
        commit: commit_path(folder),
        disk: disk.clone(),
        segment_bytes: SEGMENT_BYTES,
        _lock: None,
    };
    let mut log = SegmentLog::create(&files, member.incarnation)?;
    log.save_promise(Promise { epoch: base.last.id.epoch, vote: None })?;
    replace_log(&mut log, &base)?;
    let identity = Identity { node: member.id, incarnation: member.incarnation, cluster: Some(founding.cluster) };
    identity.write(&*disk, folder)
}

fn random(folder: &Path) -> Result<Incarnation, StorageError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| StorageError::Io {
        action: "draw a random incarnation for",
        path: folder.to_path_buf(),
        reason: error.to_string(),
    })?;
    Ok(Incarnation(random))
}
