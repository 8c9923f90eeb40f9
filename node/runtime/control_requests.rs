//! The requests that are not writes or reads: state, watching, the first election, the lab's faults.

use crate::protocol::trace::{Fact, NodeState};
use crate::protocol::{Inject, Input};
use crate::runtime::error::NodeError;
use crate::runtime::event_loop::EventLoop;
use crate::runtime::faults::Faults;
use crate::server::requests::{Request, State, Tail, Watch};
use crate::wire::convert::NodeSnapshot;

impl EventLoop {
    /// Whoever asked may have gone away meanwhile; then the answer goes nowhere.
    pub(super) fn on_control_request(&mut self, request: Request) -> Result<(), NodeError> {
        match request {
            Request::Write(..) | Request::Read(_) | Request::LeaseRead(_) => unreachable!("they are taken together"),
            Request::Probe(reply) => {
                let _ = reply.send(self.core.probe());
            }
            Request::Tell(fact) => {
                if self.observers.is_watched() {
                    self.observers.tell(self.clock.now(), *fact);
                }
            }
            Request::Stand(reply) => {
                let request = self.requests.add(reply);
                self.step(Input::Stand(request))?;
            }
            Request::Backup(reply) => {
                let request = self.requests.add(reply);
                self.step(Input::Backup(request))?;
            }
            Request::ChangeMembers(change, reply) => {
                let request = self.requests.add(reply);
                self.step(Input::ChangeMembers(request, change))?;
            }
            Request::Transfer(to, reply) => {
                let request = self.requests.add(reply);
                self.step(Input::Transfer(request, to))?;
            }
            Request::Inject(injection, reply) => {
                let request = self.requests.add(reply);
                let inject = Inject { request, epoch: injection.epoch, commands: injection.commands };
                self.step(Input::Inject(inject))?;
            }
            Request::State(tail, reply) => {
                let _ = reply.send(self.state(tail));
            }
            Request::Pending(reply) => {
                let _ =
                    reply.send(self.faults.as_ref().map(|faults| faults.gate().state().pending).unwrap_or_default());
            }
            Request::Watch(tail, reply) => {
                let watch = self.watch(tail)?;
                let _ = reply.send(watch);
            }
            Request::Resync(ring, tail, reply) => {
                let _ = reply.send((ring.restart(), self.node_snapshot(tail)));
                self.tell_final_data();
            }
            Request::Fault(fault, reply) => {
                if let Some(done) = self.fault(fault)? {
                    let _ = reply.send(done);
                }
            }
        }
        Ok(())
    }

    fn state(&self, tail: usize) -> State {
        let mut snapshot = self.core.snapshot(tail);
        if let Some(faults) = &self.faults {
            snapshot.lab = faults.gate().state_without_messages();
        }
        let pending = self.faults.as_ref().map_or(0, |faults| faults.gate().waiting()) as u64;
        State { snapshot, pending, timer_micros: self.time_left() }
    }

    fn watch(&mut self, tail: Tail) -> Result<Option<Watch>, NodeError> {
        let first = !self.observers.is_watched();
        let Some((ring, beginning)) = self.observers.add() else { return Ok(None) };
        if first {
            self.watched(true)?;
        }
        let mut snapshot = match beginning {
            Some(beginning) => beginning,
            None => self.node_snapshot(tail),
        };
        // Watchers reckon the node's time from it.
        snapshot.time = self.clock.own();
        let entries = &mut snapshot.snapshot.tail;
        entries.drain(..entries.len().saturating_sub(tail.0));
        self.tell_final_data();
        // As an event too, so that it stands in every recording of events alone.
        if let Some(wrong) = self.faults.as_ref().and_then(Faults::wrong) {
            self.observers.tell(self.clock.own(), Fact::WrongNode { how: wrong.name().into() });
        }
        if let Some(found) = &self.begun_anew {
            self.observers.tell(self.clock.own(), Fact::Quarantined { text: found.clone().into() });
        }
        Ok(Some(Watch { snapshot, ring }))
    }

    /// The first events are kept for watchers that cannot be there yet.
    pub(super) fn begin_observing(&mut self) -> Result<(), NodeError> {
        self.observers.begin(self.node_snapshot(Tail(NodeState::TAIL_MAX)), self.clock.own());
        self.watched(true)?;
        self.tell_final_data();
        Ok(())
    }

    /// Whoever has a new snapshot gets the final database with the events that follow it. Keys and values are shown by
    /// a lab node alone.
    fn tell_final_data(&self) {
        if self.about.lab {
            self.applier.watched();
        }
    }

    /// The state after exactly the events that were told so far.
    fn node_snapshot(&self, tail: Tail) -> NodeSnapshot {
        let mut snapshot = self.core.snapshot(tail.0);
        snapshot.event = self.observers.number();
        (snapshot.process, snapshot.heard) = (self.clock.began(), self.processes.clone());
        self.observers.hide_values(&mut snapshot.tail);
        if let Some(faults) = &self.faults {
            snapshot.lab = faults.gate().state();
        }
        let (cuts, holds) = (snapshot.lab.cuts(snapshot.node), snapshot.lab.holds());
        NodeSnapshot {
            snapshot,
            time: self.clock.own(),
            pid: std::process::id(),
            notes: self.about.notes(),
            cuts,
            holds,
            cluster: self.about.membership.cluster(),
            lab: self.about.lab,
        }
    }
}
