//! Valid messages of every kind, as a cluster of three could send them.

use bytes::Bytes;
use epoca::protocol::{
    Ack, Change, Command, CommitOrder, Digest, EntryId, Envelope, Epoch, Expect, Incarnation, Kind, LogPoint, LogState,
    Member, Membership, Message, NodeId, Offset, Once, Opening, Position, PreVoteAnswer, PreVoteAsked, Push, Pushed,
    Refused, RoundAnswer, RunEnd, TransferAsked, TransferNow, VoteAnswer, VoteAsked,
};
use epoca::wire::proto;

pub fn command(key: &str, value: &str) -> Bytes {
    let change = Change::Put { key: Bytes::from(key.to_owned()), value: Bytes::from(value.to_owned()) };
    Command { session: 7, sequence: 9, once: None, change }.encode()
}

pub fn founding() -> Membership {
    let member = |id| Member::voter(NodeId(id), format!("127.0.0.1:{id}"), Incarnation([id as u8; 16]));
    Membership::founding((1..=3).map(member).collect())
}

pub fn payloads() -> Vec<Vec<u8>> {
    let delete =
        Command { session: 1, sequence: 2, once: None, change: Change::Delete { key: Bytes::from_static(b"k") } };
    let founding = Opening { founding: Some(founding()) };
    let set = Change::CompareAndSet {
        key: Bytes::from_static(b"k"),
        expect: Expect::Value(Bytes::from_static(b"1")),
        value: Bytes::from_static(b"2"),
    };
    let once = Some(Once { born: 3, answered: 2 });
    let set = Command { session: 1, sequence: 2, once, change: set };
    let batch = Change::Batch(vec![delete.change.clone(), Change::Put { key: "x".into(), value: "1".into() }]);
    let batch = Command { session: 1, sequence: 3, once, change: batch };
    [
        command("key", "value"),
        delete.encode(),
        set.encode(),
        batch.encode(),
        founding.encode(),
        Opening { founding: None }.encode(),
    ]
    .iter()
    .map(|body| body.to_vec())
    .collect()
}

pub fn messages() -> Vec<Message> {
    let at = |epoch, offset, position| LogPoint {
        id: EntryId::new(epoch, offset),
        position: Position(position),
        digest: Digest([7; 16]),
    };
    let last = Some(EntryId::new(1, 2));
    let pushed = |offset, kind, body| Pushed { id: EntryId::new(2, offset), kind, body };
    let entries = vec![
        pushed(0, Kind::Opening, Opening { founding: None }.encode()),
        pushed(1, Kind::Command, command("x", "1")),
        pushed(2, Kind::Command, command("y", "2")),
    ];
    let runs = [(1, 4), (3, 2)].map(|(epoch, last)| RunEnd {
        epoch: Epoch(epoch),
        last: Offset(last),
        digest: Digest([1; 16]),
    });
    vec![
        Message::Push(Push {
            prev: Some(at(1, 4, 5)),
            entries,
            resync: 3,
            replaces: true,
            round: 8,
            acked: Some(at(1, 4, 5)),
        }),
        Message::Push(Push { prev: None, entries: Vec::new(), resync: 0, replaces: false, round: 0, acked: None }),
        Message::Ack(Ack { up_to: Some(at(1, 1, 2)), finalized: Some(at(1, 0, 1)), answers: 6 }),
        Message::RoundAnswer(RoundAnswer { round: 7, patience_micros: 0 }),
        Message::LogState(LogState {
            runs: runs.to_vec(),
            committed: Some(at(1, 3, 4)),
            purged: None,
            answers: 4,
            resync: 1,
        }),
        Message::CommitOrder(CommitOrder { up_to: at(3, 3, 9) }),
        Message::Refused(Refused { answers: 2 }),
        Message::PreVoteAsked(PreVoteAsked { epoch: Epoch(2), last }),
        Message::PreVoteAnswer(PreVoteAnswer {
            epoch: Epoch(2),
            granted: true,
            last,
            incarnation: Incarnation([5; 16]),
        }),
        Message::VoteAsked(VoteAsked { epoch: Epoch(3), last, transfer: true }),
        Message::VoteAnswer(VoteAnswer { epoch: Epoch(3), granted: false }),
        Message::TransferNow(TransferNow { last: at(3, 3, 9) }),
        Message::TransferAsked(TransferAsked {}),
    ]
}

pub fn envelope(from: u64, to: u64, epoch: Option<u64>, message: Message) -> Envelope {
    Envelope { epoch: epoch.map(Epoch), ..Envelope::bare(NodeId(from), NodeId(to), 9, message) }
}

pub fn encoded(message: &impl prost::Message) -> Vec<u8> {
    message.encode_to_vec()
}

pub fn envelopes() -> Vec<Vec<u8>> {
    let whole = |message| Envelope { cluster: Some(founding().cluster), ..envelope(2, 1, Some(5), message) };
    messages().into_iter().map(|message| encoded(&proto::Envelope::from(whole(message)))).collect()
}
