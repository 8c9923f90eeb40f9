//! Why a request was refused: one variant for each reason, with its details. The wire carries the code and the details;
//! the English text is made here, texts of other languages where they are shown.

use std::fmt;

use crate::protocol::trace::{LinkRule, MessageId};
use crate::protocol::{self, InvalidChange, KEY_BYTES_MAX, Limits, NodeId, VALUE_BYTES_MAX};
use crate::wire::proto;
use crate::wire::typed::typed;

typed! {
    /// Why a request was refused. It has changed nothing and will change nothing.
    ///
    /// | field | meaning |
    /// | --- | --- |
    /// | `node`, `peer`, `nodes`, `leader` | the node that was named, its peer, the nodes that exist, the leader |
    /// | `count`, `limit` | what the request has; the most or least that is allowed |
    /// | `revision`, `bound` | the revision that was asked for; the newest or oldest one that exists |
    /// | `voters`, `changed` | the number of voters; whether the list has ever changed |
    /// | `nodes`, `others` | of lost disks: the voters without their folders; those that may have theirs |
    /// | `subject`, `reason` | what the request was about; why it failed, as a text |
    /// | `rule`, `id`, `pid` | the fault rule; the message; the process id |
    #[allow(missing_docs, reason = "the fields are in the table above; a text says what its variant means")]
    #[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
    Refusal = Refusal, RefusalCode, code {
        #[error("the key is empty: give at least one byte")]
        EmptyKey = "empty_key" {}
        #[error("the key has {count} bytes, the limit is {KEY_BYTES_MAX} (4 KiB): use a shorter one")]
        KeyTooLarge = "key_too_large" { count: u64 }
        #[error("the value has {count} bytes, the limit is {VALUE_BYTES_MAX} (1 MiB): split it")]
        ValueTooLarge = "value_too_large" { count: u64 }
        #[error("the batch is empty: give at least one put or delete")]
        EmptyBatch = "empty_batch" {}
        #[error("keys and values together have more than 1 MiB, or there are more than 1024 changes: split it")]
        BatchTooLarge = "too_large" {}
        #[error("the request contains no change")]
        EmptyWrite = "empty_write" {}
        #[error("a compare-and-set must state what it expects: absent, a value or a revision")]
        NothingExpected = "nothing_expected" {}
        #[error("unknown consistency {count}: use linearizable, lease, quorum or local")]
        UnknownConsistency = "unknown_consistency" { count: u64 }
        #[error("quorum reads read a single key: use linearizable, lease or local here")]
        QuorumReadOfMany = "unknown_consistency" {}
        #[error(
            "a quorum read of {count} nodes is not possible: at least {limit} of {voters} voters must be asked{why}, \
             so that one of them has every confirmed write",
            why = if *.changed { ", a majority since the member list has changed once" } else { "" }
        )]
        WrongReplicas = "wrong_replicas" { count: u64, voters: u64, limit: u64, changed: bool }
        #[error(
            "revision {revision} does not exist yet: the newest is {bound}. Watch from {next} on, or without a \
             revision from the next change on",
            next = .bound + 1
        )]
        FutureRevision = "future_revision" { revision: u64, bound: u64 }
        #[error("changes from revision {revision} on are no longer kept: watch from {bound} on")]
        HistoryGone = "history_gone" { revision: u64, bound: u64 }
        #[error("a newer snapshot has replaced this one: begin again")]
        SnapshotGone = "snapshot_gone" {}
        #[error("the session of this write is forgotten, so a retry cannot be told from a new write: read the key")]
        SessionLost = "session_lost" {}
        #[error("the answer does not fit the request: please report it")]
        Internal = "internal" {}

        #[error("no leader is known: an election may be under way, or no majority is up; try again")]
        NoLeader = "no_leader" {}
        #[error("{leader} leads, but this node cannot reach it ({reason}): ask another node, or wait")]
        LeaderUnreachable = "no_leader" { leader: NodeId, reason: String }
        #[error("the leader changed {count} times before the request was answered: try again")]
        LeadersChanged = "no_leader" { count: u64 }
        #[error("the leader stepped down before it could answer: try again")]
        SteppedDown = "stepped_down" {}
        #[error("this node is no longer the leader; {leader} is, as far as it knows: ask there")]
        NotALeader = "not_a_leader" { leader: NodeId }
        #[error("this node is stopping: ask another one")]
        Stopping = "stopping" {}
        #[error("this node stopped before it could answer: ask another one")]
        Stopped = "stopping" {}

        #[error("too many requests wait at this node: try again a little later")]
        QueueFull = "overloaded" {}
        #[error("{limit} requests are in flight at this node: try again later")]
        RequestsFull = "overloaded" { limit: u64 }
        #[error("{mebibytes} MiB of writes are in flight at this node: try again later", mebibytes = .limit >> 20)]
        WritesFull = "overloaded" { limit: u64 }
        #[error("{mebibytes} MiB of answers at this node are unread: try again later", mebibytes = .limit >> 20)]
        AnswersFull = "overloaded" { limit: u64 }
        #[error("{limit} watches are open at this node: watch at another one, or end some")]
        WatchesFull = "overloaded" { limit: u64 }
        #[error("{limit} write streams are open at this node: use one for many writes")]
        WriteStreamsFull = "overloaded" { limit: u64 }
        #[error(
            "this node has the most open connections that it admits: use another node, use one connection for many \
             requests, or try again later"
        )]
        ConnectionsFull = "overloaded" {}
        #[error("too many backups of this node are being read: try again when one has ended")]
        BackupsFull = "overloaded" {}
        #[error("too many entries wait to be committed: try again when a majority follows")]
        CommitsFull = "overloaded" {}
        #[error("{leader} leads and is overloaded: {reason}")]
        LeaderOverloaded = "overloaded" { leader: NodeId, reason: String }
        #[error("{subject}: {reason}")]
        Overloaded = "overloaded" { subject: String, reason: String }

        #[error("this node is not a voter of this member list by its own log: ask another node")]
        NoVoter = "no_voter" {}
        #[error("this node belongs to no cluster yet: ask another one")]
        NoCluster = "not_founded" {}
        #[error("the cluster is not founded yet: no node leads")]
        NotFounded = "not_founded" {}
        #[error("the log is not empty: only the first election is started this way")]
        NotFresh = "not_fresh" {}
        #[error("a leadership transfer is in progress already: see `epoca status`")]
        TransferUnderWay = "transfer_under_way" {}
        #[error("the target did not become the leader in time: `epoca status` shows who leads")]
        TransferFailed = "transfer_failed" {}
        #[error("the cluster has no such member: see `epoca member list`")]
        NoMember = "no_member" {}
        #[error(
            "the node is a learner: it gets all data, but counts in no majority and cannot lead; `epoca member \
             promote` makes it a voter"
        )]
        Learner = "learner" {}
        #[error("no replica that could lead has answered lately: restart one first")]
        NobodyLive = "nobody_live" {}
        #[error("this node started a moment ago and starts no election yet: try again")]
        JustStarted = "just_started" {}
        #[error("the leader has not committed an entry of its epoch yet: try again when a majority follows")]
        NotSettled = "not_settled" {}
        #[error("another change of members is not committed yet: try again")]
        ChangeUnderWay = "change_under_way" {}
        #[error("a live node has this id, with another data folder: choose another id")]
        IdInUse = "id_in_use" {}
        #[error("the learner has not caught up, or has not answered lately: see `epoca member list`")]
        NotCaughtUp = "not_caught_up" {}
        #[error("a cluster needs a voter: add and promote another node first")]
        LastVoter = "last_voter" {}
        #[error(
            "the remaining voters that answer would be no majority: restart or remove those that are down first"
        )]
        QuorumAtRisk = "quorum_at_risk" {}
        #[error("the cluster has the largest number of members: remove one first")]
        TooManyMembers = "too_many_members" {}
        #[error(
            "a member runs an older version that does not know this kind of write: `epoca member list` shows which; \
             upgrade it first"
        )]
        FeatureLevel = "feature_level" {}
        #[error(
            "{node} supports feature levels up to {count}, and {limit} is in force in the cluster: use a newer epoca \
             for {node}"
        )]
        VersionTooOld = "feature_level" { node: NodeId, count: u64, limit: u64 }
        #[error("{count} is not a node id: ids start at 1")]
        BadNodeId = "bad_member" { count: u64 }
        #[error("{subject:?} is not an address: write HOST:PORT, as 127.0.0.1:7105")]
        BadMemberAddress = "bad_member" { subject: String }
        #[error("{subject} stands for every address of a machine: start {node} with --advertise and one of them")]
        UnspecifiedAddress = "bad_member" { subject: String, node: NodeId }
        #[error("the incarnation of a data folder has 16 bytes")]
        BadIncarnation = "bad_member" {}
        #[error("{node} belongs to another cluster: start it on an empty folder")]
        OtherCluster = "other_cluster" { node: NodeId }
        #[error("the node at {subject} belongs to another cluster: start it on an empty folder")]
        OtherClusterAt = "other_cluster" { subject: String }
        /// `nodes` run with another data folder than the list names; `others` may still have theirs.
        #[error("{}", disks_lost(.nodes, .others, *.voters))]
        DisksLost = "disks_lost" { nodes: Vec<NodeId>, others: Vec<NodeId>, voters: u64 }

        #[error("faults work only in a lab: start the nodes with --lab")]
        LabOnly = "lab_only" {}
        #[error("faults work only in a cluster that was started with --lab (`epoca demo` does)")]
        ClusterLabOnly = "lab_only" {}
        #[error("{reason}")]
        BadRule = "bad_rule" { reason: String }
        #[error("a hold concerns messages to this node from any sender: give no sender")]
        HoldBySender = "bad_rule" {}
        #[error("the rule `{rule}` does not concern the links of {node}")]
        RuleElsewhere = "bad_rule" { rule: LinkRule, node: NodeId }
        #[error("{node} has no link to {peer}: its links go to {}", names(.nodes, ", "))]
        NoLink = "unknown_node" { node: NodeId, peer: NodeId, nodes: Vec<NodeId> }
        #[error("a link connects two nodes, but {node} was named twice")]
        SameNode = "same_node" { node: NodeId }
        #[error("a held message can be delivered, discarded, delayed (with a time) or duplicated")]
        BadHandling = "bad_handling" {}
        #[error("no message {id} is held at {node}: `fault pending` lists the held ones")]
        NoSuchMessage = "no_such_message" { id: MessageId, node: NodeId }
        #[error("this node leads, and no push corrects a leader's log: inject into a replica")]
        Leads = "leads" {}
        #[error("this node is a candidate: try again when a leader is known")]
        Standing = "standing" {}
        #[error("the log of this node is empty: write something first")]
        EmptyLog = "empty_log" {}
        #[error("the epoch must be from that of the log's last entry up to the node's own: see `epoca status`")]
        EpochOutOfRange = "epoch_out_of_range" {}
        #[error("epochs start at 1")]
        EpochZero = "epoch_out_of_range" {}
        #[error("too many forged entries at once: the limit is {limit}")]
        TooMany = "too_many" { limit: u64 }

        #[error("there is no node {node}; the nodes are {}", names(.nodes, " "))]
        UnknownNode = "unknown_node" { node: NodeId, nodes: Vec<NodeId> }
        #[error("{node} is not running; `fault restart {number}` starts it", number = .node.0)]
        NotRunning = "not_running" { node: NodeId }
        #[error("{node} is paused already; `fault resume {number}` resumes it", number = .node.0)]
        Paused = "paused" { node: NodeId }
        #[error("{node} is not paused")]
        NotPaused = "not_paused" { node: NodeId }
        #[error("{node} was signalled but does not end: try again")]
        DoesNotEnd = "does_not_end" { node: NodeId }
        #[error(
            "the executable was rebuilt since the cluster started: restart the cluster, or its nodes would run two \
             versions"
        )]
        Rebuilt = "rebuilt" {}
        #[error("{node} cannot be started: {reason}")]
        NotStarted = "not_started" { node: NodeId, reason: String }
        #[error("{node} ended directly after its start: {reason}")]
        Ended = "ended" { node: NodeId, reason: String }
        #[error("{node} runs but does not answer yet: its pid is {pid}, its output is in {subject}")]
        NoAnswer = "no_answer" { node: NodeId, pid: u32, subject: String }
        #[error("unknown way to be faulty: use skip-check or commit-alone")]
        UnknownWrong = "unknown_wrong" {}
        #[error("the log of {node} has no committed entry to damage yet: write something first")]
        NothingStored = "nothing_stored" { node: NodeId }
        #[error(
            "{node} is the only node: with a damaged log it could get its data from no other node, and would end. \
             Start a cluster of more nodes"
        )]
        DamagedAlone = "damaged_alone" { node: NodeId }
        #[error("no bit of the log of {node} was flipped: {reason}")]
        NotDamaged = "not_damaged" { node: NodeId, reason: String }
        #[error("{node} was added or removed, but that could not be recorded for the next start: {reason}")]
        NotRemembered = "not_remembered" { node: NodeId, reason: String }
        #[error(
            "no launcher can start a node here: start one with `epoca node --join`, or give the address of one that \
             waits"
        )]
        NoLauncher = "no_launcher" {}

        #[error("{reason}")]
        Unreachable = "unreachable" { reason: String }
        #[error("{reason}")]
        TimedOut = "timed_out" { reason: String }
        #[error("{reason}")]
        UnknownOutcome = "unknown" { reason: String }

        #[error("{reason}")]
        Malformed = "malformed" { reason: String }
        #[error("{subject}: {reason}")]
        NotTaken = "not_taken" { subject: String, reason: String }
        #[error("the backup cannot be written: {reason}")]
        Disk = "disk" { reason: String }
    }
}

