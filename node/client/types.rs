//! The results of client operations: plain data, converted from the wire's messages.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::client::reason::Reason;
use crate::protocol::trace::{LinkRule, Pace, RoleName, Wrong};
use crate::protocol::{EntryId, Epoch, FeatureLevel, Incarnation, Kind, Listed, LogPoint, NodeId, Position};
use crate::wire::convert::{self, Malformed};
use crate::wire::note::Note;
use crate::wire::proto;
use crate::wire::refusal::DisksLost;

/// A confirmed write: committed by a majority and applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written {
    /// The entry of the write.
    pub id: EntryId,
    /// Its position in the log.
    pub position: Position,
    /// The revision of the database afterwards: that of the write, or of its last change; unchanged if it changed
    /// nothing.
    pub revision: u64,
}

/// The result of a compare-and-set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CompareAndSet {
    /// The value was written.
    Done(Written),
    /// Nothing was changed: the key is not as expected.
    NotEqual {
        /// The revision that wrote the present value; `None` if the key is absent.
        revision: Option<u64>,
        /// The value that this revision wrote; also `None` if the key was written again meanwhile.
        value: Option<Bytes>,
    },
}

/// A change in a batch, see [`Client::batch`](crate::client::Client::batch).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BatchChange {
    /// Sets a key to a value.
    Put {
        /// The key.
        key: Bytes,
        /// The new value.
        value: Bytes,
    },
    /// Removes a key.
    Delete {
        /// The key.
        key: Bytes,
    },
}

/// A committed change, as a watch gives it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changed {
    /// The key that changed.
    pub key: Bytes,
    /// `None` if the key was deleted.
    pub value: Option<Bytes>,
    /// The entry of the change.
    pub id: EntryId,
    /// The revision of the change.
    pub revision: u64,
}

/// What a read must include.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Consistency {
    /// Every write that was confirmed before the read began.
    #[default]
    Linearizable,
    /// The same, if all clocks run at about the same rate: a leader with a lease answers without asking the other
    /// nodes.
    Lease,
    /// The same, for single keys, without the leader: any node answers after it has asked this number of voters; 0 asks
    /// as few as suffice.
    Quorum(u32),
    /// What the node that is asked has applied.
    Local,
}

/// A node of the cluster, whether it answers or not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeStatus {
    /// Its id, n1 being 1.
    pub id: NodeId,
    /// `HOST:PORT`, as this client reaches it.
    pub address: String,
    /// Its status, or why it does not answer.
    pub reported: Result<Reported, Reason>,
}

/// The status of a node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reported {
    /// Its role.
    pub role: RoleName,
    /// The epoch that it has promised.
    pub epoch: Option<Epoch>,
    /// The leader that it follows; itself if it leads.
    pub leader: Option<NodeId>,
    /// The last entry of its log.
    pub last: Option<LogPoint>,
    /// The last entry that it knows to be committed.
    pub committed: Option<LogPoint>,
    /// The last entry that is applied to its final database.
    pub applied: Option<LogPoint>,
    /// The last entry that the log no longer has.
    pub purged: Option<LogPoint>,
    /// The last entry in the newest snapshot.
    pub snapshot: Option<LogPoint>,
    /// The process id.
    pub pid: u32,
    /// 16 bytes; `None` until the node belongs to a cluster.
    pub cluster: Option<Bytes>,
    /// Whether faults can be injected.
    pub lab: bool,
    /// The revision of its final database.
    pub revision: u64,
    /// User and system time of the process, in microseconds.
    pub cpu_micros: u64,
    /// What an operator should know: repairs at the start, quarantined data, lost disks.
    pub notes: Vec<Note>,
    /// The rules in force at its gate.
    pub rules: Vec<LinkRule>,
    /// Whether step mode is on.
    pub frozen: bool,
    /// How fast its time passes.
    pub pace: Pace,
    /// The number of held messages.
    pub pending: u64,
    /// How the node is faulty on purpose.
    pub wrong: Option<Wrong>,
    /// The time until its timer fires, in microseconds: the next heartbeat of a leader, otherwise an election.
    pub timer_micros: u64,
    /// Its data folder.
    pub incarnation: Option<Incarnation>,
    /// The member list in force at it; `None` until its log has one.
    pub members: Option<Listed>,
    /// Present if too few voters still have the data folder that the list names to elect a leader.
    pub disks_lost: Option<DisksLost>,
    /// The greatest feature level that the node supports; the level in force is in the member list.
    pub level_max: FeatureLevel,
}

/// One entry of a node's log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogLine {
    /// Id, position and digest.
    pub point: LogPoint,
    /// Whether the node knows the entry to be committed; otherwise it is intermediate.
    pub committed: bool,
    /// What kind of entry it is.
    pub kind: Kind,
    /// Only from lab nodes.
    pub key: Option<Bytes>,
    /// The value that the entry sets, from lab nodes only.
    pub value: Option<Bytes>,
    /// Whether the lab injected the entry.
    pub forged: bool,
    /// Session and sequence of a write in a session. Entries with the same two are attempts of one write; only the
    /// first is applied.
    pub write: Option<(u64, u64)>,
}

/// The processes of a local cluster, as their launcher sees them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Processes {
    /// The launcher's process id.
    pub launcher_pid: u32,
    /// The processes, by node.
    pub nodes: Vec<Process>,
    /// Whether faults can be injected.
    pub lab: bool,
    /// The executable has been rebuilt since the launcher started.
    pub rebuilt: bool,
    /// The faults in force.
    pub in_force: InForce,
}

/// What the launcher sets again when a node restarts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InForce {
    /// The rules of the gates.
    pub rules: Vec<LinkRule>,
    /// Whether step mode is on.
    pub frozen: bool,
    /// Whether step mode also holds the messages that change nothing.
    pub every: bool,
    /// How fast the nodes' time passes.
    pub pace: Pace,
    /// The nodes that are faulty on purpose, and how.
    pub wrong: BTreeMap<NodeId, Wrong>,
}

/// One process of a launcher.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Process {
    /// The node.
    pub id: NodeId,
    /// `HOST:PORT`, where it listens.
    pub address: String,
    /// The process id; `None` while no process runs.
    pub pid: Option<u32>,
    /// The data folder.
    pub data: String,
    /// What the process does now.
    pub state: ProcessState,
    /// Why it ended, if it ended by itself; otherwise empty.
    pub exit: String,
}

/// The state of a launcher's process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProcessState {
    /// The process runs.
    Running,
    /// The process is stopped by a signal until it is resumed.
    Paused,
    /// No process runs.
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
        // The client needs only the place of its write, so the digest may be absent. The revision comes in another
        // field.
        let id = EntryId::new(point.epoch, point.offset);
        if point.position == 0 {
            return Err(Malformed::Missing("position"));
        }
        Ok(Written { id, position: Position(point.position), revision: 0 })
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
            pace: convert::pace(status.slowdown)?,
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
            every: description.every,
            pace: convert::pace(description.slowdown)?,
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
