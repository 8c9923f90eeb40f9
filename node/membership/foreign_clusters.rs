//! Peers that report another cluster id. If they are a majority, this node is the wrong one, most often because it was
//! started with another cluster's data folder.
//!
//! Fewer than a majority are themselves wrong: they are refused and logged, and this node continues.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::watch;
use tonic::Status;
use tonic::metadata::{BinaryMetadataKey, BinaryMetadataValue};

use crate::protocol::{ClusterId, NodeId};

/// The metadata key of a refusal that carries the cluster id of the refusing node.
const CLUSTER_KEY: &str = "epoca-cluster-bin";

/// The foreign cluster ids of peers. Clones share them. Bound: only members of the list are noted and retained.
#[derive(Clone, Debug)]
pub(crate) struct ForeignClusters(Arc<watch::Sender<BTreeMap<NodeId, ClusterId>>>);

impl Default for ForeignClusters {
    fn default() -> ForeignClusters {
        ForeignClusters(Arc::new(watch::Sender::new(BTreeMap::new())))
    }
}

impl ForeignClusters {
    pub(crate) fn note(&self, peer: NodeId, cluster: ClusterId) {
        self.0.send_if_modified(|foreign_clusters| foreign_clusters.insert(peer, cluster) != Some(cluster));
    }

    /// The peer has sent a message as a member of this node's own cluster.
    pub(crate) fn forget(&self, peer: NodeId) {
        if !self.0.borrow().is_empty() {
            self.0.send_if_modified(|foreign_clusters| foreign_clusters.remove(&peer).is_some());
        }
    }

    /// Forgets peers that are not members, so that they do not count.
    pub(crate) fn retain(&self, members: &BTreeSet<NodeId>) {
        self.0.send_if_modified(|foreign_clusters| {
            let before = foreign_clusters.len();
            foreign_clusters.retain(|peer, _| members.contains(peer));
            foreign_clusters.len() != before
        });
    }

    /// Notes the cluster id of a peer that has refused a message, if the refusal carries one.
    pub(crate) fn note_refusal(&self, peer: NodeId, status: &Status) {
        let cluster = status.metadata().get_bin(CLUSTER_KEY).and_then(|value| value.to_bytes().ok());
        if let Some(cluster) = cluster.and_then(|bytes| <[u8; 16]>::try_from(&bytes[..]).ok()) {
            self.note(peer, ClusterId(cluster));
        }
    }

    /// Resolves when a quorum of nodes belongs to one other cluster, so that this node's own can have no quorum.
    pub(crate) async fn outnumbered(&self, quorum: impl Fn() -> usize) -> (ClusterId, Vec<NodeId>) {
        let mut foreign_clusters = self.0.subscribe();
        loop {
            if let Some(found) = quorum_elsewhere(&foreign_clusters.borrow_and_update(), quorum()) {
                return found;
            }
            if foreign_clusters.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

fn quorum_elsewhere(foreign_clusters: &BTreeMap<NodeId, ClusterId>, quorum: usize) -> Option<(ClusterId, Vec<NodeId>)> {
    let of =
        |cluster: ClusterId| foreign_clusters.iter().filter(move |(_, theirs)| **theirs == cluster).map(|(id, _)| *id);
    let cluster = foreign_clusters.values().copied().find(|cluster| of(*cluster).count() >= quorum)?;
    Some((cluster, of(cluster).collect()))
}

/// Adds this node's cluster id to a refusal.
pub(crate) fn with_cluster(mut status: Status, cluster: ClusterId) -> Status {
    let key = BinaryMetadataKey::from_static(CLUSTER_KEY);
    status.metadata_mut().insert_bin(key, BinaryMetadataValue::from_bytes(&cluster.0));
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEIRS: ClusterId = ClusterId([7; 16]);

    #[test]
    fn only_a_quorum_of_one_other_cluster_outnumbers_and_a_returning_peer_does_not_count() {
        let foreign_clusters = ForeignClusters::default();
        let found = |foreign_clusters: &ForeignClusters| quorum_elsewhere(&foreign_clusters.0.borrow(), 2);
        foreign_clusters.note(NodeId(1), THEIRS);
        foreign_clusters.note(NodeId(1), THEIRS);
        foreign_clusters.note(NodeId(3), ClusterId([8; 16]));
        assert_eq!(found(&foreign_clusters), None);
        foreign_clusters.note_refusal(NodeId(4), &with_cluster(Status::failed_precondition("no"), THEIRS));
        assert_eq!(found(&foreign_clusters), Some((THEIRS, vec![NodeId(1), NodeId(4)])));
        foreign_clusters.forget(NodeId(1));
        assert_eq!(found(&foreign_clusters), None);
        foreign_clusters.note_refusal(NodeId(1), &Status::unavailable("gone"));
        assert_eq!(found(&foreign_clusters), None);
    }
}
