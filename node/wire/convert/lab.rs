//! Rules of the gate and messages that wait there.

use crate::protocol::NodeId;
use crate::protocol::trace::{Effect, LinkRule, MessageId, PendingMessage};
use crate::wire::convert::Malformed;
use crate::wire::convert::ids::{node, number, optional_node};
use crate::wire::proto;

impl From<&LinkRule> for proto::LinkRule {
    fn from(rule: &LinkRule) -> proto::LinkRule {
        proto::LinkRule {
            effect: rule.effect.name().to_owned(),
            from: rule.from.map(|NodeId(id)| id),
            to: rule.to.map(|NodeId(id)| id),
            kind: rule.kind.as_ref().map(|kind| kind.to_string()),
            millis: rule.effect.millis(),
        }
    }
}

impl TryFrom<proto::LinkRule> for LinkRule {
    type Error = Malformed;

    fn try_from(rule: proto::LinkRule) -> Result<LinkRule, Malformed> {
        let proto::LinkRule { effect: name, from, to, kind, millis } = rule;
        let Some(effect) = Effect::from_name(&name, millis) else {
            return Err(Malformed::Unheard { what: "effect", found: name });
        };
        let (from, to) = (optional_node("from", from)?, optional_node("to", to)?);
        Ok(LinkRule { effect, from, to, kind: kind.map(Into::into) })
    }
}

impl From<&PendingMessage> for proto::PendingMessage {
    fn from(message: &PendingMessage) -> proto::PendingMessage {
        proto::PendingMessage {
            from: message.id.from.0,
            to: message.id.to.0,
            number: message.id.number,
            kind: message.kind.to_string(),
            what: message.what.to_string(),
            since_micros: message.since,
            due_micros: message.due,
        }
    }
}

impl TryFrom<proto::PendingMessage> for PendingMessage {
    type Error = Malformed;

    fn try_from(message: proto::PendingMessage) -> Result<PendingMessage, Malformed> {
        let (from, to) = (node("from", message.from)?, node("to", message.to)?);
        let id = MessageId { from, to, number: number("number", message.number)? };
        Ok(PendingMessage {
            id,
            kind: message.kind.into(),
            what: message.what.into(),
            since: message.since_micros,
            due: message.due_micros,
        })
    }
}
