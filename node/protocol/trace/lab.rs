//! The lab's effects on one node, as watchers see them: the rules in force at its gate, the messages that wait there,
//! stopped time, a node that is faulty on purpose.
//!
//! Only the description is here; the gate carries the rules out. The gate keeps its own rules with this same fold, so
//! that it and its watchers never differ.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::trace::Fact;
use crate::types::NodeId;

type Text = Cow<'static, str>;

/// The kind that stands for all kinds.
pub const ALL: &str = "all";

/// The ways in which a node can be faulty on purpose.
pub const WRONGS: [&str; 2] = ["skip-check", "commit-alone"];

/// The lab's state at one node.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lab {
    /// The rules in force.
    pub rules: Vec<LinkRule>,
    /// The held messages, in the order in which they arrived.
    pub pending: Vec<PendingMessage>,
    /// Step mode: timers stand still and every arriving message is held.
    pub frozen: bool,
    /// How this node is faulty on purpose; `None` if it is not.
    pub wrong: Option<Text>,
}

/// A rule for messages between nodes. A `None` matches everything.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct LinkRule {
    /// What happens to a message that matches.
    pub effect: Effect,
    /// The sender that it matches.
    pub from: Option<NodeId>,
    /// The receiver that it matches.
    pub to: Option<NodeId>,
    /// The kind that it matches, as [`crate::Message::kind`] names it.
    pub kind: Option<Text>,
}

/// What a rule does to a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Effect {
    /// Held until it is released.
    Hold,
    /// Dropped.
    Drop,
    /// Held for a fixed time, then delivered.
    Delay {
        /// The time in milliseconds.
        millis: u64,
    },
    /// Delivered twice.
    Duplicate,
}

/// Identifies a message. The sender counts its messages from the start of its process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MessageId {
    /// The sender.
    pub from: NodeId,
    /// The receiver.
    pub to: NodeId,
    /// The sender's number of the message.
    pub number: u64,
}

/// A message held at its receiver's gate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PendingMessage {
    /// Which message it is.
    pub id: MessageId,
    /// Its kind.
    pub kind: Text,
    /// A short description of its content.
    pub what: Text,
    /// The time at which it arrived, in microseconds of the Unix epoch.
    pub since: u64,
    /// The time at which it is delivered automatically, if at all.
    pub due: Option<u64>,
}

impl Lab {
    /// Applies one fact of node `me` to the state. Returns whether anything changed.
    pub fn fold(&mut self, me: NodeId, fact: &Fact) -> bool {
        match fact {
            Fact::HoldSet { kind } => self.set(LinkRule::new(Effect::Hold, None, Some(me), kind)),
            Fact::HoldReleased { kind, .. } => {
                let all = kind == ALL;
                self.rules.retain(|rule| rule.effect != Effect::Hold || !(all || rule.kind.as_ref() == Some(kind)));
            }
            Fact::LinkCut { with } => {
                self.set(LinkRule::new(Effect::Drop, Some(me), Some(*with), ALL));
                self.set(LinkRule::new(Effect::Drop, Some(*with), Some(me), ALL));
            }
            Fact::LinkHealed { with } => self.rules.retain(|rule| !rule.is_about_link(me, *with)),
            Fact::DropSet { from, to, kind } => self.set(LinkRule::new(Effect::Drop, Some(*from), Some(*to), kind)),
            Fact::DelaySet { from, to, kind, millis } => {
                self.set(LinkRule::new(Effect::Delay { millis: *millis }, Some(*from), Some(*to), kind));
            }
            Fact::DuplicateSet { from, to, kind } => {
                self.set(LinkRule::new(Effect::Duplicate, Some(*from), Some(*to), kind));
            }
            Fact::StepOn {} => self.frozen = true,
            Fact::StepOff {} => self.frozen = false,
            Fact::WrongNode { how } => self.wrong = Some(how.clone()),
            _ => return self.fold_message(fact),
        }
        true
    }

