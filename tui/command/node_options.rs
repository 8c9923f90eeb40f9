//! The options of nodes that `epoca node`, `epoca cluster` and the demo share. All nodes of a cluster need the same
//! ones.

use clap::{Args, ValueEnum};
use epoca::cluster::ClusterOptions;
use epoca::protocol::Prefer;

/// How the nodes choose a leader and how the leader keeps its role.
#[derive(Args, Clone, Copy, Debug)]
pub struct LeadershipArgs {
    /// How often the leader sends heartbeats, in milliseconds [default: 100]
    #[arg(long, value_name = "MS")]
    pub heartbeat: Option<u64>,

    /// The shortest time without a leader before an election, in milliseconds; each attempt waits up to twice as long
    /// [default: 1000]
    #[arg(long, value_name = "MS")]
    pub election_timeout: Option<u64>,

    /// Who starts elections: the nodes themselves, or a person with `epoca leader transfer N`
    #[arg(long, value_enum, value_name = "WHO", default_value_t = Election::Automatic)]
    pub election: Election,

    /// Which node leads when several can
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = Preferred::None)]
    pub prefer: Preferred,

    /// How long the leader may answer reads alone after a majority has answered it, in milliseconds: at most nine
    /// tenths of the election timeout; 0 turns leases off
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub lease: u64,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Election {
    Automatic,
    Manual,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Preferred {
    /// The first candidate that wins
    None,
    /// The lowest id, as in a list of priorities
    Lowest,
    /// The highest id, as in the Bully algorithm
    Highest,
}

impl From<Preferred> for Prefer {
    fn from(preferred: Preferred) -> Prefer {
        match preferred {
            Preferred::None => Prefer::None,
            Preferred::Lowest => Prefer::Lowest,
            Preferred::Highest => Prefer::Highest,
        }
    }
}

impl LeadershipArgs {
    pub const DEFAULT: LeadershipArgs = LeadershipArgs {
        heartbeat: None,
        election_timeout: None,
        election: Election::Automatic,
        prefer: Preferred::None,
        lease: 0,
    };

    /// The options of a cluster with these of its nodes.
    pub fn apply_to(self, options: ClusterOptions) -> ClusterOptions {
        ClusterOptions {
            heartbeat_ms: self.heartbeat,
            election_timeout_ms: self.election_timeout,
            manual: self.election == Election::Manual,
            prefer: self.prefer.into(),
            lease_ms: self.lease,
            ..options
        }
    }
}

/// Limits of the work that a node accepts.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct LimitArgs {
    /// How many entries may wait to become final at a leader; it refuses further writes as overloaded [default: 65536]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub uncommitted_entries: Option<u64>,
}

impl LimitArgs {
    /// The options that were given, as arguments of `epoca node`.
    pub fn to_arguments(self) -> Vec<String> {
        arguments([("--uncommitted-entries", self.uncommitted_entries)])
    }
}

/// When a node takes snapshots, how much of the log it keeps, and how fast it sends snapshots.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct SnapshotArgs {
    /// Take a snapshot after this many entries, and cut the log behind it [default: 100000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub snapshot_entries: Option<u64>,
    /// Take a snapshot after this many bytes of entries [default: 64 MiB]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub snapshot_bytes: Option<u64>,
    /// How many entries before a snapshot the log keeps, for replicas that are slightly behind [default: 10000]
    #[arg(long, value_name = "N")]
    pub snapshot_margin: Option<u64>,
    /// The greatest size of these entries in bytes [default: 64 MiB]
    #[arg(long, value_name = "BYTES")]
    pub snapshot_margin_bytes: Option<u64>,
    /// How many bytes of snapshots a leader sends in a second [default: 64 MiB]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub snapshot_bytes_per_second: Option<u64>,
}

impl SnapshotArgs {
    /// The options that were given, as arguments of `epoca node`.
    pub fn to_arguments(self) -> Vec<String> {
        arguments([
            ("--snapshot-entries", self.snapshot_entries),
            ("--snapshot-bytes", self.snapshot_bytes),
            ("--snapshot-margin", self.snapshot_margin),
            ("--snapshot-margin-bytes", self.snapshot_margin_bytes),
            ("--snapshot-bytes-per-second", self.snapshot_bytes_per_second),
        ])
    }
}

/// The options that have a value, each as its name and its value.
pub fn arguments(options: impl IntoIterator<Item = (&'static str, Option<u64>)>) -> Vec<String> {
    let given = options.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?.to_string()]));
    given.flatten().collect()
}
