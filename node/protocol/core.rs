//! The state machine: one input in, outputs out, in order.

use crate::protocol::config::{Config, Restored};
use crate::protocol::io::{Input, Output};
use crate::protocol::trace::Snapshot;
use crate::protocol::types::Time;

/// The protocol's whole state at one node.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Core {
    config: Config,
}

impl Core {
    /// A core that starts now with what its disk remembers. Nothing is sent before the first `step`.
    pub fn new(config: Config, restored: Restored, now: Time) -> Core {
        let _ = (restored, now);
        Core { config }
    }

    /// Takes one input and gives what is to be done, in order.
    pub fn step(&mut self, now: Time, input: Input) -> Vec<Output> {
        let _ = (now, input);
        Vec::new()
    }

    /// When the core wants its next [`Input::Tick`]; the host gives it at this time or soon after.
    pub fn deadline(&self) -> Time {
        Time(self.config.heartbeat_micros)
    }

    /// The node as somebody outside sees it, with at most `tail` entries of its log's end.
    pub fn snapshot(&self, tail: usize) -> Snapshot {
        let _ = tail;
        Snapshot::new(self.config.id)
    }
}
