//! Snapshots, facts and events: what an observer of a node receives.

use std::borrow::Cow;

use crate::protocol::trace::{
    Belief, Event, Fact, FinalRow, Lab, LinkRule, MemberIds, NodeState, PendingMessage, Preview, RoleName, Value,
};
use crate::protocol::{ClusterId, LogPoint, NodeId, Time};
use crate::wire::convert::ids::{
    bytes16_to_wire, cluster, epoch, kind, node, number, optional_epoch, optional_node, optional_point, point, position,
};
use crate::wire::convert::{Malformed, pace, required, wrong, wrong_to_wire};
use crate::wire::note::Note;
use crate::wire::proto;

/// What an observer of a node receives, in order.
#[derive(Clone, PartialEq, Debug)]
pub enum Observation {
    /// The state at the beginning of the watch, and after events were lost.
    Snapshot(Box<NodeSnapshot>),
    /// Events without gaps, following the previous observation.
    Events(Vec<Event>),
    /// This many events were dropped because the observer was too slow. A snapshot follows.
    Lost(u64),
}

/// The core's state, with what the process around it adds.
#[derive(Clone, PartialEq, Debug)]
pub struct NodeSnapshot {
    /// The core's state, and what the lab has in force.
    pub snapshot: NodeState,
    /// The node's time, in microseconds.
    pub time: Time,
    /// The process id.
    pub pid: u32,
    /// Notes about the node's start: repairs, quarantine, lost folders.
    pub notes: Vec<Note>,
    /// Whether faults can be injected.
    pub lab: bool,
    /// The node's cluster; `None` until it belongs to one.
    pub cluster: Option<ClusterId>,
}

impl Observation {
    /// Converts an observation of the node `watched`; events on the wire do not name their node.
    pub fn from_wire(watched: NodeId, observation: proto::Observation) -> Result<Observation, Malformed> {
        use proto::observation::Observation as Wire;
        Ok(match observation.observation.ok_or(Malformed::Missing("observation"))? {
            Wire::Snapshot(snapshot) => Observation::Snapshot(Box::new(snapshot.try_into()?)),
            Wire::Events(events) => Observation::Events(
                events.events.into_iter().map(|event| event_from_wire(watched, event)).collect::<Result<_, _>>()?,
            ),
            Wire::Lost(lost) => Observation::Lost(lost.events),
        })
    }
}

impl From<Observation> for proto::Observation {
    fn from(observation: Observation) -> proto::Observation {
        use proto::observation::Observation as Wire;
        let observation = match observation {
            Observation::Snapshot(snapshot) => Wire::Snapshot((*snapshot).into()),
            Observation::Events(events) => {
                Wire::Events(proto::Events { events: events.iter().map(Into::into).collect() })
            }
            Observation::Lost(events) => Wire::Lost(proto::Lost { events }),
        };
        proto::Observation { observation: Some(observation) }
    }
}

impl From<NodeSnapshot> for proto::Snapshot {
    fn from(of: NodeSnapshot) -> proto::Snapshot {
        let snapshot = of.snapshot;
        proto::Snapshot {
            node: snapshot.node.0,
            role: proto::Role::from(snapshot.role).into(),
            epoch: snapshot.epoch.map(|epoch| epoch.0),
            leader: snapshot.leader.map(|leader| leader.0),
            tail: snapshot.tail.iter().map(Into::into).collect(),
            committed: snapshot.committed.map(Into::into),
            applied: snapshot.applied.map(Into::into),
            held: snapshot.held.map(Into::into),
            beliefs: snapshot.beliefs.iter().map(|(node, belief)| belief_to_wire(*node, belief)).collect(),
            event: snapshot.event,
            time_micros: of.time.0,
            pid: of.pid,
            notes: of.notes.iter().map(Into::into).collect(),
            lab: of.lab,
            rules: snapshot.lab.rules.iter().map(Into::into).collect(),
            frozen: snapshot.lab.frozen,
            pending: snapshot.lab.pending.iter().map(Into::into).collect(),
            wrong: wrong_to_wire(snapshot.lab.wrong),
            slowdown: snapshot.lab.pace.slowdown(),
            every: snapshot.lab.every,
            let_through: snapshot.lab.let_through,
            purged: snapshot.purged.map(Into::into),
            snapshot: snapshot.snapshot.map(Into::into),
            members: snapshot.members.map(members_to_wire),
            process: snapshot.process,
            sent: snapshot.sent,
            heard: snapshot
                .heard
                .iter()
                .map(|(node, process)| proto::PeerProcess { node: node.0, process: *process })
                .collect(),
            cluster: of.cluster.map(|cluster| bytes16_to_wire(&cluster.0)),
        }
    }
}

