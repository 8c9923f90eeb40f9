//! Which peers say that they belong to another cluster: a majority of them means that this node is the stranger, most
//! often one that was started on another cluster's data folder.
//!
//! Fewer than a majority are strangers here themselves. They are refused and logged, and this node goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::watch;
use tonic::Status;
use tonic::metadata::{BinaryMetadataKey, BinaryMetadataValue};

use crate::protocol::{ClusterId, NodeId};

/// With a refusal goes the cluster of who refuses.
const CLUSTER_KEY: &str = "epoca-cluster-bin";

/// Clones share it.
#[derive(Clone, Debug)]
pub struct Strangers(Arc<watch::Sender<BTreeMap<NodeId, ClusterId>>>);

impl Default for Strangers {
    fn default() -> Strangers {
        Strangers(Arc::new(watch::Sender::new(BTreeMap::new())))
    }
}

impl Strangers {
    pub(super) fn note(&self, peer: NodeId, cluster: ClusterId) {
        self.0.send_if_modified(|strangers| strangers.insert(peer, cluster) != Some(cluster));
    }

    /// The peer has spoken as a member of this node's own cluster.
    pub(super) fn forget(&self, peer: NodeId) {
        if !self.0.borrow().is_empty() {
            self.0.send_if_modified(|strangers| strangers.remove(&peer).is_some());
        }
    }

    /// Only members count.
    pub(super) fn keep(&self, members: &BTreeSet<NodeId>) {
        self.0.send_if_modified(|strangers| {
            let before = strangers.len();
            strangers.retain(|peer, _| members.contains(peer));
            strangers.len() != before
        });
    }

    /// Notes a peer that has refused a message because of its cluster.
    pub(super) fn note_refusal(&self, peer: NodeId, status: &Status) {
        let cluster = status.metadata().get_bin(CLUSTER_KEY).and_then(|value| value.to_bytes().ok());
        if let Some(cluster) = cluster.and_then(|bytes| <[u8; 16]>::try_from(&bytes[..]).ok()) {
            self.note(peer, ClusterId(cluster));
        }
    }

    /// Resolves when as many nodes as make a quorum belong to one other cluster: no quorum of ours is left.
    pub async fn outnumber(&self, quorum: impl Fn() -> usize) -> (ClusterId, Vec<NodeId>) {
        let mut strangers = self.0.subscribe();
        loop {
            if let Some(found) = most(&strangers.borrow_and_update(), quorum()) {
                return found;
            }
            if strangers.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

fn most(strangers: &BTreeMap<NodeId, ClusterId>, quorum: usize) -> Option<(ClusterId, Vec<NodeId>)> {
    let of = |cluster: ClusterId| strangers.iter().filter(move |(_, theirs)| **theirs == cluster).map(|(id, _)| *id);
    let cluster = strangers.values().copied().find(|cluster| of(*cluster).count() >= quorum)?;
    Some((cluster, of(cluster).collect()))
}

/// The refusal with the cluster of who refuses.
pub(super) fn naming(mut status: Status, cluster: ClusterId) -> Status {
    let key = BinaryMetadataKey::from_static(CLUSTER_KEY);
    status.metadata_mut().insert_bin(key, BinaryMetadataValue::from_bytes(&cluster.0));
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEIRS: ClusterId = ClusterId([7; 16]);

    #[test]
    fn only_a_quorum_of_one_other_cluster_outnumbers_and_who_comes_back_counts_no_more() {
        let strangers = Strangers::default();
        let found = |strangers: &Strangers| most(&strangers.0.borrow(), 2);
        strangers.note(NodeId(1), THEIRS);
        strangers.note(NodeId(1), THEIRS);
        strangers.note(NodeId(3), ClusterId([8; 16]));
        assert_eq!(found(&strangers), None);
        strangers.note_refusal(NodeId(4), &naming(Status::failed_precondition("no"), THEIRS));
        assert_eq!(found(&strangers), Some((THEIRS, vec![NodeId(1), NodeId(4)])));
        strangers.forget(NodeId(1));
        assert_eq!(found(&strangers), None);
        strangers.note_refusal(NodeId(1), &Status::unavailable("gone"));
        assert_eq!(found(&strangers), None);
    }
}
