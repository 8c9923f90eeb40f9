//! The core's inputs and outputs: all that it hears and all that it does.
//!
//! Outputs are carried out in order. What must be durable before something is said stands in the output itself
//! ([`Send::after`]), not in a comment.

use bytes::Bytes;

use crate::apply::Applied;
use crate::base::{Base, SnapshotId};
use crate::entry::Entry;
use crate::membership::{Listed, MemberChange};
use crate::message::Envelope;
use crate::trace::Fact;
use crate::types::{Epoch, LogPoint, NodeId, Operation, Position, RequestId};

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Input {
    /// The time of [`crate::Core::deadline`] has come.
    Tick,
    /// A message from a node.
    Message(Envelope),
    /// This storage operation and all before it are durable.
    Stored(Operation),
    /// A storage operation failed: final, the node stops.
    StorageFailed(String),
    /// The final database holds everything up to this entry, in memory at least. `outcomes` has one outcome for each entry
    /// applied since the last input of this kind, in log order; the last one is that of `up_to`.
    Applied { up_to: LogPoint, outcomes: Vec<Applied> },
    /// The answer to [`Output::ReadLog`]: the entries, in order, without gaps, from the position asked for.
    LogRead { read: ReadId, entries: Vec<Entry> },
    /// The answer to [`Output::CheckChain`]: where the chain of digests breaks, if it does.
    ChainChecked(ChainCheck),
    /// A snapshot of all that is final now, for a backup. Answered with `Snapshot`, or a refusal.
    Backup(RequestId),
    /// A snapshot is on the disk, durable and under its name.
    SnapshotTaken(SnapshotId),
    /// The answer to [`Output::ReadSnapshot`]; `None`: there is no such file any more, or it is damaged.
    SnapshotRead { read: ReadId, bytes: Option<Bytes> },
    /// The answer to [`Output::WriteSnapshot`].
    SnapshotWritten { snapshot: SnapshotId, written: Written },
    /// The final database is what the snapshot holds.
    SnapshotInstalled(SnapshotId),
    /// Clients' writes, as many as came in meanwhile: they become one storage operation and one push.
    Propose(Vec<Proposal>),
    /// Linearizable reads: each is answered with [`Answer::Readable`] once the final database may be read for it.
    Read(Vec<RequestId>),
    /// Likewise, but a leader that holds a lease answers alone; any other asks a round.
    LeaseRead(Vec<RequestId>),
    /// Start the first election; taken only while the log is empty. Answered with `Done` or a refusal.
    Stand(RequestId),
    /// Make this node the leader, or whoever is caught up best if none is named. Answered with `Done` once it leads (at
    /// another node than the leader: once it is asked for), `Forward` or a refusal.
    Transfer(RequestId, Option<NodeId>),
    /// Change the member list. Answered with `Applied` once the new list is committed and applied (with `Done` if
    /// nothing had to be changed), `Forward`, a refusal, or `Unknown`.
    ChangeMembers(RequestId, MemberChange),
    /// Put forged entries at the end of the log (lab only). Answered with `Injected`, or a refusal.
    Inject(Inject),
    /// Whether anybody watches: without a watcher no trace event is built.
    Watched(bool),
}

/// A write that a client asked for: an encoded [`crate::Command`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Proposal {
    pub request: RequestId,
    pub command: Bytes,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Inject {
    pub request: RequestId,
    /// The epoch of the forged entries; by default that of the log's last entry.
    pub epoch: Option<Epoch>,
    /// Encoded commands, one for each entry.
    pub commands: Vec<Bytes>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ReadId(pub u64);

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Output {
    /// Must become durable in the order of the operations; [`Input::Stored`] when it is.
    Store(Operation, Store),
    Send(Send),
    Apply(Apply),
    /// Take a snapshot of the final database once it is applied exactly up to `last`, which is what was handed to it so
    /// far; off the loop. [`Input::SnapshotTaken`] when it is durable.
    TakeSnapshot(Base),
    /// Read a part of a snapshot's file. Before the first part the whole file is checked.
    ReadSnapshot(ReadSnapshot),
    /// Keep a part of a snapshot that is received, in order. With the last one the file is checked, made durable and
    /// named.
    WriteSnapshot(WriteSnapshot),
    /// Replace the final database by what this snapshot holds, once what was handed to it before is applied.
    InstallSnapshot(SnapshotId),
    ReadLog(ReadLog),
    /// Read the whole log from the disk and check the chain of digests; [`Input::ChainChecked`] when done.
    CheckChain,
    Answer(RequestId, Answer),
    /// From now on this member list counts here.
    Members(Listed),
    Trace(Fact),
    /// A message was refused because of who sent it: for the node's log, since it tells a person of a wrong peer list,
    /// another cluster, or a folder that was emptied.
    Rejected {
        from: NodeId,
        why: Rejection,
    },
    /// This node's own data are not what it wrote: the node ends at once, and this folder counts for nothing any more.
    Damaged(String),
    /// An invariant is broken or the disk failed: the node stops at once and shows this text.
    Fatal(String),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Store {
    Promise(Promise),
    Append(Append),
    /// Give up the entries up to `last`, at once or later: a durable snapshot covers them.
    Compact(Base),
    /// Forget all entries: the log begins anew after `last`, which the installed snapshot stands for.
    Replace(Base),
}

/// What a node has promised: to follow nobody of a smaller epoch, and its one vote in this one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Promise {
    pub epoch: Epoch,
    pub vote: Option<NodeId>,
}

/// Cut the log before `truncate_from`, then append: one operation, so that a crash never leaves less than was right.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Append {
    pub truncate_from: Option<Position>,
    /// Continue the log exactly after truncation.
    pub entries: Vec<Entry>,
    /// The entries are forged: the mark is durable with them.
    pub forged: bool,
}

