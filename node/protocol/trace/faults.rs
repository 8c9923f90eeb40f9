//! The faults in force at a node, as a watcher sees them: the rules of its gate, the messages held there, step mode,
//! and a node that is faulty on purpose.
//!
//! Only the state: the gate (`node/lab`) applies the rules. It keeps its own rules with the same fold, so a gate and
//! its watchers never differ.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::message::MessageKind;
use crate::named::named;
use crate::trace::{Fact, Pace};
use crate::types::NodeId;

type Text = Cow<'static, str>;

/// The kind that stands for all kinds.
pub const ALL: &str = "all";

named! {
    /// The ways in which a node can be faulty on purpose.
    pub enum Wrong {
        /// It accepts every push as if it matched its log.
        SkipCheck = "skip-check",
        /// While it leads it invents the acks of all replicas, so it commits without a quorum.
        CommitAlone = "commit-alone",
    }
}

impl FromStr for Wrong {
    type Err = String;

    fn from_str(text: &str) -> Result<Wrong, String> {
        let names: Vec<&str> = Wrong::ALL.iter().map(|wrong| wrong.name()).collect();
        Wrong::from_name(text).ok_or_else(|| format!("write {}", names.join(" or ")))
    }
}

/// The faults in force at one node.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lab {
    /// The rules of its gate.
    pub rules: Vec<LinkRule>,
    /// The messages held at its gate, in order of arrival.
    pub pending: Vec<PendingMessage>,
    /// Step mode: timers stop, and arriving messages are held.
    pub frozen: bool,
    /// Step mode also holds the messages that change nothing.
    pub every: bool,
    /// The number of messages that change nothing and that step mode has delivered by itself.
    pub let_through: u64,
    /// How fast the node's time passes.
    pub pace: Pace,
    /// How this node is faulty on purpose.
    pub wrong: Option<Wrong>,
}

/// Which messages a rule concerns (`None` matches all), and what happens to them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LinkRule {
    /// What the gate does to the messages.
    pub effect: Effect,
    /// Their sender.
    pub from: Option<NodeId>,
    /// Their receiver.
    pub to: Option<NodeId>,
    /// Their kind.
    pub kind: Option<MessageKind>,
}

/// Which rules in force are selected.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RuleSelection {
    /// The rule itself, and those of its effect that it covers: without a kind, also the rules for single kinds.
    Rule(LinkRule),
    /// All rules for the messages between two nodes, in both directions. A hold concerns a receiver, not a link.
    Link(NodeId, NodeId),
    /// All rules, and step mode.
    All,
}

/// What a rule does to a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Effect {
    /// Held until it is released.
    Hold,
    /// Dropped.
    Drop,
    /// Delivered later.
    Delay {
        /// How much later, in milliseconds.
        millis: u64,
    },
    /// Delivered twice.
    Duplicate,
}

/// Identifies a message: the sender numbers its messages from the start of its process.
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
    /// Its identity.
    pub id: MessageId,
    /// Its kind.
    pub kind: MessageKind,
    /// A short description of its content.
    pub what: Text,
    /// When it arrived, in microseconds of the Unix epoch.
    pub since: u64,
    /// When it is delivered automatically, in microseconds of the Unix epoch; `None` if it waits for a person.
    pub due: Option<u64>,
    /// Nothing keeps it but the pace: it is on its way until `due`, and rules apply when it arrives.
    pub in_flight: bool,
}

impl PendingMessage {
    /// The flight ends: the message waits for a person.
    pub fn land(&mut self) {
        if std::mem::take(&mut self.in_flight) {
            self.due = None;
        }
    }
}

