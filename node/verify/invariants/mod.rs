//! What must hold whatever happens, checked from trace events alone: the same checks run in the simulator and on a live
//! cluster that somebody watches.
//!
//! Feed [`Watch`] the events of all nodes that are watched. Each node's events come in their order; those of several
//! nodes so that a message is received after it was sent (the simulator's own order, or that of [`Causal`] and
//! [`CausalOrder`](crate::verify::order::CausalOrder)). A watcher may start in the middle: [`Watch::joined`] takes a
//! node's snapshot, and what was before it counts as unknown, never as wrong.
//!
//! Entries that the lab has marked as forged count as absent: the F8 event says which, and a C1 event has them among
//! its entries once a push has shown that they are genuine after all.
//!
//! What events cannot tell, such as what is on a disk, the simulator checks on its own.

mod causal;

mod sight;

mod committed;

mod one_leader;

mod append_only;

mod matching;

mod completeness;

mod quorum;

mod durable;

mod readable;

mod gaps;

mod promise;

mod marks;

mod snapshots;

mod one_change;

mod only_voters;

mod last_list;

use std::fmt;

use crate::protocol::trace::{Event, Fact, NodeState, Preview};
use crate::protocol::{NodeId, Position};

pub use causal::Causal;
use sight::Sight;

/// A broken invariant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// The invariant's name.
    pub invariant: &'static str,
    /// What was seen, with whose and which entries.
    pub text: String,
    /// The events that contradict each other, the latest last.
    pub evidence: Vec<Source>,
}

/// Which event says so; number 0 is the snapshot with which watching began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Source {
    pub node: NodeId,
    pub number: u64,
}

/// A violation is the exception: it must not make every result large.
type Found = Option<Box<Violation>>;

/// One invariant.
trait Rule {
    /// The name under which violations are told.
    fn name(&self) -> &'static str;

    /// A node is seen anew, with this snapshot.
    fn on_joined(&mut self, _sight: &Sight, _node: &NodeState, _source: Source) -> Found {
        None
    }

    /// A node is gone with its disk: whoever comes under its id is another one.
    fn on_left(&mut self, _node: NodeId) {}

    /// An event happened; `sight` includes it already. `cut` are the entries that it deleted.
    fn on_event(&mut self, sight: &Sight, event: &Event, cut: &[Preview]) -> Found;

    /// All that the nodes told until the last time that this was asked has been heard by now.
    fn on_settled(&mut self) -> Found {
        None
    }
}

/// Watches a cluster and tells the first violation that an event shows.
///
/// ```
/// use epoca::protocol::trace::{Event, Fact, NodeState};
/// use epoca::protocol::{Epoch, NodeId, Time};
/// use epoca::verify::invariants::Watch;
///
/// let mut watch = Watch::new();
/// (1..=3).for_each(|node| assert_eq!(watch.restarted(&NodeState::new(NodeId(node))), None));
/// let elected = |node, votes: [u64; 2]| {
///     let fact = Fact::Elected { epoch: Epoch(1), votes: votes.map(NodeId).to_vec(), quorum: 2 };
///     Event { node: NodeId(node), number: 1, time: Time(0), fact }
/// };
/// assert_eq!(watch.event(&elected(1, [1, 3])), None);
/// let violation = watch.event(&elected(2, [2, 3])).expect("an epoch has one leader");
/// assert_eq!(violation.evidence.len(), 2, "the two elections");
/// ```
pub struct Watch {
    sight: Sight,
    rules: [Box<dyn Rule + Send>; 14],
}

impl Default for Watch {
    fn default() -> Watch {
        Watch::new()
    }
}

impl Watch {
    pub fn new() -> Watch {
        Watch {
            sight: Sight::default(),
            rules: [
                Box::new(one_leader::OneLeader::default()),
                Box::new(append_only::AppendOnly),
                Box::new(matching::Matching::default()),
                Box::new(completeness::Completeness::default()),
                Box::new(quorum::Quorum::default()),
                Box::new(durable::Durable::default()),
                Box::new(readable::Readable),
                Box::new(gaps::Gaps),
                Box::new(promise::PromiseCovers),
                Box::new(marks::Marks),
                Box::new(snapshots::Snapshots),
                Box::new(one_change::OneChange::default()),
                Box::new(only_voters::OnlyVoters::default()),
                Box::new(last_list::LastList::default()),
            ],
        }
    }

