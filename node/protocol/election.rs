//! Elections: Raft's, with epochs in place of terms (Raft paper 5.2, 5.4.1; thesis 4.2.3 for leader stickiness, 9.6
//! for pre-vote).
//!
//! - A pre-vote changes no promise, so a node that was cut off returns without disturbing the cluster.
//! - A promise is durable before a message claims it. Each vote request, vote and refusal is sent behind the barrier.
//! - A vote goes only to a candidate whose last entry is not smaller than the voter's, forged entries left out. The
//!   voter compares entries that it is still flushing, too.
//! - A first election needs an answer with an empty log from every voter.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Config;
use crate::core::Core;
use crate::io::{Answer, Promise, Refusal};
use crate::message::{Message, PreVoteAnswer, PreVoteAsked, Refused, VoteAnswer, VoteAsked};
use crate::role::{Candidate, Follower, Founder, PreCandidate, Role};
use crate::trace::{ElectionReason, Fact, RoleName, StepDownReason, VoteKind, VoteRefusal};
use crate::types::{EntryId, Epoch, FeatureLevel, NodeId, RequestId};

/// The factor by which a node with an empty log waits longer. Founding a cluster needs every voter, so the person who
/// starts the nodes gets the time to choose the first leader.
const FOUNDING_PATIENCE: u64 = 5;

impl Core {
    /// Becomes a replica, of `leader` if one is known, and draws a new election timeout. Everything that belonged to
    /// the old role is dropped.
    pub(super) fn become_follower(&mut self, leader: Option<NodeId>) {
        let timeout = self.draw_timeout();
        self.role = Role::Follower(Follower::new(leader, self.now, timeout));
        self.restart_election_timer();
    }

    /// Restarts the election timer. With manual elections it never fires.
    fn restart_election_timer(&mut self) {
        let patience = if self.log.last().is_none() { FOUNDING_PATIENCE } else { 1 };
        let (now, delay, manual) = (self.now, self.preference_delay(), self.config.leadership.manual);
        if let Role::Follower(follower) = &mut self.role {
            let wait = if manual { u64::MAX } else { follower.timeout_micros * patience + delay };
            follower.deadline = now.plus_micros(wait);
        }
    }

    /// The only voter need not wait at its start: no other node can lead or vote, and no other founder can be late.
    /// With manual elections it waits all the same.
    pub(super) fn shorten_timer_of_only_voter(&mut self) {
        let alone = self.is_voter() && self.other_voters().is_empty() && !self.config.leadership.manual;
        // Later than now: in step mode time stands still from the start, and no timer may have fired by then.
        let soon = self.now.plus_micros(1);
        if let Role::Follower(follower) = &mut self.role
            && alone
        {
            follower.deadline = soon;
        }
    }

    /// Accepts the sender of a leader's message as the leader of the promised epoch and restarts the timer. False if
    /// another node leads that epoch: an epoch has one leader.
    pub(super) fn accept_leader(&mut self, leader: NodeId) -> bool {
        match &self.role {
            Role::Follower(follower) if follower.leader == Some(leader) => {}
            _ if self.leader().is_some() => return false,
            // A candidate steps down for the epoch's leader, whatever the message holds.
            _ => {
                self.trace_step_down(StepDownReason::LeaderFound, self.epoch());
                self.become_follower(Some(leader));
            }
        }
        let now = self.now;
        if let Role::Follower(follower) = &mut self.role {
            follower.heard = Some(now);
            follower.leader_gone = false;
        }
        self.hurry = 0;
        self.restart_election_timer();
        self.unpark();
        true
    }

    /// Whether a leader was heard within an election timeout and is not known to be gone. Then votes are refused (Raft
    /// thesis 4.2.3), and a lease of that leader may be in force.
    pub(super) fn has_live_leader(&self) -> bool {
        match &self.role {
            Role::Follower(follower) => follower.heard.is_some_and(|heard| {
                let is_recent = self.now < heard.plus_micros(self.config.election_timeout_micros);
                follower.leader.is_some() && !follower.leader_gone && is_recent
            }),
            Role::Leader(_) => true,
            Role::PreCandidate(_) | Role::Candidate(_) => false,
        }
    }

    /// A person starts the first election.
    pub(super) fn on_stand(&mut self, request: RequestId) {
        if self.log.last().is_some() || self.leader().is_some() {
            return self.answer(request, Answer::Refused(Refusal::NotFresh));
        }
        self.answer(request, Answer::Done);
        self.start_pre_vote(ElectionReason::Asked, None);
    }

