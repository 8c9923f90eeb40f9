//! Messages between this node's core and the other nodes: received, sent, and the process that they come from.
//!
//! In a lab the fault stage of `faults` stands on both ways. Elsewhere there is none, and a message goes from the link to
//! the core, and from the core to the link, directly.

use crate::protocol::trace::Fact;
use crate::protocol::{Envelope, Input};
use crate::runtime::error::NodeError;
use crate::runtime::event_loop::EventLoop;

/// For how many nodes the process of their last message is remembered: far more than a cluster has members.
const PROCESSES_MAX: usize = 1_024;

impl EventLoop {
    pub(super) fn on_message(&mut self, envelope: Envelope) -> Result<(), NodeError> {
        self.note_process(&envelope);
        match self.faults {
            Some(_) => self.receive_in_lab(envelope),
            None => self.step(Input::Message(envelope)),
        }
    }

    /// Sends a message of the core. One that finds no room at its link is dropped, as on a network: the protocol repairs
    /// that.
    pub(super) fn send(&mut self, envelope: Envelope) {
        match self.faults {
            Some(_) => self.send_in_lab(envelope),
            None => self.post(envelope),
        }
    }

    /// Hands a message to its link.
    pub(super) fn post(&mut self, mut envelope: Envelope) {
        envelope.process = self.clock.began();
        let (from, to, number, kind) = (envelope.from, envelope.to, envelope.number, envelope.message.kind());
        if !self.links.send(envelope) && self.observers.is_watched() {
            let fact = Fact::Dropped { from, to, number, kind: kind.into(), why: "no-room".into() };
            self.observers.tell(self.clock.own(), fact);
        }
    }

    /// Observers are told when a node's messages come from another process of it than before.
    fn note_process(&mut self, envelope: &Envelope) {
        let (node, process) = (envelope.from, envelope.process);
        let is_known = self.processes.contains_key(&node);
        if !is_known && self.processes.len() >= PROCESSES_MAX || self.processes.get(&node) == Some(&process) {
            return;
        }
        self.processes.insert(node, process);
        self.observers.tell(self.clock.own(), Fact::PeerProcess { node, process });
    }
}
