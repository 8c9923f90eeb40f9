//! A leader's log only grows, by entries of its own epoch; only the leader of an epoch assigns its offsets.

use crate::protocol::trace::{Event, Fact, Preview, RoleName};
use crate::verify::invariants::observer::Observer;
use crate::verify::invariants::{Finding, Invariant, source, violation};

pub(super) struct AppendOnly;

impl Invariant for AppendOnly {
    fn name(&self) -> &'static str {
        "leader append-only"
    }

    fn on_event(&mut self, observer: &Observer, event: &Event, _: &[Preview]) -> Finding {
        let snapshot = &observer.node(event.node)?.snapshot;
        let leads = snapshot.role == RoleName::Leader;
        let node = event.node;
        let text = match &event.fact {
            Fact::Truncated { from, count, .. } if leads => {
                format!("{node} leads and deletes {count} entries from {from} on")
            }
            Fact::Injected { .. } if leads => format!("{node} leads and accepts forged entries"),
            Fact::Proposed { entry } => {
                let first = entry.first().map(|preview| preview.point.id)?;
                if leads && Some(first.epoch) == snapshot.epoch {
                    return None;
                }
                format!("{node} assigns {first} but does not lead that epoch")
            }
            _ => return None,
        };
        violation(self.name(), &[source(event)], text)
    }
}
