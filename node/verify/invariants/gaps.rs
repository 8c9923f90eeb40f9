//! Offsets count from 0 in each epoch without gaps, positions from 1, and epochs never go back along a log.

use crate::protocol::trace::{Event, Fact, NodeState, Preview};
use crate::protocol::{LogPoint, Position};
use crate::verify::invariants::sight::Sight;
use crate::verify::invariants::{Found, Rule, Source, source, violation};

pub(super) struct Gaps;

impl Gaps {
    fn in_tail(&self, tail: &[Preview], from: usize, source: Source) -> Found {
        let first = from.saturating_sub(1);
        let pairs = tail[first..].windows(2);
        let broken = pairs.map(|pair| (pair[0].point, pair[1].point)).find(|(before, after)| !follows(*before, *after));
        let (before, after) = broken?;
        let text = format!(
            "the log of {} goes from {before} at position {} to {after} at position {}",
            source.node, before.position, after.position
        );
        violation(self.name(), &[source], text)
    }
}

/// The next offset of the same epoch, or offset 0 of a greater one.
fn follows(before: LogPoint, after: LogPoint) -> bool {
    let offset = if before.id.epoch == after.id.epoch { before.id.offset.0 + 1 } else { 0 };
    after.position == before.position.next() && after.id.epoch >= before.id.epoch && after.id.offset.0 == offset
}

impl Rule for Gaps {
    fn name(&self) -> &'static str {
        "offsets without gaps"
    }

    fn on_joined(&mut self, _: &Sight, node: &NodeState, source: Source) -> Found {
        self.in_tail(&node.tail, 0, source)
    }

    fn on_event(&mut self, sight: &Sight, event: &Event, _: &[Preview]) -> Found {
        let entries = match &event.fact {
            Fact::Proposed { entry } => entry,
            Fact::Consistent { entries, .. } | Fact::Injected { entries } => entries,
            _ => return None,
        };
        let first = entries.first()?.point;
        if first.position == Position::FIRST && first.id.offset.0 != 0 {
            let text = format!("the log of {} begins with {first}", event.node);
            return violation(self.name(), &[source(event)], text);
        }
        let tail = &sight.node(event.node)?.snapshot.tail;
        let from = tail.partition_point(|preview| preview.point.position < first.position);
        self.in_tail(tail, from, source(event))
    }
}
