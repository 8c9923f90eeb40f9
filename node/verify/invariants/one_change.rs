//! Members change one at a time: a leader proposes a list only when an entry of its own epoch and the last list are
//! committed, and the list differs from the last one by at most one voter. So any quorums of two lists that may be in
//! force at the same time share a voter (Raft thesis 4.1, with the correction of 2015).

use std::collections::BTreeMap;

use crate::protocol::trace::{Event, Fact, MemberIds, NodeState, Preview, RoleName};
use crate::protocol::{Kind, NodeId};
use crate::verify::invariants::observer::Observer;
use crate::verify::invariants::{Finding, Invariant, Source, source, violation};

#[derive(Default)]
pub(super) struct OneChange {
    /// The list that was in force at each node before its latest event.
    lists: BTreeMap<NodeId, MemberIds>,
}

impl OneChange {
    fn on_proposed(&self, observer: &Observer, event: &Event, entry: &Preview) -> Finding {
        let node = event.node;
        let snapshot = &observer.node(node)?.snapshot;
        let committed = snapshot.committed;
        if committed.map(|point| point.id.epoch) != snapshot.epoch {
            let text =
                format!("{node} sets members with {} before an entry of its own epoch is committed", entry.point);
            return violation(self.name(), &[source(event)], text);
        }
        let waits = |earlier: &&Preview| {
            earlier.kind == Kind::Members
                && earlier.point.position < entry.point.position
                && Some(earlier.point.position) > committed.map(|point| point.position)
        };
        let earlier = snapshot.tail.iter().rev().find(waits)?;
        let text = format!("{node} sets members with {} before its change {} is committed", entry.point, earlier.point);
        violation(self.name(), &[source(event)], text)
    }

    /// A leader's own list comes into force.
    fn on_list(&mut self, observer: &Observer, event: &Event, list: MemberIds) -> Finding {
        let before = self.lists.insert(event.node, list.clone())?;
        let snapshot = &observer.node(event.node)?.snapshot;
        if snapshot.role != RoleName::Leader || snapshot.epoch != Some(list.at.epoch) || list.at <= before.at {
            return None;
        }
        let gone = before.voters.iter().filter(|voter| !list.voters.contains(voter)).count();
        let come = list.voters.iter().filter(|voter| !before.voters.contains(voter)).count();
        if gone + come <= 1 {
            return None;
        }
        let text = format!("{} goes from the voters {:?} to {:?}", event.node, before.voters, list.voters);
        violation(self.name(), &[source(event)], text)
    }
}

impl Invariant for OneChange {
    fn name(&self) -> &'static str {
        "one change of members at a time"
    }

    fn on_joined(&mut self, _: &Observer, node: &NodeState, _: Source) -> Finding {
        match &node.members {
            Some(list) => self.lists.insert(node.node, list.clone()),
            None => self.lists.remove(&node.node),
        };
        None
    }

    fn on_left(&mut self, node: NodeId) {
        self.lists.remove(&node);
    }

    fn on_event(&mut self, observer: &Observer, event: &Event, _: &[Preview]) -> Finding {
        match &event.fact {
            Fact::Proposed { entry } => {
                let mut lists = entry.iter().filter(|entry| entry.kind == Kind::Members);
                lists.find_map(|entry| self.on_proposed(observer, event, entry))
            }
            Fact::MembersSet { at, voters, learners } => {
                let list = MemberIds { at: *at, voters: voters.clone(), learners: learners.clone() };
                self.on_list(observer, event, list)
            }
            _ => None,
        }
    }
}
