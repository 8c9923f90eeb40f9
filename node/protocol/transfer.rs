//! Leadership transfer (Raft thesis 3.10): requested by a person, by a node that stops, or by preference.
//!
//! 1. From the request on, new writes wait at the leader; they are not refused. Writes before them are confirmed
//!    first.
//! 2. Once the target has the last entry, the leader sends it [`TransferNow`]. The target asks for votes without a
//!    pre-vote and marks its requests as a transfer, because the voters still hear a live leader.
//! 3. The old leader learns of the greater epoch and becomes a replica. The waiting writes are forwarded to the new
//!    leader.
//! 4. If no other node leads within an election timeout, the old leader continues and proposes the waiting writes
//!    itself.
//!
//! Votes compare logs as always: a target that lacks an entry is not elected.

use crate::config::Prefer;
use crate::core::Core;
use crate::io::{Answer, Proposal, Refusal};
use crate::membership::MemberKind;
use crate::message::{Message, MessageKind, TransferAsked, TransferNow};
use crate::role::{Leader, Progress, Role};
use crate::trace::{DropReason, ElectionReason, Fact, TransferOutcome};
use crate::types::{LogPoint, NodeId, RequestId, Time, reach};

/// The number of election timeouts between two transfers by preference. A preferred node that cannot keep its
/// leadership must not disturb the cluster all the time.
const PREFERENCE_REST: u64 = 5;

/// A transfer in progress at the leader.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Transfer {
    /// The target.
    pub(super) to: NodeId,
    /// The request to answer, if a person or a change of members started the transfer.
    pub(super) request: Option<RequestId>,
    /// What started it.
    pub(super) reason: TransferReason,
    /// The time at which the leader gives up and continues to lead.
    pub(super) deadline: Time,
    /// [`TransferNow`] was sent. It is sent once, and only after every entry is committed and the target has the last
    /// one.
    pub(super) sent: bool,
    /// Writes that arrived since, in order. They are bounded like uncommitted writes.
    pub(super) waiting: Vec<Proposal>,
}

/// What started a transfer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum TransferReason {
    /// A request of a person or of a replica.
    Asked,
    /// The preference for another node.
    Preferred,
    /// A request to remove the leader itself. The request continues at the new leader.
    ToLeave,
}

impl TransferReason {
    const fn name(self) -> &'static str {
        match self {
            TransferReason::Asked => "asked",
            TransferReason::Preferred => "preferred",
            TransferReason::ToLeave => "to-leave",
        }
    }
}

/// Requests that wait at a node that stepped down during a transfer, until it knows the new leader.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Parked {
    /// The target of the transfer.
    pub(super) to: NodeId,
    /// The request to answer, if there is one.
    pub(super) request: Option<RequestId>,
    /// What started the transfer.
    pub(super) reason: TransferReason,
    /// Writes that waited, in order. None of them is in any log, so refusing them is definite.
    pub(super) proposals: Vec<Proposal>,
    /// The time at which they are refused.
    pub(super) deadline: Time,
}

impl Core {
    /// Transfers leadership to `to`, or to the replica that is caught up best. On a replica the request is forwarded
    /// to the leader; without a leader only a node that is to lead itself can start an election.
    pub(super) fn on_transfer(&mut self, request: RequestId, to: Option<NodeId>) {
        let me = self.config.id;
        if let Role::Leader(_) = &self.role {
            return match self.transfer_target(to) {
                Ok(to) if to == me => self.answer(request, Answer::Done),
                Ok(to) => self.begin_transfer(to, Some(request), TransferReason::Asked),
                Err(refusal) => self.answer(request, Answer::Refused(refusal)),
            };
        }
        if to == Some(me) && !self.may_lead() {
            return self.answer(request, Answer::Refused(self.why_not_a_target(me)));
        }
        match self.leader().filter(|_| self.has_live_leader()) {
            Some(leader) if to == Some(me) => {
                self.send(leader, Message::TransferAsked(TransferAsked {}));
                self.answer(request, Answer::Done);
            }
            Some(leader) => self.answer(request, Answer::Forward(leader)),
            // It may still owe a leader the promise of a round from before its restart.
            None if to == Some(me) && self.may_owe_patience() => {
                self.answer(request, Answer::Refused(Refusal::JustStarted));
            }
            None if to == Some(me) => {
                self.answer(request, Answer::Done);
                self.start_pre_vote(ElectionReason::Asked, None);
            }
            None => self.answer(request, Answer::Refused(Refusal::NoLeader)),
        }
    }

