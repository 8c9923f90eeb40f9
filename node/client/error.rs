//! How an operation can end without being done. Each text says what went wrong, with what, and what to do.

use std::time::Duration;

use crate::protocol::NodeId;
use crate::wire::address::check_address;
use crate::wire::proto;

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ClientError {
    /// A node said no, or the client did before it sent anything: definitely not done.
    #[error("{message}")]
    Refused { code: String, message: String },
    /// Definitely not done.
    #[error("nobody answers at {} ({why}). Is a cluster running? `epoca cluster` starts one, --connect names another", .addresses.join(", "))]
    Unreachable { addresses: Vec<String>, why: String },
    /// Definitely not done.
    #[error("no leader took it within {}: {why}", seconds(*.timeout))]
    NoLeader { timeout: Duration, why: String },
    /// A read, or a look at a node, that nobody answered in time.
    #[error("no answer within {}: {why}", seconds(*.timeout))]
    TimedOut { timeout: Duration, why: String },
    /// The write may have left and nobody said what became of it: it may or may not happen.
    #[error("outcome unknown: {why}. Read the key to see whether it was written")]
    Unknown { why: String },
    /// The same of a change of the member list.
    #[error("outcome unknown: {why}. `epoca member list` shows whether it was done")]
    UnknownChange { why: String },
    #[error("there is no node {node}; the nodes are {}", names(.nodes))]
    UnknownNode { node: NodeId, nodes: Vec<NodeId> },
    #[error(
        "the node at {address} belongs to another cluster than the one in the data folder; name yours with --connect"
    )]
    OtherCluster { address: String },
    #[error("{address:?} is no address: {}", right_form(.address))]
    BadAddress { address: String },
    #[error("{node} was started by hand: do it there")]
    NoLauncher { node: NodeId },
    #[error("the system gives no random numbers: {0}")]
    NoRandom(String),
}

impl ClientError {
    /// Adds a reason to an error that tells of a missing answer or a missing leader.
    pub(super) fn because(mut self, reason: String) -> ClientError {
        if let ClientError::NoLeader { why, .. }
        | ClientError::TimedOut { why, .. }
        | ClientError::Unknown { why }
        | ClientError::UnknownChange { why } = &mut self
        {
            *why = format!("{why}; {reason}");
        }
        self
    }

    /// For machines; fixed.
    pub fn code(&self) -> &str {
        match self {
            ClientError::Refused { code, .. } => code,
            ClientError::Unreachable { .. } => "unreachable",
            ClientError::NoLeader { .. } => "no_leader",
            ClientError::TimedOut { .. } => "timed_out",
            ClientError::Unknown { .. } | ClientError::UnknownChange { .. } => "unknown",
            ClientError::UnknownNode { .. } => "unknown_node",
            ClientError::OtherCluster { .. } => "other_cluster",
            ClientError::BadAddress { .. } => "bad_address",
            ClientError::NoLauncher { .. } => "no_launcher",
            ClientError::NoRandom(_) => "no_random",
        }
    }
}

impl From<proto::Refusal> for ClientError {
    fn from(refusal: proto::Refusal) -> ClientError {
        ClientError::Refused { code: refusal.code, message: refusal.message }
    }
}

pub(super) fn refused(code: &str, message: impl Into<String>) -> ClientError {
    ClientError::Refused { code: code.to_owned(), message: message.into() }
}

fn right_form(address: &str) -> String {
    check_address(address, 1).err().unwrap_or_else(|| "write HOST:PORT, as 127.0.0.1:7101".to_owned())
}

fn seconds(timeout: Duration) -> String {
    format!("{} s", timeout.as_secs_f64())
}

fn names(nodes: &[NodeId]) -> String {
    nodes.iter().map(NodeId::to_string).collect::<Vec<_>>().join(" ")
}
