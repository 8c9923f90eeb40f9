//! Simulated quorum reads: a client asks some voters at once, each answers at a time of its own, and the protocol's rule
//! says whether any of them may answer.

use bytes::Bytes;

use crate::protocol::{Listed, NodeId, Position, Probe, QuorumRead, Refusal, replicas_least};
use crate::verify::simulator::clients::{End, key};
use crate::verify::simulator::queue::Due;
use crate::verify::simulator::world::{Simulation, Step};

/// How often voters are asked before the leader is.
const ROUNDS: u64 = 6;

/// A quorum read under way.
#[derive(Default)]
pub(super) struct Asking {
    rule: QuorumRead,
    /// Whose voters are asked.
    list: Option<Listed>,
    /// A newer one that a voter has.
    newer: Option<Listed>,
    round: u64,
    /// How many of this round have answered or are gone.
    heard: usize,
    asked: usize,
    answers: Vec<(Probe, Option<Bytes>)>,
}

impl Simulation<'_> {
    /// Asks as few voters as are enough, or a few more. `false`: they have been asked often enough.
    pub(super) fn ask_voters(&mut self, index: usize) -> bool {
        // The node that was asked goes by its own list.
        let here = self.clients.random_node();
        let known = self.host(here).core.as_ref().and_then(|core| core.members()).cloned();
        let Some(asking) = self.clients.asking(index).filter(|asking| asking.round < ROUNDS) else { return false };
        if let Some(newer) = asking.newer.take() {
            (asking.list, asking.rule) = (Some(newer), QuorumRead::default());
        }
        asking.list = asking.list.take().or(known);
        let Some(list) = &asking.list else { return false };
        let mut voters: Vec<NodeId> = list.membership.voters().map(|member| member.id).collect();
        let changed = list.position != Position::FIRST;
        let least = if changed { voters.len() / 2 + 1 } else { replicas_least(voters.len()) };
        asking.round += 1;
        let round = asking.round;
        asking.answers.clear();
        let dice = &mut self.clients.dice;
        let asked = dice.between(least as u64, voters.len() as u64) as usize;
        for last in (1..voters.len()).rev() {
            voters.swap(last, dice.below(last as u64 + 1) as usize);
        }
        if let Some(asking) = self.clients.asking(index) {
            (asking.heard, asking.asked) = (0, asked);
        }
        for node in voters.into_iter().take(asked) {
            let delay = self.network.client_delay(&mut self.clients.dice);
            self.queue.put(self.now + delay, Due::Probe { call: index, round, node });
        }
        true
    }

    /// The request arrives at a voter.
    pub(super) fn on_probe(&mut self, index: usize, round: u64, node: NodeId) -> Step {
        let key = key(self.clients.calls[index].key);
        let host = self.host(node);
        let said = host.core.as_ref().and_then(|core| core.probe());
        let listed = host.core.as_ref().and_then(|core| core.members()).cloned();
        let value = host.database.read(&key).map(|(value, _)| value.clone());
        let Some(asking) = self.clients.asking(index).filter(|asking| asking.round == round) else { return Ok(()) };
        asking.heard += 1;
        let asked_by = asking.list.as_ref().map(|list| list.id);
        let newest = asking.newer.as_ref().map(|list| list.id).max(asked_by);
        asking.newer = listed.filter(|listed| Some(listed.id) > newest).or(asking.newer.take());
        let said = said.filter(|said| asked_by.is_some_and(|list| said.counts_for(list)));
        asking.answers.extend(said.map(|said| (said, value)));
        if asking.heard < asking.asked {
            return Ok(());
        }
        let whole = asking.answers.len() == asking.asked && asking.newer.is_none();
        let probes: Vec<Probe> = asking.answers.iter().map(|(probe, _)| *probe).collect();
        if let Some(answer) = whole.then(|| asking.rule.judge(&probes)).flatten() {
            let seen = asking.answers.swap_remove(answer).1;
            self.stats.calls.read_quorum += 1;
            self.finish(index, &End::Seen(seen));
        } else if !self.ask_voters(index) {
            // As a linearizable read, of the leader.
            self.ask_again(index, Refusal::NoLeader);
        }
        Ok(())
    }
}
