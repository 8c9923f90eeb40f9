//! Elections and leadership on request.

use tonic::transport::Channel;

use crate::client::Client;
use crate::client::error::ClientError;
use crate::client::processes::done;
use crate::protocol::NodeId;
use crate::wire::done::Done;
use crate::wire::proto;
use crate::wire::proto::control_client::ControlClient;

impl Client {
    /// Asks a node to start the first election; refused once its log is not empty.
    pub async fn stand(&self, node: NodeId) -> Result<Done, ClientError> {
        self.control(node, async |mut control| control.stand(proto::StandRequest {}).await).await
    }

    /// Transfers leadership to the node named, or to the replica that is caught up best. Asks the leader and waits
    /// until the target leads; without a leader asks the target to start an election.
    pub async fn lead(&self, to: Option<NodeId>) -> Result<Done, ClientError> {
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
        let done = done(answer.await.map_err(|error| self.with_step_mode(error))?)?;
        self.shared.finder.lost(&address);
        Ok(done)
    }
}
