//! Round trips of every type, and refusals of malformed input.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::protocol::trace::{
    Belief, Effect, Event, Fact, FinalRow, Lab, LinkRule, MemberIds, MessageId, NodeState, Pace, PendingMessage,
    Preview, RoleName, Wrong,
};
use crate::protocol::{
    Ack, Change, ClusterId, Command, CommitOrder, Digest, EntryId, Envelope, Epoch, FeatureLevel, Incarnation, Kind,
    LogPoint, LogState, Message, MessageKind, NodeId, Offset, Opening, Position, PreVoteAnswer, PreVoteAsked, Push,
    Pushed, Refused, RoundAnswer, RunEnd, Time, VoteAnswer, VoteAsked,
};
use crate::wire::convert::{Malformed, NodeSnapshot, Observation};
use crate::wire::note::Note;
use crate::wire::proto;

fn at(epoch: u64, offset: u64) -> LogPoint {
    LogPoint { id: EntryId::new(epoch, offset), position: Position(epoch * 10 + offset), digest: Digest([7; 16]) }
}

fn envelope(message: Message) -> Envelope {
    Envelope {
        from: NodeId(1),
        to: NodeId(2),
        number: 9,
        cluster: Some(ClusterId([3; 16])),
        incarnation: Some(Incarnation([4; 16])),
        epoch: Some(Epoch(5)),
        sender: Some(Incarnation([6; 16])),
        process: 1_700_000_000_000_000,
        level: FeatureLevel::NEWEST,
        message,
    }
}

fn delete(key: &'static str) -> Bytes {
    let change = Change::Delete { key: Bytes::from_static(key.as_bytes()) };
    Command { session: 1, sequence: 2, once: None, change }.encode()
}

fn push() -> Push {
    let pushed = |offset, kind, body| Pushed { id: EntryId::new(2, offset), kind, body };
    Push {
        prev: Some(at(1, 4)),
        entries: vec![
            pushed(0, Kind::Opening, Opening { founding: None }.encode()),
            pushed(1, Kind::Command, delete("x")),
        ],
        resync: 3,
        replaces: true,
        round: 8,
        acked: Some(at(1, 3)),
    }
}

fn log_state() -> LogState {
    LogState {
        runs: vec![RunEnd { epoch: Epoch(1), last: Offset(0), digest: Digest([1; 16]) }],
        committed: Some(LogPoint { position: Position(1), digest: Digest([1; 16]), ..at(1, 0) }),
        purged: None,
        answers: 4,
        resync: 1,
    }
}

fn every_message() -> Vec<Message> {
    let last = Some(EntryId::new(1, 2));
    vec![
        Message::Push(push()),
        Message::Push(Push { prev: None, entries: Vec::new(), resync: 0, replaces: false, round: 0, acked: None }),
        Message::Ack(Ack { up_to: Some(at(1, 1)), finalized: None, answers: 6 }),
        Message::RoundAnswer(RoundAnswer { round: 7, patience_micros: 0 }),
        Message::LogState(log_state()),
        Message::CommitOrder(CommitOrder { up_to: at(3, 3) }),
        Message::Refused(Refused { answers: 2 }),
        Message::PreVoteAsked(PreVoteAsked { epoch: Epoch(2), last }),
        Message::PreVoteAnswer(PreVoteAnswer {
            epoch: Epoch(2),
            granted: true,
            last: None,
            incarnation: Incarnation([5; 16]),
        }),
        Message::VoteAsked(VoteAsked { epoch: Epoch(3), last: None, transfer: false }),
        Message::VoteAnswer(VoteAnswer { epoch: Epoch(3), granted: false }),
    ]
}

#[test]
fn every_message_comes_back_as_it_went() {
    for message in every_message() {
        let whole = envelope(message);
        let bare = Envelope { cluster: None, incarnation: None, epoch: None, sender: None, ..whole.clone() };
        for envelope in [whole, bare] {
            let bytes = prost::Message::encode_to_vec(&proto::Envelope::from(envelope.clone()));
            let wire: proto::Envelope = prost::Message::decode(&bytes[..]).expect("what was encoded decodes");
            assert_eq!(Envelope::try_from(wire), Ok(envelope));
        }
    }
}

/// Corrupts a valid message and checks that it is refused for that reason.
fn refused(message: Message, spoil: impl FnOnce(&mut proto::Envelope), why: Malformed) {
    let mut wire = proto::Envelope::from(envelope(message));
    spoil(&mut wire);
    assert_eq!(Envelope::try_from(wire), Err(why));
}

fn answer() -> Message {
    Message::RoundAnswer(RoundAnswer { round: 1, patience_micros: 0 })
}

