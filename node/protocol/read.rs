//! Linearizable reads (Raft thesis 6.4) and lease reads.
//!
//! A linearizable read is answered after a quorum has answered a round that was *sent after* the read arrived, and
//! after the leader has applied its commit point of that moment. One round is in progress at a time and all waiting
//! reads share it, so a busy leader sends one round for many reads.
//!
//! A lease read is answered by the leader alone, while a quorum's answers to recent rounds promise that those voters
//! vote for no other node. The lease counts from the time a round was sent, so a slow network or a paused leader
//! cannot make it longer than the voters' promise. Clocks of different speed could, which is what the margin is for
//! ([`Leadership::lease_most`]). A leader that has sent a leadership transfer has no lease for the rest of its epoch.

use crate::config::Leadership;
use crate::core::Core;
use crate::io::{Answer, Refusal};
use crate::message::RoundAnswer;
use crate::role::{Leader, Progress, Reads, Role};
use crate::trace::Fact;
use crate::types::{NodeId, RequestId, Time, reach};

impl Core {
    /// Linearizable reads. A replica answers `Forward` or refuses with `NoLeader`; a leader refuses with `Overloaded`
    /// when too many wait.
    pub(super) fn on_read(&mut self, requests: Vec<RequestId>) {
        let limit = self.config.limits.waiting_reads;
        match &mut self.role {
            Role::Leader(leader) if leader.reads.waiting() + requests.len() > limit => {
                self.trace(|| Fact::ReadRefused { reads: requests.len() as u64, why: "overloaded".into() });
                self.refuse(requests, Refusal::Overloaded);
            }
            Role::Leader(leader) => {
                let round = leader.reads.round + 1;
                let reads = requests.len() as u64;
                leader.reads.unasked.extend(requests);
                self.trace(|| Fact::ReadAsked { reads, round });
                self.start_round();
            }
            _ => match self.leader() {
                Some(leader) => requests.into_iter().for_each(|request| self.answer(request, Answer::Forward(leader))),
                None => {
                    self.trace(|| Fact::ReadRefused { reads: requests.len() as u64, why: "no_leader".into() });
                    self.refuse(requests, Refusal::NoLeader);
                }
            },
        }
    }

    /// Reads that a leader with a lease answers alone. Without a lease they become linearizable reads.
    pub(super) fn on_lease_read(&mut self, requests: Vec<RequestId>) {
        let committed = reach(self.committed);
        let until = self.lease_end();
        let now = self.now;
        let limit = self.config.limits.waiting_reads;
        match &mut self.role {
            Role::Leader(leader)
                if until.is_some_and(|until| now < until)
                    && committed >= leader.opening.0
                    && leader.reads.waiting() + requests.len() <= limit =>
            {
                let reads = requests.len() as u64;
                leader.reads.confirmed.push_back((committed, requests));
                let left_micros = until.map_or(0, |until| until.0 - now.0);
                self.trace(|| Fact::LeaseHeld { reads, left_micros });
                self.answer_reads();
            }
            _ => self.on_read(requests),
        }
    }

    /// The time until which a quorum, this node among it, votes for no other node. `None` without a lease.
    fn lease_end(&self) -> Option<Time> {
        let Leadership { lease_micros, .. } = self.config.leadership;
        let Role::Leader(leader) = &self.role else { return None };
        if lease_micros == 0 || leader.lease_given_up {
            return None;
        }
        // This node's own vote needs no promise: it votes for no other node while it leads.
        let mut since: Vec<Time> = leader.voters().filter_map(|(_, progress)| progress.patient_since).collect();
        since.sort_unstable_by(|one, other| other.cmp(one));
        let others = self.quorum() - self.own_vote();
        let since = if others == 0 { self.now } else { *since.get(others - 1)? };
        Some(since.plus_micros(lease_micros))
    }

    /// Starts a new round with each heartbeat, if leases are enabled.
    pub(super) fn renew_lease(&mut self) {
        let leadership = self.config.leadership;
        let Role::Leader(leader) = &mut self.role else { return };
        if leadership.lease_micros > 0 {
            leader.reads.begin_round(self.now, &leadership);
        }
    }

    /// The time in microseconds during which this node votes for no node after it has answered a round.
    pub(super) fn patience_micros(&self) -> u64 {
        if self.config.leadership.lease_micros > 0 { self.config.election_timeout_micros } else { 0 }
    }

