//! The core's inputs and outputs: everything that it learns and everything that it causes.
//!
//! The host carries out outputs in order. What must be durable before a message leaves is part of the output itself
//! ([`Send::after`]), so the host need not know the rules.

use bytes::Bytes;

use crate::apply::Applied;
use crate::base::{Base, SnapshotId};
use crate::entry::Entry;
use crate::membership::{Listed, MemberChange};
use crate::message::Envelope;
use crate::trace::Fact;
use crate::types::{Epoch, LogPoint, NodeId, Operation, Position, RequestId};

/// One event for the core.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Input {
    /// The time of [`crate::Core::deadline`] has passed. An earlier tick does no harm.
    Tick,
    /// A message from another node. The host passes it on as it came; the core checks sender, receiver and epoch.
    Message(Envelope),
    /// The process of this peer has ended: its stream broke and its address refuses connections. Only a hint: it
    /// decides when a replica asks for pre-votes, and nothing else.
    PeerGone(NodeId),
    /// This storage operation and all before it are durable.
    Stored(Operation),
    /// A storage operation failed. It is not retried; the core answers with [`Output::Fatal`].
    StorageFailed(String),
    /// The final database holds all entries up to `up_to`, visible to reads.
    Applied {
        /// The last entry applied.
        up_to: LogPoint,
        /// One outcome for each entry applied since the last input of this kind, in log order; the last one is that of
        /// `up_to`. The answers to writes carry them.
        outcomes: Vec<Applied>,
    },
    /// The result of [`Output::ReadLog`]: entries in order, without gaps, from the position asked for.
    LogRead {
        /// The number of the read.
        read: ReadId,
        /// The entries; the core accepts fewer than it asked for.
        entries: Vec<Entry>,
    },
    /// The result of [`Output::CheckChain`].
    ChainChecked(ChainCheck),
    /// A client wants a backup: a snapshot that holds everything that is final now. Answered with `Snapshot`, or
    /// refused with `EmptyLog` or `Overloaded`.
    Backup(RequestId),
    /// A snapshot is durable under its name: the result of [`Output::TakeSnapshot`].
    SnapshotTaken(SnapshotId),
    /// The result of [`Output::ReadSnapshot`]. `None`: the file is gone or damaged.
    SnapshotRead {
        /// The number of the read.
        read: ReadId,
        /// The part of the file.
        bytes: Option<Bytes>,
    },
    /// The result of [`Output::WriteSnapshot`].
    SnapshotWritten {
        /// The file.
        snapshot: SnapshotId,
        /// What is on disk now.
        written: ChunkOutcome,
    },
    /// The final database holds the snapshot: the result of [`Output::InstallSnapshot`].
    SnapshotInstalled(SnapshotId),
    /// Clients' writes, in order: all that arrived since the last step. They become one storage operation and one
    /// push. Each is answered with `Applied`, `Forward`, a refusal (`NoLeader`, `Overloaded`), or `Unknown`.
    Propose(Vec<Proposal>),
    /// Linearizable reads. Each is answered with [`Answer::Readable`] once the final database may be read for it, with
    /// `Forward`, or with a refusal (`NoLeader`, `Overloaded`, `SteppedDown`).
    Read(Vec<RequestId>),
    /// Reads that a leader with a lease answers alone. Without a lease they are linearizable reads.
    LeaseRead(Vec<RequestId>),
    /// Starts the first election. Answered with `Done`, or refused with `NotFresh` unless the log is empty and no
    /// leader is known.
    Stand(RequestId),
    /// Transfers leadership to the named node, or to the replica that is caught up best. Answered with `Done` once
    /// that node leads (a target that was asked itself: once it has sent its request or started an election), with
    /// `Forward`, or with a refusal.
    Transfer(RequestId, Option<NodeId>),
    /// Changes the member list. Answered with `Applied` once the new list is committed and applied, with `Done` if
    /// nothing had to change, with `Forward`, a refusal, or `Unknown`.
    ChangeMembers(RequestId, MemberChange),
    /// Appends forged entries (lab only). Answered with `Injected` once they are durable, or with a refusal.
    Inject(Inject),
    /// Whether a watcher is connected. Without one no [`Output::Trace`] is made.
    Watched(bool),
}