#[test]
fn an_envelope_without_sender_cluster_or_message_is_refused() {
    let range = |what| Malformed::Range { what, found: 0, least: 1 };
    refused(answer(), |wire| wire.from = 0, range("from"));
    refused(answer(), |wire| wire.to = 0, range("to"));
    refused(answer(), |wire| wire.epoch = Some(0), range("epoch"));
    refused(answer(), |wire| wire.message = None, Malformed::Missing("message"));
}

#[test]
fn ids_and_digests_have_exactly_16_bytes() {
    for length in [0, 15, 17] {
        let bytes = Bytes::from(vec![1; length]);
        let why = |what| Malformed::Length { what, found: length };
        refused(answer(), |wire| wire.cluster = Some(bytes.clone()), why("cluster"));
        refused(answer(), |wire| wire.incarnation = Some(bytes.clone()), why("incarnation"));
        let point = proto::Point { digest: bytes.clone(), ..at(1, 1).into() };
        let order = proto::envelope::Message::CommitOrder(proto::CommitOrder { up_to: Some(point) });
        refused(answer(), |wire| wire.message = Some(order), why("digest"));
    }
}

#[test]
fn numbers_that_could_overflow_are_refused() {
    let order = |spoil: fn(&mut proto::Point)| {
        let mut point = proto::Point::from(at(1, 1));
        spoil(&mut point);
        Some(proto::envelope::Message::CommitOrder(proto::CommitOrder { up_to: Some(point) }))
    };
    let found = u64::MAX;
    let message = order(|point| point.position = u64::MAX);
    refused(answer(), |wire| wire.message = message, Malformed::Range { what: "position", found, least: 1 });
    let message = order(|point| point.epoch = u64::MAX);
    refused(answer(), |wire| wire.message = message, Malformed::Range { what: "epoch", found, least: 1 });
    let message = order(|point| point.offset = 1 << 63);
    refused(answer(), |wire| wire.message = message, Malformed::Range { what: "offset", found: 1 << 63, least: 0 });
}

#[test]
fn an_order_without_its_entry_and_an_entry_of_no_kind_are_refused() {
    let order = proto::envelope::Message::CommitOrder(proto::CommitOrder { up_to: None });
    refused(answer(), |wire| wire.message = Some(order), Malformed::Missing("up_to"));
    for kind in [0, 9, -1] {
        let mut wire_push = proto::Push::from(push());
        wire_push.entries[1].kind = kind;
        let message = Some(proto::envelope::Message::Push(wire_push));
        let why = Malformed::Meaningless { what: "kind", found: i64::from(kind) };
        refused(answer(), |wire| wire.message = message, why);
    }
}

/// Once stored it would be committed and stop every node that applies it.
#[test]
fn a_pushed_entry_whose_body_does_not_decode_is_refused() {
    let spoil = |index: usize, body: Bytes, offset: u64, kind: &'static str| {
        let mut push = proto::Push::from(push());
        push.entries[index].body = body;
        push.entries[index].offset = offset;
        let message = Some(proto::envelope::Message::Push(push));
        refused(answer(), |wire| wire.message = message, Malformed::Body { id: EntryId::new(2, offset), kind });
    };
    spoil(1, Bytes::from_static(b"x"), 1, "command");
    spoil(1, delete(""), 1, "command");
    spoil(1, delete("x"), 0, "command");
    spoil(0, Bytes::new(), 0, "opening");
    spoil(0, Opening { founding: None }.encode(), 1, "opening");
}

#[test]
fn a_push_of_more_entries_than_any_node_sends_is_refused() {
    let mut push = proto::Push::from(push());
    push.entries = vec![push.entries[1].clone(); 16_385];
    let message = Some(proto::envelope::Message::Push(push));
    refused(answer(), |wire| wire.message = message, Malformed::TooMany { found: 16_385 });
}

/// Otherwise the leader would consider its own log or the replica's damaged, and stop.
#[test]
fn a_log_state_that_contradicts_itself_is_refused() {
    let spoil = |spoil: fn(&mut proto::LogState), what| {
        let mut state = proto::LogState::from(log_state());
        spoil(&mut state);
        let message = Some(proto::envelope::Message::LogState(state));
        refused(answer(), |wire| wire.message = message, Malformed::Contradiction { what });
    };
    spoil(|state| state.runs.push(state.runs[0].clone()), "its epochs do not ascend");
    let outside = "its committed entry is not in its epochs";
    spoil(|state| state.runs.clear(), outside);
    spoil(|state| state.committed.as_mut().expect("it has one").position = 2, outside);
    spoil(|state| state.committed.as_mut().expect("it has one").offset = 1, outside);
    spoil(|state| state.runs[0].digest = Bytes::from(vec![9; 16]), outside);
}

