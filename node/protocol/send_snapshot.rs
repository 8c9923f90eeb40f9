//! The leader's side of sending a snapshot to a replica that lacks entries which the log has given up.
//!
//! One part after the other: the next one leaves when the replica has answered, and the bandwidth allows it. One
//! replica at a time; the others wait for their turn. What is lost is sent again; a replica that gets no further for
//! long loses its turn. When the replica has installed the snapshot it reports its log state, and the sync point is the
//! snapshot's.

use bytes::Bytes;

use crate::core::Core;
use crate::io::{Output, ReadId, ReadSnapshot};
use crate::message::{Message, SnapshotAck, SnapshotChunk};
use crate::role::{Progress, Role, Sending, Waiting};
use crate::trace::Fact;
use crate::types::NodeId;

/// A replica that gets no further for so many election timeouts loses its turn.
const PATIENCE_TIMEOUTS: u64 = 10;

impl Core {
    /// The replica lacks entries that this log has given up.
    pub(super) fn needs_snapshot(&mut self, replica: NodeId) {
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(progress) = leader.replicas.get_mut(&replica) else { return };
        if !matches!(progress.waiting, Waiting::Snapshot(_)) {
            progress.waiting = Waiting::Turn;
            self.send_next_snapshot();
        }
    }

    /// What is being sent at the moment.
    pub(super) fn sending(&self) -> Option<&Sending> {
        let Role::Leader(leader) = &self.role else { return None };
        leader.replicas.values().find_map(sending_to)
    }

    /// Begins to send a snapshot to a replica that waits for it, if none is being sent. Without any on the disk one is
    /// taken.
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
        self.send_chunk(replica);
    }

    fn sending_mut(&mut self, replica: NodeId) -> Option<&mut Sending> {
        let Role::Leader(leader) = &mut self.role else { return None };
        match &mut leader.replicas.get_mut(&replica)?.waiting {
            Waiting::Snapshot(sending) => Some(sending),
            _ => None,
        }
    }

    /// Has the next part read, if nothing is under way and the bandwidth is not used up.
    fn send_chunk(&mut self, replica: NodeId) {
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
            return self.lost_snapshot(snapshot.point.position.0);
        };
        sending.reading = None;
        sending.sent = Some(now);
        let offset = sending.at;
        self.snapshots.allowance -= bytes.len() as i64;
        let (up_to, sent, total) = (snapshot.point, offset + bytes.len() as u64, snapshot.bytes);
        self.trace(|| Fact::SnapshotSent { to: replica, up_to, sent, bytes: total });
        self.send(replica, Message::SnapshotChunk(SnapshotChunk { snapshot, offset, bytes, resync }));
    }

    /// The file is gone or damaged: a new one is taken. What the database holds is not affected.
    fn lost_snapshot(&mut self, position: u64) {
        if self.snapshots.latest.is_some_and(|latest| latest.point.position.0 <= position) {
            self.snapshots.latest = None;
        }
        self.send_next_snapshot();
    }

    pub(super) fn on_snapshot_ack(&mut self, from: NodeId, ack: SnapshotAck) {
        let now = self.now;
        let Some(sending) = self.sending_mut(from) else { return };
        // Twice, late, or of another snapshot.
        if sending.snapshot != ack.snapshot || sending.at != ack.answers || ack.received > ack.snapshot.bytes {
            return;
        }
        sending.sent = None;
        if ack.received != sending.at {
            sending.at = ack.received;
            sending.reading = None;
            sending.moved = now;
        }
        self.send_chunk(from);
    }

    /// With each heartbeat there is new bandwidth; what was lost is sent again; whoever gets no further loses its turn.
    pub(super) fn go_on_sending(&mut self) {
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
            // It says what it lacks with its answer to a heartbeat, and waits for its turn again.
            progress.waiting = Waiting::Nothing;
            return self.send_next_snapshot();
        }
        sending.sent = sending.sent.filter(|sent| now < sent.plus_micros(timeout));
        self.send_chunk(replica);
    }
}

fn sending_to(progress: &Progress) -> Option<&Sending> {
    if let Waiting::Snapshot(sending) = &progress.waiting { Some(sending) } else { None }
}
