//! The facts of the trace: one for each rule that fires, with the numbers that were compared. The ids of the rules are
//! those of the protocol's table.
//!
//! Each fact is declared once. The table gives it a struct-like variant, its rule id, its fields by name and the way
//! back from them. The wire, recordings and expected traces of tests need no code for single facts.
//!
//! A field that was added later is an `Option`, or says `= default`, so that recordings of older versions still open.

use std::borrow::Cow;
use std::fmt;

use crate::trace::value::{Field, FinalRow, Preview, Value};
#[cfg(doc)]
use crate::trace::{
    Difference, DropReason, ElectionReason, HandledBy, RoleName, StepDownReason, SyncedBy, TransferOutcome,
    TruncationReason, VoteKind, VoteRefusal,
};
use crate::types::{EntryId, Epoch, LogPoint, NodeId};

type Text = Cow<'static, str>;

macro_rules! facts {
    ($($(#[$doc:meta])* $rule:ident $name:ident { $($field:ident: $type:ty $(= $default:expr)?),* $(,)? })*) => {
        /// What happened at a node, one variant for each event of a rule.
        ///
        /// A field has the same meaning in all facts:
        ///
        /// | field | meaning |
        /// | --- | --- |
        /// | `from`, `to` | sender and receiver of a message, or the node that an action concerns |
        /// | `number`, `answers` | the number of the message; the number of the message that it answers |
        /// | `kind` | the kind of message ([`crate::Message::kind`]), of vote or of member |
        /// | `why`, `what`, `how`, `outcome`, `by` | a fixed word; each fact lists its words |
        /// | `epoch`, `heard` | the epoch concerned; a greater epoch in a message |
        /// | `up_to`, `last` | the last entry concerned |
        /// | `mine`, `theirs` | the last genuine entries of voter and candidate |
        /// | `count`, `entries`, `rows`, `bytes` | how much; the content itself |
        /// | `resync`, `round` | the number of a resync; of a read round |
        #[derive(Clone, PartialEq, Eq, Hash, Debug)]
        // The fields are documented once, in the table above: most facts share them.
        #[allow(missing_docs)]
        pub enum Fact {
            $($(#[$doc])* $name { $($field: $type),* },)*
        }

        impl Fact {
            /// The names of all facts.
            pub const NAMES: &[&str] = &[$(stringify!($name)),*];

            /// The names of a fact's fields, in order; `None` if there is no such fact.
            pub fn fields_of(name: &str) -> Option<&'static [&'static str]> {
                match name {
                    $(stringify!($name) => Some(&[$(stringify!($field)),*]),)*
                    _ => None,
                }
            }

            /// The id of the rule in the protocol's table, such as `K1`.
            pub fn rule(&self) -> &'static str {
                match self { $(Fact::$name { .. } => stringify!($rule),)* }
            }

            /// The name of the fact, such as `Committed`. With the fields it gives the fact back: see
            /// [`Fact::from_fields`].
            pub fn name(&self) -> &'static str {
                match self { $(Fact::$name { .. } => stringify!($name),)* }
            }

            /// The fields with their names, in order.
            pub fn fields(&self) -> Vec<(&'static str, Value)> {
                match self {
                    $(Fact::$name { $($field),* } => vec![$((stringify!($field), $field.to_value())),*],)*
                }
            }

            /// The fact of a name and fields. `None` if there is no such fact, if a field without a default is
            /// missing, or if a field is of another kind.
            pub fn from_fields(name: &str, fields: &[(String, Value)]) -> Option<Fact> {
                #[allow(unused_variables)]
                let field = |wanted: &str| {
                    fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone())
                };
                match name {
                    $(stringify!($name) => {
                        Some(Fact::$name { $($field: match field(stringify!($field)) {
                            Some(value) => <$type>::from_value(value)?,
                            None => facts!(@missing $type $(= $default)?),
                        }),* })
                    })*
                    _ => None,
                }
            }
        }
    };
    (@missing $type:ty = $default:expr) => { $default };
    (@missing $type:ty) => { <$type>::missing()? };
}

