//! An older copy of a data folder, put back in its place: from a backup of the machine, a snapshot of its disk, or by
//! hand.
//!
//! The node has its old incarnation, and has forgotten what it acked and promised since the copy was made: counted as
//! the voter that it was, it would let confirmed writes vanish and could vote twice in one epoch. Nothing in the copy
//! tells it apart. But a leader remembers what each replica has acked, and says so on every heartbeat and resync push,
//! which is all that reaches a log that ends too early. A folder that lacks such an entry is an older copy, and its
//! node ends.
//!
//! Why this accuses nobody falsely: an ack is durable before it leaves, and the leader's message leaves after the ack
//! came.
//! 1. In the leader's own epoch a replica cuts nothing off that it has acked: the leader's log only grows. Messages of
//!    an earlier epoch are refused.
//! 2. Over the end of its epoch a leader keeps only what it knows to be committed: that is cut off by nobody.
//!
//! Left out: what no node that runs remembers. A leader that was started again since has no memory of acks, and neither
//! has another leader; a copy that is put back meanwhile is found by nobody.

use crate::core::Core;
use crate::role::{Leader, Role};
use crate::types::{LogPoint, NodeId};

impl Core {
    /// The last entry that a replica is known to have acked with the data folder that the member list names.
    pub(super) fn known_acked(&self, replica: NodeId) -> Option<LogPoint> {
        let Role::Leader(leader) = &self.role else { return None };
        let progress = leader.replicas.get(&replica)?;
        let earlier = self.acks_known.get(&replica).filter(|(folder, _)| *folder == progress.incarnation);
        let earlier = earlier.map(|(_, point)| *point);
        [progress.matched, earlier].into_iter().flatten().max_by_key(|point| point.position)
    }

    /// This node leads no more. What its replicas have acked and is committed stays true in every later epoch.
    pub(super) fn keep_known_acks(&mut self, leader: &Leader) {
        let Some(committed) = self.committed else { return };
        for (id, progress) in &leader.replicas {
            let Some(matched) = progress.matched else { continue };
            let point = if matched.position < committed.position { matched } else { committed };
            let known = self.acks_known.entry(*id).or_insert((progress.incarnation, point));
            if known.0 != progress.incarnation || known.1.position < point.position {
                *known = (progress.incarnation, point);
            }
        }
        // As many as a leader pushes to, and no more.
        self.acks_known.retain(|id, _| leader.replicas.contains_key(id));
    }

    /// Whether the log here does not have an entry, nor a snapshot in its place.
    pub(super) fn lacks(&self, entry: LogPoint) -> bool {
        let run = self.log.run_of(entry.id.epoch);
        let has = run.is_some_and(|run| run.last.id.offset >= entry.id.offset);
        entry.position.0 > self.log.purged_position() && !has
    }

    /// The leader has an ack of this data folder for an entry that it lacks.
    pub(super) fn on_older_copy(&mut self, leader: NodeId, acked: LogPoint) {
        let me = self.config.id;
        let end = self.log.last().map_or("is empty".to_owned(), |last| format!("ends with {}", last.id));
        self.damaged(format!(
            "the data folder of {me} is an older copy of itself: {leader} has its ack of entry {}, and its log {end}. What \
             {me} has acked and promised since the copy was made is forgotten, so the copy counts for nothing",
            acked.id
        ));
    }
}
