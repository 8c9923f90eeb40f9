//! A node that was away while it was removed has a log that still names it, and nobody tells it otherwise: the others only
//! refuse it their votes. So a member that knows of no leader for a while asks the others for their list, and says what it
//! finds.

use std::sync::Arc;
use std::time::Duration;

use tonic::transport::Channel;

use crate::protocol::{Incarnation, Listed, NodeId};
use crate::rpc::desk::{Desk, Request as Ask};
use crate::rpc::roster::Roster;
use crate::rpc::service::control::{ask, leader};
use crate::rpc::service::forward::Forwarder;
use crate::rpc::wire;
use crate::rpc::wire::control_client::ControlClient;

/// Between two looks; with no leader at two in a row the others are asked.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) struct Absence {
    pub(super) me: (NodeId, Incarnation),
    pub(super) desk: Desk,
    pub(super) forwarder: Arc<Forwarder>,
    pub(super) roster: Roster,
}

impl Absence {
    /// Ends with the node.
    pub(super) async fn run(self) {
        let (mut alone, mut told) = (false, None);
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let Ok(state) = ask(&self.desk, |reply| Ask::State(0, reply)).await else { return };
            let was_alone = std::mem::replace(&mut alone, leader(&state.snapshot).is_none());
            let Some(mine) = self.roster.known().list.filter(|mine| was_alone && alone && self.is_in(mine)) else {
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
            let request = wire::MembersRequest { forwarded: true };
            let call = |channel: Channel| async move { ControlClient::new(channel).members(request).await };
            let asked = tokio::time::timeout(ANSWER_TIMEOUT, self.forwarder.pass_on(member.id, call)).await;
            let Ok(Ok(wire::MembersResponse { members: Some(theirs), leads: true, .. })) = asked else { continue };
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
