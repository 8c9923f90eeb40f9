//! An epoch has one leader: the node that reports its election, or that a replica follows.

use std::collections::BTreeMap;

use crate::protocol::trace::{Event, Fact, NodeState, Preview, RoleName};
use crate::protocol::{Epoch, NodeId};
use crate::verify::invariants::observer::Observer;
use crate::verify::invariants::{Finding, Invariant, Source, source, violation};

/// How many epochs are remembered.
const REMEMBERED: usize = 10_000;

#[derive(Default)]
pub(super) struct OneLeader {
    leaders: BTreeMap<Epoch, (NodeId, Source)>,
}

impl OneLeader {
    fn leads(&mut self, epoch: Epoch, node: NodeId, source: Source) -> Finding {
        let (leader, earlier) = *self.leaders.entry(epoch).or_insert((node, source));
        if self.leaders.len() > REMEMBERED {
            self.leaders.pop_first();
        }
        if leader == node {
            return None;
        }
        violation(self.name(), &[earlier, source], format!("both {leader} and {node} lead {epoch}"))
    }
}

impl Invariant for OneLeader {
    fn name(&self) -> &'static str {
        "one leader per epoch"
    }

    fn on_joined(&mut self, _: &Observer, node: &NodeState, source: Source) -> Finding {
        let epoch = node.epoch.filter(|_| node.role == RoleName::Leader)?;
        self.leads(epoch, node.node, source)
    }

    fn on_event(&mut self, _: &Observer, event: &Event, _: &[Preview]) -> Finding {
        match &event.fact {
            Fact::Elected { epoch, .. } => self.leads(*epoch, event.node, source(event)),
            Fact::Consistent { from, epoch, .. } => self.leads(*epoch, *from, source(event)),
            _ => None,
        }
    }
}
