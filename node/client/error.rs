//! Why an operation was not done. Each text says what went wrong, with what, and what to do.

use std::time::Duration;

use crate::client::reason::Reason;
use crate::protocol::{InvalidChange, NodeId};
use crate::wire::address::check_address;
use crate::wire::convert::Malformed;
use crate::wire::proto;
use crate::wire::refusal::{Refusal, names};

/// Why an operation was not done. [`ClientError::code`] is for programs, `Display` for people.
///
/// | field | meaning |
/// | --- | --- |
/// | `addresses`, `address` | where the client connected, as `HOST:PORT` |
/// | `timeout` | the deadline of the operation |
/// | `why` | what the last attempt met |
/// | `node`, `nodes` | the node that was named; the nodes of the cluster |
#[allow(missing_docs, reason = "the fields are in the table above; a text says what its variant means")]
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ClientError {
    /// A node refused it, or the client did before it sent anything. Definitely not done.
    #[error("{0}")]
    Refused(Refusal),
    /// No node answers. Definitely not done.
    #[error(
        "no node answers at {} ({why}): start a cluster with `epoca cluster`, or name another one with --connect",
        .addresses.join(", ")
    )]
    Unreachable { addresses: Vec<String>, why: Reason },
    /// No leader was found in time. Definitely not done.
    #[error("no leader accepted it within {}: {why}", seconds(*.timeout))]
    NoLeader { timeout: Duration, why: Reason },
    /// A read or a status request had no answer in time. It changes nothing.
    #[error("no answer within {}: {why}", seconds(*.timeout))]
    TimedOut { timeout: Duration, why: Reason },
    /// A write may have been sent, and no answer says whether it was committed.
    #[error("outcome unknown: {why}. Read the key to see whether the write was applied")]
    Unknown { why: Reason },
    /// Like [`ClientError::Unknown`], for a change of the member list.
    #[error("outcome unknown: {why}. `epoca member list` shows whether it was done")]
    UnknownChange { why: Reason },
    /// The named node is not one of the cluster's.
    #[error("there is no node {node}; the nodes are {}", names(.nodes, " "))]
    UnknownNode { node: NodeId, nodes: Vec<NodeId> },
    /// The node that answers belongs to another cluster than [`Options::cluster`](crate::client::Options::cluster).
    #[error(
        "the node at {address} belongs to another cluster than the one in the data folder; name yours with --connect"
    )]
    OtherCluster { address: String },
    /// An address is not of the form `HOST:PORT`.
    #[error("{address:?} is not an address: {}", right_form(.address))]
    BadAddress { address: String },
    /// The node was not started by a launcher, so none can signal its process.
    #[error("{node} was started by hand: do it there")]
    NoLauncher { node: NodeId },
    /// A session id could not be drawn.
    #[error("the system provides no random numbers: {0}")]
    NoRandom(String),
}

impl ClientError {
    /// Adds the nodes in step mode to an error about a missing answer or leader.
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

    /// Nothing was done, because the node has too much in progress.
    pub fn is_overload(&self) -> bool {
        self.refusal().is_some_and(Refusal::is_overload)
    }

    /// The code for programs; fixed.
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

/// A refusal of a later version, with a code that is unknown here, keeps its text.
pub(super) fn refusal(wire: proto::Refusal) -> Refusal {
    let message = wire.message.clone();
    Refusal::try_from(wire).unwrap_or(Refusal::Malformed { reason: message })
}

/// A response from this address that does not decode.
pub(super) fn malformed(address: &str, error: &Malformed) -> ClientError {
    ClientError::Refused(Refusal::Malformed { reason: format!("{address}: {error}") })
}

fn right_form(address: &str) -> String {
    check_address(address, 1).err().unwrap_or_else(|| "write HOST:PORT, as 127.0.0.1:7101".to_owned())
}

fn seconds(timeout: Duration) -> String {
    format!("{} s", timeout.as_secs_f64())
}