/// To be handed to the network, once `after` is durable.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Send {
    pub after: Option<Operation>,
    pub envelope: Envelope,
}

/// Record the commit point in the log store (written, not synced), then make the entries final, in order.
/// They are durable in the log. [`Input::Applied`] when readers see them.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Apply {
    /// The last of the entries.
    pub up_to: LogPoint,
    pub entries: Vec<Entry>,
}

/// Read entries of the log from the disk, off the loop.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ReadLog {
    pub read: ReadId,
    pub from: Position,
    /// The last position wanted.
    pub to: Position,
    /// Stop after this many bytes of bodies, but give at least one entry.
    pub bytes_max: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ReadSnapshot {
    pub read: ReadId,
    pub snapshot: SnapshotId,
    pub offset: u64,
    pub bytes_max: u64,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct WriteSnapshot {
    pub snapshot: SnapshotId,
    /// 0 begins the file anew.
    pub offset: u64,
    pub bytes: Bytes,
}

/// What became of a part of a snapshot that was received.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Written {
    UpTo(u64),
    /// That was the last part: the file is whole, durable and has its name. This is what it stands for.
    Whole(Base),
    /// It is whole in length, and its content is not what it should be: it is thrown away.
    Damaged,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Rejection {
    /// It was meant for another node: two nodes have each other's addresses mixed up.
    OtherNode,
    /// The sender is no member, and names neither this cluster nor this data folder.
    UnknownPeer,
    /// The sender belongs to another cluster.
    OtherCluster,
    /// It was meant for another data folder of this node: the one in use was emptied or replaced.
    OtherIncarnation,
    /// An answer of a data folder that the member list has no more, or not yet.
    OldIncarnation,
    /// Its epoch is so far above the promise that no elections can have led there.
    EpochOutOfReach,
}

impl Rejection {
    /// The code for machines and the trace; fixed.
    pub const fn code(self) -> &'static str {
        match self {
            Rejection::OtherNode => "other-node",
            Rejection::UnknownPeer => "unknown-peer",
            Rejection::OtherCluster => "other-cluster",
            Rejection::OtherIncarnation => "other-incarnation",
            Rejection::OldIncarnation => "old-incarnation",
            Rejection::EpochOutOfReach => "epoch-out-of-reach",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ChainCheck {
    Whole,
    /// The first entry whose digest is not what its content says.
    Broken(LogPoint),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Answer {
    /// Committed and applied: the entry of the request, and what applying it came to. For a retry the outcome is that of
    /// the first attempt, with the place of its entry.
    Applied {
        entry: LogPoint,
        applied: Applied,
    },
    /// The injected entries are durable, up to this one.
    Injected(LogPoint),
    /// The newest snapshot reaches to this entry, and may be read.
    Snapshot(LogPoint),
    /// The final database may be read now: it holds all that was confirmed before the read was asked.
    Readable,
    Done,
    /// This node does not lead; that one does, as far as it knows.
    Forward(NodeId),
    /// Definitely not done.
    Refused(Refusal),
    /// It may or may not happen: the leader stepped down with the entry in its log.
    Unknown,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Refusal {
    /// No leader is known.
    NoLeader,
    /// The leader stepped down before it could answer a read.
    SteppedDown,
    /// Too much is waiting to be committed.
    Overloaded,
    /// `Stand`: the log is not empty any more, elections take care of themselves.
    NotFresh,
    /// `Transfer`: one is under way already.
    TransferUnderWay,
    /// `Transfer`: the cluster has no such voter. `ChangeMembers`: no such member.
    NoMember,
    /// `Transfer`: a learner counts in no majority and cannot lead.
    Learner,
    /// `Transfer`: no replica was heard lately.
    NobodyLive,
    /// `Transfer`: this node was started a moment ago, and votes for nobody yet.
    JustStarted,
    /// `Transfer`: the target did not come to lead in time.
    TransferFailed,
    /// `ChangeMembers`: no entry of the leader's own epoch is committed yet, so another list may still be on its way.
    NotSettled,
    /// `ChangeMembers`: an earlier change is not committed yet.
    ChangeUnderWay,
    /// `ChangeMembers`: a live node with another data folder has this id.
    IdInUse,
    /// `ChangeMembers`: it lacks entries still, or was not heard lately.
    NotCaughtUp,
    /// `ChangeMembers`: a cluster needs a voter.
    LastVoter,
    /// `ChangeMembers`: of the voters that would be left too few are heard to make a majority.
    QuorumAtRisk,
    /// `ChangeMembers`: there are as many members as a cluster may have.
    TooManyMembers,
    /// `Inject`: a leader's log is the truth; forged entries go to a replica.
    Leads,
    /// `Inject`: this node is standing for election.
    Standing,
    /// `Inject`: the log is empty, there is nothing that the entries could continue.
    EmptyLog,
    /// `Inject`: the epoch is below the log's last one or above the promise.
    EpochOutOfRange,
    /// `Inject`: too many forged entries at once.
    TooMany,
}

impl Refusal {
    /// The code for machines; fixed.
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
            Refusal::Leads => "leads",
            Refusal::Standing => "standing",
            Refusal::EmptyLog => "empty_log",
            Refusal::EpochOutOfRange => "epoch_out_of_range",
            Refusal::TooMany => "too_many",
        }
    }
}
