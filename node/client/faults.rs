//! Faults made on purpose, and the launcher: kill, restart, pause, resume and damage are its alone, since nobody else
//! may signal its processes. Cuts and holds go through it where there is one, so that it repeats them after a restart.

use std::time::Instant;

use bytes::Bytes;
use tonic::transport::Channel;

use crate::client::Client;
use crate::client::error::{ClientError, refused};
use crate::client::types::{Processes, Written};
use crate::protocol::{Epoch, NodeId};
use crate::wire::deadline::Deadline;
use crate::wire::proto;
use crate::wire::proto::control_client::ControlClient;
use crate::wire::proto::launcher_client::LauncherClient;

/// What is done to a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ProcessFault {
    Kill,
    Restart,
    Pause,
    Resume,
    Damage,
}

impl Client {
    /// Ends the process at once; it stays dead until it is restarted. Each of these gives a line for people.
    pub async fn kill(&self, node: NodeId) -> Result<String, ClientError> {
        self.process(ProcessFault::Kill, node).await.map(|done| done.message)
    }

    pub async fn restart(&self, node: NodeId) -> Result<String, ClientError> {
        self.process(ProcessFault::Restart, node).await.map(|done| done.message)
    }

    pub async fn pause(&self, node: NodeId) -> Result<String, ClientError> {
        self.process(ProcessFault::Pause, node).await.map(|done| done.message)
    }

    pub async fn resume(&self, node: NodeId) -> Result<String, ClientError> {
        self.process(ProcessFault::Resume, node).await.map(|done| done.message)
    }

    /// Lets the launcher turn one bit of a node's stored log, between a kill and a restart; gives the line for people
    /// and the entry that was hit.
    pub async fn damage(&self, node: NodeId) -> Result<(String, Option<Written>), ClientError> {
        let done = self.process(ProcessFault::Damage, node).await?;
        Ok((done.message, done.last.and_then(|point| point.try_into().ok())))
    }

    /// Cuts the link between two nodes in both directions.
    pub async fn cut(&self, a: NodeId, b: NodeId) -> Result<String, ClientError> {
        self.link(a, b, true).await
    }

    pub async fn heal(&self, a: NodeId, b: NodeId) -> Result<String, ClientError> {
        self.link(a, b, false).await
    }

    /// Holds back messages of one kind that come to a node, whoever sends them.
    pub async fn hold(&self, node: NodeId, kind: &str) -> Result<String, ClientError> {
        self.held(node, kind, true).await
    }

    pub async fn release(&self, node: NodeId, kind: &str) -> Result<String, ClientError> {
        self.held(node, kind, false).await
    }

    /// Puts `count` forged entries at the end of a replica's log; gives the line for people and the last entry.
    pub async fn inject(
        &self,
        node: NodeId,
        epoch: Option<Epoch>,
        key: Bytes,
        value: Bytes,
        count: u64,
    ) -> Result<(String, Option<Written>), ClientError> {
        let deadline = self.deadline();
        let address = self.address(node, deadline).await?;
        let request = proto::InjectRequest { epoch: epoch.map(|epoch| epoch.0), key, value, count };
        let answer = self.ask(&address, deadline, |channel: Channel| async move {
            ControlClient::new(channel).inject(request).await
        });
        let done = done(answer.await?)?;
        Ok((done.message, done.last.and_then(|point| point.try_into().ok())))
    }

    /// Asks a node to start the first election; refused once its log is not empty.
    pub async fn stand(&self, node: NodeId) -> Result<String, ClientError> {
        let deadline = self.deadline();
        let address = self.address(node, deadline).await?;
        let answer = self.ask(&address, deadline, async move |channel: Channel| {
            ControlClient::new(channel).stand(proto::StandRequest {}).await
        });
        done(answer.await?).map(|done| done.message)
    }

    /// Hands leadership over: to the node named, or to whoever is caught up best. Asks the leader and waits until the
    /// other one leads; if nobody leads, asks the node itself to stand.
    pub async fn lead(&self, to: Option<NodeId>) -> Result<String, ClientError> {
        let deadline = self.deadline();
        let named = match to {
            Some(to) => Some(self.address(to, deadline).await?),
            None => None,
        };
        let address = match (self.leader_now(deadline).await, named) {
            (Some(leader), _) => leader,
            (None, Some(named)) => named,
            (None, None) => self.leader(deadline).await?,
        };
        let request = proto::LeadRequest { node: to.map(|to| to.0) };
        let answer = self
            .ask(&address, deadline, |channel: Channel| async move { ControlClient::new(channel).lead(request).await });
        let done = done(answer.await.map_err(|error| self.told_of_step_mode(error))?)?;
        self.shared.finder.lost(&address);
        Ok(done.message)
    }

