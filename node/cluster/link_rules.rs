//! Faults at the nodes' gates, set through the launcher. It records each one, so that a restarted node begins with it
//! and a paused node gets it when it resumes.

use std::sync::Arc;
use std::time::Duration;

use crate::client::InForce;
use crate::cluster::asked::grown;
use crate::cluster::faults::by_node;
use crate::cluster::members::Members;
use crate::cluster::process::{Process, State};
use crate::protocol::NodeId;
use crate::protocol::trace::{Effect, LinkRule, Pace, RuleSelection, Wrong};
use crate::wire::done::Done;
use crate::wire::refusal::Refusal;

/// The time limit for a node to set a rule.
const FAULT_TIMEOUT: Duration = Duration::from_secs(2);

/// A change at the gates of some nodes.
#[derive(Clone, Copy, Debug)]
pub(super) enum GateChange {
    Set { rule: LinkRule, both_ways: bool },
    Clear(RuleSelection),
    Step { on: bool, every: bool },
    Pace(Pace),
}

impl Members {
    /// Records the change and makes it at the running nodes; the others get it when they run again.
    pub async fn make(&self, change: GateChange) -> Result<Done, Refusal> {
        let later = self.make_where_it_runs(change).await?;
        Ok(match change {
            GateChange::Set { rule, both_ways } => Done::RuleSet { rule, both_ways, later },
            GateChange::Clear(RuleSelection::Rule(rule)) => Done::RuleCleared { rule, later },
            GateChange::Clear(RuleSelection::Link(node, peer)) => Done::LinkCleared { node, peer, later },
            GateChange::Clear(RuleSelection::All) => Done::AllCleared { later, righted: Vec::new(), wrong: Vec::new() },
            GateChange::Step { on: true, every } => Done::StepOn { every, later },
            GateChange::Step { on: false, .. } => Done::StepOff { later },
            GateChange::Pace(pace) => Done::PaceSet { pace, later },
        })
    }

    /// Returns the nodes that do not run.
    async fn make_where_it_runs(&self, change: GateChange) -> Result<Vec<NodeId>, Refusal> {
        if !self.options().lab {
            return Err(Refusal::ClusterLabOnly {});
        }
        let concerned = self.concerned(change);
        concerned.iter().try_for_each(|node| self.check(*node))?;
        self.write_down(change);
        let (running, later): (Vec<_>, Vec<_>) = concerned
            .into_iter()
            .partition(|node| self.with_process(*node, Process::state).is_ok_and(|(state, _)| state == State::Running));
        let at_once = running.into_iter().map(|node| self.make_at(node, change));
        futures_util::future::try_join_all(at_once).await?;
        Ok(later)
    }

    /// Clears everything in force. A node that is faulty on purpose is restarted without the fault; one that is down
    /// will start without it.
    pub async fn clear_all(self: &Arc<Self>) -> Result<Done, Refusal> {
        let later = self.make_where_it_runs(GateChange::Clear(RuleSelection::All)).await?;
        let wrong = std::mem::take(&mut self.in_force().wrong);
        let mut righted = Vec::new();
        for (node, how) in wrong {
            if !self.with_process(node, Process::state).is_ok_and(|(state, _)| state != State::Ended) {
                continue;
            }
            match self.restart(node).await {
                Ok(pid) => righted.push((node, pid)),
                Err(error) => {
                    // It may still run with the fault.
                    self.in_force().wrong.insert(node, how);
                    return Err(error);
                }
            }
        }
        Ok(Done::AllCleared { later, righted, wrong: Vec::new() })
    }

    /// Restarts a node that is faulty on purpose, or without the fault.
    pub async fn make_wrong(self: &Arc<Self>, node: NodeId, how: Option<Wrong>) -> Result<Done, Refusal> {
        if !self.options().lab {
            return Err(Refusal::ClusterLabOnly {});
        }
        self.check(node)?;
        match how {
            Some(how) => self.in_force().wrong.insert(node, how),
            None => self.in_force().wrong.remove(&node),
        };
        let pid = self.restart(node).await?;
        Ok(how.map_or(Done::MadeRight { node, pid }, |how| Done::MadeWrong { node, how, pid }))
    }

