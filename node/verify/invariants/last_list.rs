//! The last member list of a node's log is in force at the node: from when it is appended until it is truncated, and
//! again after a restart.

use std::collections::BTreeMap;

use crate::protocol::trace::{Event, Fact, NodeState, Preview};
use crate::protocol::{EntryId, Kind, NodeId, Position};
use crate::verify::invariants::observer::Observer;
use crate::verify::invariants::{Finding, Invariant, Source, source, violation};

#[derive(Default)]
pub(super) struct LastList {
    /// Nodes whose log has a new last list. The node must report that list next.
    due: BTreeMap<NodeId, EntryId>,
}

/// The last of these entries that sets a list.
fn last_of(entries: &[Preview]) -> Option<EntryId> {
    let sets = |entry: &&Preview| {
        entry.kind == Kind::Members || entry.kind == Kind::Opening && entry.point.position == Position::FIRST
    };
    entries.iter().rev().filter(|entry| !entry.forged).find(sets).map(|entry| entry.point.id)
}

impl LastList {
    fn compare(&self, at: EntryId, last: EntryId, source: Source) -> Finding {
        if at == last {
            return None;
        }
        let text = format!("{} uses the members of {at}, but the last list of its log is {last}", source.node);
        violation(self.name(), &[source], text)
    }

    /// The log has grown or was truncated. `last` is the list that is in force now, if that has changed.
    fn changed(&mut self, node: NodeId, last: Option<EntryId>) -> Finding {
        if let Some(last) = last {
            self.due.insert(node, last);
        }
        None
    }
}

impl Invariant for LastList {
    fn name(&self) -> &'static str {
        "the last list of the log counts"
    }

    fn on_joined(&mut self, _: &Observer, node: &NodeState, source: Source) -> Finding {
        self.due.remove(&node.node);
        let (list, last) = (node.members.as_ref()?, last_of(&node.tail)?);
        if node.event > 0 && list.at != last {
            // The watch began between two events of one change: the list comes next.
            return self.changed(node.node, Some(last));
        }
        self.compare(list.at, last, source)
    }

    fn on_left(&mut self, node: NodeId) {
        self.due.remove(&node);
    }

    fn on_event(&mut self, observer: &Observer, event: &Event, cut: &[Preview]) -> Finding {
        match &event.fact {
            Fact::Proposed { entry } => self.changed(event.node, last_of(entry)),
            Fact::Consistent { entries, .. } => self.changed(event.node, last_of(entries)),
            Fact::Truncated { .. } if last_of(cut).is_some() => {
                self.due.remove(&event.node);
                self.changed(event.node, last_of(&observer.node(event.node)?.snapshot.tail))
            }
            Fact::Truncated { .. } | Fact::Opened { .. } => None,
            Fact::MembersSet { at, .. } => {
                let last = self.due.remove(&event.node)?;
                self.compare(*at, last, source(event))
            }
            _ => {
                let last = self.due.remove(&event.node)?;
                let at = observer.node(event.node)?.snapshot.members.as_ref()?.at;
                self.compare(at, last, source(event))
            }
        }
    }
}
