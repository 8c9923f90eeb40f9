//! The messages between nodes. All are one-way: an ack is a message of its own.
//!
//! The host converts them to the wire format; nothing here knows it.

use bytes::Bytes;

use crate::base::SnapshotId;
use crate::entry::Kind;
use crate::named::named;
use crate::types::{ClusterId, Digest, EntryId, Epoch, FeatureLevel, Incarnation, LogPoint, NodeId, Offset};

/// A message with the fields that every message carries.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Envelope {
    /// The sending node.
    pub from: NodeId,
    /// The node it is meant for; another node rejects it.
    pub to: NodeId,
    /// The number of the message, counted by the sender from 1 at the start of its process. It pairs "sent" with
    /// "received" in the trace, and answers name it.
    pub number: u64,
    /// The sender's cluster. `None` until its log holds the founding entry.
    pub cluster: Option<ClusterId>,
    /// The receiver's incarnation. In a request it is the one in the sender's member list; in an answer, that of the
    /// node that asked. `None` if the sender does not know it, or if the answer is sent in a later step. A receiver
    /// with another incarnation rejects the message.
    pub incarnation: Option<Incarnation>,
    /// The epoch of the sender's promise; `None` before its first. A receiver with a smaller one adopts it (Raft paper
    /// 5.1), except from pre-votes.
    pub epoch: Option<Epoch>,
    /// The sender's own incarnation. Answers from a data folder that the receiver's list does not name are rejected.
    pub sender: Option<Incarnation>,
    /// The sender's process: its start time in microseconds of the Unix epoch, set by the host; 0 if unknown. No rule
    /// reads it. Watchers need it because `number` starts at 1 in each process.
    pub process: u64,
    /// The greatest feature level that the sender supports.
    pub level: FeatureLevel,
    /// What is said.
    pub message: Message,
}

impl Envelope {
    /// A message of a sender that knows nothing but its receiver: no cluster, no data folders, no promise. Checks and
    /// tests begin with it, and set the fields that they are about.
    ///
    /// ```
    /// use epoca_protocol::{Envelope, Epoch, Message, NodeId, RoundAnswer};
    ///
    /// let answer = Message::RoundAnswer(RoundAnswer { round: 1, patience_micros: 0 });
    /// let envelope = Envelope { epoch: Some(Epoch(1)), ..Envelope::bare(NodeId(1), NodeId(2), 7, answer) };
    /// assert_eq!((envelope.number, envelope.cluster), (7, None));
    /// ```
    pub fn bare(from: NodeId, to: NodeId, number: u64, message: Message) -> Envelope {
        Envelope {
            from,
            to,
            number,
            cluster: None,
            incarnation: None,
            epoch: None,
            sender: None,
            process: 0,
            level: FeatureLevel::NEWEST,
            message,
        }
    }

    /// The greatest epoch that the receiver would have to promise because of this message.
    pub(crate) fn claimed_epoch(&self) -> Option<Epoch> {
        match &self.message {
            Message::VoteAsked(asked) => self.epoch.max(Some(asked.epoch)),
            _ => self.epoch,
        }
    }
}

/// What one node says to another.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Message {
    /// Leader to replica: entries, or a heartbeat without entries.
    Push(Push),
    /// Replica to leader: the log matches and is durable up to an entry.
    Ack(Ack),
    /// Replica to leader: it still follows in a read round.
    RoundAnswer(RoundAnswer),
    /// Replica to leader: what its log holds.
    LogState(LogState),
    /// Leader to replica: entries become final.
    CommitOrder(CommitOrder),
    /// To a sender with a smaller epoch: its message was ignored.
    Refused(Refused),
    /// A possible candidate asks whether it would get a vote.
    PreVoteAsked(PreVoteAsked),
    /// The answer to that.
    PreVoteAnswer(PreVoteAnswer),
    /// A candidate asks for a vote.
    VoteAsked(VoteAsked),
    /// The answer to that.
    VoteAnswer(VoteAnswer),
    /// Leader to replica: start an election now.
    TransferNow(TransferNow),
    /// Replica to leader: transfer leadership to the sender.
    TransferAsked(TransferAsked),
    /// Leader to replica: a part of a snapshot.
    SnapshotChunk(SnapshotChunk),
    /// Replica to leader: how much of the snapshot has arrived.
    SnapshotAck(SnapshotAck),
}

