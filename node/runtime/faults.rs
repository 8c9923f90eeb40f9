//! The fault stage of a lab node: the gate on the way in and out, the faulty node, and the faults that clients ask
//! for.
//!
//! Outside a lab there is no such stage, and the services have already refused requests for faults.

use std::collections::{BTreeSet, VecDeque};

use crate::lab::{Altered, FaultyNode, Gate, Handled, Handling, Passage, is_routine};
use crate::protocol::trace::{Fact, NodeState, Pace, RuleSelection, Wrong};
use crate::protocol::{Core, Envelope, Input, NodeId, Operation, Output, Time};
use crate::runtime::error::NodeError;
use crate::runtime::event_loop::EventLoop;
use crate::server::requests::{Fault, FaultDone, OnMessage};

/// The stage of a lab node between its core and its links.
pub(super) struct Faults {
    gate: Gate,
    /// Rewrites messages between core and gate, if the node misbehaves on purpose.
    faulty_node: Option<FaultyNode>,
    /// Acks forged by a faulty leader for its own core. Bound: one for each push of an iteration, which empties it.
    injected: VecDeque<Envelope>,
    /// A flush that is done, and the node's time at which the core hears of it.
    stretched_flush: Option<(Operation, Time)>,
}

impl Faults {
    pub(super) fn new(gate: Gate, wrong: Option<Wrong>) -> Faults {
        let gate = gate.admits(wrong);
        Faults { gate, faulty_node: wrong.map(FaultyNode::new), injected: VecDeque::new(), stretched_flush: None }
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The nodes to which the link is cut.
    pub(super) fn cut_off(&self) -> BTreeSet<NodeId> {
        self.gate.cut_off().into_iter().collect()
    }

    /// How the node misbehaves on purpose.
    pub(super) fn wrong(&self) -> Option<Wrong> {
        self.faulty_node.as_ref().map(FaultyNode::wrong)
    }
}

impl EventLoop {
    /// The gate decides whether a message reaches the core now, twice, later or never.
    pub(super) fn receive_through_gate(&mut self, envelope: Envelope) -> Result<(), NodeError> {
        let now = self.clock.node_time();
        if self.lets_through(&envelope) {
            return self.let_through(envelope);
        }
        let Some(Faults { gate, .. }) = &mut self.faults else { return Ok(()) };
        let passage = gate.pass_in(envelope, now);
        self.publish_gate_facts();
        match passage {
            Passage::Passes(envelope) => self.step_message(envelope),
            Passage::PassesTwice(envelope) => {
                self.step_message(envelope.clone())?;
                self.step_message(envelope)
            }
            Passage::Stays => Ok(()),
        }
    }

    /// Steps the core with a message, rewritten first if the node is faulty.
    fn step_message(&mut self, envelope: Envelope) -> Result<(), NodeError> {
        let core = &self.core;
        let Some(Faults { faulty_node: Some(faulty_node), .. }) = &mut self.faults else {
            return self.step(Input::Message(envelope));
        };
        let newest = |count| core.node_state(count).tail.iter().map(|preview| preview.point).collect();
        let Altered { envelope, fact } = faulty_node.incoming(envelope, newest);
        self.publish_all(fact);
        self.step(Input::Message(envelope))
    }

    /// As [`EventLoop::receive_through_gate`], for a message of the core.
    pub(super) fn send_through_gate(&mut self, envelope: Envelope) {
        let envelope = self.rewrite_sent(envelope);
        let Some(Faults { gate, .. }) = &mut self.faults else { return };
        match gate.pass_out(envelope) {
            Passage::Passes(envelope) | Passage::PassesTwice(envelope) => self.send_to_link(envelope),
            Passage::Stays => self.publish_gate_facts(),
        }
    }

    fn rewrite_sent(&mut self, envelope: Envelope) -> Envelope {
        let Some(Faults { faulty_node: Some(faulty_node), injected, .. }) = &mut self.faults else { return envelope };
        let forged = faulty_node.made_up_ack(&envelope);
        let Altered { envelope, fact } = faulty_node.outgoing(envelope);
        let injected_fact = forged.and_then(|Altered { envelope, fact }| {
            injected.push_back(envelope);
            fact
        });
        self.publish_all(fact.into_iter().chain(injected_fact));
        envelope
    }

