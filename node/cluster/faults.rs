//! What is done to the processes of a running cluster on purpose. What is done to their gates is in [`super::lab`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::client::ClientError;
use crate::cluster::ProcessEvent;
use crate::cluster::asked::grown;
use crate::cluster::error::Refused;
use crate::cluster::members::Members;
use crate::cluster::process::Process;
use crate::protocol::NodeId;

/// How long a process may take to end.
pub(super) const END_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a restarted node may take to answer before that is said, for a caller with the usual deadline.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(5);

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

    /// Waits until the new process answers; an error if it ends, or says that it does not answer yet.
    pub(super) async fn answers(&self, node: NodeId, pid: u32) -> Result<(), Refused> {
        let client = self.new_client(ATTEMPT_TIMEOUT, None).map_err(by_node)?;
        let begun = Instant::now();
        let patience = grown(ANSWER_TIMEOUT);
        while begun.elapsed() < patience {
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

pub(super) fn by_node(error: ClientError) -> Refused {
    Refused::ByNode { code: error.code().to_owned(), message: error.to_string() }
}
