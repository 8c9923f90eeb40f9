//! The numbers of one run, or the sums over many.

use std::collections::BTreeMap;

use crate::protocol::Membership;
use crate::protocol::trace::Fact;

/// What happened in a run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Inputs that cores took.
    pub steps: u64,
    /// Facts that the nodes traced.
    pub events: u64,
    /// The simulated time, in microseconds.
    pub simulated_micros: u64,
    /// The simulated time, summed over the nodes.
    pub node_micros: u64,
    /// Messages sent.
    pub messages: u64,
    /// Messages that the network lost.
    pub lost: u64,
    /// Messages that arrived twice.
    pub doubled: u64,
    /// Messages that a core rejected.
    pub rejected: u64,
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// Facts of the trace, by name.
    pub facts: BTreeMap<&'static str, u64>,
    /// How the clients' operations ended.
    pub calls: Calls,
    /// How the member list changed.
    pub members: Changes,
    /// Snapshots whose transfer continued after a restart of the replica.
    pub snapshots_resumed: u64,
    /// Changes that watchers received.
    pub watched: u64,
    /// How often a watcher wanted changes that no node keeps any more.
    pub watched_gone: u64,
    /// Operations that were placed in a linear order.
    pub linearized: u64,
    /// The longest time from the end of the faults to agreement.
    pub settle_micros_max: u64,
}

/// Committed changes of the members.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// Member lists after the first ones.
    pub lists: u64,
    /// Nodes that were added.
    pub joined: u64,
    /// Members that came back with another disk.
    pub replaced: u64,
    /// Learners that became voters.
    pub promoted: u64,
    /// Nodes that were removed.
    pub removed: u64,
    /// Members that changed their address.
    pub moved: u64,
}

impl Changes {
    /// Counts the differences between a list and the next one.
    pub(super) fn count(&mut self, before: &Membership, after: &Membership) {
        self.lists += 1;
        for member in &after.members {
            match before.member(member.id) {
                None => self.joined += 1,
                Some(known) if known.incarnation != member.incarnation => self.replaced += 1,
                Some(known) if known.kind != member.kind => self.promoted += 1,
                Some(known) if known.address != member.address => self.moved += 1,
                Some(_) => {}
            }
        }
        self.removed += before.members.iter().filter(|known| after.member(known.id).is_none()).count() as u64;
    }

    fn add(&mut self, other: &Changes) {
        self.lists += other.lists;
        self.joined += other.joined;
        self.replaced += other.replaced;
        self.promoted += other.promoted;
        self.removed += other.removed;
        self.moved += other.moved;
    }
}

/// The outcomes of clients' operations.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Calls {
    /// Confirmed writes.
    pub written: u64,
    /// Retries of writes with an unknown outcome.
    pub retried: u64,
    /// Writes whose answer was that of an earlier attempt.
    pub answered_again: u64,
    /// Compare-and-sets that found another value.
    pub not_equal: u64,
    /// Writes of sessions that were forgotten.
    pub sessions_lost: u64,
    /// Linearizable reads.
    pub read: u64,
    /// Quorum reads.
    pub read_quorum: u64,
    /// Reads of one node's own final data.
    pub read_local: u64,
    /// Operations with an unknown outcome.
    pub unknown: u64,
    /// Definitely not done.
    pub refused: u64,
    /// Reads without an answer in time.
    pub reads_lost: u64,
}

impl Stats {
    pub(super) fn count(&mut self, fact: &Fact) {
        self.events += 1;
        let is_counted = matches!(
            fact,
            Fact::Elected { .. }
                | Fact::Conflict { .. }
                | Fact::Truncated { .. }
                | Fact::Resynced { .. }
                | Fact::Held { .. }
                | Fact::SteppedDown { .. }
                | Fact::Injected { .. }
                | Fact::Committed { .. }
                | Fact::SnapshotTaken { .. }
                | Fact::Compacted { .. }
                | Fact::SnapshotSent { .. }
                | Fact::SnapshotInstalled { .. }
        );
        if is_counted {
            *self.facts.entry(fact.name()).or_default() += 1;
        }
    }

    /// Adds another run's numbers.
    pub fn add(&mut self, other: &Stats) {
        self.steps += other.steps;
        self.events += other.events;
        self.simulated_micros += other.simulated_micros;
        self.node_micros += other.node_micros;
        self.messages += other.messages;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.rejected += other.rejected;
        self.snapshots_resumed += other.snapshots_resumed;
        self.watched += other.watched;
        self.watched_gone += other.watched_gone;
        self.linearized += other.linearized;
        self.settle_micros_max = self.settle_micros_max.max(other.settle_micros_max);
        for (name, count) in &other.faults {
            *self.faults.entry(name).or_default() += count;
        }
        for (name, count) in &other.facts {
            *self.facts.entry(name).or_default() += count;
        }
        self.members.add(&other.members);
        self.calls.written += other.calls.written;
        self.calls.retried += other.calls.retried;
        self.calls.answered_again += other.calls.answered_again;
        self.calls.not_equal += other.calls.not_equal;
        self.calls.sessions_lost += other.calls.sessions_lost;
        self.calls.read += other.calls.read;
        self.calls.read_quorum += other.calls.read_quorum;
        self.calls.read_local += other.calls.read_local;
        self.calls.unknown += other.calls.unknown;
        self.calls.refused += other.calls.refused;
        self.calls.reads_lost += other.calls.reads_lost;
    }
}
