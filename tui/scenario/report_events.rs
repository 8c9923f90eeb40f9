//! What a run tells while it goes on, and the account that it adds up to: the same for the shell, the console, and the
//! report.

use std::sync::Arc;
use std::time::Duration;

use epoca::protocol::NodeId;
use epoca::protocol::trace::Fact;

use super::excerpt::Excerpt;
use super::script::{ItemKind, Points, Script};
use crate::command::Outcome;
use crate::lang::Lang;
use crate::console::words::scenario as words;
use crate::tape::MarkKind;

/// How a scenario ends, and how each of its steps does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verdict {
    Pass,
    /// It could not be observed, or an outcome is unknown where a definite one was needed.
    Unknown,
    Fail,
}

impl Verdict {
    /// From the word that a recording has.
    pub fn from_name(name: &str) -> Option<Verdict> {
        [Verdict::Pass, Verdict::Unknown, Verdict::Fail].into_iter().find(|verdict| verdict.name() == name)
    }

    /// As programs and recordings have it.
    pub const fn name(self) -> &'static str {
        self.word(Lang::English)
    }

    pub const fn word(self, lang: Lang) -> &'static str {
        match self {
            Verdict::Pass => words::PASS.to(lang),
            Verdict::Unknown => words::UNKNOWN.to(lang),
            Verdict::Fail => words::FAIL.to(lang),
        }
    }
}

/// What shows that a step is so.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Evidence {
    /// Whose event or state it is; `None` for an answer to a client.
    pub node: Option<NodeId>,
    /// The event's number in its node's trace; of a state, the last event that it includes.
    pub event: Option<u64>,
    /// The rule of the protocol that fired, or `state`, `answer`, `read`, `disk`.
    pub rule: &'static str,
    pub text: String,
    /// The entries that it speaks of, as `e1·o2#4f2a x=1`.
    pub entries: Vec<String>,
    /// The event itself, to be told in words.
    pub fact: Option<Fact>,
}

#[derive(Clone, Debug)]
pub enum Told {
    Began(Arc<Script>),
    /// The nodes' names, once they are chosen; again when one is bound later.
    Named(Vec<(String, NodeId)>),
    /// Something beside the steps, such as order being restored.
    Note(String),
    /// An item is under way.
    Now(usize),
    /// This is asked of the cluster.
    Asked {
        number: u64,
        line: String,
    },
    /// How that ended; perhaps long after.
    Answered {
        number: u64,
        outcome: Outcome,
        took: Duration,
    },
    /// An item has ended.
    Done(usize, Done),
    /// The attempt from this item on was void, and why; it is made again. The whole scenario, or a line of the sheet.
    Again {
        from: usize,
        why: String,
    },
    /// What the logs held when a part began and when it ended.
    Part {
        heading: Option<usize>,
        before: Excerpt,
        after: Excerpt,
    },
    Ended {
        verdict: Verdict,
        why: String,
        took: Duration,
    },
}

impl Told {
    /// What stands at this place in a recording: an expectation that has ended, or the verdict.
    pub fn mark(&self, script: &Script) -> Option<String> {
        match self {
            Told::Done(index, done) => {
                let item = script.items.get(*index).filter(|item| !matches!(item.kind, ItemKind::Do(_)))?;
                Some(format!("{} {}", done.verdict.name(), item.line))
            }
            Told::Ended { verdict, why, .. } => Some(format!("{} {} {why}", verdict.name(), script.name)),
            _ => None,
        }
    }

    /// Of which kind that mark is.
    pub fn mark_kind(&self) -> MarkKind {
        if matches!(self, Told::Ended { .. }) { MarkKind::Verdict } else { MarkKind::Scenario }
    }
}

/// How an item ended.
#[derive(Clone, Debug)]
pub struct Done {
    pub verdict: Verdict,
    pub evidence: Vec<Evidence>,
    /// Why it is not passed; or what a command answered.
    pub text: String,
    pub took: Duration,
}

