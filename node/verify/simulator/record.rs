//! The readable trace of a run: what happened when, one thing a line. Only kept when a run is played again to be read.

use std::fmt::Display;

use crate::protocol::trace::{Event, Fact};

#[derive(Default)]
pub(super) struct Record {
    lines: Vec<String>,
}

impl Record {
    pub(super) fn event(&mut self, now: u64, event: &Event) {
        // That a message left or came shows in what it caused.
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
