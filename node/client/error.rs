//! How an operation can end without being done. Each text says what went wrong, with what, and what to do.

use std::time::Duration;

use crate::client::reason::Reason;
use crate::protocol::{InvalidChange, NodeId};
use crate::wire::address::check_address;
use crate::wire::convert::Malformed;
use crate::wire::proto;
use crate::wire::refusal::{Refusal, names};

/// How an operation ended without being done. [`ClientError::code`] is for programs, `Display` for people.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ClientError {
    /// A node said no, or the client did before it sent anything: definitely not done.
    #[error("{0}")]
    Refused(Refusal),
    /// Definitely not done.
    #[error("nobody answers at {} ({why}). Is a cluster running? `epoca cluster` starts one, --connect names \
        another", .addresses.join(", "))]
    Unreachable { addresses: Vec<String>, why: Reason },
    /// Definitely not done.
    #[error("no leader took it within {}: {why}", seconds(*.timeout))]
    NoLeader { timeout: Duration, why: Reason },
    /// A read, or a look at a node, that nobody answered in time.
    #[error("no answer within {}: {why}", seconds(*.timeout))]
    TimedOut { timeout: Duration, why: Reason },
    /// The write may have left and nobody said what became of it: it may or may not happen.
    #[error("outcome unknown: {why}. Read the key to see whether it was written")]
    Unknown { why: Reason },
    /// The same of a change of the member list.
    #[error("outcome unknown: {why}. `epoca member list` shows whether it was done")]
    UnknownChange { why: Reason },
    #[error("there is no node {node}; the nodes are {}", names(.nodes, " "))]
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
    /// Adds the nodes in step mode to an error that tells of a missing answer or a missing leader.
    pub(super) fn in_step_mode(mut self, nodes: Vec<NodeId>) -> ClientError {
        if let ClientError::NoLeader { why, .. }
        | ClientError::TimedOut { why, .. }
        | ClientError::Unknown { why }
        | ClientError::UnknownChange { why } = &mut self
        {
            *why = Reason::InStepMode { why: Box::new(why.clone()), nodes };
        }
        self
    }

    /// The refusal, if the operation was refused.
    pub fn refusal(&self) -> Option<&Refusal> {
        if let ClientError::Refused(refusal) = self { Some(refusal) } else { None }
    }

    /// Nothing was taken because too much is under way.
    pub fn is_overload(&self) -> bool {
        self.refusal().is_some_and(Refusal::is_overload)
    }

    /// For machines; fixed.
    pub fn code(&self) -> &'static str {
        match self {
            ClientError::Refused(refusal) => refusal.code(),
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

impl From<Refusal> for ClientError {
    fn from(refusal: Refusal) -> ClientError {
        ClientError::Refused(refusal)
    }
}

impl From<InvalidChange> for ClientError {
    fn from(why: InvalidChange) -> ClientError {
        ClientError::Refused(why.into())
    }
}

/// A refusal of a later version, whose code is not known here, keeps its words.
pub(super) fn refusal(wire: proto::Refusal) -> Refusal {
    let message = wire.message.clone();
    Refusal::try_from(wire).unwrap_or(Refusal::Malformed { reason: message })
}

/// An answer from this address that does not decode.
pub(super) fn malformed(address: &str, error: &Malformed) -> ClientError {
    ClientError::Refused(Refusal::Malformed { reason: format!("{address}: {error}") })
}

fn right_form(address: &str) -> String {
    check_address(address, 1).err().unwrap_or_else(|| "write HOST:PORT, as 127.0.0.1:7101".to_owned())
}

fn seconds(timeout: Duration) -> String {
    format!("{} s", timeout.as_secs_f64())
}
