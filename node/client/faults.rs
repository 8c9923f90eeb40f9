//! Faults at the gates of nodes: rules, step mode, held messages, forged entries. A change that must survive a restart
//! goes through the launcher if there is one, otherwise directly to the nodes.

use std::time::Duration;

use bytes::Bytes;
use tonic::transport::Channel;

use crate::client::Client;
use crate::client::error::{ClientError, malformed, refusal};
use crate::client::processes::done;
use crate::client::types::InForce;
use crate::protocol::trace::{Effect, LinkRule, MessageId, Pace, PendingMessage, RuleSelection};
use crate::protocol::{Epoch, NodeId};
use crate::wire::convert::pace;
use crate::wire::done::Done;
use crate::wire::proto;
use crate::wire::proto::control_client::ControlClient;
use crate::wire::refusal::Refusal;

/// A node that has not answered after this long counts as down.
const SILENT: Duration = Duration::from_secs(1);

/// What to do with a held message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Handling {
    /// It reaches the core now.
    Deliver,
    /// It is dropped.
    Discard,
    /// It is delivered automatically after this time.
    Delay {
        /// The time, in milliseconds.
        millis: u64,
    },
    /// A second copy is held.
    Duplicate,
}

impl Client {
    /// Sets a rule; with `both_ways` also its opposite direction.
    pub async fn set_rule(&self, rule: &LinkRule, both_ways: bool) -> Result<Done, ClientError> {
        if let (Some(node), true) = (rule.from, rule.from == rule.to) {
            return Err(Refusal::SameNode { node }.into());
        }
        if let Some(launcher) = self.options().launcher.clone() {
            let request = proto::SetRuleRequest { rule: Some(rule.into()), both_ways };
            return self.launcher(&launcher, async move |mut launcher| launcher.set_rule(request).await).await;
        }
        for node in ends(rule, both_ways) {
            self.set_rule_at(node, rule, both_ways).await?;
        }
        Ok(Done::RuleSet { rule: *rule, both_ways, later: Vec::new() })
    }

    /// Sets a rule at one node.
    pub async fn set_rule_at(&self, node: NodeId, rule: &LinkRule, both_ways: bool) -> Result<Done, ClientError> {
        let request = proto::SetRuleRequest { rule: Some(rule.into()), both_ways };
        self.control(node, async move |mut control| control.set_rule(request).await).await
    }

    /// Clears rules wherever they are in force. Clearing all of them also ends step mode, and the launcher restarts
    /// nodes that are faulty on purpose. Without a launcher these stay faulty; the result names them.
    pub async fn clear_rules(&self, selection: &RuleSelection) -> Result<Done, ClientError> {
        if let RuleSelection::Link(a, b) = selection
            && a == b
        {
            return Err(Refusal::SameNode { node: *a }.into());
        }
        if let Some(launcher) = self.options().launcher.clone() {
            let request = proto::ClearRuleRequest::from(selection);
            return self.launcher(&launcher, async move |mut launcher| launcher.clear_rule(request).await).await;
        }
        let nodes = match selection {
            RuleSelection::Rule(rule) => ends(rule, false),
            RuleSelection::Link(a, b) => vec![*a, *b],
            RuleSelection::All => self.met().await?,
        };
        let mut wrong = Vec::new();
        for node in nodes {
            self.clear_rules_at(node, selection).await?;
            if *selection == RuleSelection::All
                && let Some(how) = self.report(node).await?.wrong
            {
                wrong.push((node, how));
            }
        }
        let later = Vec::new();
        Ok(match selection {
            RuleSelection::Rule(rule) => Done::RuleCleared { rule: *rule, later },
            RuleSelection::Link(node, peer) => Done::LinkCleared { node: *node, peer: *peer, later },
            RuleSelection::All => Done::AllCleared { later, righted: Vec::new(), wrong },
        })
    }

    /// Clears rules at one node.
    pub async fn clear_rules_at(&self, node: NodeId, selection: &RuleSelection) -> Result<Done, ClientError> {
        let request = proto::ClearRuleRequest::from(selection);
        self.control(node, async move |mut control| control.clear_rule(request).await).await
    }

