//! What a node is at the moment, with all that belongs to being it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::base::SnapshotId;
use crate::io::ReadId;
use crate::membership::{Member, MemberKind};
use crate::message::{LogState, Push};
use crate::transfer::Transfer;
use crate::types::{Epoch, Incarnation, LogPoint, NodeId, Position, RequestId, Time};

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Role {
    Follower(Follower),
    PreCandidate(PreCandidate),
    Candidate(Candidate),
    Leader(Leader),
}

/// A replica, with or without a leader that it knows. Everything here is forgotten at a restart and, but for the timer,
/// at a new epoch.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Follower {
    pub(super) leader: Option<NodeId>,
    /// The leader has named this very data folder: its member list has it.
    pub(super) invited: bool,
    /// When this epoch's leader was last heard.
    pub(super) heard: Option<Time>,
    /// When it stands for election if it hears of no leader.
    pub(super) deadline: Time,
    /// How long it waits; drawn anew for each attempt.
    pub(super) timeout_micros: u64,
    /// The greatest entry of which a push of this leader has shown that both logs are equal up to there.
    pub(super) matched: Option<LogPoint>,
    /// What was acked to this leader: the lesser of `matched` and what is durable.
    pub(super) acked: Option<LogPoint>,
    /// A push waits for its ack until its entries are durable.
    pub(super) ack_owed: bool,
    /// The furthest commit order of this leader.
    pub(super) ordered: Option<LogPoint>,
    /// The last resync number for which the log state was reported.
    pub(super) reported: Option<u64>,
    /// The number of the latest push.
    pub(super) push: u64,
    /// The latest round that was answered.
    pub(super) round: u64,
    /// A push that waits for entries older than the window to be read.
    pub(super) stashed: Option<Stashed>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Stashed {
    pub(super) read: ReadId,
    pub(super) number: u64,
    pub(super) push: Push,
}

impl Follower {
    pub(super) fn new(leader: Option<NodeId>, now: Time, timeout_micros: u64) -> Follower {
        Follower {
            leader,
            invited: false,
            heard: None,
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

/// Asks whether it would be elected; nothing of this is durable, nobody's state changes by it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct PreCandidate {
    /// The epoch that it would stand for.
    pub(super) epoch: Epoch,
    /// Who would vote for it, itself among them.
    pub(super) granted: BTreeSet<NodeId>,
    /// Who has answered with an empty log, and the incarnation of each: a first election needs them all.
    pub(super) empty: BTreeMap<NodeId, Incarnation>,
    pub(super) deadline: Time,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Candidate {
    pub(super) epoch: Epoch,
    /// Its own vote among them once the promise is durable.
    pub(super) votes: BTreeSet<NodeId>,
    pub(super) refusals: BTreeSet<NodeId>,
    /// In a first election: the incarnation of each voter.
    pub(super) incarnations: BTreeMap<NodeId, Incarnation>,
    pub(super) deadline: Time,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Leader {
    pub(super) epoch: Epoch,
    /// The entry that opened the epoch; nothing is committed by counting before it.
    pub(super) opening: Position,
    pub(super) replicas: BTreeMap<NodeId, Progress>,
    /// Writes that wait to be committed and applied, in the order of the log.
    pub(super) writes: VecDeque<(LogPoint, RequestId)>,
    pub(super) reads: Reads,
    pub(super) heartbeat_at: Time,
    pub(super) transfer: Option<Transfer>,
    /// Before this time nothing is handed over by preference.
    pub(super) transfer_rest: Time,
    /// A transfer was sent: another node may be elected while this one still hears everybody, so its lease is worth
    /// nothing for the rest of its epoch.
    pub(super) lease_given_up: bool,
}

/// What the leader knows of one replica and has under way to it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Progress {
    /// What the member list makes of it; `None`: it was removed, and is pushed to only so that it hears of it.
    pub(super) kind: Option<MemberKind>,
    pub(super) incarnation: Incarnation,
    /// When it is pushed to no longer, if it was removed.
    pub(super) leaves: Option<Time>,
    /// The last entry that the replica has acked in this epoch. Never lowered.
    pub(super) matched: Option<LogPoint>,
    /// The last entry that was sent: what the replica has if nothing is lost.
    pub(super) sent: Option<LogPoint>,
    /// Pushes not yet acked, oldest first: their last position and weight.
    pub(super) in_flight: VecDeque<(Position, u64)>,
    pub(super) in_flight_bytes: u64,
    /// How often the replica was resynced in this epoch.
    pub(super) resync: u64,
    /// Pushes that start at or before this position belong to the resync.
    pub(super) resync_to: u64,
    pub(super) waiting: Waiting,
    /// When the replica last said anything in this epoch.
    pub(super) heard: Time,
    /// The greatest round that it has answered.
    pub(super) round: u64,
    /// When the latest round was sent of which the replica has said that it votes for nobody for a while after it.
    pub(super) patient_since: Option<Time>,
    /// How far entries are final there, as it has said last.
    pub(super) finalized: u64,
    /// The commit point at the last heartbeat: an order that is not done by the next one is repeated.
    pub(super) overdue: u64,
}

/// What keeps the leader from pushing to a replica at once.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Waiting {
    Nothing,
    /// Entries older than the window are being read for it.
    Entries(ReadId),
    /// The sync point is being looked for; an older entry of our own is read to compare digests.
    SyncPoint {
        read: ReadId,
        report: LogState,
        looked: Vec<LogPoint>,
    },
    /// It needs a snapshot, and another replica is being sent one, or none is ready.
    Turn,
    /// It is being sent a snapshot.
    Snapshot(Sending),
}

/// A snapshot on its way to a replica, one part after the other.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Sending {
    pub(super) snapshot: SnapshotId,
    /// How much of it the replica has.
    pub(super) at: u64,
    /// The part from there on is being read.
    pub(super) reading: Option<ReadId>,
    /// The part from there on left at this time and is not answered yet.
    pub(super) sent: Option<Time>,
    /// When the replica last got further.
    pub(super) moved: Time,
}

impl Progress {
    /// How much of a snapshot has reached the replica, and of how many bytes.
    pub(super) fn snapshot(&self) -> Option<(u64, u64)> {
        if let Waiting::Snapshot(sending) = &self.waiting { Some((sending.at, sending.snapshot.bytes)) } else { None }
    }

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
            round: 0,
            patient_since: None,
            finalized: 0,
            overdue: 0,
        }
    }
}

/// Linearizable reads on their way through a round.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Reads {
    /// The latest round that was sent.
    pub(super) round: u64,
    /// When each of the latest rounds was sent; kept only as long as a lease may follow from it.
    pub(super) sent: VecDeque<(u64, Time)>,
    /// Came before `asked_round` was sent, wait for a quorum's answers to it.
    pub(super) asked: Vec<RequestId>,
    pub(super) asked_round: u64,
    /// Came after it: they wait for the next.
    pub(super) unasked: Vec<RequestId>,
    /// Confirmed; wait until this position is applied.
    pub(super) confirmed: VecDeque<(u64, Vec<RequestId>)>,
}

impl Reads {
    pub(super) fn waiting(&self) -> usize {
        let confirmed: usize = self.confirmed.iter().map(|(_, requests)| requests.len()).sum();
        self.asked.len() + self.unasked.len() + confirmed
    }
}
