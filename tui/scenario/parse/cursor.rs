//! One line of a scenario, read word by word; every mistake knows its column.

use std::time::Duration;

use epoca::protocol::NodeId;

use super::Mistake;
use crate::command::grammar::Node;

pub(super) struct Cursor<'a> {
    text: &'a str,
    number: usize,
    /// The byte from which on nothing was read yet.
    next: usize,
}

/// A word and the byte at which it begins.
#[derive(Clone, Copy)]
pub(super) struct Word<'a> {
    pub text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str, number: usize) -> Cursor<'a> {
        Cursor { text, number, next: 0 }
    }

    pub fn line(&self) -> usize {
        self.number
    }

    pub fn whole(&self) -> &'a str {
        self.text.trim()
    }

    /// What was not read yet, without the space before it.
    pub fn ahead(&self) -> &'a str {
        self.text[self.next..].trim_start()
    }

    pub fn more(&self) -> bool {
        !self.ahead().is_empty()
    }

    fn start(&self) -> usize {
        self.text.len() - self.ahead().len()
    }

    /// The column of what comes next.
    pub fn peek(&self) -> usize {
        self.column(self.start())
    }

    fn column(&self, byte: usize) -> usize {
        self.text[..byte].chars().count() + 1
    }

    pub fn skip(&mut self, bytes: usize) {
        self.next = self.start() + bytes;
    }

    pub fn rest(&mut self) -> &'a str {
        let rest = self.ahead();
        self.next = self.text.len();
        rest
    }

    pub fn word(&mut self, expected: &str) -> Result<Word<'a>, Mistake> {
        let at = self.start();
        let text = self.ahead().split_whitespace().next();
        let text = text.ok_or_else(|| self.here(&format!("expected {expected}")))?;
        self.next = at + text.len();
        Ok(Word { text, at })
    }

    /// The next word without taking it.
    pub fn ahead_word(&self) -> Option<&'a str> {
        self.ahead().split_whitespace().next()
    }

    /// Takes the next word if it is this one.
    pub fn take(&mut self, word: &str) -> bool {
        let found = self.ahead_word() == Some(word);
        if found {
            self.skip(word.len());
        }
        found
    }

    pub fn exactly(&mut self, word: &str) -> Result<(), Mistake> {
        if self.take(word) { Ok(()) } else { Err(self.here(&format!("expected {word}"))) }
    }

    pub fn end(&self) -> Result<(), Mistake> {
        if self.more() { Err(self.here("nothing more is expected in this line")) } else { Ok(()) }
    }

    pub fn number(&mut self, what: &str) -> Result<u64, Mistake> {
        let word = self.word(what)?;
        word.text.parse().map_err(|_| self.at(word, &format!("expected {what}")))
    }

    pub fn duration(&mut self) -> Result<Duration, Mistake> {
        let word = self.word("a time, as 2s or 500ms")?;
        duration(word.text).ok_or_else(|| self.at(word, "expected a time up to an hour, as 2s or 500ms"))
    }

    pub fn node_id(&mut self) -> Result<NodeId, Mistake> {
        let word = self.word("a node, as n3")?;
        word.text.parse::<Node>().map(|node| node.0).map_err(|why| self.at(word, &why))
    }

    pub fn here(&self, message: &str) -> Mistake {
        self.at_column(self.peek(), message)
    }

    pub fn at(&self, word: Word, message: &str) -> Mistake {
        self.at_column(self.column(word.at), &format!("{message}; found {:?}", word.text))
    }

    pub fn at_column(&self, column: usize, message: &str) -> Mistake {
        Mistake { line: self.number, column, message: message.to_owned() }
    }
}

/// `2s`, `0.5s` or `500ms`, at most an hour.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s')?, 1.0),
    };
    let seconds = number.parse::<f64>().ok()? * unit;
    (0.001..=3_600.0).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}