    /// The rules in force at a node, its step mode and its pace.
    pub async fn rules_at(&self, node: NodeId) -> Result<InForce, ClientError> {
        let deadline = self.deadline();
        let address = self.address(node, deadline).await?;
        let answer = self.ask(&address, deadline, |channel: Channel| async move {
            ControlClient::new(channel).list_rules(proto::ListRulesRequest {}).await
        });
        let proto::ListRulesResponse { rules, frozen, every, slowdown } = answer.await?;
        let rules = rules.into_iter().map(LinkRule::try_from).collect::<Result<_, _>>();
        let rules = rules.map_err(|error| malformed(&address, &error))?;
        let pace = pace(slowdown).map_err(|error| malformed(&address, &error))?;
        Ok(InForce { rules, frozen, every, pace, ..InForce::default() })
    }

    /// Cuts the link between two nodes: drops everything in both directions.
    pub async fn cut(&self, a: NodeId, b: NodeId) -> Result<Done, ClientError> {
        self.set_rule(&LinkRule::cut(a, b)[0], true).await
    }

    /// Clears all rules of the link between two nodes.
    pub async fn heal(&self, a: NodeId, b: NodeId) -> Result<Done, ClientError> {
        self.clear_rules(&RuleSelection::Link(a, b)).await
    }

    /// Step mode for the whole cluster: timers stop, and messages are held, with `every` also those that change
    /// nothing.
    pub async fn step(&self, on: bool, every: bool) -> Result<Done, ClientError> {
        let request = proto::StepRequest { on, every };
        if let Some(launcher) = self.options().launcher.clone() {
            return self.launcher(&launcher, async move |mut launcher| launcher.step(request).await).await;
        }
        for node in self.met().await? {
            self.step_at(node, on, every).await?;
        }
        let later = Vec::new();
        Ok(if on { Done::StepOn { every, later } } else { Done::StepOff { later } })
    }

    /// Step mode at one node.
    pub async fn step_at(&self, node: NodeId, on: bool, every: bool) -> Result<Done, ClientError> {
        let request = proto::StepRequest { on, every };
        self.control(node, async move |mut control| control.step(request).await).await
    }

    /// The pace of all nodes: their timers, the flight of their messages, and their flushes.
    pub async fn set_pace(&self, pace: Pace) -> Result<Done, ClientError> {
        let request = proto::SetPaceRequest { slowdown: pace.slowdown() };
        if let Some(launcher) = self.options().launcher.clone() {
            return self.launcher(&launcher, async move |mut launcher| launcher.set_pace(request).await).await;
        }
        for node in self.met().await? {
            self.set_pace_at(node, pace).await?;
        }
        Ok(Done::PaceSet { pace, later: Vec::new() })
    }

    /// The pace of one node.
    pub async fn set_pace_at(&self, node: NodeId, pace: Pace) -> Result<Done, ClientError> {
        let request = proto::SetPaceRequest { slowdown: pace.slowdown() };
        self.control(node, async move |mut control| control.set_pace(request).await).await
    }

    /// The held messages of all nodes that answer, oldest first.
    pub async fn pending(&self) -> Result<Vec<PendingMessage>, ClientError> {
        let nodes = self.met().await?;
        let asked = nodes.into_iter().map(|node| self.pending_at(node));
        let mut all = Vec::new();
        let mut why = None;
        let mut answered = false;
        for answer in futures_util::future::join_all(asked).await {
            match answer {
                Ok(pending) => {
                    all.extend(pending);
                    answered = true;
                }
                // A node that is down holds nothing.
                Err(error) => why = Some(error),
            }
        }
        if let Some(error) = why.filter(|_| !answered) {
            return Err(error);
        }
        all.sort_by_key(|message| (message.since, message.id));
        Ok(all)
    }