impl Refusal {
    /// With its English text, for people who call the service by hand.
    pub fn to_wire(&self) -> proto::Refusal {
        proto::Refusal { message: self.to_string(), ..self.into() }
    }

    /// Nothing was appended, and another node accepts the request, or this one later.
    pub const fn is_about_the_leader(&self) -> bool {
        matches!(
            self,
            Refusal::NoLeader {}
                | Refusal::LeaderUnreachable { .. }
                | Refusal::LeadersChanged { .. }
                | Refusal::SteppedDown {}
                | Refusal::NotALeader { .. }
                | Refusal::Stopping {}
                | Refusal::Stopped {}
        )
    }

    /// Nothing was done, because the node has too much in progress.
    pub const fn is_overload(&self) -> bool {
        matches!(
            self,
            Refusal::QueueFull {}
                | Refusal::RequestsFull { .. }
                | Refusal::WritesFull { .. }
                | Refusal::AnswersFull { .. }
                | Refusal::WatchesFull { .. }
                | Refusal::WriteStreamsFull { .. }
                | Refusal::ConnectionsFull {}
                | Refusal::BackupsFull {}
                | Refusal::CommitsFull {}
                | Refusal::LeaderOverloaded { .. }
                | Refusal::Overloaded { .. }
        )
    }