    /// The leader is asked to remove itself: it transfers leadership first, and the request continues at the new
    /// leader.
    pub(super) fn transfer_before_removal(&mut self, request: RequestId) {
        match self.transfer_target(None) {
            Ok(to) => self.begin_transfer(to, Some(request), TransferReason::ToLeave),
            Err(refusal) => self.answer(request, Answer::Refused(refusal)),
        }
    }

    /// A replica asks to lead, because a person asked it to.
    pub(super) fn on_transfer_asked(&mut self, from: NodeId) {
        if let Ok(to) = self.transfer_target(Some(from)) {
            self.begin_transfer(to, None, TransferReason::Asked);
        }
    }

    /// The node to transfer to, or why there is none.
    fn transfer_target(&self, wanted: Option<NodeId>) -> Result<NodeId, Refusal> {
        let Role::Leader(leader) = &self.role else { return Err(Refusal::NoLeader) };
        if leader.transfer.is_some() {
            return Err(Refusal::TransferUnderWay);
        }
        match wanted {
            Some(id) if id == self.config.id || leader.voters().any(|(voter, _)| *voter == id) => Ok(id),
            Some(id) => Err(self.why_not_a_target(id)),
            None => self.best_caught_up(leader).ok_or(Refusal::NobodyLive),
        }
    }

    /// The refusal for a node that cannot lead: only voters can.
    fn why_not_a_target(&self, id: NodeId) -> Refusal {
        let listed = self.members().and_then(|listed| listed.membership.member(id));
        let is_learner = listed.is_some_and(|member| member.kind != MemberKind::Voter);
        if is_learner { Refusal::Learner } else { Refusal::NoMember }
    }

    /// Of the replicas heard within three heartbeats, the one with the most entries; the preferred one among equals.
    fn best_caught_up(&self, leader: &Leader) -> Option<NodeId> {
        let live = leader.voters().filter(|(_, progress)| self.was_heard_recently(progress));
        let best = live.max_by_key(|(id, progress)| (reach(progress.matched), std::cmp::Reverse(self.rank(**id))));
        best.map(|(id, _)| *id)
    }

    /// Whether the replica was heard within three heartbeats. Stricter than [`Core::is_live`]: a node that has just
    /// died must not become the target.
    pub(super) fn was_heard_recently(&self, progress: &Progress) -> bool {
        self.now < progress.heard.plus_micros(self.config.heartbeat_micros.saturating_mul(3))
    }

    /// Starts a transfer; from now on new writes wait.
    fn begin_transfer(&mut self, to: NodeId, request: Option<RequestId>, reason: TransferReason) {
        let deadline = self.now.plus_micros(self.config.election_timeout_micros);
        let Role::Leader(leader) = &mut self.role else { return };
        leader.transfer = Some(Transfer { to, request, reason, deadline, sent: false, waiting: Vec::new() });
        self.trace(|| Fact::TransferBegun { to, why: reason.name().into() });
        self.advance_transfer();
    }

    /// Sends [`TransferNow`] once everything is committed and confirmed and the target has the last entry. Earlier the
    /// target could be refused by voters that have more.
    pub(super) fn advance_transfer(&mut self) {
        let last = self.log.last();
        let settled = self.committed == last;
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(transfer) = leader.transfer.as_mut().filter(|transfer| !transfer.sent) else { return };
        let to = transfer.to;
        let has_all = leader.replicas.get(&to).is_some_and(|progress| progress.matched == last);
        if !(settled && has_all && leader.writes.is_empty()) {
            return;
        }
        transfer.sent = true;
        // From now on another node may be elected at any time, so the lease ends before the message leaves.
        leader.lease_given_up = true;
        let Some(last) = last else { return };
        self.trace(|| Fact::TransferSent { to, last: last.id });
        self.send(to, Message::TransferNow(TransferNow { last }));
    }

    /// The leader asks this node to start an election at once. Forged entries are deleted first, durably. Ignored if
    /// this log does not end like the leader's.
    pub(super) fn on_transfer_now(&mut self, from: NodeId, number: u64, last: LogPoint) {
        if self.log.last_genuine() != Some(last) {
            return self.trace_dropped(from, number, MessageKind::Transfer, DropReason::LogDiffers);
        }
        self.start_vote_for_transfer();
    }

