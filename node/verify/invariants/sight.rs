//! What a watcher knows: each node as its snapshot and events tell it, and what is committed.

use std::collections::BTreeMap;

use crate::protocol::trace::{Event, Fact, NodeState, Preview};
use crate::protocol::{EntryId, Epoch, LogPoint, NodeId, Position};
use crate::verify::invariants::committed::Ledger;
use crate::verify::invariants::{Found, Source};

#[derive(Default)]
pub(super) struct Sight {
    nodes: BTreeMap<NodeId, Seen>,
    /// A node may be heard so late that events of others which follow from its own come first.
    pub(super) lags: bool,
    pub(super) ledger: Ledger,
}

pub(super) struct Seen {
    pub(super) snapshot: NodeState,
    /// Events of this node may have been missed in epochs up to this one, or will be.
    pub(super) blind: Option<Epoch>,
    /// A gap in the events: nothing is known until it joins again.
    lost: bool,
}

impl Sight {
    /// None if the node is not watched, or events of it are missing at present.
    pub(super) fn node(&self, id: NodeId) -> Option<&Seen> {
        self.nodes.get(&id).filter(|seen| !seen.lost)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = NodeId> {
        self.nodes.keys().copied()
    }

    /// Whether all that this node did in the epoch was seen.
    pub(super) fn saw_all(&self, id: NodeId, epoch: Option<Epoch>) -> bool {
        let may_lag = self.lags && self.node(id).is_some_and(|seen| seen.snapshot.epoch <= epoch);
        self.heard_all(id, epoch) && !may_lag
    }

    /// The same, if nobody lags.
    pub(super) fn heard_all(&self, id: NodeId, epoch: Option<Epoch>) -> bool {
        self.node(id).is_some_and(|seen| seen.blind < epoch)
    }

    pub(super) fn join(&mut self, snapshot: &NodeState, missed: bool, source: Source) -> Found {
        let before = self.nodes.get(&snapshot.node).and_then(|seen| seen.blind);
        let blind = if missed { snapshot.epoch } else { before };
        let known = Seen { snapshot: snapshot.clone(), blind, lost: false };
        self.nodes.insert(snapshot.node, known);
        let seen = &self.nodes[&snapshot.node];
        self.ledger.learn_snapshot(seen, source)
    }

    pub(super) fn leave(&mut self, id: NodeId) {
        self.nodes.remove(&id);
    }

    pub(super) fn miss(&mut self, id: NodeId) {
        if let Some(seen) = self.nodes.get_mut(&id) {
            seen.blind = Some(Epoch(u64::MAX));
        }
    }

    /// An event that changes nothing here, but for its number.
    pub(super) fn pass(&mut self, event: &Event) {
        if let Some(seen) = self.nodes.get_mut(&event.node) {
            seen.count(event);
        }
    }

    /// Brings the node's state up to date; `cut` gets the entries that the event deleted. False if the event cannot be
    /// used: the node is not watched, or events before this one are missing.
    pub(super) fn fold(&mut self, event: &Event, cut: &mut Vec<Preview>) -> bool {
        let Some(seen) = self.nodes.get_mut(&event.node) else { return false };
        if !seen.count(event) {
            return false;
        }
        if let Fact::Truncated { from, .. } = &event.fact {
            let tail = &seen.snapshot.tail;
            cut.extend_from_slice(&tail[tail.partition_point(|preview| preview.point.id < *from)..]);
        }
        seen.snapshot.fold(&event.fact);
        true
    }

    /// What the event says of commits.
    pub(super) fn learn(&mut self, event: &Event) -> Found {
        self.ledger.learn(self.nodes.get(&event.node)?, event)
    }
}

impl Seen {
    /// False if events were missed.
    fn count(&mut self, event: &Event) -> bool {
        self.lost = self.lost || event.number != self.snapshot.event + 1;
        self.snapshot.event = event.number;
        !self.lost
    }

    pub(super) fn at(&self, position: Position) -> Option<&Preview> {
        let tail = &self.snapshot.tail;
        let first = tail.first()?.point.position.0;
        tail.get(position.0.checked_sub(first)? as usize)
    }

    /// Whether the log is known at a position: if not, it says nothing that there is no entry.
    pub(super) fn knows(&self, position: Position) -> bool {
        let first = self.snapshot.tail.first().map(|preview| preview.point.position);
        match first {
            Some(first) => first <= position,
            None => self.snapshot.committed.is_none() && self.snapshot.event > 0,
        }
    }

    /// Whether it holds this very entry, not as a forged one.
    pub(super) fn has(&self, point: LogPoint) -> bool {
        self.at(point.position).is_some_and(|preview| preview.point == point && !preview.forged)
    }

    pub(super) fn point_of(&self, id: EntryId) -> Option<LogPoint> {
        let tail = &self.snapshot.tail;
        let index = tail.partition_point(|preview| preview.point.id < id);
        tail.get(index).map(|preview| preview.point).filter(|point| point.id == id)
    }

    /// The last entry that is not forged.
    pub(super) fn last_genuine(&self) -> Option<LogPoint> {
        let genuine = self.snapshot.tail.iter().rev().find(|preview| !preview.forged).map(|preview| preview.point);
        genuine.or(self.snapshot.purged)
    }
}
