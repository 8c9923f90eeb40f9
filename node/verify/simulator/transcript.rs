//! The readable trace of a run, one event a line. It is kept only when a run is played again for a person.

use std::fmt::Display;

use crate::protocol::trace::{Event, Fact};

#[derive(Default)]
pub(super) struct Transcript {
    lines: Vec<String>,
}

impl Transcript {
    pub(super) fn event(&mut self, now: u64, event: &Event) {
        // Sent and received messages show in their effects.
        if !matches!(event.fact, Fact::Sent { .. } | Fact::Received { .. }) {
            self.line(now, format_args!("{} {}", event.node, event.fact));
        }
    }

    pub(super) fn line(&mut self, now: u64, what: impl Display) {
        self.lines.push(format!("{:>11.6} s  {what}", now as f64 / 1_000_000.0));
    }

    pub(super) fn into_lines(self) -> Vec<String> {
        self.lines
    }
}
