//! Rules of the gate, held messages, and ways to be faulty on purpose.

use crate::protocol::trace::{Effect, LinkRule, MessageId, Pace, PendingMessage, RuleSelection, Wrong};
use crate::protocol::{MessageKind, NodeId};
use crate::wire::convert::ids::{node, number, optional_node};
use crate::wire::convert::{Malformed, required};
use crate::wire::proto;

impl From<&LinkRule> for proto::LinkRule {
    fn from(rule: &LinkRule) -> proto::LinkRule {
        let effect = match rule.effect {
            Effect::Hold => proto::RuleEffect::Hold,
            Effect::Drop => proto::RuleEffect::Drop,
            Effect::Delay { .. } => proto::RuleEffect::Delay,
            Effect::Duplicate => proto::RuleEffect::Duplicate,
        };
        proto::LinkRule {
            effect: effect.into(),
            from: rule.from.map(|NodeId(id)| id),
            to: rule.to.map(|NodeId(id)| id),
            kind: rule.kind.map_or(proto::MessageKind::Unspecified, proto::MessageKind::from).into(),
            millis: rule.effect.millis(),
        }
    }
}

impl TryFrom<proto::LinkRule> for LinkRule {
    type Error = Malformed;

    fn try_from(rule: proto::LinkRule) -> Result<LinkRule, Malformed> {
        let (from, to) = (optional_node("from", rule.from)?, optional_node("to", rule.to)?);
        let kind = match proto::MessageKind::try_from(rule.kind) {
            Ok(proto::MessageKind::Unspecified) => None,
            _ => Some(kind(rule.kind)?),
        };
        let effect = match (proto::RuleEffect::try_from(rule.effect), rule.millis) {
            (Ok(proto::RuleEffect::Hold), None) => Effect::Hold,
            (Ok(proto::RuleEffect::Drop), None) => Effect::Drop,
            (Ok(proto::RuleEffect::Delay), Some(millis)) => Effect::Delay { millis },
            (Ok(proto::RuleEffect::Duplicate), None) => Effect::Duplicate,
            _ => return Err(Malformed::Meaningless { what: "effect", found: i64::from(rule.effect) }),
        };
        Ok(LinkRule { effect, from, to, kind })
    }
}

impl From<&RuleSelection> for proto::ClearRuleRequest {
    fn from(selection: &RuleSelection) -> proto::ClearRuleRequest {
        use proto::clear_rule_request::Selection;
        let selection = match selection {
            RuleSelection::Rule(rule) => Selection::Rule(rule.into()),
            RuleSelection::Link(a, b) => Selection::Link(proto::Link { a: a.0, b: b.0 }),
            RuleSelection::All => Selection::All(proto::All {}),
        };
        proto::ClearRuleRequest { selection: Some(selection) }
    }
}

impl TryFrom<proto::ClearRuleRequest> for RuleSelection {
    type Error = Malformed;

    fn try_from(request: proto::ClearRuleRequest) -> Result<RuleSelection, Malformed> {
        use proto::clear_rule_request::Selection;
        Ok(match required("selection", request.selection)? {
            Selection::Rule(rule) => RuleSelection::Rule(rule.try_into()?),
            Selection::Link(link) => RuleSelection::Link(node("a", link.a)?, node("b", link.b)?),
            Selection::All(proto::All {}) => RuleSelection::All,
        })
    }
}

macro_rules! kinds {
    ($($kind:ident),+ $(,)?) => {
        impl From<MessageKind> for proto::MessageKind {
            fn from(kind: MessageKind) -> proto::MessageKind {
                match kind { $(MessageKind::$kind => proto::MessageKind::$kind),+ }
            }
        }

        fn kind(found: i32) -> Result<MessageKind, Malformed> {
            match proto::MessageKind::try_from(found) {
                $(Ok(proto::MessageKind::$kind) => Ok(MessageKind::$kind),)+
                _ => Err(Malformed::Meaningless { what: "kind", found: i64::from(found) }),
            }
        }
    };
}

kinds! {
    Push, Heartbeat, Ack, RoundAnswer, LogState, CommitOrder, Refused, PreVote, PreVoteAnswer, Vote, VoteAnswer,
    Transfer, TransferAsked, Snapshot, SnapshotAck,
}

impl From<MessageId> for proto::MessageId {
    fn from(id: MessageId) -> proto::MessageId {
        proto::MessageId { from: id.from.0, to: id.to.0, number: id.number }
    }
}

impl TryFrom<proto::MessageId> for MessageId {
    type Error = Malformed;

    fn try_from(id: proto::MessageId) -> Result<MessageId, Malformed> {
        Ok(MessageId { from: node("from", id.from)?, to: node("to", id.to)?, number: number("number", id.number)? })
    }
}

impl From<&PendingMessage> for proto::PendingMessage {
    fn from(message: &PendingMessage) -> proto::PendingMessage {
        proto::PendingMessage {
            from: message.id.from.0,
            to: message.id.to.0,
            number: message.id.number,
            kind: proto::MessageKind::from(message.kind).into(),
            what: message.what.to_string(),
            since_micros: message.since,
            due_micros: message.due,
            in_flight: message.in_flight,
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
            kind: kind(message.kind)?,
            what: message.what.into(),
            since: message.since_micros,
            due: message.due_micros,
            in_flight: message.in_flight,
        })
    }
}

/// A node that says nothing of its pace is of an older version, which knows real time only.
pub fn pace(slowdown: u32) -> Result<Pace, Malformed> {
    let found = i64::from(slowdown);
    Pace::new(slowdown.max(1)).ok_or(Malformed::Meaningless { what: "slowdown", found })
}

/// `None` if the node is right.
pub fn wrong(found: i32) -> Result<Option<Wrong>, Malformed> {
    match proto::Wrong::try_from(found) {
        Ok(proto::Wrong::Unspecified) => Ok(None),
        Ok(proto::Wrong::SkipCheck) => Ok(Some(Wrong::SkipCheck)),
        Ok(proto::Wrong::CommitAlone) => Ok(Some(Wrong::CommitAlone)),
        Err(_) => Err(Malformed::Meaningless { what: "wrong", found: i64::from(found) }),
    }
}

pub fn wrong_to_wire(wrong: Option<Wrong>) -> i32 {
    let wrong = match wrong {
        None => proto::Wrong::Unspecified,
        Some(Wrong::SkipCheck) => proto::Wrong::SkipCheck,
        Some(Wrong::CommitAlone) => proto::Wrong::CommitAlone,
    };
    wrong.into()
}
