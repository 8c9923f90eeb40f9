//! The fault stage of a lab node: the gate on the way in and out, the faulty node, and the faults that clients ask
//! for.
//!
//! Outside a lab there is no such stage, and the services have already refused requests for faults.

use std::collections::{BTreeSet, VecDeque};

use crate::lab::{Altered, FaultyNode, Gate, Handled, Handling, Passage};
use crate::protocol::trace::{Fact, RuleSelection, Wrong};
use crate::protocol::{Envelope, Input, NodeId, Time};
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
}

impl Faults {
    pub(super) fn new(gate: Gate, wrong: Option<Wrong>) -> Faults {
        let gate = gate.admits(wrong);
        Faults { gate, faulty_node: wrong.map(FaultyNode::new), injected: VecDeque::new() }
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

    /// The node's time at which the next delayed message is due.
    pub(super) fn next_delayed(&self) -> Option<Time> {
        self.faults.as_ref().and_then(|faults| faults.gate.next_due())
    }

    /// Steps the core with the delayed messages that are due.
    pub(super) fn deliver_delayed(&mut self) -> Result<(), NodeError> {
        let now = self.clock.node_time();
        let due = self.faults.as_mut().map(|faults| faults.gate.take_due(now)).unwrap_or_default();
        self.publish_gate_facts();
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
                let free = gate.clear(&selection);
                if selection == RuleSelection::All {
                    self.resume_clock();
                }
                self.deliver_released(free)?
            }
            Fault::Step(on) => {
                let free = gate.step(on);
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
        };
        self.publish_gate_facts();
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

fn handling_of(on_message: OnMessage) -> Handling {
    match on_message {
        OnMessage::Deliver => Handling::Deliver,
        OnMessage::Discard => Handling::Discard,
        OnMessage::Delay { millis } => Handling::Delay { millis },
        OnMessage::Duplicate => Handling::Duplicate,
    }
}