    /// Whether this node may still owe a promise that it made before its restart. Promises of rounds are not durable;
    /// a restarted voter waits instead.
    pub(super) fn may_owe_patience(&self) -> bool {
        self.now < self.started.plus_micros(self.patience_micros()) && self.log.last().is_some()
    }

    /// Starts a round for the waiting reads, unless one is in progress. A new leader starts none before an entry of its
    /// own epoch is committed: until then its commit point may be behind what an earlier leader confirmed.
    pub(super) fn start_round(&mut self) {
        let Role::Leader(leader) = &mut self.role else { return };
        let settled = self.committed.is_some_and(|point| point.position >= leader.opening);
        if !settled || !leader.reads.asked.is_empty() || leader.reads.unasked.is_empty() {
            return;
        }
        leader.reads.asked = std::mem::take(&mut leader.reads.unasked);
        leader.reads.begin_round(self.now, &self.config.leadership);
        leader.reads.asked_round = leader.reads.round;
        for replica in self.other_voters() {
            self.send_heartbeat(replica);
        }
        self.confirm_round();
    }

    /// A replica still follows this leader in that round. If it also promises its patience, the lease can be extended.
    pub(super) fn on_round_answer(&mut self, from: NodeId, answer: RoundAnswer) {
        let lease = self.config.leadership.lease_micros;
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(progress) = leader.replicas.get_mut(&from) else { return };
        progress.round = progress.round.max(answer.round);
        if lease > 0 && Leadership::lease_most(answer.patience_micros) >= lease {
            progress.patient_since = progress.patient_since.max(leader.reads.sent_at(answer.round));
        }
        self.confirm_round();
    }

    /// Confirms the reads of the round in progress, if a quorum has answered it. They then wait until the commit point
    /// of this moment is applied.
    pub(super) fn confirm_round(&mut self) {
        let (quorum, own) = (self.quorum(), self.own_vote());
        let committed = reach(self.committed);
        let Role::Leader(leader) = &mut self.role else { return };
        let answered = answered(leader);
        if leader.reads.asked.is_empty() || answered.len() + own < quorum {
            return;
        }
        let round = leader.reads.asked_round;
        let requests = std::mem::take(&mut leader.reads.asked);
        leader.reads.confirmed.push_back((committed, requests));
        self.trace(|| Fact::ReadConfirmed { round, from: answered, quorum: quorum as u64 });
        self.answer_reads();
        self.start_round();
    }

    /// Answers confirmed reads whose position is applied, in the order in which they were confirmed.
    pub(super) fn answer_reads(&mut self) {
        let applied = reach(self.applied);
        let Role::Leader(leader) = &mut self.role else { return };
        let mut ready: Vec<RequestId> = Vec::new();
        while leader.reads.confirmed.front().is_some_and(|(position, _)| *position <= applied) {
            ready.extend(leader.reads.confirmed.pop_front().into_iter().flat_map(|(_, requests)| requests));
        }
        if ready.is_empty() {
            return;
        }
        let reads = ready.len() as u64;
        let id = self.applied.map(|point| point.id);
        self.trace(|| Fact::ReadAnswered { reads, applied: id });
        ready.into_iter().for_each(|request| self.answer(request, Answer::Readable));
    }
}

impl Reads {
    /// Numbers a round and remembers its send time, if leases need it.
    fn begin_round(&mut self, now: Time, leadership: &Leadership) {
        self.round += 1;
        if leadership.lease_micros == 0 {
            return;
        }
        self.sent.push_back((self.round, now));
        while self.sent.front().is_some_and(|(_, at)| at.plus_micros(leadership.lease_micros) < now) {
            self.sent.pop_front();
        }
    }

    /// The send time of a round, if it is still remembered.
    fn sent_at(&self, round: u64) -> Option<Time> {
        self.sent.iter().find(|(number, _)| *number == round).map(|(_, at)| *at)
    }
}

/// The voters that have answered the round that reads wait for.
fn answered(leader: &Leader) -> Vec<NodeId> {
    let latest = |(id, progress): (&NodeId, &Progress)| (progress.round >= leader.reads.asked_round).then_some(*id);
    leader.voters().filter_map(latest).collect()
}
