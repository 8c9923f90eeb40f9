//! The roles of a node, each with the state that belongs to it (Raft paper, figure 2, "volatile state").
//!
//! Nothing here is durable. A change of role replaces the value, which forgets everything about the old role at once.
//! What leads to a change is in `election.rs`; what a leader does with its progress records is in `push.rs`,
//! `resync.rs`, `commit.rs`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::base::SnapshotId;
use crate::io::ReadId;
use crate::membership::{Member, MemberKind};
use crate::message::{LogState, Push};
use crate::transfer::Transfer;
use crate::types::{Epoch, FeatureLevel, Incarnation, LogPoint, NodeId, Position, RequestId, Time};

/// What the node is at the moment.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Role {
    Follower(Follower),
    PreCandidate(PreCandidate),
    Candidate(Candidate),
    Leader(Leader),
}

/// A replica, with or without a leader that it knows.
///
/// Everything here is forgotten at a restart. Everything except the timer is forgotten at a new epoch: it describes
/// one leader's log, and the next leader's may differ.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Follower {
    /// The leader of the promised epoch, once a message of it arrived. An epoch has one leader, so it changes only
    /// from `None`.
    pub(super) leader: Option<NodeId>,
    /// The leader named this data folder in a message, so its member list has it. A node with an empty log accepts a
    /// founding entry that does not list it only if this is set; otherwise it could join a cluster that never invited
    /// it.
    pub(super) invited: bool,
    /// The time of the last message of this epoch's leader. Votes are refused for an election timeout after it.
    pub(super) heard: Option<Time>,
    /// There is evidence that the leader's process has ended, and no message of it came since. Votes are not refused
    /// for its sake then. Never set while this node owes a leader its patience: a lease rests on that.
    pub(super) leader_gone: bool,
    /// The time at which this node starts an election. Each message of the leader moves it forward.
    pub(super) deadline: Time,
    /// The election timeout of this attempt in microseconds, drawn once for each attempt.
    pub(super) timeout_micros: u64,
    /// The last entry up to which a push of this leader showed that both logs are equal.
    ///
    /// Invariant: within an epoch it only grows, and the log up to it is not truncated. A leader's log is append-only,
    /// so a later conflict at or before it means that the leader contradicts itself. An installed snapshot resets it.
    pub(super) matched: Option<LogPoint>,
    /// The last entry acked to this leader.
    ///
    /// Invariant: `acked ≤ matched`, and it was durable when the ack was built. Commit orders are obeyed only up to
    /// here: beyond it this log may differ from the leader's.
    pub(super) acked: Option<LogPoint>,
    /// An ack is due: a push matched and its entries are not all durable yet, or not acked yet. The ack leaves when the
    /// store is done. Set by every push that matches, cleared when `acked` reaches `matched`.
    pub(super) ack_owed: bool,
    /// The greatest commit order of this leader. It may reach beyond `acked`; the rest of it waits. Dropped at a new
    /// epoch, because the new leader repeats its orders.
    pub(super) ordered: Option<LogPoint>,
    /// The resync number of the last log state sent to this leader. Each number is reported once, and again only on a
    /// heartbeat: the leader ignores all reports of a number after the first.
    pub(super) reported: Option<u64>,
    /// The number of the latest push; an ack names it.
    pub(super) push: u64,
    /// The greatest read round that was answered to this leader. Each round is answered once, except on a heartbeat.
    pub(super) round: u64,
    /// A push that waits until entries older than the window are read from disk. At most one; later pushes meanwhile
    /// are dropped, and the leader repairs that like a lost message.
    pub(super) stashed: Option<Stashed>,
}

/// A push whose check needs entries from the disk.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Stashed {
    /// The read that it waits for; the result of any other read is not for this push.
    pub(super) read: ReadId,
    /// The number of the message that carried the push.
    pub(super) number: u64,
    pub(super) push: Push,
}

impl Follower {
    pub(super) fn new(leader: Option<NodeId>, now: Time, timeout_micros: u64) -> Follower {
        Follower {
            leader,
            invited: false,
            heard: None,
            leader_gone: false,
            deadline: now.plus_micros(timeout_micros),
            timeout_micros,
            matched: None,
            acked: None,
            ack_owed: false,
            ordered: None,
            reported: None,
            push: 0,
            round: 0,
            stashed: None,
        }
    }
}

