//! Linearizable reads: the leader answers after a quorum has answered a round *sent after* the read came, and after it
//! has applied its commit point of that moment (Raft thesis 6.4). All reads that wait share one round; one is under way
//! at a time, so a busy leader sends one round for many reads.

use crate::protocol::core::Core;
use crate::protocol::io::{Answer, Refusal};
use crate::protocol::role::{Leader, Progress, Role};
use crate::protocol::trace::Fact;
use crate::protocol::types::{NodeId, RequestId};

impl Core {
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

    /// Starts a round for the reads that wait, unless one is under way. A new leader starts none before an entry of its
    /// own epoch is committed: until then its commit point may be behind what was confirmed.
    pub(super) fn start_round(&mut self) {
        let Role::Leader(leader) = &mut self.role else { return };
        let settled = self.committed.is_some_and(|point| point.position >= leader.opening);
        if !settled || !leader.reads.asked.is_empty() || leader.reads.unasked.is_empty() {
            return;
        }
        leader.reads.asked = std::mem::take(&mut leader.reads.unasked);
        leader.reads.round += 1;
        for replica in self.others() {
            self.send_heartbeat(replica);
        }
        self.confirm_round();
    }

    pub(super) fn on_round_answer(&mut self, from: NodeId, round: u64) {
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(progress) = leader.replicas.get_mut(&from) else { return };
        progress.round = progress.round.max(round);
        self.confirm_round();
    }

    fn confirm_round(&mut self) {
        let quorum = self.quorum();
        let committed = self.committed.map_or(0, |point| point.position.0);
        let Role::Leader(leader) = &mut self.role else { return };
        let answered = answered(leader);
        if leader.reads.asked.is_empty() || answered.len() + 1 < quorum {
            return;
        }
        let round = leader.reads.round;
        let requests = std::mem::take(&mut leader.reads.asked);
        leader.reads.confirmed.push_back((committed, requests));
        self.trace(|| Fact::ReadConfirmed { round, from: answered, quorum: quorum as u64 });
        self.answer_reads();
        self.start_round();
    }

    /// Answers confirmed reads whose commit point is applied.
    pub(super) fn answer_reads(&mut self) {
        let applied = self.applied.map_or(0, |point| point.position.0);
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

/// The replicas that have answered the latest round.
fn answered(leader: &Leader) -> Vec<NodeId> {
    let latest = |(id, progress): (&NodeId, &Progress)| (progress.round >= leader.reads.round).then_some(*id);
    leader.replicas.iter().filter_map(latest).collect()
}
