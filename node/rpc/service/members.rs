//! The member list as the Control service hands it out and changes it. Only the leader changes it: any other node
//! passes the request on, once.

use std::sync::Arc;

use tonic::Status;
use tonic::transport::Channel;

use crate::protocol::{Answer, Incarnation, Member, MemberChange, MemberKind, NodeId};
use crate::rpc::desk::{Desk, Request as Ask};
use crate::rpc::disks::Disks;
use crate::rpc::links::{is_address, is_unspecified};
use crate::rpc::roster::Roster;
use crate::rpc::service::control::{ask, leader};
use crate::rpc::service::forward::{Forwarder, Lost};
use crate::rpc::service::refusal::{by_core, leader_overloaded, leader_unreachable, not_a_leader, not_taken, refused};
use crate::rpc::wire;
use crate::rpc::wire::control_client::ControlClient;
use crate::rpc::wire::member_changed::Outcome;

/// Why nobody is added while too few disks are left to elect a leader.
const NO_LEADER: &str = "no_leader";

pub(super) struct Members {
    pub(super) desk: Desk,
    pub(super) forwarder: Arc<Forwarder>,
    pub(super) roster: Roster,
    pub(super) disks: Disks,
    pub(super) me: NodeId,
}

impl Members {
    /// The leader's list; this node's own if it reaches no leader.
    pub(super) async fn list(&self, request: wire::MembersRequest) -> Result<wire::MembersResponse, Status> {
        let state = ask(&self.desk, |reply| Ask::State(0, reply)).await?;
        let leader = leader(&state.snapshot);
        if let Some(leader) = leader.filter(|leader| *leader != self.me && !request.forwarded) {
            let request = wire::MembersRequest { forwarded: true };
            let call = |channel: Channel| async move { ControlClient::new(channel).members(request).await };
            // Whoever is taken for the leader may have begun anew, and know of no members.
            if let Ok(response) = self.forwarder.ask_leader(leader, call).await
                && response.leads
            {
                return Ok(response);
            }
        }
        let members = self.roster.known().list.map(|list| (&*list).into());
        Ok(wire::MembersResponse { members, node: self.me.0, leads: leader == Some(self.me) })
    }

    pub(super) async fn join(&self, request: wire::JoinRequest) -> wire::MemberChanged {
        let member = match self.member(&request) {
            Ok(member) => member,
            Err(refusal) => return no(refusal),
        };
        let first = !request.forwarded;
        let call = |channel: Channel| async move {
            ControlClient::new(channel).join(wire::JoinRequest { forwarded: true, ..request }).await
        };
        self.disks.asked(member.id, member.incarnation);
        let answer = self.change(MemberChange::Add(member), first, call).await;
        match (&answer.outcome, self.disks.verdict()) {
            (Some(Outcome::Refused(refusal)), Some(why)) if refusal.code == NO_LEADER => no(refused("disks_lost", why)),
            _ => answer,
        }
    }

    pub(super) async fn remove(&self, request: wire::RemoveRequest) -> wire::MemberChanged {
        let wire::RemoveRequest { node, forwarded } = request;
        let call = |channel: Channel| async move {
            ControlClient::new(channel).remove(wire::RemoveRequest { node, forwarded: true }).await
        };
        self.change(MemberChange::Remove(NodeId(node)), !forwarded, call).await
    }

    pub(super) async fn promote(&self, request: wire::PromoteRequest) -> wire::MemberChanged {
        let wire::PromoteRequest { node, forwarded } = request;
        let call = |channel: Channel| async move {
            ControlClient::new(channel).promote(wire::PromoteRequest { node, forwarded: true }).await
        };
        self.change(MemberChange::Promote(NodeId(node)), !forwarded, call).await
    }

    fn member(&self, request: &wire::JoinRequest) -> Result<Member, wire::Refusal> {
        let wire::JoinRequest { id, address, incarnation, learner, cluster, .. } = request;
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
        let mine = self.roster.cluster();
        if cluster.as_ref().is_some_and(|theirs| mine.is_some_and(|mine| theirs[..] != mine.0)) {
            let text = format!("n{id} belongs to another cluster: start it on an empty folder");
            return Err(refused("other_cluster", text));
        }
        let kind = if *learner { MemberKind::Learner } else { MemberKind::Joining };
        Ok(Member { id: NodeId(*id), address: address.clone(), incarnation: Incarnation(incarnation), kind })
    }

    /// Here, if this node leads; else `call` asks the leader, if the request came from a client.
    async fn change<F>(&self, change: MemberChange, first: bool, call: impl FnOnce(Channel) -> F) -> wire::MemberChanged
    where
        F: Future<Output = Result<tonic::Response<wire::MemberChanged>, Status>>,
    {
        let answer = match self.desk.ask(|reply| Ask::ChangeMembers(change, reply)) {
            Ok(answer) => answer.await,
            Err(why) => return no(not_taken(why)),
        };
        match answer {
            Ok(Answer::Written(point)) => said(Outcome::Written(point.into())),
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
            Ok(Answer::Done) => said(Outcome::Unchanged(wire::Unchanged {})),
            Ok(Answer::Readable) => unknown("the node gave an answer that fits no change"),
            Err(_) => unknown("the node stopped before it could answer"),
        }
    }
}

fn said(outcome: Outcome) -> wire::MemberChanged {
    wire::MemberChanged { outcome: Some(outcome) }
}

fn no(refusal: wire::Refusal) -> wire::MemberChanged {
    said(Outcome::Refused(refusal))
}

fn unknown(why: &str) -> wire::MemberChanged {
    said(Outcome::Unknown(wire::Unknown { message: format!("{why}, so the change may or may not happen") }))
}
