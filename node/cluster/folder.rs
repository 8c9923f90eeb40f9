//! The data folder of a local cluster: `n1`, `n2`, … with the nodes' data, `n1.log`, … with their output,
//! `cluster.json`, and the lock that keeps a second launcher out.
//!
//! Of a node's folder only the identity file, the lock and the quarantine folders are known here (the rest belongs to
//! `storage`): nothing is deleted that is not a node's data or that a process uses, and missing data is always
//! reported.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use fs4::{FileExt, TryLockError};

use crate::cluster::ClusterOptions;
use crate::cluster::description::Description;
use crate::cluster::error::ClusterError;
use crate::cluster::known::KnownNodes;
use crate::protocol::NodeId;
use crate::storage::{half_restored, last_list};

/// Names inside a node's folder, and the first words of its identity file.
const IDENTITY: &str = "identity";
const IDENTITY_TITLE: &[u8] = b"epoca data folder";
const NODE_LOCK: &str = "lock";
const QUARANTINE: &str = "quarantine-";
/// Locked while a launcher runs on the folder.
const LAUNCHER_LOCK: &str = "launcher.lock";
/// A start renames a longer log file, and deletes the one that an earlier start renamed.
const LOG_BYTES_MAX: u64 = 16 << 20;

/// The folder, locked by this launcher until the value is dropped.
pub(super) struct Folder {
    path: PathBuf,
    lock: File,
}

impl Folder {
    /// Creates the folder if it is missing, and locks it.
    pub fn take(path: &Path) -> Result<Folder, ClusterError> {
        let absolute = std::path::absolute(path).map_err(|error| failed("find", path, &error))?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&absolute)
            .map_err(|error| failed("make", path, &error))?;
        let lock = absolute.join(LAUNCHER_LOCK);
        let open = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&lock);
        let file = open.map_err(|error| failed("write", &lock, &error))?;
        match FileExt::try_lock(&file) {
            Ok(()) => Ok(Folder { path: absolute, lock: file }),
            Err(TryLockError::WouldBlock) => {
                let launcher = Description::read(&absolute).ok().flatten().map(|found| found.launcher.pid);
                Err(ClusterError::AlreadyRunning { folder: path.to_owned(), launcher })
            }
            Err(TryLockError::Error(error)) => Err(failed("lock", &lock, &error)),
        }
    }

    /// Unlocks the folder, also while this value still exists.
    pub fn release(&self) {
        // If this fails, the lock ends when the file is closed.
        let _ = FileExt::unlock(&self.lock);
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn node(&self, node: NodeId) -> PathBuf {
        self.path.join(node.to_string())
    }

    pub fn log(&self, node: NodeId) -> PathBuf {
        self.path.join(format!("{node}.log"))
    }

    /// Renames a long log file.
    pub fn turn_log(&self, node: NodeId) {
        let log = self.log(node);
        if fs::metadata(&log).is_ok_and(|found| found.len() > LOG_BYTES_MAX) {
            // A log that cannot be renamed grows further.
            let _ = fs::rename(&log, log.with_extension("log.old"));
        }
    }

    /// The nodes of a cluster that no earlier start has recorded: the founders by the member list in their logs, or as
    /// many as the options ask for.
    pub fn first_nodes(&self, asked: Option<u64>) -> Result<KnownNodes, ClusterError> {
        if let Some(nodes) = self.listed()? {
            return match asked.filter(|asked| *asked != nodes.len() as u64) {
                Some(asked) => Err(ClusterError::OtherNodes { folder: self.path.clone(), nodes, asked }),
                None => Ok(KnownNodes::of(&nodes)),
            };
        }
        let nodes = asked.unwrap_or(ClusterOptions::NODES);
        match self.others(nodes)? {
            Some(ids) => Ok(KnownNodes::of(&ids)),
            None => {
                self.check_size(nodes)?;
                Ok(KnownNodes::founders(nodes))
            }
        }
    }

    /// The members by the newest list in any of the logs; `None` if no log has one.
    fn listed(&self) -> Result<Option<Vec<NodeId>>, ClusterError> {
        let ours = self.nodes()?.into_iter().filter(|node| is_ours(&self.node(*node)));
        let lists = ours.filter_map(|node| last_list(&self.node(node)));
        let newest = lists.max_by_key(|listed| (listed.id, listed.position));
        Ok(newest.map(|listed| listed.membership.members.iter().map(|member| member.id).collect()))
    }

    /// Refuses a folder with data of more nodes than the cluster should have.
    pub fn check_size(&self, nodes: u64) -> Result<(), ClusterError> {
        let last = self.nodes()?.into_iter().filter(|node| is_ours(&self.node(*node))).max();
        match last {
            Some(found) if found.0 > nodes => Err(ClusterError::OtherSize { folder: self.path.clone(), found, nodes }),
            _ => Ok(()),
        }
    }

    /// The nodes of a cluster of the right size whose ids are not n1, n2, …, such as one that was restored from the
    /// backup of a cluster with removed nodes.
    pub fn others(&self, nodes: u64) -> Result<Option<Vec<NodeId>>, ClusterError> {
        let mut found: Vec<NodeId> = self.nodes()?.into_iter().filter(|node| is_ours(&self.node(*node))).collect();
        found.sort();
        let others = found.len() as u64 == nodes && found.last().is_some_and(|last| last.0 > nodes);
        Ok(others.then_some(found))
    }

    /// Whether the node's folder holds data of a node, including data that was moved aside because of damage.
    pub fn has_data(&self, node: NodeId) -> bool {
        let path = self.node(node);
        let aside = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with(QUARANTINE);
        let entries = || fs::read_dir(&path).into_iter().flatten().flatten();
        is_ours(&path) || entries().any(|entry| aside(&entry.file_name()))
    }

    /// Deletes the nodes' data. Deletes nothing if any of it is not a node's data, or is in use.
    pub fn empty(&self) -> Result<(), ClusterError> {
        let nodes = self.nodes()?;
        for node in &nodes {
            let path = self.node(*node);
            if let Some(why) = leads_elsewhere(&path) {
                return Err(ClusterError::NotOurs { path, why });
            }
            let empty = fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_none());
            if !empty && !is_ours(&path) {
                let why = "has no identity file of a node: delete it by hand if it should go";
                return Err(ClusterError::NotOurs { path, why });
            }
            if is_locked(&path) {
                return Err(ClusterError::NotOurs { path, why: "is in use by a running node: end that first" });
            }
        }
        KnownNodes::forget(&self.path);
        for node in nodes {
            let path = self.node(node);
            fs::remove_dir_all(&path).map_err(|error| failed("delete", &path, &error))?;
            for log in [self.log(node), self.log(node).with_extension("log.old")] {
                // The output of deleted nodes is useless; nothing depends on its deletion.
                let _ = fs::remove_file(log);
            }
        }
        Ok(())
    }

    /// The nodes that have a folder, by id.
    pub fn nodes(&self) -> Result<Vec<NodeId>, ClusterError> {
        let entries = fs::read_dir(&self.path).map_err(|error| failed("read", &self.path, &error))?;
        let names = entries.filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.to_owned()));
        let number = |name: String| name.strip_prefix('n')?.parse().ok().map(NodeId);
        Ok(names.filter_map(number).filter(|node| self.node(*node).is_dir()).collect())
    }
}

