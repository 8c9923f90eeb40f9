//! Simulated quorum reads. A client asks some voters at once, each answers at its own time, and the protocol's rule
//! decides whether one of the answers may be used.

use bytes::Bytes;

use crate::protocol::{Listed, NodeId, Position, Probe, QuorumRead, Refusal, replicas_least};
use crate::verify::host::Checked;
use crate::verify::simulator::clients::{End, key};
use crate::verify::simulator::queue::Due;
use crate::verify::simulator::world::Simulation;

/// How many rounds of voters are asked before the leader is.
const ROUNDS: u64 = 6;

/// A quorum read in progress.
#[derive(Default)]
pub(super) struct QuorumCall {
    rule: QuorumRead,
    /// The member list whose voters are asked.
    list: Option<Listed>,
    /// A newer list that a voter has.
    newer: Option<Listed>,
    round: u64,
    /// How many voters of this round have answered or are down.
    heard: usize,
    asked: usize,
    answers: Vec<(Probe, Option<Bytes>)>,
}

impl Simulation<'_> {
    /// Asks as few voters as the rule needs, or a few more. `false`: no rounds are left.
    pub(super) fn ask_voters(&mut self, index: usize) -> bool {
        // The client takes the list of any node.
        let node = self.clients.random_node();
        let known = self.host(node).running().and_then(|core| core.members()).cloned();
        let Some(call) = self.clients.quorum_call(index).filter(|call| call.round < ROUNDS) else { return false };
        if let Some(newer) = call.newer.take() {
            (call.list, call.rule) = (Some(newer), QuorumRead::default());
        }
        call.list = call.list.take().or(known);
        let Some(list) = &call.list else { return false };
        let mut voters: Vec<NodeId> = list.membership.voters().map(|member| member.id).collect();
        let changed = list.position != Position::FIRST;
        let least = if changed { voters.len() / 2 + 1 } else { replicas_least(voters.len()) };
        call.round += 1;
        let round = call.round;
        call.answers.clear();
        let rng = &mut self.clients.rng;
        let asked = rng.between(least as u64, voters.len() as u64) as usize;
        rng.shuffle(&mut voters);
        if let Some(call) = self.clients.quorum_call(index) {
            (call.heard, call.asked) = (0, asked);
        }
        for node in voters.into_iter().take(asked) {
            let delay = self.network.client_delay(&mut self.clients.rng);
            self.queue.put(self.now + delay, Due::Probe { call: index, round, node });
        }
        true
    }

    /// The request arrives at a voter.
    pub(super) fn on_probe(&mut self, index: usize, round: u64, node: NodeId) -> Checked {
        let key = key(self.clients.calls[index].key);
        let host = self.host(node);
        let probe = host.running().and_then(|core| core.probe());
        let listed = host.running().and_then(|core| core.members()).cloned();
        let value = host.database.read(key).map(|(value, _)| value.clone());
        let Some(call) = self.clients.quorum_call(index).filter(|call| call.round == round) else { return Ok(()) };
        call.heard += 1;
        let asked_by = call.list.as_ref().map(|list| list.id);
        let newest = call.newer.as_ref().map(|list| list.id).max(asked_by);
        call.newer = listed.filter(|listed| Some(listed.id) > newest).or(call.newer.take());
        let probe = probe.filter(|probe| asked_by.is_some_and(|list| probe.counts_for(list)));
        call.answers.extend(probe.map(|probe| (probe, value)));
        if call.heard < call.asked {
            return Ok(());
        }
        let is_complete = call.answers.len() == call.asked && call.newer.is_none();
        let probes: Vec<Probe> = call.answers.iter().map(|(probe, _)| *probe).collect();
        if let Some(answer) = is_complete.then(|| call.rule.judge(&probes)).flatten() {
            let seen = call.answers.swap_remove(answer).1;
            self.stats.calls.read_quorum += 1;
            self.finish(index, &End::Read(seen));
        } else if !self.ask_voters(index) {
            // It becomes a linearizable read at the leader.
            self.ask_another(index, Refusal::NoLeader);
        }
        Ok(())
    }
}
