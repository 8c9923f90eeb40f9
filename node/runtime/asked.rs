//! The requests that are not writes or reads: state, watching, the first election, the lab's faults.

use crate::lab::{COMMIT_ORDER, Gate};
use crate::protocol::trace::Fact;
use crate::protocol::{Inject, Input, NodeId};
use crate::rpc::convert::NodeSnapshot;
use crate::rpc::desk::{Fault, FaultDone, Request, State, Tail, Watch};
use crate::runtime::error::NodeError;
use crate::runtime::host::Host;

impl Host {
    /// Whoever asked may have gone away meanwhile; then the answer goes nowhere.
    pub(super) fn on_rare_request(&mut self, request: Request) -> Result<(), NodeError> {
        match request {
            Request::Write(..) | Request::Read(_) => unreachable!("they are taken together"),
            Request::Stand(reply) => {
                let request = self.requests.add(reply);
                self.step(Input::Stand(request))?;
            }
            Request::Inject(injection, reply) => {
                let request = self.requests.add(reply);
                let inject = Inject { request, epoch: injection.epoch, commands: injection.commands };
                self.step(Input::Inject(inject))?;
            }
            Request::State(tail, reply) => {
                let _ = reply.send(self.state(tail));
            }
            Request::Watch(tail, reply) => {
                let watch = self.watch(tail)?;
                let _ = reply.send(watch);
            }
            Request::Resync(ring, tail, reply) => {
                let _ = reply.send((ring.restart(), self.node_snapshot(tail)));
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
        let (cuts, holds) = self.lab_state();
        State { snapshot: self.core.snapshot(tail), cuts, holds }
    }

    fn lab_state(&self) -> (Vec<NodeId>, Vec<String>) {
        let Some(gate) = &self.gate else { return Default::default() };
        (gate.cuts().into_iter().collect(), gate.holds().into_iter().map(str::to_owned).collect())
    }

    fn watch(&mut self, tail: Tail) -> Result<Option<Watch>, NodeError> {
        let first = !self.hub.is_watched();
        let Some(ring) = self.hub.add() else { return Ok(None) };
        if first {
            self.step(Input::Watched(true))?;
        }
        Ok(Some(Watch { snapshot: self.node_snapshot(tail), ring }))
    }

    /// The state after exactly the events that were told so far.
    fn node_snapshot(&self, tail: Tail) -> NodeSnapshot {
        let mut snapshot = self.core.snapshot(tail.0);
        snapshot.event = self.hub.number();
        self.hub.hide_values(&mut snapshot.tail);
        let (cuts, holds) = self.lab_state();
        NodeSnapshot {
            snapshot,
            time: self.clock.now(),
            pid: std::process::id(),
            notes: self.about.notes.clone(),
            cuts,
            holds,
            lab: self.about.lab,
        }
    }

    /// `None` outside a lab, where the service has refused it already.
    fn fault(&mut self, fault: Fault) -> Result<Option<FaultDone>, NodeError> {
        let Some(gate) = &mut self.gate else { return Ok(None) };
        let changed = match fault {
            Fault::Cut(with) => gate.cut(with).then_some(Fact::LinkCut { with }),
            Fault::Heal(with) => gate.heal(with).then_some(Fact::LinkHealed { with }),
            Fault::HoldCommitOrders => gate.hold_commit_orders().then_some(Fact::HoldSet { kind: COMMIT_ORDER.into() }),
            Fault::ReleaseCommitOrders => return self.release(),
        };
        self.cuts.send_replace(self.gate.as_ref().map(Gate::cuts).unwrap_or_default());
        Ok(Some(match changed {
            Some(fact) => {
                self.hub.tell(self.clock.now(), fact);
                FaultDone::Done
            }
            None => FaultDone::Already,
        }))
    }

    fn release(&mut self) -> Result<Option<FaultDone>, NodeError> {
        let Some(gate) = &mut self.gate else { return Ok(None) };
        let Some((messages, held)) = gate.release_commit_orders() else { return Ok(Some(FaultDone::Already)) };
        let fact = Fact::HoldReleased { kind: COMMIT_ORDER.into(), messages };
        self.hub.tell(self.clock.now(), fact);
        for envelope in held {
            self.on_message(envelope)?;
        }
        Ok(Some(FaultDone::Released(messages)))
    }
}
