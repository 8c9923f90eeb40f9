//! Requests other than writes and reads: state, observers, manual election, membership, backup, the lab's faults.

use crate::protocol::trace::{Fact, NodeState};
use crate::protocol::{Inject, Input};
use crate::runtime::error::NodeError;
use crate::runtime::event_loop::EventLoop;
use crate::runtime::faults::Faults;
use crate::server::requests::{Request, State, Tail, Watch};
use crate::wire::convert::NodeSnapshot;

impl EventLoop {
    /// The caller may be gone; then the answer is dropped.
    pub(super) fn on_control_request(&mut self, request: Request) -> Result<(), NodeError> {
        match request {
            Request::Write(..) | Request::Read(_) | Request::LeaseRead(_) => {
                unreachable!("on_requests submits them together")
            }
            Request::Probe(reply) => {
                let _ = reply.send(self.core.probe());
            }
            Request::Trace(fact) => self.publish(*fact),
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
                let pending = self.faults.as_ref().map(|faults| faults.gate().state().pending);
                let _ = reply.send(pending.unwrap_or_default());
            }
            Request::Watch(tail, reply) => {
                let watch = self.add_observer(tail)?;
                let _ = reply.send(watch);
            }
            Request::Resync(ring, tail, reply) => {
                let _ = reply.send((ring.restart(), self.node_snapshot(tail)));
                self.publish_final_data();
            }
            Request::Fault(fault, reply) => {
                if let Some(done) = self.apply_fault(fault)? {
                    let _ = reply.send(done);
                }
            }
        }
        Ok(())
    }

    fn state(&self, tail: usize) -> State {
        let mut snapshot = self.core.node_state(tail);
        if let Some(faults) = &self.faults {
            snapshot.lab = faults.gate().state_without_messages();
        }
        let pending = self.faults.as_ref().map_or(0, |faults| faults.gate().waiting()) as u64;
        State { snapshot, pending, timer_micros: self.timer_micros() }
    }

    fn add_observer(&mut self, tail: Tail) -> Result<Option<Watch>, NodeError> {
        let first = !self.observers.needs_facts();
        let Some((ring, beginning)) = self.observers.add() else { return Ok(None) };
        if first {
            self.set_observed(true)?;
        }
        let mut snapshot = match beginning {
            Some(beginning) => beginning,
            None => self.node_snapshot(tail),
        };
        // Observers compute the node's present time from it.
        snapshot.time = self.clock.node_time();
        let entries = &mut snapshot.snapshot.tail;
        entries.drain(..entries.len().saturating_sub(tail.0));
        self.publish_final_data();
        // Also as events, so that a recording of events alone contains them.
        if let Some(wrong) = self.faults.as_ref().and_then(Faults::wrong) {
            self.publish(Fact::WrongNode { how: wrong.name().into() });
        }
        if let Some(damage) = &self.quarantined_damage {
            self.publish(Fact::Quarantined { text: damage.clone().into() });
        }
        Ok(Some(Watch { snapshot, ring }))
    }

    /// Keeps the first events for observers, which cannot be connected yet.
    pub(super) fn begin_observing(&mut self) -> Result<(), NodeError> {
        self.observers.keep_beginning(self.node_snapshot(Tail(NodeState::TAIL_MAX)), self.clock.node_time());
        self.set_observed(true)?;
        self.publish_final_data();
        Ok(())
    }

    /// After a snapshot, the final database follows as events. Only a lab node shows keys and values.
    fn publish_final_data(&self) {
        if self.about.lab {
            self.applier.start_observing();
        }
    }

    /// The state after exactly the events that were published so far.
    fn node_snapshot(&self, tail: Tail) -> NodeSnapshot {
        let mut snapshot = self.core.node_state(tail.0);
        snapshot.event = self.observers.number();
        (snapshot.process, snapshot.heard) = (self.clock.started_micros(), self.processes.clone());
        self.observers.hide_values(&mut snapshot.tail);
        if let Some(faults) = &self.faults {
            snapshot.lab = faults.gate().state();
        }
        NodeSnapshot {
            snapshot,
            time: self.clock.node_time(),
            pid: std::process::id(),
            notes: self.about.notes(),
            cluster: self.about.membership.cluster(),
            lab: self.about.lab,
        }
    }
}