/// A client's write.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Proposal {
    /// The number under which the host waits for the answer.
    pub request: RequestId,
    /// An encoded [`crate::Command`]. The host has checked it with [`crate::Change::check`].
    pub command: Bytes,
}

/// Forged entries to append.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Inject {
    /// The number under which the host waits for the answer.
    pub request: RequestId,
    /// The epoch of the forged entries; that of the log's last entry if `None`.
    pub epoch: Option<Epoch>,
    /// Encoded commands, one for each entry.
    pub commands: Vec<Bytes>,
}

/// Numbers a read of the log or of a snapshot file. Results carry it back, so that a late one is recognised.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ReadId(pub u64);

/// One thing for the host to do. The host carries out the outputs of a step in order.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Output {
    /// Make it durable, in the order of the operations. Answered by [`Input::Stored`]; several operations may share a
    /// flush.
    Store(Operation, Store),
    /// Send a message to another node.
    Send(Send),
    /// Apply committed entries to the final database.
    Apply(Apply),
    /// Take a snapshot of the final database once it has applied exactly the entries up to `last`, which is what it
    /// was given so far. Done outside of the event loop. Answered by [`Input::SnapshotTaken`] when the file is
    /// durable.
    TakeSnapshot(Base),
    /// Read a part of a snapshot's file. The host verifies the whole file before the first part.
    ReadSnapshot(ReadSnapshot),
    /// Write a part of a received snapshot. With the last part the file is verified, made durable and named.
    WriteSnapshot(WriteSnapshot),
    /// Replace the final database by the content of this snapshot, after everything handed to it before is applied.
    InstallSnapshot(SnapshotId),
    /// Read entries of the log from the disk.
    ReadLog(ReadLog),
    /// Read the whole log from the disk and verify the chain of digests. Answered by [`Input::ChainChecked`].
    CheckChain,
    /// The answer to a request of the host. Each request gets exactly one.
    Answer(RequestId, Answer),
    /// This member list is in force here from now on. The host connects to its members.
    Members(Listed),
    /// A fact for watchers, in the order in which things happened.
    Trace(Fact),
    /// A message was rejected because of its sender or receiver. For the node's log: it points to a wrong list of
    /// peers, another cluster, or an emptied data folder.
    Rejected {
        /// The node that the message names as its sender.
        from: NodeId,
        /// Why it was rejected.
        why: Rejection,
    },
    /// This node's data is not what it wrote. The node stops at once and its folder must not be used again.
    Damaged(String),
    /// An invariant is broken or the disk failed. The node stops at once and shows this text.
    Fatal(String),
}

/// What a storage operation makes durable.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Store {
    /// Replace the stored promise.
    Promise(Promise),
    /// Truncate and append entries.
    Append(Append),
    /// Give up the entries up to `last`, now or later. A durable snapshot covers them.
    Compact(Base),
    /// Remove all entries; the log begins after `last`, which the installed snapshot covers.
    Replace(Base),
}

/// What a node has promised: to follow no leader of a smaller epoch, and its one vote in this epoch (Raft's
/// `currentTerm` and `votedFor`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Promise {
    /// The greatest epoch that the node has agreed to follow.
    pub epoch: Epoch,
    /// The node it voted for in that epoch; at most one.
    pub vote: Option<NodeId>,
}

/// Truncates the log from `truncate_from` on, then appends. It is one operation: a crash in between must not lose
/// entries that the leader counts on.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Append {
    /// The first position to remove; `None` removes nothing.
    pub truncate_from: Option<Position>,
    /// Entries that continue the log after the truncation without a gap.
    pub entries: Vec<Entry>,
    /// The entries are forged; the mark is durable with them.
    pub forged: bool,
}

