//! The protocol's core among members that send arbitrary messages: for every message that passes a node's checks, the
//! core neither panics nor stops.
//!
//! It may stop in one case, which the protocol names: two intact logs conflict at a committed position.

use bolero::check;
use epoca::protocol::{
    Ack, ClusterId, CommitOrder, Digest, EntryId, Envelope, Epoch, Incarnation, Input, Kind, LogPoint, LogState,
    Message, NodeId, Offset, Opening, Position, PreVoteAnswer, PreVoteAsked, Push, Pushed, Refused, RoundAnswer,
    RunEnd, TransferAsked, TransferNow, VoteAnswer, VoteAsked,
};
use epoca::wire::proto;

use crate::samples;
use crate::spoil::Tape;
use crate::world::{Options, Pick, World};

/// The stop reason of a log conflict in which both logs are intact.
const DOCUMENTED: [&str; 2] = ["neither log is damaged", "is an older copy of itself"];

#[test]
fn members_that_say_anything_make_no_node_panic_or_stop() {
    check!().with_iterations(1_500).with_max_len(1_024).for_each(|input: &[u8]| {
        let mut tape = Tape::new(input);
        let mut world = world(&mut tape);
        while !tape.is_over() {
            act(&mut world, &mut tape);
            for node in world.nodes.values() {
                let is_documented = |why: &String| DOCUMENTED.iter().any(|documented| why.contains(documented));
                assert!(node.fatal.as_ref().is_none_or(is_documented), "{:?}", node.fatal);
            }
            if world.hosts().any(|host| !host.is_up()) {
                return;
            }
        }
    });
}

/// Three nodes with small bounds, so that windows overflow and limits are reached.
fn world(tape: &mut Tape) -> World {
    let mut options = Options::voters(3);
    options.limits.window_entries = 4;
    options.limits.push_entries = 3;
    options.limits.in_flight_pushes = 2;
    let mut world = World::new(&options);
    world.start_all();
    if !tape.one_in(4) {
        world.stand(1);
        world.settle();
    }
    for number in 0..tape.below(12) {
        world.put(1, &format!("k={number}"));
        world.settle();
    }
    world
}

fn act(world: &mut World, tape: &mut Tape) {
    match tape.below(10) {
        0 => _ = world.deliver(&Pick::default()),
        1 => _ = world.drop_messages(&Pick::default()),
        2 => world.elapse_millis(tape.below(2_000) as u64),
        3 => _ = world.put(1 + tape.below(3) as u64, "k=v"),
        4 => _ = world.read(1 + tape.below(3) as u64),
        5 => _ = world.inject(1 + tape.below(3) as u64, &["k=666"], None),
        _ => say(world, tape),
    }
}

/// One node receives a message, if it passes the node's checks.
fn say(world: &mut World, tape: &mut Tape) {
    let to = 1 + tape.below(3) as u64;
    let message = message(world, to, tape);
    let from = tape.below(5) as u64;
    let cluster = match tape.below(4) {
        0 => None,
        1 => Some(ClusterId([9; 16])),
        _ => Some(world.founding().cluster),
    };
    let incarnation = tape.one_in(8).then_some(Incarnation([9; 16]));
    let epoch = optional_epoch(world, to, tape);
    let envelope = Envelope {
        from: NodeId(from),
        to: NodeId(if tape.one_in(16) { 9 } else { to }),
        cluster,
        incarnation,
        ..samples::envelope(from, to, epoch, message)
    };
    if let Ok(envelope) = Envelope::try_from(proto::Envelope::from(envelope)) {
        world.step(to, Input::Message(envelope));
    }
}

fn epoch(world: &World, to: u64, tape: &mut Tape) -> u64 {
    let now = world.host(to).core().epoch().map_or(0, |epoch| epoch.0);
    tape.pick(&[now, now, now + 1, now + 1, now.saturating_sub(1), 1, now + (1 << 32), u64::MAX >> 1, u64::MAX])
}

fn optional_epoch(world: &World, to: u64, tape: &mut Tape) -> Option<u64> {
    (!tape.one_in(12)).then(|| epoch(world, to, tape))
}

