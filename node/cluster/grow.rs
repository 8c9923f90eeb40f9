//! Adding and removing nodes while the cluster runs: starts one more node, which joins; removes a node, then ends its
//! process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::client::{Client, ClientError, Reported};
use crate::cluster::ProcessEvent;
use crate::cluster::asked::grown;
use crate::cluster::faults::{END_TIMEOUT, by_node};
use crate::cluster::members::{Joins, Members};
use crate::cluster::ports::{free_ports, is_taken};
use crate::cluster::process::Process;
use crate::protocol::NodeId;
use crate::wire::done::Done;
use crate::wire::refusal::Refusal;

/// The time limit for a change of the member list.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(4);
/// How long a removed node has to learn of its removal before its process is ended anyway.
const HEARING_TIMEOUT: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(10);
/// How often another port is tried: a free port can be taken before the node binds it.
const PORT_ATTEMPTS: u32 = 3;

impl Members {
    /// Starts a node with the next id, which asks to be added. Returns when its process answers.
    pub async fn grow(self: &Arc<Self>, joins: Joins) -> Result<Done, Refusal> {
        if self.was_rebuilt() {
            return Err(Refusal::Rebuilt {});
        }
        let node = self.next_id().await?;
        let not_started = |reason: String| Refusal::NotStarted { node, reason };
        for attempt in 1.. {
            let ports = free_ports(self.options().base_port, 1).map_err(|error| not_started(error.to_string()))?;
            self.add(node, ports[0], joins);
            match self.start_grown(node).await {
                Ok(pid) => {
                    self.remember(node)?;
                    let address = self.address(node);
                    self.tell(ProcessEvent::Grown(node, address.clone()));
                    return Ok(Done::Joins { node, address, pid, learner: joins == Joins::Learner });
                }
                Err(refused) => {
                    self.forget(node);
                    if attempt == PORT_ATTEMPTS || !is_taken(ports[0]) {
                        return Err(refused);
                    }
                }
            }
        }
        unreachable!("the last attempt returns")
    }

    async fn start_grown(self: &Arc<Self>, node: NodeId) -> Result<u32, Refusal> {
        let pid = self.start(node)?;
        match self.answers(node, pid).await {
            // It is slow: the member list shows when it has joined.
            Ok(()) | Err(Refusal::NoAnswer { .. }) => Ok(pid),
            Err(refused) => Err(refused),
        }
    }

    /// Removes the node from the cluster, then ends its process. Its folder stays.
    pub async fn shrink(&self, node: NodeId) -> Result<Done, Refusal> {
        self.check(node)?;
        let client = self.new_client(grown(CHANGE_TIMEOUT), None).map_err(by_node)?;
        match client.remove_member(node).await {
            Ok(_) => {}
            // It was removed before, or was never added.
            Err(ClientError::Refused(Refusal::NoMember {})) => {}
            Err(error) => return Err(by_node(error)),
        }
        self.let_hear(&client, node).await;
        let terminate = |process: &Process| (process.terminate(), process.end_within(END_TIMEOUT));
        if let Ok((((), end), _)) = self.end_process(node, terminate)
            && !end.await
        {
            self.kill(node).await?;
        }
        let folder = self.folder().node(node).display().to_string();
        self.forget(node);
        self.remember(node)?;
        self.tell(ProcessEvent::Removed(node));
        Ok(Done::Left { node, folder })
    }

    /// Waits a short time until the node knows by its own log that it was removed.
    async fn let_hear(&self, client: &Client, node: NodeId) {
        let patience = grown(HEARING_TIMEOUT);
        let client = client.with_timeout(patience);
        let end = Instant::now() + patience;
        while Instant::now() < end {
            match client.report(node).await {
                Ok(reported) if lists(&reported, node) => {}
                _ => return,
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The next id: above every id with a folder, a process or a place in the member list.
    async fn next_id(&self) -> Result<NodeId, Refusal> {
        let client = self.new_client(grown(CHANGE_TIMEOUT), None).map_err(by_node)?;
        let (list, _) = client.members().await.map_err(by_node)?;
        let listed = list.membership.members.iter().map(|member| member.id);
        let folders = self.folder().nodes().unwrap_or_default();
        let last = listed.chain(folders).chain(self.ids()).max();
        Ok(NodeId(last.map_or(1, |last| last.0 + 1)))
    }

    fn address(&self, node: NodeId) -> String {
        self.addresses().into_iter().find(|(id, _)| *id == node).map(|(_, address)| address).unwrap_or_default()
    }

    fn remember(&self, node: NodeId) -> Result<(), Refusal> {
        self.write_down_nodes().map_err(|error| Refusal::NotRemembered { node, reason: error.to_string() })
    }
}

/// Whether a node's own list names it, or it has no list yet.
fn lists(reported: &Reported, node: NodeId) -> bool {
    reported.members.as_ref().is_none_or(|list| list.membership.member(node).is_some())
}
