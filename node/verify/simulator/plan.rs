//! What happens in a run, drawn from its seed before it begins: faults with their beginning and end, and the calls of
//! clients. A plan can be made smaller and played again. What is left of it happens at the same times as before.

use crate::protocol::NodeId;
use crate::verify::rng::Rng;
use crate::verify::simulator::options::Options;

/// A whole run, before it is played.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The parameters of the run.
    pub options: Options,
    /// In the order of their beginnings.
    pub faults: Vec<Fault>,
    /// In the order of their times.
    pub calls: Vec<Call>,
}

/// A fault that begins at `at` and ends at `until`, both in microseconds from the start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// When it begins.
    pub at: u64,
    /// When it ends.
    pub until: u64,
    /// What happens.
    pub kind: FaultKind,
}

/// The node that a fault hits, chosen when the fault begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// This node.
    Node(NodeId),
    /// The leader, if there is one.
    Leader,
    /// The n-th node that does not lead.
    Replica(u64),
    /// The n-th node that is no member with the disk that it has now.
    Outsider(u64),
    /// The n-th member that is no voter.
    Learner(u64),
}

/// A change of the member list that an operator asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MemberRequest {
    /// Join, to become a voter.
    Join,
    /// Join as a learner that stays one.
    Learn,
    /// Listen at another address.
    Move,
    /// Become a voter.
    Promote,
    /// Leave the cluster.
    Remove,
}

/// What a fault does. A `target` is the node that it hits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// The disk keeps the first part of its unflushed writes, in percent; `torn`: also a part of the next write.
    PowerCut {
        /// The node that loses power.
        target: Target,
        /// How much of the unflushed writes stays, in percent.
        kept_percent: u64,
        /// Whether a part of the next write stays, too.
        torn: bool,
    },
    /// All nodes lose power, as [`FaultKind::PowerCut`].
    PowerCutOfAll {
        /// How much of the unflushed writes stays, in percent.
        kept_percent: u64,
        /// Whether a part of the next write stays, too.
        torn: bool,
    },
    /// The process ends. Everything that it wrote stays.
    Kill {
        /// The node.
        target: Target,
    },
    /// The process stands still until the fault ends.
    Pause {
        /// The node.
        target: Target,
    },
    /// Messages on these links are lost. A link is (from, to).
    Cut {
        /// Pairs of sender and receiver.
        links: Vec<(u64, u64)>,
    },
    /// The messages from a node are lost, or those to it, or both.
    Isolate {
        /// The node.
        target: Target,
        /// Whether its messages still leave.
        sends: bool,
        /// Whether messages still reach it.
        receives: bool,
    },
    /// More messages than usual are lost, doubled or late.
    Noise {
        /// One message in this number is lost; 0: none.
        lost_in: u64,
        /// One in this number arrives twice; 0: none.
        doubled_in: u64,
        /// One in this number is delayed ten times as long; 0: none.
        late_in: u64,
    },
    /// One in `one_in` messages arrives a second time, this much later.
    Echo {
        /// One message in this number has an echo.
        one_in: u64,
        /// How much later the echo arrives.
        after_micros: u64,
    },
    /// Flushes take long until the fault ends.
    SlowDisk {
        /// The node.
        target: Target,
        /// The time of a flush, in microseconds.
        flush_micros: u64,
    },
    /// The next flush fails: the node stops.
    FailingDisk {
        /// The node.
        target: Target,
    },
    /// Applying takes this long, so that committed entries become readable late.
    SlowApply {
        /// The node.
        target: Target,
        /// The time of an apply, in microseconds.
        apply_micros: u64,
    },
    /// The clock jumps, and runs at another rate until the fault ends.
    Clock {
        /// The node.
        target: Target,
        /// The jump, in microseconds.
        step_micros: i64,
        /// How far the rate is off, in millionths.
        rate_ppm: i64,
    },
    /// Commit orders to a node are held back until the fault ends.
    HoldOrders {
        /// The node that gets no orders.
        target: Target,
    },
    /// A node is asked to transfer leadership to another one, or to the one that is caught up best.
    Transfer {
        /// The node that is asked.
        target: Target,
        /// The node that should lead; `None`: the best one.
        to: Option<NodeId>,
    },
    /// Forged entries. `copied`: with the content that the leader has at that position, if it has any.
    Inject {
        /// The node that gets the entries.
        target: Target,
        /// How many entries.
        count: u64,
        /// How far their epoch is below the promise of the node; `None`: the epoch of its last entry.
        epochs_below: Option<u64>,
        /// Whether they have the content of the leader's entries.
        copied: bool,
    },
    /// A bit of a record on a disk flips. When the node reads the record, it moves its folder aside and comes back as
    /// another incarnation. `stopped`: the node loses power before, so it finds the damage when it starts.
    FlippedBit {
        /// The node.
        target: Target,
        /// Whether it loses power first.
        stopped: bool,
    },
    /// The data folder is emptied, and the node comes back under its old id.
    Wipe {
        /// The node.
        target: Target,
    },
    /// An operator asks for a change of the members.
    Members {
        /// The node that the change concerns.
        target: Target,
        /// The change.
        request: MemberRequest,
    },
}