impl TryFrom<proto::Snapshot> for NodeSnapshot {
    type Error = Malformed;

    fn try_from(of: proto::Snapshot) -> Result<NodeSnapshot, Malformed> {
        let lab = Lab {
            rules: of.rules.into_iter().map(LinkRule::try_from).collect::<Result<_, _>>()?,
            pending: of.pending.into_iter().map(PendingMessage::try_from).collect::<Result<_, _>>()?,
            frozen: of.frozen,
            every: of.every,
            let_through: of.let_through,
            pace: pace(of.slowdown)?,
            wrong: wrong(of.wrong)?,
        };
        let snapshot = NodeState {
            node: node("node", of.node)?,
            role: role(of.role)?,
            epoch: optional_epoch("epoch", of.epoch)?,
            leader: optional_node("leader", of.leader)?,
            tail: of.tail.into_iter().map(Preview::try_from).collect::<Result<_, _>>()?,
            committed: optional_point(of.committed)?,
            applied: optional_point(of.applied)?,
            purged: optional_point(of.purged)?,
            snapshot: optional_point(of.snapshot)?,
            held: optional_point(of.held)?,
            beliefs: of.beliefs.into_iter().map(belief_from_wire).collect::<Result<_, _>>()?,
            members: of.members.map(members_from_wire).transpose()?,
            lab,
            event: number("event", of.event)?,
            process: of.process,
            sent: of.sent,
            heard: of
                .heard
                .into_iter()
                .map(|heard| Ok((node("heard", heard.node)?, heard.process)))
                .collect::<Result<_, Malformed>>()?,
        };
        Ok(NodeSnapshot {
            snapshot,
            time: Time(of.time_micros),
            pid: of.pid,
            notes: of.notes.into_iter().map(Note::try_from).collect::<Result<_, _>>()?,
            lab: of.lab,
            cluster: of.cluster.as_ref().map(cluster).transpose()?,
        })
    }
}

impl From<RoleName> for proto::Role {
    fn from(role: RoleName) -> proto::Role {
        match role {
            RoleName::Replica => proto::Role::Replica,
            RoleName::Candidate => proto::Role::Candidate,
            RoleName::Leader => proto::Role::Leader,
        }
    }
}

pub fn role(found: i32) -> Result<RoleName, Malformed> {
    match proto::Role::try_from(found) {
        Ok(proto::Role::Replica) => Ok(RoleName::Replica),
        Ok(proto::Role::Candidate) => Ok(RoleName::Candidate),
        Ok(proto::Role::Leader) => Ok(RoleName::Leader),
        _ => Err(Malformed::Meaningless { what: "role", found: i64::from(found) }),
    }
}

fn members_to_wire(of: MemberIds) -> proto::MemberIds {
    let numbers = |ids: Vec<NodeId>| ids.into_iter().map(|id| id.0).collect();
    proto::MemberIds { at: Some(of.at.into()), voters: numbers(of.voters), learners: numbers(of.learners) }
}

fn members_from_wire(of: proto::MemberIds) -> Result<MemberIds, Malformed> {
    let nodes = |ids: Vec<u64>| ids.into_iter().map(|id| node("members", id)).collect::<Result<_, _>>();
    Ok(MemberIds { at: required("at", of.at)?.try_into()?, voters: nodes(of.voters)?, learners: nodes(of.learners)? })
}

fn belief_to_wire(node: NodeId, belief: &Belief) -> proto::Belief {
    proto::Belief {
        node: node.0,
        matched: belief.matched.map(Into::into),
        next: belief.next.map(|position| position.0),
        snapshot_sent: belief.snapshot.map(|(sent, _)| sent),
        snapshot_bytes: belief.snapshot.map(|(_, bytes)| bytes),
    }
}

fn belief_from_wire(belief: proto::Belief) -> Result<(NodeId, Belief), Malformed> {
    let next = belief.next.map(|next| position("next", next)).transpose()?;
    let snapshot = belief.snapshot_sent.zip(belief.snapshot_bytes);
    Ok((node("node", belief.node)?, Belief { matched: optional_point(belief.matched)?, next, snapshot }))
}

impl From<&Preview> for proto::Preview {
    fn from(preview: &Preview) -> proto::Preview {
        proto::Preview {
            point: Some(preview.point.into()),
            kind: proto::EntryKind::from(preview.kind).into(),
            forged: preview.forged,
            key: preview.key.clone(),
            value: preview.value.clone(),
        }
    }
}