    /// Steps the core with the acks that a faulty leader has forged, after the step that caused them. An ack may cause
    /// further pushes and thereby further acks, until everything is pushed.
    pub(super) fn handle_injected(&mut self) -> Result<(), NodeError> {
        while let Some(envelope) = self.faults.as_mut().and_then(|faults| faults.injected.pop_front()) {
            self.step(Input::Message(envelope))?;
        }
        Ok(())
    }

    /// The node's time at which the next delayed message, or a stretched flush, is due.
    pub(super) fn next_delayed(&self) -> Option<Time> {
        let Faults { gate, stretched_flush, .. } = self.faults.as_ref()?;
        stretched_flush.map(|(_, due)| due).into_iter().chain(gate.next_due()).min()
    }

    /// Steps the core with the delayed messages and the stretched flush that are due.
    pub(super) fn deliver_delayed(&mut self) -> Result<(), NodeError> {
        let now = self.clock.node_time();
        let Some(Faults { gate, stretched_flush, .. }) = &mut self.faults else { return Ok(()) };
        let due = gate.take_due(now);
        let flushed = stretched_flush.take_if(|(_, due)| *due <= now);
        self.publish_gate_facts();
        if let Some((operation, _)) = flushed {
            self.on_flushed(operation)?;
        }
        self.step_messages(due)
    }

    /// Starts or stops the production of facts: without observers none is built.
    pub(super) fn set_observed(&mut self, observed: bool) -> Result<(), NodeError> {
        if let Some(faults) = &mut self.faults {
            faults.gate.watch(observed);
        }
        if !observed {
            self.applier.stop_observing();
        }
        self.step(Input::Watched(observed))
    }

    fn step_messages(&mut self, envelopes: Vec<Envelope>) -> Result<(), NodeError> {
        envelopes.into_iter().try_for_each(|envelope| self.step_message(envelope))
    }

    fn publish_gate_facts(&mut self) {
        let Some(Faults { gate, .. }) = &mut self.faults else { return };
        let facts = gate.take_facts();
        self.publish_all(facts);
    }

    fn pace(&self) -> Pace {
        self.faults.as_ref().map_or(Pace::REAL, |faults| faults.gate.pace())
    }

    /// A flush is done that has taken `took_micros`. At a slower pace the core hears of it after the time that it takes
    /// at that pace: until then nothing counts as durable, so nothing is acked. True if it is to be told now.
    pub(super) fn is_flush_over(&mut self, operation: Operation, took_micros: u64) -> bool {
        let (pace, now) = (self.pace(), self.clock.node_time());
        let Some(faults) = self.faults.as_mut().filter(|_| !pace.is_real()) else { return true };
        let left = pace.stretch(took_micros).saturating_sub(took_micros);
        faults.stretched_flush = Some((operation, now.plus_micros(left)));
        false
    }

    /// A flush that is done and that the core has not heard of.
    pub(super) fn take_stretched_flush(&mut self) -> Option<Operation> {
        self.faults.as_mut()?.stretched_flush.take().map(|(operation, _)| operation)
    }

    /// All that takes time goes on at another pace: messages on their way, a flush, and the core's timers.
    fn set_pace(&mut self, pace: Pace) {
        let (before, now) = (self.pace(), self.clock.node_time());
        let Some(Faults { gate, stretched_flush, .. }) = &mut self.faults else { return };
        gate.set_pace(pace, now);
        if let Some((_, due)) = stretched_flush {
            *due = Time(before.rescale(pace, now.0, due.0));
        }
        self.clock.set_pace(pace);
    }

    /// Whether step mode delivers the message automatically, because it changes nothing.
    fn lets_through(&self, envelope: &Envelope) -> bool {
        let may = self.faults.as_ref().is_some_and(|faults| faults.gate.may_let_through(envelope));
        may && changes_nothing(&self.core, self.clock.core_time(), envelope)
    }

    fn let_through(&mut self, envelope: Envelope) -> Result<(), NodeError> {
        let Some(Faults { gate, .. }) = &mut self.faults else { return Ok(()) };
        gate.let_through(&envelope);
        self.publish_gate_facts();
        self.step_message(envelope)
    }

