//! Schedules that chance alone hardly draws: several faults that have to meet in one order. In some runs there is one of them,
//! among all the faults that the run has anyway; when each of its parts happens is drawn, too.
//!
//! ```text
//! first change behind a partition    the founders are cut in two halves ─▶ one of the others is removed; readers ask on both sides
//! growth behind a voter's back       a voter is cut off ─▶ a node joins ─▶ a voter is removed ─▶ the leader's disk is lost ─▶ healed
//! two disks, a change between        a disk is lost, the node is listed anew and cannot catch up ─▶ nobody hears that this is
//!                                    committed ─▶ the leader's disk is lost
//! late answers of an earlier disk    what a node said with its last disk arrives once the next one is a member
//! ```

use crate::protocol::NodeId;
use crate::verify::dice::Dice;
use crate::verify::simulator::options::Options;
use crate::verify::simulator::plan::{Fault, Kind, MemberWish, Who};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Story {
    FirstChange,
    Growth,
    TwoDisks,
    LateAnswers,
}

impl Story {
    /// In one of six runs.
    pub(super) fn of(seed: u64) -> Option<Story> {
        let dice = &mut Dice::of(seed, 11);
        let stories = [Story::FirstChange, Story::Growth, Story::TwoDisks, Story::LateAnswers];
        dice.one_in(6).then(|| dice.pick(&stories))
    }

    /// How many founders it needs, and how many nodes besides.
    pub(super) fn nodes(self, dice: &mut Dice) -> (u64, u64) {
        match self {
            // With an odd number a majority is what the fewest voters of a quorum read are.
            Story::FirstChange => (dice.pick(&[2, 4, 4, 6]), dice.below(2)),
            Story::Growth => (3, dice.between(1, 2)),
            Story::TwoDisks => (4, dice.below(2)),
            Story::LateAnswers => (dice.between(3, 5), dice.below(2)),
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Story::FirstChange => "the first change behind a partition",
            Story::Growth => "growth behind a voter's back",
            Story::TwoDisks => "two disks, a change between",
            Story::LateAnswers => "late answers of an earlier disk",
        }
    }

    pub(super) fn faults(self, options: &Options, dice: &mut Dice) -> Vec<Fault> {
        let timeout = options.election_timeout_micros;
        // Whoever waits for a first leader waits for long.
        let founding = timeout * if options.asked_to_stand { 1 } else { 12 };
        let mut teller = Teller { options, dice, begin: 0, faults: Vec::new() };
        teller.begin = founding + teller.dice.below(timeout * 2);
        match self {
            Story::FirstChange => teller.first_change(),
            Story::Growth => teller.growth(),
            Story::TwoDisks => teller.two_disks(),
            Story::LateAnswers => teller.late_answers(),
        }
        teller.faults
    }
}

/// Times are in hundredths of an election timeout from the beginning of the story.
struct Teller<'a> {
    options: &'a Options,
    dice: &'a mut Dice,
    begin: u64,
    faults: Vec<Fault>,
}

impl Teller<'_> {
    fn tell(&mut self, from: u64, to: u64, kind: Kind) {
        let at = |time: u64| {
            (self.begin + self.options.election_timeout_micros * time / 100).min(self.options.faults_micros)
        };
        self.faults.push(Fault { at: at(from), until: at(to), kind });
    }

    fn first_change(&mut self) {
        let voters = self.options.voters;
        let mut founders: Vec<u64> = (1..=voters).collect();
        for last in (1..founders.len()).rev() {
            founders.swap(last, self.dice.below(last as u64 + 1) as usize);
        }
        let side = &founders[..founders.len() / 2];
        let apart = |one: &u64, other: &u64| side.contains(one) != side.contains(other);
        let nodes = 1..=self.options.nodes();
        let links = nodes.clone().flat_map(|from| nodes.clone().map(move |to| (from, to)));
        let links = links.filter(|(from, to)| from != to && apart(from, to)).collect();
        let removed = Kind::Members { who: Who::Replica(self.dice.below(voters)), wish: MemberWish::Remove };
        let (soon, healed) = (self.dice.below(50), self.dice.between(200, 800));
        self.tell(0, healed, Kind::Cut { links });
        self.tell(soon, soon, removed);
    }

    fn growth(&mut self) {
        let away = Who::Replica(self.dice.below(3));
        let joins = Kind::Members { who: Who::Outsider(self.dice.below(3)), wish: MemberWish::Join };
        let whom = if self.dice.one_in(2) { Who::Leader } else { Who::Replica(self.dice.below(4)) };
        let (removed, lost) = (self.dice.between(100, 300), self.dice.between(350, 700));
        let healed = lost + self.dice.between(20, 200);
        self.tell(0, healed, Kind::Isolate { who: away, speaks: false, hears: false });
        self.tell(10, 10, joins);
        self.tell(removed, removed, Kind::Members { who: whom, wish: MemberWish::Remove });
        let lost_disk = self.lost_disk(Who::Leader);
        self.tell(lost, lost + 100, lost_disk);
    }

    fn two_disks(&mut self) {
        let first = Who::Node(NodeId(self.dice.between(1, 4)));
        let second = self.dice.between(120, 350);
        self.tell(0, second + 200, Kind::Isolate { who: first, speaks: false, hears: false });
        let lost_disk = self.lost_disk(first);
        let soon = self.dice.below(50);
        self.tell(soon, 100, lost_disk);
        for node in 1..=4 {
            self.tell(90, second + 200, Kind::HoldOrders { who: Who::Node(NodeId(node)) });
        }
        let lost_disk = self.lost_disk(Who::Leader);
        self.tell(second, second + 100, lost_disk);
    }

    /// The next disk is listed only once the node was silent for an election timeout, and must not have answered yet.
    fn late_answers(&mut self) {
        let who = Who::Node(NodeId(self.dice.between(1, self.options.voters)));
        let after_micros = self.options.election_timeout_micros * self.dice.between(120, 320) / 100;
        let (lost, back) = (self.dice.between(50, 150), self.dice.between(5, 80));
        let one_in = self.dice.pick(&[1, 3]);
        self.tell(lost - 40, lost, Kind::Echo { one_in, after_micros });
        self.tell(lost, lost + 400, Kind::Isolate { who, speaks: false, hears: false });
        let lost_disk = self.lost_disk(who);
        self.tell(lost, lost + back, lost_disk);
    }

    fn lost_disk(&mut self, who: Who) -> Kind {
        if self.dice.one_in(2) { Kind::Wipe { who } } else { Kind::FlippedBit { who, stopped: true } }
    }
}
