//! Faults from a seed, one after the other and several at once: kill, restart, pause, resume, cut, heal.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use epoca::client::Client;
use epoca::protocol::NodeId;
use epoca::verify::dice::Dice;

use crate::support::NODES;

/// More nodes down at once than a cluster of four can go on without, so that writes stall, too.
const DOWN_MAX: usize = 2;

/// What is broken now, and what was done.
pub struct Nemesis {
    client: Client,
    dice: Dice,
    begun: Instant,
    dead: BTreeSet<NodeId>,
    paused: BTreeSet<NodeId>,
    cuts: BTreeSet<(NodeId, NodeId)>,
    pub schedule: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Kill(NodeId),
    Restart(NodeId),
    Pause(NodeId),
    Resume(NodeId),
    Cut(NodeId, NodeId),
    Heal(NodeId, NodeId),
}

fn cut(a: NodeId, b: NodeId) -> Act {
    Act::Cut(a.min(b), a.max(b))
}

impl Nemesis {
    /// `client` must know the launcher.
    pub fn new(client: Client, seed: u64) -> Nemesis {
        let (dead, paused, cuts) = Default::default();
        let dice = Dice::of(seed, 0);
        Nemesis { client, dice, begun: Instant::now(), dead, paused, cuts, schedule: Vec::new() }
    }

    pub async fn rage(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            let pause = Duration::from_millis(self.dice.between(20, 400));
            tokio::time::sleep(pause.min(end.saturating_duration_since(Instant::now()))).await;
            for act in self.choose().await {
                self.act(act).await;
            }
        }
    }

    /// Repairs everything.
    pub async fn heal(&mut self) {
        for node in self.paused.clone() {
            self.act(Act::Resume(node)).await;
        }
        for (a, b) in self.cuts.clone() {
            self.act(Act::Heal(a, b)).await;
        }
        for node in self.dead.clone() {
            self.act(Act::Restart(node)).await;
        }
        assert!(self.dead.is_empty() && self.paused.is_empty(), "it stays broken: {:#?}", self.schedule);
    }

    async fn choose(&mut self) -> Vec<Act> {
        let down: Vec<NodeId> = self.dead.union(&self.paused).copied().collect();
        let repair = down.len() >= DOWN_MAX || (!down.is_empty() && self.dice.one_in(2));
        if repair {
            let node = self.dice.pick(&down);
            return vec![if self.dead.contains(&node) { Act::Restart(node) } else { Act::Resume(node) }];
        }
        let cuts: Vec<(NodeId, NodeId)> = self.cuts.iter().copied().collect();
        if !cuts.is_empty() && self.dice.one_in(4) {
            return cuts.into_iter().map(|(a, b)| Act::Heal(a, b)).collect();
        }
        let node = self.victim(&down).await;
        match self.dice.below(6) {
            0 | 1 => vec![Act::Kill(node)],
            2 => vec![Act::Pause(node)],
            3 => self.split(&[node]),
            other => {
                let others: Vec<NodeId> = NODES.into_iter().filter(|other| *other != node).collect();
                let with = self.dice.pick(&others);
                if other == 4 { self.split(&[node, with]) } else { vec![cut(node, with)] }
            }
        }
    }

    /// Cuts every link between these nodes and the others, and no other link.
    fn split(&self, side: &[NodeId]) -> Vec<Act> {
        let pairs = NODES.into_iter().flat_map(|a| NODES.into_iter().filter(move |b| a < *b).map(move |b| (a, b)));
        let apart = |(a, b): &(NodeId, NodeId)| side.contains(a) != side.contains(b);
        let act = |(a, b)| if apart(&(a, b)) { cut(a, b) } else { Act::Heal(a, b) };
        pairs.filter(|pair| apart(pair) != self.cuts.contains(pair)).map(act).collect()
    }

    /// Half of the time whoever leads, else anybody who is up.
    async fn victim(&mut self, down: &[NodeId]) -> NodeId {
        let leader = self.dice.one_in(2);
        let up: Vec<NodeId> = NODES.into_iter().filter(|node| !down.contains(node)).collect();
        let any = self.dice.pick(&up);
        if !leader {
            return any;
        }
        let nodes = self.client.status().await.unwrap_or_default();
        let leads = |node: &&epoca::client::NodeStatus| node.reported.as_ref().is_ok_and(|said| said.role == "leader");
        nodes.iter().filter(leads).map(|node| node.id).find(|node| up.contains(node)).unwrap_or(any)
    }

    async fn act(&mut self, act: Act) {
        let at = self.begun.elapsed().as_secs_f64();
        let result = match act {
            Act::Kill(node) => self.client.kill(node).await,
            Act::Restart(node) => self.client.restart(node).await,
            Act::Pause(node) => self.client.pause(node).await,
            Act::Resume(node) => self.client.resume(node).await,
            Act::Cut(a, b) => self.client.cut(a, b).await,
            Act::Heal(a, b) => self.client.heal(a, b).await,
        };
        match act {
            Act::Kill(node) => _ = self.dead.insert(node),
            Act::Restart(node) => _ = self.dead.remove(&node),
            Act::Pause(node) => _ = self.paused.insert(node),
            Act::Resume(node) => _ = self.paused.remove(&node),
            Act::Cut(a, b) => _ = self.cuts.insert((a, b)),
            Act::Heal(a, b) => _ = self.cuts.remove(&(a, b)),
        }
        let end = self.begun.elapsed().as_secs_f64();
        match result {
            Ok(_) => self.schedule.push(format!("{at:6.2} to {end:6.2} s: {act:?}")),
            // The fault was written down and comes into force later; only a node that ended by itself is wrong.
            Err(error) => self.schedule.push(format!("{at:6.2} to {end:6.2} s: {act:?}, but {error}")),
        }
    }
}
