//! At each node: applied ≤ committed ≤ the last entry that is not forged.

use crate::protocol::trace::{Event, Fact, NodeState, Preview};
use crate::protocol::{LogPoint, Position};
use crate::verify::invariants::sight::{Seen, Sight};
use crate::verify::invariants::{Found, Rule, Source, source, violation};

pub(super) struct Marks;

impl Marks {
    fn in_order(&self, seen: &Seen, source: Source) -> Found {
        let NodeState { node, applied, committed, tail, .. } = &seen.snapshot;
        let last = seen.last_genuine();
        // A snapshot need not have any of the log.
        let known = !tail.is_empty();
        if position(*applied) <= position(*committed) && (!known || position(*committed) <= position(last)) {
            return None;
        }
        let show = |point: Option<LogPoint>| point.map_or("nothing".to_owned(), |point| point.to_string());
        let text =
            format!("{node} has applied {}, committed {}, and holds {}", show(*applied), show(*committed), show(last));
        violation(self.name(), &[source], text)
    }
}

fn position(point: Option<LogPoint>) -> Option<Position> {
    point.map(|point| point.position)
}

impl Rule for Marks {
    fn name(&self) -> &'static str {
        "applied ≤ committed ≤ last"
    }

    fn on_joined(&mut self, sight: &Sight, node: &NodeState, source: Source) -> Found {
        self.in_order(sight.node(node.node)?, source)
    }

    fn on_event(&mut self, sight: &Sight, event: &Event, _: &[Preview]) -> Found {
        match &event.fact {
            Fact::Committed { .. } | Fact::Finalized { .. } | Fact::Truncated { .. } => {
                self.in_order(sight.node(event.node)?, source(event))
            }
            _ => None,
        }
    }
}
