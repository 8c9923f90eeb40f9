//! The leader's side of repair: from a replica's log state to the sync point, the last entry on which both agree, in one
//! round trip (with forged entries at most two).
//!
//! With e the greatest epoch that both logs have, it is the lesser of the two ends of e (KIP-279 has the same idea); with
//! no common epoch the start of the log. If the digest there differs, or e begins at another position there (forged
//! entries can do that), it is the replica's last committed entry. If even that differs, data is damaged.

use crate::core::Core;
use crate::log::Place;
use crate::message::LogState;
use crate::role::{Role, Waiting};
use crate::trace::Fact;
use crate::types::{Epoch, LogPoint, NodeId, Offset, Position, reach};

enum SyncPoint {
    At(Option<LogPoint>, &'static str),
    /// Our entry there is older than the window.
    Unread(Position),
    /// It lies before our log's first entry: the replica needs a snapshot.
    Purged,
    /// The replica's last committed entry is not ours.
    Damaged(LogPoint),
}

impl Core {
    pub(super) fn on_log_state(&mut self, from: NodeId, report: LogState) {
        let Role::Leader(leader) = &self.role else { return };
        let Some(progress) = leader.replicas.get(&from) else { return };
        let looking = matches!(progress.waiting, Waiting::SyncPoint { .. });
        // A report of an older number speaks of a log that the replica has no more.
        if report.resync == progress.resync && !looking {
            self.resync(from, report, Vec::new());
        }
    }

    /// `looked`: our entries older than the window that were read for this.
    pub(super) fn resync(&mut self, replica: NodeId, report: LogState, looked: Vec<LogPoint>) {
        match self.sync_point(&report, &looked) {
            SyncPoint::At(sync, by) => self.resync_from(replica, sync, by),
            SyncPoint::Unread(position) => {
                let read = self.read_log(position.0, position.0, 0);
                if let Role::Leader(leader) = &mut self.role
                    && let Some(progress) = leader.replicas.get_mut(&replica)
                {
                    progress.waiting = Waiting::SyncPoint { read, report, looked };
                }
            }
            SyncPoint::Purged => self.needs_snapshot(replica),
            SyncPoint::Damaged(point) => self.suspect_damage(replica, point, None),
        }
    }

    fn sync_point(&self, report: &LogState, looked: &[LogPoint]) -> SyncPoint {
        match self.last_common(report, looked) {
            SyncPoint::At(sync, _) if reach(sync) < self.log.purged_position() => SyncPoint::Purged,
            found => found,
        }
    }

    fn last_common(&self, report: &LogState, looked: &[LogPoint]) -> SyncPoint {
        let common = report.runs.iter().rev().find_map(|end| Some((end, self.log.run_of(end.epoch)?)));
        let Some((end, run)) = common else { return SyncPoint::At(None, "runs") };
        let Offset(offset) = end.last;
        if end.last > run.last.id.offset {
            if first_of(report, end.epoch) == run.first {
                // Beyond our end of the epoch: the resync push itself asks whether our last entry is there.
                return SyncPoint::At(Some(run.last), "runs");
            }
            // Entries are missing before the epoch, so those of it are forged.
            return self.sync_point_committed(report, looked);
        }
        match self.log.place_or(Position(run.first.0 + offset), looked) {
            Place::Known(point) if point.digest == end.digest => SyncPoint::At(Some(point), "runs"),
            Place::Unread => SyncPoint::Unread(Position(run.first.0 + offset)),
            Place::Purged => SyncPoint::Purged,
            _ => self.sync_point_committed(report, looked),
        }
    }

    /// The replica's last committed entry: where logs agree if their epochs' ends tell nothing.
    fn sync_point_committed(&self, report: &LogState, looked: &[LogPoint]) -> SyncPoint {
        let Some(committed) = report.committed else { return SyncPoint::At(None, "committed") };
        match self.log.place_or(committed.position, looked) {
            Place::Known(point) if point == committed => SyncPoint::At(Some(point), "committed"),
            Place::Unread => SyncPoint::Unread(committed.position),
            Place::Purged => SyncPoint::Purged,
            _ => SyncPoint::Damaged(committed),
        }
    }

    fn resync_from(&mut self, replica: NodeId, sync: Option<LogPoint>, by: &'static str) {
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

/// Where the replica's entries of an epoch begin: after all those of the epochs before. It is the replica that says so, so
/// it may say anything.
fn first_of(report: &LogState, epoch: Epoch) -> Position {
    let before = report.runs.iter().take_while(|end| end.epoch < epoch);
    let count = before.fold(0_u64, |count, end| count.saturating_add(end.last.0).saturating_add(1));
    Position(count.saturating_add(1))
}
