//! What a tape is made of: one thing that was learnt of a cluster, with the time at which it arrived.

use std::time::Duration;

use epoca::client::watch::Observed;
use epoca::protocol::NodeId;
use epoca::protocol::trace::{Fact, Preview};
use epoca::verify::invariants::Source;

use crate::command::{Line, Outcome};

/// How much of an operation's answer a tape keeps.
const LINES_MAX: usize = 200;
const LINE_CHARACTERS_MAX: usize = 2_000;
const JSON_BYTES_MAX: usize = 8 << 10;

#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    /// Since the recording began, by the clock of whoever records; an event has its node's own time besides.
    pub at: Duration,
    pub what: What,
    /// Of an event whose order is unknown: the node whose sending must precede it and was not heard in time.
    pub missing: Option<NodeId>,
    /// How long it waited for what it follows from: it arrived so much before `at`.
    pub waited: Duration,
}

#[allow(clippy::large_enum_variant, reason = "snapshots are few; events are what comes most, and are the middle size")]
#[derive(Clone, PartialEq, Debug)]
pub enum What {
    /// The nodes that are watched, and why they cannot be killed or started from there, if so.
    Nodes {
        nodes: Vec<(NodeId, String)>,
        no_launcher: Option<String>,
    },
    /// A snapshot, one event, a loss or a broken connection.
    Observed(NodeId, Observed),
    /// What the launcher says of a process.
    Process(NodeId, ProcessSeen),
    /// Somebody asked for this, as it would be typed. Numbers count from the beginning of the recording.
    Begin {
        number: u64,
        line: String,
    },
    /// How it ended and how long it took; the outcome [`reduced`].
    End {
        number: u64,
        took: Duration,
        outcome: Outcome,
    },
    Mark(Mark),
}

/// What the launcher says of a node's process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProcessSeen {
    Running,
    Paused,
    /// A person ended it.
    Killed,
    /// It ended by itself, and how.
    Ended(String),
}

/// A place to come back to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    pub kind: MarkKind,
    pub text: String,
    /// The events that show it.
    pub evidence: Vec<Source>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MarkKind {
    Bookmark,
    /// A step of a scenario.
    Scenario,
    /// How a scenario has ended; the text begins with the verdict's word and the scenario's name.
    Verdict,
    /// A check has found something that must not be.
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

    /// About how much memory it takes, in bytes. Keys and values are shared with the state that holds them, and counted
    /// nonetheless.
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
            What::End { outcome, .. } => outcome.lines.iter().map(|line| size_of_val(line) + line.text.len()).sum(),
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

/// An outcome with no more of its answer than a tape keeps.
pub fn reduced(outcome: &Outcome) -> Outcome {
    let line = |line: &Line| match line.text.char_indices().nth(LINE_CHARACTERS_MAX) {
        Some((end, _)) => Line { tone: line.tone, text: format!("{}…", &line.text[..end]) },
        None => line.clone(),
    };
    let is_small = outcome.json.to_string().len() <= JSON_BYTES_MAX;
    let json = if is_small { outcome.json.clone() } else { serde_json::Value::Null };
    Outcome { exit: outcome.exit, lines: outcome.lines.iter().take(LINES_MAX).map(line).collect(), json }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Tone;

    #[test]
    fn an_answer_is_cut_where_it_is_long() {
        let long = "ü".repeat(LINE_CHARACTERS_MAX + 1);
        let lines = std::iter::repeat_n(long, LINES_MAX + 1);
        let json = serde_json::json!("x".repeat(JSON_BYTES_MAX));
        let outcome = reduced(&Outcome::done(json).lines(Tone::Result, lines));
        assert_eq!((outcome.lines.len(), outcome.json), (LINES_MAX, serde_json::Value::Null));
        assert_eq!(outcome.lines[0].text.chars().count(), LINE_CHARACTERS_MAX + 1, "with the ellipsis");
    }
}
