//! The status of nodes, and copies of their final data.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::time::timeout_at;
use tonic::transport::Channel;
use tonic::{Response, Status};

use crate::client::Client;
use crate::client::error::{ClientError, malformed, refusal};
use crate::client::nodes::{Absence, Answer, is_overload, overload, root_cause};
use crate::client::reason::Reason;
use crate::client::types::{NodeStatus, Reported};
use crate::protocol::NodeId;
use crate::protocol::trace::RoleName;
use crate::wire::endpoint::MESSAGE_BYTES_MAX;
use crate::wire::proto;
use crate::wire::proto::control_client::ControlClient;
use crate::wire::refusal::Refusal;

/// A node that has not answered after this long counts as not answering.
const STATUS_TIMEOUT: Duration = Duration::from_secs(1);

impl Client {
    /// Every known node, by id, whether it answers or not.
    pub async fn status(&self) -> Result<Vec<NodeStatus>, ClientError> {
        let deadline = self.silence(STATUS_TIMEOUT);
        let answers = self.shared.nodes.ask_all(deadline, |_, _| false).await;
        let mut nodes: BTreeMap<NodeId, NodeStatus> = BTreeMap::new();
        let mut why = BTreeMap::new();
        for Answer { address, status } in answers {
            match status {
                Ok(status) => {
                    let id = NodeId(status.id);
                    let reported = Reported::try_from(status).map_err(|error| Reason::Unreadable(error.to_string()));
                    nodes.insert(id, NodeStatus { id, address, reported });
                }
                Err(Absence::Gone(reason) | Absence::Silent(reason)) => {
                    why.insert(address, reason);
                }
                Err(Absence::OtherCluster) => {
                    why.insert(address, Reason::OtherCluster);
                }
            }
        }
        if nodes.is_empty() {
            let why = why.into_values().next().unwrap_or(Reason::NoAddress);
            return Err(ClientError::Unreachable { addresses: self.shared.nodes.named(), why });
        }
        for (id, address) in self.shared.nodes.ids() {
            let reason = why.get(&address).cloned().unwrap_or(Reason::NoAnswer);
            nodes.entry(id).or_insert(NodeStatus { id, address, reported: Err(reason) });
        }
        Ok(nodes.into_values().collect())
    }

    /// The status of one node.
    pub async fn report(&self, node: NodeId) -> Result<Reported, ClientError> {
        let deadline = self.deadline();
        let address = self.address(node, deadline).await?;
        let answer = self.ask(&address, deadline, |channel: Channel| async move {
            ControlClient::new(channel).status(proto::StatusRequest {}).await
        });
        answer.await?.try_into().map_err(|error| malformed(&address, &error))
    }

    /// Copies the final data of a node, or of the leader, as they are now. `take` receives the parts in order. Returns
    /// the length in bytes.
    pub async fn backup(
        &self,
        node: Option<NodeId>,
        mut take: impl FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<u64, ClientError> {
        let node = match node {
            Some(node) => node,
            None => self.leader_by_status().await?,
        };
        let address = self.address(node, self.deadline()).await?;
        let (mut position, mut offset) = (None, 0);
        loop {
            let request = proto::BackupRequest { position, offset };
            let part = self.ask(&address, self.deadline(), |channel: Channel| async move {
                let mut client = ControlClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
                client.backup(request).await
            });
            let proto::BackupResponse { position: at, total, part, refused } = part.await?;
            if let Some(refused) = refused {
                return Err(refusal(refused).into());
            }
            take(&part).map_err(|error| Refusal::Disk { reason: error.to_string() })?;
            offset += part.len() as u64;
            if offset >= total || part.is_empty() {
                return Ok(offset);
            }
            position = Some(at);
        }
    }

    async fn leader_by_status(&self) -> Result<NodeId, ClientError> {
        let nodes = self.status().await?;
        let leads = |node: &&NodeStatus| node.reported.as_ref().is_ok_and(|reported| reported.role == RoleName::Leader);
        let leader = nodes.iter().find(leads).map(|node| node.id);
        leader.ok_or(Refusal::NoLeader {}.into())
    }

    /// The address of a node; asks the other nodes if it is not known yet.
    pub(super) async fn address(&self, node: NodeId, deadline: Instant) -> Result<String, ClientError> {
        if let Some(address) = self.shared.nodes.address_of(node) {
            return Ok(address);
        }
        self.meet(deadline).await?;
        match self.shared.nodes.address_of(node) {
            Some(address) => Ok(address),
            None => {
                let nodes = self.nodes().into_iter().map(|(id, _)| id).collect();
                Err(ClientError::UnknownNode { node, nodes })
            }
        }
    }

    /// One request to one node, without a retry.
    pub(super) async fn ask<T, A: Future<Output = Result<Response<T>, Status>>>(
        &self,
        address: &str,
        deadline: Instant,
        request: impl FnOnce(Channel) -> A,
    ) -> Result<T, ClientError> {
        let unreachable = |why: Reason| ClientError::Unreachable { addresses: vec![address.to_owned()], why };
        let channel = self.shared.nodes.channel(address, deadline).await.map_err(unreachable)?;
        match timeout_at(deadline.into(), request(channel)).await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) if is_overload(&status) => Err(overload(address, &status).into()),
            Ok(Err(status)) => {
                self.shared.nodes.forget(address);
                Err(unreachable(root_cause(&status)))
            }
            Err(_) => {
                let why = Reason::Silent { address: address.to_owned() };
                Err(ClientError::TimedOut { timeout: self.timeout, why })
            }
        }
    }
}