    /// The election timer fired: asks for pre-votes. With manual elections a candidacy ends instead.
    pub(super) fn on_election_timeout(&mut self) {
        if self.config.leadership.manual {
            // The candidacy failed; a person has to start the next one.
            self.trace_step_down(StepDownReason::LostElection, None);
            return self.become_follower(None);
        }
        let is_gone = matches!(&self.role, Role::Follower(follower) if follower.leader_gone);
        self.start_pre_vote(if is_gone { ElectionReason::LeaderGone } else { ElectionReason::Silence }, None);
    }

    /// The leader transfers to this node. A pre-vote would be refused, because the leader is live.
    pub(super) fn start_vote_for_transfer(&mut self) {
        self.trace(|| Fact::TimedOut { why: ElectionReason::Transfer.into() });
        self.drop_forged();
        let epoch = Epoch::after(self.epoch());
        self.start_vote(epoch, BTreeMap::new(), true);
    }

    /// Asks for pre-votes, for the least epoch that may be free: after the own promise and after `above`. A node that
    /// may not lead only restarts its timer.
    ///
    /// The order: forged entries are deleted before the last entry is read for the requests.
    pub(super) fn start_pre_vote(&mut self, why: ElectionReason, above: Option<Epoch>) {
        let founded = self.members().is_some() || self.log.last().is_none();
        self.trace(|| Fact::TimedOut { why: why.into() });
        // A node whose log is about to be replaced, or whose cluster is not founded in its log, cannot lead.
        if !self.may_lead() || !founded || self.is_installing() {
            return self.become_follower(None);
        }
        self.drop_forged();
        let epoch = Epoch::after(self.epoch().max(above));
        let last = self.last_id();
        let deadline = self.now.plus_micros(self.draw_timeout());
        self.hurry = self.hurry.saturating_sub(1);
        let mut empty = BTreeMap::new();
        if last.is_none() {
            let Config { id, incarnation, level_max: level, .. } = self.config;
            empty.insert(id, Founder { incarnation, level });
        }
        let granted = self.is_voter().then_some(self.config.id).into_iter().collect();
        self.role = Role::PreCandidate(PreCandidate { epoch, granted, empty, deadline });
        self.trace(|| Fact::PreVoteAsked { epoch, last });
        for voter in self.other_voters() {
            self.send(voter, Message::PreVoteAsked(PreVoteAsked { epoch, last }));
        }
        self.start_vote_if_granted();
    }

    /// The last genuine entry: what votes compare.
    fn last_id(&self) -> Option<EntryId> {
        self.log.last_genuine().map(|point| point.id)
    }

    /// Answers a pre-vote. Nothing changes here: no promise, no timer.
    pub(super) fn on_pre_vote_asked(&mut self, from: NodeId, asked: PreVoteAsked) {
        let refusal = if self.has_live_leader() {
            Some(VoteRefusal::LeaderAlive)
        } else if self.may_owe_patience() {
            Some(VoteRefusal::JustStarted)
        } else if Some(asked.epoch) <= self.epoch() {
            Some(VoteRefusal::EpochNotGreater)
        } else {
            self.refusal_by_log(asked.last)
        };
        self.trace_vote(from, VoteKind::PreVote, asked.epoch, asked.last, refusal);
        let last = self.last_id();
        let incarnation = self.config.incarnation;
        let answer = PreVoteAnswer { epoch: asked.epoch, granted: refusal.is_none(), last, incarnation };
        self.send(from, Message::PreVoteAnswer(answer));
    }

    /// Compares the last entries by epoch, then offset (Raft paper 5.4.1).
    fn refusal_by_log(&self, theirs: Option<EntryId>) -> Option<VoteRefusal> {
        (theirs < self.last_id()).then_some(VoteRefusal::LogBehind)
    }

    fn trace_vote(
        &mut self,
        to: NodeId,
        kind: VoteKind,
        epoch: Epoch,
        theirs: Option<EntryId>,
        refusal: Option<VoteRefusal>,
    ) {
        let mine = self.last_id();
        self.trace(|| match refusal {
            None => Fact::Granted { to, kind: kind.into(), epoch, mine, theirs },
            Some(why) => Fact::VoteRefused { to, kind: kind.into(), epoch, why: why.into(), mine, theirs },
        });
    }

