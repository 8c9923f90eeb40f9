//! Every rule that can fire, with the numbers that it compared. The rules' ids are those of the protocol's table.
//!
//! Each fact is declared once; the table gives it its struct-like variant, its rule id, its fields by name and the way
//! back from them, so that the wire, a recording and a test's expected trace need no code of their own.
//!
//! A field that a fact got later is an `Option` or says `= what it reads as where it is missing`: recordings from
//! before still open.

use std::borrow::Cow;
use std::fmt;

use crate::trace::value::{Field, FinalRow, Preview, Value};
use crate::types::{EntryId, Epoch, LogPoint, NodeId};

type Text = Cow<'static, str>;

macro_rules! facts {
    ($($(#[$doc:meta])* $rule:ident $name:ident { $($field:ident: $type:ty $(= $default:expr)?),* $(,)? })*) => {
        #[derive(Clone, PartialEq, Eq, Hash, Debug)]
        pub enum Fact {
            $($(#[$doc])* $name { $($field: $type),* },)*
        }

        impl Fact {
            /// The names of all facts.
            pub const NAMES: &[&str] = &[$(stringify!($name)),*];

            /// The names of a fact's fields; `None` if there is no such fact.
            pub fn fields_of(name: &str) -> Option<&'static [&'static str]> {
                match name {
                    $(stringify!($name) => Some(&[$(stringify!($field)),*]),)*
                    _ => None,
                }
            }

            /// The rule's id in the protocol's table, as `K1`.
            pub fn rule(&self) -> &'static str {
                match self { $(Fact::$name { .. } => stringify!($rule),)* }
            }

            /// The fact's name, as `Committed`; with the fields it gives the fact back.
            pub fn name(&self) -> &'static str {
                match self { $(Fact::$name { .. } => stringify!($name),)* }
            }

            pub fn fields(&self) -> Vec<(&'static str, Value)> {
                match self {
                    $(Fact::$name { $($field),* } => vec![$((stringify!($field), $field.to_value())),*],)*
                }
            }

            /// `None` if there is no fact of this name, or a field is missing that has no default, or of another kind.
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
    /// A message left; `number` and the sender pair it with [`Fact::Received`]. `epoch` is the sender's promise,
    /// `about` the last entry that the message speaks of, `entries` how many it carries, `bytes` how many bytes of
    /// entries' bodies or of a snapshot.
    N1 Sent { to: NodeId, number: u64, kind: Text, epoch: Option<Epoch>, about: Option<EntryId>, entries: u64, bytes: u64 = 0 }
    N2 Received { from: NodeId, number: u64, kind: Text }
    /// From now on the messages of `node` come from this process of it: when that started, in microseconds of the Unix
    /// epoch. Told before the first message of each process. A watcher needs it to pair messages across a restart.
    N4 PeerProcess { node: NodeId, process: u64 }
    /// A message was thrown away, and why.
    N3 Dropped { from: NodeId, to: NodeId, number: u64, kind: Text, why: Text }

    L1 Forwarded { request: u64, to: NodeId }
    L2 WriteRefused { request: u64, why: Text }

    /// The leader gave a command its `(epoch, offset)`.
    P1 Proposed { entry: Vec<Preview> }
    /// Entries left for a replica: `count` of them from `first` to `last`, after `prev`.
    P2 Pushed { to: NodeId, number: u64, prev: Option<EntryId>, first: EntryId, last: EntryId, count: u64, resync: u64 }

    /// `prev` matched: `entries` became intermediate data, `equal` were there already. Entries that were there and
    /// forged are among `entries` too: they have lost their mark. Also told for the first push of an epoch, which may
    /// be empty: from then on the node follows this leader.
    C1 Consistent { from: NodeId, epoch: Epoch, number: u64, prev: Option<EntryId>, entries: Vec<Preview>, equal: u64 }
    /// The push does not continue the log: `what` is `prev-missing`, `prev-differs` or `entry-differs`.
    /// `found` is what stands in that place here; where `prev` is missing, the last entry of the log.
    C2 Conflict { from: NodeId, number: u64, what: Text, expected: Option<LogPoint>, found: Option<LogPoint> }
    /// `count` entries from `from` on were deleted, `forged` of them marked so; what is committed lies before.
    /// `why` is `conflict`, `resync` or `forged-dropped`.
    C3 Truncated { from: EntryId, count: u64, forged: u64, last: Option<EntryId>, committed: Option<EntryId>, why: Text }
    C4 Reported { to: NodeId, answers: u64, resync: u64, last: Option<EntryId>, committed: Option<EntryId>, epochs: u64 }
    /// The leader sends again after `sync`; `by` is `runs` or `committed`, `resent` how many entries that is.
    C5 Resynced { to: NodeId, sync: Option<LogPoint>, by: Text, resync: u64, resent: u64 }

    A1 Acked { to: NodeId, up_to: Option<EntryId>, answers: u64 }
    /// An ack came (or the leader's own flush, `from` itself): the positions that match, greatest first; the
    /// `quorum`th of them is `commit`.
    A2 Counted { from: NodeId, up_to: Option<LogPoint>, matches: Vec<u64>, quorum: u64, commit: u64 }

    K1 Committed { up_to: LogPoint, count: u64 }
    K2 Ordered { to: NodeId, up_to: EntryId }
    K3 Finalized { up_to: LogPoint, count: u64 }
    /// What committed entries changed in the final database, told by a lab node just before [`Fact::Finalized`]: each
    /// row that was written or deleted, in order. Empty if the entries changed nothing. `keys` is how many keys the
    /// database has afterwards; `None` if they are too many to be counted.
    K3 FinalChanged { rows: Vec<FinalRow>, keys: Option<u64> }
    /// The final database as it is now: its first rows in the order of keys. A lab node tells it to each new watcher,
    /// after an installed snapshot, and in the place of changes that are too many to be told one by one.
    K3 FinalRead { rows: Vec<FinalRow>, keys: Option<u64> }
    /// The order reaches further than what this leader has confirmed here.
    K4 Held { from: NodeId, up_to: EntryId, confirmed: Option<EntryId> }

    /// Nobody led for an election timeout, or a person or the leader asked to stand, or a voter that was asked has
    /// promised as much to somebody (`why`: `silence`, `asked`, `transfer`, `greater-promise`). A node that may not
    /// lead goes on waiting.
    E1 TimedOut { why: Text }
    E2 PreVoteAsked { epoch: Epoch, last: Option<EntryId> }
    E3 VoteAsked { epoch: Epoch, last: Option<EntryId> }
    /// `kind` is `pre-vote` or `vote`; `mine` is this voter's last entry, `theirs` the candidate's.
    E4 Granted { to: NodeId, kind: Text, epoch: Epoch, mine: Option<EntryId>, theirs: Option<EntryId> }
    E5 VoteRefused { to: NodeId, kind: Text, epoch: Epoch, why: Text, mine: Option<EntryId>, theirs: Option<EntryId> }
    E6 Elected { epoch: Epoch, votes: Vec<NodeId>, quorum: u64 }
    /// `committed` is the commit point that the new leader inherits: what it has been ordered to make final so far.
    E7 Opened { entry: LogPoint, committed: Option<LogPoint> }
    /// A leader or candidate (also one that has only asked for pre-votes) is a replica again. `why`: `greater-epoch`,
    /// `no-quorum`, `removed`, `lost-election`, `leader-found`. `role` is what it was before: `leader`, `candidate`, or
    /// nothing in a recording from before there was this field.
    E8 SteppedDown { epoch: Epoch, why: Text, heard: Option<Epoch>, role: Text = "".into() }
    /// A replica heard of a greater epoch: it follows nobody of a smaller one any more.
    E8 EpochLeft { epoch: Option<Epoch>, heard: Epoch }

    /// The leader hands over; from now on writes wait. `why` is `asked`, `preferred` or `to-leave`.
    E9 TransferBegun { to: NodeId, why: Text }
    /// The target has everything and was told to stand.
    E9 TransferSent { to: NodeId, last: EntryId }
    /// `outcome`: `done`, `another-leads`, `timed-out` (the old leader leads on), `nobody-leads`.
    E9 TransferEnded { to: NodeId, outcome: Text }

    R1 ReadAsked { reads: u64, round: u64 }
    R2 ReadConfirmed { round: u64, from: Vec<NodeId>, quorum: u64 }
    /// A quorum votes for nobody else for so much longer: the leader answers alone.
    R2 LeaseHeld { reads: u64, left_micros: u64 }
    R3 ReadAnswered { reads: u64, applied: Option<EntryId> }
    /// A quorum read: the voters `asked` were asked, and `from` had applied what any of them had accepted.
    R3 QuorumAnswered { from: NodeId, asked: Vec<NodeId>, applied: Option<EntryId>, wanted: Option<EntryId> }
    /// None of the voters that were asked has applied `wanted` yet: they are asked again.
    R4 QuorumDisagreed { asked: Vec<NodeId>, wanted: Option<EntryId> }
    R5 ReadRefused { reads: u64, why: Text }

    /// A snapshot of the final database at `up_to` is durable; its file has so many bytes.
    S1 SnapshotTaken { up_to: LogPoint, bytes: u64 }
    /// The log gave up `count` entries, the last of them `up_to`.
    S2 Compacted { up_to: LogPoint, count: u64 }
    /// A part of a snapshot left for a replica: `sent` of `bytes` so far.
    S3 SnapshotSent { to: NodeId, up_to: LogPoint, sent: u64, bytes: u64 }
    /// The final database and the log are what the snapshot says; `dropped` entries of the log went for it.
    S4 SnapshotInstalled { up_to: LogPoint, dropped: u64 }

    /// The leader takes a node up; `kind` is `joining` or `learner`. Also for a member whose data folder or address is
    /// another.
    M1 JoinAsked { node: NodeId, kind: Text }
    /// The node that is taken up has another data folder than before: whatever the old one has acked counts for
    /// nothing.
    M1 FolderReplaced { node: NodeId }
    /// A learner has about everything that the leader has.
    M2 CaughtUp { node: NodeId, matched: Option<EntryId>, last: Option<EntryId> }
    M3 Promoted { node: NodeId }
    M4 Removed { node: NodeId }
    /// From now on the list that the entry `at` has set counts at this node; by a new entry, one that was truncated, or
    /// a snapshot.
    M5 MembersSet { at: EntryId, voters: Vec<NodeId>, learners: Vec<NodeId> }

    /// Told by whoever starts and stops processes, not by the node itself.
    F1 Killed { node: NodeId }
    F2 Restarted { node: NodeId }
    F3 Paused { node: NodeId }
    F3 Resumed { node: NodeId }
    F4 LinkCut { with: NodeId }
    F4 LinkHealed { with: NodeId }
    F5 HoldSet { kind: Text }
    F5 HoldReleased { kind: Text, messages: u64 }
    /// The gate keeps a message back. `what` is what it says, short; `since` when that was, in microseconds of the Unix
    /// epoch, so that what waits at several nodes has one order.
    F5 MessageHeld { from: NodeId, to: NodeId, number: u64, kind: Text, what: Option<Text>, since: Option<u64> }
    /// Nothing keeps it back any more: the core has it.
    F5 MessageReleased { from: NodeId, to: NodeId, number: u64, kind: Text }
    /// Step mode: the core's time stands still here, and every message that comes is held.
    F5 StepOn {}
    F5 StepOff {}
    /// In step mode a person let time go on here: until this node's timer ran out (`fired`), or as long as elsewhere.
    F5 TimePassed { micros: u64, fired: u64 }
    /// From now on messages of this kind (`all`: of all) are lost from one node to the other.
    F6 DropSet { from: NodeId, to: NodeId, kind: Text }
    /// A message that was kept back is thrown away. `why`: `by-hand`, or `no-room` for the oldest of too many.
    F6 MessageDiscarded { from: NodeId, to: NodeId, number: u64, kind: Text, why: Text }
    F7 DelaySet { from: NodeId, to: NodeId, kind: Text, millis: u64 }
    F7 DuplicateSet { from: NodeId, to: NodeId, kind: Text }
    /// A message that is kept back is delivered by itself, at `due` in microseconds of the Unix epoch.
    F7 MessageDelayed { from: NodeId, to: NodeId, number: u64, kind: Text, millis: u64, due: u64 }
    /// It is there once more.
    F7 MessageDuplicated { from: NodeId, to: NodeId, number: u64, kind: Text }
    /// `why`: `by-hand`, or `due` because its time has come.
    F7 MessageDelivered { from: NodeId, to: NodeId, number: u64, kind: Text, why: Text }
    /// This node is wrong on purpose; told to each new watcher.
    F10 WrongNode { how: Text }
    /// The wrong node has changed or made up a message: what it should have been and what it is.
    F10 Rewritten { from: NodeId, to: NodeId, number: u64, kind: Text, how: Text }
    F8 Injected { entries: Vec<Preview> }
    F9 DiskError { text: Text }
    /// What is on this node's disk is not what it wrote: it ends, and its folder is moved aside.
    F9 Damaged { text: Text }
    /// What this node had before was damaged (`text`): it lies aside, and the node has begun anew with an empty folder.
    /// Told to each new watcher, because whatever is found before a node listens nobody hears.
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
        assert_eq!(Fact::from_fields("Unheard", &fields), None);
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
        assert_eq!(Fact::from_fields("Sent", &spoiled), None, "one of another kind is no missing one");
    }

    #[test]
    fn a_fact_prints_rule_name_and_fields() {
        let fact = Fact::Ordered { to: NodeId(3), up_to: EntryId::new(1, 2) };
        assert_eq!(fact.to_string(), "K2 Ordered to=n3 up_to=e1·o2");
    }
}
