//! Faults of all kinds from a seed, one after the other and several at once, on every node: kill, restart, pause, resume,
//! cut, heal.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use epoca::client::{Client, ClientError, Done};
use epoca::protocol::NodeId;
use epoca::verify::rng::Rng;

use crate::words::english;

/// What is broken now, and what was done.
pub struct Chaos {
    client: Client,
    rng: Rng,
    nodes: Vec<NodeId>,
    dead: BTreeSet<NodeId>,
    paused: BTreeSet<NodeId>,
    cuts: BTreeSet<(NodeId, NodeId)>,
    /// How many faults were made.
    pub faults: usize,
}

impl Chaos {
    pub fn new(client: Client, seed: u64) -> Chaos {
        let nodes = client.nodes().into_iter().map(|(id, _)| id).collect();
        let (dead, paused, cuts) = Default::default();
        Chaos { client, rng: Rng::stream(seed, 0), nodes, dead, paused, cuts, faults: 0 }
    }

    /// One fault or repair after a random pause; gives it in words.
    pub async fn turn(&mut self, until: Instant) -> Option<String> {
        let pause = Duration::from_millis(self.rng.between(50, 500));
        tokio::time::sleep(pause.min(until.saturating_duration_since(Instant::now()))).await;
        if Instant::now() >= until {
            return None;
        }
        self.faults += 1;
        Some(match self.act().await {
            Ok(done) => english::done(&done),
            // It was written down and comes into force later.
            Err(error) => error.to_string(),
        })
    }

    async fn act(&mut self) -> Result<Done, ClientError> {
        let down: Vec<NodeId> = self.dead.union(&self.paused).copied().collect();
        // Half of the nodes down at once stall the cluster; more would only be idle time.
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