    fn fold_message(&mut self, fact: &Fact) -> bool {
        match fact {
            Fact::MessageHeld { from, to, number, kind, what, since } => {
                let id = MessageId { from: *from, to: *to, number: *number };
                let what = what.clone().unwrap_or_default();
                let message = PendingMessage { id, kind: kind.clone(), what, since: since.unwrap_or(0), due: None };
                self.pending.push(message);
            }
            Fact::MessageDelayed { from, to, number, due, .. } => {
                let id = MessageId { from: *from, to: *to, number: *number };
                if let Some(message) = self.pending.iter_mut().find(|message| message.id == id) {
                    message.due = Some(*due);
                }
            }
            Fact::MessageDuplicated { from, to, number, .. } => {
                let id = MessageId { from: *from, to: *to, number: *number };
                if let Some(at) = self.pending.iter().position(|message| message.id == id) {
                    let copy = PendingMessage { due: None, ..self.pending[at].clone() };
                    self.pending.push(copy);
                }
            }
            Fact::MessageReleased { from, to, number, .. }
            | Fact::MessageDelivered { from, to, number, .. }
            | Fact::MessageDiscarded { from, to, number, .. } => {
                let id = MessageId { from: *from, to: *to, number: *number };
                if let Some(at) = self.pending.iter().position(|message| message.id == id) {
                    self.pending.remove(at);
                }
            }
            _ => return false,
        }
        true
    }

    /// Adds a rule. It replaces one with the same effect and the same messages.
    fn set(&mut self, rule: LinkRule) {
        self.rules.retain(|known| !known.is_replaced_by(&rule));
        self.rules.push(rule);
    }

    /// The nodes that nothing from this node reaches.
    pub fn cut_off(&self, me: NodeId) -> Vec<NodeId> {
        let drops = |rule: &&LinkRule| rule.effect == Effect::Drop && rule.kind.is_none() && rule.from == Some(me);
        self.rules.iter().filter(drops).filter_map(|rule| rule.to).collect()
    }

    /// The nodes to which the link is cut in both directions.
    pub fn cuts(&self, me: NodeId) -> Vec<NodeId> {
        let back = |with: &NodeId| self.rules.contains(&LinkRule::new(Effect::Drop, Some(*with), Some(me), ALL));
        self.cut_off(me).into_iter().filter(back).collect()
    }

    /// The kinds of messages that are held.
    pub fn holds(&self) -> Vec<String> {
        let holds = self.rules.iter().filter(|rule| rule.effect == Effect::Hold);
        holds.map(|rule| rule.kind_name().to_owned()).collect()
    }
}

impl LinkRule {
    /// A rule; `kind` may be [`ALL`].
    pub fn new(effect: Effect, from: Option<NodeId>, to: Option<NodeId>, kind: &str) -> LinkRule {
        let kind = (kind != ALL).then(|| Cow::Owned(kind.to_owned()));
        LinkRule { effect, from, to, kind }
    }

    /// Whether the rule matches a message.
    pub fn fits(&self, from: NodeId, to: NodeId, kind: &str) -> bool {
        self.from.is_none_or(|wanted| wanted == from)
            && self.to.is_none_or(|wanted| wanted == to)
            && self.kind.as_ref().is_none_or(|wanted| wanted == kind)
    }

    /// The kind, or [`ALL`].
    pub fn kind_name(&self) -> &str {
        self.kind.as_deref().unwrap_or(ALL)
    }

    /// Whether the gate of this node has the rule. Messages are dropped at both ends; every other rule acts where they
    /// arrive.
    pub fn concerns(&self, node: NodeId) -> bool {
        self.to.is_none_or(|to| to == node) || (self.effect == Effect::Drop && self.from == Some(node))
    }

    /// Whether the rule matches only messages between these two nodes.
    pub fn is_about_link(&self, a: NodeId, b: NodeId) -> bool {
        let ends = (self.from, self.to);
        ends == (Some(a), Some(b)) || ends == (Some(b), Some(a))
    }

    /// Whether both rules have the same effect and match the same messages.
    pub fn is_replaced_by(&self, other: &LinkRule) -> bool {
        std::mem::discriminant(&self.effect) == std::mem::discriminant(&other.effect)
            && (self.from, self.to, &self.kind) == (other.from, other.to, &other.kind)
    }
}

impl Effect {
    /// The fixed name for machines.
    pub const fn name(self) -> &'static str {
        match self {
            Effect::Hold => "hold",
            Effect::Drop => "drop",
            Effect::Delay { .. } => "delay",
            Effect::Duplicate => "duplicate",
        }
    }

    /// The time of a delay in milliseconds.
    pub const fn millis(self) -> Option<u64> {
        match self {
            Effect::Delay { millis } => Some(millis),
            Effect::Hold | Effect::Drop | Effect::Duplicate => None,
        }
    }

    /// The effect of a name; `None` if the name, or the time with it, is not one.
    pub fn from_name(name: &str, millis: Option<u64>) -> Option<Effect> {
        Some(match (name, millis) {
            ("hold", None) => Effect::Hold,
            ("drop", None) => Effect::Drop,
            ("delay", Some(millis)) => Effect::Delay { millis },
            ("duplicate", None) => Effect::Duplicate,
            _ => return None,
        })
    }
}

