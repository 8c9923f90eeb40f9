//! The messages between the nodes: a pool, cut links, and kinds of message that are held before a node.

use std::collections::BTreeSet;

use epoca::protocol::{Envelope, NodeId};

#[derive(Default)]
pub struct Network {
    /// The messages in flight, in the order in which they were sent.
    pub pool: Vec<Envelope>,
    /// The messages that the gate holds until it is released.
    pub held: Vec<Envelope>,
    cuts: BTreeSet<(NodeId, NodeId)>,
    holds: BTreeSet<(NodeId, String)>,
}

/// A selection of messages. An empty field selects any.
#[derive(Clone, Default, Debug)]
pub struct Pick {
    pub kind: Option<String>,
    pub from: Option<NodeId>,
    pub to: Option<NodeId>,
}

impl Pick {
    pub fn kind(kind: &str) -> Pick {
        Pick { kind: Some(kind.to_owned()), ..Pick::default() }
    }

    pub fn to(self, id: u64) -> Pick {
        Pick { to: Some(NodeId(id)), ..self }
    }

    pub fn selects(&self, envelope: &Envelope) -> bool {
        self.kind.as_ref().is_none_or(|kind| kind == envelope.message.kind().name())
            && self.from.is_none_or(|from| from == envelope.from)
            && self.to.is_none_or(|to| to == envelope.to)
    }
}

impl Network {
    pub fn cut(&mut self, a: NodeId, b: NodeId) {
        self.cuts.insert((a.min(b), a.max(b)));
    }

    pub fn heal(&mut self, a: NodeId, b: NodeId) {
        self.cuts.remove(&(a.min(b), a.max(b)));
    }

    pub fn heal_all(&mut self) {
        self.cuts.clear();
    }

    pub fn is_cut(&self, a: NodeId, b: NodeId) -> bool {
        self.cuts.contains(&(a.min(b), a.max(b)))
    }

    pub fn hold(&mut self, to: NodeId, kind: &str) {
        self.holds.insert((to, kind.to_owned()));
    }

    pub fn is_held(&self, envelope: &Envelope) -> bool {
        self.holds.contains(&(envelope.to, envelope.message.kind().name().to_owned()))
    }

    /// Ends a hold. The held messages are in flight again, in their order. Returns how many.
    pub fn release(&mut self, to: NodeId, kind: &str) -> usize {
        self.holds.remove(&(to, kind.to_owned()));
        let (free, held) = self
            .held
            .drain(..)
            .partition::<Vec<_>, _>(|envelope| envelope.to == to && envelope.message.kind().name() == kind);
        self.held = held;
        let count = free.len();
        self.pool.extend(free);
        count
    }

    /// Takes the selected messages out of the pool.
    pub fn take(&mut self, pick: &Pick) -> Vec<Envelope> {
        let (taken, left) = self.pool.drain(..).partition::<Vec<_>, _>(|envelope| pick.selects(envelope));
        self.pool = left;
        taken
    }
}
