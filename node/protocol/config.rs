//! What a core gets at its start: its configuration, its bounds, and the contents of its disk.

use crate::base::SnapshotId;
use crate::entry::Entry;
use crate::io::Promise;
use crate::membership::Listed;
use crate::message::RunEnd;
use crate::types::{FeatureLevel, Incarnation, LogPoint, NodeId, Position};

/// The configuration of one node. It does not change while the core runs.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Config {
    /// This node's id.
    pub id: NodeId,
    /// This node's data folder.
    pub incarnation: Incarnation,
    /// The voters named on the command line with their addresses, this node among them, sorted by id. They count until
    /// the log holds a member list; the founding list is made from them.
    pub voters: Vec<(NodeId, String)>,
    /// The time between two heartbeats of a leader, in microseconds.
    pub heartbeat_micros: u64,
    /// The least election timeout in microseconds. Each attempt draws a timeout between it and twice it.
    pub election_timeout_micros: u64,
    /// The seed of the random sequence. The nodes of one cluster should have different seeds, or their elections
    /// collide.
    pub seed: u64,
    /// Bounds on memory and on what is in flight.
    pub limits: Limits,
    /// Rules for who leads and for leases.
    pub leadership: Leadership,
    /// The greatest feature level that this node supports: [`FeatureLevel::NEWEST`], or less to act as an older
    /// version.
    pub level_max: FeatureLevel,
}

/// Rules for who leads, and for what a leader may answer alone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Leadership {
    /// Elections are started by a person only; timeouts start none.
    pub manual: bool,
    /// The preferred leader.
    pub prefer: Prefer,
    /// The length of a leader's lease in microseconds, from the time its round was sent; 0 disables leases. It must be
    /// shorter than the election timeout by the drift of the clocks: see [`Leadership::lease_most`].
    pub lease_micros: u64,
}

impl Leadership {
    /// The longest safe lease in microseconds when the voters refuse votes for `patience_micros` after each round:
    /// nine tenths of that, so that clocks may differ in speed by a tenth.
    pub const fn lease_most(patience_micros: u64) -> u64 {
        patience_micros / 10 * 9
    }
}

/// Which node should lead among equals. The preference never overrides the comparison of logs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Prefer {
    /// No preference.
    #[default]
    None,
    /// The lowest id, as in a list of priorities.
    Lowest,
    /// The highest id, as in the Bully algorithm.
    Highest,
}

impl Prefer {
    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Prefer::None => "none",
            Prefer::Lowest => "lowest",
            Prefer::Highest => "highest",
        }
    }
}

/// Bounds on what the core holds in memory and has in flight. The defaults are those of a node.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Limits {
    /// The weight of the recent entries kept in memory for pushes, in bytes. Entries that are not committed and
    /// durable stay beyond it.
    pub window_bytes: u64,
    /// The number of those entries.
    pub window_entries: usize,
    /// The weight of the entries in one push, in bytes. A larger single entry is pushed alone.
    pub push_bytes: u64,
    /// The number of entries in one push.
    pub push_entries: usize,
    /// The weight of pushes without an ack to each replica, in bytes.
    pub in_flight_bytes: u64,
    /// The number of those pushes.
    pub in_flight_pushes: usize,
    /// The weight of entries in a leader's log that are not final yet, in bytes. Beyond it writes are refused as
    /// overloaded.
    pub uncommitted_bytes: u64,
    /// The number of those entries.
    pub uncommitted_entries: u64,
    /// The weight of entries handed to the final database and not applied, in bytes. Beyond it committed entries wait
    /// in the log.
    pub applying_bytes: u64,
    /// The number of those entries.
    pub applying_entries: u64,
    /// The number of linearizable reads that may wait at a leader.
    pub waiting_reads: usize,
    /// The number of forged entries in one injection.
    pub injected_entries: usize,
    /// The number of entries after which a snapshot is taken.
    pub snapshot_entries: u64,
    /// The weight of entries after which a snapshot is taken, in bytes; not before it exceeds the size of the latest
    /// snapshot.
    pub snapshot_bytes: u64,
    /// The number of entries that the log keeps before a snapshot.
    pub snapshot_margin: u64,
    /// The weight of those entries, in bytes. The lesser of the two bounds counts.
    pub snapshot_margin_bytes: u64,
    /// The size of one part of a snapshot on its way to a replica, in bytes.
    pub snapshot_chunk_bytes: u64,
    /// The bandwidth for snapshots to replicas, in bytes per second.
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

/// The contents of the disk at a node's start. The final database has applied the entries up to `committed`. Storage
/// has verified them; the core only checks that they agree with each other.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Restored {
    /// The stored promise.
    pub promise: Option<Promise>,
    /// The end of each epoch in the log and the position of its last entry, in order.
    pub runs: Vec<(RunEnd, Position)>,
    /// The last entries of the log, contiguous: at least all after `committed`.
    pub tail: Vec<Entry>,
    /// The entry before `tail`, if there is one.
    pub before_tail: Option<LogPoint>,
    /// The first forged entry; all after it are forged.
    pub forged_from: Option<Position>,
    /// The recorded commit point, which is also what the final database has applied.
    pub committed: Option<LogPoint>,
    /// The last entry that the log has given up; the entries on disk begin after it.
    pub purged: Option<LogPoint>,
    /// The newest snapshot on disk.
    pub snapshot: Option<SnapshotId>,
    /// The approximate weight of the log's entries after the snapshot, in bytes.
    pub bytes_since_snapshot: u64,
    /// For some positions of the log, in order, the approximate weight in bytes of all entries up to there.
    pub weights: Vec<(Position, u64)>,
    /// The latest member lists of the log, given-up entries included, oldest first.
    pub lists: Vec<Listed>,
}

impl Restored {
    /// The entries that the final database has not applied.
    pub(super) fn uncommitted(&self) -> impl Iterator<Item = &Entry> {
        self.tail.iter().filter(|entry| Some(entry.position) > self.committed.map(|point| point.position))
    }
}
