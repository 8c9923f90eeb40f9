//! Brings the events of a cluster into happens-before order: one stream that screen, tape, checks and exports share.
//!
//! An observer has one connection to each node, another one to the launcher, and a third one as a client. Each of these
//! lanes is in order. Across lanes an effect may arrive before its cause: a message is received before it is sent, a
//! node acts before it is started. So an item waits until its cause was released, and everything behind it in its lane
//! waits, too:
//!
//! - events about a received message wait for its sending by the same process of the sender ([`Fact::PeerProcess`]);
//! - the end of a process waits for the end of its node's events;
//! - the first state of a node after a restart waits for the launcher's report that it was started, and replaces that
//!   report if it does not come in time;
//! - the answer to a write waits until a node has made the entry final.
//!
//! Everything else follows from the order within one node: it reports the ack after the flush, the count after the ack
//! arrived, the commit after the count, the commit order after the commit, the resend after the log state arrived.
//!
//! A cause may never come: the sender died, or its events were lost. An item waits at most as long as the order's
//! patience. Then it is released, with the node whose event is missing before it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::protocol::trace::{DropReason, Event, Fact, NodeState};
use crate::protocol::{EntryId, NodeId};

/// How long a screen or a recording waits for a cause. Two connections on one machine differ by far less.
pub const PATIENCE: Duration = Duration::from_millis(150);

/// The most items of one lane that wait.
pub const WAITING_MAX: usize = 5_000;

/// The source of an item. The items of one lane are in order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Lane {
    /// The connection to a node.
    Node(NodeId),
    /// The launcher's reports about a node's process.
    Launcher(NodeId),
    /// Requests of a client: they have no cause.
    Asked,
    /// Answers to a client.
    Client,
}

/// What an item means for the order.
pub enum Step<'a> {
    /// A connection to a node begins with the node's state.
    Joined(&'a NodeState),
    /// An event of a node.
    Event(&'a Event),
    /// The connection has ended, or events were lost. Nothing more comes until the node joins again.
    Closed,
    /// The node is gone with its disk. The next one under its id is another node.
    Left,
    /// The node's process runs, or has ended.
    Process {
        /// Whether the process runs.
        is_up: bool,
    },
    /// A write was confirmed at this entry.
    Confirmed(EntryId),
    /// It has no cause in another lane.
    Other,
}

/// An item that can be brought into order.
pub trait Item: Sized {
    /// What the item means for the order.
    fn step(&self) -> Step<'_>;

    /// For the first state of a node whose process has ended by the launcher's reports: the report that it was started,
    /// which the state proves.
    fn started(&self, _node: NodeId) -> Option<Self> {
        None
    }
}

/// An item whose turn has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Released<T> {
    /// The item.
    pub item: T,
    /// The event of this node that must precede the item did not arrive in time, so the order is not known.
    pub missing: Option<NodeId>,
    /// How long it has waited.
    pub waited: Duration,
}

/// Items on their way into happens-before order.
#[derive(Clone, Debug)]
pub struct CausalOrder<T> {
    patience: Duration,
    lanes: BTreeMap<Lane, VecDeque<Waiting<T>>>,
    nodes: BTreeMap<NodeId, Node>,
    /// The greatest entry that a node is known to have made final.
    finalized: Option<EntryId>,
    arrived: u64,
}

#[derive(Clone, Debug)]
struct Waiting<T> {
    item: T,
    since: Duration,
    /// Counts all items as they arrive. Items without a cause are released in this order.
    number: u64,
}

/// What is known of a node from the released items.
#[derive(Clone, Debug, Default)]
struct Node {
    /// 0 before the first state, and if the state does not tell it.
    process: u64,
    /// The latest message that it has reported as sent; `None` if that is not known.
    sent: Option<u64>,
    /// The process of each node from which its messages come.
    heard: BTreeMap<NodeId, u64>,
    is_closed: bool,
    /// The launcher says that its process has ended.
    is_down: bool,
}

enum Cause {
    Known,
    /// It may still come.
    Awaited(Option<NodeId>),
    /// It will never come.
    Missing(NodeId),
}

impl<T: Item> CausalOrder<T> {
    /// An order in which an item waits no longer than `patience` for its cause.
    pub fn new(patience: Duration) -> CausalOrder<T> {
        let (lanes, nodes) = (BTreeMap::new(), BTreeMap::new());
        CausalOrder { patience, lanes, nodes, finalized: None, arrived: 0 }
    }

    /// This node will be heard: what others receive of it waits for its first word.
    pub fn expect(&mut self, node: NodeId) {
        self.nodes.entry(node).or_default();
    }

    /// Takes an item that arrives now.
    pub fn push(&mut self, now: Duration, lane: Lane, item: T) {
        self.arrived += 1;
        let waiting = Waiting { item, since: now, number: self.arrived };
        self.lanes.entry(lane).or_default().push_back(waiting);
    }

    /// The next item whose turn has come.
    pub fn next(&mut self, now: Duration) -> Option<Released<T>> {
        let mut overdue: Option<(Duration, Lane, Option<NodeId>)> = None;
        let mut ready: Option<(u64, Lane, Option<NodeId>)> = None;
        for (lane, waiting) in &self.lanes {
            let Some(first) = waiting.front() else { continue };
            let missing = match self.cause(*lane, &first.item) {
                Cause::Known => None,
                Cause::Missing(node) => Some(node),
                Cause::Awaited(node) => {
                    let is_over = now.saturating_sub(first.since) >= self.patience || waiting.len() > WAITING_MAX;
                    if is_over && overdue.is_none_or(|(since, ..)| first.since < since) {
                        overdue = Some((first.since, *lane, node));
                    }
                    continue;
                }
            };
            if ready.is_none_or(|(number, ..)| first.number < number) {
                ready = Some((first.number, *lane, missing));
            }
        }
        // What is overdue goes only when nothing else can: its cause may be among that.
        let ready = ready.map(|(_, lane, missing)| (lane, missing));
        let (lane, missing) = ready.or(overdue.map(|(_, lane, missing)| (lane, missing)))?;
        self.release(now, lane, missing)
    }

