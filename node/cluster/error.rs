//! Why a local cluster cannot be started or a process not be touched. Each text says what to do.

use std::path::{Path, PathBuf};

use crate::client::ClientError;
use crate::protocol::NodeId;
use crate::wire::refusal::{Refusal, names};

/// Why a local cluster cannot be started, or a process cannot be changed.
///
/// | field | meaning |
/// | --- | --- |
/// | `folder`, `path`, `left` | the data folder of the cluster; the file or folder concerned |
/// | `launcher` | the process id of the launcher that holds the folder |
/// | `action`, `reason`, `why` | what was tried, as it follows "cannot"; why it failed |
/// | `found`, `newest` | the format version of the file, and the newest that this program reads |
/// | `found`, `nodes` | a node with data in the folder; the nodes that the cluster should have |
/// | `missing`, `left` | the nodes whose data is missing; those whose data is there |
/// | `nodes`, `asked` | the nodes of the folder's cluster; the number that was asked for |
/// | `wanted`, `base` | how many free ports were searched, from which port on |
/// | `seconds`, `logs` | how long a leader was waited for; the folder of the nodes' output |
#[allow(missing_docs, reason = "the fields are in the table above; a text says what its variant means")]
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error("already running: epoca console (a cluster runs on {folder}{by})", folder = .folder.display(),
        by = started_by(.launcher))]
    AlreadyRunning { folder: PathBuf, launcher: Option<u32> },
    #[error("cannot {action} {path}: {reason}; choose another folder with --data", path = .path.display())]
    Folder { action: &'static str, path: PathBuf, reason: String },
    #[error("{path} has format version {found}; this epoca reads up to {newest}: use a newer epoca",
        path = .path.display())]
    FormatTooNew { path: PathBuf, found: u32, newest: u32 },
    #[error("--fresh deletes nothing: {path} {why}", path = .path.display())]
    NotOurs { path: PathBuf, why: &'static str },
    #[error("{folder} holds {found}, but the cluster should have {nodes} nodes: give their number with --nodes, or \
        found a new cluster with --fresh", folder = .folder.display())]
    OtherSize { folder: PathBuf, found: NodeId, nodes: u64 },
    #[error("{}", data_missing(.folder, .missing, .left))]
    DataMissing { folder: PathBuf, missing: Vec<NodeId>, left: Vec<NodeId> },
    #[error("{folder} holds the cluster of {}, but --nodes asks for {asked}: start it without --nodes, or found a new \
        cluster with --fresh", names(.nodes, " "), folder = .folder.display())]
    OtherNodes { folder: PathBuf, nodes: Vec<NodeId>, asked: u64 },
    #[error("{left} is left by an interrupted restore, or by one that still runs: it is incomplete. Run `epoca \
        restore` again, or delete {left}", left = .left.display())]
    HalfRestored { left: PathBuf },
    #[error("there are no {wanted} free ports from {base} on; choose another range with --base-port")]
    NoPorts { wanted: u64, base: u16 },
    #[error("cannot start {executable}: {reason}", executable = .executable.display())]
    NotStarted { executable: PathBuf, reason: String },
    /// Too few nodes are left to elect a leader.
    #[error("{text}")]
    NodesEnded { text: String },
    #[error("no node leads after {seconds} s: {why}; the logs of the nodes are {logs}/n*.log", logs = .logs.display())]
    NotReady { seconds: u64, why: String, logs: PathBuf },
    /// The logs that the cluster should begin with are invalid, or cannot be written.
    #[error("{text}")]
    NotPrepared { text: String },
    #[error("cannot serve the launcher on the loopback interface: {0}")]
    NoService(String),
    #[error("{0}")]
    Refused(#[from] Refusal),
    #[error("{0}")]
    Client(#[from] ClientError),
}

impl ClusterError {
    /// The code for programs; fixed.
    pub fn code(&self) -> &'static str {
        match self {
            ClusterError::AlreadyRunning { .. } => "already_running",
            ClusterError::Folder { .. } => "folder",
            ClusterError::FormatTooNew { .. } => "format_too_new",
            ClusterError::NotOurs { .. } => "not_ours",
            ClusterError::DataMissing { .. } => "data_missing",
            ClusterError::OtherSize { .. } | ClusterError::OtherNodes { .. } => "other_size",
            ClusterError::HalfRestored { .. } => "half_restored",
            ClusterError::NoPorts { .. } => "no_ports",
            ClusterError::NotStarted { .. } => "not_started",
            ClusterError::NodesEnded { .. } => "nodes_ended",
            ClusterError::NotReady { .. } => "not_ready",
            ClusterError::NotPrepared { .. } => "not_prepared",
            ClusterError::NoService(_) => "no_service",
            ClusterError::Refused(refused) => refused.code(),
            ClusterError::Client(error) => error.code(),
        }
    }
}

fn data_missing(folder: &Path, missing: &[NodeId], left: &[NodeId]) -> String {
    let left = match left {
        [] => "No data is left".to_owned(),
        left => {
            format!("The data that is left, of {}, is no majority, so no leader could be elected", names(left, " "))
        }
    };
    format!(
        "the data of {} is missing in {}, where a cluster with these nodes has run. {left}, and nothing was started. \
         Put the folders back, or restore a backup with `epoca restore`; --fresh founds a new, empty cluster",
        names(missing, " "),
        folder.display()
    )
}

fn started_by(pid: &Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(", started by process {pid}"))
}
