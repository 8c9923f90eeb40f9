//! What is done to the nodes' gates on purpose. It is written down, so that a node that is restarted begins with it and
//! one that was paused gets it when it goes on.

use std::sync::Arc;
use std::time::Duration;

use crate::cluster::asked::grown;
use crate::cluster::error::Refused;
use crate::cluster::faults::by_node;
use crate::cluster::members::Members;
use crate::cluster::process::{Process, State};
use crate::protocol::trace::{ALL, Effect, LinkRule, WRONGS};
use crate::protocol::{Message, NodeId};

/// How long a node may take to put something in force.
const FAULT_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Clone, Debug)]
pub(super) enum LabFault {
    Cut(NodeId, NodeId),
    Heal(NodeId, NodeId),
    Hold(NodeId, String),
    Release(NodeId, String),
    Rule(LinkRule),
    Lift,
    Step(bool),
}

impl Members {
    /// Writes the fault down and puts it in force at the nodes that run; the others get it when they run again.
    pub async fn make(&self, fault: LabFault) -> Result<String, Refused> {
        self.check_fault(&fault)?;
        self.write_down(&fault);
        let (running, later): (Vec<_>, Vec<_>) = self
            .concerned(&fault)
            .into_iter()
            .partition(|node| self.with_process(*node, Process::state).is_ok_and(|(state, _)| state == State::Running));
        let at_once = running.into_iter().map(|node| self.put_in_force(node, &fault));
        futures_util::future::try_join_all(at_once).await?;
        let told = self.told(&fault);
        let later: Vec<_> = later.iter().map(NodeId::to_string).collect();
        Ok(match later.is_empty() {
            true => told,
            false => format!("{told} ({} takes it over when it runs)", later.join(" and ")),
        })
    }

    /// Lifts all that is in force. A node that is wrong on purpose can only be made right by starting it again; one
    /// that is down will be right when it is started.
    pub async fn lift(self: &Arc<Self>) -> Result<String, Refused> {
        let mut told = self.make(LabFault::Lift).await?;
        let wrong = std::mem::take(&mut self.in_force().wrong);
        for (node, how) in wrong {
            if !self.with_process(node, Process::state).is_ok_and(|(state, _)| state != State::Ended) {
                continue;
            }
            match self.restart(node).await {
                Ok(restarted) => told = format!("{told}; {node} is right again ({restarted})"),
                Err(error) => {
                    // It may still run as it was.
                    self.in_force().wrong.insert(node, how);
                    return Err(error);
                }
            }
        }
        Ok(told)
    }

    /// Restarts a node so that it is wrong on purpose, or right again.
    pub async fn make_wrong(self: &Arc<Self>, node: NodeId, how: Option<String>) -> Result<String, Refused> {
        if !self.options().lab {
            return Err(Refused::LabOnly);
        }
        self.check(node)?;
        let told = match how {
            Some(how) if !WRONGS.contains(&&how[..]) => return Err(Refused::UnknownWrong { how }),
            Some(how) => {
                let told =
                    format!("{node} is WRONG on purpose from now on: {how}; `fault wrong {} off` ends it", node.0);
                self.in_force().wrong.insert(node, how);
                told
            }
            None => {
                self.in_force().wrong.remove(&node);
                format!("{node} is right again")
            }
        };
        let restarted = self.restart(node).await?;
        Ok(format!("{told} ({restarted})"))
    }

    fn check_fault(&self, fault: &LabFault) -> Result<(), Refused> {
        if !self.options().lab {
            return Err(Refused::LabOnly);
        }
        for node in self.concerned(fault) {
            self.check(node)?;
        }
        let kind = match fault {
            LabFault::Hold(_, kind) | LabFault::Release(_, kind) => kind,
            LabFault::Rule(rule) => rule.kind_name(),
            LabFault::Cut(..) | LabFault::Heal(..) | LabFault::Lift | LabFault::Step(_) => ALL,
        };
        let known = kind == ALL || Message::KINDS.contains(&kind);
        if known { Ok(()) } else { Err(Refused::UnknownKind { kind: kind.to_owned() }) }
    }

    /// The nodes that must know of it.
    fn concerned(&self, fault: &LabFault) -> Vec<NodeId> {
        match fault {
            LabFault::Cut(a, b) | LabFault::Heal(a, b) => vec![*a, *b],
            LabFault::Hold(node, _) | LabFault::Release(node, _) => vec![*node],
            LabFault::Rule(rule) => {
                let from = rule.from.filter(|_| rule.effect == Effect::Drop);
                from.into_iter().chain(rule.to).collect()
            }
            LabFault::Lift | LabFault::Step(_) => self.ids(),
        }
    }

