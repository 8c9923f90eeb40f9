//! The messages between the nodes: a pool, cut links, and kinds that are held before a node.

use std::collections::BTreeSet;

use epoca::protocol::{Envelope, NodeId};

#[derive(Default)]
pub struct Network {
    /// Under way, in the order in which they left.
    pub pool: Vec<Envelope>,
    /// Kept back by the gate until it is released.
    pub held: Vec<Envelope>,
    cuts: BTreeSet<(NodeId, NodeId)>,
    holds: BTreeSet<(NodeId, String)>,
}

/// Which messages a command means; an empty field means any.
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

    pub fn takes(&self, envelope: &Envelope) -> bool {
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

    /// Ends the hold; what was kept back is under way again, in its order. Gives how many that were.
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

    /// Takes all messages out of the pool that are meant.
    pub fn take(&mut self, pick: &Pick) -> Vec<Envelope> {
        let (taken, left) = self.pool.drain(..).partition::<Vec<_>, _>(|envelope| pick.takes(envelope));
        self.pool = left;
        taken
    }
}
