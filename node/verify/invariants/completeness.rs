//! Leader completeness: the leader of an epoch holds everything that was committed in earlier epochs, whether that was
//! observed before its election or later.

use std::collections::BTreeMap;

use crate::protocol::trace::{Event, Fact, Preview};
use crate::protocol::{Epoch, LogPoint, NodeId};
use crate::verify::invariants::observer::Observer;
use crate::verify::invariants::{Finding, Invariant, Source, source, violation};

/// How many leaderships are remembered.
const REMEMBERED: usize = 1_000;

#[derive(Default)]
pub(super) struct Completeness {
    elected: BTreeMap<Epoch, (NodeId, Source)>,
}

impl Completeness {
    fn must_hold(&self, observer: &Observer, point: LogPoint, leader: (Epoch, NodeId), evidence: &[Source]) -> Finding {
        let (epoch, node) = leader;
        let observed = observer.node(node)?;
        if !observed.knows(point.position) || observed.has(point) || observed.snapshot.epoch < Some(epoch) {
            return None;
        }
        let found = observed.at(point.position).map_or("nothing".to_owned(), |preview| preview.point.to_string());
        let text = format!(
            "{node} leads {epoch} and holds {found} at position {}, where {point} is committed",
            point.position
        );
        violation(self.name(), evidence, text)
    }
}

impl Invariant for Completeness {
    fn name(&self) -> &'static str {
        "leader completeness"
    }

    fn on_left(&mut self, node: NodeId) {
        self.elected.retain(|_, (leader, _)| *leader != node);
    }

    fn on_event(&mut self, observer: &Observer, event: &Event, _: &[Preview]) -> Finding {
        match &event.fact {
            Fact::Elected { epoch, .. } => {
                self.elected.insert(*epoch, (event.node, source(event)));
                if self.elected.len() > REMEMBERED {
                    self.elected.pop_first();
                }
                let (point, earlier) = observer.ledger.last_before(*epoch)?;
                self.must_hold(observer, point, (*epoch, event.node), &[earlier, source(event)])
            }
            Fact::Committed { up_to, .. } => {
                let mut later = self.elected.range(Epoch(up_to.id.epoch.0 + 1)..);
                later.find_map(|(epoch, (node, elected))| {
                    self.must_hold(observer, *up_to, (*epoch, *node), &[*elected, source(event)])
                })
            }
            _ => None,
        }
    }
}
