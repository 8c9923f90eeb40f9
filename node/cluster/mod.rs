//! A local cluster of real processes: the launcher that starts them is their only parent, and the only one who signals
//! them.
//!
//! ```text
//!   Cluster ── spawner thread ── epoca node --id 1 …      each with a pipe whose end it waits for,
//!      │                    └─── epoca node --id 2 …      a parent-death signal, a process group
//!      ├── cluster.json                                   where the shell finds them
//!      └── the launcher's service on the loopback         kill, restart, pause, resume, damage, cut, hold, step
//! ```
//!
//! A killed node stays dead until somebody restarts it. Which executable is run is the caller's business.

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

/// How long nodes get to end before they are killed.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// What to start.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// The executable that is run as `epoca node …`.
    pub executable: PathBuf,
    pub data: PathBuf,
    /// How many; unless told as many as the folder holds, or [`ClusterOptions::NODES`] in a new one.
    pub nodes: Option<u64>,
    /// Ports are counted up from here; 0 takes any that are free.
    pub base_port: u16,
    /// Whether faults can be made on purpose.
    pub lab: bool,
    /// Delete the data of the nodes that ran here before.
    pub fresh: bool,
    pub heartbeat_ms: Option<u64>,
    pub election_timeout_ms: Option<u64>,
    /// A person starts elections, but for the first one after the start.
    pub manual: bool,
    pub prefer: Prefer,
    pub lease_ms: u64,
    /// More options of `epoca node`, the same for all.
    pub more: Vec<String>,
}

impl ClusterOptions {
    /// Nodes of a new cluster.
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

/// Something that happened to a process, for whoever shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProcessEvent {
    Killed(NodeId),
    Restarted(NodeId),
    Paused(NodeId),
    Resumed(NodeId),
    /// One node more was started, at this address.
    Grown(NodeId, String),
    /// It was removed from the cluster, and its process has ended.
    Removed(NodeId),
    /// It ended by itself; how, and its last words.
    Ended(NodeId, String),
}

/// A node's process as it is now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeProcess {
    pub id: NodeId,
    pub address: String,
    pub pid: Option<u32>,
    pub data: PathBuf,
    pub state: ProcessState,
    /// How it ended, if it ended by itself.
    pub exit: Option<String>,
}

/// A running local cluster. Dropping it kills the nodes; [`Cluster::stop`] ends them well.
pub struct Cluster {
    members: Arc<Members>,
    launcher: String,
    service: JoinHandle<()>,
    events: Option<mpsc::Receiver<ProcessEvent>>,
    /// Whose data were gone at the start.
    missing: Vec<NodeId>,
}

impl Cluster {
    /// The address of the launcher's service.
    pub fn launcher(&self) -> &str {
        &self.launcher
    }

    pub fn data(&self) -> &Path {
        self.members.folder().path()
    }

    pub fn addresses(&self) -> Vec<String> {
        self.nodes().into_iter().map(|node| node.address).collect()
    }

    pub fn nodes(&self) -> Vec<NodeProcess> {
        self.members.describe()
    }

    /// What people should know of the start: whose data are gone.
    pub fn warnings(&self) -> Vec<String> {
        self.missing.iter().map(|node| missing::warning(&self.members.folder().node(*node), *node)).collect()
    }

    /// A client of this cluster's nodes that knows its launcher.
    pub fn client(&self, timeout: Duration) -> Result<Client, ClusterError> {
        Ok(self.members.new_client(timeout, Some(self.launcher.clone()))?)
    }

    /// What happens to the processes from now on; can be taken once. If nobody reads, events are dropped.
    pub fn take_events(&mut self) -> Option<mpsc::Receiver<ProcessEvent>> {
        self.events.take()
    }

    /// Ends all nodes: asked first, killed if they do not end. Paused ones go on for that.
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
