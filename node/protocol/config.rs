//! What the core is told at its start: who it is, how patient, how much it may hold, and what its disk remembers.

use crate::base::SnapshotId;
use crate::entry::Entry;
use crate::io::Promise;
use crate::membership::Listed;
use crate::message::RunEnd;
use crate::types::{Incarnation, LogPoint, NodeId, Position};

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Config {
    pub id: NodeId,
    pub incarnation: Incarnation,
    /// The voters that the command line names, this node among them, with their addresses; sorted by id. They count
    /// until the log holds a member list.
    pub voters: Vec<(NodeId, String)>,
    /// In microseconds.
    pub heartbeat_micros: u64,
    /// The least election timeout in microseconds; each attempt waits between once and twice of it.
    pub election_timeout_micros: u64,
    pub seed: u64,
    pub limits: Limits,
    pub leadership: Leadership,
}

/// Who is to lead, and what a leader may answer alone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Leadership {
    /// Elections are started by a person alone.
    pub manual: bool,
    pub prefer: Prefer,
    /// How long after a quorum's answers (counted from when they were asked for) a leader may read alone; 0: never.
    /// Shorter than the election timeout by what the nodes' clocks may drift apart meanwhile.
    pub lease_micros: u64,
}

impl Leadership {
    /// The longest lease that such a patience of the voters allows: nine tenths of it, so that clocks may run at speeds
    /// that differ by a tenth.
    pub const fn lease_most(patience_micros: u64) -> u64 {
        patience_micros / 10 * 9
    }
}

/// Which node should lead, all else being equal: never against the comparison of logs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Prefer {
    #[default]
    None,
    /// As in a list of priorities.
    Lowest,
    /// As in the Bully algorithm.
    Highest,
}

impl Prefer {
    /// As on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Prefer::None => "none",
            Prefer::Lowest => "lowest",
            Prefer::Highest => "highest",
        }
    }
}

/// Bounds on what the core holds and has under way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Limits {
    /// Recent entries kept in memory for pushing, in bytes and number. Those not yet committed are kept beyond it.
    pub window_bytes: u64,
    pub window_entries: usize,
    /// One push.
    pub push_bytes: u64,
    pub push_entries: usize,
    /// Pushes not yet acked, for each replica.
    pub in_flight_bytes: u64,
    pub in_flight_pushes: usize,
    /// Entries in the leader's log that are not yet final, since they are not committed or its database is slow; beyond
    /// it writes are refused as overloaded.
    pub uncommitted_bytes: u64,
    pub uncommitted_entries: u64,
    /// What is handed to the final database and not yet applied; beyond it committed entries wait in the log.
    pub applying_bytes: u64,
    pub applying_entries: u64,
    /// Reads that wait for a round.
    pub waiting_reads: usize,
    /// Forged entries in one injection.
    pub injected_entries: usize,
    /// A snapshot is taken after so many entries, or so many bytes of them, but not before as many as the latest one
    /// has.
    pub snapshot_entries: u64,
    pub snapshot_bytes: u64,
    /// Entries that the log keeps before a snapshot's point.
    pub snapshot_margin: u64,
    /// And how much these may weigh; fewer stay if they weigh more.
    pub snapshot_margin_bytes: u64,
    /// One part of a snapshot on its way to a replica.
    pub snapshot_chunk_bytes: u64,
    /// How much of snapshots leaves in a second.
    pub snapshot_bytes_per_second: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            window_bytes: 16 << 20,
            window_entries: 16_384,
            push_bytes: 1 << 20,
            push_entries: 1_024,
            in_flight_bytes: 8 << 20,
            in_flight_pushes: 64,
            uncommitted_bytes: 64 << 20,
            uncommitted_entries: 65_536,
            applying_bytes: 16 << 20,
            applying_entries: 16_384,
            waiting_reads: 65_536,
            injected_entries: 1_000,
            snapshot_entries: 100_000,
            snapshot_bytes: 64 << 20,
            snapshot_margin: 10_000,
            snapshot_margin_bytes: 64 << 20,
            snapshot_chunk_bytes: 512 << 10,
            snapshot_bytes_per_second: 64 << 20,
        }
    }
}

/// What the disk remembers, handed to a core at its start. The final database is applied up to `committed`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Restored {
    pub promise: Option<Promise>,
    /// The ends of all epochs in the log with the positions of their last entries, in order.
    pub runs: Vec<(RunEnd, Position)>,
    /// The last entries of the log without gaps: at least all after `committed`.
    pub tail: Vec<Entry>,
    /// The entry before the tail, if there is one.
    pub before_tail: Option<LogPoint>,
    /// The first forged entry; all after it are forged too.
    pub forged_from: Option<Position>,
    /// The recorded commit point, which is also what the final database holds.
    pub committed: Option<LogPoint>,
    /// The last entry that the log has given up; the entries begin after it.
    pub purged: Option<LogPoint>,
    /// The newest snapshot on the disk.
    pub snapshot: Option<SnapshotId>,
    /// The weight of the log's entries after the snapshot, about.
    pub bytes_since_snapshot: u64,
    /// For some positions of the log, in order, how much all of it up to there weighs, about.
    pub weights: Vec<(Position, u64)>,
    /// The latest member lists that the log holds or has given up, oldest first.
    pub lists: Vec<Listed>,
}

impl Restored {
    /// The entries that the final database does not hold.
    pub(super) fn uncommitted(&self) -> impl Iterator<Item = &Entry> {
        self.tail.iter().filter(|entry| Some(entry.position) > self.committed.map(|point| point.position))
    }
}
