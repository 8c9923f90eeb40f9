//! Snapshots and log compaction at one node: when a snapshot is taken, and what the log gives up once it is durable
//! (Raft paper, section 7).
//!
//! A snapshot is the final database at an applied entry. The core chooses the entry; the host takes the snapshot
//! outside of the event loop and reports when it is durable. Only then is the log cut, at a margin before the
//! snapshot's entry, so that a replica that is slightly behind still receives entries. The margin is bounded in
//! entries and in bytes; the lesser bound counts.
//!
//! Invariant: `purged ≤ latest snapshot ≤ applied`. If the log were cut beyond the snapshot, a replica that needs the
//! entries in between could never be repaired.

use crate::base::{Base, SnapshotId};
use crate::config::Restored;
use crate::core::Core;
use crate::entry::Entry;
use crate::io::{Answer, Output, ReadId, Refusal, Store};
use crate::log::Lookup;
use crate::margin::Weights;
use crate::receive_snapshot::{Installing, Receiving};
use crate::trace::Fact;
use crate::types::{LogPoint, Position, RequestId, reach};

/// The number of backups that may wait for a snapshot.
const BACKUPS_MAX: usize = 16;

/// The snapshots of a node: the durable one, and those being taken, sent, received or installed.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Snapshots {
    /// The newest durable snapshot. It moves forward, or becomes `None` when its file turns out to be unusable.
    pub(super) latest: Option<SnapshotId>,
    /// The entry up to which a snapshot is being taken. At most one at a time, and none while one is installed.
    pub(super) taking: Option<LogPoint>,
    /// The weight of the entries handed to the final database since the latest snapshot was started, in bytes.
    bytes: u64,
    /// The weight of the log up to some of its entries, for the margin.
    pub(super) weights: Weights,
    /// The read of the entry at which the log is to be cut, for its digest. While it is set no other cut is started.
    reading: Option<ReadId>,
    /// Backups that wait for a snapshot of at least this position.
    backups: Vec<(RequestId, Position)>,
    /// The bytes that may be sent to replicas until the next heartbeat. Negative if the last part was larger than what
    /// was left.
    pub(super) allowance: i64,
    /// The snapshot that a leader is sending to this node.
    pub(super) receiving: Option<Receiving>,
    /// The received snapshot that is replacing this node's state.
    pub(super) installing: Option<Installing>,
}

impl Snapshots {
    /// The snapshots as the disk has them.
    pub(super) fn restored(restored: &Restored) -> Snapshots {
        let weights = Weights::restored(restored.weights.clone(), Position(reach(restored.committed)));
        Snapshots { latest: restored.snapshot, bytes: restored.bytes_since_snapshot, weights, ..Snapshots::default() }
    }
}

impl Core {
    /// Entries of this weight were handed to the final database.
    pub(super) fn on_handed_to_database(&mut self, weight: u64) {
        self.snapshots.bytes += weight;
        let (handed, margin) = (reach(self.handed), self.config.limits.snapshot_margin_bytes);
        self.snapshots.weights.add(Position(handed), weight, margin);
        self.take_snapshot_if_due();
    }

    /// Takes a snapshot if enough was written since the last one. One at a time: what becomes due meanwhile is checked
    /// when it is done.
    fn take_snapshot_if_due(&mut self) {
        let Some(handed) = self.handed else { return };
        let limits = &self.config.limits;
        let before = self.snapshots.latest.map_or(0, |latest| latest.point.position.0);
        let entries = handed.position.0.saturating_sub(before);
        // Not before as much was written as the latest snapshot holds. Otherwise each snapshot would write all data
        // for a small change. The log is then at most about as large as the data, or as the bound.
        let held = self.snapshots.latest.map_or(0, |latest| latest.bytes);
        let bytes_due = limits.snapshot_bytes.max(held);
        let due = entries >= limits.snapshot_entries || (entries > 0 && self.snapshots.bytes >= bytes_due);
        if due {
            self.take_snapshot();
        }
    }

    /// Takes a snapshot of everything handed to the final database, unless one is being taken or installed.
    pub(super) fn take_snapshot(&mut self) {
        let Some(handed) = self.handed else { return };
        if self.snapshots.taking.is_some() || self.snapshots.installing.is_some() {
            return;
        }
        self.snapshots.taking = Some(handed);
        self.snapshots.bytes = 0;
        let base = self.base_at(handed);
        self.output(Output::TakeSnapshot(base));
    }

