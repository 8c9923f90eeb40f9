//! The state of a node as watchers see it: taken from the core once, then kept up to date by folding events.
//!
//! The live view, recordings, replay and tests all learn a node's state through this fold only.

use std::collections::BTreeMap;

use crate::named::named;
use crate::trace::{Fact, Lab, Preview, VoteKind};
use crate::types::{EntryId, Epoch, LogPoint, NodeId, Position};

named! {
    /// The role of a node.
    pub enum RoleName {
        /// It follows a leader or waits for one.
        Replica = "replica",
        /// It asks for pre-votes or votes.
        Candidate = "candidate",
        /// It leads.
        Leader = "leader",
    }
}

/// What a leader believes about a replica's log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Belief {
    /// The last entry that the replica has acked in this epoch.
    pub matched: Option<LogPoint>,
    /// The position that is pushed next.
    pub next: Option<Position>,
    /// A snapshot that is being sent: bytes sent, and bytes in all.
    pub snapshot: Option<(u64, u64)>,
}

/// The member list in force at a node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberIds {
    /// The entry that set it.
    pub at: EntryId,
    /// The voters, by id.
    pub voters: Vec<NodeId>,
    /// The learners and joining members, by id.
    pub learners: Vec<NodeId>,
}

/// The state of one node, as watchers see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeState {
    /// The node.
    pub node: NodeId,
    /// Its role.
    pub role: RoleName,
    /// The epoch of its promise.
    pub epoch: Option<Epoch>,
    /// The leader that it follows; itself if it leads.
    pub leader: Option<NodeId>,
    /// The last entries of the log, contiguous, at most [`NodeState::TAIL_MAX`].
    pub tail: Vec<Preview>,
    /// The last entry known to be committed there.
    pub committed: Option<LogPoint>,
    /// The last entry that its final database holds.
    pub applied: Option<LogPoint>,
    /// The last entry that its log has given up.
    pub purged: Option<LogPoint>,
    /// The last entry of its newest snapshot.
    pub snapshot: Option<LogPoint>,
    /// The greatest commit order that waits there.
    pub held: Option<LogPoint>,
    /// While it leads: its view of each replica's log.
    pub beliefs: BTreeMap<NodeId, Belief>,
    /// The member list in force; `None` until the log has one.
    pub members: Option<MemberIds>,
    /// The lab's rules and held messages there.
    pub lab: Lab,
    /// The number of the last event in this state; 0 before the first.
    pub event: u64,
    /// The process: its start time in microseconds of the Unix epoch; 0 if unknown.
    pub process: u64,
    /// The number of the last message that this process has sent; `None` if unknown.
    pub sent: Option<u64>,
    /// The process from which the last message of each node came ([`Fact::PeerProcess`]).
    pub heard: BTreeMap<NodeId, u64>,
}

impl NodeState {
    /// The greatest number of entries in `tail`.
    pub const TAIL_MAX: usize = 10_000;

    /// A node of which nothing is known.
    pub fn new(node: NodeId) -> NodeState {
        NodeState {
            node,
            role: RoleName::Replica,
            epoch: None,
            leader: None,
            tail: Vec::new(),
            committed: None,
            applied: None,
            purged: None,
            snapshot: None,
            held: None,
            beliefs: BTreeMap::new(),
            members: None,
            lab: Lab::default(),
            event: 0,
            process: 0,
            sent: Some(0),
            heard: BTreeMap::new(),
        }
    }

    /// The last entry of its log.
    pub fn last(&self) -> Option<LogPoint> {
        // An installed snapshot leaves no entry.
        self.tail.last().map(|preview| preview.point).or(self.purged)
    }

    /// Whether an entry is committed, as far as this node knows.
    pub fn is_committed(&self, point: LogPoint) -> bool {
        self.committed.is_some_and(|committed| point.position <= committed.position)
    }