facts! {
    /// A message was handed to the network; `number` and the sender pair it with [`Fact::Received`]. `epoch` is the
    /// sender's promise, `about` the last entry that the message refers to, `entries` the number of entries in it,
    /// `bytes` the bytes of entries' bodies or of a snapshot.
    N1 Sent {
        to: NodeId,
        number: u64,
        kind: Text,
        epoch: Option<Epoch>,
        about: Option<EntryId>,
        entries: u64,
        bytes: u64 = 0,
    }
    /// A message was accepted and is about to be handled.
    N2 Received { from: NodeId, number: u64, kind: Text }
    /// From now on the messages of `node` come from this process of it: its start time in microseconds of the Unix
    /// epoch. Emitted before the first message of each process. Watchers need it to pair messages across a restart.
    N4 PeerProcess { node: NodeId, process: u64 }
    /// A message was dropped; `why` is the code of a [`Rejection`](crate::Rejection), or a [`DropReason`].
    N3 Dropped { from: NodeId, to: NodeId, number: u64, kind: Text, why: Text }

    /// A write was passed on to the leader.
    L1 Forwarded { request: u64, to: NodeId }
    /// A write was refused; `why` is the code of a refusal.
    L2 WriteRefused { request: u64, why: Text }

    /// The leader gave each command its epoch and offset.
    P1 Proposed { entry: Vec<Preview> }
    /// Entries left for a replica: `count` of them, from `first` to `last`, after `prev`.
    P2 Pushed { to: NodeId, number: u64, prev: Option<EntryId>, first: EntryId, last: EntryId, count: u64, resync: u64 }

    /// A push matched: `entries` became intermediate data, `equal` were there already. Forged entries that the push
    /// confirmed are among `entries`, too: they have lost their mark. Also emitted for the first push of an epoch,
    /// even without entries: from then on the node follows this leader.
    C1 Consistent { from: NodeId, epoch: Epoch, number: u64, prev: Option<EntryId>, entries: Vec<Preview>, equal: u64 }
    /// A push does not continue the log; `what` is a [`Difference`]. `found` is this log's entry at that place; where
    /// `prev` is missing, its last entry.
    C2 Conflict { from: NodeId, number: u64, what: Text, expected: Option<LogPoint>, found: Option<LogPoint> }
    /// `count` entries from `from` on were deleted, `forged` of them marked as such. `committed` lies before them.
    /// `why` is a [`TruncationReason`].
    C3 Truncated {
        from: EntryId,
        count: u64,
        forged: u64,
        last: Option<EntryId>,
        committed: Option<EntryId>,
        why: Text,
    }
    /// A replica reported its log state; `epochs` is the number of epochs in it.
    C4 Reported {
        to: NodeId,
        answers: u64,
        resync: u64,
        last: Option<EntryId>,
        committed: Option<EntryId>,
        epochs: u64,
    }
    /// The leader pushes again after `sync`. `by` is a [`SyncedBy`]; `resent` is the number of entries.
    C5 Resynced { to: NodeId, sync: Option<LogPoint>, by: Text, resync: u64, resent: u64 }

    /// A replica's flush is done, and its ack left for the leader.
    A1 Acked { to: NodeId, up_to: Option<EntryId>, answers: u64 }
    /// An ack arrived, or the leader's own flush is done (`from` is itself). `matches` are the positions that match,
    /// in descending order; the one at place `quorum` is `commit`.
    A2 Counted { from: NodeId, up_to: Option<LogPoint>, matches: Vec<u64>, quorum: u64, commit: u64 }

    /// A quorum holds the entry: it and `count` entries in all become final everywhere.
    K1 Committed { up_to: LogPoint, count: u64 }
    /// A commit order left for a replica.
    K2 Ordered { to: NodeId, up_to: EntryId }
    /// `count` entries became final at this node.
    K3 Finalized { up_to: LogPoint, count: u64 }
    /// The changes of the final database by committed entries, emitted by a lab node directly before
    /// [`Fact::Finalized`]: each row written or deleted, in order. Empty if nothing changed. `keys` is the number of
    /// keys afterwards; `None` if there are too many to count.
    K3 FinalChanged { rows: Vec<FinalRow>, keys: Option<u64> }
    /// The present final database: its first rows, by key. A lab node emits it to each new watcher, after an installed
    /// snapshot, and instead of changes that are too many to list.
    K3 FinalRead { rows: Vec<FinalRow>, keys: Option<u64> }
    /// A commit order reaches beyond what this node has acked to the leader; the rest waits.
    K4 Held { from: NodeId, up_to: EntryId, confirmed: Option<EntryId> }

    /// A replica has evidence that the process of its leader has ended: the stream broke, and the address refuses
    /// connections.
    E1 LeaderGone { leader: NodeId }
    /// An election begins; `why` is an [`ElectionReason`]. A node that may not lead only keeps waiting.
    E1 TimedOut { why: Text }
    /// The node asks for pre-votes.
    E2 PreVoteAsked { epoch: Epoch, last: Option<EntryId> }
    /// The node asks for votes.
    E3 VoteAsked { epoch: Epoch, last: Option<EntryId> }
    /// A vote or pre-vote was granted; `kind` is a [`VoteKind`].
    E4 Granted { to: NodeId, kind: Text, epoch: Epoch, mine: Option<EntryId>, theirs: Option<EntryId> }
    /// A vote or pre-vote was refused; `kind` is a [`VoteKind`], `why` a [`VoteRefusal`].
    E5 VoteRefused { to: NodeId, kind: Text, epoch: Epoch, why: Text, mine: Option<EntryId>, theirs: Option<EntryId> }
    /// A quorum has voted for this node.
    E6 Elected { epoch: Epoch, votes: Vec<NodeId>, quorum: u64 }
    /// The new leader opened its epoch with `entry`. `committed` is the commit point that it inherits.
    E7 Opened { entry: LogPoint, committed: Option<LogPoint> }
    /// A leader or candidate (also for pre-votes) became a replica; `why` is a [`StepDownReason`]. `role` is the
    /// [`RoleName`] before: leader or candidate; empty in recordings of older versions.
    E8 SteppedDown { epoch: Epoch, why: Text, heard: Option<Epoch>, role: Text = "".into() }
    /// A replica learnt of a greater epoch and follows no leader of a smaller one from now on.
    E8 EpochLeft { epoch: Option<Epoch>, heard: Epoch }

    /// A leadership transfer begins; from now on writes wait. `why`: `asked`, `preferred`, `to-leave`.
    E9 TransferBegun { to: NodeId, why: Text }
    /// The target has every entry and was sent the request to start an election.
    E9 TransferSent { to: NodeId, last: EntryId }
    /// The transfer ended; `outcome` is a [`TransferOutcome`].
    E9 TransferEnded { to: NodeId, outcome: Text }

    /// Linearizable reads arrived; `round` is the round that will serve them.
    R1 ReadAsked { reads: u64, round: u64 }
    /// A quorum answered the round.
    R2 ReadConfirmed { round: u64, from: Vec<NodeId>, quorum: u64 }
    /// A lease is in force for another `left_micros` microseconds, so the leader answers the reads alone.
    R2 LeaseHeld { reads: u64, left_micros: u64 }
    /// Reads were answered after `applied`.
    R3 ReadAnswered { reads: u64, applied: Option<EntryId> }
    /// A quorum read was answered: the voters `asked` were asked, and `from` had applied what any of them had
    /// accepted.
    R3 QuorumAnswered { from: NodeId, asked: Vec<NodeId>, applied: Option<EntryId>, wanted: Option<EntryId> }
    /// None of the voters `asked` has applied `wanted` yet: voters are asked again.
    R4 QuorumDisagreed { asked: Vec<NodeId>, wanted: Option<EntryId> }
    /// Reads were refused; `why` is the code of a refusal.
    R5 ReadRefused { reads: u64, why: Text }

    /// A snapshot of the final database at `up_to` is durable; its file has `bytes` bytes.
    S1 SnapshotTaken { up_to: LogPoint, bytes: u64 }
    /// The log gave up `count` entries, up to `up_to`.
    S2 Compacted { up_to: LogPoint, count: u64 }
    /// A part of a snapshot left for a replica: `sent` of `bytes` so far.
    S3 SnapshotSent { to: NodeId, up_to: LogPoint, sent: u64, bytes: u64 }
    /// Final database and log were replaced by the snapshot; `dropped` entries of the log were removed.
    S4 SnapshotInstalled { up_to: LogPoint, dropped: u64 }

    /// The leader adds a node; `kind` is `joining` or `learner`. Also for a member whose data folder changes.
    M1 JoinAsked { node: NodeId, kind: Text }
    /// The added node has another data folder than before: acks of the old one count no longer.
    M1 FolderReplaced { node: NodeId }
    /// A learner has nearly every entry of the leader.
    M2 CaughtUp { node: NodeId, matched: Option<EntryId>, last: Option<EntryId> }
    /// A learner became a voter.
    M3 Promoted { node: NodeId }
    /// A member was removed.
    M4 Removed { node: NodeId }
    /// The list that the entry `at` has set is in force at this node from now on: because of a new entry, a truncation
    /// or a snapshot.
    M5 MembersSet { at: EntryId, voters: Vec<NodeId>, learners: Vec<NodeId> }

    /// A process was killed. Emitted by the program that starts and stops processes, as are the next three.
    F1 Killed { node: NodeId }
    /// A process was started again.
    F2 Restarted { node: NodeId }
    /// A process was paused.
    F3 Paused { node: NodeId }
    /// A paused process continues.
    F3 Resumed { node: NodeId }
    /// The link to a node was cut, in both directions.
    F4 LinkCut { with: NodeId }
    /// The link to a node was restored.
    F4 LinkHealed { with: NodeId }
    /// Messages of a kind are held at this node from now on.
    F5 HoldSet { kind: Text }
    /// Held messages of a kind were released, `messages` of them.
    F5 HoldReleased { kind: Text, messages: u64 }
    /// The gate holds a message. `what` describes it in short; `since` is the time in microseconds of the Unix epoch,
    /// which orders the messages that wait at several nodes.
    F5 MessageHeld { from: NodeId, to: NodeId, number: u64, kind: Text, what: Option<Text>, since: Option<u64> }
    /// A held message was released to the core.
    F5 MessageReleased { from: NodeId, to: NodeId, number: u64, kind: Text }
    /// Step mode began: the core's time stands still and arriving messages are held: with `every` all of them, without
    /// it all but those that change nothing.
    F5 StepOn { every: u64 = 0 }
    /// Step mode ended.
    F5 StepOff {}
    /// In step mode a message that changes nothing was delivered by itself: a heartbeat, its answer, a repeated ack or
    /// commit order.
    F5 MessageLetThrough { from: NodeId, to: NodeId, number: u64, kind: Text }
    /// A person let time pass in step mode, until a timer of this node fired (`fired`), or as long as elsewhere.
    F5 TimePassed { micros: u64, fired: u64 }
    /// Messages of a kind (`all`: of all kinds) from one node to the other are dropped from now on.
    F6 DropSet { from: NodeId, to: NodeId, kind: Text }
    /// A held message was discarded; `why` is [`HandledBy::Hand`] or [`HandledBy::NoRoom`].
    F6 MessageDiscarded { from: NodeId, to: NodeId, number: u64, kind: Text, why: Text }
    /// Messages of a kind are delayed from now on.
    F7 DelaySet { from: NodeId, to: NodeId, kind: Text, millis: u64 }
    /// Messages of a kind are delivered twice from now on.
    F7 DuplicateSet { from: NodeId, to: NodeId, kind: Text }
    /// The rules of this effect from one node to the other are lifted: for messages of this kind, or `all`.
    F7 RuleCleared { effect: Text, from: NodeId, to: NodeId, kind: Text }
    /// A held message is delivered automatically at `due`, in microseconds of the Unix epoch.
    F7 MessageDelayed { from: NodeId, to: NodeId, number: u64, kind: Text, millis: u64, due: u64 }
    /// A copy of a held message was added.
    F7 MessageDuplicated { from: NodeId, to: NodeId, number: u64, kind: Text }
    /// A held message was delivered; `why` is [`HandledBy::Hand`] or [`HandledBy::Due`].
    F7 MessageDelivered { from: NodeId, to: NodeId, number: u64, kind: Text, why: Text }
    /// From `at` on, in microseconds of the Unix epoch, the node's time passes `slowdown` times slower than real time.
    F11 PaceSet { slowdown: u64, at: u64 }
    /// A message is on its way for as long as the pace stretches its flight: from `since` until `due`, in microseconds
    /// of the Unix epoch.
    F11 MessageInFlight {
        from: NodeId,
        to: NodeId,
        number: u64,
        kind: Text,
        what: Option<Text>,
        since: u64,
        due: u64,
    }
    /// The stretched flight of a message is over, and nothing holds or drops it.
    F11 MessageArrived { from: NodeId, to: NodeId, number: u64, kind: Text }
    /// This node is faulty on purpose; emitted to each new watcher.
    F10 WrongNode { how: Text }
    /// The faulty node changed or injected a message; `how` says what it should have been and what it is.
    F10 Rewritten { from: NodeId, to: NodeId, number: u64, kind: Text, how: Text }
    /// The lab appended forged entries.
    F8 Injected { entries: Vec<Preview> }
    /// A write or flush failed; the node stops.
    F9 DiskError { text: Text }
    /// This node's data is not what it wrote: the node stops, and its folder is moved aside.
    F9 Damaged { text: Text }
    /// The previous data folder was damaged (`text`) and was moved aside; the node started with an empty one. Emitted
    /// to each new watcher, because no watcher is connected when a node finds the damage at its start.
    F9 Quarantined { text: Text }
}

