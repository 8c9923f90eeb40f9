//! An epoch has one leader: whoever says that it was elected, or whom a replica follows.

use std::collections::BTreeMap;

use crate::protocol::trace::{Event, Fact, NodeState, Preview, RoleName};
use crate::protocol::{Epoch, NodeId};
use crate::verify::invariants::sight::Sight;
use crate::verify::invariants::{Found, Rule, Source, source, violation};

/// How many epochs are remembered.
const REMEMBERED: usize = 10_000;

#[derive(Default)]
pub(super) struct OneLeader {
    leaders: BTreeMap<Epoch, (NodeId, Source)>,
}

impl OneLeader {
    fn leads(&mut self, epoch: Epoch, node: NodeId, source: Source) -> Found {
        let (leader, earlier) = *self.leaders.entry(epoch).or_insert((node, source));
        if self.leaders.len() > REMEMBERED {
            self.leaders.pop_first();
        }
        if leader == node {
            return None;
        }
        violation(self.name(), &[earlier, source], format!("{leader} leads {epoch}, and so does {node}"))
    }
}

impl Rule for OneLeader {
    fn name(&self) -> &'static str {
        "one leader per epoch"
    }

    fn on_joined(&mut self, _: &Sight, node: &NodeState, source: Source) -> Found {
        let epoch = node.epoch.filter(|_| node.role == RoleName::Leader)?;
        self.leads(epoch, node.node, source)
    }

    fn on_event(&mut self, _: &Sight, event: &Event, _: &[Preview]) -> Found {
        match &event.fact {
            Fact::Elected { epoch, .. } => self.leads(*epoch, event.node, source(event)),
            Fact::Consistent { from, epoch, .. } => self.leads(*epoch, *from, source(event)),
            _ => None,
        }
    }
}
