//! What happened in a run, or in many: numbers only, to be added up.

use std::collections::BTreeMap;

use crate::protocol::Membership;
use crate::protocol::trace::Fact;

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Inputs that cores took.
    pub steps: u64,
    pub events: u64,
    pub simulated_micros: u64,
    /// The same, for each node.
    pub node_micros: u64,
    pub messages: u64,
    pub lost: u64,
    pub doubled: u64,
    pub rejected: u64,
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// Rules that fired, by the name of the fact.
    pub facts: BTreeMap<&'static str, u64>,
    pub calls: Calls,
    pub members: Changes,
    /// Snapshots with which a replica went on after a restart.
    pub snapshots_resumed: u64,
    /// Changes that watchers got, and how often what they wanted was not kept any more.
    pub watched: u64,
    pub watched_gone: u64,
    /// Operations that were placed in a linear order.
    pub linearized: u64,
    /// The longest time from the end of the faults to agreement.
    pub settled_most_micros: u64,
}

/// Changes of the members that were committed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// Member lists besides the first ones.
    pub lists: u64,
    pub joined: u64,
    /// Members that came back with another disk.
    pub replaced: u64,
    pub promoted: u64,
    pub removed: u64,
    pub moved: u64,
}

impl Changes {
    /// Counts what became of the members from one list to the next.
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

/// What became of clients' operations.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Calls {
    pub written: u64,
    /// Writes that were tried again after a doubt, and those whose answer was that of an earlier try.
    pub retried: u64,
    pub answered_again: u64,
    /// Compare-and-sets that found something else.
    pub not_equal: u64,
    pub sessions_lost: u64,
    pub read: u64,
    pub read_quorum: u64,
    pub read_local: u64,
    pub unknown: u64,
    /// Definitely not done.
    pub refused: u64,
    /// Given up before the next one of the same client.
    pub reads_lost: u64,
}

impl Stats {
    pub(super) fn count(&mut self, fact: &Fact) {
        self.events += 1;
        let worth_telling = matches!(
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
        if worth_telling {
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
        self.settled_most_micros = self.settled_most_micros.max(other.settled_most_micros);
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