/// One operation of a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    /// When it begins, in microseconds from the start.
    pub at: u64,
    /// The client.
    pub client: u64,
    /// The key.
    pub key: u64,
    /// What the client does.
    pub kind: CallKind,
    /// The node that is asked first; `None`: the one that the client believes to lead.
    pub node: Option<u64>,
}

/// The kinds of operations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallKind {
    /// Sets the key to a value of this call's own.
    Put,
    /// Removes the key.
    Delete,
    /// A put that is done only if the key is as the client last saw it.
    CompareAndSet,
    /// Writes of this key and the next one.
    Batch,
    /// A linearizable read.
    Get,
    /// A linearizable read that asks several voters and not the leader.
    GetQuorum,
    /// A read of the node's own final data.
    GetLocal,
}

impl CallKind {
    /// Whether it is a linearizable read.
    pub(super) fn is_read(self) -> bool {
        matches!(self, CallKind::Get | CallKind::GetQuorum)
    }
}

impl Plan {
    /// Draws faults and calls for a run with these parameters.
    pub fn of(options: Options) -> Plan {
        let mut faults = faults(&options, &mut Rng::stream(options.seed, 2));
        faults.extend(changes(&options, &mut Rng::stream(options.seed, 10)));
        let rng = &mut Rng::stream(options.seed, 12);
        faults.extend(options.story.map(|story| story.faults(&options, rng)).into_iter().flatten());
        faults.sort_by_key(|fault| fault.at);
        let calls = calls(&options, &mut Rng::stream(options.seed, 3));
        Plan { options, faults, calls }
    }

    /// Leases need clocks that are about right, so runs with clock faults have none of these reads.
    pub(super) fn reads_by_lease(&self) -> bool {
        let wrong_clock = |fault: &Fault| matches!(fault.kind, FaultKind::Clock { .. });
        self.options.leadership.lease_micros > 0 && !self.faults.iter().any(wrong_clock)
    }
}

/// The kinds of fault of a run, and about how many of each: some runs are calm, some wild, most lack some kinds.
fn faults(options: &Options, rng: &mut Rng) -> Vec<Fault> {
    let mut faults = Vec::new();
    let (end, timeout) = (options.faults_micros, options.election_timeout_micros);
    let wild = rng.choose(&[0, 2, 4, 8, 12]);
    for draw in DRAWS {
        let most = if rng.one_in(2) { wild } else { 0 };
        for _ in 0..rng.below(most + 1) {
            let at = rng.below(end);
            let lasts = timeout / 20 + rng.below(timeout * 3);
            faults.push(Fault { at, until: (at + lasts).min(end), kind: draw(options, rng) });
        }
    }
    if rng.one_in(4) {
        for _ in 0..rng.between(1, 3) {
            faults.extend(lost_disk(options, rng));
        }
    }
    faults
}

