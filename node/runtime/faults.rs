//! The fault stage of a lab node: the gate on the way in and out, the faulty node, and the faults that a person asks for.
//!
//! Outside a lab there is no such stage, and the services have refused faults before they come here.

use std::collections::VecDeque;

use crate::lab::{Altered, FaultyNode, Gate, Handled, Handling, Passage, Wrong};
use crate::protocol::trace::Fact;
use crate::protocol::{Envelope, Input, Time};
use crate::runtime::error::NodeError;
use crate::runtime::event_loop::EventLoop;
use crate::server::requests::{Fault, FaultDone, OnMessage};

/// The stage of a lab node between its core and its links.
pub(super) struct Faults {
    gate: Gate,
    /// Rewrites messages between core and gate, if the node is faulty on purpose.
    faulty_node: Option<FaultyNode>,
    /// Acks that a faulty leader has made up, for its own core.
    injected: VecDeque<Envelope>,
}

impl Faults {
    pub(super) fn new(gate: Gate, wrong: Option<Wrong>) -> Faults {
        let gate = gate.admits(wrong.map(Wrong::name));
        Faults { gate, faulty_node: wrong.map(FaultyNode::new), injected: VecDeque::new() }
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// In which way the node is faulty on purpose.
    pub(super) fn wrong(&self) -> Option<Wrong> {
        self.faulty_node.as_ref().map(FaultyNode::wrong)
    }
}

impl EventLoop {
    /// Lets the gate decide whether a message reaches the core now, twice, later or never.
    pub(super) fn receive_in_lab(&mut self, envelope: Envelope) -> Result<(), NodeError> {
        let now = self.clock.own();
        let Some(Faults { gate, .. }) = &mut self.faults else { return Ok(()) };
        let passage = gate.pass_in(envelope, now);
        self.trace_gate();
        match passage {
            Passage::Passes(envelope) => self.deliver_to_core(envelope),
            Passage::PassesTwice(envelope) => {
                self.deliver_to_core(envelope.clone())?;
                self.deliver_to_core(envelope)
            }
            Passage::Stays => Ok(()),
        }
    }

    /// A faulty node rewrites the message before its core gets it.
    fn deliver_to_core(&mut self, envelope: Envelope) -> Result<(), NodeError> {
        let core = &self.core;
        let Some(Faults { faulty_node: Some(faulty_node), .. }) = &mut self.faults else {
            return self.step(Input::Message(envelope));
        };
        let newest = |count| core.snapshot(count).tail.iter().map(|preview| preview.point).collect();
        let Altered { envelope, fact } = faulty_node.incoming(envelope, newest);
        self.trace(fact);
        self.step(Input::Message(envelope))
    }

    /// As [`EventLoop::receive_in_lab`], for a message of the core.
    pub(super) fn send_in_lab(&mut self, envelope: Envelope) {
        let envelope = self.rewrite_sent(envelope);
        let Some(Faults { gate, .. }) = &mut self.faults else { return };
        match gate.pass_out(envelope) {
            Passage::Passes(envelope) | Passage::PassesTwice(envelope) => self.post(envelope),
            Passage::Stays => self.trace_gate(),
        }
    }

    fn rewrite_sent(&mut self, envelope: Envelope) -> Envelope {
        let Some(Faults { faulty_node: Some(faulty_node), injected, .. }) = &mut self.faults else { return envelope };
        let made_up = faulty_node.made_up_ack(&envelope);
        let Altered { envelope, fact } = faulty_node.outgoing(envelope);
        let made_up_fact = made_up.and_then(|Altered { envelope, fact }| {
            injected.push_back(envelope);
            fact
        });
        self.trace(fact);
        self.trace(made_up_fact);
        envelope
    }

    fn trace(&mut self, fact: Option<Fact>) {
        if let Some(fact) = fact {
            self.observers.tell(self.clock.own(), fact);
        }
    }

    /// Gives the core the acks that a faulty leader has made up, after the core's own step. An ack may be followed by
    /// more pushes, and these by more acks, until everything is pushed.
    pub(super) fn handle_injected(&mut self) -> Result<(), NodeError> {
        while let Some(envelope) = self.faults.as_mut().and_then(|faults| faults.injected.pop_front()) {
            self.step(Input::Message(envelope))?;
        }
        Ok(())
    }

