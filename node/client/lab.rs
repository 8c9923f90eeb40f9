//! The lab's gates: rules, step mode, the messages that wait. Through the launcher where it must remember something,
//! else straight to the nodes.

use std::time::Duration;

use tonic::transport::Channel;

use crate::client::Client;
use crate::client::error::{ClientError, refused};
use crate::client::faults::done;
use crate::protocol::NodeId;
use crate::protocol::trace::{Effect, LinkRule, MessageId, PendingMessage};
use crate::wire::convert::Malformed;
use crate::wire::deadline::Deadline;
use crate::wire::proto;
use crate::wire::proto::control_client::ControlClient;
use crate::wire::proto::launcher_client::LauncherClient;

/// A node that has not answered by then counts as one that is down.
const SILENT: Duration = Duration::from_secs(1);

/// What is done to a message that waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Handling {
    Deliver,
    /// It is lost.
    Discard,
    /// It is delivered by itself after so long.
    Delay {
        millis: u64,
    },
    Duplicate,
}

impl Client {
    /// Puts a rule in force. Each of these gives a line for people.
    pub async fn rule(&self, rule: &LinkRule) -> Result<String, ClientError> {
        if rule.from.is_some() && rule.from == rule.to {
            let end = rule.to.unwrap_or(NodeId(0));
            return Err(refused("same_node", format!("a link has two ends; {end} was named twice")));
        }
        if let Some(launcher) = self.options().launcher.clone() {
            let request: proto::LinkRule = rule.into();
            let deadline = self.deadline();
            let answer = self.ask(&launcher, deadline, |channel: Channel| async move {
                LauncherClient::with_interceptor(channel, Deadline(deadline)).rule(request).await
            });
            return done(answer.await?).map(|done| done.message);
        }
        let ends = if rule.effect == Effect::Drop { [rule.from, rule.to] } else { [None, rule.to] };
        let mut told = String::new();
        for node in ends.into_iter().flatten() {
            told = self.rule_at(node, rule).await?;
        }
        Ok(told)
    }

    /// Puts a rule in force at one node.
    pub async fn rule_at(&self, node: NodeId, rule: &LinkRule) -> Result<String, ClientError> {
        let request: proto::LinkRule = rule.into();
        self.control(node, async move |mut control| control.rule(request).await).await
    }

    /// Lifts everything that is in force, at all nodes, step mode too. A node that is wrong on purpose is started again
    /// by its launcher; without one it stays wrong, and that is said.
    pub async fn lift(&self) -> Result<String, ClientError> {
        if let Some(launcher) = self.options().launcher.clone() {
            let deadline = self.deadline();
            let answer = self.ask(&launcher, deadline, |channel: Channel| async move {
                LauncherClient::with_interceptor(channel, Deadline(deadline)).lift(proto::LiftRequest {}).await
            });
            return done(answer.await?).map(|done| done.message);
        }
        let mut told = "nothing is in force any more".to_owned();
        for node in self.met().await? {
            self.lift_at(node).await?;
            if let Some(how) = self.report(node).await?.wrong {
                told += &format!("; {node} is still wrong on purpose ({how}): start it again without --wrong");
            }
        }
        Ok(told)
    }

    pub async fn lift_at(&self, node: NodeId) -> Result<String, ClientError> {
        self.control(node, async |mut control| control.lift(proto::LiftRequest {}).await).await
    }

    /// Step mode for the whole cluster: time stands still, every message waits.
    pub async fn step(&self, on: bool) -> Result<String, ClientError> {
        let request = proto::StepRequest { on };
        if let Some(launcher) = self.options().launcher.clone() {
            let deadline = self.deadline();
            let answer = self.ask(&launcher, deadline, |channel: Channel| async move {
                LauncherClient::with_interceptor(channel, Deadline(deadline)).step(request).await
            });
            return done(answer.await?).map(|done| done.message);
        }
        for node in self.met().await? {
            self.step_at(node, on).await?;
        }
        Ok(format!("step mode is {}", if on { "on: timers stand still, every message waits" } else { "off" }))
    }

    pub async fn step_at(&self, node: NodeId, on: bool) -> Result<String, ClientError> {
        let request = proto::StepRequest { on };
        self.control(node, async move |mut control| control.step(request).await).await
    }

    /// The messages that wait at all nodes that answer, the oldest first.
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
                // A node that is down keeps nothing.
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
        let malformed = |error: Malformed| refused("malformed", format!("{address}: {error}"));
        messages.collect::<Result<_, _>>().map_err(malformed)
    }

    /// Does something to a message that waits; to the oldest if several have the same id.
    pub async fn handle(&self, id: MessageId, handling: Handling) -> Result<String, ClientError> {
        let (name, millis) = match handling {
            Handling::Deliver => ("deliver", None),
            Handling::Discard => ("discard", None),
            Handling::Delay { millis } => ("delay", Some(millis)),
            Handling::Duplicate => ("duplicate", None),
        };
        let MessageId { from: NodeId(from), to: NodeId(to), number } = id;
        let request = proto::HandleRequest { from, to, number, handling: name.to_owned(), millis };
        self.control(id.to, async move |mut control| control.handle(request).await).await
    }

    /// Lets the node's timer run out now; at the others as much time goes by, but none of their timers runs out.
    pub async fn tick(&self, node: NodeId) -> Result<String, ClientError> {
        let nodes = self.met().await?;
        let left = self.time_left(node).await?;
        // First at the others: who is asked for a vote must not think that it has heard a leader just now.
        for other in nodes.into_iter().filter(|other| *other != node) {
            // A node that is down has no time.
            let _ = self.tick_at(other, Some(left)).await;
        }
        self.tick_at(node, None).await?;
        Ok(format!("the timer of {node} has run out: {} ms went by", left.div_ceil(1_000)))
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
        let proto::TickResponse { micros, refused: refusal } = answer.await?;
        match refusal {
            Some(refusal) => Err(refused(&refusal.code, refusal.message)),
            None => Ok(micros),
        }
    }

    /// Restarts a node so that it is wrong on purpose, or with `None` right again.
    pub async fn wrong(&self, node: NodeId, how: Option<&str>) -> Result<String, ClientError> {
        let deadline = self.deadline();
        let Some(launcher) = self.options().launcher.clone() else {
            self.address(node, deadline).await?;
            return Err(ClientError::NoLauncher { node });
        };
        let request = proto::WrongRequest { node: node.0, how: how.map(str::to_owned) };
        let answer = self.ask(&launcher, deadline, |channel: Channel| async move {
            LauncherClient::with_interceptor(channel, Deadline(deadline)).wrong(request).await
        });
        done(answer.await?).map(|done| done.message)
    }

    /// All nodes of the cluster, once it is known which they are.
    async fn met(&self) -> Result<Vec<NodeId>, ClientError> {
        if self.nodes().is_empty() {
            self.meet(self.deadline()).await?;
        }
        Ok(self.nodes().into_iter().map(|(id, _)| id).collect())
    }

    async fn control<F>(
        &self,
        node: NodeId,
        ask: impl FnOnce(ControlClient<Channel>) -> F,
    ) -> Result<String, ClientError>
    where
        F: Future<Output = Result<tonic::Response<proto::ControlResponse>, tonic::Status>>,
    {
        let deadline = self.deadline();
        let address = self.address(node, deadline).await?;
        let answer = self.ask(&address, deadline, |channel: Channel| ask(ControlClient::new(channel)));
        done(answer.await?).map(|done| done.message)
    }
}
