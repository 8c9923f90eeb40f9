//! The account of a run: what its report events add up to.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use epoca::protocol::NodeId;

use super::excerpt::Excerpt;
use super::messages;
use super::presenter::Wait;
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
    /// The current heading.
    pub step: Option<usize>,
    /// The step of a tour from which a question was asked.
    pub origin: Option<usize>,
    /// Where the run waits for a person.
    pub waits: Option<Wait>,
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
    /// A person ended it.
    pub is_stopped: bool,
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
            step: None,
            origin: None,
            waits: None,
            repeated: Vec::new(),
            end: None,
        }
    }

    pub fn apply(&mut self, event: ReportEvent) {
        match event {
            ReportEvent::Started(_) | ReportEvent::CommandSent { .. } | ReportEvent::CommandAnswered { .. } => {}
            ReportEvent::NodesNamed(names) => self.names = names,
            ReportEvent::Note(note) => self.note = note,
            ReportEvent::ItemStarted(item) => self.start(item),
            ReportEvent::Waits(wait) => self.waits = wait,
            ReportEvent::Cleared(heading) => self.clear(heading),
            ReportEvent::Stopped { took } => {
                (self.now, self.waits) = (None, None);
                self.end = Some(RunEnd { verdict: Verdict::Unknown, is_stopped: true, why: self.shown(), took });
            }
            ReportEvent::ItemEnded(item, result) => {
                self.now = None;
                if let Some(place) = self.results.get_mut(item) {
                    *place = Some(result);
                }
            }
            ReportEvent::Repeated { from, why } => self.repeat(from, why),
            ReportEvent::PartEnded { heading, before, after } => self.parts.push(Part { heading, before, after }),
            ReportEvent::Ended { verdict, why, took } => {
                (self.now, self.waits) = (None, None);
                self.end = Some(RunEnd { verdict, is_stopped: false, why, took });
            }
        }
    }

    fn start(&mut self, item: usize) {
        self.now = Some(item);
        if !is_heading(&self.script.items[item].kind) {
            return;
        }
        let is_question = |heading: usize| matches!(self.script.items[heading].kind, ItemKind::Question { .. });
        self.origin = match is_question(item) {
            true => self.step.filter(|step| !is_question(*step)).or(self.origin),
            false => None,
        };
        self.step = Some(item);
    }

    /// Forgets the results of a step that runs again.
    fn clear(&mut self, heading: usize) {
        let range = self.items_of(heading);
        self.results[range.clone()].fill(None);
        self.parts.retain(|part| part.heading.is_none_or(|other| other != heading));
    }

    /// Forgets the results of a void attempt.
    fn repeat(&mut self, from: usize, why: Localized) {
        let range = if self.script.has_independent_parts() { self.items_of(from) } else { 0..self.results.len() };
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
        // The questions of a tour are asked or not.
        let end = self.script.questions().next().unwrap_or(usize::MAX);
        let counted = || self.script.expectations().filter(|index| *index < end);
        (counted().filter(passed).count(), counted().count())
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

    /// The headings of a tour's steps, in their order: all but the questions.
    pub fn steps(&self) -> impl Iterator<Item = usize> {
        self.headings().filter(|heading| !matches!(self.script.items[*heading].kind, ItemKind::Question { .. }))
    }

    /// The place of a step among the steps, from 1, and their number. `None` for a question.
    pub fn place(&self, heading: usize) -> Option<(usize, usize)> {
        let place = self.steps().position(|step| step == heading)?;
        Some((place + 1, self.steps().count()))
    }

    /// What a run has shown that did not show everything.
    pub fn shown(&self) -> Localized {
        let label = |heading: usize| self.script.items[heading].label();
        let has_labels = self.steps().any(|step| label(step).is_some());
        let name = |(index, heading): (usize, usize)| match label(heading) {
            Some(label) => Some(label.to_owned()),
            // An opening and a closing beside labelled steps show no line of their own.
            None => (!has_labels).then(|| (index + 1).to_string()),
        };
        let list = |is_wanted: &dyn Fn(Option<Verdict>) -> bool| {
            let steps = self.steps().enumerate().filter(|(_, step)| is_wanted(self.verdict_of(*step)));
            steps.filter_map(name).collect::<Vec<_>>().join(" ")
        };
        let shown = list(&|verdict| verdict == Some(Verdict::Pass));
        let failed = list(&|verdict| verdict.is_some_and(|verdict| verdict != Verdict::Pass));
        let left_out = list(&|verdict| verdict.is_none());
        messages::stopped(has_labels, [&shown, &failed, &left_out])
    }

    pub fn headings(&self) -> impl Iterator<Item = usize> {
        let items = self.script.items.iter().enumerate();
        items.filter(|(_, item)| is_heading(&item.kind)).map(|(index, _)| index)
    }
}

pub fn is_heading(kind: &ItemKind) -> bool {
    matches!(kind, ItemKind::Step | ItemKind::Graded { .. } | ItemKind::Question { .. })
}