    /// When the next delayed message is to be delivered.
    pub(super) fn next_delayed(&self) -> Option<Time> {
        self.faults.as_ref().and_then(|faults| faults.gate.next_due())
    }

    /// Delayed messages whose time has come.
    pub(super) fn deliver_late(&mut self) -> Result<(), NodeError> {
        let now = self.clock.own();
        let due = self.faults.as_mut().map(|faults| faults.gate.take_due(now)).unwrap_or_default();
        self.trace_gate();
        self.deliver(due)
    }

    /// Whether anybody watches.
    pub(super) fn watched(&mut self, watched: bool) -> Result<(), NodeError> {
        if let Some(faults) = &mut self.faults {
            faults.gate.watch(watched);
        }
        if !watched {
            self.applier.unwatched();
        }
        self.step(Input::Watched(watched))
    }

    fn deliver(&mut self, envelopes: Vec<Envelope>) -> Result<(), NodeError> {
        envelopes.into_iter().try_for_each(|envelope| self.deliver_to_core(envelope))
    }

    fn trace_gate(&mut self) {
        let Some(Faults { gate, .. }) = &mut self.faults else { return };
        for fact in gate.take_facts() {
            self.observers.tell(self.clock.own(), fact);
        }
    }

    /// `None` outside a lab, where the service has refused it already.
    pub(super) fn fault(&mut self, fault: Fault) -> Result<Option<FaultDone>, NodeError> {
        let now = self.clock.own();
        let Some(Faults { gate, .. }) = &mut self.faults else { return Ok(None) };
        let done = match fault {
            Fault::Cut(with) => done(gate.cut(with)),
            Fault::Heal(with) => done(gate.heal(with)),
            Fault::Rule(rule) => done(gate.set(&rule)),
            Fault::Release(kind) => {
                let free = gate.release(&kind);
                self.released(free)?
            }
            Fault::Lift => {
                let free = gate.lift();
                self.go_on();
                self.released(free)?
            }
            Fault::Step(on) => {
                let free = gate.step(on);
                if on {
                    self.clock.stand_still()
                } else {
                    self.go_on()
                }
                self.released(free)?
            }
            Fault::Message(id, handling) => match gate.handle(id, handling_of(handling), now) {
                Handled::Done => FaultDone::Done,
                Handled::NoSuch => FaultDone::NoSuchMessage,
                Handled::Delivered(envelope) => {
                    self.trace_gate();
                    self.deliver(vec![*envelope])?;
                    FaultDone::Done
                }
            },
            Fault::Tick(micros) => self.let_time_pass(micros)?,
        };
        self.trace_gate();
        let cut_off =
            self.faults.as_ref().map(|faults| faults.gate.cut_off().into_iter().collect()).unwrap_or_default();
        self.cuts.send_replace(cut_off);
        Ok(Some(done))
    }

    fn go_on(&mut self) {
        if self.clock.stands_still() {
            self.clock.go_on();
        }
    }

    fn released(&mut self, free: Option<Vec<Envelope>>) -> Result<FaultDone, NodeError> {
        self.trace_gate();
        let Some(free) = free else { return Ok(FaultDone::Already) };
        let count = free.len() as u64;
        self.deliver(free)?;
        Ok(FaultDone::Released(count))
    }

    /// How much of the core's time is left until its timer runs out.
    pub(super) fn time_left(&self) -> u64 {
        self.core.deadline().0.saturating_sub(self.clock.now().0)
    }

    /// The core's time goes on at once: until its timer runs out, or so far that no timer does.
    fn let_time_pass(&mut self, micros: Option<u64>) -> Result<FaultDone, NodeError> {
        let left = self.time_left();
        let passed = micros.map_or(left, |micros| micros.min(left.saturating_sub(1)));
        self.clock.pass(passed);
        let fired = micros.is_none();
        self.observers.tell(self.clock.own(), Fact::TimePassed { micros: passed, fired: fired.into() });
        if fired {
            self.step(Input::Tick)?;
        }
        Ok(FaultDone::Passed(passed))
    }
}

fn done(changed: bool) -> FaultDone {
    if changed { FaultDone::Done } else { FaultDone::Already }
}

fn handling_of(asked: OnMessage) -> Handling {
    match asked {
        OnMessage::Deliver => Handling::Deliver,
        OnMessage::Discard => Handling::Discard,
        OnMessage::Delay { millis } => Handling::Delay { millis },
        OnMessage::Duplicate => Handling::Duplicate,
    }
}
