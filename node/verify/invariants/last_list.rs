//! Each node goes by the last member list of its log: from the moment that it is appended, no longer once it is truncated,
//! and again after a restart.

use std::collections::BTreeMap;

use crate::protocol::trace::{Event, Fact, NodeState, Preview};
use crate::protocol::{EntryId, Kind, NodeId, Position};
use crate::verify::invariants::sight::Sight;
use crate::verify::invariants::{Found, Rule, Source, source, violation};

#[derive(Default)]
pub(super) struct LastList {
    /// The log of each of these nodes has another list for its last, which must be told next.
    due: BTreeMap<NodeId, EntryId>,
}

/// The last entry of these that sets a list.
fn last_of(entries: &[Preview]) -> Option<EntryId> {
    let sets = |entry: &&Preview| {
        entry.kind == Kind::Members || entry.kind == Kind::Opening && entry.point.position == Position::FIRST
    };
    entries.iter().rev().filter(|entry| !entry.forged).find(sets).map(|entry| entry.point.id)
}

impl LastList {
    fn goes_by(&self, at: EntryId, last: EntryId, source: Source) -> Found {
        if at == last {
            return None;
        }
        let text = format!("{} goes by the members of {at}, and the last list of its log is {last}", source.node);
        violation(self.name(), &[source], text)
    }

    /// The log has grown by these, or it was cut.
    fn changed(&mut self, node: NodeId, last: Option<EntryId>) -> Found {
        if let Some(last) = last {
            self.due.insert(node, last);
        }
        None
    }
}

impl Rule for LastList {
    fn name(&self) -> &'static str {
        "the last list of the log counts"
    }

    fn on_joined(&mut self, _: &Sight, node: &NodeState, source: Source) -> Found {
        self.due.remove(&node.node);
        let (list, last) = (node.members.as_ref()?, last_of(&node.tail)?);
        if node.event > 0 && list.at != last {
            // Seen in the middle of what it does: the list comes next.
            return self.changed(node.node, Some(last));
        }
        self.goes_by(list.at, last, source)
    }

    fn on_left(&mut self, node: NodeId) {
        self.due.remove(&node);
    }

    fn on_event(&mut self, sight: &Sight, event: &Event, cut: &[Preview]) -> Found {
        match &event.fact {
            Fact::Proposed { entry } => self.changed(event.node, last_of(entry)),
            Fact::Consistent { entries, .. } => self.changed(event.node, last_of(entries)),
            Fact::Truncated { .. } if last_of(cut).is_some() => {
                self.due.remove(&event.node);
                self.changed(event.node, last_of(&sight.node(event.node)?.snapshot.tail))
            }
            Fact::Truncated { .. } | Fact::Opened { .. } => None,
            Fact::MembersSet { at, .. } => {
                let last = self.due.remove(&event.node)?;
                self.goes_by(*at, last, source(event))
            }
            _ => {
                let last = self.due.remove(&event.node)?;
                let at = sight.node(event.node)?.snapshot.members.as_ref()?.at;
                self.goes_by(at, last, source(event))
            }
        }
    }
}
