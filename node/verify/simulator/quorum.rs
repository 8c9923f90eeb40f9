//! Simulated quorum reads: a client asks some voters at once, each answers at a time of its own, and the protocol's rule
//! says whether any of them may answer.

use bytes::Bytes;

use crate::protocol::{NodeId, Probe, QuorumRead, Refusal, replicas_least};
use crate::verify::simulator::clients::{End, key};
use crate::verify::simulator::queue::Due;
use crate::verify::simulator::world::{Simulation, Step};

/// How often voters are asked before the leader is.
const ROUNDS: u64 = 6;

/// A quorum read under way.
#[derive(Default)]
pub(super) struct Asking {
    rule: QuorumRead,
    round: u64,
    /// How many of this round have answered or are gone.
    heard: usize,
    asked: usize,
    answers: Vec<(Probe, Option<Bytes>)>,
}

impl Simulation<'_> {
    /// Asks as few voters as are enough, or a few more. `false`: they have been asked often enough.
    pub(super) fn ask_voters(&mut self, index: usize) -> bool {
        let mut voters = self.ids();
        let dice = &mut self.clients.dice;
        let least = replicas_least(voters.len());
        let asked = dice.between(least as u64, voters.len() as u64) as usize;
        for last in (1..voters.len()).rev() {
            voters.swap(last, dice.below(last as u64 + 1) as usize);
        }
        let Some(asking) = self.clients.asking(index) else { return false };
        if asking.round == ROUNDS {
            return false;
        }
        asking.round += 1;
        (asking.heard, asking.asked) = (0, asked);
        asking.answers.clear();
        let round = asking.round;
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
        let value = host.database.read(&key).map(|(value, _)| value.clone());
        let Some(asking) = self.clients.asking(index).filter(|asking| asking.round == round) else { return Ok(()) };
        asking.heard += 1;
        asking.answers.extend(said.map(|said| (said, value)));
        if asking.heard < asking.asked {
            return Ok(());
        }
        let whole = asking.answers.len() == asking.asked;
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
