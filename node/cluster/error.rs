//! Why a local cluster cannot be started or a process not be touched. Each text says what to do.

use std::path::{Path, PathBuf};

use crate::client::ClientError;
use crate::protocol::NodeId;
use crate::wire::refusal::{Refusal, names};

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
    #[error("{folder} holds {found}, but the cluster is to have {nodes} nodes; name their number with --nodes, or \
        begin anew with --fresh", folder = .folder.display())]
    OtherSize { folder: PathBuf, found: NodeId, nodes: u64 },
    #[error("{}", data_missing(.folder, .missing, .left))]
    DataMissing { folder: PathBuf, missing: Vec<NodeId>, left: Vec<NodeId> },
    #[error("{folder} holds the cluster of {}, but --nodes asks for {asked}; start it without --nodes, or begin anew \
        with --fresh", names(.nodes, " "), folder = .folder.display())]
    OtherNodes { folder: PathBuf, nodes: Vec<NodeId>, asked: u64 },
    #[error("{left} is what an interrupted restore left (or one that is under way): it is not whole. Run `epoca \
        restore` again, or delete {left}", left = .left.display())]
    HalfRestored { left: PathBuf },
    #[error("there are no {wanted} free ports from {base} on; choose another range with --base-port")]
    NoPorts { wanted: u64, base: u16 },
    #[error("cannot start {executable}: {reason}", executable = .executable.display())]
    NotStarted { executable: PathBuf, reason: String },
    #[error("{text}")]
    NodesEnded { text: String },
    #[error("no node leads after {seconds} s: {why}; the logs of the nodes are {logs}/n*.log", logs = .logs.display())]
    NotReady { seconds: u64, why: String, logs: PathBuf },
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
    /// For machines; fixed.
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
        [] => "Nothing is left of it".to_owned(),
        left => format!("What is left, of {}, is no majority, so no leader could be elected", names(left, " ")),
    };
    format!(
        "the data of {} is missing in {}, where a cluster with these nodes has run. {left}, and nothing was started. \
         Put the \
         folders back, or restore a backup with `epoca restore`; --fresh founds a new one, an empty cluster",
        names(missing, " "),
        folder.display()
    )
}

fn started_by(pid: &Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(", started by process {pid}"))
}
