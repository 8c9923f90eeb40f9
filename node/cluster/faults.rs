//! What is done to a running cluster on purpose. Cuts and holds are written down, so that a node that was restarted or
//! was paused gets them again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::client::ClientError;
use crate::cluster::ProcessEvent;
use crate::cluster::error::Refused;
use crate::cluster::members::Members;
use crate::cluster::process::{Process, State};
use crate::protocol::NodeId;

/// How long a process may take to end.
const END_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a restarted node may take to answer before that is said.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);
/// How long a node may take to put a cut or a hold in force.
const FAULT_TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(5);
/// The one kind of messages that can be held.
const COMMIT_ORDER: &str = "commit-order";

/// A link or a hold, at the nodes that must know of it.
#[derive(Clone, Debug)]
pub(super) enum LabFault {
    Cut(NodeId, NodeId),
    Heal(NodeId, NodeId),
    Hold(NodeId, String),
    Release(NodeId, String),
}

impl Members {
    /// Each of these gives a line for people.
    pub async fn kill(&self, node: NodeId) -> Result<String, Refused> {
        let kill = |process: &Process| (process.kill(), process.end_within(END_TIMEOUT));
        let (((), end), pid) = self.end_process(node, kill)?;
        if !end.await {
            return Err(Refused::DoesNotEnd(node));
        }
        self.tell(ProcessEvent::Killed(node));
        Ok(format!("{node} killed (pid {pid}); `fault restart {}` starts it again", node.0))
    }

    /// Ends the process if it runs, and starts a new one on the same data.
    pub async fn restart(self: &Arc<Self>, node: NodeId) -> Result<String, Refused> {
        self.check(node)?;
        if self.was_rebuilt() {
            return Err(Refused::Rebuilt);
        }
        let terminate = |process: &Process| (process.terminate(), process.end_within(END_TIMEOUT));
        if let Ok((((), end), _)) = self.end_process(node, terminate)
            && !end.await
        {
            self.kill(node).await?;
        }
        let pid = self.start(node)?;
        self.tell(ProcessEvent::Restarted(node));
        self.answers(node, pid).await?;
        self.repeat(node).await?;
        Ok(format!("{node} restarted (pid {pid})"))
    }

    pub fn pause(&self, node: NodeId) -> Result<String, Refused> {
        let (paused, pid) = self.with_process(node, Process::pause)?;
        if !paused {
            return Err(Refused::Paused(node));
        }
        self.tell(ProcessEvent::Paused(node));
        Ok(format!("{node} paused (pid {pid}); `fault resume {}` lets it go on", node.0))
    }

    pub async fn resume(&self, node: NodeId) -> Result<String, Refused> {
        let (resumed, pid) = self.with_process(node, Process::resume)?;
        if !resumed {
            return Err(Refused::NotPaused(node));
        }
        self.tell(ProcessEvent::Resumed(node));
        self.repeat(node).await?;
        Ok(format!("{node} goes on (pid {pid})"))
    }

    /// Writes the fault down and puts it in force at the nodes that run; the others get it when they run again.
    pub async fn make(&self, fault: LabFault) -> Result<String, Refused> {
        if !self.options().lab {
            return Err(Refused::LabOnly);
        }
        for node in fault.nodes() {
            self.check(node)?;
        }
        if let LabFault::Hold(_, kind) | LabFault::Release(_, kind) = &fault
            && kind != COMMIT_ORDER
        {
            return Err(Refused::UnknownKind { kind: kind.clone() });
        }
        self.write_down(&fault);
        let mut later = Vec::new();
        for node in fault.nodes() {
            if self.with_process(node, Process::state).is_ok_and(|(state, _)| state == State::Running) {
                self.put_in_force(node, &fault).await?;
            } else {
                later.push(node.to_string());
            }
        }
        let told = fault.told();
        Ok(match later.is_empty() {
            true => told,
            false => format!("{told} ({} takes it over when it runs)", later.join(" and ")),
        })
    }

