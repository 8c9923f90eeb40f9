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

    /// The node is gone with its disk: whoever comes under its id is another one.
    pub fn left(&mut self, node: NodeId) -> Vec<Violation> {
        let found = self.closed(node);
        self.streams.remove(&node);
        self.watch.left(node);
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
        while let Some(node) = self.ready().or_else(|| self.unheard()) {
            found.extend(self.give_one(node));
        }
        found
    }

    /// A node that waits for what another has sent before anybody watched that one: no event will tell it. Surely so if
    /// the two wait for each other, perhaps over others, since nobody receives what it causes itself.
    fn unheard(&self) -> Option<NodeId> {
        let awaited = |node: NodeId| self.streams.get(&node)?.waiting.front().and_then(|event| self.awaited(event));
        let in_circle = |node: &NodeId| {
            let mut next = awaited(*node);
            for _ in 0..self.streams.len() {
                match next {
                    Some(other) if other == *node => return true,
                    Some(other) => next = awaited(other),
                    None => return false,
                }
            }
            false
        };
        let told_nothing = |node: &NodeId| {
            awaited(*node).and_then(|sender| self.streams.get(&sender)).is_some_and(|sender| sender.sent == 0)
        };
        self.streams.keys().copied().find(|node| told_nothing(node) && in_circle(node))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Time;

    const HERE: NodeId = NodeId(1);
    const THERE: NodeId = NodeId(2);

    fn sent(to: NodeId, number: u64) -> Fact {
        Fact::Sent { to, number, kind: "ack".into(), epoch: None, about: None, entries: 0, bytes: 0 }
    }

    fn received(from: NodeId, number: u64) -> Fact {
        Fact::Received { from, number, kind: "ack".into() }
    }

    fn tell(causal: &mut Causal, node: NodeId, facts: &[Fact]) {
        for fact in facts {
            let told = causal.streams[&node].waiting.back().map(|event| event.number);
            let number = told.or(causal.watch.snapshot(node).map(|seen| seen.event)).unwrap_or(0) + 1;
            let found = causal.event(Event { node, number, time: Time(number), fact: fact.clone() });
            assert!(found.is_empty(), "{found:?}");
        }
    }

    fn waiting(causal: &Causal) -> Vec<usize> {
        causal.streams.values().map(|stream| stream.waiting.len()).collect()
    }

    #[test]
    fn nobody_waits_for_ever_for_what_was_sent_before_somebody_watched() {
        let mut causal = Causal::new();
        causal.joined(&Snapshot::new(HERE));
        causal.joined(&Snapshot::new(THERE));
        tell(&mut causal, HERE, &[sent(THERE, 7), received(THERE, 1), sent(THERE, 8)]);
        assert_eq!(waiting(&causal), [2, 0], "the other may still tell it");
        // Its first message, to which the eighth is no answer, left before.
        tell(&mut causal, THERE, &[received(HERE, 8), sent(HERE, 2)]);
        assert_eq!(waiting(&causal), [0, 0]);
    }

    #[test]
    fn a_reception_waits_for_its_sending() {
        let mut causal = Causal::new();
        causal.joined(&Snapshot::new(HERE));
        causal.joined(&Snapshot::new(THERE));
        tell(&mut causal, THERE, &[received(HERE, 3), sent(HERE, 1)]);
        tell(&mut causal, HERE, &[sent(THERE, 2)]);
        assert_eq!(waiting(&causal), [0, 2]);
        tell(&mut causal, HERE, &[sent(THERE, 3), received(THERE, 1)]);
        assert_eq!(waiting(&causal), [0, 0]);
    }
}
