//! The identity of a node among the others.

use crate::protocol::{FeatureLevel, Incarnation, NodeId};

/// Sent with a request to join, and compared with the member list.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// The node's id in the cluster.
    pub(crate) id: NodeId,
    /// The incarnation of its data folder. Another folder under the same id is another member.
    pub(crate) incarnation: Incarnation,
    /// The address at which other nodes reach it, as `HOST:PORT`.
    pub(crate) address: String,
    /// The greatest feature level that it supports.
    pub(crate) level_max: FeatureLevel,
}