    /// A client wants a backup of everything that is final now.
    pub(super) fn on_backup(&mut self, request: RequestId) {
        let refusal = match self.handed {
            None => Some(Refusal::EmptyLog),
            Some(_) if self.is_installing() || self.snapshots.backups.len() >= BACKUPS_MAX => Some(Refusal::Overloaded),
            Some(_) => None,
        };
        if let Some(refusal) = refusal {
            return self.answer(request, Answer::Refused(refusal));
        }
        let wanted = self.handed.map_or(Position::FIRST, |handed| handed.position);
        self.snapshots.backups.push((request, wanted));
        self.answer_backups();
    }

    /// Answers the backups that the newest snapshot is recent enough for, and takes another for the rest.
    fn answer_backups(&mut self) {
        let latest = self.snapshots.latest.map(|latest| latest.point);
        let reached = |wanted: Position| latest.is_some_and(|point| wanted <= point.position);
        let (ready, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.snapshots.backups).into_iter().partition(|(_, wanted)| reached(*wanted));
        self.snapshots.backups = waiting;
        for ((request, _), point) in ready.into_iter().zip(latest.into_iter().cycle()) {
            self.answer(request, Answer::Snapshot(point));
        }
        if !self.snapshots.backups.is_empty() {
            self.take_snapshot();
        }
    }

    /// The start of a log that begins after `point`.
    fn base_at(&self, point: LogPoint) -> Base {
        Base { last: point, runs: self.log.runs_up_to(point), lists: self.lists.up_to(point.position) }
    }

    /// The snapshot is durable. Only now may the log be cut; the order here is: record it, cut, answer backups, then
    /// start what waited for it.
    pub(super) fn on_snapshot_taken(&mut self, taken: SnapshotId) {
        self.snapshots.taking = None;
        let newer = self.snapshots.latest.is_none_or(|latest| latest.point.position < taken.point.position);
        if newer {
            self.snapshots.latest = Some(taken);
            let SnapshotId { point, bytes, .. } = taken;
            self.trace(|| Fact::SnapshotTaken { up_to: point, bytes });
            self.compact();
        }
        self.answer_backups();
        self.take_snapshot_if_due();
        self.send_next_snapshot();
        self.start_install();
    }

    /// Cuts the log as far as the latest snapshot and the margin allow.
    fn compact(&mut self) {
        let Some(latest) = self.snapshots.latest else { return };
        let limits = &self.config.limits;
        let by_entries = latest.point.position.0.saturating_sub(limits.snapshot_margin);
        let by_bytes = self.snapshots.weights.cut(latest.point.position, limits.snapshot_margin_bytes);
        let target = by_entries.max(by_bytes.0);
        // A replica that is receiving a snapshot needs the entries after it.
        let target = self.sending().map_or(target, |sending| target.min(sending.snapshot.point.position.0));
        let target = Position(target);
        if target.0 <= self.log.purged_position() || self.snapshots.reading.is_some() {
            return;
        }
        match self.log.lookup(target) {
            Lookup::Known(point) => self.compact_up_to(point),
            Lookup::Unread => self.snapshots.reading = Some(self.read_log(target.0, target.0, 0)),
            Lookup::Purged | Lookup::Missing => {}
        }
    }

    /// Handles the result of a read, if it was made for a cut. Returns whether it was.
    pub(super) fn on_read_for_compaction(&mut self, read: ReadId, entries: &[Entry]) -> bool {
        if self.snapshots.reading != Some(read) {
            return false;
        }
        self.snapshots.reading = None;
        // Meanwhile the snapshot may have been lost, or another one installed.
        let covered =
            |point: LogPoint| self.snapshots.latest.is_some_and(|known| point.position <= known.point.position);
        let still_there = |point: &LogPoint| point.position.0 > self.log.purged_position() && covered(*point);
        if let Some(point) = entries.first().map(Entry::point).filter(still_there) {
            self.compact_up_to(point);
        }
        true
    }

    /// Gives up the entries up to `point`, in memory and on disk.
    fn compact_up_to(&mut self, point: LogPoint) {
        let covered = self.snapshots.latest.is_some_and(|latest| point.position <= latest.point.position);
        assert!(covered, "the log is cut beyond the durable snapshot: it was lost or replaced meanwhile");
        let count = point.position.0 - self.log.purged_position();
        let base = self.base_at(point);
        self.log.purge(point);
        self.snapshots.weights.forget_before(point.position);
        let operation = self.next_operation();
        self.output(Output::Store(operation, Store::Compact(base)));
        self.trace(|| Fact::Compacted { up_to: point, count });
    }
}