/// The account of a run, from what was told so far.
#[derive(Clone, Debug)]
pub struct Run {
    pub script: Arc<Script>,
    pub names: Vec<(String, NodeId)>,
    pub now: Option<usize>,
    /// For each item, in the script's order.
    pub done: Vec<Option<Done>>,
    pub parts: Vec<Part>,
    pub note: String,
    /// Attempts that were void: the item from which on all was done again, and why.
    pub again: Vec<(usize, String)>,
    pub end: Option<End>,
}

#[derive(Clone, Debug)]
pub struct Part {
    pub heading: Option<usize>,
    pub before: Excerpt,
    pub after: Excerpt,
}

#[derive(Clone, Debug)]
pub struct End {
    pub verdict: Verdict,
    pub why: String,
    pub took: Duration,
}

impl Run {
    pub fn new(script: Arc<Script>) -> Run {
        let done = script.items.iter().map(|_| None).collect();
        Run {
            script,
            names: Vec::new(),
            now: None,
            done,
            parts: Vec::new(),
            note: String::new(),
            again: Vec::new(),
            end: None,
        }
    }

    pub fn take(&mut self, told: Told) {
        match told {
            Told::Began(_) | Told::Asked { .. } | Told::Answered { .. } => {}
            Told::Named(names) => self.names = names,
            Told::Note(note) => self.note = note,
            Told::Now(item) => self.now = Some(item),
            Told::Done(item, done) => {
                self.now = None;
                if let Some(place) = self.done.get_mut(item) {
                    *place = Some(done);
                }
            }
            Told::Again { from, why } => {
                let range = if self.script.is_sheet() { self.items_of(from) } else { 0..self.done.len() };
                self.done[range.clone()].fill(None);
                let is_again =
                    |part: &Part| part.heading.is_none_or(|heading| heading == from || range.contains(&heading));
                self.parts.retain(|part| !is_again(part));
                (self.now, self.end) = (None, None);
                self.again.push((from, why));
            }
            Told::Part { heading, before, after } => self.parts.push(Part { heading, before, after }),
            Told::Ended { verdict, why, took } => {
                self.now = None;
                self.end = Some(End { verdict, why, took });
            }
        }
    }

    /// Ticked steps, and all.
    pub fn ticked(&self) -> (usize, usize) {
        let passed = |index: &usize| self.done[*index].as_ref().is_some_and(|done| done.verdict == Verdict::Pass);
        (self.script.expectations().filter(passed).count(), self.script.expectations().count())
    }

    /// The points of the sheet's lines that passed, and of all.
    pub fn points(&self) -> (Points, Points) {
        let of = |heading: usize| match self.script.items[heading].kind {
            ItemKind::Graded { points: Some(points), .. } => points,
            _ => Points::default(),
        };
        let passed = |heading: &usize| self.verdict_of(*heading) == Some(Verdict::Pass);
        (self.headings().filter(passed).map(of).sum(), self.headings().map(of).sum())
    }

    /// The items from a heading up to the next one.
    pub fn items_of(&self, heading: usize) -> std::ops::Range<usize> {
        let next = self.script.items[heading + 1..].iter().position(|item| is_heading(&item.kind));
        heading + 1..next.map_or(self.script.items.len(), |next| heading + 1 + next)
    }

    /// How the part below a heading stands: the worst of its items; `None` while some have not ended.
    pub fn verdict_of(&self, heading: usize) -> Option<Verdict> {
        let done = self.items_of(heading).map(|index| self.done[index].as_ref().map(|done| done.verdict));
        let known: Vec<Option<Verdict>> = done.collect();
        let worst = known.iter().flatten().max().copied();
        if worst.is_some_and(|worst| worst != Verdict::Pass) {
            return worst;
        }
        known.iter().all(Option::is_some).then(|| worst.unwrap_or(Verdict::Unknown))
    }

    pub fn headings(&self) -> impl Iterator<Item = usize> {
        let items = self.script.items.iter().enumerate();
        items.filter(|(_, item)| is_heading(&item.kind)).map(|(index, _)| index)
    }
}

pub fn is_heading(kind: &ItemKind) -> bool {
    matches!(kind, ItemKind::Step | ItemKind::Graded { .. })
}
