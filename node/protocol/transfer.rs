//! Handing over leadership (Raft thesis 3.10): asked for by a person, by a node that stops, or by preference.
//!
//! 1. From the moment that it is asked, writes wait at the leader and are not refused; those before them are confirmed
//!    first.
//! 2. Once the target has the last entry, the leader tells it to stand at once. It asks for votes without a pre-vote,
//!    and says so, because the voters still hear a leader that lives.
//! 3. The old leader hears of the greater epoch and becomes a replica. The writes that waited go on to the new leader.
//! 4. If nothing has come of it within an election timeout, it leads on, and the writes that waited are its own.
//!
//! The comparison of logs stands as ever: a target that lacks an entry is not elected.

use crate::config::Prefer;
use crate::core::Core;
use crate::io::{Answer, Proposal, Refusal};
use crate::membership::MemberKind;
use crate::message::{Message, TransferAsked, TransferNow};
use crate::role::{Leader, Progress, Role};
use crate::trace::Fact;
use crate::types::{LogPoint, NodeId, RequestId, Time, reach};

/// How many election timeouts lie between two transfers that nobody but the preference asks for, so that a preferred
/// node that cannot hold its leadership does not keep all others busy.
const PREFERENCE_REST: u64 = 5;

/// A transfer under way at the leader.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Transfer {
    pub(super) to: NodeId,
    pub(super) request: Option<RequestId>,
    pub(super) reason: Reason,
    pub(super) deadline: Time,
    /// The target was told to stand.
    pub(super) sent: bool,
    pub(super) waiting: Vec<Proposal>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Reason {
    Asked,
    Preferred,
    /// The leader is asked to remove itself: the request goes on at the new leader.
    ToLeave,
}

impl Reason {
    const fn name(self) -> &'static str {
        match self {
            Reason::Asked => "asked",
            Reason::Preferred => "preferred",
            Reason::ToLeave => "to-leave",
        }
    }
}

/// What waits at a node that has given its leadership away, until it knows who leads.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Parked {
    to: NodeId,
    request: Option<RequestId>,
    reason: Reason,
    proposals: Vec<Proposal>,
    pub(super) deadline: Time,
}

impl Core {
    /// Makes `to` the leader, or whoever is caught up best.
    pub(super) fn on_transfer(&mut self, request: RequestId, to: Option<NodeId>) {
        let me = self.config.id;
        if let Role::Leader(_) = &self.role {
            return match self.target(to) {
                Ok(to) if to == me => self.answer(request, Answer::Done),
                Ok(to) => self.begin_transfer(to, Some(request), Reason::Asked),
                Err(refusal) => self.answer(request, Answer::Refused(refusal)),
            };
        }
        if to == Some(me) && !self.may_lead() {
            return self.answer(request, Answer::Refused(self.why_not_a_target(me)));
        }
        match self.leader().filter(|_| self.hears_a_leader()) {
            Some(leader) if to == Some(me) => {
                self.send(leader, Message::TransferAsked(TransferAsked {}));
                self.answer(request, Answer::Done);
            }
            Some(leader) => self.answer(request, Answer::Forward(leader)),
            // It may have promised its patience to a leader, and does not remember.
            None if to == Some(me) && self.still_owes_patience() => {
                self.answer(request, Answer::Refused(Refusal::JustStarted));
            }
            None if to == Some(me) => {
                self.answer(request, Answer::Done);
                self.stand("asked", None);
            }
            None => self.answer(request, Answer::Refused(Refusal::NoLeader)),
        }
    }

    /// The leader is asked to remove itself: another leads first, and the request goes on there.
    pub(super) fn hand_over_to_leave(&mut self, request: RequestId) {
        match self.target(None) {
            Ok(to) => self.begin_transfer(to, Some(request), Reason::ToLeave),
            Err(refusal) => self.answer(request, Answer::Refused(refusal)),
        }
    }

    pub(super) fn on_transfer_asked(&mut self, from: NodeId) {
        if let Ok(to) = self.target(Some(from)) {
            self.begin_transfer(to, None, Reason::Asked);
        }
    }

    fn target(&self, wanted: Option<NodeId>) -> Result<NodeId, Refusal> {
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

    /// Only a voter can lead.
    fn why_not_a_target(&self, id: NodeId) -> Refusal {
        let listed = self.members().and_then(|listed| listed.membership.member(id));
        let is_learner = listed.is_some_and(|member| member.kind != MemberKind::Voter);
        if is_learner { Refusal::Learner } else { Refusal::NoMember }
    }

    /// Of the replicas that were heard lately the one that has most, the preferred one among equals.
    fn best_caught_up(&self, leader: &Leader) -> Option<NodeId> {
        let live = leader.voters().filter(|(_, progress)| self.was_heard_lately(progress));
        let best = live.max_by_key(|(id, progress)| (reach(progress.matched), std::cmp::Reverse(self.rank(**id))));
        best.map(|(id, _)| *id)
    }

    /// Within three heartbeats: more than [`Core::is_live`], for what a node that has just died should not get.
    pub(super) fn was_heard_lately(&self, progress: &Progress) -> bool {
        self.now < progress.heard.plus_micros(self.config.heartbeat_micros.saturating_mul(3))
    }

    fn begin_transfer(&mut self, to: NodeId, request: Option<RequestId>, reason: Reason) {
        let deadline = self.now.plus_micros(self.config.election_timeout_micros);
        let Role::Leader(leader) = &mut self.role else { return };
        leader.transfer = Some(Transfer { to, request, reason, deadline, sent: false, waiting: Vec::new() });
        self.trace(|| Fact::TransferBegun { to, why: reason.name().into() });
        self.advance_transfer();
    }

    /// Tells the target to stand, once everything is confirmed and the target has the last entry.
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
        // From here on another leader may be elected at any moment.
        leader.lease_given_up = true;
        let Some(last) = last else { return };
        self.trace(|| Fact::TransferSent { to, last: last.id });
        self.send(to, Message::TransferNow(TransferNow { last }));
    }

