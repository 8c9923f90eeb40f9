//! A local cluster of real processes. The launcher that starts them is their only parent, and only it signals them.
//!
//! ```text
//!   Cluster ── spawner thread ── epoca node --id 1 …      each with a pipe whose end it waits for,
//!      │                    └─── epoca node --id 2 …      a parent-death signal, a process group
//!      ├── cluster.json                                   where the shell finds them
//!      └── the launcher's service on the loopback         kill, restart, pause, resume, damage, cut, hold, step
//! ```
//!
//! A killed node stays down until a person restarts it. The caller chooses the executable.

mod error;

mod description;

mod known;

mod missing;

mod json_file;

mod folder;

mod ports;

mod spawner;

mod process;

mod members;

mod grow;

mod faults;

mod asked;

mod damage;

mod bit_flip;

mod link_rules;

mod start;

mod prepare;

mod service;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub use description::Description;
pub use error::ClusterError;
pub use prepare::{PreparedLog, prepare};
pub use start::Ready;

use crate::client::{Client, ProcessState};
use crate::protocol::{NodeId, Prefer};
use members::Members;

/// How long nodes have to end before they are killed.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// What to start.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// The executable that is run as `epoca node …`.
    pub executable: PathBuf,
    /// The folder for the data of all nodes.
    pub data: PathBuf,
    /// The number of nodes; `None`: as many as the folder holds, or [`ClusterOptions::NODES`] in a new one.
    pub nodes: Option<u64>,
    /// The search for free ports begins here; 0 uses any free ports.
    pub base_port: u16,
    /// Whether faults can be injected.
    pub lab: bool,
    /// Whether to delete the data of the nodes that ran here before.
    pub fresh: bool,
    /// The interval of heartbeats, in milliseconds; `None`: the default of `epoca node`.
    pub heartbeat_ms: Option<u64>,
    /// The election timeout, in milliseconds; `None`: the default of `epoca node`.
    pub election_timeout_ms: Option<u64>,
    /// Whether a person starts elections, except for the first one after the start.
    pub manual: bool,
    /// Which node should lead, all else being equal.
    pub prefer: Prefer,
    /// The lease of leaders, in milliseconds; 0: none.
    pub lease_ms: u64,
    /// Further options of `epoca node`, the same for all nodes.
    pub more: Vec<String>,
}

impl ClusterOptions {
    /// The number of nodes in a new cluster.
    pub const NODES: u64 = 4;

    /// Four nodes in a new folder, ports from 7101, no lab.
    pub fn new(executable: impl Into<PathBuf>, data: impl Into<PathBuf>) -> ClusterOptions {
        ClusterOptions {
            executable: executable.into(),
            data: data.into(),
            nodes: None,
            base_port: 7101,
            lab: false,
            fresh: false,
            heartbeat_ms: None,
            election_timeout_ms: None,
            manual: false,
            prefer: Prefer::None,
            lease_ms: 0,
            more: Vec::new(),
        }
    }
}

/// A change of a process, to be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProcessEvent {
    /// The launcher killed it.
    Killed(NodeId),
    /// The launcher started it again.
    Restarted(NodeId),
    /// The launcher stopped it with a signal.
    Paused(NodeId),
    /// The launcher resumed it.
    Resumed(NodeId),
    /// One more node was started, at this address.
    Grown(NodeId, String),
    /// It was removed from the cluster, and its process has ended.
    Removed(NodeId),
    /// It ended by itself: how, with its last line of output.
    Ended(NodeId, String),
}

/// A node's process as it is now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeProcess {
    /// The node.
    pub id: NodeId,
    /// `HOST:PORT`, where it listens.
    pub address: String,
    /// The process id; `None` while no process runs.
    pub pid: Option<u32>,
    /// The data folder.
    pub data: PathBuf,
    /// What the process does now.
    pub state: ProcessState,
    /// How it ended, if it ended by itself.
    pub exit: Option<String>,
}

/// A running local cluster. Dropping it kills the nodes; [`Cluster::stop`] ends them in order.
pub struct Cluster {
    members: Arc<Members>,
    launcher: String,
    service: JoinHandle<()>,
    events: Option<mpsc::Receiver<ProcessEvent>>,
    /// The nodes whose data was missing at the start.
    missing: Vec<NodeId>,
}

impl Cluster {
    /// The address of the launcher's service.
    pub fn launcher(&self) -> &str {
        &self.launcher
    }

    /// The folder of the data of all nodes.
    pub fn data(&self) -> &Path {
        self.members.folder().path()
    }

    /// The addresses of all nodes, by id.
    pub fn addresses(&self) -> Vec<String> {
        self.nodes().into_iter().map(|node| node.address).collect()
    }

    /// The processes as they are now, by id.
    pub fn nodes(&self) -> Vec<NodeProcess> {
        self.members.describe()
    }

    /// Warnings about the start: the nodes whose data was missing.
    pub fn warnings(&self) -> Vec<String> {
        self.missing.iter().map(|node| missing::warning(&self.members.folder().node(*node), *node)).collect()
    }

    /// A client of this cluster's nodes that knows the launcher.
    pub fn client(&self, timeout: Duration) -> Result<Client, ClusterError> {
        Ok(self.members.new_client(timeout, Some(self.launcher.clone()))?)
    }

    /// The events of the processes from now on. Can be taken once. Without a reader, events are dropped.
    pub fn take_events(&mut self) -> Option<mpsc::Receiver<ProcessEvent>> {
        self.events.take()
    }

    /// Ends all nodes: asks first, and kills those that do not end. Paused ones are resumed for that.
    pub async fn stop(self) {
        self.members.terminate(END_TIMEOUT).await;
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.service.abort();
        self.members.kill_all();
        Description::remove(self.members.folder().path());
        self.members.folder().release();
    }
}
