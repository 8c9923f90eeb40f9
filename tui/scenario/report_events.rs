//! The events that a run reports while it proceeds: the same for the shell, the console and the report.

use std::sync::Arc;
use std::time::Duration;

use epoca::protocol::NodeId;
use epoca::protocol::trace::Fact;

use super::excerpt::Excerpt;
use super::presenter::Wait;
use super::script::{ItemKind, Script};
use crate::command::Outcome;
use crate::lang::{Lang, Localized, Text, text};
use crate::tape::MarkKind;

/// The result of a scenario or of one step. The greater one is worse.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verdict {
    Pass,
    /// It could not be observed, or an outcome is unknown where a definite one is needed.
    Unknown,
    Fail,
}

impl Verdict {
    /// From the name in a recording.
    pub fn from_name(name: &str) -> Option<Verdict> {
        [Verdict::Pass, Verdict::Unknown, Verdict::Fail].into_iter().find(|verdict| verdict.name() == name)
    }

    /// For programs and recordings.
    pub const fn name(self) -> &'static str {
        self.word(Lang::English)
    }

    pub const fn word(self, lang: Lang) -> &'static str {
        const PASS: Text = text("PASS", "PASSOU");
        const UNKNOWN: Text = text("UNKNOWN", "INDEFINIDO");
        const FAIL: Text = text("FAIL", "FALHOU");
        match self {
            Verdict::Pass => PASS.to(lang),
            Verdict::Unknown => UNKNOWN.to(lang),
            Verdict::Fail => FAIL.to(lang),
        }
    }

    /// A symbol that is clear without colours.
    pub const fn mark(self) -> &'static str {
        match self {
            Verdict::Pass => "✓",
            Verdict::Unknown => "?",
            Verdict::Fail => "✗",
        }
    }
}

/// The kind of an observation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum EvidenceKind {
    /// An event of a node, by the rule of the protocol that fired, as `C3`.
    Event(&'static str),
    /// A node's state as its events describe it.
    State,
    /// The answer to a client.
    #[default]
    Answer,
    /// Data that was read.
    Read,
    /// Data on a disk.
    Disk,
}

impl EvidenceKind {
    /// For programs.
    pub const fn name(self) -> &'static str {
        match self {
            EvidenceKind::Event(rule) => rule,
            EvidenceKind::State => "state",
            EvidenceKind::Answer => "answer",
            EvidenceKind::Read => "read",
            EvidenceKind::Disk => "disk",
        }
    }
}

/// An observation that meets an expectation.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Evidence {
    pub kind: EvidenceKind,
    /// The observed node; `None` for an answer to a client.
    pub node: Option<NodeId>,
    /// The event's number in its node's trace; for a state, the last event that it includes.
    pub event: Option<u64>,
    pub text: Localized,
    /// The entries in question, as `e1·o2#4f2a x=1`.
    pub entries: Vec<Localized>,
    /// The event itself; the console has a sentence for each.
    pub fact: Option<Fact>,
}

#[derive(Clone, Debug)]
pub enum ReportEvent {
    Started(Arc<Script>),
    /// The nodes' names, after they were chosen and whenever another is bound.
    NodesNamed(Vec<(String, NodeId)>),
    /// What happens beside the steps, as the cluster being restored. An empty note ends the last one.
    Note(Localized),
    ItemStarted(usize),
    CommandSent {
        number: u64,
        line: String,
    },
    /// The answer to a command, possibly long after it.
    CommandAnswered {
        number: u64,
        outcome: Outcome,
        took: Duration,
    },
    ItemEnded(usize, ItemResult),
    /// The attempt from this item on is void and repeated: the whole scenario, or a line of the sheet.
    Repeated {
        from: usize,
        why: Localized,
    },
    /// The run waits for a person; `None`: it goes on.
    Waits(Option<Wait>),
    /// The step of a tour below this heading runs again.
    Cleared(usize),
    /// A person ended the run.
    Stopped {
        took: Duration,
    },
    /// The logs at the beginning and at the end of a part.
    PartEnded {
        heading: Option<usize>,
        before: Excerpt,
        after: Excerpt,
    },
    Ended {
        verdict: Verdict,
        why: Localized,
        took: Duration,
    },
}

impl ReportEvent {
    /// The text of the mark that a recording gets here: for an expectation that has ended, and for the verdict.
    pub fn mark(&self, script: &Script) -> Option<String> {
        match self {
            ReportEvent::ItemEnded(index, result) => {
                let item = script.items.get(*index)?;
                if matches!(item.kind, ItemKind::Do(_) | ItemKind::Then) {
                    return None;
                }
                Some(format!("{} {}", result.verdict.name(), item.line))
            }
            ReportEvent::Stopped { .. } => Some(format!("{} {} {STOPPED}", Verdict::Unknown.name(), script.name)),
            ReportEvent::Ended { verdict, why, .. } => {
                Some(format!("{} {} {}", verdict.name(), script.name, why.to(Lang::English)))
            }
            _ => None,
        }
    }

    /// The kind of that mark.
    pub fn mark_kind(&self) -> MarkKind {
        if matches!(self, ReportEvent::Ended { .. }) { MarkKind::Verdict } else { MarkKind::Scenario }
    }
}

/// Ends the mark of a run that a person stopped.
pub const STOPPED: &str = "stopped";

/// The result of an item.
#[derive(Clone, Debug)]
pub struct ItemResult {
    pub verdict: Verdict,
    pub evidence: Vec<Evidence>,
    /// Why the item is not passed, or the answer of a command.
    pub text: Localized,
    pub took: Duration,
}
