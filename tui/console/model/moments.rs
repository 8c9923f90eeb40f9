//! What has changed between two moments of the tape, node by node. Both are models that the tape has replayed.

use bytes::Bytes;
use epoca::protocol::trace::{Preview, RoleName};
use epoca::protocol::{EntryId, Epoch, LogPoint, NodeId};

use crate::console::model::final_db::StoredRow;
use crate::console::model::{Model, NodeView};

/// A value before and after.
pub type Change<T> = (T, T);

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changes {
    /// The two moments, as steps of the tape.
    pub steps: Change<u64>,
    pub leader: Change<Option<(NodeId, Option<Epoch>)>>,
    pub nodes: Vec<NodeChanges>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeChanges {
    pub node: NodeId,
    pub is_live: Change<bool>,
    pub role: Change<RoleName>,
    pub epoch: Change<Option<Epoch>>,
    pub committed: Change<Option<LogPoint>>,
    /// Entries that are in its log only at the second moment.
    pub appeared: Vec<Preview>,
    /// Entries of both logs that have become final.
    pub finalized: Vec<Preview>,
    /// Entries that are in its log only at the first moment, and that it has not given up for a snapshot.
    pub truncated: Vec<Preview>,
    /// The last entry that is final at the second moment.
    pub final_up_to: Option<EntryId>,
    /// Keys of its final database with their rows before and after.
    pub keys: Vec<(Bytes, Change<Option<StoredRow>>)>,
}

impl Changes {
    /// `before` is the earlier moment.
    pub fn between(before: &Model, after: &Model, steps: Change<u64>) -> Changes {
        let leader = |model: &Model| model.leader().map(|leader| (leader.state.node, leader.state.epoch));
        let nodes = after.nodes.iter().map(|(id, node)| match before.nodes.get(id) {
            Some(then) => NodeChanges::between(then, node),
            None => NodeChanges::between(&NodeView::new(*id, String::new()), node),
        });
        Changes { steps, leader: (leader(before), leader(after)), nodes: nodes.collect() }
    }
}

impl NodeChanges {
    fn between(before: &NodeView, after: &NodeView) -> NodeChanges {
        let (old, new) = (&before.state, &after.state);
        let only = |log: &[Preview], other: &[Preview]| -> Vec<Preview> {
            log.iter().filter(|entry| !holds(other, entry)).cloned().collect()
        };
        let purged = new.purged.map_or(0, |purged| purged.position.0);
        let mut truncated = only(&old.tail, &new.tail);
        // What is older than the reported part of the log is not gone.
        let first = new.tail.first().map_or(u64::MAX, |first| first.point.position.0);
        let is_reported = |entry: &Preview| new.tail.is_empty() || entry.point.position.0 >= first;
        truncated.retain(|entry| entry.point.position.0 > purged && is_reported(entry));
        let became_final =
            |entry: &&Preview| after.is_final(entry.point) && holds(&old.tail, entry) && !before.is_final(entry.point);
        NodeChanges {
            node: new.node,
            is_live: (before.is_live(), after.is_live()),
            role: (old.role, new.role),
            epoch: (old.epoch, new.epoch),
            committed: (old.committed, new.committed),
            appeared: only(&new.tail, &old.tail),
            finalized: new.tail.iter().filter(became_final).cloned().collect(),
            truncated,
            final_up_to: new.applied.map(|applied| applied.id),
            keys: keys(before, after),
        }
    }

    /// Whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        let same = self.is_live.0 == self.is_live.1 && self.role.0 == self.role.1 && self.epoch.0 == self.epoch.1;
        let entries = [&self.appeared, &self.finalized, &self.truncated];
        same && self.committed.0 == self.committed.1 && self.keys.is_empty() && entries.iter().all(|all| all.is_empty())
    }

    /// Whether an entry that has appeared is final, too.
    pub fn is_final(&self, id: EntryId) -> bool {
        self.final_up_to.is_some_and(|last| id <= last)
    }
}

fn holds(log: &[Preview], entry: &Preview) -> bool {
    let found = log.binary_search_by_key(&entry.point.position, |other| other.point.position);
    found.is_ok_and(|at| log[at].point == entry.point)
}

/// A database that a node has not reported at one of the moments tells of no change.
fn keys(before: &NodeView, after: &NodeView) -> Vec<(Bytes, Change<Option<StoredRow>>)> {
    if !before.final_db.is_known() || !after.final_db.is_known() {
        return Vec::new();
    }
    let (old, new) = (before.final_db.keys(), after.final_db.keys());
    let mut all: Vec<&Bytes> = old.keys().chain(new.keys()).collect();
    all.sort_unstable();
    all.dedup();
    let change = |key: &Bytes| {
        let rows = (old.get(key).cloned(), new.get(key).cloned());
        let entry = |row: &Option<StoredRow>| row.as_ref().map(|row| row.entry);
        (entry(&rows.0) != entry(&rows.1)).then(|| (key.clone(), rows))
    };
    all.into_iter().filter_map(change).collect()
}
