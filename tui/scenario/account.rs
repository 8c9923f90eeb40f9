//! The account of a run: what its report events add up to.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use epoca::protocol::NodeId;

use super::excerpt::Excerpt;
use super::report_events::{ItemResult, ReportEvent, Verdict};
use super::script::{ItemKind, Points, Script};
use crate::lang::Localized;

#[derive(Clone, Debug)]
pub struct Run {
    pub script: Arc<Script>,
    pub names: Vec<(String, NodeId)>,
    /// The item that is in progress.
    pub now: Option<usize>,
    /// The result of each item, in the script's order.
    pub results: Vec<Option<ItemResult>>,
    pub parts: Vec<Part>,
    pub note: Localized,
    /// Void attempts: the item from which on all was repeated, and why.
    pub repeated: Vec<(usize, Localized)>,
    pub end: Option<RunEnd>,
}

/// The logs at the beginning and at the end of the items below a heading.
#[derive(Clone, Debug)]
pub struct Part {
    pub heading: Option<usize>,
    pub before: Excerpt,
    pub after: Excerpt,
}

#[derive(Clone, Debug)]
pub struct RunEnd {
    pub verdict: Verdict,
    pub why: Localized,
    pub took: Duration,
}

impl Run {
    pub fn new(script: Arc<Script>) -> Run {
        let results = script.items.iter().map(|_| None).collect();
        Run {
            script,
            names: Vec::new(),
            now: None,
            results,
            parts: Vec::new(),
            note: Localized::default(),
            repeated: Vec::new(),
            end: None,
        }
    }

    pub fn apply(&mut self, event: ReportEvent) {
        match event {
            ReportEvent::Started(_) | ReportEvent::CommandSent { .. } | ReportEvent::CommandAnswered { .. } => {}
            ReportEvent::NodesNamed(names) => self.names = names,
            ReportEvent::Note(note) => self.note = note,
            ReportEvent::ItemStarted(item) => self.now = Some(item),
            ReportEvent::ItemEnded(item, result) => {
                self.now = None;
                if let Some(place) = self.results.get_mut(item) {
                    *place = Some(result);
                }
            }
            ReportEvent::Repeated { from, why } => self.repeat(from, why),
            ReportEvent::PartEnded { heading, before, after } => self.parts.push(Part { heading, before, after }),
            ReportEvent::Ended { verdict, why, took } => {
                self.now = None;
                self.end = Some(RunEnd { verdict, why, took });
            }
        }
    }

    /// Forgets the results of a void attempt.
    fn repeat(&mut self, from: usize, why: Localized) {
        let range = if self.script.is_sheet() { self.items_of(from) } else { 0..self.results.len() };
        self.results[range.clone()].fill(None);
        let is_void = |part: &Part| part.heading.is_none_or(|heading| heading == from || range.contains(&heading));
        self.parts.retain(|part| !is_void(part));
        (self.now, self.end) = (None, None);
        self.repeated.push((from, why));
    }

    /// The verdict so far; unknown until the run has ended.
    pub fn verdict(&self) -> Verdict {
        self.end.as_ref().map_or(Verdict::Unknown, |end| end.verdict)
    }

    /// How many expectations are met, and how many there are.
    pub fn ticked(&self) -> (usize, usize) {
        let passed =
            |index: &usize| self.results[*index].as_ref().is_some_and(|result| result.verdict == Verdict::Pass);
        (self.script.expectations().filter(passed).count(), self.script.expectations().count())
    }

    /// The points of the sheet's passed lines, and of all lines.
    pub fn points(&self) -> (Points, Points) {
        let of = |heading: usize| match self.script.items[heading].kind {
            ItemKind::Graded { points: Some(points), .. } => points,
            _ => Points::default(),
        };
        let passed = |heading: &usize| self.verdict_of(*heading) == Some(Verdict::Pass);
        (self.headings().filter(passed).map(of).sum(), self.headings().map(of).sum())
    }

    /// The items between a heading and the next one.
    pub fn items_of(&self, heading: usize) -> Range<usize> {
        let next = self.script.items[heading + 1..].iter().position(|item| is_heading(&item.kind));
        heading + 1..next.map_or(self.script.items.len(), |next| heading + 1 + next)
    }

    /// The worst verdict of the items below a heading; `None` while none is worse than passed and some have not ended.
    pub fn verdict_of(&self, heading: usize) -> Option<Verdict> {
        let verdicts = self.items_of(heading).map(|index| self.results[index].as_ref().map(|result| result.verdict));
        let verdicts: Vec<Option<Verdict>> = verdicts.collect();
        let worst = verdicts.iter().flatten().max().copied();
        if worst.is_some_and(|worst| worst != Verdict::Pass) {
            return worst;
        }
        verdicts.iter().all(Option::is_some).then(|| worst.unwrap_or(Verdict::Unknown))
    }

    pub fn headings(&self) -> impl Iterator<Item = usize> {
        let items = self.script.items.iter().enumerate();
        items.filter(|(_, item)| is_heading(&item.kind)).map(|(index, _)| index)
    }
}

pub fn is_heading(kind: &ItemKind) -> bool {
    matches!(kind, ItemKind::Step | ItemKind::Graded { .. })
}
