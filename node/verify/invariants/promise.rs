//! The promised epoch is never below that of the log's last entry: a node follows nobody of a smaller epoch than what it
//! holds.

use crate::protocol::trace::{Event, Fact, NodeState, Preview};
use crate::verify::invariants::sight::Sight;
use crate::verify::invariants::{Found, Rule, Source, source, violation};

pub(super) struct PromiseCovers;

impl PromiseCovers {
    fn covers(&self, node: &NodeState, source: Source) -> Found {
        let last = node.last()?;
        if node.epoch >= Some(last.id.epoch) {
            return None;
        }
        let text = format!("{} holds {last} and has promised {:?} only", node.node, node.epoch);
        violation(self.name(), &[source], text)
    }
}

impl Rule for PromiseCovers {
    fn name(&self) -> &'static str {
        "the promise covers the log"
    }

    fn on_joined(&mut self, _: &Sight, node: &NodeState, source: Source) -> Found {
        self.covers(node, source)
    }

    fn on_event(&mut self, sight: &Sight, event: &Event, _: &[Preview]) -> Found {
        match &event.fact {
            Fact::Proposed { .. } | Fact::Consistent { .. } | Fact::Injected { .. } => {
                self.covers(&sight.node(event.node)?.snapshot, source(event))
            }
            _ => None,
        }
    }
}
