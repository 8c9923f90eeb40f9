//! A node as somebody outside sees it: a snapshot taken from the core, kept up to date by folding events.
//!
//! The fold is the only way in which live view, recording, replay and tests learn what a node's state is.

use std::collections::BTreeMap;

use crate::trace::{Fact, Lab, Preview};
use crate::types::{EntryId, Epoch, LogPoint, NodeId, Position};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RoleName {
    Replica,
    Candidate,
    Leader,
}

impl RoleName {
    /// As in `status --output json`.
    pub const fn name(self) -> &'static str {
        match self {
            RoleName::Replica => "replica",
            RoleName::Candidate => "candidate",
            RoleName::Leader => "leader",
        }
    }
}

/// What the leader takes a replica's log to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Belief {
    /// The last entry that the replica has acked in this epoch.
    pub matched: Option<LogPoint>,
    /// The next position to be pushed.
    pub next: Option<Position>,
    /// It is being sent a snapshot: how much of its bytes has left.
    pub snapshot: Option<(u64, u64)>,
}

/// The member list that counts at a node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberIds {
    /// The entry that has set it.
    pub at: EntryId,
    pub voters: Vec<NodeId>,
    pub learners: Vec<NodeId>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeState {
    pub node: NodeId,
    pub role: RoleName,
    /// The promise.
    pub epoch: Option<Epoch>,
    pub leader: Option<NodeId>,
    /// The end of the log, without gaps, at most [`NodeState::TAIL_MAX`] entries.
    pub tail: Vec<Preview>,
    pub committed: Option<LogPoint>,
    pub applied: Option<LogPoint>,
    /// The last entry that the log has given up.
    pub purged: Option<LogPoint>,
    /// The newest snapshot's last entry.
    pub snapshot: Option<LogPoint>,
    /// The furthest commit order that waits at this node.
    pub held: Option<LogPoint>,
    /// Only while it leads: each replica's log as the leader believes it to be.
    pub beliefs: BTreeMap<NodeId, Belief>,
    /// Once there is a member list in the log.
    pub members: Option<MemberIds>,
    /// What is made to go wrong on purpose here.
    pub lab: Lab,
    /// The number of the last event that this state includes; 0 before the first.
    pub event: u64,
    /// Which process this is: when it started, in microseconds of the Unix epoch; 0 if that is not known.
    pub process: u64,
    /// The number of the last message that this process has sent; `None` if that is not known.
    pub sent: Option<u64>,
    /// From which process of each node the last message came ([`Fact::PeerProcess`]).
    pub heard: BTreeMap<NodeId, u64>,
}

impl NodeState {
    /// How much of the log's end a snapshot keeps.
    pub const TAIL_MAX: usize = 10_000;

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

    pub fn last(&self) -> Option<LogPoint> {
        // An installed snapshot leaves no entry.
        self.tail.last().map(|preview| preview.point).or(self.purged)
    }

    pub fn is_committed(&self, point: LogPoint) -> bool {
        self.committed.is_some_and(|committed| point.position <= committed.position)
    }

    /// Brings the state up to date with one fact of this node. True if anything that a person could see has changed.
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
            // Only the leader of this epoch is listened to, so these tell who leads even before the logs agree.
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
            // Whoever may stand asks for votes next; whoever may not only waits for another leader.
            Fact::TimedOut { .. } => (self.leader, self.held) = (None, None),
            Fact::PreVoteAsked { .. } => self.follow_nobody(RoleName::Candidate, None),
            Fact::VoteAsked { epoch, .. } => self.follow_nobody(RoleName::Candidate, Some(*epoch)),
            Fact::Granted { epoch, kind, .. } if kind == "vote" => {
                self.follow_nobody(RoleName::Replica, Some(*epoch));
            }
            Fact::Elected { epoch, .. } => {
                self.follow_nobody(RoleName::Leader, Some(*epoch));
                self.leader = Some(self.node);
            }
            // What a replica was ordered to make final and has not yet, it knows as committed once it leads.
            Fact::Opened { committed, .. } => self.committed = self.committed.max_by_position(*committed),
            Fact::SteppedDown { heard, .. } => self.follow_nobody(RoleName::Replica, *heard),
            Fact::EpochLeft { heard, .. } => self.follow_nobody(RoleName::Replica, Some(*heard)),
            Fact::MembersSet { at, voters, learners } => {
                self.beliefs.retain(|id, _| voters.contains(id) || learners.contains(id));
                self.members = Some(MemberIds { at: *at, voters: voters.clone(), learners: learners.clone() });
            }
            _ => return self.lab.fold(self.node, fact),
        }
        true
    }

    /// Whatever belonged to the old leadership is over.
    fn follow_nobody(&mut self, role: RoleName, promised: Option<Epoch>) {
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
            // An entry that was forged and is confirmed comes again, without its mark; others may follow it.
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
        // The oldest go many at a time: all that stay have to be moved for it.
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
