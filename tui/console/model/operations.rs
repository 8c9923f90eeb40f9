//! What was asked of the cluster from here, by key or by line, and how each ended. Bounded; the oldest go first.

use std::collections::VecDeque;
use std::time::Duration;

use crate::command::{Exit, Line, Outcome};
use crate::console::text::cut;

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
    pub progress: Option<String>,
    pub end: Option<End>,
}

#[derive(Clone, Debug)]
pub struct End {
    pub took: Duration,
    pub exit: Exit,
    pub lines: Vec<Line>,
    /// How many lines more the answer had.
    pub omitted: usize,
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
    pub fn summary(&self) -> Option<&str> {
        match &self.end {
            Some(end) if end.lines.len() > 1 => None,
            Some(end) => end.lines.first().map(|line| line.text.as_str()),
            None => self.progress.as_deref(),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Operations {
    list: VecDeque<Operation>,
    last: u64,
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
        self.list.iter().map(|operation| 1 + operation.answer().len()).sum()
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

    pub fn progress(&mut self, number: u64, text: String) -> bool {
        self.find(number).map(|operation| operation.progress = Some(text)).is_some()
    }

    pub fn end(&mut self, number: u64, took: Duration, outcome: Outcome) -> bool {
        let Outcome { exit, mut lines, .. } = outcome;
        let omitted = lines.len().saturating_sub(LINES_MAX);
        lines.truncate(LINES_MAX);
        for line in &mut lines {
            if line.text.len() > LINE_COLUMNS_MAX {
                line.text = cut(&line.text, LINE_COLUMNS_MAX);
            }
        }
        self.find(number).map(|operation| operation.end = Some(End { took, exit, lines, omitted })).is_some()
    }

    fn find(&mut self, number: u64) -> Option<&mut Operation> {
        self.list.iter_mut().rev().find(|operation| operation.number == number)
    }
}