impl Lab {
    /// Applies one fact of node `me`. True if anything has changed.
    pub fn fold(&mut self, me: NodeId, fact: &Fact) -> bool {
        match fact {
            Fact::HoldSet { kind } => self.set_named(Effect::Hold, None, me, kind),
            Fact::HoldReleased { kind, .. } => self.clear_named(Effect::Hold, None, me, kind),
            Fact::LinkCut { with } => LinkRule::cut(me, *with).into_iter().for_each(|rule| self.set(rule)),
            Fact::LinkHealed { with } => self.rules.retain(|rule| !RuleSelection::Link(me, *with).covers(rule)),
            Fact::DropSet { from, to, kind } => self.set_named(Effect::Drop, Some(*from), *to, kind),
            Fact::DelaySet { from, to, kind, millis } => {
                self.set_named(Effect::Delay { millis: *millis }, Some(*from), *to, kind);
            }
            Fact::DuplicateSet { from, to, kind } => self.set_named(Effect::Duplicate, Some(*from), *to, kind),
            Fact::RuleCleared { effect, from, to, kind } => {
                let effect = Effect::from_name(effect, None).or_else(|| Effect::from_name(effect, Some(0)));
                if let Some(effect) = effect {
                    self.clear_named(effect, Some(*from), *to, kind);
                }
            }
            Fact::StepOn { every } => {
                (self.frozen, self.every, self.let_through) = (true, *every > 0, 0);
                self.pending.iter_mut().for_each(PendingMessage::land);
            }
            Fact::StepOff {} => (self.frozen, self.every) = (false, false),
            Fact::PaceSet { slowdown, at } => self.set_pace(*slowdown, *at),
            Fact::WrongNode { how } => self.wrong = Wrong::from_name(how),
            _ => return self.fold_message(fact),
        }
        true
    }

    /// A rule for a kind that this version does not know matches no message.
    fn set_named(&mut self, effect: Effect, from: Option<NodeId>, to: NodeId, kind: &str) {
        if let Some(kind) = kind_from_name(kind) {
            self.set(LinkRule { effect, from, to: Some(to), kind });
        }
    }

    fn clear_named(&mut self, effect: Effect, from: Option<NodeId>, to: NodeId, kind: &str) {
        if let Some(kind) = kind_from_name(kind) {
            let cleared = RuleSelection::Rule(LinkRule { effect, from, to: Some(to), kind });
            self.rules.retain(|rule| !cleared.covers(rule));
        }
    }

    /// The rest of each flight takes as long as the new pace makes it.
    fn set_pace(&mut self, slowdown: u64, at: u64) {
        let pace = u32::try_from(slowdown).ok().and_then(Pace::new).unwrap_or_default();
        for message in self.pending.iter_mut().filter(|message| message.in_flight) {
            message.due = message.due.map(|due| self.pace.rescale(pace, at, due));
        }
        self.pace = pace;
    }

    fn fold_message(&mut self, fact: &Fact) -> bool {
        match fact {
            Fact::MessageHeld { from, to, number, kind, what, since } => {
                let id = MessageId { from: *from, to: *to, number: *number };
                if let Some(arrived) = self.pending.iter_mut().find(|known| known.id == id && known.in_flight) {
                    arrived.land();
                    return true;
                }
                let what = what.clone().unwrap_or_default();
                let Some(kind) = MessageKind::from_name(kind) else { return false };
                let since = since.unwrap_or(0);
                self.pending.push(PendingMessage { id, kind, what, since, due: None, in_flight: false });
            }
            Fact::MessageInFlight { from, to, number, kind, what, since, due } => {
                let id = MessageId { from: *from, to: *to, number: *number };
                let what = what.clone().unwrap_or_default();
                let Some(kind) = MessageKind::from_name(kind) else { return false };
                let (since, due) = (*since, Some(*due));
                self.pending.push(PendingMessage { id, kind, what, since, due, in_flight: true });
            }
            Fact::MessageLetThrough { from, to, number, .. } => {
                self.let_through += 1;
                self.remove(MessageId { from: *from, to: *to, number: *number });
            }
            Fact::MessageDelayed { from, to, number, due, .. } => {
                let id = MessageId { from: *from, to: *to, number: *number };
                if let Some(message) = self.pending.iter_mut().find(|message| message.id == id) {
                    (message.due, message.in_flight) = (Some(*due), false);
                }
            }
            Fact::MessageDuplicated { from, to, number, .. } => {
                let id = MessageId { from: *from, to: *to, number: *number };
                if let Some(at) = self.pending.iter().position(|message| message.id == id) {
                    let copy = PendingMessage { due: None, in_flight: false, ..self.pending[at].clone() };
                    self.pending.push(copy);
                }
            }
            Fact::MessageReleased { from, to, number, .. }
            | Fact::MessageDelivered { from, to, number, .. }
            | Fact::MessageArrived { from, to, number, .. }
            | Fact::MessageDiscarded { from, to, number, .. } => {
                self.remove(MessageId { from: *from, to: *to, number: *number });
            }
            _ => return false,
        }
        true
    }

