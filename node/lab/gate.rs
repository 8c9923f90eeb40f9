//! The gate of one node: its rules, and what happens to each message.

use std::borrow::Cow;

use crate::lab::pending::{Kept, Pending};
use crate::lab::stretch::FLIGHT_MICROS;
use crate::protocol::trace::{
    DropReason, Effect, Fact, HandledBy, Lab, LinkRule, MessageId, Pace, RuleSelection, Wrong,
};
use crate::protocol::{Envelope, NodeId, Time};

#[derive(Debug)]
pub struct Gate {
    pub(super) me: NodeId,
    /// The rules, the pace and step mode; held messages are in `pending`.
    pub(super) state: Lab,
    pub(super) pending: Pending,
    pub(super) watched: bool,
    /// The facts of the calls since [`Gate::take_facts`], which empties it after each call.
    facts: Vec<Fact>,
}

/// What happens to a message.
#[derive(PartialEq, Eq, Debug)]
pub enum Passage {
    Passes(Envelope),
    PassesTwice(Envelope),
    /// It is dropped or held.
    Stays,
}

/// What a person does to one held message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Handling {
    Deliver,
    Discard,
    Delay { millis: u64 },
    Duplicate,
}

/// The result of handling a message.
#[derive(PartialEq, Eq, Debug)]
pub enum Handled {
    Done,
    /// The core gets it now.
    Delivered(Box<Envelope>),
    /// No such message is held here.
    NoSuch,
}

impl Gate {
    /// `began` is the microsecond of the Unix epoch from which this gate's times count.
    pub fn new(me: NodeId, began: u64) -> Gate {
        Gate { me, state: Lab::default(), pending: Pending::new(began), watched: false, facts: Vec::new() }
    }

    /// A gate with rules in force from the start.
    pub fn with(mut self, rules: &[LinkRule], frozen: bool) -> Gate {
        let here = rules.iter().filter(|rule| rule.concerns(self.me)).copied();
        self.state.rules = here.collect();
        self.state.frozen = frozen;
        self
    }

    /// How the node behind the gate is faulty on purpose, for status and watchers.
    pub fn admits(mut self, wrong: Option<Wrong>) -> Gate {
        self.state.wrong = wrong;
        self
    }

    /// Whether there are watchers: facts about single messages are made only for them.
    pub fn watch(&mut self, watched: bool) {
        self.watched = watched;
    }

    /// The facts since the last call.
    pub fn take_facts(&mut self) -> Vec<Fact> {
        std::mem::take(&mut self.facts)
    }

    /// Passes a message of the core on, or drops it.
    pub fn pass_out(&mut self, envelope: Envelope) -> Passage {
        if self.is_dropped(&envelope) { Passage::Stays } else { Passage::Passes(envelope) }
    }

    /// Passes a message for the core on, or drops or holds it.
    pub fn pass_in(&mut self, envelope: Envelope, now: Time) -> Passage {
        if self.is_dropped(&envelope) {
            return Passage::Stays;
        }
        if self.holds(&envelope) {
            self.keep(envelope, now, None);
            return Passage::Stays;
        }
        let is_slow = !self.state.pace.is_real();
        match self.slows(&envelope) {
            Some(Effect::Delay { millis }) if is_slow => {
                self.fly(envelope, now, FLIGHT_MICROS.saturating_add(millis.saturating_mul(1_000)));
                Passage::Stays
            }
            Some(Effect::Delay { millis }) => {
                self.keep(envelope, now, Some(millis));
                Passage::Stays
            }
            Some(Effect::Duplicate) => {
                self.tell(|| {
                    let MessageId { from, to, number } = id_of(&envelope);
                    Fact::MessageDuplicated { from, to, number, kind: envelope.message.kind().into() }
                });
                if is_slow {
                    self.fly(envelope.clone(), now, FLIGHT_MICROS);
                    self.fly(envelope, now, FLIGHT_MICROS);
                    return Passage::Stays;
                }
                Passage::PassesTwice(envelope)
            }
            _ if is_slow => {
                self.fly(envelope, now, FLIGHT_MICROS);
                Passage::Stays
            }
            _ => Passage::Passes(envelope),
        }
    }

    /// Why the rules in force drop a message; `None` if they do not.
    pub(super) fn loss(&self, envelope: &Envelope) -> Option<DropReason> {
        let drops = |rule: &&LinkRule| rule.effect == Effect::Drop && fits(rule, envelope);
        let rule = self.state.rules.iter().find(drops)?;
        Some(if rule.kind.is_none() { DropReason::Cut } else { DropReason::LostOnPurpose })
    }

    fn is_dropped(&mut self, envelope: &Envelope) -> bool {
        let Some(why) = self.loss(envelope) else { return false };
        self.tell(|| {
            let MessageId { from, to, number } = id_of(envelope);
            Fact::Dropped { from, to, number, kind: envelope.message.kind().into(), why: why.into() }
        });
        true
    }

    fn holds(&self, envelope: &Envelope) -> bool {
        self.state.frozen || self.is_held_by_a_rule(envelope)
    }

