//! The one door of the console: what is told of a cluster comes in over several connections, and goes on to the model,
//! and with it to tape, checks and recording, in happens-before order ([`CausalOrder`]).
//!
//! A scenario's own cluster has an order of its own.

use std::time::Duration;

use epoca::client::watch::Observed;
use epoca::protocol::NodeId;
use epoca::verify::order::{CausalOrder, Item, Lane, PATIENCE, Released, Step};

use crate::console::update::{Msg, Staged};
use crate::scenario::ReportEvent;
use crate::tape::{ProcessSeen, answer_step, each, observed_step, process_step};

impl Item for Msg {
    fn step(&self) -> Step<'_> {
        match self {
            Msg::Observed(_, observed) => observed_step(observed),
            Msg::Process(_, seen) => process_step(seen),
            Msg::OperationEnd(_, outcome, _) => answer_step(outcome),
            Msg::Staged(staged) => match &**staged {
                Staged::Observed(_, observed) => observed_step(observed),
                Staged::Process(_, seen) => process_step(seen),
                Staged::Told(ReportEvent::CommandAnswered { outcome, .. }) => answer_step(outcome),
                _ => Step::Other,
            },
            _ => Step::Other,
        }
    }

    fn started(&self, node: NodeId) -> Option<Msg> {
        let seen = ProcessSeen::Running;
        Some(match self {
            Msg::Staged(_) => Msg::Staged(Box::new(Staged::Process(node, seen))),
            _ => Msg::Process(node, seen),
        })
    }
}

/// What waits for its turn.
pub struct Ordered {
    own: CausalOrder<Msg>,
    /// Of the scenario's own cluster, while it has one.
    aside: Option<CausalOrder<Msg>>,
}

impl Default for Ordered {
    fn default() -> Ordered {
        Ordered { own: CausalOrder::new(PATIENCE), aside: None }
    }
}

impl Ordered {
    /// Takes a message that arrives now. What is not told of a cluster comes back at once: it has no causes there.
    pub fn take(&mut self, now: Duration, msg: Msg) -> Option<Msg> {
        match msg {
            Msg::Observed(node, observed) => {
                for observed in each(observed) {
                    self.own.push(now, Lane::Node(node), Msg::Observed(node, observed));
                }
            }
            Msg::Process(node, _) => self.own.push(now, Lane::Launcher(node), msg),
            Msg::OperationEnd(..) => self.own.push(now, Lane::Client, msg),
            Msg::Started { ref nodes, .. } => {
                nodes.iter().for_each(|(node, _)| self.own.expect(*node));
                return Some(msg);
            }
            Msg::Staged(staged) => return self.take_staged(now, *staged),
            other => return Some(other),
        }
        None
    }

    fn take_staged(&mut self, now: Duration, staged: Staged) -> Option<Msg> {
        let msg = |staged| Msg::Staged(Box::new(staged));
        match (staged, &mut self.aside) {
            (Staged::Aside(nodes), aside) => {
                let mut order = CausalOrder::new(PATIENCE);
                nodes.iter().for_each(|(node, _)| order.expect(*node));
                *aside = Some(order);
                return Some(msg(Staged::Aside(nodes)));
            }
            (Staged::Joined(node, address), Some(aside)) => {
                aside.expect(node);
                return Some(msg(Staged::Joined(node, address)));
            }
            (Staged::Observed(node, observed), Some(aside)) => {
                for observed in each(*observed) {
                    aside.push(now, Lane::Node(node), msg(Staged::Observed(node, Box::new(observed))));
                }
            }
            (Staged::Process(node, seen), Some(aside)) => {
                aside.push(now, Lane::Launcher(node), msg(Staged::Process(node, seen)));
            }
            // What the scenario tells stays in its own order, its answers after what they follow from.
            (Staged::Told(ReportEvent::Started(script)), _) => {
                if !script.needs_own() {
                    self.aside = None;
                }
                return Some(msg(Staged::Told(ReportEvent::Started(script))));
            }
            (Staged::Told(told), aside) => {
                let order = aside.as_mut().unwrap_or(&mut self.own);
                order.push(now, Lane::Client, msg(Staged::Told(told)));
            }
            (other, _) => return Some(msg(other)),
        }
        None
    }

    /// The next message whose turn has come.
    pub fn next(&mut self, now: Duration) -> Option<Msg> {
        let aside = self.aside.as_mut().and_then(|aside| aside.next(now));
        let Released { item, missing, .. } = self.own.next(now).or(aside)?;
        let Some(missing) = missing else { return Some(item) };
        Some(match item {
            Msg::Observed(_, Observed::Events(mut events)) if events.len() == 1 => {
                Msg::OrderUnknown { event: Box::new(events.remove(0)), missing }
            }
            Msg::Staged(staged) => Msg::Staged(Box::new(staged.with_order_unknown(missing))),
            other => other,
        })
    }

    /// When something goes on though its cause has not come.
    pub fn due(&self) -> Option<Duration> {
        [self.own.due(), self.aside.as_ref().and_then(CausalOrder::due)].into_iter().flatten().min()
    }
}
