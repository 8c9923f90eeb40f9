//! Snapshots and compaction at one node: when a snapshot is taken, and what the log may give up once it is durable.
//!
//! A snapshot is the final database at an applied entry. The core decides up to which entry; the host takes it off the
//! loop and tells when it is durable. Only then is the log cut, a margin before the snapshot's point, so that a replica
//! that is a little behind still gets entries. The margin is bounded in entries and in bytes: whichever is less.
//!
//! Invariant: purged ≤ snapshot ≤ applied.

use crate::base::{Base, SnapshotId};
use crate::config::Restored;
use crate::core::Core;
use crate::entry::Entry;
use crate::io::{Answer, Output, ReadId, Refusal, Store};
use crate::log::Place;
use crate::margin::Weights;
use crate::receive_snapshot::{Installing, Receiving};
use crate::trace::Fact;
use crate::types::{LogPoint, Position, RequestId, reach};

/// How many backups may wait for a snapshot.
const BACKUPS_MAX: usize = 16;

/// What a node has of snapshots, and what is under way.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Snapshots {
    /// The newest one that is durable.
    pub(super) latest: Option<SnapshotId>,
    /// One is being taken, up to this entry.
    pub(super) taking: Option<LogPoint>,
    /// The weight of the entries that were handed to the final database since the latest was begun.
    bytes: u64,
    /// What the log weighs up to some of its entries.
    pub(super) weights: Weights,
    /// The entry up to which the log is to be cut is being read, for its digest.
    reading: Option<ReadId>,
    /// Backups that wait for a snapshot which holds this position.
    backups: Vec<(RequestId, Position)>,
    /// How much may be sent to replicas until the next heartbeat; below zero what was sent too much.
    pub(super) allowance: i64,
    /// A leader sends this one here.
    pub(super) receiving: Option<Receiving>,
    /// One was received, and is to be what this node is.
    pub(super) installing: Option<Installing>,
}

impl Snapshots {
    pub(super) fn restored(restored: &Restored) -> Snapshots {
        let weights = Weights::restored(restored.weights.clone(), Position(reach(restored.committed)));
        Snapshots { latest: restored.snapshot, bytes: restored.bytes_since_snapshot, weights, ..Snapshots::default() }
    }
}

impl Core {
    /// More of this weight was handed to the final database.
    pub(super) fn on_handed_over(&mut self, weight: u64) {
        self.snapshots.bytes += weight;
        let (handed, margin) = (reach(self.handed), self.config.limits.snapshot_margin_bytes);
        self.snapshots.weights.add(Position(handed), weight, margin);
        self.take_snapshot_if_due();
    }

    /// One at a time; what falls due while one is taken is looked at again when that is done.
    fn take_snapshot_if_due(&mut self) {
        let Some(handed) = self.handed else { return };
        let limits = &self.config.limits;
        let before = self.snapshots.latest.map_or(0, |latest| latest.point.position.0);
        let entries = handed.position.0.saturating_sub(before);
        // Not before as much was written as the latest one holds: else each would write all that there is for a small
        // part that is new. So the log has at most about as many bytes as the data, or the bound.
        let held = self.snapshots.latest.map_or(0, |latest| latest.bytes);
        let bytes_due = limits.snapshot_bytes.max(held);
        let due = entries >= limits.snapshot_entries || (entries > 0 && self.snapshots.bytes >= bytes_due);
        if due {
            self.take_snapshot();
        }
    }

    /// Takes a snapshot of what was handed to the final database, unless one is being taken.
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

    /// Somebody wants a copy of all that is final here now.
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

    /// Answers the backups that the newest snapshot is new enough for; for the others another one is taken.
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

    /// What a log that begins after `point` must know of the entries before.
    fn base_at(&self, point: LogPoint) -> Base {
        Base { last: point, runs: self.log.runs_up_to(point), lists: self.lists.up_to(point.position) }
    }

    /// The snapshot is durable.
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
        self.install_received();
    }

    /// Cuts the log as far as the latest snapshot and the margin allow.
    fn compact(&mut self) {
        let Some(latest) = self.snapshots.latest else { return };
        let limits = &self.config.limits;
        let by_entries = latest.point.position.0.saturating_sub(limits.snapshot_margin);
        let by_bytes = self.snapshots.weights.cut(latest.point.position, limits.snapshot_margin_bytes);
        let target = by_entries.max(by_bytes.0);
        // Whoever is being sent a snapshot needs the entries after it.
        let target = self.sending().map_or(target, |sending| target.min(sending.snapshot.point.position.0));
        let target = Position(target);
        if target.0 <= self.log.purged_position() || self.snapshots.reading.is_some() {
            return;
        }
        match self.log.place(target) {
            Place::Known(point) => self.compact_up_to(point),
            Place::Unread => self.snapshots.reading = Some(self.read_log(target.0, target.0, 0)),
            Place::Purged | Place::Missing => {}
        }
    }

    /// True if that is what the read was for.
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

    fn compact_up_to(&mut self, point: LogPoint) {
        let covered = self.snapshots.latest.is_some_and(|latest| point.position <= latest.point.position);
        assert!(covered, "only entries that a durable snapshot covers are given up");
        let count = point.position.0 - self.log.purged_position();
        let base = self.base_at(point);
        self.log.purge(point);
        self.snapshots.weights.forget_before(point.position);
        let operation = self.next_operation();
        self.output(Output::Store(operation, Store::Compact(base)));
        self.trace(|| Fact::Compacted { up_to: point, count });
    }
}
