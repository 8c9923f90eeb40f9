//! The options of a node, their check, and the configuration of the core that follows from them.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::membership::Identity;
use crate::protocol::trace::{LinkRule, Pace, Wrong};
use crate::protocol::{Config, FeatureLevel, Leadership, Limits, Membership, NodeId, Prefer};
use crate::runtime::error::NodeError;
use crate::runtime::membership::describe;
use crate::wire::address::is_unspecified;

/// Options of a node, as `epoca node` takes them. [`run`](crate::runtime::run) checks them.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// The node's id in its cluster, from 1.
    pub id: NodeId,
    /// The address to listen on, for clients and other nodes.
    pub listen: SocketAddr,
    /// The address at which other nodes reach this one, as `HOST:PORT`. By default the address that it listens on.
    pub advertise: Option<String>,
    /// The other founding nodes with their addresses, as `HOST:PORT`.
    pub peers: Vec<(NodeId, String)>,
    /// Addresses, as `HOST:PORT`, of nodes to ask for admission to their cluster.
    pub join: Vec<String>,
    /// Once added, remain a learner: receive all data without a vote.
    pub learner: bool,
    /// Found no cluster; wait until `epoca member add` adds this node to one.
    pub wait: bool,
    /// The data folder. It is created if it does not exist, and locked while the node runs.
    pub data: PathBuf,
    /// Allow fault injection, and show keys and values to observers.
    pub lab: bool,
    /// Fault rules in force from the start. Only in a lab.
    pub rules: Vec<LinkRule>,
    /// Start in step mode. Only in a lab.
    pub frozen: bool,
    /// In step mode keep also the messages that change nothing.
    pub every: bool,
    /// Start with time at this pace. Slower than real time only in a lab.
    pub pace: Pace,
    /// Misbehave on purpose, so that the checks can be seen to detect it. Only in a lab.
    pub wrong: Option<Wrong>,
    /// The interval of a leader's heartbeats, in milliseconds, at least 1.
    pub heartbeat_ms: u64,
    /// How long a replica waits for its leader before it campaigns, in milliseconds; at least twice the heartbeat. The
    /// actual timeout is random, up to twice this.
    pub election_timeout_ms: u64,
    /// Never campaign by itself; elections start only on request.
    pub manual: bool,
    /// Which node should lead if several could.
    pub prefer: Prefer,
    /// How long a leader's lease lasts, in milliseconds. With 0 there is no lease, and every linearizable read asks a
    /// quorum.
    pub lease_ms: u64,
    /// Snapshots and log compaction.
    pub snapshots: SnapshotOptions,
    /// The most entries that may wait at a leader to become final; beyond it writes are refused as overloaded.
    pub uncommitted_entries: u64,
    /// The greatest feature level that this node supports; less than the newest only in a lab, to act as an older
    /// version.
    pub level_max: FeatureLevel,
}

/// When snapshots are taken, how much the log keeps behind them, and how fast they are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SnapshotOptions {
    /// Take a snapshot after this many entries.
    pub entries: u64,
    /// Take a snapshot after this many bytes of entries.
    pub bytes: u64,
    /// Entries that the log keeps before the snapshot's last entry, for replicas that lag.
    pub margin: u64,
    /// An upper bound on these entries in bytes.
    pub margin_bytes: u64,
    /// The rate at which a snapshot is sent to a replica.
    pub bytes_per_second: u64,
}

impl Default for SnapshotOptions {
    fn default() -> SnapshotOptions {
        let limits = Limits::default();
        SnapshotOptions {
            entries: limits.snapshot_entries,
            bytes: limits.snapshot_bytes,
            margin: limits.snapshot_margin,
            margin_bytes: limits.snapshot_margin_bytes,
            bytes_per_second: limits.snapshot_bytes_per_second,
        }
    }
}

impl NodeOptions {
    /// The default of `heartbeat_ms`.
    pub const HEARTBEAT_MS: u64 = 100;
    /// The default of `election_timeout_ms`.
    pub const ELECTION_TIMEOUT_MS: u64 = 1_000;
    /// The default of `uncommitted_entries`.
    pub const UNCOMMITTED_ENTRIES: u64 = 65_536;