    fn write_down(&self, fault: &LabFault) {
        let mut in_force = self.in_force();
        match fault {
            LabFault::Cut(a, b) => _ = in_force.cuts.insert((*a.min(b), *a.max(b))),
            LabFault::Heal(a, b) => _ = in_force.cuts.remove(&(*a.min(b), *a.max(b))),
            LabFault::Hold(node, kind) => _ = in_force.holds.insert((*node, kind.clone())),
            LabFault::Release(node, kind) => _ = in_force.holds.remove(&(*node, kind.clone())),
        }
    }

    async fn put_in_force(&self, node: NodeId, fault: &LabFault) -> Result<(), Refused> {
        let client = self.new_client(FAULT_TIMEOUT, None).map_err(by_node)?;
        match fault {
            LabFault::Cut(a, b) => client.cut_at(node, if node == *a { *b } else { *a }).await,
            LabFault::Heal(a, b) => client.heal_at(node, if node == *a { *b } else { *a }).await,
            LabFault::Hold(_, kind) => client.hold(node, kind).await.map(drop),
            LabFault::Release(_, kind) => client.release(node, kind).await.map(drop),
        }
        .map_err(by_node)
    }

    /// Puts in force again what was in force at a node; what was healed while it was paused is healed there, too.
    async fn repeat(&self, node: NodeId) -> Result<(), Refused> {
        if !self.options().lab {
            return Ok(());
        }
        for fault in self.faults_of(node) {
            self.put_in_force(node, &fault).await?;
        }
        Ok(())
    }

    fn faults_of(&self, node: NodeId) -> Vec<LabFault> {
        let in_force = self.in_force();
        let link = |other: NodeId| match in_force.cuts.contains(&(node.min(other), node.max(other))) {
            true => LabFault::Cut(node, other),
            false => LabFault::Heal(node, other),
        };
        let hold = match in_force.holds.contains(&(node, COMMIT_ORDER.to_owned())) {
            true => LabFault::Hold(node, COMMIT_ORDER.to_owned()),
            false => LabFault::Release(node, COMMIT_ORDER.to_owned()),
        };
        // Holds first: what is held must not slip through a link.
        [hold].into_iter().chain(self.ids().into_iter().filter(|other| *other != node).map(link)).collect()
    }

    /// Waits until the new process answers; an error if it ends, or says that it does not answer yet.
    async fn answers(&self, node: NodeId, pid: u32) -> Result<(), Refused> {
        let client = self.new_client(ATTEMPT_TIMEOUT, None).map_err(by_node)?;
        let begun = Instant::now();
        while begun.elapsed() < ANSWER_TIMEOUT {
            if let Some(why) = self.obituary(node) {
                return Err(Refused::Ended { node, why });
            }
            if client.report(node).await.is_ok_and(|reported| reported.pid == pid) {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        let why = format!("its pid is {pid}; its words are in {}", self.folder().log(node).display());
        Err(Refused::NoAnswer { node, why })
    }
}

impl LabFault {
    fn nodes(&self) -> Vec<NodeId> {
        match self {
            LabFault::Cut(a, b) | LabFault::Heal(a, b) => vec![*a, *b],
            LabFault::Hold(node, _) | LabFault::Release(node, _) => vec![*node],
        }
    }

    fn told(&self) -> String {
        match self {
            LabFault::Cut(a, b) => format!("the link between {a} and {b} is cut"),
            LabFault::Heal(a, b) => format!("the link between {a} and {b} is healed"),
            LabFault::Hold(node, kind) => format!("{node} holds every {kind} that comes to it"),
            LabFault::Release(node, kind) => format!("{node} lets every {kind} through"),
        }
    }
}

fn by_node(error: ClientError) -> Refused {
    Refused::ByNode { code: error.code().to_owned(), message: error.to_string() }
}
