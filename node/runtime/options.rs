//! What a node is told at its start.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::lab::Wrong;
use crate::membership::Identity;
use crate::protocol::trace::LinkRule;
use crate::protocol::{Config, Leadership, Limits, Membership, NodeId, Prefer};
use crate::runtime::error::NodeError;
use crate::runtime::membership::names;
use crate::wire::address::is_unspecified;

#[derive(Clone, Debug)]
pub struct NodeOptions {
    pub id: NodeId,
    pub listen: SocketAddr,
    /// Where the others reach this node, as `HOST:PORT`; by default where it listens.
    pub advertise: Option<String>,
    /// The other nodes, with their addresses as `HOST:PORT`.
    pub peers: Vec<(NodeId, String)>,
    /// Ask the nodes at these addresses to be added to their cluster.
    pub join: Vec<String>,
    /// Once added, stay a learner.
    pub learner: bool,
    /// Found no cluster: wait until one adds this node.
    pub wait: bool,
    pub data: PathBuf,
    /// Whether faults can be made on purpose here, and values are shown to watchers.
    pub lab: bool,
    /// What is in force at the gate from the start; only in a lab.
    pub rules: Vec<LinkRule>,
    /// Start in step mode; only in a lab.
    pub frozen: bool,
    /// Be wrong on purpose; only in a lab.
    pub wrong: Option<Wrong>,
    pub heartbeat_ms: u64,
    pub election_timeout_ms: u64,
    /// Elections are started by a person alone.
    pub manual: bool,
    pub prefer: Prefer,
    /// 0: the leader asks the others for every linearizable read.
    pub lease_ms: u64,
    pub snapshots: SnapshotOptions,
    /// So many entries may wait at a leader to become final.
    pub uncommitted_entries: u64,
}

/// When snapshots are taken, what the log keeps, and how fast they are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SnapshotOptions {
    pub entries: u64,
    pub bytes: u64,
    /// Entries that the log keeps before a snapshot's point.
    pub margin: u64,
    /// And how many bytes of them at most.
    pub margin_bytes: u64,
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
    pub const HEARTBEAT_MS: u64 = 100;
    pub const ELECTION_TIMEOUT_MS: u64 = 1_000;
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
        if !self.lab && (self.frozen || self.wrong.is_some() || !self.rules.is_empty()) {
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

    /// What the others are told, or this node is, must be an address of one machine.
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

    /// The members are those in the log; the command line only says where they are. That it names others is told, since
    /// a person may have meant another folder.
    pub(super) fn other_members(&self, list: &Membership) -> Option<String> {
        let listed: BTreeSet<NodeId> = list.members.iter().map(|member| member.id).collect();
        let named: BTreeSet<NodeId> = self.peers.iter().map(|(id, _)| *id).chain([self.id]).collect();
        if self.peers.is_empty() || listed == named {
            return None;
        }
        let named = named.iter().map(NodeId::to_string).collect::<Vec<_>>().join(" ");
        Some(format!("--peer names {named}, but the log's member list counts: {}", names(list)))
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

    /// The founders of a cluster, as the command line names them; nobody, if this node is to be added to one.
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
        }
    }
}