    /// Applies one fact of this node. Returns whether anything that a person can see has changed.
    pub fn fold(&mut self, fact: &Fact) -> bool {
        match fact {
            Fact::Sent { number, .. } => {
                self.sent = Some(*number);
                return false;
            }
            Fact::PeerProcess { node, process } => {
                self.heard.insert(*node, *process);
                return false;
            }
            Fact::Proposed { entry } => self.append(entry),
            Fact::Injected { entries } => self.append(entries),
            Fact::Consistent { from, epoch, entries, .. } => {
                self.role = RoleName::Replica;
                self.leader = Some(*from);
                self.epoch = Some(*epoch);
                self.beliefs.clear();
                self.append(entries)
            }
            // Only this epoch's leader is accepted, so a conflict shows who leads even before the logs agree.
            Fact::Conflict { from, .. } => self.leader = Some(*from),
            Fact::Held { from, up_to, .. } => {
                self.leader = Some(*from);
                let place = self.tail.iter().find(|preview| preview.point.id == *up_to).map(|found| found.point);
                self.held = self.held.max_by_position(place);
            }
            Fact::Truncated { from, .. } => self.tail.retain(|preview| preview.point.id < *from),
            Fact::Pushed { to, last, .. } => self.pushed(*to, *last),
            Fact::Resynced { to, sync, .. } => {
                let belief = self.belief(*to);
                (belief.next, belief.snapshot) = (Some(Position::after(*sync)), None);
            }
            Fact::SnapshotSent { to, sent, bytes, .. } => self.belief(*to).snapshot = Some((*sent, *bytes)),
            Fact::Counted { from, up_to, .. } if *from != self.node => {
                let belief = self.belief(*from);
                belief.matched = belief.matched.max_by_position(*up_to);
                belief.next = belief.next.max(Some(Position::after(*up_to)));
            }
            Fact::Committed { up_to, .. } => self.committed = self.committed.max_by_position(Some(*up_to)),
            Fact::Finalized { up_to, .. } => {
                self.committed = self.committed.max_by_position(Some(*up_to));
                self.applied = self.applied.max_by_position(Some(*up_to));
                self.held = self.held.filter(|held| held.position > up_to.position);
            }
            Fact::SnapshotTaken { up_to, .. } => self.snapshot = self.snapshot.max_by_position(Some(*up_to)),
            Fact::Compacted { up_to, .. } => self.compact(*up_to),
            Fact::SnapshotInstalled { up_to, .. } => self.install(*up_to),
            // A node that may lead asks for pre-votes next; any other only waits for a leader.
            Fact::TimedOut { .. } => (self.leader, self.held) = (None, None),
            Fact::PreVoteAsked { .. } => self.leave_leader(RoleName::Candidate, None),
            Fact::VoteAsked { epoch, .. } => self.leave_leader(RoleName::Candidate, Some(*epoch)),
            Fact::Granted { epoch, kind, .. } if *kind == VoteKind::Vote => {
                self.leave_leader(RoleName::Replica, Some(*epoch));
            }
            Fact::Elected { epoch, .. } => {
                self.leave_leader(RoleName::Leader, Some(*epoch));
                self.leader = Some(self.node);
            }
            // A replica that becomes the leader knows as committed what it was ordered to make final.
            Fact::Opened { committed, .. } => self.committed = self.committed.max_by_position(*committed),
            Fact::SteppedDown { heard, .. } => self.leave_leader(RoleName::Replica, *heard),
            Fact::EpochLeft { heard, .. } => self.leave_leader(RoleName::Replica, Some(*heard)),
            Fact::MembersSet { at, voters, learners } => {
                self.beliefs.retain(|id, _| voters.contains(id) || learners.contains(id));
                self.members = Some(MemberIds { at: *at, voters: voters.clone(), learners: learners.clone() });
            }
            _ => return self.lab.fold(self.node, fact),
        }
        true
    }

    /// Everything that belonged to the old leadership ends.
    fn leave_leader(&mut self, role: RoleName, promised: Option<Epoch>) {
        self.role = role;
        self.epoch = self.epoch.max(promised);
        self.leader = None;
        self.held = None;
        self.beliefs.clear();
    }

    /// The entries up to `up_to` are gone. One of them stays if there is no other, to show where the log ends.
    fn compact(&mut self, up_to: LogPoint) {
        self.purged = self.purged.max_by_position(Some(up_to));
        let gone = self.tail.iter().take_while(|preview| preview.point.position <= up_to.position).count();
        self.tail.drain(..gone.min(self.tail.len().saturating_sub(1)));
    }

    fn install(&mut self, up_to: LogPoint) {
        self.tail.clear();
        let point = Some(up_to);
        (self.purged, self.snapshot, self.applied) = (point, point, point);
        self.committed = self.committed.max_by_position(point);
        self.held = self.held.filter(|held| held.position > up_to.position);
    }

    fn append(&mut self, entries: &[Preview]) {
        for entry in entries {
            // A forged entry that was confirmed comes again without its mark; other entries may follow it.
            let reached = self.tail.last().is_some_and(|last| last.point.position >= entry.point.position);
            if reached && let Some(known) = self.tail.iter_mut().rev().find(|known| known.point == entry.point) {
                *known = entry.clone();
                continue;
            }
            while self.tail.last().is_some_and(|known| known.point.position >= entry.point.position) {
                self.tail.pop();
            }
            self.tail.push(entry.clone());
        }
        // The oldest entries are removed many at a time, because all others have to be moved.
        if self.tail.len() > NodeState::TAIL_MAX {
            let excess = self.tail.len() - NodeState::TAIL_MAX * 9 / 10;
            self.tail.drain(..excess);
        }
    }

    fn pushed(&mut self, to: NodeId, last: EntryId) {
        let position =
            self.tail.iter().rev().find(|preview| preview.point.id == last).map(|found| found.point.position);
        if let Some(position) = position {
            self.belief(to).next = Some(position.next());
        }
    }

    fn belief(&mut self, of: NodeId) -> &mut Belief {
        self.beliefs.entry(of).or_default()
    }
}

trait MaxByPosition {
    fn max_by_position(self, other: Self) -> Self;
}

impl MaxByPosition for Option<LogPoint> {
    fn max_by_position(self, other: Self) -> Self {
        if other.map(|point| point.position) > self.map(|point| point.position) { other } else { self }
    }
}
