//! The replica's side of a snapshot: its parts are written as they come; when the file is whole and durable it becomes
//! what this node is.
//!
//! ```text
//! parts written ─▶ file whole, durable, named ─▶ final database replaced ─▶ log replaced ─▶ log state reported
//! ```
//!
//! A crash in between is safe: a start that finds a whole snapshot which its log does not reach ends what was begun.
//! One that finds a part of a snapshot goes on with it: the core knows nothing of it and is sent the first part, and
//! the store says with that how far it really is ([`Written::UpTo`]); the leader goes on there. Nothing is installed
//! that would take the node back: what it has committed, or holds itself, stays.

use crate::applying::Applying;
use crate::base::{Base, SnapshotId};
use crate::core::Core;
use crate::io::{Output, Store, WriteSnapshot, Written};
use crate::log::Place;
use crate::margin::Weights;
use crate::membership::{Listed, Lists};
use crate::message::{Message, SnapshotAck, SnapshotChunk};
use crate::role::Role;
use crate::trace::Fact;
use crate::types::{LogPoint, NodeId, reach};

/// A snapshot that comes in parts.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Receiving {
    from: NodeId,
    snapshot: SnapshotId,
    /// How much of it is written.
    received: u64,
    /// A part is being written.
    writing: bool,
    resync: u64,
}

/// A snapshot that is whole and durable.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Installing {
    snapshot: SnapshotId,
    base: Base,
    /// The final database is being replaced.
    begun: bool,
}

impl Core {
    pub(super) fn is_installing(&self) -> bool {
        self.snapshots.installing.is_some()
    }

    pub(super) fn on_snapshot_chunk(&mut self, from: NodeId, number: u64, chunk: SnapshotChunk) {
        let SnapshotChunk { snapshot, offset, bytes, resync } = chunk;
        if self.is_installing() {
            return;
        }
        if self.is_superfluous(snapshot.point) {
            self.snapshots.receiving = None;
            return self.send_log_state(from, number, resync);
        }
        let known = self.snapshots.receiving.take().filter(|known| known.snapshot == snapshot);
        let begins = Receiving { from, snapshot, received: 0, writing: false, resync };
        let mut receiving = Receiving { from, resync, ..known.unwrap_or(begins) };
        let (received, writing) = (receiving.received, receiving.writing);
        let fits = offset == received && offset + bytes.len() as u64 <= snapshot.bytes && !bytes.is_empty();
        receiving.writing = writing || fits;
        self.snapshots.receiving = Some(receiving);
        if writing {
            return;
        }
        if fits {
            return self.output(Output::WriteSnapshot(WriteSnapshot { snapshot, offset, bytes }));
        }
        self.send(from, Message::SnapshotAck(SnapshotAck { snapshot, answers: offset, received }));
    }

    /// What is committed here reaches as far; or the log holds the very entry, which is committed then.
    fn is_superfluous(&mut self, point: LogPoint) -> bool {
        if self.committed.is_some_and(|committed| committed.position >= point.position) {
            return true;
        }
        let holds = self.log.place(point.position) == Place::Known(point) && !self.log.is_forged(point.position);
        if holds {
            self.committed = Some(point);
            self.hand_over();
        }
        holds
    }

    pub(super) fn on_snapshot_written(&mut self, snapshot: SnapshotId, written: Written) {
        let Some(receiving) = self.snapshots.receiving.as_mut().filter(|known| known.snapshot == snapshot) else {
            return;
        };
        let answers = receiving.received;
        receiving.writing = false;
        let (from, resync) = (receiving.from, receiving.resync);
        let received = match written {
            Written::UpTo(received) => {
                receiving.received = received;
                received
            }
            Written::Damaged => {
                self.snapshots.receiving = None;
                0
            }
            Written::Whole(base) => {
                self.snapshots.receiving = None;
                self.on_snapshot_whole(from, resync, snapshot, base);
                snapshot.bytes
            }
        };
        if self.leader() == Some(from) && self.leader() != Some(self.config.id) {
            self.send(from, Message::SnapshotAck(SnapshotAck { snapshot, answers, received }));
        }
    }

    fn on_snapshot_whole(&mut self, from: NodeId, resync: u64, snapshot: SnapshotId, base: Base) {
        let mine = self.members().map(|listed| listed.membership.cluster);
        let of_mine = base.lists.last().is_some_and(|Listed { membership: list, .. }| {
            list.is_sound() && mine.is_none_or(|cluster| cluster == list.cluster)
        });
        if !matches!(self.role, Role::Follower(_)) || !of_mine || base.last != snapshot.point {
            return;
        }
        if self.is_superfluous(snapshot.point) {
            return self.send_log_state(from, 0, resync);
        }
        self.snapshots.installing = Some(Installing { snapshot, base, begun: false });
        self.install_received();
    }

    /// Replaces the final database, once no snapshot of it is being taken any more.
    pub(super) fn install_received(&mut self) {
        if self.snapshots.taking.is_some() {
            return;
        }
        let Some(installing) = self.snapshots.installing.as_mut().filter(|installing| !installing.begun) else {
            return;
        };
        installing.begun = true;
        let snapshot = installing.snapshot;
        self.output(Output::InstallSnapshot(snapshot));
    }

    /// The final database is what the snapshot holds: the log follows.
    pub(super) fn on_snapshot_installed(&mut self, snapshot: SnapshotId) {
        let Some(installing) = self.snapshots.installing.take_if(|known| known.snapshot == snapshot) else { return };
        let point = snapshot.point;
        let before = reach(self.committed);
        assert!(before < point.position.0, "a snapshot never winds back what was committed");
        let dropped = self.log.last_position().saturating_sub(self.log.purged_position());
        let operation = self.next_operation();
        self.log.replace(&installing.base, operation);
        (self.committed, self.handed, self.applied) = (Some(point), Some(point), Some(point));
        self.applying = Applying::default();
        self.lists = Lists::new(installing.base.lists.clone());
        self.snapshots.latest = Some(snapshot);
        self.snapshots.weights = Weights::restored(Vec::new(), point.position);
        self.output(Output::Store(operation, Store::Replace(installing.base)));
        self.trace(|| Fact::SnapshotInstalled { up_to: point, dropped });
        self.on_list_changed();
        self.forget_confirmed();
    }

    /// What this leader has confirmed of the log that is gone; the next heartbeat is answered with the new log's state.
    fn forget_confirmed(&mut self) {
        let Role::Follower(follower) = &mut self.role else { return };
        (follower.matched, follower.acked, follower.reported) = (None, None, None);
        (follower.ack_owed, follower.stashed, follower.ordered) = (false, None, None);
    }

    /// While a snapshot is installed the log stands still: a leader hears that this node lives, and nothing else.
    pub(super) fn answer_installing(&mut self, to: NodeId) {
        let Some(installing) = &self.snapshots.installing else { return };
        let snapshot = installing.snapshot;
        let received = snapshot.bytes;
        self.send(to, Message::SnapshotAck(SnapshotAck { snapshot, answers: received, received }));
    }
}