fn preview(forged: bool) -> Preview {
    Preview {
        point: at(2, 1),
        kind: Kind::Command,
        forged,
        key: Some(Bytes::from_static(b"x")),
        value: Some(Bytes::new()),
    }
}

fn lab() -> Lab {
    let id = MessageId { from: NodeId(2), to: NodeId(1), number: 17 };
    let message = PendingMessage {
        id,
        kind: MessageKind::Ack,
        what: "up to e1·o2".into(),
        since: 5,
        due: Some(9),
        in_flight: true,
    };
    let delay = LinkRule::new(Effect::Delay { millis: 250 }, Some(NodeId(2)), Some(NodeId(1)), Some(MessageKind::Ack));
    let rules = vec![delay, LinkRule::hold(NodeId(1), None)];
    let pace = Pace::new(30).expect("a pace");
    let (pending, wrong) = (vec![message], Some(Wrong::SkipCheck));
    Lab { rules, pending, frozen: true, every: true, let_through: 4, pace, wrong }
}

fn node_snapshot() -> NodeSnapshot {
    let belief = Belief { matched: Some(at(1, 1)), next: Some(Position(12)), snapshot: Some((10, 20)) };
    let snapshot = NodeState {
        node: NodeId(1),
        role: RoleName::Leader,
        epoch: Some(Epoch(2)),
        leader: Some(NodeId(1)),
        tail: vec![preview(true), Preview { key: None, value: None, kind: Kind::Opening, ..preview(false) }],
        committed: Some(at(1, 1)),
        applied: None,
        purged: Some(at(1, 0)),
        snapshot: Some(at(1, 1)),
        held: Some(at(2, 0)),
        beliefs: BTreeMap::from([(NodeId(2), belief), (NodeId(3), Belief::default())]),
        members: Some(MemberIds { at: EntryId::new(1, 0), voters: vec![NodeId(1)], learners: vec![NodeId(2)] }),
        lab: lab(),
        event: 0,
        process: 1_700_000_000_000_000,
        sent: Some(12),
        heard: BTreeMap::from([(NodeId(2), 1_700_000_000_000_001)]),
    };
    let notes = vec![
        Note::Quarantined { folder: "n1.quarantine".into(), found: "a bit".into() },
        Note::Logged { text: "rebuilt".into() },
    ];
    let cluster = Some(ClusterId([9; 16]));
    NodeSnapshot { snapshot, time: Time(1_000_000), pid: 4121, notes, lab: true, cluster }
}

fn row(value: Option<&'static [u8]>) -> FinalRow {
    FinalRow::new(&Bytes::from_static(&[0xff, 0]), value.map(Bytes::from_static).as_ref(), EntryId::new(1, 1))
}

#[test]
fn snapshots_events_and_losses_come_back_as_they_went() {
    let event = |number, fact| Event { node: NodeId(1), number, time: Time(number), fact };
    let events = vec![
        event(
            1,
            Fact::Sent {
                to: NodeId(2),
                number: 1,
                kind: "push".into(),
                epoch: None,
                about: None,
                entries: 1,
                bytes: 9,
            },
        ),
        event(2, Fact::Proposed { entry: vec![preview(false)] }),
        event(3, Fact::Counted { from: NodeId(2), up_to: Some(at(1, 1)), matches: vec![4, 2], quorum: 3, commit: 0 }),
        event(4, Fact::Elected { epoch: Epoch(2), votes: vec![NodeId(1), NodeId(2)], quorum: 2 }),
        event(7, Fact::FinalRead { rows: vec![row(Some(b"1")), row(Some(b""))], keys: Some(301_000) }),
        event(8, Fact::FinalChanged { rows: vec![row(None)], keys: None }),
        event(5, Fact::VoteAsked { epoch: Epoch(2), last: None }),
        event(6, Fact::Ordered { to: NodeId(2), up_to: EntryId::new(1, 1) }),
    ];
    for observation in
        [Observation::Snapshot(Box::new(node_snapshot())), Observation::Events(events), Observation::Lost(17)]
    {
        let wire = proto::Observation::from(observation.clone());
        assert_eq!(Observation::from_wire(NodeId(1), wire), Ok(observation));
    }
}

#[test]
fn an_unknown_fact_is_refused_by_its_name() {
    let wire = proto::Event { number: 4, time_micros: 1, name: "Unheard".into(), fields: Vec::new() };
    let refusal = crate::wire::convert::trace::event_from_wire(NodeId(1), wire).expect_err("there is no such fact");
    assert!(refusal.to_string().contains("Unheard"), "{refusal}");
}

#[test]
fn an_unknown_role_is_refused() {
    let wire = proto::Snapshot { role: 9, ..node_snapshot().into() };
    assert_eq!(NodeSnapshot::try_from(wire), Err(Malformed::Meaningless { what: "role", found: 9 }));
}
