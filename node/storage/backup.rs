//! Backups: the file of a snapshot, taken out of a cluster, and the data folders of a new cluster made from it.
//!
//! A restored cluster is a new one: other incarnations, so another cluster id; no node of the old one can ever speak
//! with it. All its folders are made together, from the same file, so that no node has to be founded by another.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fs4::FileExt;
use tempfile::TempDir;

use crate::protocol::{Base, ClusterId, Digest, Incarnation, Listed, LogPoint, Member, Membership, NodeId, Promise};
use crate::storage::disk::{Disk, SystemDisk};
use crate::storage::identity::Identity;
use crate::storage::log::{LogPlace, SEGMENT_BYTES, SegmentLog, commit_path, log_folder};
use crate::storage::open::{make_folder, replace_log};
use crate::storage::private::{FILE_MODE, FOLDER_MODE};
use crate::storage::snapshot::{SnapshotFile, SnapshotFolder, SnapshotWriter};
use crate::storage::{Dump, IntermediateLog, StorageError};

/// The mark in a folder that is being restored.
const HALF_RESTORED: &str = "restoring";
const HALF_RESTORED_TEXT: &str =
    "epoca restore is making this folder. If no such command runs, it was interrupted: delete the folder.\n";

/// What a backup is; all of it was read and is whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Backup {
    /// The cluster that it was taken from.
    pub cluster: Option<ClusterId>,
    pub members: Vec<Member>,
    /// The last entry that it holds.
    pub point: LogPoint,
    pub revision: u64,
    pub bytes: u64,
    pub digest: Digest,
}

/// Reads all of a backup, or says why it cannot be used.
pub fn read_backup(path: &Path) -> Result<Backup, StorageError> {
    let whole = || {
        let file = SnapshotFile::open(path)?;
        Ok((file.base.clone(), file.revision, file.verify()?))
    };
    let (base, revision, id) = whole().map_err(|error| match error {
        StorageError::SnapshotDamaged { path, byte, what } => StorageError::BackupDamaged { path, byte, what },
        other => other,
    })?;
    let list = base.lists.last().map(|listed| listed.membership.clone());
    let (cluster, members) = list.map(|list| (list.cluster, list.members)).unzip();
    let members = members.unwrap_or_default();
    Ok(Backup { cluster, members, point: id.point, revision, bytes: id.bytes, digest: id.digest })
}

/// Makes the folders `n1`, `n2`, … of a new cluster with these nodes and addresses; `folder` must not exist. It is made
/// as a whole or not at all: under another name beside it, which is changed last. Ends early once `interrupted` is set.
pub fn restore_backup(
    path: &Path,
    folder: &Path,
    nodes: &[(NodeId, String)],
    interrupted: &AtomicBool,
) -> Result<Membership, StorageError> {
    read_backup(path)?;
    if folder.symlink_metadata().is_ok() {
        return Err(StorageError::NotNew { folder: folder.to_path_buf() });
    }
    let members = nodes.iter().map(|(id, address)| Ok(Member::voter(*id, address.clone(), random(folder)?)));
    let founding = Membership::founding(members.collect::<Result<_, StorageError>>()?);
    let beside = Beside::begin(folder)?;
    for member in &founding.members {
        let node = beside.made.path().join(member.id.to_string());
        restore_node(path, &node, member, &founding, interrupted).map_err(|error| match error {
            StorageError::Interrupted { .. } => StorageError::Interrupted { folder: folder.to_path_buf() },
            other => other,
        })?;
    }
    beside.become_whole(folder)?;
    Ok(founding)
}

/// The folder under its other name, `DIR.restoring-UNIQUE`. It goes when it is dropped; one whose process was killed
/// stays, and is removed by the next restore to the same folder.
struct Beside {
    made: TempDir,
    /// Locked as long as this process makes the folder.
    mark: File,
}

impl Beside {
    fn begin(folder: &Path) -> Result<Beside, StorageError> {
        let parent = parent_of(folder);
        make_folder(&SystemDisk, parent)?;
        for left in beside(folder) {
            let mark = File::open(left.join(HALF_RESTORED));
            if mark.is_ok_and(|mark| FileExt::try_lock(&mark).is_ok()) {
                fs::remove_dir_all(&left).map_err(|error| StorageError::io("remove", &left, &error))?;
            }
        }
        let error = |error: io::Error| StorageError::io("make a folder beside", folder, &error);
        let made = tempfile::Builder::new()
            .prefix(&prefix(folder))
            .permissions(fs::Permissions::from_mode(FOLDER_MODE))
            .tempdir_in(parent)
            .map_err(error)?;
        let mut mark = File::options()
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(made.path().join(HALF_RESTORED))
            .map_err(error)?;
        let _ = FileExt::try_lock(&mark);
        mark.write_all(HALF_RESTORED_TEXT.as_bytes()).and_then(|()| mark.sync_all()).map_err(error)?;
        SystemDisk.sync_folder(made.path()).map_err(error)?;
        Ok(Beside { made, mark })
    }

    /// The mark goes, then the folder gets its name: whatever interrupts it, there is never half of it under the name.
    fn become_whole(self, folder: &Path) -> Result<(), StorageError> {
        let Beside { made, mark } = self;
        let error = |error: io::Error| match error.kind() {
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                StorageError::NotNew { folder: folder.to_path_buf() }
            }
            _ => StorageError::io("name", folder, &error),
        };
        fs::remove_file(made.path().join(HALF_RESTORED)).map_err(error)?;
        drop(mark);
        SystemDisk.sync_folder(made.path()).map_err(error)?;
        fs::rename(made.path(), folder).map_err(error)?;
        // It has another name now, so there is nothing left to remove.
        let _ = made.keep();
        SystemDisk.sync_folder(parent_of(folder)).map_err(error)
    }
}

/// What an interrupted restore, or one that is under way, has left of this folder: the folder itself if it carries the
/// mark, or one beside it that is to get its name.
pub fn half_restored(folder: &Path) -> Option<PathBuf> {
    let marked = |folder: &Path| folder.join(HALF_RESTORED).is_file();
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

/// The snapshot, then a log that begins after it, then the identity: without it the folder is nobody's yet.
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
    let place = LogPlace {
        folder: log_folder(folder),
        commit: commit_path(folder),
        disk: disk.clone(),
        segment_bytes: SEGMENT_BYTES,
        _lock: None,
    };
    let mut log = SegmentLog::create(&place, member.incarnation)?;
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