    /// The reason ends by itself, so the same change of members succeeds later: another change or a transfer is in
    /// progress, the leader is new, or the learner still catches up.
    pub const fn ends_by_itself(&self) -> bool {
        matches!(
            self,
            Refusal::ChangeUnderWay {}
                | Refusal::NotSettled {}
                | Refusal::TransferUnderWay {}
                | Refusal::NotCaughtUp {}
        )
    }
}

/// The refusal of an invalid change.
impl From<InvalidChange> for Refusal {
    fn from(why: InvalidChange) -> Refusal {
        match why {
            InvalidChange::EmptyKey => Refusal::EmptyKey {},
            InvalidChange::KeyTooLarge { bytes } => Refusal::KeyTooLarge { count: bytes as u64 },
            InvalidChange::ValueTooLarge { bytes } => Refusal::ValueTooLarge { count: bytes as u64 },
            InvalidChange::EmptyBatch => Refusal::EmptyBatch {},
            InvalidChange::TooLarge | InvalidChange::NotPutOrDelete => Refusal::BatchTooLarge {},
        }
    }
}

impl From<protocol::Refusal> for Refusal {
    fn from(refusal: protocol::Refusal) -> Refusal {
        use protocol::Refusal as Core;
        match refusal {
            Core::NoLeader => Refusal::NoLeader {},
            Core::SteppedDown => Refusal::SteppedDown {},
            Core::Overloaded => Refusal::CommitsFull {},
            Core::NotFresh => Refusal::NotFresh {},
            Core::TransferUnderWay => Refusal::TransferUnderWay {},
            Core::NoMember => Refusal::NoMember {},
            Core::Learner => Refusal::Learner {},
            Core::NobodyLive => Refusal::NobodyLive {},
            Core::JustStarted => Refusal::JustStarted {},
            Core::TransferFailed => Refusal::TransferFailed {},
            Core::NotSettled => Refusal::NotSettled {},
            Core::ChangeUnderWay => Refusal::ChangeUnderWay {},
            Core::IdInUse => Refusal::IdInUse {},
            Core::NotCaughtUp => Refusal::NotCaughtUp {},
            Core::LastVoter => Refusal::LastVoter {},
            Core::QuorumAtRisk => Refusal::QuorumAtRisk {},
            Core::TooManyMembers => Refusal::TooManyMembers {},
            Core::FeatureLevel => Refusal::FeatureLevel {},
            Core::Leads => Refusal::Leads {},
            Core::Standing => Refusal::Standing {},
            Core::EmptyLog => Refusal::EmptyLog {},
            Core::EpochOutOfRange => Refusal::EpochOutOfRange {},
            Core::TooMany => Refusal::TooMany { limit: Limits::default().injected_entries as u64 },
        }
    }
}

