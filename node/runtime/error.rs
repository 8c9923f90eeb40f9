//! Why a node could not start or had to stop: what happened, to what, and what to do.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::protocol::{ClusterId, FeatureLevel, NodeId};
use crate::server::ServeError;
use crate::storage::StorageError;
use crate::wire::endpoint::BadAddress;

/// Why a node could not start or had to stop. `Display` gives one or more complete sentences for people.
///
/// | field | meaning |
/// | --- | --- |
/// | `folder` | the data folder |
/// | `mine`, `theirs`, `peers` | the cluster of the folder, that of the other nodes, and which nodes these are |
/// | `option`, `address` | a command line option and its value; the address to listen on |
/// | `heartbeat_ms`, `election_timeout_ms` | the configured times, in milliseconds |
/// | `lease_ms`, `most_ms` | the configured lease, and the longest safe one, in milliseconds |
/// | `level` | the feature level that was asked for |
/// | `found` | the damage |
/// | `what` | what the system refused |
/// | `error` | the error of the operating system |
#[allow(missing_docs, reason = "the fields are in the table above; a text says what its variant means")]
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    #[error("node ids count from 1: give this node --id 1, 2, 3, …")]
    ZeroId,
    #[error("--peer names {0} twice: each other node has one address")]
    PeerTwice(NodeId),
    #[error("--peer names {0}, which is this node itself: name only the others")]
    PeerIsMe(NodeId),
    #[error("two nodes have the address {0}: each node listens at its own, give each --peer the one of that node")]
    SharedAddress(String),
    #[error(
        "{option} {address} means every address of this machine, and no other node can reach it there. Name the one \
         address, or the host name, by which the others reach it"
    )]
    EveryAddress { option: &'static str, address: String },
    #[error(
        "--listen {0} means every address of this machine, so the others would not know where to reach this node: \
         give its address with --advertise HOST:PORT"
    )]
    NotAdvertised(SocketAddr),
    #[error(
        "the data folder {} belongs to the cluster {mine}, but {} belong to another one, {theirs}: give this node the \
         folder of that cluster with --data, or the addresses of its own with --peer", .folder.display(), names(.peers)
    )]
    OtherCluster { folder: PathBuf, mine: ClusterId, theirs: ClusterId, peers: Vec<NodeId> },
    #[error(
        "the heartbeat is {heartbeat_ms} ms and the election timeout {election_timeout_ms} ms: the heartbeat must be \
         at least 1 ms, the timeout at least twice the heartbeat"
    )]
    Timing { heartbeat_ms: u64, election_timeout_ms: u64 },
    #[error("there is no feature level {level}: this epoca supports 1 to {}", FeatureLevel::NEWEST)]
    Level { level: FeatureLevel },
    #[error("--rule, --frozen, --pace, --wrong and --feature-level-max work only in a lab: start the node with --lab")]
    LabOnly,
    #[error(
        "the lease is {lease_ms} ms: with this election timeout at most {most_ms} ms are safe, nine tenths of it; give \
         a shorter --lease or a longer --election-timeout"
    )]
    Lease { lease_ms: u64, most_ms: u64 },
    #[error("port {} on {} is taken by another process: end it, or listen elsewhere with --listen", .0.port(), .0.ip())]
    PortTaken(SocketAddr),
    #[error("cannot listen on {address}: {error}. Give an address of this machine with --listen")]
    Listen { address: SocketAddr, error: io::Error },
    #[error(transparent)]
    Address(#[from] BadAddress),
    #[error("{}", of_storage(.0))]
    Storage(#[from] StorageError),
    /// The core stopped the node: an invariant is broken, or the disk failed.
    #[error("{0}")]
    Fatal(String),
    /// The core found the data damaged.
    #[error("{0}")]
    Damaged(String),
    #[error(
        "{found}. This node cannot get its data from elsewhere: it knows no other node. Nothing was changed. Restore \
         the folder {} from a copy, or a backup into a new folder with `epoca restore`", .folder.display()
    )]
    DamagedAlone { folder: PathBuf, found: String },
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error("the system refused {what}, which every node needs: {error}")]
    System { what: &'static str, error: io::Error },
    #[error("the last writes could not be flushed within {0} s: the disk hangs. Nothing that was confirmed is lost")]
    FlushHangs(u64),
}

impl NodeError {
    /// The description of the damage, if the error is damage of this node's data.
    pub(super) fn damage(&self) -> Option<String> {
        match self {
            NodeError::Damaged(found) => Some(found.clone()),
            NodeError::Storage(error) => error.is_damage().then(|| error.to_string()),
            _ => None,
        }
    }
}

fn names(nodes: &[NodeId]) -> String {
    nodes.iter().map(NodeId::to_string).collect::<Vec<_>>().join(" ")
}

fn of_storage(error: &StorageError) -> String {
    match error {
        StorageError::Io { .. } => format!("{error}. The node stops; nothing that was confirmed is lost"),
        _ => error.to_string(),
    }
}
