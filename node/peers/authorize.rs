//! Decides which nodes may send messages to this one: members, and nodes that send for this node's own cluster or to
//! this very data folder. Thus a new node with an empty folder accepts the leader that has added it, and a node with
//! an old member list accepts members of a newer one.
//!
//! The core checks cluster and incarnation of every message again. This check gives the sender a refusal with a
//! reason, and this node a log line.

use tonic::Status;

use crate::membership::Identity;
use crate::membership::foreign_clusters::{ForeignClusters, with_cluster};
use crate::membership::view::MembershipView;
use crate::protocol::{Envelope, Incarnation, NodeId};
use crate::wire::log_throttle::LogThrottle;

/// The authorized sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Authorized {
    Member(NodeId),
    /// Not in this node's member list: not yet, or no longer.
    Guest(NodeId),
}

pub(super) struct Authorizer {
    me: NodeId,
    incarnation: Incarnation,
    membership: MembershipView,
    log_throttle: LogThrottle,
    foreign_clusters: ForeignClusters,
}

impl Authorizer {
    pub(super) fn new(me: &Identity, membership: MembershipView) -> Authorizer {
        let (log_throttle, foreign_clusters) = (LogThrottle::default(), ForeignClusters::default());
        Authorizer { me: me.id, incarnation: me.incarnation, membership, log_throttle, foreign_clusters }
    }

    pub(super) fn foreign_clusters(&self) -> &ForeignClusters {
        &self.foreign_clusters
    }

    /// Authorizes a message. `speaker` is the node that opened the stream, if there is one; `listed` says whether the
    /// sender is a member.
    pub(super) fn authorize(
        &self,
        envelope: &Envelope,
        speaker: Option<NodeId>,
        listed: bool,
    ) -> Result<Authorized, Status> {
        let Envelope { from, to, cluster, incarnation, .. } = envelope;
        let (me, mine) = (self.me, self.membership.cluster());
        if *to != me {
            let text = format!("the message is for {to}, but this is {me}: check the address of {to}");
            return Err(self.refuse(Status::failed_precondition(text)));
        }
        let is_for_us = (mine.is_some() && *cluster == mine) || *incarnation == Some(self.incarnation);
        if *from == me || (!listed && !is_for_us) {
            let text = format!("{from} is not a member in the list of {me}: `epoca member list` shows the members");
            return Err(self.refuse(Status::permission_denied(text)));
        }
        let list = self.membership.known().list.filter(|list| Some(list.membership.cluster) == *cluster);
        if let Some(needed) = list
            .map(|list| list.membership.level)
            .filter(|needed| envelope.level < *needed && !envelope.message.only_reports())
        {
            let text = format!(
                "{from} supports feature levels up to {}, and {needed} is in force in the cluster: use a newer epoca \
                 for {from}",
                envelope.level
            );
            return Err(self.refuse(Status::failed_precondition(text)));
        }
        if let Some(speaker) = speaker
            && speaker != *from
        {
            return Err(
                self.refuse(Status::invalid_argument(format!("a message of {from} came on the stream of {speaker}")))
            );
        }
        match (mine, *cluster) {
            (Some(mine), Some(theirs)) if mine != theirs => {
                let text = format!(
                    "{from} belongs to the cluster {theirs}, {me} to {mine}: give one of them the data folder or the \
                     addresses of its own cluster"
                );
                if listed {
                    self.foreign_clusters.note(*from, theirs);
                }
                return Err(with_cluster(self.refuse(Status::failed_precondition(text)), mine));
            }
            (Some(_), Some(_)) => self.foreign_clusters.forget(*from),
            _ => {}
        }
        Ok(if listed { Authorized::Member(*from) } else { Authorized::Guest(*from) })
    }

    /// Logs a refusal, unless it repeats the last one.
    pub(super) fn refuse(&self, status: Status) -> Status {
        self.log_throttle.warn(status.message());
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{ClusterId, EntryId, Listed, Membership, Message, Position, RoundAnswer};

    const MINE: Incarnation = Incarnation([1; 16]);

    fn at(cluster: Option<u8>) -> Authorizer {
        let membership = |cluster| Membership {
            cluster: ClusterId([cluster; 16]),
            level: crate::protocol::FeatureLevel::FIRST,
            members: Vec::new(),
        };
        let list = |cluster| Listed { id: EntryId::new(1, 0), position: Position(1), membership: membership(cluster) };
        let me = Identity {
            id: NodeId(1),
            incarnation: MINE,
            address: "127.0.0.1:7101".to_owned(),
            level_max: crate::protocol::FeatureLevel::NEWEST,
        };
        Authorizer::new(&me, MembershipView::new(Vec::new(), cluster.map(list)))
    }

    fn authorizer(cluster: u8) -> Authorizer {
        at(Some(cluster))
    }

    fn from(from: u64) -> Envelope {
        let message = Message::RoundAnswer(RoundAnswer { round: 1, patience_micros: 0 });
        Envelope { cluster: Some(ClusterId([7; 16])), ..Envelope::bare(NodeId(from), NodeId(1), 1, message) }
    }

    fn reason(authorized: Result<Authorized, Status>) -> String {
        authorized.expect_err("it is refused").message().to_owned()
    }

    #[test]
    fn a_member_of_the_same_cluster_may_send() {
        assert!(authorizer(7).authorize(&from(2), Some(NodeId(2)), true).is_ok());
        assert!(authorizer(7).authorize(&Envelope { cluster: None, ..from(3) }, None, true).is_ok());
    }

    #[test]
    fn a_sender_for_the_same_cluster_or_this_data_folder_is_a_guest() {
        assert_eq!(authorizer(7).authorize(&from(9), None, false).ok(), Some(Authorized::Guest(NodeId(9))));
        let empty = at(None);
        assert!(reason(empty.authorize(&from(9), None, false)).contains("n9 is not a member"));
        let meant = Envelope { incarnation: Some(MINE), ..from(9) };
        assert_eq!(empty.authorize(&meant, None, false).ok(), Some(Authorized::Guest(NodeId(9))));
    }

    #[test]
    fn strangers_and_other_clusters_are_refused_by_name() {
        assert!(reason(authorizer(8).authorize(&from(9), None, false)).contains("n9 is not a member"));
        assert!(
            reason(authorizer(7).authorize(&Envelope { cluster: None, ..from(9) }, None, false))
                .contains("not a member")
        );
        assert!(reason(authorizer(8).authorize(&from(2), None, true)).contains("belongs to the cluster 0707"));
        assert!(reason(authorizer(7).authorize(&from(1), None, false)).contains("n1 is not a member"));
    }

    #[test]
    fn a_message_for_another_node_or_on_anothers_stream_is_refused() {
        assert!(
            reason(authorizer(7).authorize(&Envelope { to: NodeId(4), ..from(2) }, None, true)).contains("is for n4")
        );
        assert!(
            reason(authorizer(7).authorize(&from(2), Some(NodeId(3)), true)).contains("n2 came on the stream of n3")
        );
    }
}