/// Refuses a folder that an interrupted restore left, and one that is missing because of it: a new cluster there would
/// run, but without the data.
pub(super) fn check_restored(data: &Path) -> Result<(), ClusterError> {
    let absolute = std::path::absolute(data).map_err(|error| failed("find", data, &error))?;
    half_restored(&absolute).map_or(Ok(()), |left| Err(ClusterError::HalfRestored { left }))
}

/// Why deleting the folder would leave data at another place.
fn leads_elsewhere(node: &Path) -> Option<&'static str> {
    let is_link = |path: &Path| path.symlink_metadata().is_ok_and(|found| found.is_symlink());
    if is_link(node) {
        return Some(
            "is a link, and the data lie where it leads to; delete them and the link by hand if they are to go",
        );
    }
    holds_link(node).then_some("holds a link, and data lie where that leads to; delete them by hand if they are to go")
}

fn holds_link(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut kinds = entries.filter_map(|entry| Some((entry.file_type().ok()?, entry.path())));
    kinds.any(|(kind, path)| kind.is_symlink() || kind.is_dir() && holds_link(&path))
}

fn is_ours(node: &Path) -> bool {
    let mut title = [0; IDENTITY_TITLE.len()];
    let read = File::open(node.join(IDENTITY)).and_then(|mut file| file.read_exact(&mut title));
    read.is_ok() && title == *IDENTITY_TITLE
}

fn is_locked(node: &Path) -> bool {
    let Ok(file) = File::open(node.join(NODE_LOCK)) else { return false };
    matches!(FileExt::try_lock_shared(&file), Err(TryLockError::WouldBlock))
}

fn failed(action: &'static str, path: &Path, error: &io::Error) -> ClusterError {
    ClusterError::Folder { action, path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_node(identity: &str) -> (tempfile::TempDir, Folder) {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::take(temporary.path()).unwrap();
        let node = folder.node(NodeId(1));
        fs::create_dir(&node).unwrap();
        fs::write(node.join(IDENTITY), identity).unwrap();
        (temporary, folder)
    }

    #[test]
    fn a_folder_is_taken_once() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::take(temporary.path()).unwrap();
        let error = Folder::take(temporary.path()).map(drop).unwrap_err();
        assert!(error.to_string().starts_with("already running: epoca console"), "{error}");
        drop(folder);
        Folder::take(temporary.path()).map(drop).unwrap();
    }

    #[test]
    fn data_of_nodes_is_deleted() {
        let (_temporary, folder) = with_node("epoca data folder, version 1\n");
        folder.empty().unwrap();
        assert!(!folder.node(NodeId(1)).exists());
    }

    #[test]
    fn nothing_is_deleted_that_is_not_ours() {
        let (_temporary, folder) = with_node("another program's identity");
        let error = folder.empty().unwrap_err();
        assert!(error.to_string().contains("n1 has no identity file"), "{error}");
        assert!(folder.node(NodeId(1)).join(IDENTITY).exists());
    }

    #[test]
    fn nothing_is_deleted_that_a_node_uses() {
        let (_temporary, folder) = with_node("epoca data folder, version 1\n");
        let lock = File::create(folder.node(NodeId(1)).join(NODE_LOCK)).unwrap();
        assert!(FileExt::try_lock(&lock).is_ok());
        let error = folder.empty().unwrap_err();
        assert!(error.to_string().contains("is in use"), "{error}");
        assert!(folder.node(NodeId(1)).exists());
    }

    #[test]
    fn a_smaller_cluster_on_the_data_of_a_greater_one_is_refused() {
        let (_temporary, folder) = with_node("epoca data folder, version 1\n");
        folder.check_size(1).unwrap();
        fs::rename(folder.node(NodeId(1)), folder.node(NodeId(4))).unwrap();
        assert_eq!(folder.others(1).unwrap(), Some(vec![NodeId(4)]));
        assert_eq!(folder.others(3).unwrap(), None);
        let error = folder.check_size(3).unwrap_err();
        assert!(error.to_string().contains("n4") && error.to_string().contains("--nodes"), "{error}");
    }
}
