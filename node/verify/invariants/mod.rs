//! The invariants of the protocol, checked from trace events alone. The same checks run in the simulator and on a live
//! cluster.
//!
//! [`Watch`] takes the events of all watched nodes. The events of one node come in their order, those of several nodes
//! so that a message is received after it was sent (the simulator's own order, or that of [`Causal`] and
//! [`CausalOrder`](crate::verify::order::CausalOrder)). A watch may start at any time: [`Watch::joined`] takes a node's
//! snapshot, and everything before it counts as unknown, never as wrong.
//!
//! Entries that the lab has marked as forged count as absent. The F8 event names them, and a C1 event has them among
//! its entries once a push has shown that they are genuine.
//!
//! Left out: what events do not tell, such as the content of a disk. The simulator's oracle checks that.

mod causal;

mod observer;

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
use observer::Observer;

/// A broken invariant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// The invariant's name.
    pub invariant: &'static str,
    /// What was observed: the nodes and the entries.
    pub text: String,
    /// The events that contradict each other, the latest last.
    pub evidence: Vec<Source>,
}

impl Violation {
    /// A violation that was found in a state, without events that contradict each other.
    pub fn of(invariant: &'static str, text: String) -> Box<Violation> {
        Box::new(Violation { invariant, text, evidence: Vec::new() })
    }
}

/// An event of a node. Number 0 is the snapshot with which the watch began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Source {
    /// The node.
    pub node: NodeId,
    /// The event's number at that node.
    pub number: u64,
}

/// The result of a check. Boxed, because a violation is the exception and must not make every result large.
type Finding = Option<Box<Violation>>;

/// One invariant.
trait Invariant {
    /// The name under which violations are reported.
    fn name(&self) -> &'static str;

    /// The watch of a node begins, or begins again, with this snapshot.
    fn on_joined(&mut self, _observer: &Observer, _node: &NodeState, _source: Source) -> Finding {
        None
    }

    /// A node is gone with its disk. The next one under its id is another node.
    fn on_left(&mut self, _node: NodeId) {}

    /// An event happened. `observer` includes it already. `cut` are the entries that it deleted.
    fn on_event(&mut self, observer: &Observer, event: &Event, cut: &[Preview]) -> Finding;

    /// Every event that the nodes had sent at the previous call has arrived by now.
    fn on_settled(&mut self) -> Finding {
        None
    }
}

/// Watches a cluster and reports the first violation that an event shows.
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
    observer: Observer,
    rules: [Box<dyn Invariant + Send>; 14],
}

impl Default for Watch {
    fn default() -> Watch {
        Watch::new()
    }
}

impl Watch {
    /// A watch for events that come in happens-before order.
    pub fn new() -> Watch {
        Watch {
            observer: Observer::default(),
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

    /// A watch for events that come over several connections. An event of a slow connection may come after events that
    /// follow from it, so what such a node may have done counts as unknown.
    pub fn of_streams() -> Watch {
        let mut watch = Watch::new();
        watch.observer.lags = true;
        watch
    }

    /// The names of all invariants.
    pub fn names(&self) -> Vec<&'static str> {
        let rules = self.rules.iter().map(|rule| rule.name());
        [committed::NEVER_CHANGES, committed::FINAL_EQUAL].into_iter().chain(rules).collect()
    }

    /// The watch of a node begins, or continues after events were missed.
    pub fn joined(&mut self, snapshot: &NodeState) -> Option<Violation> {
        self.join(snapshot, true)
    }

    /// A node started again, and none of its events was missed.
    pub fn restarted(&mut self, snapshot: &NodeState) -> Option<Violation> {
        self.join(snapshot, false)
    }

    fn join(&mut self, snapshot: &NodeState, missed: bool) -> Option<Violation> {
        let source = Source { node: snapshot.node, number: snapshot.event };
        // Neither an entry nor a promise: the data folder is new, so nothing that was said with the last one binds it.
        if snapshot.last().is_none() && snapshot.epoch.is_none() {
            self.rules.iter_mut().for_each(|rule| rule.on_left(snapshot.node));
        }
        let changed = self.observer.join(snapshot, missed, source);
        let mut rules = self.rules.iter_mut();
        let observer = &self.observer;
        changed.or_else(|| rules.find_map(|rule| rule.on_joined(observer, snapshot, source))).map(|found| *found)
    }

    /// Events of a node may be missing or late until it joins again.
    pub fn missed(&mut self, node: NodeId) {
        self.observer.miss(node);
    }

    /// A node is gone with its disk. Later events under its id are another node's.
    pub fn left(&mut self, node: NodeId) {
        self.observer.leave(node);
        self.rules.iter_mut().for_each(|rule| rule.on_left(node));
    }

    /// Takes an event. Returns the violation that it shows, if any.
    pub fn event(&mut self, event: &Event) -> Option<Violation> {
        if is_irrelevant(&event.fact) {
            self.observer.pass(event);
            return None;
        }
        let mut cut = Vec::new();
        if !self.observer.fold(event, &mut cut) {
            return None;
        }
        let readable = readable::finalized_early(&self.observer, event);
        let changed = readable.or_else(|| self.observer.learn(event));
        let mut rules = self.rules.iter_mut();
        let observer = &self.observer;
        changed.or_else(|| rules.find_map(|rule| rule.on_event(observer, event, &cut))).map(|found| *found)
    }

    /// A suspected violation that later events could have explained, and did not.
    pub fn settled(&mut self) -> Option<Violation> {
        self.rules.iter_mut().find_map(|rule| rule.on_settled()).map(|found| *found)
    }

    /// The state of a node as its events tell it.
    pub fn snapshot(&self, node: NodeId) -> Option<&NodeState> {
        self.observer.node(node).map(|observed| &observed.snapshot)
    }

    /// The position up to which entries are known to be committed.
    pub fn committed(&self) -> Option<Position> {
        self.observer.ledger.last().map(|point| point.position)
    }
}

/// Sending, receiving and dropping messages changes nothing that an invariant is about; nor do faults.
fn is_irrelevant(fact: &Fact) -> bool {
    use Fact::{Dropped, PeerProcess, Received, Sent};
    let message = matches!(fact, Sent { .. } | Received { .. } | Dropped { .. } | PeerProcess { .. });
    message || (fact.rule().starts_with('F') && !matches!(fact, Fact::Injected { .. } | Fact::Damaged { .. }))
}

fn source(event: &Event) -> Source {
    Source { node: event.node, number: event.number }
}

fn violation(invariant: &'static str, evidence: &[Source], text: String) -> Finding {
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