    /// The answer to a pre-vote.
    pub(super) fn on_pre_vote_answer(
        &mut self,
        from: NodeId,
        promise: Option<Epoch>,
        level: FeatureLevel,
        answer: PreVoteAnswer,
    ) {
        let Role::PreCandidate(candidate) = &mut self.role else { return };
        if answer.epoch != candidate.epoch {
            return;
        }
        if !answer.granted {
            // The voter has promised that epoch or a greater one: ask again above it.
            if promise >= Some(answer.epoch) {
                self.start_pre_vote(ElectionReason::GreaterPromise, promise);
            }
            return;
        }
        candidate.granted.insert(from);
        if answer.last.is_none() {
            candidate.empty.insert(from, Founder { incarnation: answer.incarnation, level });
        }
        self.start_vote_if_granted();
    }

    /// Asks for votes once a quorum would grant them. In a first election: once every voter has an empty log.
    fn start_vote_if_granted(&mut self) {
        let Role::PreCandidate(candidate) = &self.role else { return };
        let first = self.members().is_none();
        let enough = if first { self.voters().count() } else { self.quorum() };
        let answered = if first { candidate.empty.len() } else { candidate.granted.len() };
        if answered < enough {
            return;
        }
        let epoch = candidate.epoch;
        let founders = if first { candidate.empty.clone() } else { BTreeMap::new() };
        self.start_vote(epoch, founders, false);
    }

    /// Becomes a candidate. The promise with its own vote is stored first; the requests wait behind that store, and
    /// the vote is counted only when it is durable.
    fn start_vote(&mut self, epoch: Epoch, founders: BTreeMap<NodeId, Founder>, transfer: bool) {
        let deadline = self.now.plus_micros(self.draw_timeout());
        let (votes, refusals) = (BTreeSet::new(), BTreeSet::new());
        self.role = Role::Candidate(Candidate { epoch, votes, refusals, founders, deadline });
        self.save_promise(Promise { epoch, vote: Some(self.config.id) });
        let last = self.last_id();
        self.trace(|| Fact::VoteAsked { epoch, last });
        for voter in self.other_voters() {
            self.send(voter, Message::VoteAsked(VoteAsked { epoch, last, transfer }));
        }
    }

    /// A vote request. The order: refusals that change nothing, then the step to the greater epoch, then the promise
    /// with the vote, then the answer behind the barrier.
    pub(super) fn on_vote_asked(&mut self, from: NodeId, number: u64, asked: VoteAsked) {
        let VoteAsked { epoch, last: theirs, transfer } = asked;
        if Some(epoch) < self.epoch() {
            self.send(from, Message::Refused(Refused { answers: number }));
            return;
        }
        // A leader steps down for any member. A candidate that is no member here has a newer list, or was removed.
        let is_stranger = !self.is_known_peer(from) || self.is_removed_replica(from);
        let follows = (matches!(&self.role, Role::Follower(_)) || is_stranger) && self.has_live_leader();
        let owes = self.may_owe_patience();
        if (follows || owes) && !transfer {
            let why = if follows { VoteRefusal::LeaderAlive } else { VoteRefusal::JustStarted };
            self.trace_vote(from, VoteKind::Vote, epoch, theirs, Some(why));
            self.send(from, Message::VoteAnswer(VoteAnswer { epoch, granted: false }));
            return;
        }
        if Some(epoch) > self.epoch() {
            self.step_down(Some(epoch));
        }
        let known = self.promise.filter(|promise| promise.epoch == epoch);
        let vote = known.and_then(|promise| promise.vote);
        let refusal = match vote {
            Some(voted) if voted != from => Some(VoteRefusal::VotedAlready),
            _ => self.refusal_by_log(theirs),
        };
        let promise = Promise { epoch, vote: if refusal.is_none() { Some(from) } else { vote } };
        if self.promise != Some(promise) {
            self.save_promise(promise);
        }
        self.trace_vote(from, VoteKind::Vote, epoch, theirs, refusal);
        if refusal.is_none() {
            self.hurry = 0;
            self.become_follower(None);
        }
        self.send(from, Message::VoteAnswer(VoteAnswer { epoch, granted: refusal.is_none() }));
    }

    /// The promise with the own vote is durable, so the vote counts.
    pub(super) fn on_own_vote_stored(&mut self) {
        let id = self.config.id;
        let Role::Candidate(candidate) = &mut self.role else { return };
        candidate.votes.insert(id);
        self.become_leader_if_elected();
    }

