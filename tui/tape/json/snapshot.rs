//! A node's state as JSON, written and read.

use std::borrow::Cow;
use std::collections::BTreeMap;

use epoca::protocol::trace::{Belief, Lab, MemberIds, MessageId, NodeState, Pace, PendingMessage, RoleName, Wrong};
use epoca::protocol::{EntryId, Epoch, LogPoint, MessageKind, NodeId, Position};
use serde_json::{Map, Value, json};

use crate::tape::json::values::{point, preview, to_point, to_preview};

pub fn snapshot(of: &NodeState) -> Value {
    let optional = |at: &Option<LogPoint>| at.as_ref().map(point);
    let belief = |(node, belief): (&NodeId, &Belief)| {
        let next = belief.next.map(|next| next.0);
        json!({"node": node.0, "matched": optional(&belief.matched), "next": next, "snapshot": belief.snapshot})
    };
    json!({
        "role": of.role.name(),
        "epoch": of.epoch.map(|epoch| epoch.0),
        "leader": of.leader.map(|leader| leader.0),
        "tail": of.tail.iter().map(preview).collect::<Vec<_>>(),
        "committed": optional(&of.committed),
        "applied": optional(&of.applied),
        "purged": optional(&of.purged),
        "snapshot": optional(&of.snapshot),
        "held": optional(&of.held),
        "beliefs": of.beliefs.iter().map(belief).collect::<Vec<_>>(),
        "members": of.members.as_ref().map(members),
        "lab": lab(&of.lab),
        "event": of.event,
        "process": of.process,
        "sent": of.sent,
        "heard": of.heard.iter().map(|(node, process)| json!([node.0, process])).collect::<Vec<_>>(),
    })
}

/// `None` if a field is missing or has another type.
pub fn to_snapshot(node: NodeId, value: &Value) -> Option<NodeState> {
    let object = value.as_object()?;
    let role = object.get("role")?.as_str()?;
    Some(NodeState {
        node,
        role: RoleName::from_name(role)?,
        epoch: number(object, "epoch")?.map(Epoch),
        leader: number(object, "leader")?.map(NodeId),
        tail: object.get("tail")?.as_array()?.iter().map(to_preview).collect::<Option<_>>()?,
        committed: optional_point(object, "committed")?,
        applied: optional_point(object, "applied")?,
        purged: optional_point(object, "purged")?,
        snapshot: optional_point(object, "snapshot")?,
        held: optional_point(object, "held")?,
        beliefs: object.get("beliefs")?.as_array()?.iter().map(belief).collect::<Option<BTreeMap<_, _>>>()?,
        members: object.get("members").and_then(to_members),
        lab: to_lab(object.get("lab")?)?,
        event: number(object, "event")??,
        // Older recordings of format 1 do not have these fields.
        process: number(object, "process")?.unwrap_or(0),
        sent: number(object, "sent")?,
        heard: object.get("heard").and_then(to_heard).unwrap_or_default(),
    })
}

fn to_heard(value: &Value) -> Option<BTreeMap<NodeId, u64>> {
    let pair = |pair: &Value| Some((NodeId(pair.get(0)?.as_u64()?), pair.get(1)?.as_u64()?));
    value.as_array()?.iter().map(pair).collect()
}

fn members(of: &MemberIds) -> Value {
    let numbers = |ids: &[NodeId]| ids.iter().map(|id| id.0).collect::<Vec<_>>();
    let at = json!({"epoch": of.at.epoch.0, "offset": of.at.offset.0});
    json!({"at": at, "voters": numbers(&of.voters), "learners": numbers(&of.learners)})
}

fn to_members(value: &Value) -> Option<MemberIds> {
    let nodes = |name: &str| -> Option<Vec<NodeId>> {
        value.get(name)?.as_array()?.iter().map(|id| id.as_u64().map(NodeId)).collect()
    };
    let at = value.get("at")?;
    let at = EntryId::new(at.get("epoch")?.as_u64()?, at.get("offset")?.as_u64()?);
    Some(MemberIds { at, voters: nodes("voters")?, learners: nodes("learners")? })
}

/// The active faults at the node. Rules have the form in which they are typed.
fn lab(lab: &Lab) -> Value {
    let pending = lab.pending.iter().map(|PendingMessage { id, kind, what, since, due, in_flight }| {
        let (from, to, number, kind) = (id.from.0, id.to.0, id.number, kind.name());
        json!({
            "from": from, "to": to, "number": number, "kind": kind, "what": what, "since": since, "due": due,
            "in_flight": in_flight,
        })
    });
    json!({
        "rules": lab.rules.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "pending": pending.collect::<Vec<_>>(),
        "frozen": lab.frozen,
        "every": lab.every,
        "let_through": lab.let_through,
        "slowdown": lab.pace.slowdown(),
        "wrong": lab.wrong.map(Wrong::name),
    })
}

fn to_lab(value: &Value) -> Option<Lab> {
    let text = |value: &Value| value.as_str().map(|text| Cow::Owned(text.to_owned()));
    let pending = |value: &Value| {
        let node = |name: &str| value[name].as_u64().map(NodeId);
        let id = MessageId { from: node("from")?, to: node("to")?, number: value["number"].as_u64()? };
        let kind = MessageKind::from_name(value["kind"].as_str()?)?;
        let what = text(&value["what"])?;
        let (since, due) = (value["since"].as_u64()?, value["due"].as_u64());
        let in_flight = value["in_flight"].as_bool().unwrap_or(false);
        Some(PendingMessage { id, kind, what, since, due, in_flight })
    };
    // Older recordings of format 1 do not have these fields, nor a pace other than real time.
    let slowdown = value["slowdown"].as_u64().and_then(|slowdown| slowdown.try_into().ok());
    Some(Lab {
        every: value["every"].as_bool().unwrap_or(false),
        let_through: value["let_through"].as_u64().unwrap_or(0),
        pace: slowdown.and_then(Pace::new).unwrap_or_default(),
        rules: value["rules"].as_array()?.iter().map(|rule| rule.as_str()?.parse().ok()).collect::<Option<_>>()?,
        pending: value["pending"].as_array()?.iter().map(pending).collect::<Option<_>>()?,
        frozen: value["frozen"].as_bool()?,
        wrong: value["wrong"].as_str().and_then(Wrong::from_name),
    })
}

fn belief(value: &Value) -> Option<(NodeId, Belief)> {
    let object = value.as_object()?;
    let node = NodeId(object.get("node")?.as_u64()?);
    let snapshot = match object.get("snapshot") {
        None | Some(Value::Null) => None,
        Some(of) => Some((of[0].as_u64()?, of[1].as_u64()?)),
    };
    let (matched, next) = (optional_point(object, "matched")?, number(object, "next")?.map(Position));
    Some((node, Belief { matched, next, snapshot }))
}

/// The outer `None`: the field is neither a number nor absent.
fn number(object: &Map<String, Value>, name: &str) -> Option<Option<u64>> {
    match object.get(name) {
        None | Some(Value::Null) => Some(None),
        Some(value) => value.as_u64().map(Some),
    }
}

fn optional_point(object: &Map<String, Value>, name: &str) -> Option<Option<LogPoint>> {
    match object.get(name) {
        None | Some(Value::Null) => Some(None),
        Some(value) => to_point(value.as_object()?).map(Some),
    }
}
