//! The replica's side of a snapshot transfer: parts are written as they arrive; a complete, durable file replaces the
//! node's final database and log.
//!
//! ```text
//! parts written ─▶ file complete, durable, named ─▶ final database replaced ─▶ log replaced ─▶ log state reported
//! ```
//!
//! The order makes a crash between any two steps safe. A start that finds a complete snapshot beyond its log finishes
//! the installation. A start that finds a part of a file resumes it: the core does not know of it and gets the first
//! part again, the host answers how much it already has ([`ChunkOutcome::UpTo`]), and the leader continues there.
//!
//! A snapshot never takes the node back. One that covers no more than the node has committed, or whose last entry the
//! log already holds, is not installed.

use crate::applying::Applying;
use crate::base::{Base, SnapshotId};
use crate::core::Core;
use crate::io::{ChunkOutcome, Output, Store, WriteSnapshot};
use crate::log::Lookup;
use crate::margin::Weights;
use crate::membership::{Listed, Lists};
use crate::message::{Message, SnapshotAck, SnapshotChunk};
use crate::role::Role;
use crate::trace::Fact;
use crate::types::{FeatureLevel, LogPoint, NodeId, reach};

/// A snapshot that arrives in parts.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Receiving {
    /// The leader that sends it.
    from: NodeId,
    /// The file. A part of a different file starts over.
    snapshot: SnapshotId,
    /// The number of bytes written. A part is accepted only if it starts exactly here, so the file has no gaps.
    received: u64,
    /// A part is being written. Parts that arrive meanwhile are dropped; the leader sends them again.
    writing: bool,
    /// The resync number of the latest part; a log state that answers it carries it.
    resync: u64,
}

/// A snapshot that is complete and durable, and is about to replace the node's state.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Installing {
    /// The file.
    snapshot: SnapshotId,
    /// The start of the new log.
    base: Base,
    /// The host is replacing the final database. From then on nothing else may be handed to it.
    begun: bool,
}

impl Core {
    /// Whether a snapshot is being installed. Then the log is about to be replaced, so nothing is checked, applied or
    /// snapshotted.
    pub(super) fn is_installing(&self) -> bool {
        self.snapshots.installing.is_some()
    }

    /// A part of a snapshot from the leader: written if it is the next one, answered with what this node has if it is
    /// not.
    pub(super) fn on_snapshot_chunk(&mut self, from: NodeId, number: u64, chunk: SnapshotChunk) {
        let SnapshotChunk { snapshot, offset, bytes, resync } = chunk;
        if self.is_installing() {
            return;
        }
        if self.is_already_covered(snapshot.point) {
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

    /// Whether the snapshot brings nothing: this node has committed as much, or its log holds the very entry. In the
    /// second case the entry is committed, since snapshots hold committed entries only.
    fn is_already_covered(&mut self, point: LogPoint) -> bool {
        if self.committed.is_some_and(|committed| committed.position >= point.position) {
            return true;
        }
        let holds = self.log.lookup(point.position) == Lookup::Known(point) && !self.log.is_forged(point.position);
        if holds {
            self.committed = Some(point);
            self.apply_committed();
        }
        holds
    }

    /// The host has written a part, completed the file, or found it damaged. The leader gets the new length; 0 makes
    /// it start over.
    pub(super) fn on_snapshot_written(&mut self, snapshot: SnapshotId, written: ChunkOutcome) {
        let Some(receiving) = self.snapshots.receiving.as_mut().filter(|known| known.snapshot == snapshot) else {
            return;
        };
        let answers = receiving.received;
        receiving.writing = false;
        let (from, resync) = (receiving.from, receiving.resync);
        let received = match written {
            ChunkOutcome::UpTo(received) => {
                receiving.received = received;
                received
            }
            ChunkOutcome::Damaged => {
                self.snapshots.receiving = None;
                0
            }
            ChunkOutcome::Complete(base) => {
                self.snapshots.receiving = None;
                self.on_snapshot_complete(from, resync, snapshot, base);
                snapshot.bytes
            }
        };
        if self.leader() == Some(from) && self.leader() != Some(self.config.id) {
            self.send(from, Message::SnapshotAck(SnapshotAck { snapshot, answers, received }));
        }
    }

    /// The file is complete. It is installed if this node is still a replica and the snapshot is of this node's
    /// cluster.
    fn on_snapshot_complete(&mut self, from: NodeId, resync: u64, snapshot: SnapshotId, base: Base) {
        let needed = base.lists.last().map_or(FeatureLevel::FIRST, |listed| listed.membership.level);
        if needed > self.config.level_max {
            return self.fatal(self.too_old_for(&format!("the snapshot of {}", base.last), needed));
        }
        let mine = self.members().map(|listed| listed.membership.cluster);
        let of_mine = base.lists.last().is_some_and(|Listed { membership: list, .. }| {
            list.is_valid() && mine.is_none_or(|cluster| cluster == list.cluster)
        });
        if !matches!(self.role, Role::Follower(_)) || !of_mine || base.last != snapshot.point {
            return;
        }
        if self.is_already_covered(snapshot.point) {
            return self.send_log_state(from, 0, resync);
        }
        self.snapshots.installing = Some(Installing { snapshot, base, begun: false });
        self.start_install();
    }

    /// Starts to replace the final database, unless a snapshot of it is being taken: both at once would read a
    /// database that changes under the reader.
    pub(super) fn start_install(&mut self) {
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

    /// The final database holds the snapshot. The log follows in the same step: log, commit points, lists, store,
    /// trace. The database comes first: a crash in between leaves a log that is behind the database, which a start can
    /// repair; the reverse could not be repaired.
    pub(super) fn on_snapshot_installed(&mut self, snapshot: SnapshotId) {
        let Some(installing) = self.snapshots.installing.take_if(|known| known.snapshot == snapshot) else { return };
        let point = snapshot.point;
        let before = reach(self.committed);
        assert!(before < point.position.0, "a snapshot never moves the commit point back: a useless one was installed");
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
        self.reset_follower_progress();
    }

    /// Forgets what was confirmed about the old log. The answer to the next heartbeat reports the new one.
    fn reset_follower_progress(&mut self) {
        let Role::Follower(follower) = &mut self.role else { return };
        (follower.matched, follower.acked, follower.reported) = (None, None, None);
        (follower.ack_owed, follower.stashed, follower.ordered) = (false, None, None);
    }

    /// While a snapshot is installed the log does not change. The leader learns only that this node is live.
    pub(super) fn ack_while_installing(&mut self, to: NodeId) {
        let Some(installing) = &self.snapshots.installing else { return };
        let snapshot = installing.snapshot;
        let received = snapshot.bytes;
        self.send(to, Message::SnapshotAck(SnapshotAck { snapshot, answers: received, received }));
    }
}
