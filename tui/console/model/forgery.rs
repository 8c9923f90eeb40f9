//! The conflict that is being chosen: at which replica, under which key, how many entries, and of which kind.

use bytes::Bytes;
use epoca::protocol::NodeId;

use crate::console::model::{Membership, Model};

/// The greatest number of entries that one key chooses.
pub const DEPTH_MAX: u64 = 9;

/// The value of forged entries.
const VALUE: &str = "666";

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Forgery {
    pub node: NodeId,
    /// The keys to choose from, the last written one first.
    pub keys: Vec<Bytes>,
    pub key: usize,
    /// How many forged entries.
    pub depth: u64,
    pub kind: ForgeryKind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ForgeryKind {
    /// The ids that the leader assigns next, with other content: only the digest differs. The next write meets them.
    SameIds,
    /// Another node leads afterwards, so that the entries are of an older epoch than the leader's. Its opening meets
    /// them.
    OlderEpoch,
}

impl Forgery {
    /// The key, as it is typed; `None` if it cannot be typed.
    pub fn key_typed(&self) -> Option<String> {
        let key = std::str::from_utf8(self.keys.get(self.key)?).ok()?;
        shlex::try_quote(key).ok().map(|quoted| quoted.into_owned())
    }

    /// The command that appends the entries.
    pub fn line(&self) -> Option<String> {
        let count = if self.depth > 1 { format!(" --count {}", self.depth) } else { String::new() };
        Some(format!("inject {} {} {VALUE}{count}", self.node.0, self.key_typed()?))
    }
}

impl Model {
    /// The defaults for a replica: the last written key, one entry, the same ids.
    pub fn forgery(&self, node: NodeId) -> Forgery {
        let mut keys: Vec<Bytes> = self.last_key().into_iter().collect();
        keys.push(self.next_write().0.into());
        let others = self.nodes.get(&node).map(|node| node.final_db.keys().keys());
        let others = others.into_iter().flatten().take(DEPTH_MAX as usize).cloned();
        for key in others {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys.retain(|key| std::str::from_utf8(key).is_ok());
        Forgery { node, keys, key: 0, depth: 1, kind: ForgeryKind::SameIds }
    }

    /// The node that leads after forged entries of an older epoch: a live voter, neither the leader nor the forged
    /// replica.
    pub fn next_leader(&self, forged: NodeId) -> Option<NodeId> {
        let leader = self.leader()?.state.node;
        let fits = |id: &NodeId| *id != leader && *id != forged && self.membership(*id) == Membership::Voter;
        self.nodes.iter().filter(|(id, node)| node.is_live() && fits(id)).map(|(id, _)| *id).next()
    }
}