/// A message for the network.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Send {
    /// The operation that must be durable before the message leaves; `None` to send at once.
    pub after: Option<Operation>,
    /// The message.
    pub envelope: Envelope,
}

/// Records the commit point in the log store (written, not flushed), then applies the entries in order. The entries
/// are durable in the log. Answered by [`Input::Applied`] when reads see them.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Apply {
    /// The last of the entries; the new commit point.
    pub up_to: LogPoint,
    /// The entries, contiguous, after those of the output before.
    pub entries: Vec<Entry>,
}

/// A read of the log from the disk, outside of the event loop.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ReadLog {
    /// The number of the read; the result carries it.
    pub read: ReadId,
    /// The first position.
    pub from: Position,
    /// The last position.
    pub to: Position,
    /// Stop after this many bytes of bodies, but return at least one entry.
    pub bytes_max: u64,
}

/// A read of a part of a snapshot's file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ReadSnapshot {
    /// The number of the read; the result carries it.
    pub read: ReadId,
    /// The file.
    pub snapshot: SnapshotId,
    /// Where the part starts in the file.
    pub offset: u64,
    /// The largest number of bytes to return.
    pub bytes_max: u64,
}

/// A part of a received snapshot.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct WriteSnapshot {
    /// The file.
    pub snapshot: SnapshotId,
    /// Where the part starts in the file; 0 starts a new file, unless a part of this very file is on disk.
    pub offset: u64,
    /// The bytes.
    pub bytes: Bytes,
}

/// The result of writing a part of a received snapshot.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ChunkOutcome {
    /// The file has this many bytes so far. More than was written if an earlier process had begun the same file.
    UpTo(u64),
    /// The file is complete, durable and named. The base is the start of the log that it replaces.
    Complete(Base),
    /// The file has its full length but not its digest; it was removed.
    Damaged,
}

/// Why a message was rejected. The sender gets no answer; the node logs it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Rejection {
    /// It is meant for another node: two nodes' addresses are mixed up.
    OtherNode,
    /// The sender is no member, and names neither this cluster nor this data folder.
    UnknownPeer,
    /// The sender is of another cluster.
    OtherCluster,
    /// It is meant for another data folder of this node: the one in use was emptied or replaced.
    OtherIncarnation,
    /// An answer from a data folder that the member list does not name.
    OldIncarnation,
    /// The epoch is farther above the promise than elections can lead.
    EpochOutOfReach,
    /// The sender does not support the feature level in force in this cluster.
    LevelTooLow,
}

impl Rejection {
    /// The code in traces and for machines; fixed.
    pub const fn code(self) -> &'static str {
        match self {
            Rejection::OtherNode => "other-node",
            Rejection::UnknownPeer => "unknown-peer",
            Rejection::OtherCluster => "other-cluster",
            Rejection::OtherIncarnation => "other-incarnation",
            Rejection::OldIncarnation => "old-incarnation",
            Rejection::EpochOutOfReach => "epoch-out-of-reach",
            Rejection::LevelTooLow => "level-too-low",
        }
    }
}

/// The result of verifying the chain of digests.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ChainCheck {
    /// Every digest in the log is the one that its entry and its predecessor give.
    Whole,
    /// The first entry whose digest does not match its content.
    Broken(LogPoint),
}

/// The answer to a request.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Answer {
    /// Committed and applied: every later leader has the entry, and reads here see it.
    Applied {
        /// The entry of the request.
        entry: LogPoint,
        /// What applying it did. For a retry it is the outcome of the first attempt, with the place of that entry.
        applied: Applied,
    },
    /// The injected entries are durable, up to this one.
    Injected(LogPoint),
    /// The newest snapshot includes this entry and may be read.
    Snapshot(LogPoint),
    /// The final database may be read now. It holds everything that was confirmed before the read was asked.
    Readable,
    /// Done; what that means is with the input.
    Done,
    /// This node does not lead. As far as it knows, that one does.
    Forward(NodeId),
    /// Definitely without effect.
    Refused(Refusal),
    /// It may or may not take effect: the leader stepped down with the entry in its log. Only a retry under the same
    /// session and sequence is safe.
    Unknown,
}

