//! `fault damage N`: kills a node's process, flips one bit of its stored log, and starts the process again.
//!
//! The node is not told about the bit: it must find the damage itself. How it reacts is in `node/storage/quarantine`
//! and `node/runtime/quarantine.rs`.

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

/// A node that has not answered after this long counts as down.
const LOOK_TIMEOUT: Duration = Duration::from_secs(1);

impl Members {
    /// Flips one bit of a committed entry.
    pub async fn damage(self: &Arc<Self>, node: NodeId) -> Result<Done, Refusal> {
        self.check_damage(node).await?;
        let others = self.others_whole(node).await?;
        match self.kill(node).await {
            Ok(_) | Err(Refusal::NotRunning { .. }) => {}
            Err(refused) => return Err(refused),
        }
        let folder = self.folder().node(node);
        let flipped = on_disk(node, move || flip_bit(&folder)).await;
        // The node runs again in any case, also if no bit was flipped.
        let pid = self.start(node)?;
        self.tell(ProcessEvent::Restarted(node));
        let last = flipped?;
        self.answers(node, pid).await?;
        let Others { whole, voters } = others;
        Ok(Done::Damaged { node, pid, last, whole: whole as u64, voters: voters as u64 })
    }

    /// The checks that are made before anything happens to the process.
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

    /// The number of the other voters that run on the folders that the newest member list names, and the number of
    /// voters.
    async fn others_whole(&self, node: NodeId) -> Result<Others, Refusal> {
        let client = self.new_client(grown(LOOK_TIMEOUT), None).map_err(by_node)?;
        // Without a running node there are no answers.
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

/// Reads or writes a data folder without blocking the event loop.
async fn on_disk(
    node: NodeId,
    act: impl FnOnce() -> Result<Option<LogPoint>, StorageError> + Send + 'static,
) -> Result<LogPoint, Refusal> {
    let done = tokio::task::spawn_blocking(act).await;
    let done = done.map_err(|error| Refusal::NotDamaged { node, reason: error.to_string() })?;
    let found = done.map_err(|error| Refusal::NotDamaged { node, reason: error.to_string() })?;
    found.ok_or(Refusal::NothingStored { node })
}
