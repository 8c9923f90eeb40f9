//! Who may speak here: only the nodes that this one was told of, and only about its own cluster.
//!
//! The core judges cluster and incarnation of every message again; this is so that a stranger gets an answer that says
//! why, and the log of this node says who knocked.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use tonic::Status;

use crate::protocol::{ClusterId, Envelope, NodeId};
use crate::rpc::complaints::Complaints;
use crate::rpc::links::strangers::{Strangers, naming};

/// The cluster that this node belongs to, once it knows. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct KnownCluster(Arc<Mutex<Option<ClusterId>>>);

impl KnownCluster {
    pub fn set(&self, cluster: Option<ClusterId>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = cluster;
    }

    pub fn id(&self) -> Option<ClusterId> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Door {
    me: NodeId,
    peers: BTreeSet<NodeId>,
    cluster: KnownCluster,
    complaints: Complaints,
    strangers: Strangers,
}

impl Door {
    pub(super) fn new(me: NodeId, peers: BTreeSet<NodeId>, cluster: KnownCluster) -> Door {
        Door { me, peers, cluster, complaints: Complaints::default(), strangers: Strangers::default() }
    }

    pub(super) fn strangers(&self) -> &Strangers {
        &self.strangers
    }

    /// Lets a message of a known node in; `speaker` is who has opened the stream, if the stream has said so.
    pub(super) fn admit(&self, envelope: &Envelope, speaker: Option<NodeId>) -> Result<(), Status> {
        let Envelope { from, to, cluster, .. } = envelope;
        let me = self.me;
        if *to != me {
            let text = format!("the message is for {to}, but this is {me}: does --peer give {to} the right address?");
            return Err(self.refuse(Status::failed_precondition(text)));
        }
        if !self.peers.contains(from) {
            let text = format!("{from} is not a member: {me} was started without --peer {}=ADDRESS", from.0);
            return Err(self.refuse(Status::permission_denied(text)));
        }
        if let Some(speaker) = speaker
            && speaker != *from
        {
            return Err(self.refuse(Status::invalid_argument(format!("{from} speaks on the stream of {speaker}"))));
        }
        match (self.cluster.id(), *cluster) {
            (Some(mine), Some(theirs)) if mine != theirs => {
                let text = format!(
                    "{from} belongs to the cluster {theirs}, {me} to {mine}: give one of them the data folder or the \
                     addresses of its own cluster"
                );
                self.strangers.note(*from, theirs);
                Err(naming(self.refuse(Status::failed_precondition(text)), mine))
            }
            (Some(_), Some(_)) => {
                self.strangers.forget(*from);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Logs a refusal, but not the same one again and again.
    pub(super) fn refuse(&self, status: Status) -> Status {
        self.complaints.say(status.message());
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Message, RoundAnswer};

    fn door(cluster: u8) -> Door {
        let known = KnownCluster::default();
        known.set(Some(ClusterId([cluster; 16])));
        Door::new(NodeId(1), BTreeSet::from([NodeId(2), NodeId(3)]), known)
    }

    fn from(from: u64) -> Envelope {
        Envelope {
            from: NodeId(from),
            to: NodeId(1),
            number: 1,
            cluster: Some(ClusterId([7; 16])),
            incarnation: None,
            epoch: None,
            message: Message::RoundAnswer(RoundAnswer { round: 1, patience_micros: 0 }),
        }
    }

    fn reason(admitted: Result<(), Status>) -> String {
        admitted.expect_err("it is refused").message().to_owned()
    }

    #[test]
    fn a_member_of_the_same_cluster_may_speak() {
        assert!(door(7).admit(&from(2), Some(NodeId(2))).is_ok());
        assert!(door(7).admit(&Envelope { cluster: None, ..from(3) }, None).is_ok());
    }

    #[test]
    fn strangers_and_other_clusters_are_refused_by_name() {
        assert!(reason(door(7).admit(&from(9), None)).contains("n9 is not a member"));
        assert!(reason(door(8).admit(&from(2), None)).contains("belongs to the cluster 0707"));
    }

    #[test]
    fn a_message_for_another_node_or_on_anothers_stream_is_refused() {
        assert!(reason(door(7).admit(&Envelope { to: NodeId(4), ..from(2) }, None)).contains("is for n4"));
        assert!(reason(door(7).admit(&from(2), Some(NodeId(3)))).contains("n2 speaks on the stream of n3"));
    }
}