    pub(super) fn is_held_by_a_rule(&self, envelope: &Envelope) -> bool {
        self.state.rules.iter().any(|rule| rule.effect == Effect::Hold && fits(rule, envelope))
    }

    fn slows(&self, envelope: &Envelope) -> Option<Effect> {
        let slow = |rule: &&LinkRule| !matches!(rule.effect, Effect::Hold | Effect::Drop) && fits(rule, envelope);
        self.state.rules.iter().find(slow).map(|rule| rule.effect)
    }

    /// Holds a message; the oldest ones make room for it.
    fn keep(&mut self, envelope: Envelope, now: Time, delay: Option<u64>) {
        let id = id_of(&envelope);
        let kind = envelope.message.kind();
        let kept = self.pending.keep(envelope, now, delay);
        let (since, due, what) = (kept.since, kept.due, self.watched.then(|| kept.what()));
        self.tell(|| {
            let MessageId { from, to, number } = id;
            let what = what.map(Into::into);
            Fact::MessageHeld { from, to, number, kind: kind.into(), what, since: Some(since) }
        });
        if let Some((due, millis)) = due.zip(delay) {
            self.tell(|| {
                let MessageId { from, to, number } = id;
                Fact::MessageDelayed { from, to, number, kind: kind.into(), millis, due }
            });
        }
        self.make_room();
    }

    pub(super) fn make_room(&mut self) {
        while let Some(old) = self.pending.take_excess() {
            self.tell_discarded(&old, HandledBy::NoRoom);
        }
    }

    /// Sets a rule; with `both_ways` also its opposite direction. False if it is in force already.
    pub fn set(&mut self, rule: &LinkRule, both_ways: bool) -> bool {
        if !both_ways {
            return self.set_one(rule);
        }
        match (rule.drops_all(), rule.from, rule.to) {
            (true, Some(from), Some(to)) => self.cut(if from == self.me { to } else { from }),
            // Each direction has its own rule, which is set if it concerns this node.
            _ => {
                let here = [*rule, rule.reversed()].into_iter().filter(|rule| rule.concerns(self.me));
                let is_new: Vec<bool> = here.collect::<Vec<_>>().iter().map(|rule| self.set_one(rule)).collect();
                is_new.contains(&true)
            }
        }
    }

    fn set_one(&mut self, rule: &LinkRule) -> bool {
        if self.state.rules.contains(rule) {
            return false;
        }
        let kind = || rule.kind_name().into();
        let fact = match (rule.effect, rule.from, rule.to) {
            (Effect::Drop, Some(from), Some(to)) => Fact::DropSet { from, to, kind: kind() },
            (Effect::Delay { millis }, Some(from), Some(to)) => Fact::DelaySet { from, to, kind: kind(), millis },
            (Effect::Duplicate, Some(from), Some(to)) => Fact::DuplicateSet { from, to, kind: kind() },
            _ => Fact::HoldSet { kind: kind() },
        };
        self.change(fact);
        true
    }

    fn cut(&mut self, with: NodeId) -> bool {
        let whole = !self.state.cuts(self.me).contains(&with);
        if whole {
            self.change(Fact::LinkCut { with });
        }
        whole
    }

    /// Clears rules; clearing all of them also ends step mode and the pace. Returns the messages to deliver now; `None`
    /// if nothing was in force.
    pub fn clear(&mut self, selection: &RuleSelection, now: Time) -> Option<Vec<Envelope>> {
        let in_force = self.state.rules.iter().any(|rule| selection.covers(rule));
        match selection {
            RuleSelection::All => self.clear_all(now),
            _ if !in_force => None,
            RuleSelection::Rule(rule) => Some(self.clear_rule(rule)),
            RuleSelection::Link(a, b) => {
                self.change(Fact::LinkHealed { with: if *a == self.me { *b } else { *a } });
                Some(Vec::new())
            }
        }
    }

    fn clear_rule(&mut self, rule: &LinkRule) -> Vec<Envelope> {
        let kind = || rule.kind_name().into();
        let (Some(from), Some(to)) = (rule.from, rule.to) else {
            self.state.fold(self.me, &Fact::HoldReleased { kind: kind(), messages: 0 });
            let free = self.take_free();
            self.facts.push(Fact::HoldReleased { kind: kind(), messages: free.len() as u64 });
            return self.released(free);
        };
        self.change(Fact::RuleCleared { effect: rule.effect.name().into(), from, to, kind: kind() });
        Vec::new()
    }

    fn clear_all(&mut self, now: Time) -> Option<Vec<Envelope>> {
        let was_slow = self.set_pace(Pace::REAL, now);
        if self.state.rules.is_empty() && !self.state.frozen {
            return was_slow.then(Vec::new);
        }
        let links = self.state.rules.iter().filter_map(|rule| rule.from.zip(rule.to));
        let mut others: Vec<NodeId> = links.map(|(from, to)| if from == self.me { to } else { from }).collect();
        others.sort_unstable();
        others.dedup();
        for with in others {
            self.change(Fact::LinkHealed { with });
        }
        let holds = RuleSelection::Rule(LinkRule::hold(self.me, None));
        let mut free = self.clear(&holds, now).unwrap_or_default();
        free.extend(self.step(false, false).unwrap_or_default());
        Some(free)
    }

