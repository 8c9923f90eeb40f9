//! What was asked of the cluster from here, by key or by line, and how each ended. Bounded; the oldest go first.

use std::collections::VecDeque;
use std::time::Duration;

use epoca::protocol::EntryId;

use crate::command::{Exit, Line, Outcome};
use crate::console::text::cut;
use crate::lang::Localized;
use crate::tape::is_judged;

/// How many operations are kept.
pub const OPERATIONS_MAX: usize = 500;

/// How many lines of an operation's answer are kept, and how many columns of each.
pub const LINES_MAX: usize = 1_000;
const LINE_COLUMNS_MAX: usize = 1_000;

#[derive(Clone, Debug)]
pub struct Operation {
    pub number: u64,
    /// As it would be typed.
    pub line: String,
    /// What it said on its way; only the newest.
    pub progress: Option<Localized>,
    pub end: Option<End>,
}

#[derive(Clone, Debug)]
pub struct End {
    pub took: Duration,
    pub exit: Exit,
    pub lines: Vec<Line>,
    /// How many lines more the answer had.
    pub omitted: usize,
    /// A read that found nothing: an answer like any other.
    pub is_absent: bool,
    /// Where nothing had to be found: the entry that is not final yet at the node that was asked.
    pub not_yet: Option<EntryId>,
}

impl Operation {
    /// The lines below the first: all of an answer that one line cannot hold.
    pub fn answer(&self) -> &[Line] {
        match &self.end {
            Some(end) if end.lines.len() > 1 => &end.lines,
            _ => &[],
        }
    }

    /// What it came to, if one line says it.
    pub fn summary(&self) -> Option<&Localized> {
        match &self.end {
            Some(end) if end.lines.len() > 1 => None,
            Some(end) => end.lines.first().map(|line| &line.text),
            None => self.progress.as_ref(),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Operations {
    list: VecDeque<Operation>,
    last: u64,
    judged: usize,
}

impl Operations {
    pub fn list(&self) -> &VecDeque<Operation> {
        &self.list
    }

    /// The one that was asked last.
    pub fn newest(&self) -> Option<&Operation> {
        self.list.back()
    }

    /// How many lines they take, each with its answer.
    pub fn lines(&self) -> usize {
        let not_yet = |operation: &Operation| operation.end.as_ref().is_some_and(|end| end.not_yet.is_some());
        self.list.iter().map(|operation| 1 + usize::from(not_yet(operation)) + operation.answer().len()).sum()
    }

    /// Notes a new operation and gives its number.
    pub fn begin(&mut self, line: &str) -> u64 {
        self.note(self.last + 1, line);
        self.last
    }

    /// Notes an operation that has its number already.
    pub fn note(&mut self, number: u64, line: &str) {
        self.last = number;
        self.list.push_back(Operation { number, line: line.trim().to_owned(), progress: None, end: None });
        if self.list.len() > OPERATIONS_MAX {
            self.list.pop_front();
        }
    }

    pub fn progress(&mut self, number: u64, text: Localized) -> bool {
        self.find_mut(number).map(|operation| operation.progress = Some(text)).is_some()
    }

    pub fn end(&mut self, number: u64, took: Duration, outcome: Outcome) -> bool {
        if self.find(number).is_some_and(|operation| is_judged(&operation.line, &outcome)) {
            self.judged += 1;
        }
        let is_absent = outcome.json["found"] == false;
        let Outcome { exit, mut lines, .. } = outcome;
        let omitted = lines.len().saturating_sub(LINES_MAX);
        lines.truncate(LINES_MAX);
        for line in &mut lines {
            if line.text.bytes() > LINE_COLUMNS_MAX {
                line.text = line.text.map(|text| cut(text, LINE_COLUMNS_MAX));
            }
        }
        self.find_mut(number)
            .map(|operation| operation.end = Some(End { took, exit, lines, omitted, is_absent, not_yet: None }))
            .is_some()
    }

    /// An operation that is kept.
    pub fn find(&self, number: u64) -> Option<&Operation> {
        self.list.iter().rev().find(|operation| operation.number == number)
    }

    /// How many have ended so that the check of their order looks at them.
    pub fn judged(&self) -> usize {
        self.judged
    }

    /// The read that has ended had to find nothing: this entry is not final yet.
    pub fn was_not_yet(&mut self, number: u64, entry: EntryId) {
        if let Some(end) = self.find_mut(number).and_then(|operation| operation.end.as_mut()) {
            end.not_yet = Some(entry);
        }
    }

    fn find_mut(&mut self, number: u64) -> Option<&mut Operation> {
        self.list.iter_mut().rev().find(|operation| operation.number == number)
    }
}