    /// A watch for events whose order is not quite that of causes: what a node that lags may have done counts as
    /// unknown.
    pub fn of_streams() -> Watch {
        let mut watch = Watch::new();
        watch.sight.lags = true;
        watch
    }

    /// The names of all invariants.
    pub fn names(&self) -> Vec<&'static str> {
        let rules = self.rules.iter().map(|rule| rule.name());
        [committed::NEVER_CHANGES, committed::FINAL_EQUAL].into_iter().chain(rules).collect()
    }

    /// Begins to see a node, or sees it again after events were missed.
    pub fn joined(&mut self, snapshot: &NodeState) -> Option<Violation> {
        self.join(snapshot, true)
    }

    /// A node started again, and none of its events were missed.
    pub fn restarted(&mut self, snapshot: &NodeState) -> Option<Violation> {
        self.join(snapshot, false)
    }

    fn join(&mut self, snapshot: &NodeState, missed: bool) -> Option<Violation> {
        let source = Source { node: snapshot.node, number: snapshot.event };
        // It has neither an entry nor a promise: a data folder that is new, whatever was said with another one.
        if snapshot.last().is_none() && snapshot.epoch.is_none() {
            self.rules.iter_mut().for_each(|rule| rule.on_left(snapshot.node));
        }
        let changed = self.sight.join(snapshot, missed, source);
        let mut rules = self.rules.iter_mut();
        let sight = &self.sight;
        changed.or_else(|| rules.find_map(|rule| rule.on_joined(sight, snapshot, source))).map(|found| *found)
    }

    /// Some of what a node does may never be told, or too late; until it joins again.
    pub fn missed(&mut self, node: NodeId) {
        self.sight.miss(node);
    }

    /// A node is gone for good: whatever it says from now on is somebody else's.
    pub fn left(&mut self, node: NodeId) {
        self.sight.leave(node);
        self.rules.iter_mut().for_each(|rule| rule.on_left(node));
    }

    /// Takes an event; a violation if the event shows one.
    pub fn event(&mut self, event: &Event) -> Option<Violation> {
        if is_of_no_interest(&event.fact) {
            self.sight.pass(event);
            return None;
        }
        let mut cut = Vec::new();
        if !self.sight.fold(event, &mut cut) {
            return None;
        }
        let readable = readable::finalized_early(&self.sight, event);
        let changed = readable.or_else(|| self.sight.learn(event));
        let mut rules = self.rules.iter_mut();
        let sight = &self.sight;
        changed.or_else(|| rules.find_map(|rule| rule.on_event(sight, event, &cut))).map(|found| *found)
    }

    /// What seemed wrong and might have been explained by something not yet heard, and was not.
    pub fn settled(&mut self) -> Option<Violation> {
        self.rules.iter_mut().find_map(|rule| rule.on_settled()).map(|found| *found)
    }

    /// A node as its events tell it.
    pub fn snapshot(&self, node: NodeId) -> Option<&NodeState> {
        self.sight.node(node).map(|seen| &seen.snapshot)
    }

    /// Up to where entries are known to be committed.
    pub fn committed(&self) -> Option<Position> {
        self.sight.ledger.last().map(|point| point.position)
    }
}

/// Messages alone change nothing that an invariant speaks of, nor does what keeps them from arriving.
fn is_of_no_interest(fact: &Fact) -> bool {
    use Fact::{Dropped, PeerProcess, Received, Sent};
    let message = matches!(fact, Sent { .. } | Received { .. } | Dropped { .. } | PeerProcess { .. });
    message || (fact.rule().starts_with('F') && !matches!(fact, Fact::Injected { .. } | Fact::Damaged { .. }))
}

fn source(event: &Event) -> Source {
    Source { node: event.node, number: event.number }
}

fn violation(invariant: &'static str, evidence: &[Source], text: String) -> Found {
    Some(Box::new(Violation { invariant, text, evidence: evidence.to_vec() }))
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.text)?;
        for (index, source) in self.evidence.iter().enumerate() {
            write!(f, "{}{}·{}", if index == 0 { " (events " } else { ", " }, source.node, source.number)?;
        }
        if self.evidence.is_empty() { Ok(()) } else { write!(f, ")") }
    }
}
