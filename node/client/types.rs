//! What a client gets: plain data, made from the wire's messages. Nothing here talks to anybody.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::client::reason::Reason;
use crate::protocol::trace::{LinkRule, RoleName, Wrong};
use crate::protocol::{EntryId, Epoch, FeatureLevel, Incarnation, Kind, Listed, LogPoint, NodeId, Position};
use crate::wire::convert::{self, Malformed};
use crate::wire::note::Note;
use crate::wire::proto;
use crate::wire::refusal::DisksLost;

/// A confirmed write: committed by a majority and applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written {
    pub id: EntryId,
    pub position: Position,
    /// Of the database afterwards: that of the write itself, of its last change, or of none if it changed nothing.
    pub revision: u64,
}

/// What a compare-and-set came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CompareAndSet {
    Done(Written),
    /// Nothing was changed: the key was last written by that revision, or is absent.
    NotEqual {
        revision: Option<u64>,
        /// What that revision wrote; `None` too if the key was written again meanwhile.
        value: Option<Bytes>,
    },
}

/// One change of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BatchChange {
    Put { key: Bytes, value: Bytes },
    Delete { key: Bytes },
}

/// A committed change that somebody watches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changed {
    pub key: Bytes,
    /// `None`: the key was deleted.
    pub value: Option<Bytes>,
    pub id: EntryId,
    pub revision: u64,
}

/// What a read must see.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Consistency {
    /// All that was confirmed before the read began.
    #[default]
    Linearizable,
    /// The same, if the nodes' clocks run at about the same speed: a leader with a lease answers without asking the
    /// others.
    Lease,
    /// Answered by any node that asks so many voters, without the leader; 0: as few as are enough. Sees all that was
    /// confirmed before, too. For single keys.
    Quorum(u32),
    /// What the asked node has made final so far.
    Local,
}

/// A final record, with where its last write stands in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    pub key: Bytes,
    pub value: Bytes,
    pub id: EntryId,
    pub create_revision: u64,
    pub revision: u64,
    /// How often the key was written since it was created.
    pub version: u64,
}

/// A node of the cluster, whether it answers or not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeStatus {
    pub id: NodeId,
    pub address: String,
    /// What it said of itself, or why it does not answer.
    pub reported: Result<Reported, Reason>,
}

/// What a node says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reported {
    pub role: RoleName,
    pub epoch: Option<Epoch>,
    pub leader: Option<NodeId>,
    pub last: Option<LogPoint>,
    pub committed: Option<LogPoint>,
    pub applied: Option<LogPoint>,
    /// The last entry that the log has given up.
    pub purged: Option<LogPoint>,
    /// The last entry that the newest snapshot holds.
    pub snapshot: Option<LogPoint>,
    pub pid: u32,
    /// 16 bytes; absent until the node belongs to a cluster.
    pub cluster: Option<Bytes>,
    pub lab: bool,
    pub revision: u64,
    /// User and system time of the process so far.
    pub cpu_micros: u64,
    pub notes: Vec<Note>,
    /// All that is in force at its gate.
    pub rules: Vec<LinkRule>,
    /// Step mode.
    pub frozen: bool,
    /// How many messages wait there.
    pub pending: u64,
    /// In which way it is wrong on purpose.
    pub wrong: Option<Wrong>,
    /// How much of its time goes by until its timer runs out: the next heartbeat of a leader, else an election.
    pub timer_micros: u64,
    /// Which data folder it is.
    pub incarnation: Option<Incarnation>,
    /// The member list in effect there; absent until its log holds one.
    pub members: Option<Listed>,
    /// Present if too few voters have the data folder that the list names to elect a leader.
    pub disks_lost: Option<DisksLost>,
    /// The greatest feature level that the node supports; the level in force is in the member list.
    pub level_max: FeatureLevel,
}

/// One entry of a node's log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogLine {
    pub point: LogPoint,
    pub committed: bool,
    pub kind: Kind,
    /// Only from lab nodes.
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub forged: bool,
    /// Session and sequence of a write in a session: entries with the same two are tries of one write, and only the
    /// first one counts.
    pub write: Option<(u64, u64)>,
}

/// The processes of a local cluster, as their launcher sees them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Processes {
    pub launcher_pid: u32,
    pub nodes: Vec<Process>,
    pub lab: bool,
    /// The executable was rebuilt since the start.
    pub rebuilt: bool,
    pub in_force: InForce,
}

/// What a launcher puts in force again when a node restarts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InForce {
    pub rules: Vec<LinkRule>,
    /// Step mode.
    pub frozen: bool,
    /// The nodes that are wrong on purpose, and how.
    pub wrong: BTreeMap<NodeId, Wrong>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Process {
    pub id: NodeId,
    pub address: String,
    pub pid: Option<u32>,
    pub data: String,
    pub state: ProcessState,
    /// Why it stopped, if it stopped by itself; else empty.
    pub exit: String,
}

/// What a process of the launcher does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProcessState {
    Running,
    Paused,
    Stopped,
}

impl ProcessState {
    /// The name for programs; fixed.
    pub const fn name(self) -> &'static str {
        match self {
            ProcessState::Running => "running",
            ProcessState::Paused => "paused",
            ProcessState::Stopped => "stopped",
        }
    }
}

