//! Watches a live cluster whose nodes are heard over connections of their own: their events are brought into
//! happens-before order ([`CausalOrder`]) and given to a [`Watch`].
//!
//! There is no clock here: an event waits for its cause until [`WAITING_MAX`](crate::verify::order::WAITING_MAX) events
//! of its node wait. Then the sender counts as one whose events were missed.

use std::time::Duration;

use crate::protocol::NodeId;
use crate::protocol::trace::{Event, NodeState};
use crate::verify::invariants::{Violation, Watch};
use crate::verify::order::{CausalOrder, Item, Lane, Released, Step};

/// A [`Watch`] for events that come over one connection for each node.
pub struct Causal {
    watch: Watch,
    order: CausalOrder<Heard>,
}

enum Heard {
    Joined(Box<NodeState>),
    Event(Event),
    Closed(NodeId),
    Left(NodeId),
}

impl Item for Heard {
    fn step(&self) -> Step<'_> {
        match self {
            Heard::Joined(snapshot) => Step::Joined(snapshot),
            Heard::Event(event) => Step::Event(event),
            Heard::Closed(_) => Step::Closed,
            Heard::Left(_) => Step::Left,
        }
    }
}

impl Default for Causal {
    fn default() -> Causal {
        Causal::new()
    }
}

impl Causal {
    pub fn new() -> Causal {
        Causal { watch: Watch::of_streams(), order: CausalOrder::new(Duration::MAX) }
    }

    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// A connection to a node is there; it begins with the node's snapshot.
    pub fn joined(&mut self, snapshot: &NodeState) -> Vec<Violation> {
        self.take(snapshot.node, Heard::Joined(Box::new(snapshot.clone())))
    }

    /// The connection to a node is gone, or events of it were lost.
    pub fn closed(&mut self, node: NodeId) -> Vec<Violation> {
        self.take(node, Heard::Closed(node))
    }

    /// The node is gone with its disk: another one may come under its id.
    pub fn left(&mut self, node: NodeId) -> Vec<Violation> {
        self.take(node, Heard::Left(node))
    }

    pub fn event(&mut self, event: Event) -> Vec<Violation> {
        self.take(event.node, Heard::Event(event))
    }

    /// To be asked now and then, when all that the nodes told until the last time has surely been heard: gives what was
    /// suspected then and has not been explained since. At the end of a recording it is asked twice.
    pub fn settled(&mut self) -> Option<Violation> {
        self.watch.settled()
    }

    fn take(&mut self, node: NodeId, heard: Heard) -> Vec<Violation> {
        self.order.push(Duration::ZERO, Lane::Node(node), heard);
        let mut found = Vec::new();
        while let Some(Released { item, missing, .. }) = self.order.next(Duration::ZERO) {
            if let Some(sender) = missing {
                self.watch.missed(sender);
            }
            found.extend(self.give(item));
        }
        found
    }

    fn give(&mut self, heard: Heard) -> Option<Violation> {
        match heard {
            Heard::Joined(snapshot) => return self.watch.joined(&snapshot),
            Heard::Event(event) => return self.watch.event(&event),
            Heard::Closed(node) => self.watch.missed(node),
            Heard::Left(node) => self.watch.left(node),
        }
        None
    }
}