    /// The answer to a vote request.
    pub(super) fn on_vote_answer(&mut self, from: NodeId, answer: VoteAnswer) {
        let (voters, quorum) = (self.voters().count(), self.quorum());
        let Role::Candidate(candidate) = &mut self.role else { return };
        if answer.epoch != candidate.epoch {
            return;
        }
        if answer.granted {
            candidate.votes.insert(from);
            return self.become_leader_if_elected();
        }
        candidate.refusals.insert(from);
        if voters - candidate.refusals.len() < quorum {
            let epoch = candidate.epoch;
            self.trace(|| Fact::SteppedDown {
                epoch,
                why: StepDownReason::LostElection.into(),
                heard: None,
                role: RoleName::Candidate.into(),
            });
            self.become_follower(None);
        }
    }

    /// Becomes the leader once a quorum has voted for this node.
    fn become_leader_if_elected(&mut self) {
        let quorum = self.quorum();
        let id = self.config.id;
        let not_counted = 1 - self.own_vote();
        let Role::Candidate(candidate) = &mut self.role else { return };
        // The own vote counts only when it is durable. A candidate that is no voter needs a quorum without itself.
        if !candidate.votes.contains(&id) || candidate.votes.len() < quorum + not_counted {
            return;
        }
        let epoch = candidate.epoch;
        let votes: Vec<NodeId> = candidate.votes.iter().copied().collect();
        let founders = std::mem::take(&mut candidate.founders);
        self.trace(|| Fact::Elected { epoch, votes, quorum: quorum as u64 });
        self.become_leader(epoch, &founders);
    }

    /// Steps down and promises the epoch, if it is greater than the promise. Returns whether it is.
    pub(super) fn step_down_for(&mut self, heard: Option<Epoch>) -> bool {
        let Some(epoch) = heard.filter(|_| heard > self.epoch()) else { return false };
        self.step_down(Some(epoch));
        self.save_promise(Promise { epoch, vote: None });
        true
    }

    /// Leaves the epoch and becomes a replica. A leader's writes are answered `Unknown`, because their entries are in
    /// its log and a later leader may commit or replace them; its reads are refused, because they had no effect.
    pub(super) fn step_down(&mut self, heard: Option<Epoch>) {
        let why = match heard {
            Some(_) => StepDownReason::GreaterEpoch,
            None if self.may_lead() => StepDownReason::NoQuorum,
            None => StepDownReason::Removed,
        };
        let role = std::mem::replace(&mut self.role, Role::Follower(Follower::new(None, self.now, 0)));
        match role {
            Role::Leader(leader) => {
                self.remember_acks(&leader);
                let role = RoleName::Leader.into();
                self.trace(|| Fact::SteppedDown { epoch: leader.epoch, why: why.into(), heard, role });
                leader.transfer.into_iter().for_each(|transfer| self.park(transfer));
                for (_, request) in leader.writes {
                    self.answer(request, Answer::Unknown);
                }
                let reads = leader.reads;
                let confirmed = reads.confirmed.into_iter().flat_map(|(_, requests)| requests);
                let waiting: Vec<RequestId> = reads.asked.into_iter().chain(reads.unasked).chain(confirmed).collect();
                self.trace_reads_refused(waiting.len());
                self.refuse(waiting, Refusal::SteppedDown);
            }
            other => {
                self.role = other;
                self.trace_step_down(why, heard);
            }
        }
        self.become_follower(None);
    }

    /// Traces the end of a candidacy, or that a replica moves to a greater epoch.
    fn trace_step_down(&mut self, why: StepDownReason, heard: Option<Epoch>) {
        let epoch = match &self.role {
            // It has promised nothing for the epoch that it asked about.
            Role::PreCandidate(candidate) => self.epoch().unwrap_or(candidate.epoch),
            Role::Candidate(candidate) => candidate.epoch,
            Role::Follower(_) | Role::Leader(_) => {
                let left = self.epoch();
                if let Some(heard) = heard.filter(|heard| left < Some(*heard)) {
                    self.trace(|| Fact::EpochLeft { epoch: left, heard });
                }
                return;
            }
        };
        let role = RoleName::Candidate.into();
        self.trace(|| Fact::SteppedDown { epoch, why: why.into(), heard, role });
    }

    fn trace_reads_refused(&mut self, reads: usize) {
        if reads > 0 {
            self.trace(|| Fact::ReadRefused { reads: reads as u64, why: Refusal::SteppedDown.code().into() });
        }
    }
}
