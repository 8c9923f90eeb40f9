//! The lab's gate in the loop: what passes it on the way in and out, and what a person asks of it.
//!
//! Outside a lab there is no gate: everything passes, and faults were refused before they came here.

use crate::lab::{Handled, Handling, Passage, Told};
use crate::protocol::trace::Fact;
use crate::protocol::{Envelope, Input};
use crate::rpc::desk::{Fault, FaultDone, OnMessage};
use crate::runtime::error::NodeError;
use crate::runtime::host::Host;

/// Of how many nodes it is remembered from which process their messages come: far more than a cluster has members.
const PROCESSES_MAX: usize = 1_024;

impl Host {
    pub(super) fn on_message(&mut self, envelope: Envelope) -> Result<(), NodeError> {
        let now = self.clock.own();
        self.note_process(&envelope);
        let Some(gate) = &mut self.gate else { return self.step(Input::Message(envelope)) };
        let passage = gate.pass_in(envelope, now);
        self.tell_gate();
        match passage {
            Passage::Passes(envelope) => self.hear(envelope),
            Passage::PassesTwice(envelope) => {
                self.hear(envelope.clone())?;
                self.hear(envelope)
            }
            Passage::Stays => Ok(()),
        }
    }

    /// Watchers are told when a node's messages come from another process of it than before.
    fn note_process(&mut self, envelope: &Envelope) {
        let (node, process) = (envelope.from, envelope.process);
        let is_known = self.processes.contains_key(&node);
        if !is_known && self.processes.len() >= PROCESSES_MAX || self.processes.get(&node) == Some(&process) {
            return;
        }
        self.processes.insert(node, process);
        self.hub.tell(self.clock.own(), Fact::PeerProcess { node, process });
    }

    /// Gives a message to the core; a node that is wrong on purpose makes something else of it first.
    fn hear(&mut self, envelope: Envelope) -> Result<(), NodeError> {
        let Some(liar) = &mut self.liar else { return self.step(Input::Message(envelope)) };
        let core = &self.core;
        let newest = |count| core.snapshot(count).tail.iter().map(|preview| preview.point).collect();
        let Told { envelope, fact } = liar.incoming(envelope, newest);
        self.tell_lie(fact);
        self.step(Input::Message(envelope))
    }

    /// As [`Host::hear`], for what the core says.
    fn say(&mut self, envelope: Envelope) -> Envelope {
        let Some(liar) = &mut self.liar else { return envelope };
        let made_up = liar.made_up(&envelope);
        let Told { envelope, fact } = liar.outgoing(envelope);
        self.tell_lie(fact);
        if let Some(Told { envelope, fact }) = made_up {
            self.tell_lie(fact);
            self.made_up.push_back(envelope);
        }
        envelope
    }

    fn tell_lie(&mut self, fact: Option<Fact>) {
        if let Some(fact) = fact {
            self.hub.tell(self.clock.own(), fact);
        }
    }

    /// What a lone leader has made up, once the core has ended its step. An ack may be followed by more pushes, and
    /// these by acks, until everything is pushed.
    pub(super) fn hear_made_up(&mut self) -> Result<(), NodeError> {
        while let Some(envelope) = self.made_up.pop_front() {
            self.step(Input::Message(envelope))?;
        }
        Ok(())
    }

    /// What finds no room at its link is lost, as on a network: the protocol repairs it.
    pub(super) fn send(&mut self, envelope: Envelope) {
        let mut envelope = self.say(envelope);
        envelope.process = self.clock.began();
        let Some(gate) = &mut self.gate else { return self.post(envelope) };
        match gate.pass_out(envelope) {
            Passage::Passes(envelope) | Passage::PassesTwice(envelope) => self.post(envelope),
            Passage::Stays => self.tell_gate(),
        }
    }

    fn post(&mut self, envelope: Envelope) {
        let (from, to, number, kind) = (envelope.from, envelope.to, envelope.number, envelope.message.kind());
        if !self.links.send(envelope) && self.hub.is_watched() {
            let fact = Fact::Dropped { from, to, number, kind: kind.into(), why: "no-room".into() };
            self.hub.tell(self.clock.own(), fact);
        }
    }

    /// Delayed messages whose time has come.
    pub(super) fn deliver_late(&mut self) -> Result<(), NodeError> {
        let now = self.clock.own();
        let due = self.gate.as_mut().map(|gate| gate.take_due(now)).unwrap_or_default();
        self.tell_gate();
        self.deliver(due)
    }

    /// Whether anybody watches.
    pub(super) fn watched(&mut self, watched: bool) -> Result<(), NodeError> {
        if let Some(gate) = &mut self.gate {
            gate.watch(watched);
        }
        if !watched {
            self.applier.unwatched();
        }
        self.step(Input::Watched(watched))
    }

    fn deliver(&mut self, envelopes: Vec<Envelope>) -> Result<(), NodeError> {
        envelopes.into_iter().try_for_each(|envelope| self.hear(envelope))
    }

    fn tell_gate(&mut self) {
        let Some(gate) = &mut self.gate else { return };
        for fact in gate.take_told() {
            self.hub.tell(self.clock.own(), fact);
        }
    }

    /// `None` outside a lab, where the service has refused it already.
    pub(super) fn fault(&mut self, fault: Fault) -> Result<Option<FaultDone>, NodeError> {
        let now = self.clock.own();
        let Some(gate) = &mut self.gate else { return Ok(None) };
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
                    self.tell_gate();
                    self.deliver(vec![*envelope])?;
                    FaultDone::Done
                }
            },
            Fault::Tick(micros) => self.let_time_pass(micros)?,
        };
        self.tell_gate();
        let cut_off = self.gate.as_ref().map(|gate| gate.cut_off().into_iter().collect()).unwrap_or_default();
        self.cuts.send_replace(cut_off);
        Ok(Some(done))
    }

    fn go_on(&mut self) {
        if self.clock.stands_still() {
            self.clock.go_on();
        }
    }

    fn released(&mut self, free: Option<Vec<Envelope>>) -> Result<FaultDone, NodeError> {
        self.tell_gate();
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
        self.hub.tell(self.clock.own(), Fact::TimePassed { micros: passed, fired: fired.into() });
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