    fn remove(&mut self, id: MessageId) {
        if let Some(at) = self.pending.iter().position(|message| message.id == id) {
            self.pending.remove(at);
        }
    }

    /// A rule replaces one of the same effect for the same messages.
    fn set(&mut self, rule: LinkRule) {
        self.rules.retain(|known| !known.is_replaced_by(&rule));
        self.rules.push(rule);
    }

    /// The nodes that receive nothing from this one.
    pub fn cut_off(&self, me: NodeId) -> Vec<NodeId> {
        let drops = |rule: &&LinkRule| rule.effect == Effect::Drop && rule.kind.is_none() && rule.from == Some(me);
        self.rules.iter().filter(drops).filter_map(|rule| rule.to).collect()
    }

    /// The nodes to which the link is cut in both directions.
    pub fn cuts(&self, me: NodeId) -> Vec<NodeId> {
        let back = |with: &NodeId| self.rules.contains(&LinkRule::new(Effect::Drop, Some(*with), Some(me), None));
        self.cut_off(me).into_iter().filter(back).collect()
    }

    /// The kinds of messages that are held; `None` stands for all kinds.
    pub fn holds(&self) -> Vec<Option<MessageKind>> {
        self.rules.iter().filter(|rule| rule.effect == Effect::Hold).map(|rule| rule.kind).collect()
    }
}

impl LinkRule {
    /// Without a kind the rule concerns messages of every kind.
    pub fn new(effect: Effect, from: Option<NodeId>, to: Option<NodeId>, kind: Option<MessageKind>) -> LinkRule {
        LinkRule { effect, from, to, kind }
    }

    /// Holds the messages that arrive at a node, from any sender.
    pub fn hold(to: NodeId, kind: Option<MessageKind>) -> LinkRule {
        LinkRule::new(Effect::Hold, None, Some(to), kind)
    }

    /// A cut link is two rules that drop everything, one for each direction.
    pub fn cut(a: NodeId, b: NodeId) -> [LinkRule; 2] {
        let rule = LinkRule::new(Effect::Drop, Some(a), Some(b), None);
        [rule, rule.reversed()]
    }

    /// The same rule for the opposite direction.
    pub fn reversed(self) -> LinkRule {
        LinkRule { from: self.to, to: self.from, ..self }
    }

    /// Whether the rule drops everything; in both directions that is a cut.
    pub fn drops_all(&self) -> bool {
        self.effect == Effect::Drop && self.kind.is_none()
    }

    /// Whether the rule concerns a message of this kind between these nodes.
    pub fn fits(&self, from: NodeId, to: NodeId, kind: MessageKind) -> bool {
        self.from.is_none_or(|wanted| wanted == from)
            && self.to.is_none_or(|wanted| wanted == to)
            && self.kind.is_none_or(|wanted| wanted == kind)
    }

    /// The kind, or [`ALL`].
    pub fn kind_name(&self) -> &'static str {
        kind_name(self.kind)
    }

    /// Whether the gate of this node has the rule. Drops are at both ends, all other rules at the receiver.
    pub fn concerns(&self, node: NodeId) -> bool {
        self.to.is_none_or(|to| to == node) || (self.effect == Effect::Drop && self.from == Some(node))
    }

    /// Whether both rules have one effect and concern the same messages.
    pub fn is_replaced_by(&self, other: &LinkRule) -> bool {
        std::mem::discriminant(&self.effect) == std::mem::discriminant(&other.effect)
            && (self.from, self.to, self.kind) == (other.from, other.to, other.kind)
    }
}

impl RuleSelection {
    /// Whether the selection includes the rule.
    pub fn covers(&self, rule: &LinkRule) -> bool {
        match self {
            RuleSelection::Rule(cleared) => {
                let kind = if cleared.kind.is_none() { None } else { rule.kind };
                cleared.is_replaced_by(&LinkRule { kind, ..*rule })
            }
            RuleSelection::Link(a, b) => {
                let ends = (rule.from, rule.to);
                ends == (Some(*a), Some(*b)) || ends == (Some(*b), Some(*a))
            }
            RuleSelection::All => true,
        }
    }
}