/// A node that asks whether it would be elected (Raft thesis 9.6). It changes no promise, neither its own nor a
/// voter's, so a node that is cut off does not disturb the cluster with ever greater epochs.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct PreCandidate {
    /// The epoch for which it asks: the one after its promise. It promises it only when it asks for votes.
    pub(super) epoch: Epoch,
    /// The voters that would vote for it, itself among them.
    pub(super) granted: BTreeSet<NodeId>,
    /// In a first election: the voters that answered with an empty log, with their data folders. All are needed.
    /// Otherwise a voter with an emptied disk could found a second cluster.
    pub(super) empty: BTreeMap<NodeId, Founder>,
    /// The time at which it gives up and asks again.
    pub(super) deadline: Time,
}

/// A voter with an empty log, as it has answered the candidate of a first election.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Founder {
    pub(super) incarnation: Incarnation,
    pub(super) level: FeatureLevel,
}

/// A node that asks for votes in an epoch it has promised to itself.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Candidate {
    /// The promised epoch; answers for other epochs are ignored.
    pub(super) epoch: Epoch,
    /// The voters that granted their vote. Its own is added only when its promise is durable; without that it could
    /// lead, crash, forget its vote and help to elect another leader of the same epoch.
    pub(super) votes: BTreeSet<NodeId>,
    /// The voters that refused. Once too few are left to win, it becomes a replica at once instead of at the deadline.
    pub(super) refusals: BTreeSet<NodeId>,
    /// In a first election: the answer of each voter, for the founding member list. Empty otherwise.
    pub(super) founders: BTreeMap<NodeId, Founder>,
    /// The time at which it gives up and asks again.
    pub(super) deadline: Time,
}

/// The leader of one epoch.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Leader {
    /// The epoch that it leads. Equal to the promise's epoch as long as it leads.
    pub(super) epoch: Epoch,
    /// The position of the entry that opened this epoch. Acks commit nothing before it: an older entry on a majority
    /// may still be replaced (Raft paper 5.4.2, figure 8). It never changes.
    pub(super) opening: Position,
    /// One record for every member except this node, and for members that were removed and may not know it yet.
    pub(super) replicas: BTreeMap<NodeId, Progress>,
    /// Writes and changes of members that wait to be committed and applied, in the order of the log. Each leaves when
    /// its entry is applied, or is answered `Unknown` when this node steps down.
    pub(super) writes: VecDeque<(LogPoint, RequestId)>,
    /// Linearizable reads that wait.
    pub(super) reads: Reads,
    /// The time of the next heartbeat.
    pub(super) heartbeat_at: Time,
    /// The leadership transfer in progress, if there is one. While there is, new writes wait in it.
    pub(super) transfer: Option<Transfer>,
    /// The time before which leadership is not transferred by preference.
    pub(super) transfer_rest: Time,
    /// A transfer was sent, so another node may be elected without a timeout and while this one still hears a quorum.
    /// Its lease no longer excludes a second leader; it stays unusable for the rest of the epoch, even if the transfer
    /// fails.
    pub(super) lease_given_up: bool,
}

/// What the leader knows about one replica and has in flight to it (etcd raft's `Progress`).
///
/// `matched` is certain: nothing lowers it. `sent` is a guess: what the replica has if nothing was lost. A resync sets
/// it back to the sync point, an ack beyond it moves it forward. Both are entries of the leader's log.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Progress {
    /// The replica's kind in the member list in force. `None`: it was removed and is pushed to only so that it learns
    /// of its removal. Only `Voter` counts in a quorum.
    pub(super) kind: Option<MemberKind>,
    /// The data folder that the list names. Another folder under the same id gets a new record: it has none of the
    /// entries that the old one acked.
    pub(super) incarnation: Incarnation,
    /// The time at which a removed replica is dropped, even if it has not acknowledged its removal. `None` for
    /// members.
    pub(super) leaves: Option<Time>,
    /// The last entry that the replica acked in this epoch.
    ///
    /// Invariant: the replica holds the leader's log up to here, durably. It never decreases: acks are durable, and a
    /// replica never truncates what it acked within the epoch. Commits are counted with it; a value too large would
    /// confirm a write that a majority does not hold.
    pub(super) matched: Option<LogPoint>,
    /// The last entry that was sent; the next push starts after it. An ack beyond it moves it forward, a resync sets
    /// it to the sync point.
    pub(super) sent: Option<LogPoint>,
    /// Pushes without an ack, oldest first: position of their last entry, and weight in bytes. An ack removes those
    /// that it covers, a resync removes all.
    pub(super) in_flight: VecDeque<(Position, u64)>,
    /// The sum of the weights in `in_flight`. Pushing stops at a bound, so a slow replica costs the leader bounded
    /// memory.
    pub(super) in_flight_bytes: u64,
    /// The number of resyncs of this replica in this epoch. Pushes carry it, and log states with a smaller number are
    /// ignored: they describe a log that the resync has replaced.
    pub(super) resync: u64,
    /// The last position of the leader's log when the latest resync began. Pushes that start before it belong to the
    /// resync and may replace entries.
    pub(super) resync_to: u64,
    /// What the next push to this replica waits for.
    pub(super) waiting: Waiting,
    /// The time of the last message of this replica in this epoch. It decides whether the replica counts as live, and
    /// so whether the leader still has a quorum.
    pub(super) heard: Time,
    /// The greatest feature level that the replica supports, as it has told in this epoch. `None` until then: the level
    /// in force must not rise before the replica was heard.
    pub(super) level: Option<FeatureLevel>,
    /// The greatest read round that the replica answered. It only grows.
    pub(super) round: u64,
    /// The send time of the latest round for which the replica promised to vote for no other node for a while. A lease
    /// counts from it. The send time, not the time of the answer: it is the earliest moment from which the promise can
    /// run.
    pub(super) patient_since: Option<Time>,
    /// The position up to which entries are final at the replica, as its latest ack says. It may decrease: a restarted
    /// replica can have forgotten its commit point.
    pub(super) finalized: u64,
    /// The commit point at the previous heartbeat. If the replica is not final up to there by now, the order was lost
    /// and is sent again.
    pub(super) overdue: u64,
}

