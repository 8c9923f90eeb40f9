//! The processes of a local cluster. Only their launcher may signal them.

use tonic::transport::Channel;

use crate::client::Client;
use crate::client::error::{ClientError, malformed, refusal};
use crate::client::reason::Reason;
use crate::client::types::Processes;
use crate::protocol::NodeId;
use crate::protocol::trace::Wrong;
use crate::wire::deadline::Deadline;
use crate::wire::done::Done;
use crate::wire::proto;
use crate::wire::proto::launcher_client::LauncherClient;
use crate::wire::refusal::Refusal;

impl Client {
    /// Kills the process; it stays down until it is restarted.
    pub async fn kill(&self, node: NodeId) -> Result<Done, ClientError> {
        let request = proto::ProcessRequest { node: node.0 };
        self.process(node, async move |mut launcher| launcher.kill(request).await).await
    }

    /// Ends the process if it runs, and starts it again.
    pub async fn restart(&self, node: NodeId) -> Result<Done, ClientError> {
        let request = proto::ProcessRequest { node: node.0 };
        self.process(node, async move |mut launcher| launcher.restart(request).await).await
    }

    /// Pauses the process.
    pub async fn pause(&self, node: NodeId) -> Result<Done, ClientError> {
        let request = proto::ProcessRequest { node: node.0 };
        self.process(node, async move |mut launcher| launcher.pause(request).await).await
    }

    /// Resumes a paused process.
    pub async fn resume(&self, node: NodeId) -> Result<Done, ClientError> {
        let request = proto::ProcessRequest { node: node.0 };
        self.process(node, async move |mut launcher| launcher.resume(request).await).await
    }

    /// Flips one bit of a node's stored log between a kill and a restart.
    pub async fn damage(&self, node: NodeId) -> Result<Done, ClientError> {
        let request = proto::ProcessRequest { node: node.0 };
        self.process(node, async move |mut launcher| launcher.damage(request).await).await
    }

    /// Restarts a node that is faulty on purpose; `None`: restarts it without the fault.
    pub async fn wrong(&self, node: NodeId, how: Option<Wrong>) -> Result<Done, ClientError> {
        let request = proto::WrongRequest { node: node.0, how: crate::wire::convert::wrong_to_wire(how) };
        self.process(node, async move |mut launcher| launcher.wrong(request).await).await
    }

    /// Starts one more node, which joins the cluster.
    pub async fn grow(&self, learner: bool) -> Result<Done, ClientError> {
        let launcher = self.options().launcher.clone().ok_or(Refusal::NoLauncher {})?;
        self.launcher(&launcher, async move |mut launcher| launcher.grow(proto::GrowRequest { learner }).await).await
    }

    /// Removes a node and ends its process if a launcher started it; `None`: no launcher did.
    pub async fn shrink(&self, node: NodeId) -> Result<Option<Done>, ClientError> {
        let started = self.processes().await?.is_some_and(|known| known.nodes.iter().any(|known| known.id == node));
        let Some(launcher) = self.options().launcher.clone().filter(|_| started) else { return Ok(None) };
        let request = proto::ProcessRequest { node: node.0 };
        self.launcher(&launcher, async move |mut launcher| launcher.shrink(request).await).await.map(Some)
    }

    /// The processes of a local cluster; `None` without a launcher.
    pub async fn processes(&self) -> Result<Option<Processes>, ClientError> {
        let Some(launcher) = self.options().launcher.clone() else { return Ok(None) };
        let answer = self.ask(&launcher, self.deadline(), |channel: Channel| async move {
            LauncherClient::new(channel).describe(proto::DescribeRequest {}).await
        });
        answer.await?.try_into().map(Some).map_err(|error| malformed(&launcher, &error))
    }

    async fn process<F>(&self, node: NodeId, ask: impl FnOnce(Launcher) -> F) -> Result<Done, ClientError>
    where
        F: Future<Output = Result<tonic::Response<proto::ControlResponse>, tonic::Status>>,
    {
        let Some(launcher) = self.options().launcher.clone() else {
            self.address(node, self.deadline()).await?;
            return Err(ClientError::NoLauncher { node });
        };
        self.launcher(&launcher, ask).await
    }

    /// A request to the launcher, with the caller's deadline.
    pub(super) async fn launcher<F>(&self, address: &str, ask: impl FnOnce(Launcher) -> F) -> Result<Done, ClientError>
    where
        F: Future<Output = Result<tonic::Response<proto::ControlResponse>, tonic::Status>>,
    {
        let deadline = self.deadline();
        let answer = self.ask(address, deadline, |channel: Channel| {
            ask(LauncherClient::with_interceptor(channel, Deadline(deadline)))
        });
        done(answer.await?)
    }
}

pub(super) type Launcher = LauncherClient<tonic::service::interceptor::InterceptedService<Channel, Deadline>>;

pub(super) fn done(answer: proto::ControlResponse) -> Result<Done, ClientError> {
    use proto::control_response::Outcome;
    match answer.outcome {
        Some(Outcome::Done(done)) => {
            Done::try_from(done).map_err(|error| Refusal::Malformed { reason: error.to_string() }.into())
        }
        Some(Outcome::Refused(refused)) => Err(refusal(refused).into()),
        None => Err(Refusal::Malformed { reason: Reason::Empty.to_string() }.into()),
    }
}