    /// Starts or ends step mode, with `every` also for messages that change nothing. Returns the messages that nothing
    /// holds any more; `None` if there is no change.
    pub fn step(&mut self, on: bool, every: bool) -> Option<Vec<Envelope>> {
        if self.state.frozen == on && (!on || self.state.every == every) {
            return None;
        }
        if on {
            self.pending.land_all();
        }
        self.change(if on { Fact::StepOn { every: every.into() } } else { Fact::StepOff {} });
        let free = self.take_free();
        Some(self.released(free))
    }

    /// Handles a held message; the oldest one if a message is held twice.
    pub fn handle(&mut self, id: MessageId, handling: Handling, now: Time) -> Handled {
        let Some(place) = self.pending.find(id) else { return Handled::NoSuch };
        let MessageId { from, to, number } = id;
        let Some(kind) = self.pending.kind(place).map(Into::into) else { return Handled::NoSuch };
        match handling {
            Handling::Deliver => {
                self.tell(|| Fact::MessageDelivered { from, to, number, kind, why: HandledBy::Hand.into() });
                self.pending.take(place).map_or(Handled::NoSuch, |envelope| Handled::Delivered(Box::new(envelope)))
            }
            Handling::Discard => {
                if let Some(envelope) = self.pending.take(place) {
                    self.tell_discarded(&envelope, HandledBy::Hand);
                }
                Handled::Done
            }
            Handling::Delay { millis } => {
                let due = self.pending.delay(place, now, millis);
                self.tell(|| Fact::MessageDelayed { from, to, number, kind, millis, due });
                Handled::Done
            }
            Handling::Duplicate => {
                self.tell(|| Fact::MessageDuplicated { from, to, number, kind });
                self.pending.duplicate(place);
                self.make_room();
                Handled::Done
            }
        }
    }

    /// When the next delayed message is due.
    pub fn next_due(&self) -> Option<Time> {
        self.pending.next_due()
    }

    /// The delayed messages that are due, and those whose flight is over and that nothing drops or holds.
    pub fn take_due(&mut self, now: Time) -> Vec<Envelope> {
        let places = self.pending.due(now);
        places.into_iter().filter_map(|place| self.take_due_at(place)).collect()
    }

    fn take_due_at(&mut self, place: u64) -> Option<Envelope> {
        if self.pending.at(place)?.in_flight {
            return self.arrive(place);
        }
        let envelope = self.pending.take(place)?;
        self.tell(|| {
            let MessageId { from, to, number } = id_of(&envelope);
            let kind = envelope.message.kind().into();
            Fact::MessageDelivered { from, to, number, kind, why: HandledBy::Due.into() }
        });
        Some(envelope)
    }

    /// The rules in force and the held messages, as a watcher sees them.
    pub fn state(&self) -> Lab {
        Lab { pending: self.pending.messages(), ..self.state.clone() }
    }

    pub fn state_without_messages(&self) -> Lab {
        self.state.clone()
    }

    pub fn waiting(&self) -> usize {
        self.pending.len()
    }

    pub fn cut_off(&self) -> Vec<NodeId> {
        self.state.cut_off(self.me)
    }

    fn take_free(&mut self) -> Vec<Envelope> {
        let Gate { state, pending, .. } = self;
        let held = |envelope: &Envelope| {
            state.frozen || state.rules.iter().any(|rule| rule.effect == Effect::Hold && fits(rule, envelope))
        };
        pending.take_free(|kept: &Kept| !held(&kept.envelope))
    }

    fn released(&mut self, free: Vec<Envelope>) -> Vec<Envelope> {
        for envelope in &free {
            self.tell(|| {
                let MessageId { from, to, number } = id_of(envelope);
                Fact::MessageReleased { from, to, number, kind: envelope.message.kind().into() }
            });
        }
        free
    }

    /// Rules change rarely, and through the same fold that watchers use.
    pub(super) fn change(&mut self, fact: Fact) {
        self.state.fold(self.me, &fact);
        self.facts.push(fact);
    }

    pub(super) fn tell_discarded(&mut self, envelope: &Envelope, why: impl Into<Cow<'static, str>>) {
        self.tell(|| {
            let MessageId { from, to, number } = id_of(envelope);
            let kind = envelope.message.kind().into();
            Fact::MessageDiscarded { from, to, number, kind, why: why.into() }
        });
    }

    pub(super) fn tell(&mut self, fact: impl FnOnce() -> Fact) {
        if self.watched {
            self.facts.push(fact());
        }
    }
}

pub(super) fn id_of(envelope: &Envelope) -> MessageId {
    MessageId { from: envelope.from, to: envelope.to, number: envelope.number }
}

fn fits(rule: &LinkRule, envelope: &Envelope) -> bool {
    rule.fits(envelope.from, envelope.to, envelope.message.kind())
}
