//! Elections: Raft's, with epochs. A pre-vote changes nothing; a promise is durable before it is told; a vote goes only
//! to a candidate whose last entry is not smaller (Raft paper 5.2, 5.4.1; thesis 4.2.3 for check-quorum, 9.6 for
//! pre-vote).

use std::collections::{BTreeMap, BTreeSet};

use crate::core::Core;
use crate::io::{Answer, Promise, Refusal};
use crate::message::{Message, PreVoteAnswer, PreVoteAsked, Refused, VoteAnswer, VoteAsked};
use crate::role::{Candidate, Follower, PreCandidate, Role};
use crate::trace::{Fact, RoleName};
use crate::types::{EntryId, Epoch, Incarnation, NodeId, RequestId};

/// A node without any entry waits this many times longer before it stands unasked: founding a cluster needs every
/// voter, so whoever starts the nodes gets the time to choose who leads first.
const FOUNDING_PATIENCE: u64 = 5;

impl Core {
    /// Becomes a replica, of `leader` if one is known, with a newly drawn election timeout.
    pub(super) fn follow(&mut self, leader: Option<NodeId>) {
        let timeout = self.draw_timeout();
        self.role = Role::Follower(Follower::new(leader, self.now, timeout));
        self.be_patient();
    }

    /// The follower waits its timeout from now on; for ever, if only a person may start an election.
    fn be_patient(&mut self) {
        let patience = if self.log.last().is_none() { FOUNDING_PATIENCE } else { 1 };
        let (now, delay, manual) = (self.now, self.preference_delay(), self.config.leadership.manual);
        if let Role::Follower(follower) = &mut self.role {
            let wait = if manual { u64::MAX } else { follower.timeout_micros * patience + delay };
            follower.deadline = now.plus_micros(wait);
        }
    }

    /// At its start the only voter has nothing to wait for: no other node can lead or vote, and no other founder can be
    /// late. Where a person starts the elections it waits for that person all the same.
    pub(super) fn stand_soon_if_alone(&mut self) {
        let alone = self.is_voter() && self.other_voters().is_empty() && !self.config.leadership.manual;
        // Later than now: in step mode time stands still from the start, and no timer may have run out by then.
        let soon = self.now.plus_micros(1);
        if let Role::Follower(follower) = &mut self.role
            && alone
        {
            follower.deadline = soon;
        }
    }

    /// A push or commit order came from this epoch's leader. False if another node leads it: an epoch has one leader.
    pub(super) fn recognise(&mut self, leader: NodeId) -> bool {
        match &self.role {
            Role::Follower(follower) if follower.leader == Some(leader) => {}
            _ if self.leader().is_some() => return false,
            // A candidate steps down for the epoch's leader whatever its push holds.
            _ => {
                self.trace_stood_down("leader-found", self.epoch());
                self.follow(Some(leader));
            }
        }
        let now = self.now;
        if let Role::Follower(follower) = &mut self.role {
            follower.heard = Some(now);
        }
        self.be_patient();
        self.unpark();
        true
    }

    pub(super) fn hears_a_leader(&self) -> bool {
        match &self.role {
            Role::Follower(follower) => follower.heard.is_some_and(|heard| {
                follower.leader.is_some() && self.now < heard.plus_micros(self.config.election_timeout_micros)
            }),
            Role::Leader(_) => true,
            Role::PreCandidate(_) | Role::Candidate(_) => false,
        }
    }

    pub(super) fn on_stand(&mut self, request: RequestId) {
        if self.log.last().is_some() || self.leader().is_some() {
            return self.answer(request, Answer::Refused(Refusal::NotFresh));
        }
        self.answer(request, Answer::Done);
        self.stand("asked", None);
    }

    pub(super) fn on_election_timeout(&mut self) {
        if self.config.leadership.manual {
            // A candidacy that came to nothing: the person has to ask again.
            self.trace_stood_down("lost-election", None);
            return self.follow(None);
        }
        self.stand("silence", None);
    }

    /// The leader asks this node to stand: it lives, so a pre-vote would be refused.
    pub(super) fn stand_for_transfer(&mut self) {
        self.trace(|| Fact::TimedOut { why: "transfer".into() });
        self.drop_forged();
        let epoch = Epoch::after(self.epoch());
        self.ask_for_votes(epoch, BTreeMap::new(), true);
    }

