//! Faults of the processes of a running cluster. Faults of their gates are in [`super::link_rules`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::client::ClientError;
use crate::cluster::ProcessEvent;
use crate::cluster::asked::grown;
use crate::cluster::members::Members;
use crate::cluster::process::Process;
use crate::protocol::NodeId;
use crate::wire::done::Done;
use crate::wire::refusal::Refusal;

/// The time limit for a process to end.
pub(super) const END_TIMEOUT: Duration = Duration::from_secs(5);
/// The time limit for a restarted node to answer, for a caller with the usual deadline.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(5);

impl Members {
    pub async fn kill(&self, node: NodeId) -> Result<Done, Refusal> {
        let kill = |process: &Process| (process.kill(), process.end_within(END_TIMEOUT));
        let (((), end), pid) = self.end_process(node, kill)?;
        if !end.await {
            return Err(Refusal::DoesNotEnd { node });
        }
        self.tell(ProcessEvent::Killed(node));
        Ok(Done::Killed { node, pid })
    }

    /// Ends the process if it runs, and starts a new one on the same data; returns its pid.
    pub async fn restart(self: &Arc<Self>, node: NodeId) -> Result<u32, Refusal> {
        self.check(node)?;
        if self.was_rebuilt() {
            return Err(Refusal::Rebuilt {});
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
        Ok(pid)
    }

    pub fn pause(&self, node: NodeId) -> Result<Done, Refusal> {
        let (paused, pid) = self.with_process(node, Process::pause)?;
        if !paused {
            return Err(Refusal::Paused { node });
        }
        self.tell(ProcessEvent::Paused(node));
        Ok(Done::Paused { node, pid })
    }

    pub async fn resume(&self, node: NodeId) -> Result<Done, Refusal> {
        let (resumed, pid) = self.with_process(node, Process::resume)?;
        if !resumed {
            return Err(Refusal::NotPaused { node });
        }
        self.tell(ProcessEvent::Resumed(node));
        self.repeat(node).await?;
        Ok(Done::Resumed { node, pid })
    }

    /// Waits until the new process answers. An error if it ends, or if it does not answer in time.
    pub(super) async fn answers(&self, node: NodeId, pid: u32) -> Result<(), Refusal> {
        let client = self.new_client(ATTEMPT_TIMEOUT, None).map_err(by_node)?;
        let begun = Instant::now();
        let patience = grown(ANSWER_TIMEOUT);
        while begun.elapsed() < patience {
            if let Some(reason) = self.obituary(node) {
                return Err(Refusal::Ended { node, reason });
            }
            if client.report(node).await.is_ok_and(|reported| reported.pid == pid) {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        let subject = self.folder().log(node).display().to_string();
        Err(Refusal::NoAnswer { node, pid, subject })
    }
}

/// The error of a client that asked a node on behalf of a caller.
pub(super) fn by_node(error: ClientError) -> Refusal {
    let reason = error.to_string();
    match error {
        ClientError::Refused(refusal) => refusal,
        ClientError::UnknownNode { node, nodes } => Refusal::UnknownNode { node, nodes },
        ClientError::TimedOut { .. } => Refusal::TimedOut { reason },
        ClientError::NoLeader { .. } => Refusal::NoLeader {},
        ClientError::Unknown { .. } | ClientError::UnknownChange { .. } => Refusal::UnknownOutcome { reason },
        ClientError::Unreachable { .. }
        | ClientError::OtherCluster { .. }
        | ClientError::BadAddress { .. }
        | ClientError::NoLauncher { .. }
        | ClientError::NoRandom(_) => Refusal::Unreachable { reason },
    }
}
