//! The leader's side of a snapshot transfer, to a replica that lacks entries which the log has given up (Raft paper,
//! section 7).
//!
//! A snapshot is sent in parts. The next part leaves when the replica has answered the one before and the bandwidth
//! allows it. One replica receives at a time; the others wait for their turn. A lost part is sent again. A replica
//! without progress for too long loses its turn. After the replica has installed the snapshot it reports its log
//! state, and the sync point is the last entry of the snapshot.

use bytes::Bytes;

use crate::core::Core;
use crate::io::{Output, ReadId, ReadSnapshot};
use crate::message::{Message, SnapshotAck, SnapshotChunk};
use crate::role::{Progress, Role, Sending, Waiting};
use crate::trace::Fact;
use crate::types::NodeId;

/// The number of election timeouts without progress after which a replica loses its turn.
const PATIENCE_TIMEOUTS: u64 = 10;

impl Core {
    /// The replica lacks entries that this log has given up: it waits for a snapshot.
    pub(super) fn queue_for_snapshot(&mut self, replica: NodeId) {
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(progress) = leader.replicas.get_mut(&replica) else { return };
        if !matches!(progress.waiting, Waiting::Snapshot(_)) {
            progress.waiting = Waiting::Turn;
            self.send_next_snapshot();
        }
    }

    /// The snapshot that is being sent, if there is one.
    pub(super) fn sending(&self) -> Option<&Sending> {
        let Role::Leader(leader) = &self.role else { return None };
        leader.replicas.values().find_map(sending_to)
    }

    /// Starts to send the latest snapshot to a waiting live replica, if none is being sent. If there is no snapshot,
    /// one is taken first.
    pub(super) fn send_next_snapshot(&mut self) {
        let now = self.now;
        let Role::Leader(leader) = &self.role else { return };
        if leader.replicas.values().any(|progress| sending_to(progress).is_some()) {
            return;
        }
        let waits = |progress: &Progress| progress.waiting == Waiting::Turn && self.is_live(progress);
        let Some((replica, _)) = leader.replicas.iter().find(|(_, progress)| waits(progress)) else { return };
        let replica = *replica;
        let Some(snapshot) = self.snapshots.latest else { return self.take_snapshot() };
        let sending = Sending { snapshot, at: 0, reading: None, sent: None, moved: now };
        if let Role::Leader(leader) = &mut self.role
            && let Some(progress) = leader.replicas.get_mut(&replica)
        {
            progress.waiting = Waiting::Snapshot(sending);
        }
        self.read_next_chunk(replica);
    }

    /// The transfer to this replica, if there is one.
    fn sending_mut(&mut self, replica: NodeId) -> Option<&mut Sending> {
        let Role::Leader(leader) = &mut self.role else { return None };
        match &mut leader.replicas.get_mut(&replica)?.waiting {
            Waiting::Snapshot(sending) => Some(sending),
            _ => None,
        }
    }

    /// Asks the host for the next part, if no part is being read or unanswered and bandwidth is left.
    fn read_next_chunk(&mut self, replica: NodeId) {
        let (allowance, bytes_max) = (self.snapshots.allowance, self.config.limits.snapshot_chunk_bytes);
        let read = self.next_read();
        let Some(sending) = self.sending_mut(replica) else { return };
        let whole = sending.at >= sending.snapshot.bytes;
        if whole || sending.reading.is_some() || sending.sent.is_some() || allowance <= 0 {
            return;
        }
        sending.reading = Some(read);
        let (snapshot, offset) = (sending.snapshot, sending.at);
        self.output(Output::ReadSnapshot(ReadSnapshot { read, snapshot, offset, bytes_max }));
    }

    /// A part was read; it is sent. `None` or no bytes: the file is unusable and the replica waits for another.
    pub(super) fn on_snapshot_read(&mut self, read: ReadId, bytes: Option<Bytes>) {
        let now = self.now;
        let Role::Leader(leader) = &mut self.role else { return };
        let reads = |progress: &Progress| sending_to(progress).is_some_and(|sending| sending.reading == Some(read));
        let Some((replica, progress)) = leader.replicas.iter_mut().find(|(_, progress)| reads(progress)) else {
            return;
        };
        let (replica, resync) = (*replica, progress.resync);
        let Waiting::Snapshot(sending) = &mut progress.waiting else { return };
        let snapshot = sending.snapshot;
        let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else {
            progress.waiting = Waiting::Turn;
            return self.forget_snapshot(snapshot.point.position.0);
        };
        sending.reading = None;
        sending.sent = Some(now);
        let offset = sending.at;
        self.snapshots.allowance -= bytes.len() as i64;
        let (up_to, sent, total) = (snapshot.point, offset + bytes.len() as u64, snapshot.bytes);
        self.trace(|| Fact::SnapshotSent { to: replica, up_to, sent, bytes: total });
        self.send(replica, Message::SnapshotChunk(SnapshotChunk { snapshot, offset, bytes, resync }));
    }

    /// The file is gone or damaged. It is forgotten, and a new snapshot is taken when a replica waits. The final
    /// database is not affected.
    fn forget_snapshot(&mut self, position: u64) {
        if self.snapshots.latest.is_some_and(|latest| latest.point.position.0 <= position) {
            self.snapshots.latest = None;
        }
        self.send_next_snapshot();
    }

    /// The replica reports how much it has. The next part starts there.
    pub(super) fn on_snapshot_ack(&mut self, from: NodeId, ack: SnapshotAck) {
        let now = self.now;
        let Some(sending) = self.sending_mut(from) else { return };
        // A duplicate, a late answer, or one about another snapshot.
        if sending.snapshot != ack.snapshot || sending.at != ack.answers || ack.received > ack.snapshot.bytes {
            return;
        }
        sending.sent = None;
        if ack.received != sending.at {
            sending.at = ack.received;
            sending.reading = None;
            sending.moved = now;
        }
        self.read_next_chunk(from);
    }

    /// Called with each heartbeat: grants new bandwidth, sends a lost part again, and ends the turn of a replica
    /// without progress.
    pub(super) fn continue_snapshot(&mut self) {
        let (now, timeout) = (self.now, self.config.election_timeout_micros);
        let rate = self.config.limits.snapshot_bytes_per_second;
        let fresh = u128::from(rate) * u128::from(self.config.heartbeat_micros) / 1_000_000;
        let fresh = i64::try_from(fresh.max(1)).unwrap_or(i64::MAX);
        self.snapshots.allowance = self.snapshots.allowance.saturating_add(fresh).min(fresh);
        let Role::Leader(leader) = &mut self.role else { return };
        let Some((replica, progress)) = leader.replicas.iter_mut().find(|(_, progress)| sending_to(progress).is_some())
        else {
            return self.send_next_snapshot();
        };
        let replica = *replica;
        let Waiting::Snapshot(sending) = &mut progress.waiting else { return };
        if now >= sending.moved.plus_micros(timeout * PATIENCE_TIMEOUTS) {
            // Its answer to the next heartbeat shows what it lacks; it waits for its turn again.
            progress.waiting = Waiting::Nothing;
            return self.send_next_snapshot();
        }
        sending.sent = sending.sent.filter(|sent| now < sent.plus_micros(timeout));
        self.read_next_chunk(replica);
    }
}

/// The transfer to this replica, if there is one.
fn sending_to(progress: &Progress) -> Option<&Sending> {
    if let Waiting::Snapshot(sending) = &progress.waiting { Some(sending) } else { None }
}
