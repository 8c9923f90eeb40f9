//! The processes of a cluster: starts, ends and describes each. Waiting for a leader is in [`super::start`], faults in
//! [`super::faults`].

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;

use crate::client::{Client, ClientError, InForce, Options, ProcessState};
use crate::cluster::description::{Description, Launcher, Node, hexadecimal};
use crate::cluster::error::ClusterError;
use crate::cluster::folder::Folder;
use crate::cluster::known::{KnownNode, KnownNodes};
use crate::cluster::process::{Process, State};
use crate::cluster::{ClusterOptions, NodeProcess, ProcessEvent};
use crate::protocol::NodeId;
use crate::wire::refusal::Refusal;

/// The most events that wait for a reader.
const EVENTS: usize = 256;

pub(super) struct Members {
    options: ClusterOptions,
    folder: Folder,
    executable: Executable,
    /// By id. Nodes are added and removed while the cluster runs.
    slots: RwLock<Vec<Arc<Slot>>>,
    found: OnceLock<String>,
    cluster: OnceLock<Vec<u8>>,
    in_force: Mutex<InForce>,
    events: mpsc::Sender<ProcessEvent>,
}

/// One node: where it listens, and its process if it was started.
struct Slot {
    id: NodeId,
    port: u16,
    address: String,
    /// It is not a founder, so it asks to be added.
    joins: Option<Joins>,
    process: Mutex<Option<Held>>,
}

/// The address that a new node asks to be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Joins {
    Voter,
    Learner,
}

struct Held {
    process: Process,
    /// The launcher ended it, so its end is not reported.
    ended_on_purpose: bool,
}

/// The executable's state when the cluster started.
#[derive(Clone, PartialEq, Eq)]
struct Executable {
    length: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

impl Executable {
    fn of(path: &Path) -> std::io::Result<Executable> {
        let found = fs::metadata(path)?;
        Ok(Executable { length: found.len(), modified: found.modified().ok(), inode: found.ino() })
    }
}

impl Members {
    pub fn new(
        options: ClusterOptions,
        folder: Folder,
        known: &KnownNodes,
        ports: &[u16],
    ) -> Result<(Members, mpsc::Receiver<ProcessEvent>), ClusterError> {
        let executable = Executable::of(&options.executable).map_err(|error| ClusterError::NotStarted {
            executable: options.executable.clone(),
            reason: error.to_string(),
        })?;
        let slot = |(node, port): (&KnownNode, &u16)| {
            let joins = node.joined.then_some(Joins::Voter);
            Arc::new(Slot { id: NodeId(node.id), port: *port, address: local(*port), joins, process: Mutex::new(None) })
        };
        let slots = RwLock::new(known.nodes.iter().zip(ports).map(slot).collect());
        let (events, heard) = mpsc::channel(EVENTS);
        let (found, cluster, in_force) = (OnceLock::new(), OnceLock::new(), Mutex::default());
        Ok((Members { options, folder, executable, slots, found, cluster, in_force, events }, heard))
    }

    pub fn options(&self) -> &ClusterOptions {
        &self.options
    }

    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    pub fn ids(&self) -> Vec<NodeId> {
        self.slots().iter().map(|slot| slot.id).collect()
    }

    pub fn in_force(&self) -> MutexGuard<'_, InForce> {
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn new_client(&self, timeout: Duration, launcher: Option<String>) -> Result<Client, ClientError> {
        Client::of_nodes(&self.addresses(), Options { timeout, launcher, ..Options::default() })
    }

    pub fn was_rebuilt(&self) -> bool {
        Executable::of(&self.options.executable).ok().as_ref() != Some(&self.executable)
    }

    pub fn check(&self, node: NodeId) -> Result<(), Refusal> {
        self.slot(node).map(drop)
    }

    fn slots(&self) -> Vec<Arc<Slot>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn addresses(&self) -> Vec<(NodeId, String)> {
        self.slots().iter().map(|slot| (slot.id, slot.address.clone())).collect()
    }

    /// Adds an entry for one more node.
    pub fn add(&self, id: NodeId, port: u16, joins: Joins) {
        let slot = Slot { id, port, address: local(port), joins: Some(joins), process: Mutex::new(None) };
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        slots.push(Arc::new(slot));
        slots.sort_by_key(|slot| slot.id);
    }

    /// Removes a node whose process has ended.
    pub fn forget(&self, node: NodeId) {
        self.slots.write().unwrap_or_else(PoisonError::into_inner).retain(|slot| slot.id != node);
        self.in_force().rules.retain(|rule| !rule.concerns(node));
    }