    /// Asks for pre-votes, for the least epoch that may still be free.
    pub(super) fn stand(&mut self, why: &'static str, above: Option<Epoch>) {
        let founded = self.members().is_some() || self.log.last().is_none();
        self.trace(|| Fact::TimedOut { why: why.into() });
        // A node whose log is about to be replaced leads nobody.
        if !self.may_lead() || !founded || self.is_installing() {
            return self.follow(None);
        }
        self.drop_forged();
        let epoch = Epoch::after(self.epoch().max(above));
        let last = self.last_id();
        let deadline = self.now.plus_micros(self.draw_timeout());
        let mut empty = BTreeMap::new();
        if last.is_none() {
            empty.insert(self.config.id, self.config.incarnation);
        }
        let granted = self.is_voter().then_some(self.config.id).into_iter().collect();
        self.role = Role::PreCandidate(PreCandidate { epoch, granted, empty, deadline });
        self.trace(|| Fact::PreVoteAsked { epoch, last });
        for voter in self.other_voters() {
            self.send(voter, Message::PreVoteAsked(PreVoteAsked { epoch, last }));
        }
        self.stand_if_pre_elected();
    }

    fn last_id(&self) -> Option<EntryId> {
        self.log.last_genuine().map(|point| point.id)
    }

    pub(super) fn on_pre_vote_asked(&mut self, from: NodeId, asked: PreVoteAsked) {
        let refusal = if self.hears_a_leader() {
            Some("leader-alive")
        } else if self.still_owes_patience() {
            Some("just-started")
        } else if Some(asked.epoch) <= self.epoch() {
            Some("epoch-not-greater")
        } else {
            self.refusal_by_log(asked.last)
        };
        self.trace_vote(from, "pre-vote", asked.epoch, asked.last, refusal);
        let last = self.last_id();
        let incarnation = self.config.incarnation;
        let answer = PreVoteAnswer { epoch: asked.epoch, granted: refusal.is_none(), last, incarnation };
        self.send(from, Message::PreVoteAnswer(answer));
    }

