//! Faults made on purpose: a gate between the core's outputs and the links, and between the links and the core.
//!
//! ```text
//!   core ── Send ──▶ gate ──▶ links         links ──▶ gate ── Message ──▶ core
//! ```
//!
//! Every message passes it as the core means it, before it is bytes. A rule says which messages it is about, by sender,
//! receiver and kind, and what becomes of them; the first rule that fits decides. Cutting a link and holding commit
//! orders are made of nothing but rules. The protocol has no code for faults and gets no hint of them.
//!
//! Absent on purpose: time, links, and who may ask for a fault.

use std::collections::{BTreeMap, BTreeSet};

use crate::protocol::trace::Fact;
use crate::protocol::{Envelope, Message, NodeId};

/// The kind of the messages that can be held, as [`Message::kind`] names it.
pub const COMMIT_ORDER: &str = "commit-order";

/// The gate of one node.
#[derive(Debug)]
pub struct Gate {
    me: NodeId,
    rules: Vec<(Rule, Effect)>,
    held: Held,
}

/// Which messages a rule is about; `None` fits all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Rule {
    from: Option<NodeId>,
    to: Option<NodeId>,
    kind: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Effect {
    Drop,
    Hold,
}

/// What becomes of a message. What is told of it is built only for watchers, hence the functions.
#[derive(PartialEq, Eq, Debug)]
pub enum Passage {
    Passes(Envelope),
    Stays(Fault),
}

/// A message that did not pass: what is told of it.
#[derive(PartialEq, Eq, Debug)]
pub struct Fault {
    effect: Effect,
    from: NodeId,
    to: NodeId,
    number: u64,
    kind: &'static str,
}

impl Fault {
    pub fn fact(&self) -> Fact {
        let Fault { from, to, number, kind, .. } = *self;
        match self.effect {
            Effect::Drop => Fact::Dropped { from, to, number, kind: kind.into(), why: "cut".into() },
            Effect::Hold => Fact::MessageHeld { from, to, number, kind: kind.into() },
        }
    }
}

/// Messages that are kept back. An order contains all earlier ones of its sender, so the latest is enough, however long
/// the hold lasts; all are counted.
#[derive(Debug, Default)]
struct Held {
    latest: BTreeMap<NodeId, Envelope>,
    count: u64,
}

impl Gate {
    pub fn new(me: NodeId) -> Gate {
        Gate { me, rules: Vec::new(), held: Held::default() }
    }

    /// Lets a message of the core or for the core pass, or keeps it.
    pub fn pass(&mut self, envelope: Envelope) -> Passage {
        let kind = envelope.message.kind();
        let fitting = self.rules.iter().find(|(rule, _)| rule.fits(&envelope, kind));
        let Some(&(_, effect)) = fitting else { return Passage::Passes(envelope) };
        let fault = Fault { effect, from: envelope.from, to: envelope.to, number: envelope.number, kind };
        if effect == Effect::Hold {
            self.held.keep(envelope);
        }
        Passage::Stays(fault)
    }

    /// Drops everything between this node and another, both ways. False if it is cut already.
    pub fn cut(&mut self, with: NodeId) -> bool {
        let whole = !self.is_cut(with);
        if whole {
            // Before every hold: what cannot arrive is not held.
            let [out, back] = self.link(with);
            self.rules.splice(0..0, [(out, Effect::Drop), (back, Effect::Drop)]);
        }
        whole
    }

    /// False if it is not cut.
    pub fn heal(&mut self, with: NodeId) -> bool {
        let cut = self.is_cut(with);
        let link = self.link(with);
        self.rules.retain(|(rule, _)| !link.contains(rule));
        cut
    }

    /// Keeps back the commit orders that come to this node, whoever sends them. False if they are held already.
    pub fn hold_commit_orders(&mut self) -> bool {
        let hold = (self.orders(), Effect::Hold);
        let passed = !self.rules.contains(&hold);
        if passed {
            self.rules.push(hold);
        }
        passed
    }

    /// Lets commit orders pass again; gives how many were held, and those that are to be delivered now. `None` if they
    /// pass anyway.
    pub fn release_commit_orders(&mut self) -> Option<(u64, Vec<Envelope>)> {
        let orders = self.orders();
        let rules = self.rules.len();
        self.rules.retain(|(rule, _)| *rule != orders);
        let Held { latest, count } = std::mem::take(&mut self.held);
        (self.rules.len() < rules).then(|| (count, latest.into_values().collect()))
    }

    pub fn cuts(&self) -> BTreeSet<NodeId> {
        let dropped = self.rules.iter().filter(|(rule, effect)| *effect == Effect::Drop && rule.from == Some(self.me));
        dropped.filter_map(|(rule, _)| rule.to).collect()
    }

    /// The kinds of messages that are held.
    pub fn holds(&self) -> Vec<&'static str> {
        let held = self.rules.iter().filter(|(_, effect)| *effect == Effect::Hold);
        held.filter_map(|(rule, _)| rule.kind).collect()
    }

    fn is_cut(&self, with: NodeId) -> bool {
        let [out, _] = self.link(with);
        self.rules.contains(&(out, Effect::Drop))
    }

    fn link(&self, with: NodeId) -> [Rule; 2] {
        let (me, with) = (Some(self.me), Some(with));
        [Rule { from: me, to: with, kind: None }, Rule { from: with, to: me, kind: None }]
    }

    fn orders(&self) -> Rule {
        Rule { from: None, to: Some(self.me), kind: Some(COMMIT_ORDER) }
    }
}

impl Rule {
    fn fits(&self, envelope: &Envelope, kind: &str) -> bool {
        self.from.is_none_or(|from| from == envelope.from)
            && self.to.is_none_or(|to| to == envelope.to)
            && self.kind.is_none_or(|wanted| wanted == kind)
    }
}

impl Held {
    fn keep(&mut self, envelope: Envelope) {
        self.count += 1;
        // A late order of an earlier epoch must not hide a newer one.
        let later = self.latest.get(&envelope.from).is_none_or(|kept| reach(kept) <= reach(&envelope));
        if later {
            self.latest.insert(envelope.from, envelope);
        }
    }
}

/// How new an order is: its sender's epoch, then how far it reaches.
fn reach(envelope: &Envelope) -> impl Ord + use<> {
    let up_to = match &envelope.message {
        Message::CommitOrder(order) => Some(order.up_to.position),
        _ => None,
    };
    (envelope.epoch, up_to)
}

#[cfg(test)]
mod tests;
