//! Checks that records are in happens-before order: each cause before its effects. The check uses the protocol's rules
//! alone and does not depend on how the order was produced.

use std::collections::{BTreeMap, BTreeSet};

use epoca::client::watch::Observed;
use epoca::protocol::trace::{Event, Fact, NodeState};
use epoca::protocol::{EntryId, NodeId};
use epoca::verify::order::Step;

use crate::tape::order::answer_step;
use crate::tape::record::{ProcessSeen, Record, What};

/// How many inversions are reported.
const INVERSIONS_MAX: usize = 20;

/// The state of the cluster after the records so far.
#[derive(Default)]
struct Before {
    nodes: BTreeMap<NodeId, Node>,
    /// The greatest entry that some node has committed, and the greatest that some node has made final.
    committed: Option<EntryId>,
    finalized: Option<EntryId>,
    /// How many log reports each leader has received from each replica, and how many it has answered.
    reports: BTreeMap<(NodeId, NodeId), u64>,
    resyncs: BTreeMap<(NodeId, NodeId), u64>,
    /// A sending was not observed, so a commit that others follow may be missing too.
    is_blind: bool,
}

#[derive(Default)]
struct Node {
    process: u64,
    sent: Option<u64>,
    heard: BTreeMap<NodeId, u64>,
    /// The greatest entry that it has acked, or may have acked before it was observed.
    acked: Option<EntryId>,
    quorum: u64,
    /// The number of voters.
    voters: u64,
    is_down: bool,
    /// It was first observed after its start.
    is_partial: bool,
}

/// A sentence for each record that stands before its cause. Records of unknown order are left out.
pub fn inversions<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<String> {
    let (mut before, mut found) = (Before::default(), Vec::new());
    for (index, record) in records.into_iter().enumerate() {
        before.is_blind |= record.missing.is_some();
        let inversion = before.take(record).filter(|_| record.missing.is_none());
        found.extend(inversion.map(|text| format!("record {index}: {text}")));
        if found.len() == INVERSIONS_MAX {
            break;
        }
    }
    found
}

impl Before {
    fn take(&mut self, record: &Record) -> Option<String> {
        match &record.what {
            What::Observed(id, Observed::Snapshot { snapshot, .. }) => self.join(*id, snapshot),
            What::Observed(_, Observed::Events(events)) => events.iter().find_map(|event| self.event(event)),
            What::Observed(id, Observed::Lost(_) | Observed::Disconnected(_)) => {
                self.node(*id).is_partial = true;
                None
            }
            What::Process(id, seen) => {
                self.node(*id).is_down = matches!(seen, ProcessSeen::Killed | ProcessSeen::Ended(_));
                None
            }
            What::End { outcome, .. } => match answer_step(outcome) {
                Step::Confirmed(id) if self.finalized < Some(id) => {
                    Some(format!("{id} is confirmed before a node has made it final"))
                }
                _ => None,
            },
            What::Nodes { .. } | What::Begin { .. } | What::Mark(_) => None,
        }
    }

    fn node(&mut self, id: NodeId) -> &mut Node {
        self.nodes.entry(id).or_default()
    }

    fn join(&mut self, id: NodeId, snapshot: &NodeState) -> Option<String> {
        let committed = snapshot.committed.map(|point| point.id);
        let node = self.node(id);
        (node.process, node.sent, node.heard) = (snapshot.process, snapshot.sent, snapshot.heard.clone());
        node.acked = node.acked.max(snapshot.last().map(|point| point.id));
        node.is_partial = snapshot.event > 0;
        let is_down = node.is_down;
        self.committed = self.committed.max(committed);
        self.finalized = self.finalized.max(snapshot.applied.map(|point| point.id));
        is_down.then(|| format!("{id} is observed before it is started"))
    }

