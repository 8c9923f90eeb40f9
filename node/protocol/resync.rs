//! The leader's side of repair: it finds the sync point from a replica's log state, and pushes again from there
//! (assignment 3b). The sync point is the last entry on which both logs agree. Finding it takes one round trip, with
//! forged entries at most two.
//!
//! Let e be the greatest epoch that both logs have. The sync point is the lesser of the two ends of e (KIP-279 uses
//! the same idea); without a common epoch it is the start of the log. If the digest there differs, or if e begins at
//! another position in the replica's log (forged entries can cause both), it is the replica's last committed entry. If
//! even that differs, data is damaged.

use crate::core::Core;
use crate::log::Lookup;
use crate::message::LogState;
use crate::role::{Role, Waiting};
use crate::trace::{Fact, SyncedBy};
use crate::types::{Epoch, LogPoint, NodeId, Offset, Position, reach};

/// The result of the search.
enum SyncPoint {
    /// The last common entry (`None`: the start of the log), and whether the runs or the commit point gave it.
    At(Option<LogPoint>, SyncedBy),
    /// The leader's entry at this position is older than the window and must be read first.
    Unread(Position),
    /// It lies before the leader's first entry: the replica needs a snapshot.
    Purged,
    /// The replica's last committed entry is not the leader's.
    Damaged(LogPoint),
}

impl Core {
    /// A replica's log state. It starts a resync, unless one is being searched for.
    pub(super) fn on_log_state(&mut self, from: NodeId, report: LogState) {
        let Role::Leader(leader) = &self.role else { return };
        let Some(progress) = leader.replicas.get(&from) else { return };
        let searching = matches!(progress.waiting, Waiting::SyncPoint { .. });
        // A report with an older number describes a log that a resync has replaced since. Acting on it would resend
        // what is there.
        if report.resync == progress.resync && !searching {
            self.resync(from, report, Vec::new());
        }
    }

    /// Finds the sync point and pushes from there. `read_back` holds the points of the leader's older entries that were
    /// read for this search.
    pub(super) fn resync(&mut self, replica: NodeId, report: LogState, read_back: Vec<LogPoint>) {
        match self.sync_point(&report, &read_back) {
            SyncPoint::At(sync, by) => self.resync_from(replica, sync, by),
            SyncPoint::Unread(position) => {
                let read = self.read_log(position.0, position.0, 0);
                if let Role::Leader(leader) = &mut self.role
                    && let Some(progress) = leader.replicas.get_mut(&replica)
                {
                    progress.waiting = Waiting::SyncPoint { read, report, read_back };
                }
            }
            SyncPoint::Purged => self.queue_for_snapshot(replica),
            SyncPoint::Damaged(point) => self.check_for_damage(replica, point, None),
        }
    }

    /// The sync point, or what stands in its way.
    fn sync_point(&self, report: &LogState, read_back: &[LogPoint]) -> SyncPoint {
        match self.last_common(report, read_back) {
            SyncPoint::At(sync, _) if reach(sync) < self.log.purged_position() => SyncPoint::Purged,
            found => found,
        }
    }

    /// The last common entry by the runs of both logs.
    fn last_common(&self, report: &LogState, read_back: &[LogPoint]) -> SyncPoint {
        let common = report.runs.iter().rev().find_map(|end| Some((end, self.log.run_of(end.epoch)?)));
        let Some((end, run)) = common else { return SyncPoint::At(None, SyncedBy::Runs) };
        let Offset(offset) = end.last;
        if end.last > run.last.id.offset {
            if first_of(report, end.epoch) == run.first {
                // The replica has more of the epoch. The resync push itself checks whether the leader's last entry of
                // it is there.
                return SyncPoint::At(Some(run.last), SyncedBy::Runs);
            }
            // The replica lacks entries before the epoch, so its entries of the epoch are forged.
            return self.sync_point_committed(report, read_back);
        }
        match self.log.lookup_or(Position(run.first.0 + offset), read_back) {
            Lookup::Known(point) if point.digest == end.digest => SyncPoint::At(Some(point), SyncedBy::Runs),
            Lookup::Unread => SyncPoint::Unread(Position(run.first.0 + offset)),
            Lookup::Purged => SyncPoint::Purged,
            _ => self.sync_point_committed(report, read_back),
        }
    }

    /// The replica's last committed entry: both logs must have it. Used when the runs do not give a common entry.
    fn sync_point_committed(&self, report: &LogState, read_back: &[LogPoint]) -> SyncPoint {
        let Some(committed) = report.committed else { return SyncPoint::At(None, SyncedBy::Committed) };
        match self.log.lookup_or(committed.position, read_back) {
            Lookup::Known(point) if point == committed => SyncPoint::At(Some(point), SyncedBy::Committed),
            Lookup::Unread => SyncPoint::Unread(committed.position),
            Lookup::Purged => SyncPoint::Purged,
            _ => SyncPoint::Damaged(committed),
        }
    }

    /// Starts a resync at the sync point. What was in flight belongs to the old log state and is forgotten. `matched`
    /// stays: it is certain.
    fn resync_from(&mut self, replica: NodeId, sync: Option<LogPoint>, by: SyncedBy) {
        let last = self.log.last_position();
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(progress) = leader.replicas.get_mut(&replica) else { return };
        progress.resync += 1;
        progress.resync_to = last;
        progress.sent = sync;
        progress.in_flight.clear();
        progress.in_flight_bytes = 0;
        let had_turn = matches!(std::mem::replace(&mut progress.waiting, Waiting::Nothing), Waiting::Snapshot(_));
        let resync = progress.resync;
        let resent = last - reach(sync);
        self.trace(|| Fact::Resynced { to: replica, sync, by: by.into(), resync, resent });
        if resent == 0 {
            self.send_heartbeat(replica);
        }
        self.push_to(replica);
        if had_turn {
            self.send_next_snapshot();
        }
    }
}

/// The first position of an epoch in the replica's log, computed from its report. The report is not trusted, so the
/// sum saturates.
fn first_of(report: &LogState, epoch: Epoch) -> Position {
    let before = report.runs.iter().take_while(|end| end.epoch < epoch);
    let count = before.fold(0_u64, |count, end| count.saturating_add(end.last.0).saturating_add(1));
    Position(count.saturating_add(1))
}
