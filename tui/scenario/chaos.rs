//! Random faults from a seed, several at once and on every node: kill, restart, pause, resume, cut, heal.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use epoca::client::{Client, ClientError, Done};
use epoca::protocol::NodeId;
use epoca::verify::rng::Rng;

use crate::lang::Localized;
use crate::words::{self, client_error};

/// The faults that are active now, and how many there were.
pub struct Chaos {
    client: Client,
    rng: Rng,
    nodes: Vec<NodeId>,
    dead: BTreeSet<NodeId>,
    paused: BTreeSet<NodeId>,
    cuts: BTreeSet<(NodeId, NodeId)>,
    /// How many faults and repairs were caused.
    pub faults: usize,
}

impl Chaos {
    pub fn new(client: Client, seed: u64) -> Chaos {
        let nodes = client.nodes().into_iter().map(|(id, _)| id).collect();
        let (dead, paused, cuts) = Default::default();
        Chaos { client, rng: Rng::stream(seed, 0), nodes, dead, paused, cuts, faults: 0 }
    }

    /// Causes one fault or repair after a random pause, and returns the answer. `None` once the time is over.
    pub async fn next(&mut self, until: Instant) -> Option<Localized> {
        let pause = Duration::from_millis(self.rng.between(50, 500));
        tokio::time::sleep(pause.min(until.saturating_duration_since(Instant::now()))).await;
        if Instant::now() >= until {
            return None;
        }
        self.faults += 1;
        Some(match self.act().await {
            Ok(done) => words::done(&done),
            // The launcher has stored it and applies it later.
            Err(error) => client_error(&error),
        })
    }

    async fn act(&mut self) -> Result<Done, ClientError> {
        let down: Vec<NodeId> = self.dead.union(&self.paused).copied().collect();
        // With half of the nodes down the cluster makes no progress; more faults would only add idle time.
        if down.len() >= self.nodes.len() / 2 || (!down.is_empty() && self.rng.one_in(2)) {
            let node = self.rng.choose(&down);
            return self.repair(node).await;
        }
        let cuts: Vec<(NodeId, NodeId)> = self.cuts.iter().copied().collect();
        if !cuts.is_empty() && self.rng.one_in(3) {
            let (a, b) = self.rng.choose(&cuts);
            self.cuts.remove(&(a, b));
            return self.client.heal(a, b).await;
        }
        let up: Vec<NodeId> = self.nodes.iter().copied().filter(|node| !down.contains(node)).collect();
        let node = self.rng.choose(&up);
        match self.rng.below(4) {
            0 | 1 => {
                self.dead.insert(node);
                self.client.kill(node).await
            }
            2 => {
                self.paused.insert(node);
                self.client.pause(node).await
            }
            _ => {
                let others: Vec<NodeId> = self.nodes.iter().copied().filter(|other| *other != node).collect();
                let Some(other) = (!others.is_empty()).then(|| self.rng.choose(&others)) else {
                    return self.client.kill(node).await;
                };
                self.cuts.insert((node.min(other), node.max(other)));
                self.client.cut(node, other).await
            }
        }
    }

    async fn repair(&mut self, node: NodeId) -> Result<Done, ClientError> {
        if self.dead.remove(&node) {
            return self.client.restart(node).await;
        }
        self.paused.remove(&node);
        self.client.resume(node).await
    }
}