    pub(super) fn check(&self) -> Result<(), NodeError> {
        let NodeOptions { id, heartbeat_ms, election_timeout_ms, .. } = *self;
        let mut named = BTreeSet::new();
        for (peer, _) in &self.peers {
            match *peer {
                NodeId(0) => return Err(NodeError::ZeroId),
                peer if peer == id => return Err(NodeError::PeerIsMe(peer)),
                peer if !named.insert(peer) => return Err(NodeError::PeerTwice(peer)),
                _ => {}
            }
        }
        self.check_addresses()?;
        if !(FeatureLevel::FIRST..=FeatureLevel::NEWEST).contains(&self.level_max) {
            return Err(NodeError::Level { level: self.level_max });
        }
        let is_older = self.level_max < FeatureLevel::NEWEST;
        if !self.lab
            && (self.frozen || !self.pace.is_real() || self.wrong.is_some() || is_older || !self.rules.is_empty())
        {
            return Err(NodeError::LabOnly);
        }
        if id == NodeId(0) {
            return Err(NodeError::ZeroId);
        }
        if heartbeat_ms == 0 || election_timeout_ms < heartbeat_ms.saturating_mul(2) {
            return Err(NodeError::Timing { heartbeat_ms, election_timeout_ms });
        }
        let most_ms = Leadership::lease_most(election_timeout_ms.saturating_mul(1_000)) / 1_000;
        if self.lease_ms > most_ms {
            return Err(NodeError::Lease { lease_ms: self.lease_ms, most_ms });
        }
        Ok(())
    }

    /// Every address that nodes use for each other must belong to one machine and to one node.
    fn check_addresses(&self) -> Result<(), NodeError> {
        let advertised = self.advertise.iter().map(|address| ("--advertise", address));
        let peers = self.peers.iter().map(|(_, address)| ("--peer", address));
        let join = self.join.iter().map(|address| ("--join", address));
        if let Some((option, address)) =
            advertised.chain(peers).chain(join).find(|(_, address)| is_unspecified(address))
        {
            return Err(NodeError::EveryAddress { option, address: address.clone() });
        }
        let mine = self.advertise.clone().unwrap_or_else(|| self.listen.to_string());
        let mut addresses: Vec<&String> = self.peers.iter().map(|(_, address)| address).chain([&mine]).collect();
        addresses.sort_unstable();
        if let Some(pair) = addresses.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(NodeError::SharedAddress(pair[0].clone()));
        }
        if self.advertise.is_none() && self.listen.ip().to_canonical().is_unspecified() {
            return Err(NodeError::NotAdvertised(self.listen));
        }
        Ok(())
    }

    /// The log defines the members; the command line only gives addresses. A difference is reported, because the wrong
    /// folder may be in use.
    pub(super) fn other_members(&self, list: &Membership) -> Option<String> {
        let listed: BTreeSet<NodeId> = list.members.iter().map(|member| member.id).collect();
        let named: BTreeSet<NodeId> = self.peers.iter().map(|(id, _)| *id).chain([self.id]).collect();
        if self.peers.is_empty() || listed == named {
            return None;
        }
        let named = named.iter().map(NodeId::to_string).collect::<Vec<_>>().join(" ");
        Some(format!("--peer names {named}, but the members by the log are {}", describe(list)))
    }

    fn limits(&self) -> Limits {
        Limits {
            uncommitted_entries: self.uncommitted_entries,
            snapshot_entries: self.snapshots.entries,
            snapshot_bytes: self.snapshots.bytes,
            snapshot_margin: self.snapshots.margin,
            snapshot_margin_bytes: self.snapshots.margin_bytes,
            snapshot_bytes_per_second: self.snapshots.bytes_per_second,
            ..Limits::default()
        }
    }

    /// The founding voters by the command line; empty if this node is to be added to a cluster.
    pub(super) fn voters(&self, address: &str) -> Vec<(NodeId, String)> {
        if self.wait || !self.join.is_empty() {
            return Vec::new();
        }
        let mut voters = self.peers.clone();
        voters.push((self.id, address.to_owned()));
        voters.sort();
        voters
    }

    pub(super) fn config(&self, me: &Identity, seed: u64) -> Config {
        Config {
            id: self.id,
            incarnation: me.incarnation,
            voters: self.voters(&me.address),
            heartbeat_micros: self.heartbeat_ms.saturating_mul(1_000),
            election_timeout_micros: self.election_timeout_ms.saturating_mul(1_000),
            seed,
            limits: self.limits(),
            leadership: Leadership {
                manual: self.manual,
                prefer: self.prefer,
                lease_micros: self.lease_ms.saturating_mul(1_000),
            },
            level_max: self.level_max,
        }
    }
}
