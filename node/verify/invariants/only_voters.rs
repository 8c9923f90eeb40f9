//! Only voters count: in elections, when a leader counts copies for a commit, and when it confirms a read. Learners and
//! removed nodes never count. Only a voter leads, or a node whose removal is not known to be committed.

use std::collections::BTreeMap;

use crate::protocol::NodeId;
use crate::protocol::trace::{Event, Fact, MemberIds, NodeState, Preview};
use crate::verify::invariants::observer::{ObservedNode, Observer};
use crate::verify::invariants::{Finding, Invariant, Source, source, violation};

/// How many lists are remembered of each node.
const REMEMBERED: usize = 64;

#[derive(Default)]
pub(super) struct OnlyVoters {
    /// The observed lists of each node's log, oldest first. The last one is in force.
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

    /// The nodes include a majority of the list's voters, and `quorum` is that majority.
    fn makes_quorum(&self, event: &Event, list: &MemberIds, nodes: &[NodeId], quorum: u64) -> Finding {
        let majority = list.voters.len() / 2 + 1;
        let count = nodes.iter().filter(|node| list.voters.contains(node)).count();
        if quorum as usize == majority && count >= majority {
            return None;
        }
        let text = format!(
            "{} takes {nodes:?} as a quorum of {quorum}, but only {count} of these are voters in {:?}",
            event.node, list.voters
        );
        violation(self.name(), &[source(event)], text)
    }

    /// A node that is no voter of the list leads only if the list is not known to be committed and it was a voter
    /// before.
    fn may_lead(&self, observed: &ObservedNode, event: &Event, list: &MemberIds) -> Finding {
        let node = event.node;
        let is_voter = |list: &MemberIds| list.voters.contains(&node);
        let open = observed.snapshot.committed.map(|point| point.id) < Some(list.at);
        let lists = self.lists.get(&node).map_or(&[][..], Vec::as_slice);
        let before = lists.iter().rev().find(|known| known.at < list.at);
        if is_voter(list) || open && before.is_none_or(is_voter) {
            return None;
        }
        violation(self.name(), &[source(event)], format!("{node} leads but is not one of the voters {:?}", list.voters))
    }

    fn counts(&self, event: &Event, list: &MemberIds, counted: usize) -> Finding {
        if counted == list.voters.len() {
            return None;
        }
        let text = format!("{} counts {counted} copies, but the voters are {:?}", event.node, list.voters);
        violation(self.name(), &[source(event)], text)
    }
}

impl Invariant for OnlyVoters {
    fn name(&self) -> &'static str {
        "only voters count"
    }

    fn on_joined(&mut self, _: &Observer, node: &NodeState, _: Source) -> Finding {
        self.lists.remove(&node.node);
        if let Some(list) = &node.members {
            self.lists(node.node, list.clone());
        }
        None
    }

    fn on_left(&mut self, node: NodeId) {
        self.lists.remove(&node);
    }

    fn on_event(&mut self, observer: &Observer, event: &Event, _: &[Preview]) -> Finding {
        let observed = observer.node(event.node)?;
        let list = observed.snapshot.members.as_ref();
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
                let led = self.may_lead(observed, event, list?);
                led.or_else(|| self.makes_quorum(event, list?, votes, *quorum))
            }
            // A leader must stop once its removal is committed.
            Fact::Proposed { .. } => self.may_lead(observed, event, list?),
            Fact::Counted { matches, .. } => self.counts(event, list?, matches.len()),
            Fact::ReadConfirmed { from, quorum, .. } => {
                let with_itself = [&from[..], &[event.node]].concat();
                self.makes_quorum(event, list?, &with_itself, *quorum)
            }
            _ => None,
        }
    }
}