    /// Ends a transfer that takes too long. This node still leads and proposes the waiting writes.
    pub(super) fn expire_transfer(&mut self) {
        let now = self.now;
        let Role::Leader(leader) = &mut self.role else { return };
        if leader.transfer.as_ref().is_none_or(|transfer| now < transfer.deadline) {
            return;
        }
        let Some(Transfer { to, request, waiting, .. }) = leader.transfer.take() else { return };
        leader.transfer_rest = now.plus_micros(self.config.election_timeout_micros * PREFERENCE_REST);
        self.trace(|| Fact::TransferEnded { to, outcome: TransferOutcome::TimedOut.into() });
        self.refuse(request.into_iter().collect(), Refusal::TransferFailed);
        if !waiting.is_empty() {
            self.on_propose(waiting);
        }
    }

    /// The leader steps down during a transfer: what waits in it is kept until the new leader is known.
    pub(super) fn park(&mut self, transfer: Transfer) {
        let Transfer { to, request, reason, waiting: proposals, .. } = transfer;
        let deadline = self.now.plus_micros(self.config.election_timeout_micros * 2);
        self.parked = Some(Parked { to, request, reason, proposals, deadline });
    }

    /// A leader is known: the request is answered, and the waiting writes are proposed here or forwarded.
    pub(super) fn unpark(&mut self) {
        let Some(leader) = self.leader() else { return };
        let Some(Parked { to, request, reason, proposals, .. }) = self.parked.take() else { return };
        let outcome = if leader == to { TransferOutcome::Done } else { TransferOutcome::AnotherLeads };
        self.trace(|| Fact::TransferEnded { to, outcome: outcome.into() });
        let answer = match leader == to {
            _ if reason == TransferReason::ToLeave && leader != self.config.id => Answer::Forward(leader),
            true => Answer::Done,
            false => Answer::Refused(Refusal::TransferFailed),
        };
        request.into_iter().for_each(|request| self.answer(request, answer.clone()));
        if !proposals.is_empty() {
            self.on_propose(proposals);
        }
    }

    /// No leader appeared in time. The waiting writes are refused: they are in no log, so they definitely have no
    /// effect.
    pub(super) fn expire_parked(&mut self) {
        if self.parked.as_ref().is_none_or(|parked| self.now < parked.deadline) {
            return;
        }
        let Some(Parked { to, request, proposals, .. }) = self.parked.take() else { return };
        self.trace(|| Fact::TransferEnded { to, outcome: TransferOutcome::NoLeader.into() });
        self.refuse(request.into_iter().collect(), Refusal::TransferFailed);
        self.refuse_writes(proposals.into_iter().map(|proposal| proposal.request).collect(), Refusal::NoLeader);
    }

    /// Starts a transfer to a live, caught-up replica that is preferred to this node, but not soon after this node's
    /// election or another transfer.
    pub(super) fn transfer_to_preferred(&mut self) {
        if self.config.leadership.prefer == Prefer::None {
            return;
        }
        let Role::Leader(leader) = &self.role else { return };
        if leader.transfer.is_some() || self.now < leader.transfer_rest {
            return;
        }
        let mine = self.rank(self.config.id);
        let better = |(id, progress): &(&NodeId, &Progress)| {
            self.rank(**id) < mine && self.is_nearly_caught_up(progress) && self.was_heard_recently(progress)
        };
        let best = leader.voters().filter(better).min_by_key(|(id, _)| self.rank(**id)).map(|(id, _)| *id);
        if let Some(to) = best {
            self.begin_transfer(to, None, TransferReason::Preferred);
        }
    }

    /// The earliest time for a transfer by preference, for a leader elected now.
    pub(super) fn first_preferred_transfer(&self) -> Time {
        self.now.plus_micros(self.config.election_timeout_micros * 2)
    }

    /// The number of voters preferred to this one.
    fn rank(&self, id: NodeId) -> u64 {
        let preferred = |other: &NodeId| match self.config.leadership.prefer {
            Prefer::None => false,
            Prefer::Lowest => *other < id,
            Prefer::Highest => *other > id,
        };
        self.voters().filter(preferred).count() as u64
    }

    /// How long the preference delays this node's candidacy, in microseconds: at most two election timeouts, so that
    /// the least preferred node still stands in bounded time.
    pub(super) fn preference_delay(&self) -> u64 {
        let others = (self.voters().count() as u64).saturating_sub(1).max(1);
        2 * self.config.election_timeout_micros * self.rank(self.config.id) / others
    }
}
