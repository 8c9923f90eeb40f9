//! Puts messages about a cluster into happens-before order ([`CausalOrder`]) before they reach the model and, through
//! it, the tape, the checks and the recording. They arrive over several connections, so their arrival order is not a
//! causal order.
//!
//! A scenario's own cluster is ordered separately.

use std::time::Duration;

use epoca::client::watch::Observed;
use epoca::protocol::NodeId;
use epoca::verify::order::{CausalOrder, Item, Lane, PATIENCE, Released, Step};

use crate::console::update::{Msg, ScenarioMsg};
use crate::scenario::ReportEvent;
use crate::tape::{ProcessSeen, answer_step, each, observed_step, process_step};

impl Item for Msg {
    fn step(&self) -> Step<'_> {
        match self {
            Msg::Observed(_, observed) => observed_step(observed),
            Msg::Process(_, seen) => process_step(seen),
            Msg::OperationEnd(_, outcome, _) => answer_step(outcome),
            Msg::Scenario(staged) => match &**staged {
                ScenarioMsg::Observed(_, observed) => observed_step(observed),
                ScenarioMsg::Process(_, seen) => process_step(seen),
                ScenarioMsg::Report(ReportEvent::CommandAnswered { outcome, .. }) => answer_step(outcome),
                _ => Step::Other,
            },
            _ => Step::Other,
        }
    }

    fn started(&self, node: NodeId) -> Option<Msg> {
        let seen = ProcessSeen::Running;
        Some(match self {
            Msg::Scenario(_) => Msg::Scenario(Box::new(ScenarioMsg::Process(node, seen))),
            _ => Msg::Process(node, seen),
        })
    }
}

/// Messages that wait for their causes.
pub struct CausalInbox {
    own: CausalOrder<Msg>,
    /// The messages of the scenario's own cluster.
    scenario: Option<CausalOrder<Msg>>,
}

impl Default for CausalInbox {
    fn default() -> CausalInbox {
        CausalInbox { own: CausalOrder::new(PATIENCE), scenario: None }
    }
}

impl CausalInbox {
    /// Takes a message that just arrived. Returns it at once if it is not about a cluster: such a message has no causes
    /// to wait for.
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
            Msg::Scenario(staged) => return self.take_scenario_msg(now, *staged),
            other => return Some(other),
        }
        None
    }

    fn take_scenario_msg(&mut self, now: Duration, staged: ScenarioMsg) -> Option<Msg> {
        let msg = |staged| Msg::Scenario(Box::new(staged));
        match (staged, &mut self.scenario) {
            (ScenarioMsg::OwnCluster(nodes), scenario) => {
                let mut order = CausalOrder::new(PATIENCE);
                nodes.iter().for_each(|(node, _)| order.expect(*node));
                *scenario = Some(order);
                return Some(msg(ScenarioMsg::OwnCluster(nodes)));
            }
            (ScenarioMsg::NodeJoined(node, address), Some(scenario)) => {
                scenario.expect(node);
                return Some(msg(ScenarioMsg::NodeJoined(node, address)));
            }
            (ScenarioMsg::Observed(node, observed), Some(scenario)) => {
                for observed in each(*observed) {
                    scenario.push(now, Lane::Node(node), msg(ScenarioMsg::Observed(node, Box::new(observed))));
                }
            }
            (ScenarioMsg::Process(node, seen), Some(scenario)) => {
                scenario.push(now, Lane::Launcher(node), msg(ScenarioMsg::Process(node, seen)));
            }
            // Reports of the scenario keep their own order. Answers wait for the events that they depend on.
            (ScenarioMsg::Report(ReportEvent::Started(script)), _) => {
                if !script.needs_own() {
                    self.scenario = None;
                }
                return Some(msg(ScenarioMsg::Report(ReportEvent::Started(script))));
            }
            (ScenarioMsg::Report(told), scenario) => {
                let order = scenario.as_mut().unwrap_or(&mut self.own);
                order.push(now, Lane::Client, msg(ScenarioMsg::Report(told)));
            }
            (other, _) => return Some(msg(other)),
        }
        None
    }

    /// The next message whose causes have all been delivered.
    pub fn next(&mut self, now: Duration) -> Option<Msg> {
        let scenario = self.scenario.as_mut().and_then(|scenario| scenario.next(now));
        let Released { item, missing, .. } = self.own.next(now).or(scenario)?;
        let Some(missing) = missing else { return Some(item) };
        Some(match item {
            Msg::Observed(_, Observed::Events(mut events)) if events.len() == 1 => {
                Msg::OrderUnknown { event: Box::new(events.remove(0)), missing }
            }
            Msg::Scenario(staged) => Msg::Scenario(Box::new(staged.with_order_unknown(missing))),
            other => other,
        })
    }

    /// When the next message is released without its cause.
    pub fn due(&self) -> Option<Duration> {
        [self.own.due(), self.scenario.as_ref().and_then(CausalOrder::due)].into_iter().flatten().min()
    }
}
