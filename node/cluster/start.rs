//! From nothing to a leader that accepts writes: ports, processes, the first election on a new folder.
//!
//! A free port can be taken before the node binds it: then all nodes start again on other ports. A node that ends
//! because of its data stays down, and the others start without it if they can elect a leader.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;

use crate::client::{Client, NodeStatus, ProcessState, Reported};
use crate::cluster::error::ClusterError;
use crate::cluster::folder::Folder;
use crate::cluster::known::KnownNodes;
use crate::cluster::members::Members;
use crate::cluster::ports::{free_ports, is_taken};
use crate::cluster::{Cluster, ClusterOptions, folder, missing, service};
use crate::protocol::trace::RoleName;
use crate::protocol::{Epoch, NodeId};

/// How often other ports are tried.
const PORT_ATTEMPTS: u32 = 10;
/// The time limit for nodes to answer: a final database may have to be rebuilt.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// The time limit for the first election after that, or this number of election timeouts if that is longer.
const LEADER_TIMEOUT: Duration = Duration::from_secs(30);
const ELECTION_TIMEOUTS: u32 = 20;
/// The pause between two checks.
const PAUSE: Duration = Duration::from_millis(10);
const STATUS_TIMEOUT: Duration = Duration::from_secs(1);

/// A leader accepts writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ready {
    /// The node that leads.
    pub leader: NodeId,
    /// The epoch that it leads.
    pub epoch: Epoch,
}

impl Cluster {
    /// Starts the nodes and waits until each answers or has ended. [`Cluster::ready`] waits for a leader.
    pub async fn start(options: ClusterOptions) -> Result<Cluster, ClusterError> {
        if !options.fresh {
            folder::check_restored(&options.data)?;
        }
        let mut folder = Folder::take(&options.data)?;
        if options.fresh {
            folder.empty()?;
        }
        let mut missing = Vec::new();
        let known = match KnownNodes::read(folder.path())? {
            Some(known) => {
                if let Some(nodes) = options.nodes {
                    known.check(folder.path(), nodes)?;
                }
                missing = missing::check(&folder, &known)?;
                known
            }
            None => folder.first_nodes(options.nodes)?,
        };
        let wanted = known.nodes.len() as u64;
        let mut options = options;
        let mut earlier = known.ports(options.base_port);
        for _ in 0..PORT_ATTEMPTS {
            let ports = match earlier.take() {
                Some(ports) => ports,
                None => free_ports(options.base_port, wanted)?,
            };
            let (members, events) = Members::new(options, folder, &known, &ports)?;
            let members = Arc::new(members);
            let cluster = match begin(members.clone()).await {
                Ok((launcher, service)) => {
                    let missing = missing.clone();
                    Cluster { members, launcher, service, events: Some(events), missing }
                }
                Err(error) => {
                    members.kill_all();
                    return Err(error);
                }
            };
            match cluster.all_answer(&ports).await? {
                Answered::All => return Ok(cluster),
                Answered::PortTaken => (options, folder) = cluster.take_apart().await?,
            }
        }
        Err(ClusterError::NoPorts { wanted, base: options.base_port })
    }

    /// Waits until a leader accepts writes. On a new folder the first node is asked to lead.
    pub async fn ready(&self) -> Result<Ready, ClusterError> {
        let client = self.members.new_client(STATUS_TIMEOUT, None)?;
        let begun = Instant::now();
        let mut why = String::from("no node answers");
        let election_timeout = self.members.options().election_timeout_ms.map_or(Duration::ZERO, Duration::from_millis);
        let patience = LEADER_TIMEOUT.max(election_timeout * ELECTION_TIMEOUTS);
        while begun.elapsed() < patience {
            if let Ok(nodes) = client.status().await {
                if let Some((ready, cluster)) = leading(&nodes) {
                    self.members.belongs_to(&cluster);
                    self.members.write_down_nodes()?;
                    return Ok(ready);
                }
                self.stand(&client, &nodes).await;
                why = state_of(&nodes);
            }
            self.enough_left()?;
            tokio::time::sleep(PAUSE).await;
        }
        let logs = self.data().to_owned();
        Err(ClusterError::NotReady { seconds: patience.as_secs(), why, logs })
    }