/// What prevents the leader from pushing to a replica.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Waiting {
    /// Nothing: entries are pushed as the bounds allow.
    Nothing,
    /// Entries older than the window are being read from the disk.
    Entries(ReadId),
    /// The sync point is being searched, and one of the leader's older entries is being read to compare digests.
    SyncPoint {
        /// The read in progress.
        read: ReadId,
        /// The log state that the search is about.
        report: LogState,
        /// Points of older entries that were read for this search.
        read_back: Vec<LogPoint>,
    },
    /// The replica needs a snapshot. None is ready, or another replica is receiving one.
    Turn,
    /// A snapshot is being sent to the replica.
    Snapshot(Sending),
}

/// A snapshot on its way to a replica, in parts. At most one part is unanswered.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Sending {
    /// The file that is sent.
    pub(super) snapshot: SnapshotId,
    /// The bytes that the replica has, as it reported. The next part starts here.
    pub(super) at: u64,
    /// The read of the next part. Its result is ignored if another read was started since.
    pub(super) reading: Option<ReadId>,
    /// The time at which the unanswered part was sent. `None`: the next part may be read. After an election timeout it
    /// counts as lost.
    pub(super) sent: Option<Time>,
    /// The time of the last progress. A replica without progress for too long loses its turn.
    pub(super) moved: Time,
}

impl Progress {
    /// The bytes of a snapshot that the replica has, and the total, while one is sent.
    pub(super) fn snapshot(&self) -> Option<(u64, u64)> {
        if let Waiting::Snapshot(sending) = &self.waiting { Some((sending.at, sending.snapshot.bytes)) } else { None }
    }

    /// The record of a member about which nothing is known but the list. `sent` is where the first push starts after.
    pub(super) fn new(member: &Member, sent: Option<LogPoint>, now: Time) -> Progress {
        Progress {
            kind: Some(member.kind),
            incarnation: member.incarnation,
            leaves: None,
            matched: None,
            sent,
            in_flight: VecDeque::new(),
            in_flight_bytes: 0,
            resync: 0,
            resync_to: 0,
            waiting: Waiting::Nothing,
            heard: now,
            level: None,
            round: 0,
            patient_since: None,
            finalized: 0,
            overdue: 0,
        }
    }
}

/// Linearizable reads that wait, by stage: not in a round yet, in the round in progress, confirmed but not applied.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Reads {
    /// The number of the latest round. It only grows.
    pub(super) round: u64,
    /// The send times of the latest rounds, for leases only. Older ones than a lease are forgotten: nothing follows
    /// from them.
    pub(super) sent: VecDeque<(u64, Time)>,
    /// Reads in the round in progress. They arrived before it was sent, so a quorum's answers to it prove that no other
    /// leader had been elected when they arrived.
    pub(super) asked: Vec<RequestId>,
    /// The round that `asked` waits for.
    pub(super) asked_round: u64,
    /// Reads that arrived after that round was sent. An answer to it proves nothing about them; they wait for the
    /// next.
    pub(super) unasked: Vec<RequestId>,
    /// Confirmed reads: the commit point at confirmation, and the requests. Answered once the final database has
    /// applied up to that position.
    pub(super) confirmed: VecDeque<(u64, Vec<RequestId>)>,
}

impl Reads {
    /// The number of reads at all stages, for the bound on waiting reads.
    pub(super) fn waiting(&self) -> usize {
        let confirmed: usize = self.confirmed.iter().map(|(_, requests)| requests.len()).sum();
        self.asked.len() + self.unasked.len() + confirmed
    }
}
