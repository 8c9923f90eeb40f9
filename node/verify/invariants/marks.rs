//! At each node: applied ≤ committed ≤ the last entry that is not forged.

use crate::protocol::trace::{Event, Fact, NodeState, Preview};
use crate::protocol::{LogPoint, Position};
use crate::verify::invariants::observer::{ObservedNode, Observer};
use crate::verify::invariants::{Finding, Invariant, Source, source, violation};

pub(super) struct Marks;

impl Marks {
    fn in_order(&self, observed: &ObservedNode, source: Source) -> Finding {
        let NodeState { node, applied, committed, tail, .. } = &observed.snapshot;
        let last = observed.last_genuine();
        // A snapshot may come without entries.
        let known = !tail.is_empty();
        if position(*applied) <= position(*committed) && (!known || position(*committed) <= position(last)) {
            return None;
        }
        let show = |point: Option<LogPoint>| point.map_or("nothing".to_owned(), |point| point.to_string());
        let text = format!(
            "{node} has applied {}, committed {}, and its log ends with {}",
            show(*applied),
            show(*committed),
            show(last)
        );
        violation(self.name(), &[source], text)
    }
}

fn position(point: Option<LogPoint>) -> Option<Position> {
    point.map(|point| point.position)
}

impl Invariant for Marks {
    fn name(&self) -> &'static str {
        "applied ≤ committed ≤ last"
    }

    fn on_joined(&mut self, observer: &Observer, node: &NodeState, source: Source) -> Finding {
        self.in_order(observer.node(node.node)?, source)
    }

    fn on_event(&mut self, observer: &Observer, event: &Event, _: &[Preview]) -> Finding {
        match &event.fact {
            Fact::Committed { .. } | Fact::Finalized { .. } | Fact::Truncated { .. } => {
                self.in_order(observer.node(event.node)?, source(event))
            }
            _ => None,
        }
    }
}