    /// The comparison of the last entries, by epoch, then offset.
    fn refusal_by_log(&self, theirs: Option<EntryId>) -> Option<&'static str> {
        (theirs < self.last_id()).then_some("log-behind")
    }

    fn trace_vote(
        &mut self,
        to: NodeId,
        kind: &'static str,
        epoch: Epoch,
        theirs: Option<EntryId>,
        refusal: Option<&'static str>,
    ) {
        let mine = self.last_id();
        self.trace(|| match refusal {
            None => Fact::Granted { to, kind: kind.into(), epoch, mine, theirs },
            Some(why) => Fact::VoteRefused { to, kind: kind.into(), epoch, why: why.into(), mine, theirs },
        });
    }

    pub(super) fn on_pre_vote_answer(&mut self, from: NodeId, promise: Option<Epoch>, answer: PreVoteAnswer) {
        let Role::PreCandidate(candidate) = &mut self.role else { return };
        if answer.epoch != candidate.epoch {
            return;
        }
        if !answer.granted {
            // The voter has promised that epoch or a greater one to somebody: ask again above it.
            if promise >= Some(answer.epoch) {
                self.stand("greater-promise", promise);
            }
            return;
        }
        candidate.granted.insert(from);
        if answer.last.is_none() {
            candidate.empty.insert(from, answer.incarnation);
        }
        self.stand_if_pre_elected();
    }

    /// Goes on to ask for votes once a quorum would give them; for a first election, once every voter's log is empty.
    fn stand_if_pre_elected(&mut self) {
        let Role::PreCandidate(candidate) = &self.role else { return };
        let first = self.members().is_none();
        let enough = if first { self.voters().count() } else { self.quorum() };
        let answered = if first { candidate.empty.len() } else { candidate.granted.len() };
        if answered < enough {
            return;
        }
        let epoch = candidate.epoch;
        let incarnations = if first { candidate.empty.clone() } else { BTreeMap::new() };
        self.ask_for_votes(epoch, incarnations, false);
    }

    fn ask_for_votes(&mut self, epoch: Epoch, incarnations: BTreeMap<NodeId, Incarnation>, transfer: bool) {
        let deadline = self.now.plus_micros(self.draw_timeout());
        let (votes, refusals) = (BTreeSet::new(), BTreeSet::new());
        self.role = Role::Candidate(Candidate { epoch, votes, refusals, incarnations, deadline });
        self.save_promise(Promise { epoch, vote: Some(self.config.id) });
        let last = self.last_id();
        self.trace(|| Fact::VoteAsked { epoch, last });
        for voter in self.other_voters() {
            self.send(voter, Message::VoteAsked(VoteAsked { epoch, last, transfer }));
        }
    }

    pub(super) fn on_vote_asked(&mut self, from: NodeId, number: u64, asked: VoteAsked) {
        let VoteAsked { epoch, last: theirs, transfer } = asked;
        if Some(epoch) < self.epoch() {
            self.send(from, Message::Refused(Refused { answers: number }));
            return;
        }
        // A leader steps down for whoever is a member; who is none here has a newer list, or was removed.
        let is_stranger = !self.knows(from) || self.is_leaving(from);
        let follows = (matches!(&self.role, Role::Follower(_)) || is_stranger) && self.hears_a_leader();
        let owes = self.still_owes_patience();
        if (follows || owes) && !transfer {
            let why = if follows { "leader-alive" } else { "just-started" };
            self.trace_vote(from, "vote", epoch, theirs, Some(why));
            self.send(from, Message::VoteAnswer(VoteAnswer { epoch, granted: false }));
            return;
        }
        if Some(epoch) > self.epoch() {
            self.step_down(Some(epoch));
        }
        let known = self.promise.filter(|promise| promise.epoch == epoch);
        let vote = known.and_then(|promise| promise.vote);
        let refusal = match vote {
            Some(voted) if voted != from => Some("voted-already"),
            _ => self.refusal_by_log(theirs),
        };
        let promise = Promise { epoch, vote: if refusal.is_none() { Some(from) } else { vote } };
        if self.promise != Some(promise) {
            self.save_promise(promise);
        }
        self.trace_vote(from, "vote", epoch, theirs, refusal);
        if refusal.is_none() {
            self.follow(None);
        }
        self.send(from, Message::VoteAnswer(VoteAnswer { epoch, granted: refusal.is_none() }));
    }

    pub(super) fn on_own_vote_stored(&mut self) {
        let id = self.config.id;
        let Role::Candidate(candidate) = &mut self.role else { return };
        candidate.votes.insert(id);
        self.lead_if_elected();
    }

    pub(super) fn on_vote_answer(&mut self, from: NodeId, answer: VoteAnswer) {
        let (voters, quorum) = (self.voters().count(), self.quorum());
        let Role::Candidate(candidate) = &mut self.role else { return };
        if answer.epoch != candidate.epoch {
            return;
        }
        if answer.granted {
            candidate.votes.insert(from);
            return self.lead_if_elected();
        }
        candidate.refusals.insert(from);
        if voters - candidate.refusals.len() < quorum {
            let epoch = candidate.epoch;
            self.trace(|| Fact::SteppedDown {
                epoch,
                why: "lost-election".into(),
                heard: None,
                role: RoleName::Candidate.name().into(),
            });
            self.follow(None);
        }
    }

    fn lead_if_elected(&mut self) {
        let quorum = self.quorum();
        let id = self.config.id;
        let not_counted = 1 - self.own_share();
        let Role::Candidate(candidate) = &mut self.role else { return };
        // Its own vote counts once it is durable, and nobody is asked before that; if it is no voter it counts for
        // nothing.
        if !candidate.votes.contains(&id) || candidate.votes.len() < quorum + not_counted {
            return;
        }
        let epoch = candidate.epoch;
        let votes: Vec<NodeId> = candidate.votes.iter().copied().collect();
        let incarnations = std::mem::take(&mut candidate.incarnations);
        self.trace(|| Fact::Elected { epoch, votes, quorum: quorum as u64 });
        self.lead(epoch, incarnations);
    }

    /// A leader or candidate that hears of a greater epoch steps down. True if the epoch is greater.
    pub(super) fn step_down_for(&mut self, heard: Option<Epoch>) -> bool {
        let Some(epoch) = heard.filter(|_| heard > self.epoch()) else { return false };
        self.step_down(Some(epoch));
        self.save_promise(Promise { epoch, vote: None });
        true
    }

    /// Leaves the old epoch: whatever was under way in it has no definite answer any more.
    pub(super) fn step_down(&mut self, heard: Option<Epoch>) {
        let why = match heard {
            Some(_) => "greater-epoch",
            None if self.may_lead() => "no-quorum",
            None => "removed",
        };
        let role = std::mem::replace(&mut self.role, Role::Follower(Follower::new(None, self.now, 0)));
        match role {
            Role::Leader(leader) => {
                self.keep_known_acks(&leader);
                let role = RoleName::Leader.name().into();
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
                self.trace_stood_down(why, heard);
            }
        }
        self.follow(None);
    }

    /// Tells that a candidacy is over, or that a replica goes on to a greater epoch.
    fn trace_stood_down(&mut self, why: &'static str, heard: Option<Epoch>) {
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
        let role = RoleName::Candidate.name().into();
        self.trace(|| Fact::SteppedDown { epoch, why: why.into(), heard, role });
    }

    fn trace_reads_refused(&mut self, reads: usize) {
        if reads > 0 {
            self.trace(|| Fact::ReadRefused { reads: reads as u64, why: Refusal::SteppedDown.code().into() });
        }
    }
}