/// `delay 1 3 ack 250`, `hold * 3 all`: the form in which a launcher gives a rule to a node at its start.
impl fmt::Display for LinkRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |node: Option<NodeId>| node.map_or("*".to_owned(), |node| node.0.to_string());
        write!(f, "{} {} {} {}", self.effect.name(), end(self.from), end(self.to), self.kind_name())?;
        self.effect.millis().map_or(Ok(()), |millis| write!(f, " {millis}"))
    }
}

impl FromStr for LinkRule {
    type Err = String;

    fn from_str(text: &str) -> Result<LinkRule, String> {
        let wrong = || format!("`{text}` is no rule: write EFFECT FROM TO KIND, as hold * 3 commit-order");
        let words: Vec<&str> = text.split_whitespace().collect();
        let [effect, from, to, kind, ref millis @ ..] = words[..] else { return Err(wrong()) };
        let end = |word: &str| match word {
            "*" => Ok(None),
            number => number.parse().map(|id| Some(NodeId(id))).map_err(|_| wrong()),
        };
        let millis = match *millis {
            [] => None,
            [millis] => Some(millis.parse().map_err(|_| wrong())?),
            _ => return Err(wrong()),
        };
        let effect = Effect::from_name(effect, millis).ok_or_else(wrong)?;
        Ok(LinkRule::new(effect, end(from)?, end(to)?, kind))
    }
}

/// The form for people.
impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}→{} #{}", self.from, self.to, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: NodeId = NodeId(2);

    fn held(number: u64) -> Fact {
        let (kind, what) = ("ack".into(), Some("up to e1·o1".into()));
        Fact::MessageHeld { from: NodeId(1), to: ME, number, kind, what, since: Some(7) }
    }

    fn numbers(lab: &Lab) -> Vec<u64> {
        lab.pending.iter().map(|message| message.id.number).collect()
    }

    #[test]
    fn a_rule_comes_back_from_its_text() {
        for text in ["hold * 3 all", "drop 1 3 ack", "delay 1 * push 250", "duplicate 2 1 vote"] {
            assert_eq!(text.parse::<LinkRule>().map(|rule| rule.to_string()).as_deref(), Ok(text));
        }
        for wrong in ["", "hold * 3", "hold x 3 all", "delay 1 2 all", "hold 1 2 all 5", "drop 1 2 ack 1 2"] {
            assert!(wrong.parse::<LinkRule>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn events_tell_which_messages_wait() {
        let mut lab = Lab::default();
        for number in [4, 5, 6] {
            assert!(lab.fold(ME, &held(number)));
        }
        let (from, to, kind) = (NodeId(1), ME, "ack");
        lab.fold(ME, &Fact::MessageDelivered { from, to, number: 5, kind: kind.into(), why: "by-hand".into() });
        lab.fold(ME, &Fact::MessageDuplicated { from, to, number: 4, kind: kind.into() });
        assert_eq!(numbers(&lab), [4, 6, 4]);
        lab.fold(ME, &Fact::MessageDelayed { from, to, number: 4, kind: kind.into(), millis: 1, due: 9 });
        assert_eq!(lab.pending[0].due, Some(9));
        lab.fold(ME, &Fact::MessageDiscarded { from, to, number: 4, kind: kind.into(), why: "by-hand".into() });
        assert_eq!(numbers(&lab), [6, 4]);
    }

    #[test]
    fn events_tell_which_rules_are_in_force() {
        let mut lab = Lab::default();
        let with = NodeId(3);
        lab.fold(ME, &Fact::HoldSet { kind: "push".into() });
        lab.fold(ME, &Fact::LinkCut { with });
        lab.fold(ME, &Fact::DelaySet { from: with, to: ME, kind: ALL.into(), millis: 5 });
        lab.fold(ME, &Fact::DelaySet { from: with, to: ME, kind: ALL.into(), millis: 9 });
        assert_eq!((lab.rules.len(), lab.cuts(ME), lab.holds()), (4, vec![with], vec!["push".to_owned()]));
        lab.fold(ME, &Fact::LinkHealed { with });
        lab.fold(ME, &Fact::HoldReleased { kind: ALL.into(), messages: 0 });
        assert_eq!(lab, Lab::default());
    }
}
