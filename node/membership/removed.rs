//! A node that was away while it was removed has a log that still names it, and nobody tells it otherwise: the others only
//! refuse it their votes. So a member that knows of no leader for a while asks the others for their list, and says what it
//! finds.

use std::time::Duration;

use tokio::sync::watch;
use tonic::transport::Channel;

use crate::membership::view::MembershipView;
use crate::protocol::{Incarnation, Listed, NodeId};
use crate::wire::forwarded::forwarded;
use crate::wire::proto;
use crate::wire::proto::control_client::ControlClient;

/// Between two looks; with no leader at two in a row the others are asked.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// A member without a leader that asks the others whether it is still a member.
pub(crate) struct RemovedCheck<F> {
    pub(crate) me: (NodeId, Incarnation),
    pub(crate) membership: MembershipView,
    /// The leader as this node knows it. Its sender ends with the node.
    pub(crate) leaders: watch::Receiver<Option<NodeId>>,
    /// The connection to a node; `None` if there is none, or if the lab has cut the link.
    pub(crate) channel: F,
}

impl<F: Fn(NodeId) -> Option<Channel>> RemovedCheck<F> {
    /// Ends with the node.
    pub(crate) async fn run(self) {
        let (mut alone, mut told) = (false, None);
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if self.leaders.has_changed().is_err() {
                return;
            }
            let was_alone = std::mem::replace(&mut alone, self.leaders.borrow().is_none());
            let Some(mine) = self.membership.known().list.filter(|mine| was_alone && alone && self.is_in(mine)) else {
                continue;
            };
            let newer = self.newer(&mine).await.filter(|newer| !self.is_in(newer) && told != Some(newer.id));
            if let Some(newer) = newer {
                let (me, by) = (self.me.0, newer.id);
                tracing::warn!(
                    "{me} is not a member: it was removed while it was away, by {by} at the latest. End it; to come back, \
                     start it with --join"
                );
                told = Some(newer.id);
            }
        }
    }

    fn is_in(&self, list: &Listed) -> bool {
        list.membership.lists(self.me.0, self.me.1)
    }

    /// The list of a leader that is newer than this node's own.
    async fn newer(&self, mine: &Listed) -> Option<Listed> {
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
