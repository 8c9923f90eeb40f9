//! Schedules that chance alone hardly draws: several faults that must come in one order. Some runs have one of them,
//! among all their other faults. The times of its parts are drawn, too.
//!
//! ```text
//! the first change behind a partition   the founders are cut in two halves ─▶ one of the others is removed;
//!                                       readers ask on both sides
//! growth that a voter has not seen      a voter is cut off ─▶ a node joins ─▶ a voter is removed ─▶ the leader's disk
//!                                       is lost ─▶ the voter is connected again
//! two disks with a change in between    a disk is lost, the node is listed again and cannot catch up ─▶ no node learns
//!                                       that this is committed ─▶ the leader's disk is lost
//! late responses of an earlier disk     messages that a node sent with its last disk arrive when its next disk is a
//!                                       member
//! ```

use crate::protocol::NodeId;
use crate::verify::rng::Rng;
use crate::verify::simulator::options::Options;
use crate::verify::simulator::plan::{Fault, FaultKind, MemberRequest, Target};

/// A sequence of faults; see the head of this file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Story {
    /// The first change of the list happens behind a partition.
    FirstChange,
    /// The cluster grows while a voter is cut off.
    Growth,
    /// Two disks are lost, with a change of the list in between.
    TwoDisks,
    /// Answers of a wiped disk arrive late.
    LateAnswers,
}

impl Story {
    /// The story of a run: one run in six has one.
    pub(super) fn of(seed: u64) -> Option<Story> {
        let rng = &mut Rng::stream(seed, 11);
        let stories = [Story::FirstChange, Story::Growth, Story::TwoDisks, Story::LateAnswers];
        rng.one_in(6).then(|| rng.choose(&stories))
    }

    /// How many founders it needs, and how many other nodes.
    pub(super) fn nodes(self, rng: &mut Rng) -> (u64, u64) {
        match self {
            // An odd number of founders needs a majority for a quorum read anyway; an even one may need fewer voters.
            Story::FirstChange => (rng.choose(&[2, 4, 4, 6]), rng.below(2)),
            Story::Growth => (3, rng.between(1, 2)),
            Story::TwoDisks => (4, rng.below(2)),
            Story::LateAnswers => (rng.between(3, 5), rng.below(2)),
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Story::FirstChange => "the first change behind a partition",
            Story::Growth => "growth that a voter has not seen",
            Story::TwoDisks => "two disks with a change in between",
            Story::LateAnswers => "late responses of an earlier disk",
        }
    }

    pub(super) fn faults(self, options: &Options, rng: &mut Rng) -> Vec<Fault> {
        let timeout = options.election_timeout_micros;
        // Without a request to stand, the first election takes long.
        let founding = timeout * if options.asked_to_stand { 1 } else { 12 };
        let mut script = Script { options, rng, begin: 0, faults: Vec::new() };
        script.begin = founding + script.rng.below(timeout * 2);
        match self {
            Story::FirstChange => script.first_change(),
            Story::Growth => script.growth(),
            Story::TwoDisks => script.two_disks(),
            Story::LateAnswers => script.late_answers(),
        }
        script.faults
    }
}

/// Collects the faults of a story. Times are in hundredths of an election timeout from its beginning.
struct Script<'a> {
    options: &'a Options,
    rng: &'a mut Rng,
    begin: u64,
    faults: Vec<Fault>,
}

impl Script<'_> {
    fn add(&mut self, from: u64, to: u64, kind: FaultKind) {
        let at = |time: u64| {
            (self.begin + self.options.election_timeout_micros * time / 100).min(self.options.faults_micros)
        };
        self.faults.push(Fault { at: at(from), until: at(to), kind });
    }

    fn first_change(&mut self) {
        let voters = self.options.voters;
        let mut founders: Vec<u64> = (1..=voters).collect();
        self.rng.shuffle(&mut founders);
        let side = &founders[..founders.len() / 2];
        let apart = |one: &u64, other: &u64| side.contains(one) != side.contains(other);
        let nodes = 1..=self.options.nodes();
        let links = nodes.clone().flat_map(|from| nodes.clone().map(move |to| (from, to)));
        let links = links.filter(|(from, to)| from != to && apart(from, to)).collect();
        let removed =
            FaultKind::Members { target: Target::Replica(self.rng.below(voters)), request: MemberRequest::Remove };
        let (soon, healed) = (self.rng.below(50), self.rng.between(200, 800));
        self.add(0, healed, FaultKind::Cut { links });
        self.add(soon, soon, removed);
    }

    fn growth(&mut self) {
        let isolated = Target::Replica(self.rng.below(3));
        let joins = FaultKind::Members { target: Target::Outsider(self.rng.below(3)), request: MemberRequest::Join };
        let removed_node = if self.rng.one_in(2) { Target::Leader } else { Target::Replica(self.rng.below(4)) };
        let (removed, lost) = (self.rng.between(100, 300), self.rng.between(350, 700));
        let healed = lost + self.rng.between(20, 200);
        self.add(0, healed, FaultKind::Isolate { target: isolated, sends: false, receives: false });
        self.add(10, 10, joins);
        self.add(removed, removed, FaultKind::Members { target: removed_node, request: MemberRequest::Remove });
        let lost_disk = self.lost_disk(Target::Leader);
        self.add(lost, lost + 100, lost_disk);
    }

    fn two_disks(&mut self) {
        let first = Target::Node(NodeId(self.rng.between(1, 4)));
        let second = self.rng.between(120, 350);
        self.add(0, second + 200, FaultKind::Isolate { target: first, sends: false, receives: false });
        let lost_disk = self.lost_disk(first);
        let soon = self.rng.below(50);
        self.add(soon, 100, lost_disk);
        for node in 1..=4 {
            self.add(90, second + 200, FaultKind::HoldOrders { target: Target::Node(NodeId(node)) });
        }
        let lost_disk = self.lost_disk(Target::Leader);
        self.add(second, second + 100, lost_disk);
    }

    /// The next disk is listed only after the node was silent for an election timeout, and before it has answered.
    fn late_answers(&mut self) {
        let target = Target::Node(NodeId(self.rng.between(1, self.options.voters)));
        let after_micros = self.options.election_timeout_micros * self.rng.between(120, 320) / 100;
        let (lost, back) = (self.rng.between(50, 150), self.rng.between(5, 80));
        let one_in = self.rng.choose(&[1, 3]);
        self.add(lost - 40, lost, FaultKind::Echo { one_in, after_micros });
        self.add(lost, lost + 400, FaultKind::Isolate { target, sends: false, receives: false });
        let lost_disk = self.lost_disk(target);
        self.add(lost, lost + back, lost_disk);
    }

    fn lost_disk(&mut self, target: Target) -> FaultKind {
        if self.rng.one_in(2) { FaultKind::Wipe { target } } else { FaultKind::FlippedBit { target, stopped: true } }
    }
}