    /// The first item, whatever it waits for: nothing more will come.
    pub fn next_at_end(&mut self) -> Option<Released<T>> {
        self.next(Duration::MAX)
    }

    /// When an item is released though its cause has not come.
    pub fn due(&self) -> Option<Duration> {
        let firsts = self.lanes.values().filter_map(VecDeque::front);
        firsts.map(|first| first.since.saturating_add(self.patience)).min()
    }

    fn release(&mut self, now: Duration, lane: Lane, missing: Option<NodeId>) -> Option<Released<T>> {
        if let Lane::Node(id) = lane
            && let Some(node) = self.nodes.get_mut(&id).filter(|node| node.is_down)
            && let Some(first) = self.lanes.get(&lane).and_then(VecDeque::front)
            && matches!(first.item.step(), Step::Joined(_))
            && let Some(item) = first.item.started(id)
        {
            node.is_down = false;
            return Some(Released { item, missing: None, waited: Duration::ZERO });
        }
        let Waiting { item, since, .. } = self.lanes.get_mut(&lane)?.pop_front()?;
        self.learn(lane, &item);
        Some(Released { item, missing, waited: now.saturating_sub(since) })
    }

    fn learn(&mut self, lane: Lane, item: &T) {
        let (Lane::Node(id) | Lane::Launcher(id)) = lane else { return };
        let node = self.nodes.entry(id).or_default();
        match item.step() {
            Step::Joined(snapshot) => {
                let heard = snapshot.heard.clone();
                let (process, sent) = (snapshot.process, snapshot.sent);
                *node = Node { process, sent, heard, is_closed: false, is_down: false };
                self.finalized = self.finalized.max(snapshot.applied.map(|point| point.id));
            }
            Step::Event(event) => match &event.fact {
                Fact::Sent { number, .. } => node.sent = Some(*number),
                Fact::PeerProcess { node: peer, process } => _ = node.heard.insert(*peer, *process),
                Fact::Finalized { up_to, .. } | Fact::SnapshotInstalled { up_to, .. } => {
                    self.finalized = self.finalized.max(Some(up_to.id));
                }
                _ => {}
            },
            Step::Closed => node.is_closed = true,
            Step::Process { is_up } => node.is_down = !is_up,
            Step::Left => _ = self.nodes.remove(&id),
            Step::Confirmed(_) | Step::Other => {}
        }
    }

    fn cause(&self, lane: Lane, item: &T) -> Cause {
        let is_awaited = match (lane, item.step()) {
            (_, Step::Event(event)) => return self.sending(event),
            (Lane::Node(id), Step::Joined(_)) => {
                let launcher_speaks = self.lanes.get(&Lane::Launcher(id)).is_some_and(|lane| !lane.is_empty());
                self.nodes.get(&id).is_some_and(|node| node.is_down || node.is_closed && launcher_speaks)
            }
            (Lane::Launcher(id), Step::Process { is_up: false }) => {
                self.nodes.get(&id).is_some_and(|node| !node.is_closed)
            }
            (_, Step::Confirmed(id)) => self.finalized < Some(id),
            _ => false,
        };
        if is_awaited { Cause::Awaited(None) } else { Cause::Known }
    }

    /// The sending of the message that an event is about.
    fn sending(&self, event: &Event) -> Cause {
        let Some((from, number)) = message_of(event) else { return Cause::Known };
        let Some(sender) = self.nodes.get(&from) else { return Cause::Known };
        let heard = self.nodes.get(&event.node).and_then(|node| node.heard.get(&from)).copied().unwrap_or(0);
        if heard != 0 && heard != sender.process {
            // An ended process has sent all its events.
            return if heard > sender.process { Cause::Awaited(Some(from)) } else { Cause::Known };
        }
        match sender.sent {
            Some(sent) if sent < number && sender.is_closed => Cause::Missing(from),
            Some(sent) if sent < number => Cause::Awaited(Some(from)),
            _ => Cause::Known,
        }
    }
}

/// The sender and the number of the message of another node that an event is about.
fn message_of(event: &Event) -> Option<(NodeId, u64)> {
    let (from, number) = match &event.fact {
        Fact::Received { from, number, .. }
        | Fact::MessageHeld { from, number, .. }
        | Fact::MessageReleased { from, number, .. }
        | Fact::MessageDiscarded { from, number, .. }
        | Fact::MessageDelayed { from, number, .. }
        | Fact::MessageDuplicated { from, number, .. }
        | Fact::MessageInFlight { from, number, .. }
        | Fact::MessageArrived { from, number, .. }
        | Fact::MessageLetThrough { from, number, .. }
        | Fact::MessageDelivered { from, number, .. } => (from, number),
        // There the number is that of the push which was answered.
        Fact::Dropped { why, .. } if *why == DropReason::AckOfAnotherLog => return None,
        Fact::Dropped { from, number, .. } => (from, number),
        _ => return None,
    };
    (*from != event.node).then_some((*from, *number))
}

#[cfg(test)]
mod tests;
