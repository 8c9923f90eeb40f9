//! What a node knows of its cluster, for the services and links: written by the loop alone, read by all others.

use std::sync::Arc;

use tokio::sync::watch;

use crate::protocol::{ClusterId, Listed, NodeId};

/// Clones share it.
#[derive(Clone, Debug)]
pub struct MembershipView(watch::Sender<Members>);

/// What is known at one moment.
#[derive(Clone, Default, Debug)]
pub struct Members {
    /// The voters that the command line names; they count while there is no list.
    pub named: Vec<NodeId>,
    /// The member list in effect, once the log holds one.
    pub list: Option<Arc<Listed>>,
}

impl MembershipView {
    pub fn new(named: Vec<NodeId>, list: Option<Listed>) -> MembershipView {
        MembershipView(watch::Sender::new(Members { named, list: list.map(Arc::new) }))
    }

    /// Another list is in effect now.
    pub fn set(&self, list: Option<Listed>) {
        self.0.send_modify(|known| known.list = list.map(Arc::new));
    }

    /// The cluster that this node belongs to, once it knows.
    pub fn cluster(&self) -> Option<ClusterId> {
        self.0.borrow().list.as_ref().map(|list| list.membership.cluster)
    }

    pub fn known(&self) -> Members {
        self.0.borrow().clone()
    }

    /// Resolves at each change from now on.
    pub fn changes(&self) -> watch::Receiver<Members> {
        self.0.subscribe()
    }
}

impl Members {
    pub fn voters(&self) -> Vec<NodeId> {
        match &self.list {
            Some(list) => list.membership.voters().map(|member| member.id).collect(),
            None => self.named.clone(),
        }
    }

    /// More than half of the voters.
    pub fn quorum(&self) -> usize {
        self.voters().len() / 2 + 1
    }
}