/// A quorum of the voters' data folders is lost. No leader can be elected, and no member can be added.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DisksLost {
    /// The voters that run with another data folder than the member list names.
    pub lost: Vec<NodeId>,
    /// The voters that may still have theirs.
    pub whole: Vec<NodeId>,
    /// The number of voters.
    pub voters: u64,
}

impl DisksLost {
    /// The number of voters with their folders that an election needs: a majority.
    pub fn needed(&self) -> u64 {
        self.voters / 2 + 1
    }
}

impl From<&DisksLost> for proto::DisksLost {
    fn from(of: &DisksLost) -> proto::DisksLost {
        let numbers = |nodes: &[NodeId]| nodes.iter().map(|node| node.0).collect();
        proto::DisksLost { lost: numbers(&of.lost), whole: numbers(&of.whole), voters: of.voters }
    }
}

impl From<proto::DisksLost> for DisksLost {
    fn from(of: proto::DisksLost) -> DisksLost {
        let nodes = |numbers: Vec<u64>| numbers.into_iter().map(NodeId).collect();
        DisksLost { lost: nodes(of.lost), whole: nodes(of.whole), voters: of.voters }
    }
}

impl From<DisksLost> for Refusal {
    fn from(DisksLost { lost, whole, voters }: DisksLost) -> Refusal {
        Refusal::DisksLost { nodes: lost, others: whole, voters }
    }
}