/// A disk is wiped or damaged. Some damage lies where a leader reads for a replica that was disconnected.
fn lost_disk(options: &Options, rng: &mut Rng) -> Vec<Fault> {
    let (end, timeout) = (options.faults_micros, options.election_timeout_micros);
    let at = end / 8 + rng.below(end / 4 * 3);
    let fault = |at: u64, lasts: u64, kind| Fault { at, until: (at + lasts).min(end), kind };
    match rng.below(6) {
        0 | 1 => vec![fault(at, timeout, FaultKind::Wipe { target: target(options, rng) })],
        2 | 3 => {
            let stopped = rng.one_in(2);
            vec![fault(at, timeout, FaultKind::FlippedBit { target: target(options, rng), stopped })]
        }
        _ => {
            let away = timeout / 2 + rng.below(timeout * 2);
            let target = Target::Replica(rng.below(options.nodes()));
            let flips = FaultKind::FlippedBit { target: Target::Leader, stopped: false };
            let soon = at + rng.below(away);
            vec![
                fault(at, away, FaultKind::Isolate { target, sends: false, receives: false }),
                fault(soon, timeout, flips),
            ]
        }
    }
}

/// Changes of the members, and wiped disks, which lead to more changes.
fn changes(options: &Options, rng: &mut Rng) -> Vec<Fault> {
    let (end, timeout) = (options.faults_micros, options.election_timeout_micros);
    let mut faults = Vec::new();
    for _ in 0..rng.below(options.members.changes_max + 1) {
        let at = rng.below(end);
        let some = rng.below(options.nodes());
        let asked = |target, request| FaultKind::Members { target, request };
        let kind = match rng.below(14) {
            0..=3 => asked(Target::Outsider(some), MemberRequest::Join),
            4 => asked(Target::Outsider(some), MemberRequest::Learn),
            5 => asked(Target::Learner(some), MemberRequest::Promote),
            6 | 7 => asked(Target::Leader, MemberRequest::Remove),
            8 | 9 => asked(Target::Replica(some), MemberRequest::Remove),
            10 => asked(target(options, rng), MemberRequest::Remove),
            11 => asked(target(options, rng), MemberRequest::Move),
            _ => FaultKind::Wipe { target: target(options, rng) },
        };
        if matches!(kind, FaultKind::Members { request: MemberRequest::Remove, .. }) && rng.one_in(2) {
            faults.push(beside_a_removal(options, rng, at));
        }
        faults.push(Fault { at, until: (at + timeout / 10 + rng.below(timeout * 2)).min(end), kind });
    }
    faults
}

/// A fault that makes a removal hard: the leader is gone right after it, so that the others continue with the change or
/// without it; or the change reaches only some nodes.
fn beside_a_removal(options: &Options, rng: &mut Rng, at: u64) -> Fault {
    let timeout = options.election_timeout_micros;
    let soon = rng.below(timeout / 30 + 1);
    let kind = match rng.below(5) {
        0 => FaultKind::Kill { target: Target::Leader },
        1 => FaultKind::PowerCut { target: Target::Leader, kept_percent: rng.below(101), torn: rng.one_in(2) },
        2 => FaultKind::Isolate { target: Target::Leader, sends: false, receives: false },
        3 => FaultKind::Cut { links: one_way(options, rng) },
        _ => FaultKind::Cut { links: split(options, rng) },
    };
    let at = if matches!(kind, FaultKind::Cut { .. }) { at.saturating_sub(soon) } else { at + soon };
    let end = options.faults_micros;
    Fault { at: at.min(end), until: (at + timeout / 2 + rng.below(timeout * 3)).min(end), kind }
}

type Draw = fn(&Options, &mut Rng) -> FaultKind;