    /// Delivers what waits and changes nothing any more: another message has done it.
    fn let_routine_through(&mut self) -> Result<(), NodeError> {
        let routine = self.faults.as_ref().map(|faults| faults.gate.routine()).unwrap_or_default();
        for envelope in routine {
            if self.lets_through(&envelope) {
                self.let_through(envelope)?;
            }
        }
        Ok(())
    }

    /// Executes a request for a fault. `None` outside a lab, where the service has already refused it.
    pub(super) fn apply_fault(&mut self, fault: Fault) -> Result<Option<FaultDone>, NodeError> {
        let now = self.clock.node_time();
        let Some(Faults { gate, .. }) = &mut self.faults else { return Ok(None) };
        let outcome = match fault {
            Fault::Set(rule, both_ways) => {
                gate.set(&rule, both_ways);
                FaultDone::Done
            }
            Fault::Clear(selection) => {
                let is_all = selection == RuleSelection::All;
                if is_all {
                    self.set_pace(Pace::REAL);
                }
                let Some(Faults { gate, .. }) = &mut self.faults else { return Ok(None) };
                let free = gate.clear(&selection, now);
                if is_all {
                    self.resume_clock();
                }
                self.deliver_released(free)?
            }
            Fault::Step { on, every } => {
                let free = gate.step(on, every);
                if on {
                    self.clock.freeze()
                } else {
                    self.resume_clock()
                }
                self.deliver_released(free)?
            }
            Fault::Message(id, handling) => match gate.handle(id, handling_of(handling), now) {
                Handled::Done => FaultDone::Done,
                Handled::NoSuch => FaultDone::NoSuchMessage,
                Handled::Delivered(envelope) => {
                    self.publish_gate_facts();
                    self.step_messages(vec![*envelope])?;
                    FaultDone::Done
                }
            },
            Fault::Tick(micros) => self.advance_time(micros)?,
            Fault::Pace(pace) => {
                self.set_pace(pace);
                FaultDone::Done
            }
        };
        self.publish_gate_facts();
        self.let_routine_through()?;
        self.cuts.send_replace(self.faults.as_ref().map(Faults::cut_off).unwrap_or_default());
        Ok(Some(outcome))
    }

    fn resume_clock(&mut self) {
        if self.clock.is_frozen() {
            self.clock.resume();
        }
    }

    fn deliver_released(&mut self, free: Option<Vec<Envelope>>) -> Result<FaultDone, NodeError> {
        self.publish_gate_facts();
        self.step_messages(free.unwrap_or_default())?;
        Ok(FaultDone::Done)
    }

    /// Microseconds of the core's time until its deadline.
    pub(super) fn timer_micros(&self) -> u64 {
        self.core.deadline().0.saturating_sub(self.clock.core_time().0)
    }

    /// Advances the core's time: to its deadline, or at most as far as no timer fires.
    fn advance_time(&mut self, micros: Option<u64>) -> Result<FaultDone, NodeError> {
        let left = self.timer_micros();
        let passed = micros.map_or(left, |micros| micros.min(left.saturating_sub(1)));
        self.clock.advance(passed);
        let fired = micros.is_none();
        self.publish(Fact::TimePassed { micros: passed, fired: fired.into() });
        if fired {
            self.step(Input::Tick)?;
        }
        Ok(FaultDone::Passed(passed))
    }
}

/// Whether a message leaves the core's state as observers see it, its disk and its database as they are, and causes no
/// message but further ones of that kind.
fn changes_nothing(core: &Core, now: Time, envelope: &Envelope) -> bool {
    let mut tried = core.clone();
    let outputs = tried.step(now, Input::Message(envelope.clone()));
    let is_quiet = |output: &Output| match output {
        Output::Send(send) => is_routine(send.envelope.message.kind()),
        // Reads whose round is answered.
        Output::Answer(..) | Output::Trace(_) => true,
        _ => false,
    };
    let seen = |core: &Core| NodeState { sent: None, ..core.node_state(0) };
    outputs.iter().all(is_quiet) && seen(core) == seen(&tried)
}

fn handling_of(on_message: OnMessage) -> Handling {
    match on_message {
        OnMessage::Deliver => Handling::Deliver,
        OnMessage::Discard => Handling::Discard,
        OnMessage::Delay { millis } => Handling::Delay { millis },
        OnMessage::Duplicate => Handling::Duplicate,
    }
}
