//! The membership as the services and links see it. Only the event loop writes it.

use std::sync::Arc;

use tokio::sync::watch;

use crate::protocol::{ClusterId, Listed, NodeId};

/// The membership of a node. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct MembershipView(watch::Sender<Members>);

/// The membership at one moment.
#[derive(Clone, Default, Debug)]
pub(crate) struct Members {
    /// The voters from the command line. They count while there is no list.
    pub(crate) founders: Vec<NodeId>,
    /// The member list in effect, once the log holds one.
    pub(crate) list: Option<Arc<Listed>>,
}

impl MembershipView {
    pub(crate) fn new(founders: Vec<NodeId>, list: Option<Listed>) -> MembershipView {
        MembershipView(watch::Sender::new(Members { founders, list: list.map(Arc::new) }))
    }

    /// Sets the list in effect.
    pub(crate) fn set(&self, list: Option<Listed>) {
        self.0.send_modify(|known| known.list = list.map(Arc::new));
    }

    /// The cluster that this node belongs to, if any.
    pub(crate) fn cluster(&self) -> Option<ClusterId> {
        self.0.borrow().list.as_ref().map(|list| list.membership.cluster)
    }

    pub(crate) fn known(&self) -> Members {
        self.0.borrow().clone()
    }
}

impl Members {
    pub(crate) fn voters(&self) -> Vec<NodeId> {
        match &self.list {
            Some(list) => list.membership.voters().map(|member| member.id).collect(),
            None => self.founders.clone(),
        }
    }

    /// The size of a majority of the voters.
    pub(crate) fn quorum(&self) -> usize {
        self.voters().len() / 2 + 1
    }
}