/// A position of the node's own log, perhaps corrupted.
fn point(world: &World, to: u64, tape: &mut Tape) -> LogPoint {
    let entries = &world.host(to).disk.written().entries;
    let mut point = match entries.len() {
        0 => LogPoint { id: EntryId::new(1, 0), position: Position(1), digest: Digest([0; 16]) },
        length => entries[tape.below(length)].point(),
    };
    match tape.below(12) {
        0 => point.digest = Digest([9; 16]),
        1 => point.id = EntryId::new(epoch(world, to, tape), tape.below(9) as u64),
        2 => point.position = Position(tape.pick(&[0, 1, point.position.0 + 1, u64::MAX >> 1, u64::MAX])),
        3 => point.id.offset = Offset(tape.pick(&[0, point.id.offset.0 + 1, u64::MAX >> 1, u64::MAX])),
        _ => {}
    }
    point
}

fn optional_point(world: &World, to: u64, tape: &mut Tape) -> Option<LogPoint> {
    (!tape.one_in(5)).then(|| point(world, to, tape))
}

fn number(tape: &mut Tape) -> u64 {
    tape.pick(&[0, 1, 2, 3, 7, 1_000, u64::MAX >> 1, u64::MAX])
}

fn pushed(world: &World, to: u64, prev: Option<LogPoint>, tape: &mut Tape) -> Vec<Pushed> {
    let mut id =
        prev.map_or(EntryId::new(1, 0), |prev| EntryId { offset: Offset(prev.id.offset.0.wrapping_add(1)), ..prev.id });
    let mut entries = Vec::new();
    let count = tape.pick(&[0, 1, 1, 2, 3, 5, 40]);
    for _ in 0..count {
        match tape.below(12) {
            0 => id.offset = Offset(number(tape)),
            1 => id = EntryId::new(epoch(world, to, tape), 0),
            _ => {}
        }
        let founding = (entries.is_empty() && prev.is_none() && !tape.one_in(3)).then(|| world.founding());
        let (kind, body) = match id.offset.0 {
            0 => (Kind::Opening, Opening { founding }.encode()),
            _ => (Kind::Command, samples::command("x", &tape.byte().to_string())),
        };
        entries.push(Pushed { id, kind, body });
        id.offset = Offset(id.offset.0.wrapping_add(1));
    }
    entries
}

fn log_state(world: &World, to: u64, tape: &mut Tape) -> LogState {
    let mut runs = Vec::new();
    for _ in 0..tape.below(4) {
        let LogPoint { id, digest, .. } = point(world, to, tape);
        runs.push(RunEnd { epoch: id.epoch, last: id.offset, digest });
    }
    let (committed, purged) = (optional_point(world, to, tape), optional_point(world, to, tape));
    LogState { runs, committed, purged, answers: number(tape), resync: tape.pick(&[0, 0, 1, 2, u64::MAX >> 1]) }
}

fn message(world: &World, to: u64, tape: &mut Tape) -> Message {
    match tape.below(16) {
        0..=3 => {
            let prev = optional_point(world, to, tape);
            let entries = pushed(world, to, prev, tape);
            let resync = tape.pick(&[0, 0, 1, 2, u64::MAX >> 1]);
            let acked = if tape.one_in(8) { optional_point(world, to, tape) } else { None };
            let (replaces, round) = (tape.one_in(2), number(tape));
            Message::Push(Push { prev, entries, resync, replaces, round, acked })
        }
        4 | 5 => Message::Ack(Ack {
            up_to: optional_point(world, to, tape),
            finalized: optional_point(world, to, tape),
            answers: number(tape),
        }),
        6 => Message::LogState(log_state(world, to, tape)),
        7 => Message::CommitOrder(CommitOrder { up_to: point(world, to, tape) }),
        8 => Message::RoundAnswer(RoundAnswer { round: number(tape), patience_micros: number(tape) }),
        9 => Message::Refused(Refused { answers: number(tape) }),
        10 => Message::PreVoteAsked(PreVoteAsked { epoch: Epoch(epoch(world, to, tape)), last: None }),
        11 => Message::PreVoteAnswer(PreVoteAnswer {
            epoch: Epoch(epoch(world, to, tape)),
            granted: !tape.one_in(3),
            last: optional_point(world, to, tape).map(|point| point.id),
            incarnation: Incarnation([tape.byte() % 4; 16]),
        }),
        12 => Message::VoteAsked(VoteAsked {
            epoch: Epoch(epoch(world, to, tape)),
            last: optional_point(world, to, tape).map(|point| point.id),
            transfer: tape.one_in(3),
        }),
        13 => Message::TransferNow(TransferNow { last: point(world, to, tape) }),
        14 => Message::TransferAsked(TransferAsked {}),
        _ => Message::VoteAnswer(VoteAnswer { epoch: Epoch(epoch(world, to, tape)), granted: !tape.one_in(3) }),
    }
}
