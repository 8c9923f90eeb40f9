//! Nodes that are added later, and changes of the member list.

use epoca::protocol::{FeatureLevel, Input, Member, MemberChange, MemberKind, Membership, NodeId, RequestId};

use crate::world::{Node, World, incarnation};

impl World {
    /// Starts a node with an empty disk that knows no other node and waits to be added.
    pub fn newcomer(&mut self, id: u64) {
        let like = &self.hosts().next().expect("a world has a node").config;
        let mut config = like.clone();
        (config.id, config.incarnation, config.voters) = (NodeId(id), incarnation(NodeId(id)), Vec::new());
        config.seed = like.seed.wrapping_mul(31).wrapping_add(id);
        self.nodes.insert(NodeId(id), Node::new(config));
        self.start(id);
    }

    /// Sets the version for the node's next start: it supports these feature levels.
    pub fn install(&mut self, id: u64, level_max: FeatureLevel) {
        self.host_mut(id).config.level_max = level_max;
    }

    /// Replaces the stopped node's disk by an empty one; the node knows no other node.
    pub fn replace_disk(&mut self, id: u64, generation: u8) {
        let host = self.host_mut(id);
        host.wipe();
        host.config.voters = Vec::new();
        host.config.incarnation.0[1] = generation;
    }

    pub fn member(&self, id: u64, kind: MemberKind) -> Member {
        let incarnation =
            self.nodes.get(&NodeId(id)).map_or(incarnation(NodeId(id)), |node| node.host.config.incarnation);
        Member { id: NodeId(id), address: format!("127.0.0.1:{}", 7100 + id), incarnation, kind }
    }

    pub fn change(&mut self, at: u64, change: MemberChange) -> RequestId {
        let request = self.next_request();
        self.step(at, Input::ChangeMembers(request, change));
        request
    }

    /// Asks `at` to add a node that becomes a voter once it has caught up.
    pub fn add(&mut self, at: u64, id: u64) -> RequestId {
        let member = self.member(id, MemberKind::Joining);
        self.change(at, MemberChange::Add(member))
    }

    pub fn remove(&mut self, at: u64, id: u64) -> RequestId {
        self.change(at, MemberChange::Remove(NodeId(id)))
    }

    /// The list in force at a node.
    pub fn list(&self, id: u64) -> &Membership {
        &self.core(id).members().expect("the node has a list").membership
    }

    pub fn voters(&self, id: u64) -> Vec<u64> {
        self.list(id).voters().map(|member| member.id.0).collect()
    }

    pub fn learners(&self, id: u64) -> Vec<u64> {
        self.list(id).learners().map(|member| member.id.0).collect()
    }
}