    fn write_down(&self, fault: &LabFault) {
        let mut in_force = self.in_force();
        let mut set = |rule: LinkRule| {
            in_force.rules.retain(|known| !known.is_replaced_by(&rule));
            in_force.rules.push(rule);
        };
        match fault {
            LabFault::Cut(a, b) => {
                set(LinkRule::new(Effect::Drop, Some(*a), Some(*b), ALL));
                set(LinkRule::new(Effect::Drop, Some(*b), Some(*a), ALL));
            }
            LabFault::Heal(a, b) => in_force.rules.retain(|rule| !rule.is_about_link(*a, *b)),
            LabFault::Hold(node, kind) => set(hold(*node, kind)),
            LabFault::Release(node, kind) => {
                let ends = |rule: &LinkRule| {
                    rule.effect == Effect::Hold && rule.to == Some(*node) && (kind == ALL || rule.kind_name() == kind)
                };
                in_force.rules.retain(|rule| !ends(rule));
            }
            LabFault::Rule(rule) => set(rule.clone()),
            LabFault::Lift => {
                in_force.rules.clear();
                in_force.frozen = false;
            }
            LabFault::Step(on) => in_force.frozen = *on,
        }
    }

    async fn put_in_force(&self, node: NodeId, fault: &LabFault) -> Result<(), Refused> {
        let client = self.new_client(grown(FAULT_TIMEOUT), None).map_err(by_node)?;
        match fault {
            LabFault::Cut(a, b) => client.cut_at(node, if node == *a { *b } else { *a }).await,
            LabFault::Heal(a, b) => client.heal_at(node, if node == *a { *b } else { *a }).await,
            LabFault::Hold(_, kind) => client.hold(node, kind).await.map(drop),
            LabFault::Release(_, kind) => client.release(node, kind).await.map(drop),
            LabFault::Rule(rule) => client.rule_at(node, rule).await.map(drop),
            LabFault::Lift => client.lift_at(node).await.map(drop),
            LabFault::Step(on) => client.step_at(node, *on).await.map(drop),
        }
        .map_err(by_node)
    }

    /// Brings a node that was paused up to what was changed meanwhile.
    pub(super) async fn repeat(&self, node: NodeId) -> Result<(), Refused> {
        if !self.options().lab {
            return Ok(());
        }
        let client = self.new_client(grown(FAULT_TIMEOUT), None).map_err(by_node)?;
        let there = client.report(node).await.map_err(by_node)?;
        for fault in self.changed_since(node, &there.rules, there.frozen) {
            self.put_in_force(node, &fault).await?;
        }
        Ok(())
    }

    /// What leads from the rules of a node to those that it should have.
    fn changed_since(&self, node: NodeId, there: &[LinkRule], frozen: bool) -> Vec<LabFault> {
        let in_force = self.in_force();
        let wanted: Vec<&LinkRule> = in_force.rules.iter().filter(|rule| rule.concerns(node)).collect();
        let mut faults = Vec::new();
        // First what is held from now on, so that nothing slips through.
        if in_force.frozen != frozen {
            faults.push(LabFault::Step(in_force.frozen));
        }
        let gone = |rule: &&LinkRule| !wanted.contains(rule);
        for rule in there.iter().filter(gone) {
            match (rule.effect, rule.from, rule.to) {
                (Effect::Hold, _, _) => faults.push(LabFault::Release(node, rule.kind_name().to_owned())),
                (_, Some(from), Some(to)) => faults.push(LabFault::Heal(from, to)),
                _ => {}
            }
        }
        // What a healed link had besides is set again.
        faults.extend(wanted.into_iter().map(|rule| LabFault::Rule(rule.clone())));
        faults
    }

    fn told(&self, fault: &LabFault) -> String {
        match fault {
            LabFault::Cut(a, b) => format!("the link between {a} and {b} is cut"),
            LabFault::Heal(a, b) => format!("the link between {a} and {b} is healed"),
            LabFault::Hold(node, kind) if kind == ALL => format!("{node} holds every message that comes to it"),
            LabFault::Hold(node, kind) => format!("{node} holds every {kind} that comes to it"),
            LabFault::Release(node, kind) if kind == ALL => format!("{node} lets everything through"),
            LabFault::Release(node, kind) => format!("{node} lets every {kind} through"),
            LabFault::Rule(rule) => told_rule(rule),
            LabFault::Lift => "nothing is in force any more".to_owned(),
            LabFault::Step(true) => "step mode is on: timers stand still, every message waits".to_owned(),
            LabFault::Step(false) => "step mode is off: timers go on, what waited comes through".to_owned(),
        }
    }
}

fn hold(node: NodeId, kind: &str) -> LinkRule {
    LinkRule::new(Effect::Hold, None, Some(node), kind)
}

fn told_rule(rule: &LinkRule) -> String {
    let every = if rule.kind.is_none() { "message".to_owned() } else { rule.kind_name().to_owned() };
    let end = |node: Option<NodeId>| node.map_or("any node".to_owned(), |node| node.to_string());
    let becomes = match rule.effect {
        Effect::Hold => "is held".to_owned(),
        Effect::Drop => "is lost".to_owned(),
        Effect::Delay { millis } => format!("comes {millis} ms late"),
        Effect::Duplicate => "comes twice".to_owned(),
    };
    format!("every {every} from {} to {} {becomes}", end(rule.from), end(rule.to))
}
