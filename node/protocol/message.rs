//! What nodes say to each other. Messages are one-way: an ack is a message too.

use bytes::Bytes;

use crate::base::SnapshotId;
use crate::entry::Kind;
use crate::types::{ClusterId, Digest, EntryId, Epoch, Incarnation, LogPoint, NodeId, Offset};

/// A message with what every message carries.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Envelope {
    pub from: NodeId,
    pub to: NodeId,
    /// Counts the sender's messages from the start of its process; pairs "sent" with "received" in the trace.
    pub number: u64,
    /// `None` until the sender has stored the opening entry that founds the cluster.
    pub cluster: Option<ClusterId>,
    /// The incarnation that the sender's member list has for the receiver. In an answer that of whoever asked; `None`
    /// if the answer came later.
    pub incarnation: Option<Incarnation>,
    /// The sender's promise: the greatest epoch that it has promised to somebody, or `None` before the first.
    pub epoch: Option<Epoch>,
    /// The sender's own incarnation: an answer of a data folder that is no member any more counts for nothing.
    pub sender: Option<Incarnation>,
    /// Which process of the sender this is: when it started, in microseconds of the Unix epoch; 0 if the host does not
    /// say. No rule of the protocol reads it. Watchers do: `number` begins at 1 in each process, so without it a
    /// message of a restarted node passes for one of its last process.
    pub process: u64,
    pub message: Message,
}

impl Envelope {
    /// The greatest epoch that the receiver would have to promise for this message.
    pub fn claims(&self) -> Option<Epoch> {
        match &self.message {
            Message::VoteAsked(asked) => self.epoch.max(Some(asked.epoch)),
            _ => self.epoch,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Message {
    Push(Push),
    Ack(Ack),
    RoundAnswer(RoundAnswer),
    LogState(LogState),
    CommitOrder(CommitOrder),
    Refused(Refused),
    PreVoteAsked(PreVoteAsked),
    PreVoteAnswer(PreVoteAnswer),
    VoteAsked(VoteAsked),
    VoteAnswer(VoteAnswer),
    TransferNow(TransferNow),
    TransferAsked(TransferAsked),
    SnapshotChunk(SnapshotChunk),
    SnapshotAck(SnapshotAck),
}

impl Message {
    /// All kinds that [`Message::kind`] names.
    pub const KINDS: [&str; 15] = [
        "push",
        "heartbeat",
        "ack",
        "round-answer",
        "log-state",
        "commit-order",
        "refused",
        "pre-vote",
        "pre-vote-answer",
        "vote",
        "vote-answer",
        "transfer",
        "transfer-asked",
        "snapshot",
        "snapshot-ack",
    ];

    /// The kind as the lab's gate, the trace and the command line name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Message::Push(push) if push.entries.is_empty() => "heartbeat",
            Message::Push(_) => "push",
            Message::Ack(_) => "ack",
            Message::RoundAnswer(_) => "round-answer",
            Message::LogState(_) => "log-state",
            Message::CommitOrder(_) => "commit-order",
            Message::Refused(_) => "refused",
            Message::PreVoteAsked(_) => "pre-vote",
            Message::PreVoteAnswer(_) => "pre-vote-answer",
            Message::VoteAsked(_) => "vote",
            Message::VoteAnswer(_) => "vote-answer",
            Message::TransferNow(_) => "transfer",
            Message::TransferAsked(_) => "transfer-asked",
            Message::SnapshotChunk(_) => "snapshot",
            Message::SnapshotAck(_) => "snapshot-ack",
        }
    }

    /// Whether a leader or a candidate sends it. All others are answers: they count only from a data folder that is a
    /// member.
    pub fn asks(&self) -> bool {
        match self {
            Message::Push(_)
            | Message::CommitOrder(_)
            | Message::PreVoteAsked(_)
            | Message::VoteAsked(_)
            | Message::TransferNow(_)
            | Message::SnapshotChunk(_) => true,
            Message::Ack(_)
            | Message::RoundAnswer(_)
            | Message::LogState(_)
            | Message::SnapshotAck(_)
            | Message::Refused(_)
            | Message::PreVoteAnswer(_)
            | Message::VoteAnswer(_)
            | Message::TransferAsked(_) => false,
        }
    }

    /// The last entry that the message speaks of.
    pub fn about(&self) -> Option<EntryId> {
        match self {
            Message::Push(push) => push.entries.last().map(|entry| entry.id).or(push.prev.map(|prev| prev.id)),
            Message::Ack(ack) => ack.up_to.map(|point| point.id),
            Message::LogState(state) => state.runs.last().map(|end| EntryId { epoch: end.epoch, offset: end.last }),
            Message::CommitOrder(order) => Some(order.up_to.id),
            Message::PreVoteAsked(PreVoteAsked { last, .. }) | Message::VoteAsked(VoteAsked { last, .. }) => *last,
            Message::PreVoteAnswer(answer) => answer.last,
            Message::TransferNow(transfer) => Some(transfer.last.id),
            Message::SnapshotChunk(SnapshotChunk { snapshot, .. })
            | Message::SnapshotAck(SnapshotAck { snapshot, .. }) => Some(snapshot.point.id),
            Message::RoundAnswer(_) | Message::Refused(_) | Message::VoteAnswer(_) | Message::TransferAsked(_) => None,
        }
    }

    /// How many entries the message carries.
    pub fn entries(&self) -> usize {
        if let Message::Push(push) = self { push.entries.len() } else { 0 }
    }

    /// How many bytes of entries' bodies or of a snapshot the message carries; what is around them is not counted.
    pub fn bytes(&self) -> usize {
        match self {
            Message::Push(push) => push.entries.iter().map(|entry| entry.body.len()).sum(),
            Message::SnapshotChunk(chunk) => chunk.bytes.len(),
            _ => 0,
        }
    }

    /// Whether the message belongs to an election; those go as unary calls, all others on the push stream.
    pub fn is_election(&self) -> bool {
        matches!(
            self,
            Message::PreVoteAsked(_) | Message::PreVoteAnswer(_) | Message::VoteAsked(_) | Message::VoteAnswer(_)
        )
    }
}

/// Leader to replica: entries that continue the log after `prev`. Without entries it is a heartbeat.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Push {
    /// The entry before the pushed ones; `None` is the start of the log.
    pub prev: Option<LogPoint>,
    pub entries: Vec<Pushed>,
    /// How often the leader has resynced this replica in this epoch; the number that a report answers.
    pub resync: u64,
    /// On a resync push the replica replaces what differs in one storage operation.
    pub replaces: bool,
    /// The leader's latest round while reads wait for it, else 0: whoever answers it still follows this leader.
    pub round: u64,
    /// The last entry of which the leader has an ack of the receiver's data folder; only on a heartbeat and on a resync
    /// push. A folder that lacks it is an older copy of itself.
    pub acked: Option<LogPoint>,
}