named! {
    /// What a message is for, as the gate, the trace and the command line name it.
    pub enum MessageKind {
        /// Entries that continue the log: [`Message::Push`].
        Push = "push",
        /// A push without entries.
        Heartbeat = "heartbeat",
        /// [`Message::Ack`].
        Ack = "ack",
        /// [`Message::RoundAnswer`].
        RoundAnswer = "round-answer",
        /// [`Message::LogState`].
        LogState = "log-state",
        /// [`Message::CommitOrder`].
        CommitOrder = "commit-order",
        /// [`Message::Refused`].
        Refused = "refused",
        /// [`Message::PreVoteAsked`].
        PreVote = "pre-vote",
        /// [`Message::PreVoteAnswer`].
        PreVoteAnswer = "pre-vote-answer",
        /// [`Message::VoteAsked`].
        Vote = "vote",
        /// [`Message::VoteAnswer`].
        VoteAnswer = "vote-answer",
        /// [`Message::TransferNow`].
        Transfer = "transfer",
        /// [`Message::TransferAsked`].
        TransferAsked = "transfer-asked",
        /// [`Message::SnapshotChunk`].
        Snapshot = "snapshot",
        /// [`Message::SnapshotAck`].
        SnapshotAck = "snapshot-ack",
    }
}

impl Message {
    /// The kind of the message. A push without entries is a [`MessageKind::Heartbeat`].
    pub fn kind(&self) -> MessageKind {
        match self {
            Message::Push(push) if push.entries.is_empty() => MessageKind::Heartbeat,
            Message::Push(_) => MessageKind::Push,
            Message::Ack(_) => MessageKind::Ack,
            Message::RoundAnswer(_) => MessageKind::RoundAnswer,
            Message::LogState(_) => MessageKind::LogState,
            Message::CommitOrder(_) => MessageKind::CommitOrder,
            Message::Refused(_) => MessageKind::Refused,
            Message::PreVoteAsked(_) => MessageKind::PreVote,
            Message::PreVoteAnswer(_) => MessageKind::PreVoteAnswer,
            Message::VoteAsked(_) => MessageKind::Vote,
            Message::VoteAnswer(_) => MessageKind::VoteAnswer,
            Message::TransferNow(_) => MessageKind::Transfer,
            Message::TransferAsked(_) => MessageKind::TransferAsked,
            Message::SnapshotChunk(_) => MessageKind::Snapshot,
            Message::SnapshotAck(_) => MessageKind::SnapshotAck,
        }
    }

    /// Whether the message is a request of a leader or candidate. All others are answers, which count only from a data
    /// folder that is a member.
    pub(crate) fn is_request(&self) -> bool {
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

    /// Whether the message only tells what its sender holds, so that the leader knows what to send next. It confirms
    /// nothing.
    pub fn only_reports(&self) -> bool {
        matches!(self, Message::LogState(_) | Message::SnapshotAck(_))
    }

    /// The last entry that the message refers to, for the trace.
    pub(crate) fn about(&self) -> Option<EntryId> {
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

    /// The number of entries that the message carries.
    pub fn entries(&self) -> usize {
        if let Message::Push(push) = self { push.entries.len() } else { 0 }
    }

    /// The bytes of entry bodies or of a snapshot that the message carries, without framing.
    pub fn bytes(&self) -> usize {
        match self {
            Message::Push(push) => push.entries.iter().map(|entry| entry.body.len()).sum(),
            Message::SnapshotChunk(chunk) => chunk.bytes.len(),
            _ => 0,
        }
    }

    /// Whether the message belongs to an election. The host sends those as unary calls and all others on a stream.
    pub fn is_election(&self) -> bool {
        matches!(
            self,
            Message::PreVoteAsked(_) | Message::PreVoteAnswer(_) | Message::VoteAsked(_) | Message::VoteAnswer(_)
        )
    }
}

/// Leader to replica: entries that continue the log after `prev` (assignment 2b). Without entries it is a heartbeat.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Push {
    /// The entry before the pushed ones; `None` at the start of the log. The receiver compares id and digest
    /// (assignment 3b).
    pub prev: Option<LogPoint>,
    /// The entries, contiguous after `prev`.
    pub entries: Vec<Pushed>,
    /// The number of resyncs of this replica in this epoch. A log state that answers this push carries it.
    pub resync: u64,
    /// The push belongs to a resync: the replica replaces differing entries in one storage operation instead of
    /// truncating and reporting.
    pub replaces: bool,
    /// The leader's latest read round, if reads or a lease wait for it, else 0. An answer says that the sender still
    /// follows this leader.
    pub round: u64,
    /// The last entry of which the leader holds an ack from the receiver's data folder. Only on heartbeats and resync
    /// pushes. A folder that lacks the entry is an older copy of itself.
    pub acked: Option<LogPoint>,
}

/// An entry on the wire. Its position follows from the push, and each receiver computes the digest itself: a digest
/// taken from a sender would not protect against a sender that is wrong.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Pushed {
    /// The entry's id.
    pub id: EntryId,
    /// What the body holds.
    pub kind: Kind,
    /// The encoded payload.
    pub body: Bytes,
}