    async fn pending_at(&self, node: NodeId) -> Result<Vec<PendingMessage>, ClientError> {
        let deadline = self.silence(SILENT);
        let address = self.address(node, deadline).await?;
        let answer = self.ask(&address, deadline, |channel: Channel| async move {
            ControlClient::new(channel).pending(proto::PendingRequest {}).await
        });
        let messages = answer.await?.messages.into_iter().map(PendingMessage::try_from);
        messages.collect::<Result<_, _>>().map_err(|error| malformed(&address, &error))
    }

    /// Handles a held message; the oldest one if several have this id.
    pub async fn handle(&self, id: MessageId, handling: Handling) -> Result<Done, ClientError> {
        let (handling, millis) = match handling {
            Handling::Deliver => (proto::Handling::Deliver, None),
            Handling::Discard => (proto::Handling::Discard, None),
            Handling::Delay { millis } => (proto::Handling::Delay, Some(millis)),
            Handling::Duplicate => (proto::Handling::Duplicate, None),
        };
        let request = proto::HandleRequest { message: Some(id.into()), handling: handling.into(), millis };
        self.control(id.to, async move |mut control| control.handle(request).await).await
    }

    /// Lets a node's timer fire now. At the other nodes the same time passes, but none of their timers fires.
    pub async fn tick(&self, node: NodeId) -> Result<Done, ClientError> {
        let nodes = self.met().await?;
        let left = self.time_left(node).await?;
        // The others first: a voter must not believe that it has just heard a leader.
        for other in nodes.into_iter().filter(|other| *other != node) {
            // A node that is down has no time to pass.
            let _ = self.tick_at(other, Some(left)).await;
        }
        self.tick_at(node, None).await?;
        Ok(Done::Ticked { node, millis: left.div_ceil(1_000) })
    }

    async fn time_left(&self, node: NodeId) -> Result<u64, ClientError> {
        self.report(node).await.map(|reported| reported.timer_micros)
    }

    async fn tick_at(&self, node: NodeId, micros: Option<u64>) -> Result<u64, ClientError> {
        let deadline = self.silence(SILENT);
        let address = self.address(node, deadline).await?;
        let request = proto::TickRequest { micros };
        let answer = self
            .ask(&address, deadline, |channel: Channel| async move { ControlClient::new(channel).tick(request).await });
        let proto::TickResponse { micros, refused } = answer.await?;
        match refused {
            Some(refused) => Err(refusal(refused).into()),
            None => Ok(micros),
        }
    }

    /// Appends `count` forged entries to a replica's log.
    pub async fn inject(
        &self,
        node: NodeId,
        epoch: Option<Epoch>,
        key: Bytes,
        value: Bytes,
        count: u64,
    ) -> Result<Done, ClientError> {
        let request = proto::InjectRequest { epoch: epoch.map(|epoch| epoch.0), key, value, count };
        self.control(node, async move |mut control| control.inject(request).await).await
    }

    /// The nodes of the cluster, once they are known.
    async fn met(&self) -> Result<Vec<NodeId>, ClientError> {
        if self.nodes().is_empty() {
            self.meet(self.deadline()).await?;
        }
        Ok(self.nodes().into_iter().map(|(id, _)| id).collect())
    }

    /// A request to one node's Control service.
    pub(super) async fn control<F>(
        &self,
        node: NodeId,
        ask: impl FnOnce(ControlClient<Channel>) -> F,
    ) -> Result<Done, ClientError>
    where
        F: Future<Output = Result<tonic::Response<proto::ControlResponse>, tonic::Status>>,
    {
        let deadline = self.deadline();
        let address = self.address(node, deadline).await?;
        let answer = self.ask(&address, deadline, |channel: Channel| ask(ControlClient::new(channel)));
        done(answer.await?)
    }
}

/// The nodes that have the rule: both ends if it drops messages, otherwise the receiver.
fn ends(rule: &LinkRule, both_ways: bool) -> Vec<NodeId> {
    let from = rule.from.filter(|_| both_ways || rule.effect == Effect::Drop);
    from.into_iter().chain(rule.to).collect()
}
