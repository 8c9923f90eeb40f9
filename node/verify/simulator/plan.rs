//! What will happen in a run, drawn from its seed before it begins: faults with their beginning and end, and what clients
//! ask for. A plan can be made smaller and played again; what is left of it happens at the same times as before.

use std::fmt;

use crate::protocol::NodeId;
use crate::verify::dice::Dice;
use crate::verify::simulator::options::Options;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    pub options: Options,
    /// In the order of their beginnings.
    pub faults: Vec<Fault>,
    /// In the order of their times.
    pub calls: Vec<Call>,
}

/// Something goes wrong at `at` and is mended at `until`; both in microseconds from the start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    pub at: u64,
    pub until: u64,
    pub kind: Kind,
}

/// Whom a fault strikes, decided when it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    Node(NodeId),
    Leader,
    /// The n-th of those that do not lead.
    Replica(u64),
    /// The n-th of those that are no members, or not with the disk that they have now.
    Outsider(u64),
    /// The n-th member that is no voter.
    Learner(u64),
}

/// What somebody wants of the member list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MemberWish {
    Join,
    /// Joins as a learner that stays one.
    Learn,
    /// Listens elsewhere.
    Move,
    Promote,
    Remove,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Of what no flush covered the disk keeps a beginning, in percent; `torn`: also a part of the write after it.
    PowerCut {
        who: Who,
        kept_percent: u64,
        torn: bool,
    },
    PowerCutOfAll {
        kept_percent: u64,
        torn: bool,
    },
    /// The process ends; what it wrote stays.
    Kill {
        who: Who,
    },
    Pause {
        who: Who,
    },
    /// Messages of these links are lost; a link is (from, to).
    Cut {
        links: Vec<(u64, u64)>,
    },
    /// Nobody hears a node, or it hears nobody, or both.
    Isolate {
        who: Who,
        speaks: bool,
        hears: bool,
    },
    /// More messages than usual are lost, doubled or late.
    Noise {
        lost_in: u64,
        doubled_in: u64,
        late_in: u64,
    },
    /// One in so many messages comes once more, so long after.
    Echo {
        one_in: u64,
        after_micros: u64,
    },
    SlowDisk {
        who: Who,
        flush_micros: u64,
    },
    /// The next flush fails: the node stops.
    FailingDisk {
        who: Who,
    },
    /// Nothing becomes readable for so long.
    SlowApply {
        who: Who,
        apply_micros: u64,
    },
    /// The clock jumps, and runs at another rate until the end.
    Clock {
        who: Who,
        step_micros: i64,
        rate_ppm: i64,
    },
    /// Commit orders to a node are kept back until the end.
    HoldOrders {
        who: Who,
    },
    /// Somebody asks a node to make another one lead (or whoever is caught up best).
    Transfer {
        who: Who,
        to: Option<NodeId>,
    },
    /// Forged entries. `copied`: they are what the leader has at that place, if it has anything.
    Inject {
        who: Who,
        count: u64,
        epochs_below: Option<u64>,
        copied: bool,
    },
    /// A bit of a record on a disk turns; whoever reads the place finds it, moves the folder aside and comes back as another.
    /// `stopped`: the node is without power then, so it finds it when it starts.
    FlippedBit {
        who: Who,
        stopped: bool,
    },
    /// The data folder is emptied, the node comes back under its old id.
    Wipe {
        who: Who,
    },
    /// Somebody wants the members changed.
    Members {
        who: Who,
        wish: MemberWish,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    pub at: u64,
    pub client: u64,
    pub key: u64,
    pub wish: Wish,
    /// The node that is asked first; `None`: the one that the client takes for the leader.
    pub node: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wish {
    Put,
    Delete,
    /// A put if the key is as the client last saw it.
    CompareAndSet,
    /// This key and the next one.
    Batch,
    Get,
    /// A read of some voters, without the leader.
    GetQuorum,
    /// A read of the node's own final data.
    GetLocal,
}

impl Wish {
    /// Whether it sees all that was confirmed before.
    pub(super) fn is_read(self) -> bool {
        matches!(self, Wish::Get | Wish::GetQuorum)
    }
}

impl Plan {
    pub fn of(options: Options) -> Plan {
        let mut faults = faults(&options, &mut Dice::of(options.seed, 2));
        faults.extend(changes(&options, &mut Dice::of(options.seed, 10)));
        let dice = &mut Dice::of(options.seed, 12);
        faults.extend(options.story.map(|story| story.faults(&options, dice)).into_iter().flatten());
        faults.sort_by_key(|fault| fault.at);
        let calls = calls(&options, &mut Dice::of(options.seed, 3));
        Plan { options, faults, calls }
    }

    /// A lease is only as good as the clocks: no such reads where one of them is made to go wrong.
    pub(super) fn reads_by_lease(&self) -> bool {
        let wrong_clock = |fault: &Fault| matches!(fault.kind, Kind::Clock { .. });
        self.options.leadership.lease_micros > 0 && !self.faults.iter().any(wrong_clock)
    }
}

/// Which kinds of fault a run has, and about how many of each: some runs are calm, some wild, most lack some kinds.
fn faults(options: &Options, dice: &mut Dice) -> Vec<Fault> {
    let mut faults = Vec::new();
    let (end, timeout) = (options.faults_micros, options.election_timeout_micros);
    let wild = dice.pick(&[0, 2, 4, 8, 12]);
    for draw in DRAWS {
        let most = if dice.one_in(2) { wild } else { 0 };
        for _ in 0..dice.below(most + 1) {
            let at = dice.below(end);
            let lasts = timeout / 20 + dice.below(timeout * 3);
            faults.push(Fault { at, until: (at + lasts).min(end), kind: draw(options, dice) });
        }
    }
    if dice.one_in(4) {
        for _ in 0..dice.between(1, 3) {
            faults.extend(lost_disk(options, dice));
        }
    }
    faults
}

/// A disk is emptied, or damaged. Some damage lies where a leader will read for a replica that was away.
fn lost_disk(options: &Options, dice: &mut Dice) -> Vec<Fault> {
    let (end, timeout) = (options.faults_micros, options.election_timeout_micros);
    let at = end / 8 + dice.below(end / 4 * 3);
    let fault = |at: u64, lasts: u64, kind| Fault { at, until: (at + lasts).min(end), kind };
    match dice.below(6) {
        0 | 1 => vec![fault(at, timeout, Kind::Wipe { who: who(options, dice) })],
        2 | 3 => {
            let stopped = dice.one_in(2);
            vec![fault(at, timeout, Kind::FlippedBit { who: who(options, dice), stopped })]
        }
        _ => {
            let away = timeout / 2 + dice.below(timeout * 2);
            let who = Who::Replica(dice.below(options.nodes()));
            let flips = Kind::FlippedBit { who: Who::Leader, stopped: false };
            let soon = at + dice.below(away);
            vec![fault(at, away, Kind::Isolate { who, speaks: false, hears: false }), fault(soon, timeout, flips)]
        }
    }
}

/// Changes of the members, and disks that are replaced, which leads to more of them.
fn changes(options: &Options, dice: &mut Dice) -> Vec<Fault> {
    let (end, timeout) = (options.faults_micros, options.election_timeout_micros);
    let mut faults = Vec::new();
    for _ in 0..dice.below(options.members.changes_most + 1) {
        let at = dice.below(end);
        let some = dice.below(options.nodes());
        let wished = |who, wish| Kind::Members { who, wish };
        let kind = match dice.below(14) {
            0..=3 => wished(Who::Outsider(some), MemberWish::Join),
            4 => wished(Who::Outsider(some), MemberWish::Learn),
            5 => wished(Who::Learner(some), MemberWish::Promote),
            6 | 7 => wished(Who::Leader, MemberWish::Remove),
            8 | 9 => wished(Who::Replica(some), MemberWish::Remove),
            10 => wished(who(options, dice), MemberWish::Remove),
            11 => wished(who(options, dice), MemberWish::Move),
            _ => Kind::Wipe { who: who(options, dice) },
        };
        if matches!(kind, Kind::Members { wish: MemberWish::Remove, .. }) && dice.one_in(2) {
            faults.push(beside_a_removal(options, dice, at));
        }
        faults.push(Fault { at, until: (at + timeout / 10 + dice.below(timeout * 2)).min(end), kind });
    }
    faults
}

/// What makes a removal hard: the leader is gone right after it, so others go on with the change or without it; or only some
/// hear of it, while the others know nothing.
fn beside_a_removal(options: &Options, dice: &mut Dice, at: u64) -> Fault {
    let timeout = options.election_timeout_micros;
    let soon = dice.below(timeout / 30 + 1);
    let kind = match dice.below(5) {
        0 => Kind::Kill { who: Who::Leader },
        1 => Kind::PowerCut { who: Who::Leader, kept_percent: dice.below(101), torn: dice.one_in(2) },
        2 => Kind::Isolate { who: Who::Leader, speaks: false, hears: false },
        3 => Kind::Cut { links: one_way(options, dice) },
        _ => Kind::Cut { links: split(options, dice) },
    };
    let at = if matches!(kind, Kind::Cut { .. }) { at.saturating_sub(soon) } else { at + soon };
    let end = options.faults_micros;
    Fault { at: at.min(end), until: (at + timeout / 2 + dice.below(timeout * 3)).min(end), kind }
}

type Draw = fn(&Options, &mut Dice) -> Kind;

const DRAWS: [Draw; 16] = [
    |options, dice| Kind::PowerCut { who: who(options, dice), kept_percent: dice.below(101), torn: dice.one_in(2) },
    |_, dice| Kind::PowerCutOfAll { kept_percent: dice.below(101), torn: dice.one_in(2) },
    |options, dice| Kind::Kill { who: who(options, dice) },
    |options, dice| Kind::Pause { who: who(options, dice) },
    |options, dice| Kind::Cut { links: split(options, dice) },
    |options, dice| {
        let (speaks, hears) = dice.pick(&[(false, false), (false, false), (true, false), (false, true)]);
        Kind::Isolate { who: who(options, dice), speaks, hears }
    },
    |options, dice| Kind::Cut { links: one_way(options, dice) },
    |options, dice| Kind::Cut { links: partial_mesh(options, dice) },
    |_, dice| Kind::Noise {
        lost_in: dice.between(2, 30),
        doubled_in: dice.between(2, 30),
        late_in: dice.between(2, 30),
    },
    |options, dice| Kind::SlowDisk {
        who: who(options, dice),
        flush_micros: options.election_timeout_micros * dice.between(1, 20) / 10,
    },
    |options, dice| Kind::FailingDisk { who: who(options, dice) },
    |options, dice| Kind::SlowApply {
        who: who(options, dice),
        apply_micros: options.election_timeout_micros * dice.between(1, 20) / 10,
    },
    clock,
    |options, dice| Kind::HoldOrders { who: who(options, dice) },
    |options, dice| Kind::Transfer {
        who: if dice.one_in(3) { who(options, dice) } else { Who::Leader },
        to: dice.one_in(2).then(|| NodeId(dice.between(1, options.nodes()))),
    },
    |options, dice| Kind::Inject {
        who: if dice.one_in(4) { who(options, dice) } else { Who::Replica(dice.below(options.nodes())) },
        count: dice.between(1, 6),
        epochs_below: dice.one_in(3).then(|| dice.below(3)),
        copied: dice.one_in(3),
    },
];

fn who(options: &Options, dice: &mut Dice) -> Who {
    match dice.below(3) {
        0 => Who::Leader,
        1 => Who::Replica(dice.below(options.nodes())),
        _ => Who::Node(NodeId(dice.between(1, options.nodes()))),
    }
}

fn clock(options: &Options, dice: &mut Dice) -> Kind {
    let most = options.election_timeout_micros * 2;
    let step = dice.between(0, most) as i64;
    let step_micros = if dice.one_in(3) { -step / 4 } else { step };
    Kind::Clock {
        who: who(options, dice),
        step_micros,
        rate_ppm: dice.pick(&[-500_000, -100_000, -1_000, 1_000, 100_000, 1_000_000]),
    }
}

/// Two sides that do not hear each other.
fn split(options: &Options, dice: &mut Dice) -> Vec<(u64, u64)> {
    let side: Vec<bool> = (0..=options.nodes()).map(|_| dice.one_in(2)).collect();
    links(options.nodes()).filter(|(from, to)| side[*from as usize] != side[*to as usize]).collect()
}

/// Some links lose messages in one direction.
fn one_way(options: &Options, dice: &mut Dice) -> Vec<(u64, u64)> {
    let one_in = dice.between(2, 5);
    links(options.nodes()).filter(|_| dice.one_in(one_in)).collect()
}

/// Some pairs do not hear each other, so that nobody or only some hear everybody.
fn partial_mesh(options: &Options, dice: &mut Dice) -> Vec<(u64, u64)> {
    let one_in = dice.between(2, 4);
    let pairs = links(options.nodes()).filter(|(from, to)| from < to).filter(|_| dice.one_in(one_in));
    pairs.flat_map(|(from, to)| [(from, to), (to, from)]).collect()
}

fn links(nodes: u64) -> impl Iterator<Item = (u64, u64)> {
    (1..=nodes).flat_map(move |from| (1..=nodes).map(move |to| (from, to))).filter(|(from, to)| from != to)
}

fn calls(options: &Options, dice: &mut Dice) -> Vec<Call> {
    let work = &options.work;
    let mut calls = Vec::new();
    for client in 1..=work.clients {
        let mut at = dice.below(options.election_timeout_micros);
        while at < options.faults_micros {
            let wish = match dice.below(10) {
                roll if roll < work.reads_in_ten => dice.pick(&[Wish::GetLocal, Wish::Get, Wish::Get, Wish::GetQuorum]),
                _ => dice.pick(&[
                    Wish::Put,
                    Wish::Put,
                    Wish::Delete,
                    Wish::CompareAndSet,
                    Wish::CompareAndSet,
                    Wish::Batch,
                ]),
            };
            let node = (dice.one_in(5) || wish == Wish::GetLocal).then(|| dice.between(1, options.nodes()));
            calls.push(Call { at, client, key: dice.below(work.keys), wish, node });
            // Now and then a burst, so that writes meet in one batch.
            at += if dice.one_in(4) { dice.below(50) } else { 1 + dice.below(work.think_most_micros * 2) };
        }
    }
    calls.sort_by_key(|call| (call.at, call.client));
    calls
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |micros: u64| micros as f64 / 1_000_000.0;
        write!(f, "{:>9.4} s to {:>9.4} s  {}", seconds(self.at), seconds(self.until), self.kind)
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Node(id) => write!(f, "{id}"),
            Who::Leader => write!(f, "the leader"),
            Who::Replica(index) => write!(f, "replica {index}"),
            Who::Outsider(index) => write!(f, "outsider {index}"),
            Who::Learner(index) => write!(f, "learner {index}"),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let torn = |torn: &bool| if *torn { ", the last of it torn" } else { "" };
        match self {
            Kind::PowerCut { who, kept_percent, torn: tears } => {
                write!(f, "power cut of {who}, which keeps {kept_percent} % of what was not flushed{}", torn(tears))
            }
            Kind::PowerCutOfAll { kept_percent, torn: tears } => {
                write!(f, "power cut of all, which keep {kept_percent} % of what was not flushed{}", torn(tears))
            }
            Kind::Kill { who } => write!(f, "{who} is killed"),
            Kind::Pause { who } => write!(f, "{who} is paused"),
            Kind::Cut { links } => {
                write!(f, "links are cut:")?;
                links.iter().try_for_each(|(from, to)| write!(f, " n{from}→n{to}"))
            }
            Kind::Isolate { who, speaks: false, hears: false } => write!(f, "{who} is cut off"),
            Kind::Isolate { who, speaks, .. } => {
                write!(f, "{}", if *speaks { format!("{who} hears nobody") } else { format!("nobody hears {who}") })
            }
            Kind::Noise { lost_in, doubled_in, late_in } => {
                write!(f, "of the messages one in {lost_in} is lost, {doubled_in} doubled, {late_in} late")
            }
            Kind::Echo { one_in, after_micros } => {
                write!(f, "one in {one_in} messages comes once more, {} ms later", after_micros / 1_000)
            }
            Kind::SlowDisk { who, flush_micros } => write!(f, "a flush of {who} takes {} ms", flush_micros / 1_000),
            Kind::FailingDisk { who } => write!(f, "the next flush of {who} fails"),
            Kind::SlowApply { who, apply_micros } => write!(f, "{who} takes {} ms to apply", apply_micros / 1_000),
            Kind::Clock { who, step_micros, rate_ppm } => {
                write!(f, "the clock of {who} jumps by {} ms, its rate is off by {rate_ppm} ppm", step_micros / 1_000)
            }
            Kind::HoldOrders { who } => write!(f, "commit orders to {who} are held"),
            Kind::Transfer { who, to: Some(to) } => write!(f, "{who} is asked to make {to} the leader"),
            Kind::Transfer { who, to: None } => write!(f, "{who} is asked to hand its leadership over"),
            Kind::Inject { who, count, epochs_below, copied } => {
                let what = if *copied { "copies of the leader's entries" } else { "forged entries" };
                write!(f, "{count} {what} are put into the log of {who}")?;
                epochs_below.map_or(Ok(()), |below| write!(f, ", {below} epochs below its promise"))
            }
            Kind::FlippedBit { who, stopped: true } => write!(f, "power cut of {who}, and a bit of its disk turns"),
            Kind::FlippedBit { who, .. } => write!(f, "a bit of the disk of {who} turns"),
            Kind::Wipe { who } => write!(f, "the data folder of {who} is emptied"),
            Kind::Members { who, wish } => match wish {
                MemberWish::Join => write!(f, "{who} is to join"),
                MemberWish::Learn => write!(f, "{who} is to join as a learner"),
                MemberWish::Move => write!(f, "{who} is to listen elsewhere"),
                MemberWish::Promote => write!(f, "{who} is to be promoted"),
                MemberWish::Remove => write!(f, "{who} is to be removed"),
            },
        }
    }
}

impl Kind {
    /// As the summary counts it.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::PowerCut { .. } => "power cut of one node",
            Kind::PowerCutOfAll { .. } => "power cut of all nodes",
            Kind::Kill { .. } => "kill",
            Kind::Pause { .. } => "pause",
            Kind::Cut { .. } => "links cut",
            Kind::Isolate { .. } => "node cut off",
            Kind::Noise { .. } => "noise on all links",
            Kind::Echo { .. } => "late echoes on all links",
            Kind::SlowDisk { .. } => "slow disk",
            Kind::FailingDisk { .. } => "failing disk",
            Kind::SlowApply { .. } => "slow apply",
            Kind::Clock { .. } => "clock step and rate",
            Kind::HoldOrders { .. } => "commit orders held",
            Kind::Transfer { .. } => "leadership handed over",
            Kind::Inject { .. } => "forged entries",
            Kind::FlippedBit { .. } => "flipped bit",
            Kind::Wipe { .. } => "wiped disk",
            Kind::Members { wish, .. } => match wish {
                MemberWish::Join => "join asked",
                MemberWish::Learn => "learner asked",
                MemberWish::Move => "move asked",
                MemberWish::Promote => "promotion asked",
                MemberWish::Remove => "removal asked",
            },
        }
    }
}