/// `K1 Committed up_to=e1·o0#4f2a count=1`: rule, name, fields.
impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.rule(), self.name())?;
        self.fields().iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_comes_back_from_its_name_and_fields() {
        let fact = Fact::VoteRefused {
            to: NodeId(2),
            kind: "vote".into(),
            epoch: Epoch(3),
            why: "log-behind".into(),
            mine: Some(EntryId::new(2, 4)),
            theirs: None,
        };
        let fields: Vec<_> = fact.fields().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        assert_eq!(Fact::from_fields(fact.name(), &fields), Some(fact.clone()));
        assert_eq!(Fact::from_fields(fact.name(), &fields[1..]), None);
        assert_eq!(Fact::from_fields("Unknown", &fields), None);
    }

    #[test]
    fn a_field_that_a_recording_from_before_lacks_reads_as_its_default() {
        let (to, number, kind) = (NodeId(2), 7, "push".into());
        let sent = Fact::Sent { to, number, kind, epoch: Some(Epoch(1)), about: None, entries: 1, bytes: 40 };
        let fields: Vec<_> = sent.fields().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let without = |left_out: &[&str]| {
            let kept = fields.iter().filter(|(name, _)| !left_out.contains(&&name[..])).cloned();
            Fact::from_fields("Sent", &kept.collect::<Vec<_>>())
        };
        let read = without(&["bytes", "epoch"]);
        let (to, number, kind) = (NodeId(2), 7, "push".into());
        assert_eq!(read, Some(Fact::Sent { to, number, kind, epoch: None, about: None, entries: 1, bytes: 0 }));
        assert_eq!(without(&["entries"]), None, "a number without a default must be there");
        let spoiled = fields.iter().cloned().map(|(name, value)| match &name[..] {
            "bytes" => (name, Value::Text("many".into())),
            _ => (name, value),
        });
        let spoiled: Vec<_> = spoiled.collect();
        assert_eq!(Fact::from_fields("Sent", &spoiled), None, "a value of another kind is not a missing one");
    }

    #[test]
    fn a_fact_prints_rule_name_and_fields() {
        let fact = Fact::Ordered { to: NodeId(3), up_to: EntryId::new(1, 2) };
        assert_eq!(fact.to_string(), "K2 Ordered to=n3 up_to=e1·o2");
    }
}
