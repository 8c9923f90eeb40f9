//! The processes of a cluster: starting, ending and describing each. What it takes until they lead is in
//! [`super::start`]; what is done to them on purpose in [`super::faults`].

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;

use crate::client::{Client, ClientError, InForce, Options};
use crate::cluster::error::{ClusterError, Refused};
use crate::cluster::folder::Folder;
use crate::cluster::process::{Process, State};
use crate::cluster::{ClusterOptions, NodeProcess, ProcessEvent};
use crate::protocol::NodeId;

/// How many events wait for whoever shows them.
const EVENTS: usize = 256;

pub(super) struct Members {
    options: ClusterOptions,
    folder: Folder,
    executable: Executable,
    slots: Vec<Slot>,
    in_force: Mutex<InForce>,
    events: mpsc::Sender<ProcessEvent>,
}

/// One node: where it listens, and its process if it was started.
struct Slot {
    id: NodeId,
    address: String,
    process: Mutex<Option<Held>>,
}

struct Held {
    process: Process,
    /// Somebody ended it, so its end is no news.
    ended_on_purpose: bool,
}

/// The executable as it was when the cluster started.
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
        ports: &[u16],
    ) -> Result<(Members, mpsc::Receiver<ProcessEvent>), ClusterError> {
        let executable = Executable::of(&options.executable).map_err(|error| ClusterError::NotStarted {
            executable: options.executable.clone(),
            reason: error.to_string(),
        })?;
        let slot = |(index, port): (usize, &u16)| Slot {
            id: NodeId(index as u64 + 1),
            address: format!("127.0.0.1:{port}"),
            process: Mutex::new(None),
        };
        let slots = ports.iter().enumerate().map(slot).collect();
        let (events, heard) = mpsc::channel(EVENTS);
        Ok((Members { options, folder, executable, slots, in_force: Mutex::default(), events }, heard))
    }

    pub fn options(&self) -> &ClusterOptions {
        &self.options
    }

    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    pub fn ids(&self) -> Vec<NodeId> {
        self.slots.iter().map(|slot| slot.id).collect()
    }

    pub fn in_force(&self) -> MutexGuard<'_, InForce> {
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn new_client(&self, timeout: Duration, launcher: Option<String>) -> Result<Client, ClientError> {
        let nodes: Vec<_> = self.slots.iter().map(|slot| (slot.id, slot.address.clone())).collect();
        Client::of_nodes(&nodes, Options { timeout, launcher, cluster: None })
    }

    pub fn was_rebuilt(&self) -> bool {
        Executable::of(&self.options.executable).ok().as_ref() != Some(&self.executable)
    }

    pub fn check(&self, node: NodeId) -> Result<(), Refused> {
        self.slot(node).map(drop)
    }

    fn slot(&self, node: NodeId) -> Result<&Slot, Refused> {
        let last = self.slots.len() as u64;
        self.slots.iter().find(|slot| slot.id == node).ok_or(Refused::UnknownNode { node, last })
    }

    /// Starts the node's process; refused if one runs.
    pub fn start(self: &Arc<Self>, node: NodeId) -> Result<u32, Refused> {
        let slot = self.slot(node)?;
        let mut held = slot.held();
        if held.as_ref().is_some_and(|held| held.process.state() != State::Ended) {
            return Err(Refused::DoesNotEnd(node));
        }
        self.folder.turn_log(node);
        let started = Process::start(self.command(slot), &self.folder.log(node));
        let process = started.map_err(|error| Refused::NotStarted { node, reason: error.to_string() })?;
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
        for peer in self.slots.iter().filter(|peer| peer.id != slot.id) {
            command.args(["--peer", &format!("{}={}", peer.id.0, peer.address)]);
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
        // What a person has set for their own commands is not meant for the nodes.
        command.env_remove("EPOCA_CONNECT");
        command
    }

    /// What is in force at a node goes with its start, so that nothing slips through before.
    fn lab_arguments(&self, node: NodeId) -> Vec<String> {
        let in_force = self.in_force();
        let rules = in_force.rules.iter().filter(|rule| rule.concerns(node));
        let rules = rules.flat_map(|rule| ["--rule".to_owned(), rule.to_string()]);
        let frozen = in_force.frozen.then(|| "--frozen".to_owned());
        let wrong = in_force.wrong.get(&node).into_iter().flat_map(|how| ["--wrong".to_owned(), how.clone()]);
        rules.chain(frozen).chain(wrong).collect()
    }

    /// Tells that a process has ended, if nobody ended it.
    fn mourn(&self, node: NodeId, pid: u32) {
        let Ok(slot) = self.slot(node) else { return };
        let obituary = match &*slot.held() {
            Some(held) if held.process.pid() == pid && !held.ended_on_purpose => held.process.obituary(),
            _ => return,
        };
        self.tell(ProcessEvent::Ended(node, obituary));
    }

    /// Whoever shows events and does not keep up misses some; nothing depends on them.
    pub fn tell(&self, event: ProcessEvent) {
        let _ = self.events.try_send(event);
    }

    /// Does something to the node's process if it has not ended; gives what that made, and the process's pid.
    pub fn with_process<T>(&self, node: NodeId, act: impl FnOnce(&Process) -> T) -> Result<(T, u32), Refused> {
        match &*self.slot(node)?.held() {
            Some(held) if held.process.state() != State::Ended => Ok((act(&held.process), held.process.pid())),
            _ => Err(Refused::NotRunning(node)),
        }
    }

    /// As [`Members::with_process`], for what ends the process.
    pub fn end_process<T>(&self, node: NodeId, act: impl FnOnce(&Process) -> T) -> Result<(T, u32), Refused> {
        match &mut *self.slot(node)?.held() {
            Some(held) if held.process.state() != State::Ended => {
                held.ended_on_purpose = true;
                Ok((act(&held.process), held.process.pid()))
            }
            _ => Err(Refused::NotRunning(node)),
        }
    }

    /// How the node's process ended, if it has.
    pub fn obituary(&self, node: NodeId) -> Option<String> {
        let held = self.slot(node).ok()?.held();
        held.as_ref().filter(|held| held.process.state() == State::Ended).map(|held| held.process.obituary())
    }

    pub fn describe(&self) -> Vec<NodeProcess> {
        self.slots.iter().map(|slot| self.describe_one(slot)).collect()
    }

    fn describe_one(&self, slot: &Slot) -> NodeProcess {
        let held = slot.held();
        let (state, pid, exit) = match &*held {
            Some(held) => match held.process.state() {
                State::Running => ("running", Some(held.process.pid()), None),
                State::Paused => ("paused", Some(held.process.pid()), None),
                State::Ended => ("stopped", None, (!held.ended_on_purpose).then(|| held.process.obituary())),
            },
            None => ("stopped", None, None),
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

    /// Kills what still runs; the threads that wait for the processes take them away.
    pub fn kill_all(&self) {
        for node in self.ids() {
            // Nothing to kill is what is wanted.
            let _ = self.end_process(node, Process::kill);
        }
    }
}

impl Slot {
    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