impl From<ProcessState> for proto::ProcessState {
    fn from(state: ProcessState) -> proto::ProcessState {
        match state {
            ProcessState::Running => proto::ProcessState::Running,
            ProcessState::Paused => proto::ProcessState::Paused,
            ProcessState::Stopped => proto::ProcessState::Stopped,
        }
    }
}

impl TryFrom<proto::Point> for Written {
    type Error = Malformed;

    fn try_from(point: proto::Point) -> Result<Written, Malformed> {
        // Where a write stands is all that its client needs: the digest may be left out. The revision is told beside
        // it.
        let id = EntryId::new(point.epoch, point.offset);
        if point.position == 0 {
            return Err(Malformed::Missing("position"));
        }
        Ok(Written { id, position: Position(point.position), revision: 0 })
    }
}

impl From<proto::Record> for Record {
    fn from(record: proto::Record) -> Record {
        Record {
            key: record.key,
            value: record.value,
            id: EntryId::new(record.epoch, record.offset),
            create_revision: record.create_revision,
            revision: record.revision,
            version: record.version,
        }
    }
}

impl TryFrom<proto::StatusResponse> for Reported {
    type Error = Malformed;

    fn try_from(status: proto::StatusResponse) -> Result<Reported, Malformed> {
        Ok(Reported {
            role: convert::role(status.role)?,
            epoch: status.epoch.map(Epoch),
            leader: status.leader.map(NodeId),
            last: convert::optional_point(status.last)?,
            committed: convert::optional_point(status.committed)?,
            applied: convert::optional_point(status.applied)?,
            purged: convert::optional_point(status.purged)?,
            snapshot: convert::optional_point(status.snapshot)?,
            pid: status.pid,
            cluster: status.cluster,
            lab: status.lab,
            revision: status.revision,
            cpu_micros: status.cpu_micros,
            notes: status.notes.into_iter().map(Note::try_from).collect::<Result<_, _>>()?,
            disks_lost: status.disks_lost.map(Into::into),
            rules: status.rules.into_iter().map(LinkRule::try_from).collect::<Result<_, _>>()?,
            frozen: status.frozen,
            pending: status.pending,
            wrong: convert::wrong(status.wrong)?,
            timer_micros: status.timer_micros,
            incarnation: <[u8; 16]>::try_from(&status.incarnation[..]).ok().map(Incarnation),
            members: status.members.map(Listed::try_from).transpose()?,
            level_max: convert::level(status.level_max),
        })
    }
}

impl TryFrom<proto::LogLine> for LogLine {
    type Error = Malformed;

    fn try_from(line: proto::LogLine) -> Result<LogLine, Malformed> {
        let kind = match line.kind() {
            proto::EntryKind::Opening => Kind::Opening,
            proto::EntryKind::Command => Kind::Command,
            proto::EntryKind::Members => Kind::Members,
            proto::EntryKind::Unspecified => return Err(Malformed::Missing("kind")),
        };
        let committed = match line.state() {
            proto::EntryState::Committed => true,
            proto::EntryState::Intermediate => false,
            proto::EntryState::Unspecified => return Err(Malformed::Missing("state")),
        };
        let point = convert::optional_point(line.point)?.ok_or(Malformed::Missing("point"))?;
        let write = line.session.zip(line.sequence);
        Ok(LogLine { point, committed, kind, key: line.key, value: line.value, forged: line.forged, write })
    }
}

impl TryFrom<proto::NodeProcess> for Process {
    type Error = Malformed;

    fn try_from(node: proto::NodeProcess) -> Result<Process, Malformed> {
        let state = match node.state() {
            proto::ProcessState::Running => ProcessState::Running,
            proto::ProcessState::Paused => ProcessState::Paused,
            proto::ProcessState::Stopped => ProcessState::Stopped,
            proto::ProcessState::Unspecified => return Err(Malformed::Missing("state")),
        };
        let proto::NodeProcess { id, address, pid, data, exit, .. } = node;
        Ok(Process { id: NodeId(id), address, pid, data, state, exit })
    }
}

impl TryFrom<proto::ClusterDescription> for Processes {
    type Error = Malformed;

    fn try_from(description: proto::ClusterDescription) -> Result<Processes, Malformed> {
        let wrong = description.wrong.into_iter().map(|wrong| Ok((NodeId(wrong.node), convert::wrong(wrong.how)?)));
        let wrong: Vec<(NodeId, Option<Wrong>)> = wrong.collect::<Result<_, Malformed>>()?;
        let in_force = InForce {
            rules: description.rules.into_iter().map(LinkRule::try_from).collect::<Result<_, _>>()?,
            frozen: description.frozen,
            wrong: wrong.into_iter().filter_map(|(node, how)| Some((node, how?))).collect(),
        };
        Ok(Processes {
            launcher_pid: description.launcher_pid,
            nodes: description.nodes.into_iter().map(Process::try_from).collect::<Result<_, _>>()?,
            lab: description.lab,
            rebuilt: description.rebuilt,
            in_force,
        })
    }
}
