//! `fault damage N`: a node's process is killed, one bit of its stored log is turned, and it is started again.
//!
//! What it then does about it is its own business: it is told of the bit by nobody. Who looks after it, and how it
//! comes back, is in the runtime.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::cluster::ProcessEvent;
use crate::cluster::asked::grown;
use crate::cluster::bit_flip::{entry_to_flip, flip_bit};
use crate::cluster::faults::by_node;
use crate::cluster::members::Members;
use crate::protocol::{LogPoint, NodeId};
use crate::storage::StorageError;
use crate::wire::done::Done;
use crate::wire::refusal::Refusal;

/// A node that has not answered by then counts as one that is down.
const LOOK_TIMEOUT: Duration = Duration::from_secs(1);

impl Members {
    /// Turns one bit of a committed entry.
    pub async fn damage(self: &Arc<Self>, node: NodeId) -> Result<Done, Refusal> {
        self.check_damage(node).await?;
        let others = self.others_whole(node).await?;
        match self.kill(node).await {
            Ok(_) | Err(Refusal::NotRunning { .. }) => {}
            Err(refused) => return Err(refused),
        }
        let folder = self.folder().node(node);
        let flipped = on_disk(node, move || flip_bit(&folder)).await;
        // Whatever came of it, the node runs again.
        let pid = self.start(node)?;
        self.tell(ProcessEvent::Restarted(node));
        let last = flipped?;
        self.answers(node, pid).await?;
        let Others { whole, voters } = others;
        Ok(Done::Damaged { node, pid, last, whole: whole as u64, voters: voters as u64 })
    }

    /// Refused before anything is done to the process.
    async fn check_damage(&self, node: NodeId) -> Result<(), Refusal> {
        if !self.options().lab {
            return Err(Refusal::ClusterLabOnly {});
        }
        self.check(node)?;
        if self.was_rebuilt() {
            return Err(Refusal::Rebuilt {});
        }
        if self.ids().len() == 1 {
            return Err(Refusal::DamagedAlone { node });
        }
        let folder = self.folder().node(node);
        on_disk(node, move || entry_to_flip(&folder)).await.map(drop)
    }

    /// How many of the other voters run on the folders that the newest member list names, and how many voters there
    /// are.
    async fn others_whole(&self, node: NodeId) -> Result<Others, Refusal> {
        let client = self.new_client(grown(LOOK_TIMEOUT), None).map_err(by_node)?;
        // Nobody may run.
        let known = client.status().await.unwrap_or_default();
        let reported: Vec<_> =
            known.iter().filter_map(|other| Some((other.id, other.reported.as_ref().ok()?))).collect();
        let lists = reported.iter().filter_map(|(_, reported)| reported.members.as_ref());
        let Some(list) = lists.max_by_key(|list| list.position) else {
            return Ok(Others { whole: 0, voters: self.ids().len() });
        };
        let running: BTreeSet<_> = reported.iter().map(|(id, reported)| (*id, reported.incarnation)).collect();
        let voters = list.membership.voters();
        let whole = voters.clone().filter(|voter| voter.id != node);
        let whole = whole.filter(|voter| running.contains(&(voter.id, Some(voter.incarnation)))).count();
        Ok(Others { whole, voters: voters.count() })
    }
}

#[derive(Clone, Copy)]
struct Others {
    whole: usize,
    voters: usize,
}

/// Reads or writes a data folder without keeping the loop.
async fn on_disk(
    node: NodeId,
    act: impl FnOnce() -> Result<Option<LogPoint>, StorageError> + Send + 'static,
) -> Result<LogPoint, Refusal> {
    let done = tokio::task::spawn_blocking(act).await;
    let done = done.map_err(|error| Refusal::NotDamaged { node, reason: error.to_string() })?;
    let found = done.map_err(|error| Refusal::NotDamaged { node, reason: error.to_string() })?;
    found.ok_or(Refusal::NothingStored { node })
}