    fn event(&mut self, event: &Event) -> Option<String> {
        let id = event.node;
        if self.node(id).is_down {
            return Some(format!("{id} does {} though its process has ended", event.fact));
        }
        match &event.fact {
            Fact::Sent { number, .. } => self.node(id).sent = Some(*number),
            Fact::PeerProcess { node, process } => _ = self.node(id).heard.insert(*node, *process),
            Fact::Received { from, number, .. }
            | Fact::MessageHeld { from, number, .. }
            | Fact::MessageInFlight { from, number, .. } => {
                return self.unsent(id, *from, *number);
            }
            Fact::Acked { up_to, .. } => {
                let node = self.node(id);
                node.acked = node.acked.max(*up_to);
            }
            Fact::Counted { from, up_to, quorum, matches, .. } => {
                (self.node(id).quorum, self.node(id).voters) = (*quorum, matches.len() as u64);
                let up_to = up_to.map(|point| point.id);
                let other = self.nodes.get(from).filter(|other| *from != id && !other.is_partial)?;
                if other.acked < up_to {
                    return Some(format!("{id} counts an ack of {from} before {from} acks it: {}", event.fact));
                }
            }
            Fact::Committed { up_to, .. } => {
                self.committed = self.committed.max(Some(up_to.id));
                let (quorum, voters) = (self.node(id).quorum, self.node(id).voters);
                let unheard = voters.saturating_sub(self.nodes.len() as u64);
                let has =
                    |(other, node): &(&NodeId, &Node)| **other == id || node.is_partial || node.acked >= Some(up_to.id);
                let acked = self.nodes.iter().filter(has).count() as u64 + unheard;
                if acked < quorum {
                    return Some(format!("{id} commits {} with {} acks of others before it", up_to.id, acked - 1));
                }
            }
            Fact::Ordered { up_to, .. } if self.committed < Some(*up_to) => {
                return Some(format!("{id} orders {up_to} before it is committed"));
            }
            Fact::Finalized { up_to, .. } | Fact::SnapshotInstalled { up_to, .. } => {
                self.finalized = self.finalized.max(Some(up_to.id));
                if self.committed < Some(up_to.id) {
                    self.committed = Some(up_to.id);
                    if self.is_blind {
                        return None;
                    }
                    return Some(format!("{id} makes {} final before it is committed", up_to.id));
                }
            }
            Fact::Opened { committed, .. } => {
                self.committed = self.committed.max(committed.map(|point| point.id));
            }
            Fact::Reported { to, .. } => *self.reports.entry((*to, id)).or_default() += 1,
            Fact::Resynced { to, .. } => return self.unreported(id, *to),
            _ => {}
        }
        None
    }

    fn unsent(&self, id: NodeId, from: NodeId, number: u64) -> Option<String> {
        let heard = self.nodes.get(&id)?.heard.get(&from).copied().unwrap_or(0);
        let sender = self.nodes.get(&from)?;
        let is_of_last_process = heard != 0 && heard < sender.process;
        let is_of_next_process = heard > sender.process;
        let is_unsent = sender.sent.is_some_and(|sent| sent < number);
        let text = format!("{id} receives message {number} of {from} before it is sent");
        (from != id && !is_of_last_process && (is_of_next_process || is_unsent)).then_some(text)
    }

    fn unreported(&mut self, leader: NodeId, replica: NodeId) -> Option<String> {
        let link = (leader, replica);
        *self.resyncs.entry(link).or_default() += 1;
        let all_heard = |id: &NodeId| self.nodes.get(id).is_some_and(|node| !node.is_partial);
        let heard_all: BTreeSet<bool> = [leader, replica].iter().map(all_heard).collect();
        let is_inverted = !heard_all.contains(&false) && self.reports.get(&link) < self.resyncs.get(&link);
        is_inverted.then(|| format!("{leader} sends again to {replica} before {replica} reports its log"))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use epoca::verify::rng::Rng;

    use super::*;
    use crate::tape::file::read_as_written;
    use crate::tape::order::{delayed, sorted};

    /// How many orders of arrival are checked.
    const SEEDS: u64 = 40;
    /// The greatest delay between a node and the observer, in milliseconds. Together with the time that the records had
    /// already waited it stays below the patience of the order.
    const DELAY_MAX: u64 = 80;

    fn arrivals(records: &[Record], seed: u64) -> Vec<Record> {
        delayed(records.iter().cloned(), |node, time| {
            Duration::from_millis(Rng::stream(seed, node.0 << 32 | time).below(DELAY_MAX))
        })
    }

    #[test]
    fn a_recording_is_in_causal_order_with_any_delays_between_nodes_and_console() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(".assets/demo.epoca.jsonl");
        let records = read_as_written(&path).expect("the demo").records;
        assert_eq!(inversions(&records), Vec::<String>::new());
        let mut inverted = 0;
        for seed in 0..SEEDS {
            let arrived = arrivals(&records, seed);
            inverted += u64::from(!inversions(&arrived).is_empty());
            let found = inversions(&sorted(arrived));
            assert!(found.is_empty(), "seed {seed}: {found:#?}");
        }
        assert_eq!(inverted, SEEDS, "in the order of arrival, effects stand before their causes");
    }
}
