//! Messages between this node's core and the other nodes: receiving, sending, and the process that each one comes
//! from.
//!
//! In a lab the fault stage of `faults` sits on both ways. Otherwise a message passes directly between link and core.

use std::collections::btree_map::Entry;

use crate::protocol::trace::{DropReason, Fact};
use crate::protocol::{Envelope, Input};
use crate::runtime::error::NodeError;
use crate::runtime::event_loop::EventLoop;

/// The number of nodes whose process is remembered. Far more than a cluster has members; it bounds memory against
/// forged sender ids.
const PROCESSES_MAX: usize = 1_024;

impl EventLoop {
    pub(super) fn on_message(&mut self, envelope: Envelope) -> Result<(), NodeError> {
        self.track_process(&envelope);
        match self.faults {
            Some(_) => self.receive_through_gate(envelope),
            None => self.step(Input::Message(envelope)),
        }
    }

    /// Sends a message of the core. If the queue of its link is full the message is dropped, as on a network; the
    /// protocol repairs that.
    pub(super) fn send(&mut self, envelope: Envelope) {
        match self.faults {
            Some(_) => self.send_through_gate(envelope),
            None => self.send_to_link(envelope),
        }
    }

    /// Hands a message to its link.
    pub(super) fn send_to_link(&mut self, mut envelope: Envelope) {
        envelope.process = self.clock.started_micros();
        let (from, to, number, kind) = (envelope.from, envelope.to, envelope.number, envelope.message.kind());
        if !self.links.send(envelope) && self.observers.needs_facts() {
            let fact = Fact::Dropped { from, to, number, kind: kind.into(), why: DropReason::NoRoom.into() };
            self.publish(fact);
        }
    }

    /// Tells observers when a node's messages come from another process than before.
    fn track_process(&mut self, envelope: &Envelope) {
        let (node, process) = (envelope.from, envelope.process);
        let is_full = self.processes.len() >= PROCESSES_MAX;
        match self.processes.entry(node) {
            Entry::Occupied(known) if *known.get() == process => return,
            Entry::Occupied(mut known) => _ = known.insert(process),
            Entry::Vacant(_) if is_full => return,
            Entry::Vacant(unknown) => _ = unknown.insert(process),
        }
        self.publish(Fact::PeerProcess { node, process });
    }
}
