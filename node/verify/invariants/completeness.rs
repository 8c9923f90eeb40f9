//! Leader completeness: whoever leads an epoch holds everything that was committed in the epochs before it, whether that
//! was known before its election or comes out later.

use std::collections::BTreeMap;

use crate::protocol::trace::{Event, Fact, Preview};
use crate::protocol::{Epoch, LogPoint, NodeId};
use crate::verify::invariants::sight::Sight;
use crate::verify::invariants::{Found, Rule, Source, source, violation};

/// How many leaderships are remembered.
const REMEMBERED: usize = 1_000;

#[derive(Default)]
pub(super) struct Completeness {
    elected: BTreeMap<Epoch, (NodeId, Source)>,
}

impl Completeness {
    fn must_hold(&self, sight: &Sight, point: LogPoint, leader: (Epoch, NodeId), evidence: &[Source]) -> Found {
        let (epoch, node) = leader;
        let seen = sight.node(node)?;
        if !seen.knows(point.position) || seen.has(point) || seen.snapshot.epoch < Some(epoch) {
            return None;
        }
        let found = seen.at(point.position).map_or("nothing".to_owned(), |preview| preview.point.to_string());
        let text = format!(
            "{node} leads {epoch} and holds {found} at position {}, where {point} is committed",
            point.position
        );
        violation(self.name(), evidence, text)
    }
}

impl Rule for Completeness {
    fn name(&self) -> &'static str {
        "leader completeness"
    }

    fn on_left(&mut self, node: NodeId) {
        self.elected.retain(|_, (leader, _)| *leader != node);
    }

    fn on_event(&mut self, sight: &Sight, event: &Event, _: &[Preview]) -> Found {
        match &event.fact {
            Fact::Elected { epoch, .. } => {
                self.elected.insert(*epoch, (event.node, source(event)));
                if self.elected.len() > REMEMBERED {
                    self.elected.pop_first();
                }
                let (point, earlier) = sight.ledger.last_before(*epoch)?;
                self.must_hold(sight, point, (*epoch, event.node), &[earlier, source(event)])
            }
            Fact::Committed { up_to, .. } => {
                let mut later = self.elected.range(Epoch(up_to.id.epoch.0 + 1)..);
                later.find_map(|(epoch, (node, elected))| {
                    self.must_hold(sight, *up_to, (*epoch, *node), &[*elected, source(event)])
                })
            }
            _ => None,
        }
    }
}
