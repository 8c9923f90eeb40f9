//! A clean cluster: no fault in force, every node live and led, all logs equal and final. One key asks for it.

use std::time::Duration;

use epoca::protocol::NodeId;

use crate::console::model::{Membership, Model, NodeView, Presence, step_mode};

/// How long a cleaning may take before it says what is in its way.
pub const CLEAN_WITHIN: Duration = Duration::from_secs(20);

/// A cleaning that is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cleaning {
    pub since: Duration,
    /// A write was sent so that the consistency check meets entries that only one log has.
    pub has_written: bool,
}

/// What keeps a cluster from being clean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unclean {
    Faults,
    Down(NodeId),
    Paused(NodeId),
    NoLeader,
    NotLed(NodeId),
    /// Entries are missing or not final yet; they arrive by themselves.
    Behind(NodeId),
    /// Entries that the leader does not have. Only a push meets them.
    Differs(NodeId),
}

impl Model {
    /// What keeps the cluster from being clean, the first thing first; `None` if it is clean.
    pub fn unclean(&self) -> Option<Unclean> {
        let members =
            || self.nodes.iter().filter(|(id, _)| self.membership(**id) != Membership::NonMember).map(|(_, node)| node);
        let of = |node: &NodeView| node.state.node;
        if let Some(down) = members().find(|node| node.presence != Presence::Live) {
            return Some(Unclean::Down(of(down)));
        }
        if let Some(paused) = members().find(|node| node.is_paused()) {
            return Some(Unclean::Paused(of(paused)));
        }
        let is_held = members().any(|node| !node.holds().is_empty());
        if is_held || step_mode::is_on(self) || !self.cuts().is_empty() || step_mode::wrong(self).next().is_some() {
            return Some(Unclean::Faults);
        }
        let Some(leader) = self.leader() else { return Some(Unclean::NoLeader) };
        let last = leader.state.last().filter(|last| Some(last.id.epoch) == leader.state.epoch);
        let Some(last) = last else { return Some(Unclean::NoLeader) };
        let followers = members().filter(|node| of(node) != of(leader));
        if let Some(other) = followers.clone().find(|node| node.state.leader != Some(of(leader))) {
            return Some(Unclean::NotLed(of(other)));
        }
        let differs = |node: &&NodeView| {
            let own = node.state.last();
            own != Some(last) && own.is_some_and(|own| !leader.state.tail.iter().any(|preview| preview.point == own))
        };
        if let Some(other) = followers.clone().find(differs) {
            return Some(Unclean::Differs(of(other)));
        }
        let is_behind = |node: &&NodeView| node.state.last() != Some(last) || node.state.applied != Some(last);
        members().find(is_behind).map(|node| Unclean::Behind(of(node)))
    }
}
