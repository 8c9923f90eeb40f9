//! The member list as the Control service hands it out and changes it. Only the leader changes it: any other node
//! passes the request on, once.

use std::sync::Arc;

use tonic::transport::Channel;
use tonic::{Request, Status};

use crate::membership::lost_disks::LostDisks;
use crate::membership::view::MembershipView;
use crate::protocol::{Answer, Incarnation, Member, MemberChange, MemberKind, NodeId};
use crate::server::control::{ask, leader};
use crate::server::forward::{Forwarder, Lost};
use crate::server::refusal::{by_core, leader_overloaded, leader_unreachable, not_a_leader, not_taken};
use crate::server::requests::{Request as Ask, RequestQueue};
use crate::wire::address::{is_address, is_unspecified};
use crate::wire::forwarded::{forwarded, is_forwarded};
use crate::wire::proto;
use crate::wire::proto::control_client::ControlClient;
use crate::wire::proto::member_changed::Outcome;
use crate::wire::refusal::refused;

/// Why nobody is added while too few disks are left to elect a leader.
const NO_LEADER: &str = "no_leader";

pub(super) struct MemberChanges {
    pub(super) queue: RequestQueue,
    pub(super) forwarder: Arc<Forwarder>,
    pub(super) membership: MembershipView,
    pub(super) lost_disks: LostDisks,
    pub(super) me: NodeId,
}

impl MemberChanges {
    /// The leader's list; this node's own if it reaches no leader.
    pub(super) async fn list(&self, is_forwarded: bool) -> Result<proto::MembersResponse, Status> {
        let state = ask(&self.queue, |reply| Ask::State(0, reply)).await?;
        let leader = leader(&state.snapshot);
        if let Some(leader) = leader.filter(|leader| *leader != self.me && !is_forwarded) {
            let call = |channel: Channel| async move {
                ControlClient::new(channel).members(forwarded(proto::MembersRequest {})).await
            };
            // Whoever is taken for the leader may have begun anew, and know of no members.
            if let Ok(response) = self.forwarder.ask_leader(leader, call).await
                && response.leads
            {
                return Ok(response);
            }
        }
        let members = self.membership.known().list.map(|list| (&*list).into());
        Ok(proto::MembersResponse { members, node: self.me.0, leads: leader == Some(self.me) })
    }

    pub(super) async fn join(&self, request: Request<proto::JoinRequest>) -> proto::MemberChanged {
        let (first, request) = (!is_forwarded(request.metadata()), request.into_inner());
        let member = match self.member(&request) {
            Ok(member) => member,
            Err(refusal) => return no(refusal),
        };
        let call = |channel: Channel| async move { ControlClient::new(channel).join(forwarded(request)).await };
        self.lost_disks.asked(member.id, member.incarnation);
        let answer = self.change(MemberChange::Add(member), first, call).await;
        match (&answer.outcome, self.lost_disks.verdict()) {
            (Some(Outcome::Refused(refusal)), Some(why)) if refusal.code == NO_LEADER => no(refused("disks_lost", why)),
            _ => answer,
        }
    }

    pub(super) async fn remove(&self, request: Request<proto::RemoveRequest>) -> proto::MemberChanged {
        let (first, request) = (!is_forwarded(request.metadata()), request.into_inner());
        let call = |channel: Channel| async move { ControlClient::new(channel).remove(forwarded(request)).await };
        self.change(MemberChange::Remove(NodeId(request.node)), first, call).await
    }

    pub(super) async fn promote(&self, request: Request<proto::PromoteRequest>) -> proto::MemberChanged {
        let (first, request) = (!is_forwarded(request.metadata()), request.into_inner());
        let call = |channel: Channel| async move { ControlClient::new(channel).promote(forwarded(request)).await };
        self.change(MemberChange::Promote(NodeId(request.node)), first, call).await
    }

    fn member(&self, request: &proto::JoinRequest) -> Result<Member, proto::Refusal> {
        let proto::JoinRequest { id, address, incarnation, learner, cluster, .. } = request;
        if *id == 0 || *id >= 1 << 63 {
            return Err(refused("bad_member", format!("{id} is no node id: they count from 1")));
        }
        if !is_address(address) {
            return Err(refused(
                "bad_member",
                format!("{address:?} is no address: write HOST:PORT, as 127.0.0.1:7105"),
            ));
        }
        if is_unspecified(address) {
            let text = format!("{address} is every address of a machine: start n{id} with --advertise and one of them");
            return Err(refused("bad_member", text));
        }
        let Ok(incarnation) = <[u8; 16]>::try_from(&incarnation[..]) else {
            return Err(refused("bad_member", "the incarnation of a data folder has 16 bytes"));
        };
        let mine = self.membership.cluster();
        if cluster.as_ref().is_some_and(|theirs| mine.is_some_and(|mine| theirs[..] != mine.0)) {
            let text = format!("n{id} belongs to another cluster: start it on an empty folder");
            return Err(refused("other_cluster", text));
        }
        let kind = if *learner { MemberKind::Learner } else { MemberKind::Joining };
        Ok(Member { id: NodeId(*id), address: address.clone(), incarnation: Incarnation(incarnation), kind })
    }

    /// Here, if this node leads; else `call` asks the leader, if the request came from a client.
    async fn change<F>(
        &self,
        change: MemberChange,
        first: bool,
        call: impl FnOnce(Channel) -> F,
    ) -> proto::MemberChanged
    where
        F: Future<Output = Result<tonic::Response<proto::MemberChanged>, Status>>,
    {
        let answer = match self.queue.ask(|reply| Ask::ChangeMembers(change, reply)) {
            Ok(answer) => answer.await,
            Err(why) => return no(not_taken(why)),
        };
        match answer {
            Ok(Answer::Applied { entry, .. }) => said(Outcome::Written(entry.into())),
            // A leader that is to be removed has handed over: whoever asked goes on at the new one.
            Ok(Answer::Forward(leader)) if !first || leader == self.me => no(not_a_leader(leader)),
            Ok(Answer::Forward(leader)) => match self.forwarder.ask_leader(leader, call).await {
                Ok(answer) => answer,
                Err(Lost::NotSent(why)) => no(leader_unreachable(leader, &why)),
                Err(Lost::Overloaded(why)) => no(leader_overloaded(leader, &why)),
                Err(Lost::Unanswered(why)) => {
                    unknown(&format!("it was passed on to {leader}, whose answer was lost: {why}"))
                }
                Err(Lost::Deposed(next)) => {
                    unknown(&format!("it was passed on to {leader}, which gave no answer, and {next} leads by now"))
                }
            },
            Ok(Answer::Refused(refusal)) => no(by_core(refusal)),
            Ok(Answer::Unknown) => unknown("the leader stepped down with the change in its log"),
            Ok(Answer::Done) => said(Outcome::Unchanged(proto::Unchanged {})),
            Ok(Answer::Readable | Answer::Injected(_) | Answer::Snapshot(_)) => {
                unknown("the node gave an answer that fits no change")
            }
            Err(_) => unknown("the node stopped before it could answer"),
        }
    }
}

fn said(outcome: Outcome) -> proto::MemberChanged {
    proto::MemberChanged { outcome: Some(outcome) }
}

fn no(refusal: proto::Refusal) -> proto::MemberChanged {
    said(Outcome::Refused(refusal))
}

fn unknown(why: &str) -> proto::MemberChanged {
    said(Outcome::Unknown(proto::Unknown { message: format!("{why}, so the change may or may not happen") }))
}
