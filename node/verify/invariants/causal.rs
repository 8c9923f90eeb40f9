//! Brings the events of a live cluster into an order in which each message is sent before it is received, and watches
//! them.
//!
//! A watcher hears the nodes over separate connections, so it may learn of a reception before it learns of the sending. The
//! reception is kept back, and with it all that the same node tells after it, until the sender has told that it sent.
//! That may never come: the sender died, or its events were lost. Then waiting ends, at the latest when
//! [`WAITING_MAX`] events of one node are kept back, and the sender counts as one whose events were missed.
//!
//! A weakness: messages are numbered from the start of a process, so one of a node's next process may pass for one of the
//! last. What a node that seems to be behind may have done counts as unknown for that reason.

use std::collections::{BTreeMap, VecDeque};

use crate::protocol::NodeId;
use crate::protocol::trace::{Event, Fact, Snapshot};
use crate::verify::invariants::{Violation, Watch};

/// How many events of one node are kept back at most.
pub const WAITING_MAX: usize = 5_000;

/// A [`Watch`] for events that come over one connection for each node.
pub struct Causal {
    watch: Watch,
    streams: BTreeMap<NodeId, Stream>,
}

#[derive(Default)]
struct Stream {
    /// Not yet given to the watch, oldest first.
    waiting: VecDeque<Event>,
    /// The latest message that the node has told to have sent.
    sent: u64,
    /// The connection is broken: nothing more will come.
    closed: bool,
}

impl Default for Causal {
    fn default() -> Causal {
        Causal::new()
    }
}

impl Causal {
    pub fn new() -> Causal {
        Causal { watch: Watch::of_streams(), streams: BTreeMap::new() }
    }

    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// A connection to a node is there; it begins with the node's snapshot.
    pub fn joined(&mut self, snapshot: &Snapshot) -> Vec<Violation> {
        let mut found = self.closed(snapshot.node);
        self.streams.insert(snapshot.node, Stream::default());
        found.extend(self.watch.joined(snapshot));
        found
    }

    /// The connection to a node is gone: nobody waits for what it has not told.
    pub fn closed(&mut self, node: NodeId) -> Vec<Violation> {
        let mut found = Vec::new();
        // What it has told did happen, whatever it waits for.
        while self.streams.get(&node).is_some_and(|stream| !stream.waiting.is_empty()) {
            found.extend(self.wait_no_longer(node));
        }
        if let Some(stream) = self.streams.get_mut(&node) {
            stream.closed = true;
            self.watch.missed(node);
            found.extend(self.give());
        }
        found
    }

    pub fn event(&mut self, event: Event) -> Vec<Violation> {
        let node = event.node;
        let Some(stream) = self.streams.get_mut(&node) else { return Vec::new() };
        stream.waiting.push_back(event);
        let mut found = self.give();
        while self.streams[&node].waiting.len() > WAITING_MAX {
            found.extend(self.wait_no_longer(node));
        }
        found
    }

    /// To be asked now and then, when all that the nodes told until the last time has surely been heard: gives what was
    /// suspected then and has not been explained since. At the end of a recording it is asked twice.
    pub fn settled(&mut self) -> Option<Violation> {
        self.watch.settled()
    }

    /// Gives the watch all events that wait for nothing.
    fn give(&mut self) -> Vec<Violation> {
        let mut found = Vec::new();
        while let Some(node) = self.ready() {
            found.extend(self.give_one(node));
        }
        found
    }

    fn ready(&self) -> Option<NodeId> {
        let ready = |stream: &Stream| stream.waiting.front().is_some_and(|event| self.awaited(event).is_none());
        self.streams.iter().find(|(_, stream)| ready(stream)).map(|(node, _)| *node)
    }

    fn give_one(&mut self, node: NodeId) -> Option<Violation> {
        let stream = self.streams.get_mut(&node)?;
        let event = stream.waiting.pop_front()?;
        if let Fact::Sent { number, .. } = &event.fact {
            stream.sent = *number;
        }
        self.watch.event(&event)
    }

    /// Whose sending must be told before this event.
    fn awaited(&self, event: &Event) -> Option<NodeId> {
        let Fact::Received { from, number, .. } = &event.fact else { return None };
        let sender = self.streams.get(from)?;
        (!sender.closed && sender.sent < *number).then_some(*from)
    }

    fn wait_no_longer(&mut self, node: NodeId) -> Vec<Violation> {
        let awaited = self.streams[&node].waiting.front().and_then(|event| self.awaited(event));
        if let Some(sender) = awaited {
            self.watch.missed(sender);
        }
        let mut found: Vec<Violation> = self.give_one(node).into_iter().collect();
        found.extend(self.give());
        found
    }
}
