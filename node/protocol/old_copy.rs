//! Detects an older copy of a data folder that was put back in place: from a backup, from a snapshot of the disk, or
//! by hand.
//!
//! Such a node has its old incarnation and has forgotten what it acked and promised since the copy was made. Counted
//! as the voter that it was, it could make confirmed writes disappear and could vote twice in one epoch. Nothing in
//! the copy itself shows this. A leader, however, remembers what each replica acked. It repeats this on every heartbeat
//! and resync push: only those reach a log that ends too early. A folder that lacks an entry that it acked is an older
//! copy, and its node stops.
//!
//! A node is never accused wrongly. An ack is durable before it leaves, and the leader's message is sent after the ack
//! arrived. Two cases:
//!
//! 1. Within the leader's epoch a replica truncates nothing that it acked, because the leader's log only grows.
//!    Messages of an earlier epoch are refused.
//! 2. Beyond the end of its epoch a leader keeps only acks of committed entries. No node truncates those.
//!
//! Not covered: what no running node remembers. A leader that was restarted has no memory of acks, and a new leader
//! has none either; a copy that is put back at such a time is not found.

use crate::core::Core;
use crate::role::{Leader, Role};
use crate::types::{LogPoint, NodeId};

impl Core {
    /// The last entry that a replica is known to have acked with the data folder that the member list names. `None` if
    /// nothing is known.
    pub(super) fn last_known_ack(&self, replica: NodeId) -> Option<LogPoint> {
        let Role::Leader(leader) = &self.role else { return None };
        let progress = leader.replicas.get(&replica)?;
        let earlier = self.known_acks.get(&replica).filter(|(folder, _)| *folder == progress.incarnation);
        let earlier = earlier.map(|(_, point)| *point);
        [progress.matched, earlier].into_iter().flatten().max_by_key(|point| point.position)
    }

    /// Called when this node stops leading. Keeps for each replica the lesser of its ack and the commit point: only
    /// committed entries stay in the log in later epochs.
    pub(super) fn remember_acks(&mut self, leader: &Leader) {
        let Some(committed) = self.committed else { return };
        for (id, progress) in &leader.replicas {
            let Some(matched) = progress.matched else { continue };
            let point = if matched.position < committed.position { matched } else { committed };
            let known = self.known_acks.entry(*id).or_insert((progress.incarnation, point));
            if known.0 != progress.incarnation || known.1.position < point.position {
                *known = (progress.incarnation, point);
            }
        }
        // The map is bounded by the number of members.
        self.known_acks.retain(|id, _| leader.replicas.contains_key(id));
    }

    /// Whether this log has neither the entry nor a snapshot that covers it.
    pub(super) fn lacks_entry(&self, entry: LogPoint) -> bool {
        let run = self.log.run_of(entry.id.epoch);
        let has = run.is_some_and(|run| run.last.id.offset >= entry.id.offset);
        entry.position.0 > self.log.purged_position() && !has
    }

    /// Stops the node: a leader holds an ack of this data folder for an entry that the folder lacks.
    pub(super) fn on_older_copy(&mut self, leader: NodeId, acked: LogPoint) {
        let me = self.config.id;
        let end = self.log.last().map_or("is empty".to_owned(), |last| format!("ends with {}", last.id));
        self.damaged(format!(
            "the data folder of {me} is an older copy of itself: {leader} has its ack of entry {}, and its log {end}. \
             What {me} has acked and promised since the copy was made is lost, so the copy must not be used",
            acked.id
        ));
    }
}
