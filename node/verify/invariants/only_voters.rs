//! Only voters count: in elections, when a leader counts what is committed, and when it confirms a read; learners and nodes
//! that were removed never do. Only a voter leads, or one whose removal is not known to be committed.

use std::collections::BTreeMap;

use crate::protocol::NodeId;
use crate::protocol::trace::{Event, Fact, MemberIds, NodeState, Preview};
use crate::verify::invariants::sight::{Seen, Sight};
use crate::verify::invariants::{Found, Rule, Source, source, violation};

/// How many lists are remembered of each node.
const REMEMBERED: usize = 64;

#[derive(Default)]
pub(super) struct OnlyVoters {
    /// The lists of each node's log, as far as they were seen, oldest first. The last one counts.
    lists: BTreeMap<NodeId, Vec<MemberIds>>,
}

impl OnlyVoters {
    fn lists(&mut self, node: NodeId, list: MemberIds) {
        let lists = self.lists.entry(node).or_default();
        lists.retain(|known| known.at < list.at);
        lists.push(list);
        let gone = lists.len().saturating_sub(REMEMBERED);
        lists.drain(..gone);
    }

    /// So many voters among these make a majority of the list?
    fn makes_quorum(&self, event: &Event, list: &MemberIds, nodes: &[NodeId], quorum: u64) -> Found {
        let majority = list.voters.len() / 2 + 1;
        let count = nodes.iter().filter(|node| list.voters.contains(node)).count();
        if quorum as usize == majority && count >= majority {
            return None;
        }
        let text = format!(
            "{} takes {nodes:?} for a quorum of {quorum}, and of the voters {:?} these are {count}",
            event.node, list.voters
        );
        violation(self.name(), &[source(event)], text)
    }

    /// A node that the list does not have as a voter leads only if that is not known to be committed, and it was one before.
    fn may_lead(&self, seen: &Seen, event: &Event, list: &MemberIds) -> Found {
        let node = event.node;
        let is_voter = |list: &MemberIds| list.voters.contains(&node);
        let open = seen.snapshot.committed.map(|point| point.id) < Some(list.at);
        let lists = self.lists.get(&node).map_or(&[][..], Vec::as_slice);
        let before = lists.iter().rev().find(|known| known.at < list.at);
        if is_voter(list) || open && before.is_none_or(is_voter) {
            return None;
        }
        violation(self.name(), &[source(event)], format!("{node} leads and is none of the voters {:?}", list.voters))
    }

    fn counts(&self, event: &Event, list: &MemberIds, counted: usize) -> Found {
        if counted == list.voters.len() {
            return None;
        }
        let text = format!("{} counts {counted} copies, and the voters are {:?}", event.node, list.voters);
        violation(self.name(), &[source(event)], text)
    }
}

impl Rule for OnlyVoters {
    fn name(&self) -> &'static str {
        "only voters count"
    }

    fn on_joined(&mut self, _: &Sight, node: &NodeState, _: Source) -> Found {
        self.lists.remove(&node.node);
        if let Some(list) = &node.members {
            self.lists(node.node, list.clone());
        }
        None
    }

    fn on_left(&mut self, node: NodeId) {
        self.lists.remove(&node);
    }

    fn on_event(&mut self, sight: &Sight, event: &Event, _: &[Preview]) -> Found {
        let seen = sight.node(event.node)?;
        let list = seen.snapshot.members.as_ref();
        match &event.fact {
            Fact::MembersSet { .. } => {
                self.lists(event.node, list?.clone());
                None
            }
            Fact::Truncated { from, .. } => {
                self.lists.get_mut(&event.node)?.retain(|known| known.at < *from);
                None
            }
            Fact::Elected { votes, quorum, .. } => {
                let led = self.may_lead(seen, event, list?);
                led.or_else(|| self.makes_quorum(event, list?, votes, *quorum))
            }
            // Before it is elected nobody gives out offsets; after its removal is committed it must not go on.
            Fact::Proposed { .. } => self.may_lead(seen, event, list?),
            Fact::Counted { matches, .. } => self.counts(event, list?, matches.len()),
            Fact::ReadConfirmed { from, quorum, .. } => {
                let with_itself = [&from[..], &[event.node]].concat();
                self.makes_quorum(event, list?, &with_itself, *quorum)
            }
            _ => None,
        }
    }
}
