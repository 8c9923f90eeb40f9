//! At each node: what the log gave up ≤ what a snapshot holds ≤ what is applied; and after a snapshot the log goes on
//! without a gap.

use crate::protocol::trace::{Event, Fact, NodeState, Preview};
use crate::protocol::{LogPoint, Position};
use crate::verify::invariants::sight::{Seen, Sight};
use crate::verify::invariants::{Found, Rule, Source, source, violation};

pub(super) struct Snapshots;

impl Snapshots {
    fn in_order(&self, seen: &Seen, source: Source) -> Found {
        let NodeState { node, purged, snapshot, applied, .. } = &seen.snapshot;
        // A node whose newest snapshot is damaged takes another one; until then it has none.
        let covered = snapshot.is_none() || position(*purged) <= position(*snapshot);
        if covered && position(*snapshot) <= position(*applied) && position(*purged) <= position(*applied) {
            return None;
        }
        let text = format!(
            "{node} has given up its log up to {}, has a snapshot of {}, and has applied {}",
            show(*purged),
            show(*snapshot),
            show(*applied)
        );
        violation(self.name(), &[source], text)
    }

    /// The first entry after what was given up follows it.
    fn without_gap(&self, seen: &Seen, source: Source) -> Found {
        let (Some(purged), Some(first)) = (seen.snapshot.purged, seen.snapshot.tail.first()) else { return None };
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

impl Rule for Snapshots {
    fn name(&self) -> &'static str {
        "given up ≤ snapshot ≤ applied"
    }

    fn on_joined(&mut self, sight: &Sight, node: &NodeState, source: Source) -> Found {
        self.in_order(sight.node(node.node)?, source)
    }

    fn on_event(&mut self, sight: &Sight, event: &Event, _: &[Preview]) -> Found {
        let seen = sight.node(event.node)?;
        match &event.fact {
            Fact::SnapshotTaken { .. } | Fact::Compacted { .. } => self.in_order(seen, source(event)),
            // Of a longer log only the end is known, so its first entry need not be the first of all.
            Fact::Consistent { .. } | Fact::Injected { .. } if seen.snapshot.tail.len() < NodeState::TAIL_MAX / 2 => {
                self.without_gap(seen, source(event))
            }
            _ => None,
        }
    }
}
