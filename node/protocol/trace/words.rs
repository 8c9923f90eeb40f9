//! The fixed words that facts have for reasons and outcomes.
//!
//! A fact holds the word as text, because a recording of another version may have a word that this one lacks. Code
//! compares the field with a variant (`*why == ElectionReason::Silence`), never with a string of its own.

use crate::named::named;

named! {
    /// Why a push does not continue a log.
    pub enum Difference {
        /// The log ends before the entry that the push follows.
        PrevMissing = "prev-missing",
        /// It has another entry in that place.
        PrevDiffers = "prev-differs",
        /// An entry of the push stands in the place of another one.
        EntryDiffers = "entry-differs",
    }

    /// Why a log was cut ([`Fact::Truncated`](crate::trace::Fact::Truncated)).
    pub enum TruncationReason {
        /// An entry of a push stands in the place of another one.
        Conflict = "conflict",
        /// The leader pushes again from the sync point.
        Resync = "resync",
        /// The node starts an election, and forged entries must not count in it.
        ForgedDropped = "forged-dropped",
    }

    /// How the leader found the sync point ([`Fact::Resynced`](crate::trace::Fact::Resynced)).
    pub enum SyncedBy {
        /// By comparing the epochs of both logs.
        Runs = "runs",
        /// It is the replica's last committed entry.
        Committed = "committed",
    }

    /// Why an election begins ([`Fact::TimedOut`](crate::trace::Fact::TimedOut)).
    pub enum ElectionReason {
        /// No leader was heard for an election timeout.
        Silence = "silence",
        /// There is evidence that the process of the leader has ended.
        LeaderGone = "leader-gone",
        /// A person asked for it.
        Asked = "asked",
        /// The leader hands over to this node.
        Transfer = "transfer",
        /// A voter has promised a greater epoch: the node asks again above it.
        GreaterPromise = "greater-promise",
    }

    /// The kind of a vote ([`Fact::Granted`](crate::trace::Fact::Granted)).
    pub enum VoteKind {
        /// Whether the voter would vote; promises nothing (Raft dissertation, section 9.6).
        PreVote = "pre-vote",
        /// The vote of an epoch; the voter persists it before it answers.
        Vote = "vote",
    }

    /// Why a vote or pre-vote was refused ([`Fact::VoteRefused`](crate::trace::Fact::VoteRefused)).
    pub enum VoteRefusal {
        /// The voter hears a leader.
        LeaderAlive = "leader-alive",
        /// The voter restarted a moment ago, and may owe a leader with a lease the promise not to vote.
        JustStarted = "just-started",
        /// The epoch of a pre-vote is not above the voter's promise.
        EpochNotGreater = "epoch-not-greater",
        /// The candidate's last entry is before the voter's (Raft paper, section 5.4.1).
        LogBehind = "log-behind",
        /// The voter has voted for another node in this epoch.
        VotedAlready = "voted-already",
    }

    /// Why a leader or candidate became a replica ([`Fact::SteppedDown`](crate::trace::Fact::SteppedDown)).
    pub enum StepDownReason {
        /// A message has a greater epoch.
        GreaterEpoch = "greater-epoch",
        /// The leader has not heard a quorum for an election timeout.
        NoQuorum = "no-quorum",
        /// The removal of the leader is committed.
        Removed = "removed",
        /// So many voters refused that no quorum is left, or a candidacy with manual elections timed out.
        LostElection = "lost-election",
        /// The candidate heard the leader of its epoch.
        LeaderFound = "leader-found",
    }

    /// How a leadership transfer ended ([`Fact::TransferEnded`](crate::trace::Fact::TransferEnded)).
    pub enum TransferOutcome {
        /// The target leads.
        Done = "done",
        /// Another node leads.
        AnotherLeads = "another-leads",
        /// The target did not start an election in time; the old leader continues.
        TimedOut = "timed-out",
        /// No leader is known in time.
        NoLeader = "no-leader",
    }

    /// Why a message was dropped, except for a [`Rejection`](crate::Rejection) by its receiver
    /// ([`Fact::Dropped`](crate::trace::Fact::Dropped)).
    pub enum DropReason {
        /// The queue of the link was full at the sender.
        NoRoom = "no-room",
        /// A rule of the gate cuts the link.
        Cut = "cut",
        /// A rule of the gate drops messages of this kind.
        LostOnPurpose = "lost-on-purpose",
        /// Another node leads this epoch already.
        SecondLeader = "second-leader",
        /// The ack is for an entry that the leader does not have there. The number is that of the push that was
        /// answered.
        AckOfAnotherLog = "ack-of-another-log",
        /// The commit order is for an entry that the replica does not have there.
        OrderOfAnotherLog = "order-of-another-log",
        /// A push differs where an earlier push of the same leader matched the log.
        LeaderContradictsItself = "leader-contradicts-itself",
        /// The entries of a push cannot follow each other in a log.
        Malformed = "malformed",
        /// A request to take over leadership names a last entry that this log does not have.
        LogDiffers = "log-differs",
    }

    /// What delivered a held message ([`Fact::MessageDelivered`](crate::trace::Fact::MessageDelivered)), or discarded
    /// it ([`Fact::MessageDiscarded`](crate::trace::Fact::MessageDiscarded)).
    pub enum HandledBy {
        /// A person did.
        Hand = "by-hand",
        /// The end of its delay.
        Due = "due",
        /// Too many messages were held: the oldest is discarded.
        NoRoom = "no-room",
    }
}