/// An entry on the wire: its position follows from the push, its digest is computed by the receiver.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Pushed {
    pub id: EntryId,
    pub kind: Kind,
    pub body: Bytes,
}

/// Replica to leader: "my log equals yours up to this entry, and it is on my disk".
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Ack {
    pub up_to: Option<LogPoint>,
    /// The last entry that the replica has made final by this leader's orders; ends the repetition of the order.
    pub finalized: Option<LogPoint>,
    /// The number of the latest push that it answers.
    pub answers: u64,
}

/// Replica to leader, at once: "in this round I still follow you". It says nothing of the disk, so reads need not wait
/// for it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RoundAnswer {
    pub round: u64,
    /// For so long after this answer the sender votes for nobody, even if it is started anew; 0 promises nothing. A
    /// leader's lease rests on it.
    pub patience_micros: u64,
}

/// Replica to leader: what its log holds, so that the leader finds the sync point in one round trip.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct LogState {
    /// For each epoch in the log its last offset and the digest there, in order.
    pub runs: Vec<RunEnd>,
    pub committed: Option<LogPoint>,
    pub purged: Option<LogPoint>,
    /// The number of the push that it answers.
    pub answers: u64,
    /// The resync number of that push.
    pub resync: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RunEnd {
    pub epoch: Epoch,
    pub last: Offset,
    pub digest: Digest,
}

/// Leader to replica: everything up to this entry becomes final.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct CommitOrder {
    pub up_to: LogPoint,
}

/// To whoever speaks with a smaller epoch than the promise; the promise is the envelope's epoch.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Refused {
    /// The number of the message that is refused.
    pub answers: u64,
}

/// "Would you vote for me?" Changes nothing at the receiver.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PreVoteAsked {
    /// The epoch that the sender would stand for.
    pub epoch: Epoch,
    pub last: Option<EntryId>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PreVoteAnswer {
    /// The epoch that was asked for.
    pub epoch: Epoch,
    pub granted: bool,
    /// The answering node's last entry, forged ones left out: a first election needs an empty log everywhere.
    pub last: Option<EntryId>,
    /// The answering node's incarnation, for the founding member list.
    pub incarnation: Incarnation,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct VoteAsked {
    pub epoch: Epoch,
    pub last: Option<EntryId>,
    /// The leader itself has asked the sender to stand: a voter that hears a leader may vote all the same.
    pub transfer: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct VoteAnswer {
    pub epoch: Epoch,
    pub granted: bool,
}

/// Leader to the replica that is to lead after it: stand at once.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TransferNow {
    /// The leader's last entry, which is also the replica's.
    pub last: LogPoint,
}

/// Replica to leader: a person wants the sender to lead.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TransferAsked {}

/// Leader to replica: a part of a snapshot's file. The next one follows when this one is answered.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SnapshotChunk {
    pub snapshot: SnapshotId,
    /// Where in the file the bytes stand.
    pub offset: u64,
    pub bytes: Bytes,
    /// The leader's resync number for this replica: a log state that answers the chunk carries it.
    pub resync: u64,
}

/// Replica to leader: how much of a snapshot's file it has, so where the next chunk is to begin.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SnapshotAck {
    pub snapshot: SnapshotId,
    /// The offset of the chunk that it answers.
    pub answers: u64,
    pub received: u64,
}
