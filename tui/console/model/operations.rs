//! The operations that this console requested, by key or by line, and their results. Bounded; the oldest are dropped
//! first.

use std::collections::VecDeque;
use std::time::Duration;

use epoca::protocol::EntryId;

use crate::command::{Exit, Line, Outcome};
use crate::console::text::cut;
use crate::lang::Localized;
use crate::tape::is_judged;

/// Operations that are kept.
pub const OPERATIONS_MAX: usize = 500;

/// Lines of an answer that are kept, and columns of each line.
pub const LINES_MAX: usize = 1_000;
const LINE_COLUMNS_MAX: usize = 1_000;

#[derive(Clone, Debug)]
pub struct Operation {
    pub number: u64,
    /// As it would be typed.
    pub line: String,
    /// The newest progress message.
    pub progress: Option<Localized>,
    pub end: Option<End>,
}

#[derive(Clone, Debug)]
pub struct End {
    pub took: Duration,
    pub exit: Exit,
    pub lines: Vec<Line>,
    /// Number of further lines of the answer that are not kept.
    pub omitted: usize,
    /// A read that found nothing. That is a successful answer.
    pub is_absent: bool,
    /// The read had to find nothing: this entry of its key is not final at the node that answered.
    pub not_final: Option<EntryId>,
}

impl Operation {
    /// The answer, if it has more than one line.
    pub fn answer(&self) -> &[Line] {
        match &self.end {
            Some(end) if end.lines.len() > 1 => &end.lines,
            _ => &[],
        }
    }

    /// The answer, if one line holds it; while the operation runs, its progress.
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

    /// The latest operation.
    pub fn newest(&self) -> Option<&Operation> {
        self.list.back()
    }

    /// Lines of all operations with their answers.
    pub fn lines(&self) -> usize {
        let not_final = |operation: &Operation| operation.end.as_ref().is_some_and(|end| end.not_final.is_some());
        self.list.iter().map(|operation| 1 + usize::from(not_final(operation)) + operation.answer().len()).sum()
    }

    /// Adds an operation and returns its number.
    pub fn begin(&mut self, line: &str) -> u64 {
        self.note(self.last + 1, line);
        self.last
    }

    /// Adds an operation that has a number.
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
            .map(|operation| operation.end = Some(End { took, exit, lines, omitted, is_absent, not_final: None }))
            .is_some()
    }

    /// An operation by number, if it is kept.
    pub fn find(&self, number: u64) -> Option<&Operation> {
        self.list.iter().rev().find(|operation| operation.number == number)
    }

    /// Number of ended operations that the linearizability check considers.
    pub fn judged(&self) -> usize {
        self.judged
    }

    /// Marks a read that found nothing because this entry is not final yet.
    pub fn set_not_final(&mut self, number: u64, entry: EntryId) {
        if let Some(end) = self.find_mut(number).and_then(|operation| operation.end.as_mut()) {
            end.not_final = Some(entry);
        }
    }

    fn find_mut(&mut self, number: u64) -> Option<&mut Operation> {
        self.list.iter_mut().rev().find(|operation| operation.number == number)
    }
}
