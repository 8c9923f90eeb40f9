//! The promised epoch is at least that of the log's last entry: a node follows no leader of a smaller epoch than that
//! of an entry that it holds.

use crate::protocol::trace::{Event, Fact, NodeState, Preview};
use crate::verify::invariants::observer::Observer;
use crate::verify::invariants::{Finding, Invariant, Source, source, violation};

pub(super) struct PromiseCovers;

impl PromiseCovers {
    fn covers(&self, node: &NodeState, source: Source) -> Finding {
        let last = node.last()?;
        if node.epoch >= Some(last.id.epoch) {
            return None;
        }
        let text = format!("{} has {last}, but promised only {:?}", node.node, node.epoch);
        violation(self.name(), &[source], text)
    }
}

impl Invariant for PromiseCovers {
    fn name(&self) -> &'static str {
        "the promise covers the log"
    }

    fn on_joined(&mut self, _: &Observer, node: &NodeState, source: Source) -> Finding {
        self.covers(node, source)
    }

    fn on_event(&mut self, observer: &Observer, event: &Event, _: &[Preview]) -> Finding {
        match &event.fact {
            Fact::Proposed { .. } | Fact::Consistent { .. } | Fact::Injected { .. } => {
                self.covers(&observer.node(event.node)?.snapshot, source(event))
            }
            _ => None,
        }
    }
}
