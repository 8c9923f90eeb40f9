//! Detects that this node was removed while it was away. Its log still lists it as a member, and no node tells it
//! otherwise: the others only refuse their votes. So a member without a leader asks the others for their member list,
//! and logs the result.

use std::time::Duration;

use tokio::sync::watch;
use tonic::transport::Channel;

use crate::membership::view::MembershipView;
use crate::protocol::{Incarnation, Listed, NodeId};
use crate::wire::forwarded::forwarded;
use crate::wire::proto;
use crate::wire::proto::control_client::ControlClient;

/// The interval of checks. After two in a row without a leader the others are asked.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// A member without a leader that asks the others whether it is still a member.
pub(crate) struct RemovedCheck<F> {
    pub(crate) me: (NodeId, Incarnation),
    pub(crate) membership: MembershipView,
    /// The leader as this node knows it. The sender is dropped when the node stops.
    pub(crate) leader: watch::Receiver<Option<NodeId>>,
    /// The connection to a node; `None` if there is none or the lab has cut the link.
    pub(crate) channel: F,
}

impl<F: Fn(NodeId) -> Option<Channel>> RemovedCheck<F> {
    /// Runs until the node stops.
    pub(crate) async fn run(self) {
        let (mut is_leaderless, mut logged) = (false, None);
        loop {
            tokio::time::sleep(CHECK_INTERVAL).await;
            if self.leader.has_changed().is_err() {
                return;
            }
            let was_leaderless = std::mem::replace(&mut is_leaderless, self.leader.borrow().is_none());
            let Some(mine) =
                self.membership.known().list.filter(|mine| was_leaderless && is_leaderless && self.is_listed(mine))
            else {
                continue;
            };
            let newer = self.newer_list(&mine).await.filter(|newer| !self.is_listed(newer) && logged != Some(newer.id));
            if let Some(newer) = newer {
                let (me, by) = (self.me.0, newer.id);
                tracing::warn!(
                    "{me} is not a member: it was removed while it was away, by {by} at the latest. Stop it; to \
                     rejoin, start it with --join"
                );
                logged = Some(newer.id);
            }
        }
    }

    fn is_listed(&self, list: &Listed) -> bool {
        list.membership.contains(self.me.0, self.me.1)
    }

    /// The member list of a leader, if it is newer than this node's own.
    async fn newer_list(&self, mine: &Listed) -> Option<Listed> {
        for member in mine.membership.members.iter().filter(|member| member.id != self.me.0) {
            let Some(channel) = (self.channel)(member.id) else { continue };
            let mut client = ControlClient::new(channel);
            let call = client.members(forwarded(proto::MembersRequest {}));
            let Ok(Ok(response)) = tokio::time::timeout(ANSWER_TIMEOUT, call).await else { continue };
            let proto::MembersResponse { members: Some(theirs), leads: true, .. } = response.into_inner() else {
                continue;
            };
            let newer = Listed::try_from(theirs)
                .ok()
                .filter(|theirs| theirs.id > mine.id && theirs.membership.cluster == mine.membership.cluster);
            if newer.is_some() {
                return newer;
            }
        }
        None
    }
}
