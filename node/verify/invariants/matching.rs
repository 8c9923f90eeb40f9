//! Log matching, by id and digest: an id names one entry at one position in all logs. Since the digest covers all
//! earlier entries, two logs with an id in common are equal up to it.

use std::collections::BTreeMap;

use crate::protocol::trace::{Event, Fact, NodeState, Preview};
use crate::protocol::{EntryId, LogPoint};
use crate::verify::invariants::observer::Observer;
use crate::verify::invariants::{Finding, Invariant, Source, source, violation};

/// How many entries are remembered.
const REMEMBERED: usize = 200_000;

#[derive(Default)]
pub(super) struct Matching {
    entries: BTreeMap<EntryId, (LogPoint, Source)>,
}

impl Matching {
    fn all(&mut self, entries: &[Preview], source: Source) -> Finding {
        entries.iter().filter(|preview| !preview.forged).find_map(|preview| self.holds(preview.point, source))
    }

    fn holds(&mut self, point: LogPoint, source: Source) -> Finding {
        let (known, earlier) = *self.entries.entry(point.id).or_insert((point, source));
        if self.entries.len() > REMEMBERED {
            self.entries.pop_first();
        }
        if known == point {
            return None;
        }
        let text = format!(
            "{} is {known} at position {} at {}, and {point} at position {} at {}",
            point.id, known.position, earlier.node, point.position, source.node
        );
        violation(self.name(), &[earlier, source], text)
    }
}

impl Invariant for Matching {
    fn name(&self) -> &'static str {
        "log matching"
    }

    fn on_joined(&mut self, _: &Observer, node: &NodeState, source: Source) -> Finding {
        self.all(&node.tail, source)
    }

    fn on_event(&mut self, _: &Observer, event: &Event, _: &[Preview]) -> Finding {
        match &event.fact {
            Fact::Proposed { entry } => self.all(entry, source(event)),
            Fact::Consistent { entries, .. } => self.all(entries, source(event)),
            _ => None,
        }
    }
}