/// Replica to leader: "my log equals yours up to this entry, and that is durable here" (assignment 3a). It is never
/// about more than the pushes showed to be equal.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Ack {
    /// The entry; `None` for nothing.
    pub up_to: Option<LogPoint>,
    /// The last entry that is final at the replica. It ends the repetition of commit orders.
    pub finalized: Option<LogPoint>,
    /// The number of the latest push that it answers.
    pub answers: u64,
}

/// Replica to leader: "in this round I still follow you". Sent without waiting for the disk, so reads do not wait for
/// it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RoundAnswer {
    /// The round of the push that it answers.
    pub round: u64,
    /// The time in microseconds during which the sender votes for no node after this answer, even if it restarts; 0
    /// for none. A leader's lease rests on it.
    pub patience_micros: u64,
}

/// Replica to leader: the state of its log, from which the leader finds the sync point in one round trip (assignment
/// 3b; KIP-279).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct LogState {
    /// For each epoch in the log its last offset and the digest there, in order.
    pub runs: Vec<RunEnd>,
    /// The last entry known to be committed at the replica. Both logs must have it.
    pub committed: Option<LogPoint>,
    /// The last entry that the replica's log has given up.
    pub purged: Option<LogPoint>,
    /// The number of the push that it answers.
    pub answers: u64,
    /// The resync number of that push. The leader ignores a report of an older number.
    pub resync: u64,
}

/// The end of one epoch in a log.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RunEnd {
    /// The epoch.
    pub epoch: Epoch,
    /// The offset of its last entry in this log.
    pub last: Offset,
    /// The digest at that entry. It covers everything before it.
    pub digest: Digest,
}

/// Leader to replica: all entries up to this one become final (assignment 2c, 3c). Apart from snapshots, it is the
/// only carrier of the commit point; heartbeats carry none.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct CommitOrder {
    /// The last entry to make final, with its digest.
    pub up_to: LogPoint,
}

/// To a sender whose epoch is smaller than the receiver's promise. The envelope's epoch is that promise; the sender
/// steps down.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Refused {
    /// The number of the message that was refused.
    pub answers: u64,
}

/// "Would you vote for me?" It changes nothing at the receiver (Raft thesis 9.6).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PreVoteAsked {
    /// The epoch for which the sender would stand.
    pub epoch: Epoch,
    /// The sender's last genuine entry.
    pub last: Option<EntryId>,
}

/// The answer to [`PreVoteAsked`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PreVoteAnswer {
    /// The epoch that was asked about.
    pub epoch: Epoch,
    /// Whether the voter would grant the vote. A refusal's envelope carries the voter's promise.
    pub granted: bool,
    /// The voter's last genuine entry. A first election needs an empty log at every voter.
    pub last: Option<EntryId>,
    /// The voter's incarnation, for the founding member list.
    pub incarnation: Incarnation,
}

/// A candidate asks for a vote (Raft's RequestVote).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct VoteAsked {
    /// The epoch that the candidate has promised to itself.
    pub epoch: Epoch,
    /// The candidate's last genuine entry. A voter with a greater one refuses (Raft paper 5.4.1).
    pub last: Option<EntryId>,
    /// The leader itself asked the sender to stand, so a voter that hears this leader may still grant the vote.
    pub transfer: bool,
}

/// The answer to [`VoteAsked`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct VoteAnswer {
    /// The epoch that was asked for.
    pub epoch: Epoch,
    /// Whether the vote was given; a granted vote is durable before this message leaves.
    pub granted: bool,
}

/// Leader to the target of a transfer: start an election now.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TransferNow {
    /// The leader's last entry. The target ignores the message unless its own log ends with it.
    pub last: LogPoint,
}

/// Replica to leader: transfer leadership to the sender.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TransferAsked {}

/// Leader to replica: a part of a snapshot's file. The next part follows the answer to this one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SnapshotChunk {
    /// The file.
    pub snapshot: SnapshotId,
    /// The offset of the bytes in the file.
    pub offset: u64,
    /// The bytes; never empty.
    pub bytes: Bytes,
    /// The leader's resync number for this replica; a log state that answers the part carries it.
    pub resync: u64,
}

/// Replica to leader: how much of a snapshot's file it has.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SnapshotAck {
    /// The file.
    pub snapshot: SnapshotId,
    /// The offset of the part that it answers.
    pub answers: u64,
    /// The number of bytes that the replica has; the next part starts there.
    pub received: u64,
}