/// Why a request was refused. A refused request definitely has no effect.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Refusal {
    /// No leader is known.
    NoLeader,
    /// The leader stepped down before it could answer a read.
    SteppedDown,
    /// Too many writes, reads or backups are waiting.
    Overloaded,
    /// `Stand`: the log is not empty or a leader is known, so elections need no start.
    NotFresh,
    /// `Transfer`, `ChangeMembers`: a transfer is in progress.
    TransferUnderWay,
    /// `Transfer`: the cluster has no such voter. `ChangeMembers`: it has no such member.
    NoMember,
    /// `Transfer`: the node is a learner; only voters lead.
    Learner,
    /// `Transfer`: no replica was heard within three heartbeats.
    NobodyLive,
    /// `Transfer`: this node restarted a moment ago and grants no votes yet.
    JustStarted,
    /// `Transfer`: the target did not become the leader in time.
    TransferFailed,
    /// `ChangeMembers`: no entry of the leader's epoch is committed yet, so a change of an earlier leader may still be
    /// in flight.
    NotSettled,
    /// `ChangeMembers`: the change before is not committed yet.
    ChangeUnderWay,
    /// `ChangeMembers`: a live node with another data folder has this id.
    IdInUse,
    /// `ChangeMembers`: the member lacks entries, or was not heard within three heartbeats.
    NotCaughtUp,
    /// `ChangeMembers`: the list would have no voter.
    LastVoter,
    /// `ChangeMembers`: too few of the remaining voters are live to form a majority.
    QuorumAtRisk,
    /// `ChangeMembers`: the list is full: it has 64 members.
    TooManyMembers,
    /// A write that needs a higher feature level than the one in force: a member runs an older version.
    FeatureLevel,
    /// `Inject`: this node leads. Forged entries go to a replica, because a leader's log is the reference.
    Leads,
    /// `Inject`: this node is a candidate.
    Standing,
    /// `Inject`, `Backup`: the log is empty.
    EmptyLog,
    /// `Inject`: the epoch is below that of the last entry, or above the promise.
    EpochOutOfRange,
    /// `Inject`: no entries, or more than one injection may have.
    TooMany,
}

impl Refusal {
    /// The code for machines and traces; fixed.
    pub const fn code(self) -> &'static str {
        match self {
            Refusal::NoLeader => "no_leader",
            Refusal::SteppedDown => "stepped_down",
            Refusal::Overloaded => "overloaded",
            Refusal::NotFresh => "not_fresh",
            Refusal::TransferUnderWay => "transfer_under_way",
            Refusal::NoMember => "no_member",
            Refusal::Learner => "learner",
            Refusal::NobodyLive => "nobody_live",
            Refusal::JustStarted => "just_started",
            Refusal::TransferFailed => "transfer_failed",
            Refusal::NotSettled => "not_settled",
            Refusal::ChangeUnderWay => "change_under_way",
            Refusal::IdInUse => "id_in_use",
            Refusal::NotCaughtUp => "not_caught_up",
            Refusal::LastVoter => "last_voter",
            Refusal::QuorumAtRisk => "quorum_at_risk",
            Refusal::TooManyMembers => "too_many_members",
            Refusal::FeatureLevel => "feature_level",
            Refusal::Leads => "leads",
            Refusal::Standing => "standing",
            Refusal::EmptyLog => "empty_log",
            Refusal::EpochOutOfRange => "epoch_out_of_range",
            Refusal::TooMany => "too_many",
        }
    }
}
