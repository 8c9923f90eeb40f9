//! Log matching, in id and digest: an id is one entry at one position wherever it occurs. Since the digest covers all
//! entries before it, two logs that have an id in common are equal up to there.

use std::collections::BTreeMap;

use crate::protocol::trace::{Event, Fact, NodeState, Preview};
use crate::protocol::{EntryId, LogPoint};
use crate::verify::invariants::sight::Sight;
use crate::verify::invariants::{Found, Rule, Source, source, violation};

/// How many entries are remembered.
const REMEMBERED: usize = 200_000;

#[derive(Default)]
pub(super) struct Matching {
    entries: BTreeMap<EntryId, (LogPoint, Source)>,
}

impl Matching {
    fn all(&mut self, entries: &[Preview], source: Source) -> Found {
        entries.iter().filter(|preview| !preview.forged).find_map(|preview| self.holds(preview.point, source))
    }

    fn holds(&mut self, point: LogPoint, source: Source) -> Found {
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

impl Rule for Matching {
    fn name(&self) -> &'static str {
        "log matching"
    }

    fn on_joined(&mut self, _: &Sight, node: &NodeState, source: Source) -> Found {
        self.all(&node.tail, source)
    }

    fn on_event(&mut self, _: &Sight, event: &Event, _: &[Preview]) -> Found {
        match &event.fact {
            Fact::Proposed { entry } => self.all(entry, source(event)),
            Fact::Consistent { entries, .. } => self.all(entries, source(event)),
            _ => None,
        }
    }
}