const DRAWS: [Draw; 16] = [
    |options, rng| FaultKind::PowerCut {
        target: target(options, rng),
        kept_percent: rng.below(101),
        torn: rng.one_in(2),
    },
    |_, rng| FaultKind::PowerCutOfAll { kept_percent: rng.below(101), torn: rng.one_in(2) },
    |options, rng| FaultKind::Kill { target: target(options, rng) },
    |options, rng| FaultKind::Pause { target: target(options, rng) },
    |options, rng| FaultKind::Cut { links: split(options, rng) },
    |options, rng| {
        let (sends, receives) = rng.choose(&[(false, false), (false, false), (true, false), (false, true)]);
        FaultKind::Isolate { target: target(options, rng), sends, receives }
    },
    |options, rng| FaultKind::Cut { links: one_way(options, rng) },
    |options, rng| FaultKind::Cut { links: partial_mesh(options, rng) },
    |_, rng| FaultKind::Noise {
        lost_in: rng.between(2, 30),
        doubled_in: rng.between(2, 30),
        late_in: rng.between(2, 30),
    },
    |options, rng| FaultKind::SlowDisk {
        target: target(options, rng),
        flush_micros: options.election_timeout_micros * rng.between(1, 20) / 10,
    },
    |options, rng| FaultKind::FailingDisk { target: target(options, rng) },
    |options, rng| FaultKind::SlowApply {
        target: target(options, rng),
        apply_micros: options.election_timeout_micros * rng.between(1, 20) / 10,
    },
    clock,
    |options, rng| FaultKind::HoldOrders { target: target(options, rng) },
    |options, rng| FaultKind::Transfer {
        target: if rng.one_in(3) { target(options, rng) } else { Target::Leader },
        to: rng.one_in(2).then(|| NodeId(rng.between(1, options.nodes()))),
    },
    |options, rng| FaultKind::Inject {
        target: if rng.one_in(4) { target(options, rng) } else { Target::Replica(rng.below(options.nodes())) },
        count: rng.between(1, 6),
        epochs_below: rng.one_in(3).then(|| rng.below(3)),
        copied: rng.one_in(3),
    },
];

fn target(options: &Options, rng: &mut Rng) -> Target {
    match rng.below(3) {
        0 => Target::Leader,
        1 => Target::Replica(rng.below(options.nodes())),
        _ => Target::Node(NodeId(rng.between(1, options.nodes()))),
    }
}

fn clock(options: &Options, rng: &mut Rng) -> FaultKind {
    let most = options.election_timeout_micros * 2;
    let step = rng.between(0, most) as i64;
    let step_micros = if rng.one_in(3) { -step / 4 } else { step };
    FaultKind::Clock {
        target: target(options, rng),
        step_micros,
        rate_ppm: rng.choose(&[-500_000, -100_000, -1_000, 1_000, 100_000, 1_000_000]),
    }
}

/// Two sides without links between them.
fn split(options: &Options, rng: &mut Rng) -> Vec<(u64, u64)> {
    let side: Vec<bool> = (0..=options.nodes()).map(|_| rng.one_in(2)).collect();
    links(options.nodes()).filter(|(from, to)| side[*from as usize] != side[*to as usize]).collect()
}

/// Some links lose messages in one direction.
fn one_way(options: &Options, rng: &mut Rng) -> Vec<(u64, u64)> {
    let one_in = rng.between(2, 5);
    links(options.nodes()).filter(|_| rng.one_in(one_in)).collect()
}

/// Some pairs of nodes are not connected, so that no node or only some have links to all others.
fn partial_mesh(options: &Options, rng: &mut Rng) -> Vec<(u64, u64)> {
    let one_in = rng.between(2, 4);
    let pairs = links(options.nodes()).filter(|(from, to)| from < to).filter(|_| rng.one_in(one_in));
    pairs.flat_map(|(from, to)| [(from, to), (to, from)]).collect()
}

fn links(nodes: u64) -> impl Iterator<Item = (u64, u64)> {
    (1..=nodes).flat_map(move |from| (1..=nodes).map(move |to| (from, to))).filter(|(from, to)| from != to)
}

fn calls(options: &Options, rng: &mut Rng) -> Vec<Call> {
    let work = &options.work;
    let mut calls = Vec::new();
    for client in 1..=work.clients {
        let mut at = rng.below(options.election_timeout_micros);
        while at < options.faults_micros {
            let kind = match rng.below(10) {
                roll if roll < work.reads_in_ten => {
                    rng.choose(&[CallKind::GetLocal, CallKind::Get, CallKind::Get, CallKind::GetQuorum])
                }
                _ => rng.choose(&[
                    CallKind::Put,
                    CallKind::Put,
                    CallKind::Delete,
                    CallKind::CompareAndSet,
                    CallKind::CompareAndSet,
                    CallKind::Batch,
                ]),
            };
            let node = (rng.one_in(5) || kind == CallKind::GetLocal).then(|| rng.between(1, options.nodes()));
            calls.push(Call { at, client, key: rng.below(work.keys), kind, node });
            // Now and then a burst, so that several writes form one batch.
            at += if rng.one_in(4) { rng.below(50) } else { 1 + rng.below(work.think_micros_max * 2) };
        }
    }
    calls.sort_by_key(|call| (call.at, call.client));
    calls
}
