//! The members change one server at a time: a leader makes a list only once an entry of its own epoch is committed and the
//! last list is, and the list differs from that by at most one voter. So the quorums of any two lists that may count at one
//! time have a voter in common (Raft thesis 4.1, with the correction of 2015).

use std::collections::BTreeMap;

use crate::protocol::trace::{Event, Fact, MemberIds, NodeState, Preview, RoleName};
use crate::protocol::{Kind, NodeId};
use crate::verify::invariants::sight::Sight;
use crate::verify::invariants::{Found, Rule, Source, source, violation};

#[derive(Default)]
pub(super) struct OneChange {
    /// The list that each node went by before its latest event.
    lists: BTreeMap<NodeId, MemberIds>,
}

impl OneChange {
    fn proposes(&self, sight: &Sight, event: &Event, entry: &Preview) -> Found {
        let node = event.node;
        let snapshot = &sight.node(node)?.snapshot;
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

    /// A leader goes on to a list that it has made itself.
    fn follows(&mut self, sight: &Sight, event: &Event, list: MemberIds) -> Found {
        let before = self.lists.insert(event.node, list.clone())?;
        let snapshot = &sight.node(event.node)?.snapshot;
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

impl Rule for OneChange {
    fn name(&self) -> &'static str {
        "one change of members at a time"
    }

    fn on_joined(&mut self, _: &Sight, node: &NodeState, _: Source) -> Found {
        match &node.members {
            Some(list) => self.lists.insert(node.node, list.clone()),
            None => self.lists.remove(&node.node),
        };
        None
    }

    fn on_left(&mut self, node: NodeId) {
        self.lists.remove(&node);
    }

    fn on_event(&mut self, sight: &Sight, event: &Event, _: &[Preview]) -> Found {
        match &event.fact {
            Fact::Proposed { entry } => {
                let mut lists = entry.iter().filter(|entry| entry.kind == Kind::Members);
                lists.find_map(|entry| self.proposes(sight, event, entry))
            }
            Fact::MembersSet { at, voters, learners } => {
                let list = MemberIds { at: *at, voters: voters.clone(), learners: learners.clone() };
                self.follows(sight, event, list)
            }
            _ => None,
        }
    }
}
