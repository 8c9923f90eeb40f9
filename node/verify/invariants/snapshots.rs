//! At each node: purged ≤ snapshot ≤ applied. And the log continues after a snapshot without a gap.

use crate::protocol::trace::{Event, Fact, NodeState, Preview};
use crate::protocol::{LogPoint, Position};
use crate::verify::invariants::observer::{ObservedNode, Observer};
use crate::verify::invariants::{Finding, Invariant, Source, source, violation};

pub(super) struct Snapshots;

impl Snapshots {
    fn in_order(&self, observed: &ObservedNode, source: Source) -> Finding {
        let NodeState { node, purged, snapshot, applied, .. } = &observed.snapshot;
        // A node whose newest snapshot is damaged takes another one. Until then it has none.
        let covered = snapshot.is_none() || position(*purged) <= position(*snapshot);
        if covered && position(*snapshot) <= position(*applied) && position(*purged) <= position(*applied) {
            return None;
        }
        let text = format!(
            "{node} compacted its log up to {}, has a snapshot of {}, and has applied {}",
            show(*purged),
            show(*snapshot),
            show(*applied)
        );
        violation(self.name(), &[source], text)
    }

    /// The first entry follows the last one that was purged.
    fn without_gap(&self, observed: &ObservedNode, source: Source) -> Finding {
        let (Some(purged), Some(first)) = (observed.snapshot.purged, observed.snapshot.tail.first()) else {
            return None;
        };
        let first = first.point;
        if first.position <= purged.position || first.position == purged.position.next() && follows(purged, first) {
            return None;
        }
        let text = format!(
            "the log of {} begins after {purged} at position {}, and its first entry is {first} at position {}",
            source.node, purged.position, first.position
        );
        violation(self.name(), &[source], text)
    }
}

fn follows(before: LogPoint, after: LogPoint) -> bool {
    let offset = if before.id.epoch == after.id.epoch { before.id.offset.0 + 1 } else { 0 };
    after.id.epoch >= before.id.epoch && after.id.offset.0 == offset
}

fn position(point: Option<LogPoint>) -> Option<Position> {
    point.map(|point| point.position)
}

fn show(point: Option<LogPoint>) -> String {
    point.map_or("nothing".to_owned(), |point| point.to_string())
}

impl Invariant for Snapshots {
    fn name(&self) -> &'static str {
        "given up ≤ snapshot ≤ applied"
    }

    fn on_joined(&mut self, observer: &Observer, node: &NodeState, source: Source) -> Finding {
        self.in_order(observer.node(node.node)?, source)
    }

    fn on_event(&mut self, observer: &Observer, event: &Event, _: &[Preview]) -> Finding {
        let observed = observer.node(event.node)?;
        match &event.fact {
            Fact::SnapshotTaken { .. } | Fact::Compacted { .. } => self.in_order(observed, source(event)),
            // Of a longer log only the end is known, so its first entry need not follow the purged one.
            Fact::Consistent { .. } | Fact::Injected { .. }
                if observed.snapshot.tail.len() < NodeState::TAIL_MAX / 2 =>
            {
                self.without_gap(observed, source(event))
            }
            _ => None,
        }
    }
}
