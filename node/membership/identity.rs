//! Who a node is, as the other nodes know it.

use crate::protocol::{Incarnation, NodeId};

/// Sent to the others with a request to join, and compared with the member list.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The node's id in the cluster.
    pub id: NodeId,
    /// Which data folder it has: another folder under the same id is another member.
    pub incarnation: Incarnation,
    /// Where the others reach it, as `HOST:PORT`.
    pub address: String,
}