    /// The nodes that a later start on this folder starts.
    pub fn known(&self) -> KnownNodes {
        let node = |slot: &Arc<Slot>| KnownNode { id: slot.id.0, joined: slot.joins.is_some(), port: slot.port };
        KnownNodes { base_port: self.options.base_port, nodes: self.slots().iter().map(node).collect() }
    }

    /// The launcher's service answers at this address from now on.
    pub fn serves_at(&self, launcher: &str) {
        // Set once.
        let _ = self.found.set(launcher.to_owned());
    }

    /// The cluster that the nodes have founded.
    pub fn belongs_to(&self, cluster: &[u8]) {
        let _ = self.cluster.set(cluster.to_vec());
    }

    /// Records the nodes: for a later start on the folder, and for commands.
    pub fn write_down_nodes(&self) -> Result<(), ClusterError> {
        let folder = self.folder.path();
        self.known().write(folder).map_err(|error| ClusterError::Folder {
            action: "write into",
            path: folder.to_owned(),
            reason: error.to_string(),
        })?;
        self.write_description()
    }

    /// Writes the file with which commands find this cluster.
    pub fn write_description(&self) -> Result<(), ClusterError> {
        let address = self.found.get().cloned().unwrap_or_default();
        let nodes = self.describe().into_iter();
        let description = Description {
            launcher: Launcher { pid: std::process::id(), address },
            cluster: self.cluster.get().and_then(|cluster| hexadecimal(cluster)),
            lab: self.options.lab,
            nodes: nodes.map(|node| Node { id: node.id.0, address: node.address, data: node.data }).collect(),
        };
        let folder = self.folder.path();
        description.write(folder).map_err(|error| ClusterError::Folder {
            action: "write into",
            path: folder.to_owned(),
            reason: error.to_string(),
        })
    }

    fn slot(&self, node: NodeId) -> Result<Arc<Slot>, Refusal> {
        let slots = self.slots();
        let found = slots.iter().find(|slot| slot.id == node).cloned();
        found.ok_or_else(|| Refusal::UnknownNode { node, nodes: slots.iter().map(|slot| slot.id).collect() })
    }

    /// Starts the node's process; refused if one runs.
    pub fn start(self: &Arc<Self>, node: NodeId) -> Result<u32, Refusal> {
        let slot = self.slot(node)?;
        let mut held = slot.held();
        if held.as_ref().is_some_and(|held| held.process.state() != State::Ended) {
            return Err(Refusal::DoesNotEnd { node });
        }
        self.folder.turn_log(node);
        let started = Process::start(self.command(&slot), &self.folder.log(node));
        let process = started.map_err(|error| Refusal::NotStarted { node, reason: error.to_string() })?;
        let (pid, end) = (process.pid(), process.end());
        *held = Some(Held { process, ended_on_purpose: false });
        let members = Arc::downgrade(self);
        tokio::spawn(async move {
            end.await;
            if let Some(members) = members.upgrade() {
                members.mourn(node, pid);
            }
        });
        Ok(pid)
    }

    fn command(&self, slot: &Slot) -> Command {
        let options = &self.options;
        let mut command = Command::new(&options.executable);
        command.args(["node", "--end-with-stdin", "--id", &slot.id.0.to_string(), "--listen", &slot.address]);
        let others: Vec<_> = self.addresses().into_iter().filter(|(id, _)| *id != slot.id).collect();
        for (id, address) in &others {
            command.args(["--peer", &format!("{}={address}", id.0)]);
        }
        if let Some(joins) = slot.joins {
            let addresses: Vec<String> = others.into_iter().map(|(_, address)| address).collect();
            command.args(["--join", &addresses.join(",")]);
            command.args((joins == Joins::Learner).then_some("--learner"));
        }
        command.arg("--data").arg(self.folder.node(slot.id));
        if options.lab {
            command.arg("--lab").args(self.lab_arguments(slot.id));
        }
        for (name, value) in
            [("--heartbeat", options.heartbeat_ms), ("--election-timeout", options.election_timeout_ms)]
        {
            if let Some(value) = value {
                command.args([name, &value.to_string()]);
            }
        }
        if options.manual {
            command.args(["--election", "manual"]);
        }
        command.args(["--prefer", options.prefer.name(), "--lease", &options.lease_ms.to_string()]);
        command.args(&options.more);
        // Settings that a person made for their own commands are not for the nodes.
        command.env_remove("EPOCA_CONNECT");
        command
    }

