//! The events that are due, by time. The next one in this queue is the simulation's only clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::protocol::{Envelope, NodeId};
use crate::verify::simulator::watchers::{News, Page};

/// Something that happens at a time. An event of a process names its run, and is void if the process has changed since.
#[derive(Clone, Debug)]
pub(super) enum Due {
    Message(Box<Envelope>),
    /// The links of a node report that the process of a peer has ended.
    PeerGone {
        node: NodeId,
        run: u64,
        peer: NodeId,
    },
    Tick {
        node: NodeId,
        run: u64,
    },
    Flushed {
        node: NodeId,
        run: u64,
    },
    Applied {
        node: NodeId,
        run: u64,
    },
    LogRead {
        node: NodeId,
        run: u64,
    },
    SnapshotTaken {
        node: NodeId,
        run: u64,
    },
    SnapshotRead {
        node: NodeId,
        run: u64,
    },
    SnapshotWritten {
        node: NodeId,
        run: u64,
    },
    SnapshotInstalled {
        node: NodeId,
        run: u64,
    },
    /// The writes that have arrived go into the core together.
    Batch {
        node: NodeId,
        run: u64,
    },
    Begin {
        fault: usize,
    },
    End {
        fault: usize,
    },
    Call {
        call: usize,
    },
    /// A client asks a node after a refusal by another one.
    Ask {
        call: usize,
        node: NodeId,
    },
    /// A client's request arrives at a node.
    Request {
        request: u64,
        node: NodeId,
    },
    /// A client that still waits for this attempt starts another one.
    Retry {
        call: usize,
        attempt: u64,
    },
    /// A voter is asked for its part of a quorum read.
    Probe {
        call: usize,
        round: u64,
        node: NodeId,
    },
    /// A watcher without a connection looks for a node.
    Watch {
        watcher: usize,
        connection: u64,
    },
    /// A watcher's connection reaches a node. The watcher has seen all changes up to `after`.
    Stream {
        watcher: usize,
        connection: u64,
        node: NodeId,
        after: u64,
    },
    /// The node looks for changes that it has not sent.
    Page(Page),
    /// A message arrives at a watcher.
    News {
        watcher: usize,
        connection: u64,
        news: News,
    },
    /// A watcher checks whether its node is silent.
    Quiet {
        watcher: usize,
        connection: u64,
    },
    /// An operator's request for a change of the members arrives at a node.
    Change {
        wanted: usize,
        attempt: u64,
        node: NodeId,
    },
    /// An operator that still waits for this attempt starts another one.
    ChangeRetry {
        wanted: usize,
        attempt: u64,
    },
    /// The client stops waiting.
    Timeout {
        call: usize,
    },
}

impl Due {
    /// The node that it concerns, and the run of its process if it is bound to one.
    pub(super) fn node(&self) -> Option<(NodeId, Option<u64>)> {
        match self {
            Due::Message(envelope) => Some((envelope.to, None)),
            Due::Request { node, .. }
            | Due::Probe { node, .. }
            | Due::Change { node, .. }
            | Due::Stream { node, .. } => Some((*node, None)),
            Due::PeerGone { node, run, .. }
            | Due::Tick { node, run }
            | Due::Flushed { node, run }
            | Due::Applied { node, run }
            | Due::LogRead { node, run }
            | Due::SnapshotTaken { node, run }
            | Due::SnapshotRead { node, run }
            | Due::SnapshotWritten { node, run }
            | Due::SnapshotInstalled { node, run }
            | Due::Page(Page { node, run, .. })
            | Due::Batch { node, run } => Some((*node, Some(*run))),
            Due::Begin { .. }
            | Due::End { .. }
            | Due::Call { .. }
            | Due::Ask { .. }
            | Due::Retry { .. }
            | Due::Watch { .. }
            | Due::News { .. }
            | Due::Quiet { .. }
            | Due::ChangeRetry { .. }
            | Due::Timeout { .. } => None,
        }
    }
}

/// Events of the same time come in the order in which they were put in.
#[derive(Default)]
pub(super) struct Queue {
    order: BinaryHeap<Reverse<(u64, u64, usize)>>,
    slots: Vec<Option<Due>>,
    free: Vec<usize>,
    count: u64,
}

impl Queue {
    pub(super) fn put(&mut self, at: u64, due: Due) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[slot] = Some(due);
        self.count += 1;
        self.order.push(Reverse((at, self.count, slot)));
    }

    pub(super) fn next_at(&self) -> Option<u64> {
        self.order.peek().map(|Reverse((at, ..))| *at)
    }

    pub(super) fn take(&mut self) -> Option<(u64, Due)> {
        let Reverse((at, _, slot)) = self.order.pop()?;
        self.free.push(slot);
        self.slots[slot].take().map(|due| (at, due))
    }
}
