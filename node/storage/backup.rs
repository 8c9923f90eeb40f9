//! Backups: the file of a snapshot, taken out of a cluster, and the data folders of a new cluster made from it.
//!
//! A restored cluster is a new one: other incarnations, so another cluster id; no node of the old one can ever speak with
//! it. All its folders are made together, from the same file, so that no node has to be founded by another.

use std::path::Path;
use std::sync::Arc;

use crate::protocol::{Base, ClusterId, Digest, Incarnation, Listed, LogPoint, Member, Membership, NodeId, Promise};
use crate::storage::disk::{Disk, SystemDisk};
use crate::storage::identity::Identity;
use crate::storage::log::{LogPlace, SEGMENT_BYTES, SegmentLog, commit_path, log_folder};
use crate::storage::open::{make_folder, replace_log};
use crate::storage::snapshot::{SnapshotFile, SnapshotFolder, SnapshotWriter};
use crate::storage::{Dump, IntermediateLog, StorageError};

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

/// Makes the folders `n1`, `n2`, … of a new cluster with these nodes and addresses; `folder` must not exist.
pub fn restore_backup(path: &Path, folder: &Path, nodes: &[(NodeId, String)]) -> Result<Membership, StorageError> {
    read_backup(path)?;
    if folder.exists() {
        return Err(StorageError::NotNew { folder: folder.to_path_buf() });
    }
    let members = nodes.iter().map(|(id, address)| Ok(Member::voter(*id, address.clone(), random(folder)?)));
    let founding = Membership::found(members.collect::<Result<_, StorageError>>()?);
    for member in &founding.members {
        restore_node(path, &folder.join(member.id.to_string()), member, &founding)?;
    }
    Ok(founding)
}

/// The snapshot, then a log that begins after it, then the identity: without it the folder is nobody's yet.
fn restore_node(path: &Path, folder: &Path, member: &Member, founding: &Membership) -> Result<(), StorageError> {
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
