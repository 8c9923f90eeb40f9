//! Failover by evidence: a replica that learns that its leader's process has ended does not wait for the election
//! timeout.
//!
//! When a process ends, its sockets close at once and its port refuses connections. The host reports that as
//! [`crate::Input::PeerGone`]. The replica then asks for pre-votes after a short random delay, and grants them to
//! others at once. Nothing else about elections changes, so wrong evidence (a firewall that resets connections to a
//! live leader) costs at most an election that was not needed. It cannot cost data: votes and logs are compared as
//! always.
//!
//! - With leases ([`crate::Leadership::lease_micros`]) evidence is ignored. A voter has promised the leader to vote for
//!   no other node for a while, and a live leader answers reads on that promise.
//! - A message of the leader refutes the evidence and restarts the timer.
//! - A cut, a frozen process and a lost power supply give no evidence. The election timeout covers them.

use crate::core::Core;
use crate::role::Role;
use crate::trace::Fact;
use crate::types::NodeId;

/// The delay before the first pre-vote is drawn between the election timeout divided by these. The least delay gives
/// the other replicas the time to see the same evidence; without their own they refuse a pre-vote.
const DELAY_DIVISOR_LEAST: u64 = 100;
const DELAY_DIVISOR_MOST: u64 = 20;

/// The number of attempts with a short timeout. Two replicas may ask at the same moment, and each then waits for a vote
/// of the other. The bound keeps a slow cluster from electing for ever with timeouts that are too short for it.
const HURRIED_ATTEMPTS: u8 = 3;

/// What a hurried attempt's timeout is divided by.
const HURRY_DIVISOR: u64 = 16;

impl Core {
    /// The process of a peer has ended, as far as the host can tell. It counts only for a replica whose leader that
    /// peer is.
    pub(super) fn on_peer_gone(&mut self, peer: NodeId) {
        let held_back = self.config.leadership.manual || self.patience_micros() > 0;
        let is_first = matches!(&self.role, Role::Follower(follower)
            if follower.leader == Some(peer) && !follower.leader_gone);
        if held_back || !is_first {
            return;
        }
        self.trace(|| Fact::LeaderGone { leader: peer });
        self.hurry = HURRIED_ATTEMPTS;
        let due = self.now.plus_micros(self.draw_evidence_delay());
        if let Role::Follower(follower) = &mut self.role {
            follower.leader_gone = true;
            follower.deadline = follower.deadline.min(due);
        }
    }

    /// In microseconds, at least 1: in step mode time stands still, and no timer may fire by itself there.
    fn draw_evidence_delay(&mut self) -> u64 {
        let timeout = self.config.election_timeout_micros;
        let (least, most) = (timeout / DELAY_DIVISOR_LEAST, timeout / DELAY_DIVISOR_MOST);
        let preference = self.preference_delay() / DELAY_DIVISOR_MOST;
        1 + self.draw(least, most) + preference
    }

    /// The least timeout of the next attempt to be elected, in microseconds.
    pub(super) fn least_timeout(&self) -> u64 {
        let timeout = self.config.election_timeout_micros;
        if self.hurry > 0 { (timeout / HURRY_DIVISOR).max(1) } else { timeout }
    }
}
