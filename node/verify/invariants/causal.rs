//! Watches a live cluster with one connection for each node. The events are brought into happens-before order
//! ([`CausalOrder`]) and given to a [`Watch`].
//!
//! There is no clock here: an event waits for its cause until [`WAITING_MAX`](crate::verify::order::WAITING_MAX) events
//! of its node wait. Then events of the sender count as missed.

use std::time::Duration;

use crate::protocol::NodeId;
use crate::protocol::trace::{Event, NodeState};
use crate::verify::invariants::{Violation, Watch};
use crate::verify::order::{CausalOrder, Item, Lane, Released, Step};

/// A [`Watch`] for events that come over several connections.
pub struct Causal {
    watch: Watch,
    order: CausalOrder<Input>,
}

enum Input {
    Joined(Box<NodeState>),
    Event(Event),
    Closed(NodeId),
    Left(NodeId),
}

impl Item for Input {
    fn step(&self) -> Step<'_> {
        match self {
            Input::Joined(snapshot) => Step::Joined(snapshot),
            Input::Event(event) => Step::Event(event),
            Input::Closed(_) => Step::Closed,
            Input::Left(_) => Step::Left,
        }
    }
}

impl Default for Causal {
    fn default() -> Causal {
        Causal::new()
    }
}

impl Causal {
    /// A watch of no node yet.
    pub fn new() -> Causal {
        Causal { watch: Watch::of_streams(), order: CausalOrder::new(Duration::MAX) }
    }

    /// What was observed so far.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// A connection to a node begins, with the node's snapshot.
    pub fn joined(&mut self, snapshot: &NodeState) -> Vec<Violation> {
        self.take(snapshot.node, Input::Joined(Box::new(snapshot.clone())))
    }

    /// The connection to a node has ended, or events of it were lost.
    pub fn closed(&mut self, node: NodeId) -> Vec<Violation> {
        self.take(node, Input::Closed(node))
    }

    /// The node is gone with its disk. The next one under its id is another node.
    pub fn left(&mut self, node: NodeId) -> Vec<Violation> {
        self.take(node, Input::Left(node))
    }

    /// Takes an event as it arrives. Returns the violations that it and released events show.
    pub fn event(&mut self, event: Event) -> Vec<Violation> {
        self.take(event.node, Input::Event(event))
    }

    /// To be called now and then, when every event that the nodes had sent at the previous call has arrived. Returns
    /// what was suspected then and is not explained. At the end of a recording it is called twice.
    pub fn settled(&mut self) -> Option<Violation> {
        self.watch.settled()
    }

    fn take(&mut self, node: NodeId, input: Input) -> Vec<Violation> {
        self.order.push(Duration::ZERO, Lane::Node(node), input);
        let mut found = Vec::new();
        while let Some(Released { item, missing, .. }) = self.order.next(Duration::ZERO) {
            if let Some(sender) = missing {
                self.watch.missed(sender);
            }
            found.extend(self.give(item));
        }
        found
    }

    fn give(&mut self, input: Input) -> Option<Violation> {
        match input {
            Input::Joined(snapshot) => return self.watch.joined(&snapshot),
            Input::Event(event) => return self.watch.event(&event),
            Input::Closed(node) => self.watch.missed(node),
            Input::Left(node) => self.watch.left(node),
        }
        None
    }
}
