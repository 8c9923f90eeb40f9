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
use crate::server::requests::{Request as Ask, RequestQueue};
use crate::wire::address::{is_address, is_unspecified};
use crate::wire::convert::level;
use crate::wire::doubt::Doubt;
use crate::wire::forwarded::{forwarded, is_forwarded};
use crate::wire::proto;
use crate::wire::proto::control_client::ControlClient;
use crate::wire::proto::member_changed::Outcome;
use crate::wire::refusal::Refusal;

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
            // The node that counts as the leader may have an emptied folder, and know no members.
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
            Err(refusal) => return no(&refusal),
        };
        let call = |channel: Channel| async move { ControlClient::new(channel).join(forwarded(request)).await };
        self.lost_disks.asked(member.id, member.incarnation);
        let answer = self.change(MemberChange::Add(member), first, call).await;
        match (&answer.outcome, self.lost_disks.verdict()) {
            // A cluster that lost a quorum of its disks has no leader, and waiting would not help.
            (Some(Outcome::Refused(refusal)), Some(lost)) if is_about_the_leader(refusal) => no(&lost.into()),
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

    fn member(&self, request: &proto::JoinRequest) -> Result<Member, Refusal> {
        let proto::JoinRequest { id, address, incarnation, learner, cluster, .. } = request;
        if *id == 0 || *id >= 1 << 63 {
            return Err(Refusal::BadNodeId { count: *id });
        }
        if !is_address(address) {
            return Err(Refusal::BadMemberAddress { subject: address.clone() });
        }
        if is_unspecified(address) {
            return Err(Refusal::UnspecifiedAddress { subject: address.clone(), node: NodeId(*id) });
        }
        let Ok(incarnation) = <[u8; 16]>::try_from(&incarnation[..]) else {
            return Err(Refusal::BadIncarnation {});
        };
        let mine = self.membership.cluster();
        if cluster.as_ref().is_some_and(|theirs| mine.is_some_and(|mine| theirs[..] != mine.0)) {
            return Err(Refusal::OtherCluster { node: NodeId(*id) });
        }
        let (theirs, list) = (level(request.level), self.membership.known().list);
        if let Some(needed) = list.map(|list| list.membership.level).filter(|needed| theirs < *needed) {
            let (count, limit) = (u64::from(theirs.0), u64::from(needed.0));
            return Err(Refusal::VersionTooOld { node: NodeId(*id), count, limit });
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
            Err(why) => return no(&why.into()),
        };
        match answer {
            Ok(Answer::Applied { entry, .. }) => said(Outcome::Written(entry.into())),
            // A leader that should be removed has transferred leadership: the request continues at the new leader.
            Ok(Answer::Forward(leader)) if !first || leader == self.me => no(&Refusal::NotALeader { leader }),
            Ok(Answer::Forward(leader)) => match self.forwarder.ask_leader(leader, call).await {
                Ok(answer) => answer,
                Err(Lost::NotSent(reason)) => no(&Refusal::LeaderUnreachable { leader, reason }),
                Err(Lost::Overloaded(reason)) => no(&Refusal::LeaderOverloaded { leader, reason }),
                Err(Lost::Unanswered(detail)) => unknown(&Doubt::AnswerLost { leader, detail }),
                Err(Lost::Deposed(next)) => unknown(&Doubt::Deposed { leader, next }),
            },
            Ok(Answer::Refused(refusal)) => no(&refusal.into()),
            Ok(Answer::Unknown) => unknown(&Doubt::SteppedDown {}),
            Ok(Answer::Done) => said(Outcome::Unchanged(proto::Unchanged {})),
            Ok(Answer::Readable | Answer::Injected(_) | Answer::Snapshot(_)) => unknown(&Doubt::Misfit {}),
            Err(_) => unknown(&Doubt::Stopped {}),
        }
    }
}

fn is_about_the_leader(refusal: &proto::Refusal) -> bool {
    Refusal::try_from(refusal.clone()).is_ok_and(|refusal| refusal.is_about_the_leader())
}

fn said(outcome: Outcome) -> proto::MemberChanged {
    proto::MemberChanged { outcome: Some(outcome) }
}

fn no(refusal: &Refusal) -> proto::MemberChanged {
    said(Outcome::Refused(refusal.to_wire()))
}

fn unknown(doubt: &Doubt) -> proto::MemberChanged {
    said(Outcome::Unknown(doubt.into()))
}