    /// The processes of a local cluster; `None` without a launcher.
    pub async fn processes(&self) -> Result<Option<Processes>, ClientError> {
        let Some(launcher) = self.options().launcher.clone() else { return Ok(None) };
        let answer = self.ask(&launcher, self.deadline(), |channel: Channel| async move {
            LauncherClient::new(channel).describe(proto::DescribeRequest {}).await
        });
        answer.await.map(|description| Some(description.into()))
    }

    async fn process(&self, fault: ProcessFault, node: NodeId) -> Result<proto::Done, ClientError> {
        let deadline = self.deadline();
        let Some(launcher) = self.options().launcher.clone() else {
            self.address(node, deadline).await?;
            return Err(ClientError::NoLauncher { node });
        };
        let request = proto::ProcessRequest { node: node.0 };
        let answer = self.ask(&launcher, deadline, |channel: Channel| async move {
            let mut client = LauncherClient::with_interceptor(channel, Deadline(deadline));
            match fault {
                ProcessFault::Kill => client.kill(request).await,
                ProcessFault::Restart => client.restart(request).await,
                ProcessFault::Pause => client.pause(request).await,
                ProcessFault::Resume => client.resume(request).await,
                ProcessFault::Damage => client.damage(request).await,
            }
        });
        done(answer.await?)
    }

    async fn link(&self, a: NodeId, b: NodeId, cut: bool) -> Result<String, ClientError> {
        if a == b {
            return Err(refused("same_node", format!("a link has two ends; {a} was named twice")));
        }
        let deadline = self.deadline();
        if let Some(launcher) = self.options().launcher.clone() {
            let request = proto::LinkPairRequest { a: a.0, b: b.0 };
            let answer = self.ask(&launcher, deadline, |channel: Channel| async move {
                let mut client = LauncherClient::with_interceptor(channel, Deadline(deadline));
                if cut { client.cut(request).await } else { client.heal(request).await }
            });
            return done(answer.await?).map(|done| done.message);
        }
        self.link_end(a, b, cut, deadline).await?;
        self.link_end(b, a, cut, deadline).await?;
        Ok(format!("the link between {a} and {b} is {}", if cut { "cut" } else { "healed" }))
    }

    /// Cuts the link at one of its ends.
    pub(crate) async fn cut_at(&self, at: NodeId, with: NodeId) -> Result<(), ClientError> {
        self.link_end(at, with, true, self.deadline()).await
    }

    pub(crate) async fn heal_at(&self, at: NodeId, with: NodeId) -> Result<(), ClientError> {
        self.link_end(at, with, false, self.deadline()).await
    }

    async fn link_end(&self, at: NodeId, with: NodeId, cut: bool, deadline: Instant) -> Result<(), ClientError> {
        let address = self.address(at, deadline).await?;
        let request = proto::LinkRequest { with: with.0 };
        let answer = self.ask(&address, deadline, |channel: Channel| async move {
            let mut client = ControlClient::new(channel);
            if cut { client.cut(request).await } else { client.heal(request).await }
        });
        done(answer.await?).map(drop)
    }

    async fn held(&self, node: NodeId, kind: &str, hold: bool) -> Result<String, ClientError> {
        let deadline = self.deadline();
        let kind = kind.to_owned();
        let answer = match self.options().launcher.clone() {
            Some(launcher) => {
                let request = proto::HoldNodeRequest { node: node.0, kind };
                self.ask(&launcher, deadline, |channel: Channel| async move {
                    let mut client = LauncherClient::with_interceptor(channel, Deadline(deadline));
                    if hold { client.hold(request).await } else { client.release(request).await }
                })
                .await?
            }
            None => {
                let address = self.address(node, deadline).await?;
                let request = proto::HoldRequest { kind };
                self.ask(&address, deadline, |channel: Channel| async move {
                    let mut client = ControlClient::new(channel);
                    if hold { client.hold(request).await } else { client.release(request).await }
                })
                .await?
            }
        };
        done(answer).map(|done| done.message)
    }
}

pub(super) fn done(answer: proto::ControlResponse) -> Result<proto::Done, ClientError> {
    match answer.outcome {
        Some(proto::control_response::Outcome::Done(done)) => Ok(done),
        Some(proto::control_response::Outcome::Refused(refusal)) => Err(refused(&refusal.code, refusal.message)),
        None => Err(refused("malformed", "the answer says nothing")),
    }
}
