//! An entry that a node has acked and that is committed stays in its log: it is never deleted, and it is there after a
//! restart.

use std::collections::BTreeMap;

use crate::protocol::trace::{Event, Fact, NodeState, Preview};
use crate::protocol::{LogPoint, NodeId};
use crate::verify::invariants::observer::Observer;
use crate::verify::invariants::{Finding, Invariant, Source, source, violation};

#[derive(Default)]
pub(super) struct Durable {
    /// The greatest entry that each node has ever acked, or counted as its own copy.
    acked: BTreeMap<NodeId, (LogPoint, Source)>,
}

impl Durable {
    fn acked(&mut self, node: NodeId, point: LogPoint, source: Source) {
        let known = self.acked.get(&node);
        if known.is_none_or(|(known, _)| known.id < point.id) {
            self.acked.insert(node, (point, source));
        }
    }
}

impl Invariant for Durable {
    fn name(&self) -> &'static str {
        "acked is durable"
    }

    fn on_joined(&mut self, observer: &Observer, node: &NodeState, source: Source) -> Finding {
        let (acked, earlier) = *self.acked.get(&node.node)?;
        let (point, committed) = observer.ledger.last_below(acked.id)?;
        let observed = observer.node(node.node)?;
        if observed.has(point) || !observed.knows(point.position) && node.last().is_some() {
            return None;
        }
        let text = format!("{} acked {acked} and {point} is committed, but is no longer in its log", node.node);
        violation(self.name(), &[earlier, committed, source], text)
    }

    fn on_left(&mut self, node: NodeId) {
        self.acked.remove(&node);
    }

    fn on_event(&mut self, observer: &Observer, event: &Event, cut: &[Preview]) -> Finding {
        match &event.fact {
            Fact::Acked { up_to: Some(up_to), .. } => {
                let point = observer.node(event.node)?.point_of(*up_to)?;
                self.acked(event.node, point, source(event));
                None
            }
            Fact::Counted { from, up_to: Some(up_to), .. } if *from == event.node => {
                self.acked(event.node, *up_to, source(event));
                None
            }
            // The data folder with which it acked is gone, and the node reports that.
            Fact::Damaged { .. } => {
                self.on_left(event.node);
                None
            }
            Fact::FolderReplaced { node } => {
                self.on_left(*node);
                None
            }
            Fact::Truncated { .. } => {
                let lost = cut.iter().filter(|preview| !preview.forged).find_map(|preview| {
                    let (point, committed) = observer.ledger.at(preview.point.position)?;
                    (point == preview.point).then_some((point, committed))
                });
                let (point, committed) = lost?;
                let text = format!("{} deletes {point}, which is committed", event.node);
                violation(self.name(), &[committed, source(event)], text)
            }
            _ => None,
        }
    }
}