    /// The rules in force at a node are passed to its start, so that no message passes before they are set.
    fn lab_arguments(&self, node: NodeId) -> Vec<String> {
        let in_force = self.in_force();
        let rules = in_force.rules.iter().filter(|rule| rule.concerns(node));
        let rules = rules.flat_map(|rule| ["--rule".to_owned(), rule.to_string()]);
        let frozen = in_force.frozen.then(|| "--frozen".to_owned());
        let every = in_force.every.then(|| "--every".to_owned());
        let pace = (!in_force.pace.is_real()).then(|| ["--pace".to_owned(), in_force.pace.slowdown().to_string()]);
        let wrong = in_force.wrong.get(&node).into_iter().flat_map(|how| ["--wrong".to_owned(), how.to_string()]);
        rules.chain(frozen).chain(every).chain(pace.into_iter().flatten()).chain(wrong).collect()
    }

    /// Reports that a process has ended, unless the launcher ended it.
    fn mourn(&self, node: NodeId, pid: u32) {
        let Ok(slot) = self.slot(node) else { return };
        let obituary = match &*slot.held() {
            Some(held) if held.process.pid() == pid && !held.ended_on_purpose => held.process.obituary(),
            _ => return,
        };
        self.tell(ProcessEvent::Ended(node, obituary));
    }

    /// A reader that does not keep up misses events; nothing depends on them.
    pub fn tell(&self, event: ProcessEvent) {
        let _ = self.events.try_send(event);
    }

    /// Applies `act` to the node's process if it has not ended; returns its result and the pid.
    pub fn with_process<T>(&self, node: NodeId, act: impl FnOnce(&Process) -> T) -> Result<(T, u32), Refusal> {
        match &*self.slot(node)?.held() {
            Some(held) if held.process.state() != State::Ended => Ok((act(&held.process), held.process.pid())),
            _ => Err(Refusal::NotRunning { node }),
        }
    }

    /// Like [`Members::with_process`], for operations that end the process.
    pub fn end_process<T>(&self, node: NodeId, act: impl FnOnce(&Process) -> T) -> Result<(T, u32), Refusal> {
        match &mut *self.slot(node)?.held() {
            Some(held) if held.process.state() != State::Ended => {
                held.ended_on_purpose = true;
                Ok((act(&held.process), held.process.pid()))
            }
            _ => Err(Refusal::NotRunning { node }),
        }
    }

    /// How the node's process ended, if it has.
    pub fn obituary(&self, node: NodeId) -> Option<String> {
        let slot = self.slot(node).ok()?;
        let held = slot.held();
        // The state changes a moment before the exit status is known.
        held.as_ref().filter(|held| held.process.exit_status().is_some()).map(|held| held.process.obituary())
    }

    pub fn describe(&self) -> Vec<NodeProcess> {
        self.slots().iter().map(|slot| self.describe_one(slot)).collect()
    }

    fn describe_one(&self, slot: &Slot) -> NodeProcess {
        let held = slot.held();
        let (state, pid, exit) = match &*held {
            Some(held) => match held.process.state() {
                State::Running => (ProcessState::Running, Some(held.process.pid()), None),
                State::Paused => (ProcessState::Paused, Some(held.process.pid()), None),
                State::Ended => {
                    (ProcessState::Stopped, None, (!held.ended_on_purpose).then(|| held.process.obituary()))
                }
            },
            None => (ProcessState::Stopped, None, None),
        };
        let data = self.folder.node(slot.id);
        NodeProcess { id: slot.id, address: slot.address.clone(), pid, data, state, exit }
    }

    /// Asks all processes to end, and kills those that do not.
    pub async fn terminate(&self, patience: Duration) {
        let ends: Vec<_> = self
            .ids()
            .into_iter()
            .filter_map(|node| self.end_process(node, |process| (process.terminate(), process.end())).ok())
            .map(|(((), end), _)| end)
            .collect();
        let all = futures_util::future::join_all(ends);
        if tokio::time::timeout(patience, all).await.is_err() {
            self.kill_all();
        }
    }

    /// Kills what still runs; the threads that wait for the processes reap them.
    pub fn kill_all(&self) {
        for node in self.ids() {
            // An error means that there is nothing to kill.
            let _ = self.end_process(node, Process::kill);
        }
    }
}

impl Slot {
    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn local(port: u16) -> String {
    format!("127.0.0.1:{port}")
}