    /// On a new folder the first node is asked to lead. With manual elections this is the first of them.
    async fn stand(&self, client: &Client, nodes: &[NodeStatus]) {
        let replica =
            |node: &&NodeStatus| node.reported.as_ref().is_ok_and(|reported| reported.role == RoleName::Replica);
        let founded = |node: &NodeStatus| node.reported.as_ref().is_ok_and(|reported| reported.last.is_some());
        if self.members.options().manual
            && nodes.iter().any(founded)
            && let Some(node) = nodes.iter().find(replica)
        {
            let _ = client.lead(Some(node.id)).await;
        }
        let fresh = |node: &NodeStatus| {
            node.reported.as_ref().is_ok_and(|reported| reported.last.is_none() && reported.leader.is_none())
        };
        let idle = |node: &NodeStatus| node.reported.as_ref().is_ok_and(|reported| reported.role == RoleName::Replica);
        if nodes.len() == self.members.ids().len() && nodes.iter().all(fresh) && idle(&nodes[0]) {
            // Refused if an election runs already; then that one decides.
            let _ = client.stand(nodes[0].id).await;
        }
    }

    /// An error if too few nodes are left to elect a leader.
    fn enough_left(&self) -> Result<(), ClusterError> {
        let nodes = self.nodes();
        let ended: Vec<String> =
            nodes.iter().filter_map(|node| Some(format!("{} ended with {}", node.id, node.exit.as_ref()?))).collect();
        if 2 * (nodes.len() - ended.len()) > nodes.len() {
            return Ok(());
        }
        Err(ClusterError::NodesEnded { text: ended.join("\n") })
    }

    /// Waits until each node answers or has ended.
    async fn all_answer(&self, ports: &[u16]) -> Result<Answered, ClusterError> {
        let client = self.members.new_client(STATUS_TIMEOUT, None)?;
        let begun = Instant::now();
        while begun.elapsed() < ANSWER_TIMEOUT {
            let nodes = self.nodes();
            let ended = nodes.iter().zip(ports).filter(|(node, _)| node.exit.is_some());
            if ended.clone().any(|(_, port)| is_taken(*port)) {
                return Ok(Answered::PortTaken);
            }
            let answering = client.status().await.unwrap_or_default();
            let answers = |pid| {
                answering.iter().any(|node| node.reported.as_ref().is_ok_and(|reported| Some(reported.pid) == pid))
            };
            if nodes.iter().all(|node| node.state == ProcessState::Stopped || answers(node.pid)) {
                self.enough_left()?;
                return Ok(Answered::All);
            }
            tokio::time::sleep(PAUSE).await;
        }
        let why = "not every node answers".to_owned();
        Err(ClusterError::NotReady { seconds: ANSWER_TIMEOUT.as_secs(), why, logs: self.data().to_owned() })
    }

    /// Ends the started nodes and locks the folder again.
    async fn take_apart(self) -> Result<(ClusterOptions, Folder), ClusterError> {
        let options = self.members.options().clone();
        self.stop().await;
        let folder = Folder::take(&options.data)?;
        Ok((options, folder))
    }
}

enum Answered {
    All,
    PortTaken,
}

/// Serves the launcher, starts all processes and writes the description.
async fn begin(members: Arc<Members>) -> Result<(String, tokio::task::JoinHandle<()>), ClusterError> {
    let no_service = |error: std::io::Error| ClusterError::NoService(error.to_string());
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(no_service)?;
    let launcher = listener.local_addr().map_err(no_service)?.to_string();
    for node in members.ids() {
        members.start(node)?;
    }
    members.serves_at(&launcher);
    members.write_description()?;
    let service = tokio::spawn(service::serve(members, listener));
    Ok((launcher, service))
}

/// The leader whose opening entry is committed and applied, with the id of its cluster.
fn leading(nodes: &[NodeStatus]) -> Option<(Ready, Vec<u8>)> {
    let reported = nodes.iter().filter_map(|node| Some((node.id, node.reported.as_ref().ok()?)));
    let leaders = reported.filter(|(_, reported)| reported.role == RoleName::Leader);
    let (leader, reported): (NodeId, &Reported) = leaders.max_by_key(|(_, reported)| reported.epoch)?;
    let epoch = reported.epoch?;
    let takes_writes = reported.applied.is_some_and(|applied| applied.id.epoch == epoch);
    takes_writes.then_some((Ready { leader, epoch }, reported.cluster.as_ref()?.to_vec()))
}

fn state_of(nodes: &[NodeStatus]) -> String {
    let word = |node: &NodeStatus| match &node.reported {
        Ok(reported) => format!("{} is {}", node.id, reported.role.name()),
        Err(_) => format!("{} does not answer", node.id),
    };
    nodes.iter().map(word).collect::<Vec<_>>().join(", ")
}