/// The name of a rule's kind: [`ALL`] if it has none.
pub fn kind_name(kind: Option<MessageKind>) -> &'static str {
    kind.map_or(ALL, MessageKind::name)
}

/// `None` if there are no such messages.
fn kind_from_name(name: &str) -> Option<Option<MessageKind>> {
    if name == ALL { Some(None) } else { MessageKind::from_name(name).map(Some) }
}

impl Effect {
    /// The name for programs; fixed.
    pub const fn name(self) -> &'static str {
        match self {
            Effect::Hold => "hold",
            Effect::Drop => "drop",
            Effect::Delay { .. } => "delay",
            Effect::Duplicate => "duplicate",
        }
    }

    /// The delay in milliseconds, if the effect is one.
    pub const fn millis(self) -> Option<u64> {
        match self {
            Effect::Delay { millis } => Some(millis),
            Effect::Hold | Effect::Drop | Effect::Duplicate => None,
        }
    }

    /// The effect with this name. `millis` is given for a delay, and only for a delay.
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

/// `delay 1 3 ack 250`, `hold * 3 all`: the form in which a launcher passes a rule to a node at its start.
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
        let wrong = || format!("`{text}` is not a rule: write EFFECT FROM TO KIND, as hold * 3 commit-order");
        let known = |kind: &str| kind_from_name(kind).ok_or_else(wrong);
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
        Ok(LinkRule::new(effect, end(from)?, end(to)?, known(kind)?))
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
        let many_words = "drop 1 2 ack 1 2";
        for wrong in ["", "hold * 3", "hold x 3 all", "hold * 3 acks", "delay 1 2 all", "hold 1 2 all 5", many_words] {
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
    fn the_rest_of_a_flight_follows_the_pace_and_step_mode_ends_it() {
        let mut lab = Lab::default();
        let (from, to) = (NodeId(1), ME);
        let flies = |number, since, due| Fact::MessageInFlight {
            from,
            to,
            number,
            kind: "push".into(),
            what: None,
            since,
            due,
        };
        lab.fold(ME, &Fact::PaceSet { slowdown: 100, at: 0 });
        lab.fold(ME, &flies(1, 1_000, 101_000));
        lab.fold(ME, &flies(2, 1_000, 101_000));
        lab.fold(ME, &Fact::MessageDelayed { from, to, number: 2, kind: "push".into(), millis: 9, due: 10_000 });
        lab.fold(ME, &Fact::PaceSet { slowdown: 10, at: 51_000 });
        let dues = |lab: &Lab| lab.pending.iter().map(|message| message.due).collect::<Vec<_>>();
        assert_eq!(dues(&lab), [Some(56_000), Some(10_000)], "a delay by hand is real time");
        lab.fold(ME, &Fact::StepOn { every: 0 });
        assert_eq!(dues(&lab), [None, Some(10_000)]);
        lab.fold(ME, &Fact::MessageLetThrough { from, to, number: 1, kind: "push".into() });
        assert_eq!((numbers(&lab), lab.let_through, lab.pace.slowdown()), (vec![2], 1, 10));
    }

    #[test]
    fn events_tell_which_rules_are_in_force() {
        let mut lab = Lab::default();
        let with = NodeId(3);
        lab.fold(ME, &Fact::HoldSet { kind: "push".into() });
        lab.fold(ME, &Fact::LinkCut { with });
        lab.fold(ME, &Fact::DelaySet { from: with, to: ME, kind: ALL.into(), millis: 5 });
        lab.fold(ME, &Fact::DelaySet { from: with, to: ME, kind: ALL.into(), millis: 9 });
        assert_eq!((lab.rules.len(), lab.cuts(ME), lab.holds()), (4, vec![with], vec![Some(MessageKind::Push)]));
        let (effect, kind) = ("delay".into(), ALL.into());
        lab.fold(ME, &Fact::RuleCleared { effect, from: with, to: ME, kind });
        assert_eq!(lab.rules.len(), 3);
        lab.fold(ME, &Fact::LinkHealed { with });
        lab.fold(ME, &Fact::HoldReleased { kind: ALL.into(), messages: 0 });
        assert_eq!(lab, Lab::default());
    }
}
