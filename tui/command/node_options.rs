//! How the nodes of a cluster conduct themselves: the options that `epoca node`, `cluster` and `demo` share. All nodes of a
//! cluster are to have the same.

use clap::{Args, ValueEnum};
use epoca::cluster::ClusterOptions;
use epoca::protocol::Prefer;

#[derive(Args, Clone, Copy, Debug)]
pub struct Conduct {
    /// How often the leader lets the replicas hear of it, in milliseconds [default: 100]
    #[arg(long, value_name = "MS")]
    pub heartbeat: Option<u64>,

    /// The least time without a leader before an election, in milliseconds; each attempt waits up to twice of it [default:
    /// 1000]
    #[arg(long, value_name = "MS")]
    pub election_timeout: Option<u64>,

    /// Who starts elections: the nodes themselves, or a person with `epoca leader transfer N`
    #[arg(long, value_enum, value_name = "WHO", default_value_t = Election::Automatic)]
    pub election: Election,

    /// Which node should lead, all else being equal
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = Preferred::None)]
    pub prefer: Preferred,

    /// For so many milliseconds after a majority's answers the leader may answer reads alone; at most nine tenths of the
    /// election timeout, 0 never
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
    /// Whoever stands first
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

impl Conduct {
    pub const DEFAULT: Conduct = Conduct {
        heartbeat: None,
        election_timeout: None,
        election: Election::Automatic,
        prefer: Preferred::None,
        lease: 0,
    };

    /// The options of a cluster whose nodes conduct themselves so.
    pub fn of(self, options: ClusterOptions) -> ClusterOptions {
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

/// How much a node takes on.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct BoundArgs {
    /// So many entries may wait to become final at a leader; beyond it writes are refused as overloaded (65,536 unless
    /// told)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub uncommitted_entries: Option<u64>,
}

impl BoundArgs {
    /// The options that were given, as `epoca node` takes them.
    pub fn given(&self) -> Vec<String> {
        let entries = self.uncommitted_entries.iter();
        entries.flat_map(|entries| ["--uncommitted-entries".to_owned(), entries.to_string()]).collect()
    }
}

/// When snapshots are taken, and what becomes of them.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct SnapshotArgs {
    /// Take a snapshot after so many entries, and cut the log behind it (100,000 unless told)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub snapshot_entries: Option<u64>,
    /// Take a snapshot after so many bytes of entries (64 MiB unless told)
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub snapshot_bytes: Option<u64>,
    /// How many entries before a snapshot the log keeps, for replicas that are a little behind (10,000 unless told)
    #[arg(long, value_name = "N")]
    pub snapshot_margin: Option<u64>,
    /// How many bytes of these entries it keeps at most (64 MiB unless told)
    #[arg(long, value_name = "BYTES")]
    pub snapshot_margin_bytes: Option<u64>,
    /// How many bytes of snapshots a leader sends in a second (64 MiB unless told)
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub snapshot_bytes_per_second: Option<u64>,
}

impl SnapshotArgs {
    /// The options that were given, as `epoca node` takes them.
    pub fn given(&self) -> Vec<String> {
        let all = [
            ("--snapshot-entries", self.snapshot_entries),
            ("--snapshot-bytes", self.snapshot_bytes),
            ("--snapshot-margin", self.snapshot_margin),
            ("--snapshot-margin-bytes", self.snapshot_margin_bytes),
            ("--snapshot-bytes-per-second", self.snapshot_bytes_per_second),
        ];
        let given = all.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?.to_string()]));
        given.flatten().collect()
    }
}