impl fmt::Display for DisksLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DisksLost { lost, whole, voters } = self;
        let listed = if whole.is_empty() { "none".to_owned() } else { names(whole, " ") };
        write!(
            f,
            "a quorum of disks is lost: {} run with another data folder than the member list names, and {} of {voters} \
             voters can be intact ({listed}) where {} are needed. No leader can be elected, and no node can be added. \
             No new cluster is founded, because confirmed writes may still be in the quarantined folders. Put back as \
             many folders as are missing, repaired (why.txt in each quarantine folder explains how), or restore a \
             backup into new folders with `epoca restore`",
            names(lost, " "),
            whole.len(),
            self.needed(),
        )
    }
}

fn disks_lost(lost: &[NodeId], whole: &[NodeId], voters: u64) -> String {
    DisksLost { lost: lost.to_vec(), whole: whole.to_vec(), voters }.to_string()
}

/// The names of nodes, separated by `between`.
pub fn names(nodes: &[NodeId], between: &str) -> String {
    nodes.iter().map(NodeId::to_string).collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_comes_back_from_the_wire_with_its_details() {
        let refusals = [
            Refusal::EmptyKey {},
            Refusal::KeyTooLarge { count: 5_000 },
            Refusal::NotALeader { leader: NodeId(2) },
            Refusal::NoLink { node: NodeId(1), peer: NodeId(9), nodes: vec![NodeId(2), NodeId(3)] },
            Refusal::WrongReplicas { count: 1, voters: 4, limit: 2, changed: true },
            Refusal::DisksLost { nodes: vec![NodeId(1)], others: Vec::new(), voters: 3 },
        ];
        for refusal in refusals {
            let wire = refusal.to_wire();
            assert_eq!(wire.message, refusal.to_string());
            assert_eq!(Refusal::try_from(wire), Ok(refusal));
        }
    }

    #[test]
    fn a_refusal_without_a_code_or_a_detail_is_malformed() {
        let lacks = |wire: proto::Refusal| assert!(Refusal::try_from(wire.clone()).is_err(), "{wire:?}");
        lacks(proto::Refusal::default());
        lacks(proto::Refusal { code: 9_999, ..Default::default() });
        lacks(proto::Refusal { leader: None, ..Refusal::NotALeader { leader: NodeId(2) }.to_wire() });
    }
}
