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