    /// The nodes that the rule concerns.
    fn concerned(&self, change: GateChange) -> Vec<NodeId> {
        let ends = |rule: LinkRule, both_ways| {
            let from = rule.from.filter(|_| both_ways || rule.effect == Effect::Drop);
            from.into_iter().chain(rule.to).collect()
        };
        match change {
            GateChange::Set { rule, both_ways } => ends(rule, both_ways),
            GateChange::Clear(RuleSelection::Rule(rule)) => ends(rule, false),
            GateChange::Clear(RuleSelection::Link(a, b)) => vec![a, b],
            GateChange::Clear(RuleSelection::All) | GateChange::Step { .. } | GateChange::Pace(_) => self.ids(),
        }
    }

    fn write_down(&self, change: GateChange) {
        let mut in_force = self.in_force();
        match change {
            GateChange::Set { rule, both_ways } => {
                for rule in [Some(rule), both_ways.then(|| rule.reversed())].into_iter().flatten() {
                    in_force.rules.retain(|known| !known.is_replaced_by(&rule));
                    in_force.rules.push(rule);
                }
            }
            GateChange::Clear(selection) => {
                in_force.rules.retain(|rule| !selection.covers(rule));
                if selection == RuleSelection::All {
                    (in_force.frozen, in_force.pace) = (false, Pace::REAL);
                }
            }
            GateChange::Step { on, every } => (in_force.frozen, in_force.every) = (on, on && every),
            GateChange::Pace(pace) => in_force.pace = pace,
        }
    }

    async fn make_at(&self, node: NodeId, change: GateChange) -> Result<(), Refusal> {
        let client = self.new_client(grown(FAULT_TIMEOUT), None).map_err(by_node)?;
        match change {
            GateChange::Set { rule, both_ways } => client.set_rule_at(node, &rule, both_ways).await,
            GateChange::Clear(selection) => client.clear_rules_at(node, &selection).await,
            GateChange::Step { on, every } => client.step_at(node, on, every).await,
            GateChange::Pace(pace) => client.set_pace_at(node, pace).await,
        }
        .map(drop)
        .map_err(by_node)
    }

    /// Brings a node that was paused up to date with the changes made meanwhile.
    pub(super) async fn repeat(&self, node: NodeId) -> Result<(), Refusal> {
        if !self.options().lab {
            return Ok(());
        }
        let client = self.new_client(grown(FAULT_TIMEOUT), None).map_err(by_node)?;
        let there = client.rules_at(node).await.map_err(by_node)?;
        for change in self.changed_since(node, &there) {
            self.make_at(node, change).await?;
        }
        Ok(())
    }

    /// The changes that turn a node's rules into those that it should have.
    fn changed_since(&self, node: NodeId, there: &InForce) -> Vec<GateChange> {
        let in_force = self.in_force();
        let wanted: Vec<LinkRule> = in_force.rules.iter().filter(|rule| rule.concerns(node)).copied().collect();
        // New holds first, so that no message passes in between.
        let (on, every) = (in_force.frozen, in_force.every);
        let step = ((on, every) != (there.frozen, there.every)).then_some(GateChange::Step { on, every });
        let pace = (in_force.pace != there.pace).then_some(GateChange::Pace(in_force.pace));
        let gone = there.rules.iter().filter(|rule| !wanted.contains(rule));
        let gone = gone.map(|rule| GateChange::Clear(RuleSelection::Rule(*rule)));
        // The cleared rule may have covered other rules: these are set again.
        let set = wanted.iter().map(|rule| GateChange::Set { rule: *rule, both_ways: false });
        step.into_iter().chain(pace).chain(gone).chain(set).collect()
    }
}