impl TryFrom<proto::Preview> for Preview {
    type Error = Malformed;

    fn try_from(preview: proto::Preview) -> Result<Preview, Malformed> {
        Ok(Preview {
            point: point("point", preview.point)?,
            kind: kind(preview.kind)?,
            forged: preview.forged,
            key: preview.key,
            value: preview.value,
        })
    }
}

impl From<FinalRow> for proto::FinalRow {
    fn from(row: FinalRow) -> proto::FinalRow {
        let FinalRow { key, value, value_bytes, entry } = row;
        proto::FinalRow { key, value, value_bytes, entry: Some(entry.into()) }
    }
}

impl TryFrom<proto::FinalRow> for FinalRow {
    type Error = Malformed;

    fn try_from(row: proto::FinalRow) -> Result<FinalRow, Malformed> {
        let proto::FinalRow { key, value, value_bytes, entry } = row;
        Ok(FinalRow { key, value, value_bytes, entry: required("entry", entry)?.try_into()? })
    }
}

impl From<&Event> for proto::Event {
    fn from(event: &Event) -> proto::Event {
        let fields = event
            .fact
            .fields()
            .into_iter()
            .map(|(name, value)| proto::Field { name: name.to_owned(), value: value_to_wire(value) });
        proto::Event {
            number: event.number,
            time_micros: event.time.0,
            name: event.fact.name().to_owned(),
            fields: fields.collect(),
        }
    }
}

/// Converts an event of the node `watched`. An unknown fact, or one that lacks a field, is refused by name.
pub(super) fn event_from_wire(watched: NodeId, event: proto::Event) -> Result<Event, Malformed> {
    let mut fields = Vec::with_capacity(event.fields.len());
    for field in event.fields {
        fields.push((field.name, value_from_wire(field.value)?));
    }
    let fact = Fact::from_fields(&event.name, &fields).ok_or_else(|| Malformed::Fact {
        number: event.number,
        name: event.name,
        fields: fields.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", "),
    })?;
    Ok(Event { node: watched, number: event.number, time: Time(event.time_micros), fact })
}

fn value_to_wire(value: Value) -> Option<proto::field::Value> {
    use proto::field::Value as Wire;
    Some(match value {
        Value::Number(number) => Wire::Number(number),
        Value::Text(text) => Wire::Text(text.into_owned()),
        Value::Node(node) => Wire::Node(node.0),
        Value::Epoch(epoch) => Wire::Epoch(epoch.0),
        Value::Entry(id) => Wire::Entry(id.into()),
        Value::Point(point) => Wire::Point(point.into()),
        Value::Numbers(numbers) => Wire::Numbers(proto::Numbers { numbers }),
        Value::Nodes(nodes) => Wire::Nodes(proto::Numbers { numbers: nodes.into_iter().map(|node| node.0).collect() }),
        Value::Rows(rows) => Wire::Rows(proto::FinalRows { rows: rows.into_iter().map(Into::into).collect() }),
        Value::Entries(entries) => Wire::Entries(proto::Previews { entries: entries.iter().map(Into::into).collect() }),
        Value::Nothing => return None,
    })
}

fn value_from_wire(value: Option<proto::field::Value>) -> Result<Value, Malformed> {
    use proto::field::Value as Wire;
    let Some(value) = value else { return Ok(Value::Nothing) };
    Ok(match value {
        Wire::Number(number) => Value::Number(number),
        Wire::Text(text) => Value::Text(Cow::Owned(text)),
        Wire::Node(id) => Value::Node(node("node", id)?),
        Wire::Epoch(found) => Value::Epoch(epoch("epoch", found)?),
        Wire::Entry(id) => Value::Entry(id.try_into()?),
        Wire::Point(point) => Value::Point(LogPoint::try_from(point)?),
        Wire::Numbers(numbers) => Value::Numbers(numbers.numbers),
        Wire::Nodes(nodes) => {
            Value::Nodes(nodes.numbers.into_iter().map(|id| node("nodes", id)).collect::<Result<_, _>>()?)
        }
        Wire::Rows(rows) => Value::Rows(rows.rows.into_iter().map(FinalRow::try_from).collect::<Result<_, _>>()?),
        Wire::Entries(previews) => {
            Value::Entries(previews.entries.into_iter().map(Preview::try_from).collect::<Result<_, _>>()?)
        }
    })
}
