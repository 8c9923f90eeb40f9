//! The records of a tape: one observation of a cluster each, with the time at which it arrived.

use std::time::Duration;

use epoca::client::watch::Observed;
use epoca::protocol::NodeId;
use epoca::protocol::trace::{Fact, Preview};
use epoca::verify::invariants::Source;

use crate::command::{Line, Outcome};

/// The greatest part of an operation's answer that a tape keeps.
const LINES_MAX: usize = 200;
const LINE_CHARACTERS_MAX: usize = 2_000;
const JSON_BYTES_MAX: usize = 8 << 10;

#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    /// The time since the recording began, by the recorder's clock. Events also have the time of their node.
    pub at: Duration,
    pub what: What,
    /// For an event whose order is unknown: the node whose sending must precede it and was not observed in time.
    pub missing: Option<NodeId>,
    /// How long the record waited for its cause: it arrived this long before `at`.
    pub waited: Duration,
}

#[allow(clippy::large_enum_variant, reason = "snapshots are few; events are what comes most, and are the middle size")]
#[derive(Clone, PartialEq, Debug)]
pub enum What {
    /// The observed nodes, and why they cannot be killed or started from there, if they cannot.
    Nodes {
        nodes: Vec<(NodeId, String)>,
        no_launcher: Option<String>,
    },
    /// A snapshot, one event, a loss or a broken connection.
    Observed(NodeId, Observed),
    /// A change of a process, as the launcher reports it.
    Process(NodeId, ProcessSeen),
    /// An operation begins; the line is as it would be typed. Numbers count from the beginning of the recording.
    Begin {
        number: u64,
        line: String,
    },
    /// The operation ends. The outcome is [`reduced`].
    End {
        number: u64,
        took: Duration,
        outcome: Outcome,
    },
    Mark(Mark),
}

/// The state of a node's process, as the launcher reports it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProcessSeen {
    Running,
    Paused,
    /// It was killed on request.
    Killed,
    /// It ended unexpectedly, with this exit status.
    Ended(String),
}

/// A place in the recording to return to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    pub kind: MarkKind,
    pub text: String,
    /// The events that prove it.
    pub evidence: Vec<Source>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MarkKind {
    Bookmark,
    /// A step of a scenario.
    Scenario,
    /// The end of a scenario. The text begins with the verdict's name and the scenario's name.
    Verdict,
    /// A check has found a violation.
    Violation,
}

impl MarkKind {
    pub const ALL: [MarkKind; 4] = [MarkKind::Bookmark, MarkKind::Scenario, MarkKind::Verdict, MarkKind::Violation];

    pub const fn name(self) -> &'static str {
        match self {
            MarkKind::Bookmark => "bookmark",
            MarkKind::Scenario => "scenario",
            MarkKind::Verdict => "verdict",
            MarkKind::Violation => "violation",
        }
    }
}

impl Record {
    pub fn new(at: Duration, what: What) -> Record {
        Record { at, what, missing: None, waited: Duration::ZERO }
    }

    /// The approximate size in memory, in bytes. Keys and values are counted, although they may be shared with a state.
    pub fn weight(&self) -> usize {
        size_of::<Record>() + self.what.weight()
    }
}

impl What {
    fn weight(&self) -> usize {
        match self {
            What::Nodes { nodes, .. } => nodes.len() * 64,
            What::Observed(_, Observed::Snapshot { snapshot, .. }) => previews(&snapshot.tail) + 512,
            What::Observed(_, Observed::Events(events)) => {
                events.iter().map(|event| size_of_val(event) + heap(&event.fact)).sum()
            }
            What::Observed(_, Observed::Disconnected(why)) => why.len(),
            What::Observed(_, Observed::Lost(_)) | What::Process(..) => 0,
            What::Begin { line, .. } => line.len(),
            What::End { outcome, .. } => outcome.lines.iter().map(|line| size_of_val(line) + line.text.bytes()).sum(),
            What::Mark(mark) => mark.text.len() + size_of_val(mark.evidence.as_slice()),
        }
    }
}

fn heap(fact: &Fact) -> usize {
    match fact {
        Fact::Proposed { entry: entries } | Fact::Consistent { entries, .. } | Fact::Injected { entries } => {
            previews(entries)
        }
        Fact::FinalChanged { rows, .. } | Fact::FinalRead { rows, .. } => {
            rows.iter().map(|row| size_of_val(row) + row.bytes()).sum()
        }
        Fact::Counted { matches, .. } => size_of_val(matches.as_slice()),
        _ => 0,
    }
}

fn previews(previews: &[Preview]) -> usize {
    let bytes = |preview: &Preview| [&preview.key, &preview.value].map(|part| part.as_ref().map_or(0, |it| it.len()));
    previews.iter().map(|preview| size_of_val(preview) + bytes(preview).iter().sum::<usize>()).sum()
}

/// The outcome with the part of its answer that a tape keeps.
pub fn reduced(outcome: &Outcome) -> Outcome {
    let cut = |text: &str| match text.char_indices().nth(LINE_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    };
    let line = |line: &Line| Line { tone: line.tone, text: line.text.map(cut) };
    let is_small = outcome.json.to_string().len() <= JSON_BYTES_MAX;
    let json = if is_small { outcome.json.clone() } else { serde_json::Value::Null };
    Outcome { exit: outcome.exit, lines: outcome.lines.iter().take(LINES_MAX).map(line).collect(), json }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Tone;
    use crate::lang::Lang;

    #[test]
    fn a_long_answer_is_cut() {
        let long = "ü".repeat(LINE_CHARACTERS_MAX + 1);
        let lines = std::iter::repeat_n(long, LINES_MAX + 1);
        let json = serde_json::json!("x".repeat(JSON_BYTES_MAX));
        let outcome = reduced(&Outcome::done(json).lines(Tone::Result, lines));
        assert_eq!((outcome.lines.len(), outcome.json), (LINES_MAX, serde_json::Value::Null));
        let line = outcome.lines[0].text.to(Lang::English);
        assert_eq!(line.chars().count(), LINE_CHARACTERS_MAX + 1, "with the ellipsis");
    }
}
