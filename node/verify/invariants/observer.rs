//! The observer's knowledge: the state of each node as its snapshot and events tell it, and the committed entries.

use std::collections::BTreeMap;

use crate::protocol::trace::{Event, Fact, NodeState, Preview};
use crate::protocol::{EntryId, Epoch, LogPoint, NodeId, Position};
use crate::verify::invariants::committed::Ledger;
use crate::verify::invariants::{Finding, Source};

#[derive(Default)]
pub(super) struct Observer {
    nodes: BTreeMap<NodeId, ObservedNode>,
    /// Connections may lag: events that follow from a node's event may come before it.
    pub(super) lags: bool,
    pub(super) ledger: Ledger,
}

pub(super) struct ObservedNode {
    pub(super) snapshot: NodeState,
    /// Events of this node may be missing in epochs up to this one.
    pub(super) blind: Option<Epoch>,
    /// Events are missing: nothing is known until the node joins again.
    lost: bool,
}

impl Observer {
    /// `None` if the node is not watched, or events of it are missing.
    pub(super) fn node(&self, id: NodeId) -> Option<&ObservedNode> {
        self.nodes.get(&id).filter(|observed| !observed.lost)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = NodeId> {
        self.nodes.keys().copied()
    }

    /// Whether all events of this node in the epoch were observed.
    pub(super) fn saw_all(&self, id: NodeId, epoch: Option<Epoch>) -> bool {
        let may_lag = self.lags && self.node(id).is_some_and(|observed| observed.snapshot.epoch <= epoch);
        self.heard_all(id, epoch) && !may_lag
    }

    /// The same, if no connection lags.
    pub(super) fn heard_all(&self, id: NodeId, epoch: Option<Epoch>) -> bool {
        self.node(id).is_some_and(|observed| observed.blind < epoch)
    }

    pub(super) fn join(&mut self, snapshot: &NodeState, missed: bool, source: Source) -> Finding {
        let before = self.nodes.get(&snapshot.node).and_then(|observed| observed.blind);
        let blind = if missed { snapshot.epoch } else { before };
        let known = ObservedNode { snapshot: snapshot.clone(), blind, lost: false };
        self.nodes.insert(snapshot.node, known);
        let observed = &self.nodes[&snapshot.node];
        self.ledger.learn_snapshot(observed, source)
    }

    pub(super) fn leave(&mut self, id: NodeId) {
        self.nodes.remove(&id);
    }

    pub(super) fn miss(&mut self, id: NodeId) {
        if let Some(observed) = self.nodes.get_mut(&id) {
            observed.blind = Some(Epoch(u64::MAX));
        }
    }

    /// Counts an event that changes nothing here.
    pub(super) fn pass(&mut self, event: &Event) {
        if let Some(observed) = self.nodes.get_mut(&event.node) {
            observed.count(event);
        }
    }

    /// Updates the node's state; `cut` gets the entries that the event deleted. False if the event cannot be used: the
    /// node is not watched, or earlier events are missing.
    pub(super) fn fold(&mut self, event: &Event, cut: &mut Vec<Preview>) -> bool {
        let Some(observed) = self.nodes.get_mut(&event.node) else { return false };
        if !observed.count(event) {
            return false;
        }
        if let Fact::Truncated { from, .. } = &event.fact {
            let tail = &observed.snapshot.tail;
            cut.extend_from_slice(&tail[tail.partition_point(|preview| preview.point.id < *from)..]);
        }
        observed.snapshot.fold(&event.fact);
        true
    }

    /// Takes what the event says about commits.
    pub(super) fn learn(&mut self, event: &Event) -> Finding {
        self.ledger.learn(self.nodes.get(&event.node)?, event)
    }
}

impl ObservedNode {
    /// False if events are missing.
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

    /// Whether the log is known at a position. Where it is not, a missing entry means nothing.
    pub(super) fn knows(&self, position: Position) -> bool {
        let first = self.snapshot.tail.first().map(|preview| preview.point.position);
        match first {
            Some(first) => first <= position,
            None => self.snapshot.committed.is_none() && self.snapshot.event > 0,
        }
    }

    /// Whether it holds this entry, and not as a forged one.
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