    /// The leader asks this node to stand at once. Forged entries go first, durably.
    pub(super) fn on_transfer_now(&mut self, from: NodeId, number: u64, last: LogPoint) {
        if self.log.last_genuine() != Some(last) {
            return self.trace_dropped(from, number, "transfer", "log-differs");
        }
        self.stand_for_transfer();
    }

    /// A transfer that takes too long is over: this node leads on.
    pub(super) fn end_late_transfer(&mut self) {
        let now = self.now;
        let Role::Leader(leader) = &mut self.role else { return };
        if leader.transfer.as_ref().is_none_or(|transfer| now < transfer.deadline) {
            return;
        }
        let Some(Transfer { to, request, waiting, .. }) = leader.transfer.take() else { return };
        leader.transfer_rest = now.plus_micros(self.config.election_timeout_micros * PREFERENCE_REST);
        self.trace(|| Fact::TransferEnded { to, outcome: "timed-out".into() });
        self.refuse(request.into_iter().collect(), Refusal::TransferFailed);
        if !waiting.is_empty() {
            self.on_propose(waiting);
        }
    }

    /// The leader has stepped down: what waited waits on until it is known who leads.
    pub(super) fn park(&mut self, transfer: Transfer) {
        let Transfer { to, request, reason, waiting: proposals, .. } = transfer;
        let deadline = self.now.plus_micros(self.config.election_timeout_micros * 2);
        self.parked = Some(Parked { to, request, reason, proposals, deadline });
    }

    /// It is known who leads now.
    pub(super) fn unpark(&mut self) {
        let Some(leader) = self.leader() else { return };
        let Some(Parked { to, request, reason, proposals, .. }) = self.parked.take() else { return };
        let outcome = if leader == to { "done" } else { "another-leads" };
        self.trace(|| Fact::TransferEnded { to, outcome: outcome.into() });
        let answer = match leader == to {
            _ if reason == Reason::ToLeave && leader != self.config.id => Answer::Forward(leader),
            true => Answer::Done,
            false => Answer::Refused(Refusal::TransferFailed),
        };
        request.into_iter().for_each(|request| self.answer(request, answer.clone()));
        if !proposals.is_empty() {
            self.on_propose(proposals);
        }
    }

    /// Nobody leads, and what waited has waited long enough: it is definitely not done.
    pub(super) fn end_late_parking(&mut self) {
        if self.parked.as_ref().is_none_or(|parked| self.now < parked.deadline) {
            return;
        }
        let Some(Parked { to, request, proposals, .. }) = self.parked.take() else { return };
        self.trace(|| Fact::TransferEnded { to, outcome: "nobody-leads".into() });
        self.refuse(request.into_iter().collect(), Refusal::TransferFailed);
        self.refuse_writes(proposals.into_iter().map(|proposal| proposal.request).collect(), Refusal::NoLeader);
    }

    /// A leader hands over to a live replica that is preferred and caught up, but never soon after its own election or
    /// another transfer.
    pub(super) fn prefer_another(&mut self) {
        if self.config.leadership.prefer == Prefer::None {
            return;
        }
        let Role::Leader(leader) = &self.role else { return };
        if leader.transfer.is_some() || self.now < leader.transfer_rest {
            return;
        }
        let mine = self.rank(self.config.id);
        let better = |(id, progress): &(&NodeId, &Progress)| {
            self.rank(**id) < mine && self.lacks_little(progress) && self.was_heard_lately(progress)
        };
        let best = leader.voters().filter(better).min_by_key(|(id, _)| self.rank(**id)).map(|(id, _)| *id);
        if let Some(to) = best {
            self.begin_transfer(to, None, Reason::Preferred);
        }
    }

    /// When a leader of this moment may first hand over by preference.
    pub(super) fn first_preference(&self) -> Time {
        self.now.plus_micros(self.config.election_timeout_micros * 2)
    }

    /// How many voters are preferred to this one.
    fn rank(&self, id: NodeId) -> u64 {
        let preferred = |other: &NodeId| match self.config.leadership.prefer {
            Prefer::None => false,
            Prefer::Lowest => *other < id,
            Prefer::Highest => *other > id,
        };
        self.voters().filter(preferred).count() as u64
    }

    /// The preference delays a candidacy, by at most two election timeouts: the least preferred still stands in bounded
    /// time.
    pub(super) fn preference_delay(&self) -> u64 {
        let others = (self.voters().count() as u64).saturating_sub(1).max(1);
        2 * self.config.election_timeout_micros * self.rank(self.config.id) / others
    }
}
