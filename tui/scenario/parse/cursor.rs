//! One line of a scenario, read word by word. Every mistake has its column.

use std::time::Duration;

use epoca::protocol::NodeId;

use super::{Mistake, expected};
use crate::command::grammar::Node;
use crate::lang::{Localized, Text};

pub(super) struct Cursor<'a> {
    text: &'a str,
    number: usize,
    /// The first byte that is not read yet.
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

    /// The whole line.
    pub fn whole(&self) -> &'a str {
        self.text.trim()
    }

    /// The unread part without leading spaces.
    pub fn ahead(&self) -> &'a str {
        self.text[self.next..].trim_start()
    }

    pub fn has_more(&self) -> bool {
        !self.ahead().is_empty()
    }

    fn start(&self) -> usize {
        self.text.len() - self.ahead().len()
    }

    /// The column of the next word.
    pub fn next_column(&self) -> usize {
        self.column(self.start())
    }

    fn column(&self, byte: usize) -> usize {
        self.text[..byte].chars().count() + 1
    }

    pub fn skip(&mut self, bytes: usize) {
        self.next = self.start() + bytes;
    }

    /// Reads the rest of the line.
    pub fn rest(&mut self) -> &'a str {
        let rest = self.ahead();
        self.next = self.text.len();
        rest
    }

    /// Reads a word; `what` is what a mistake names as missing.
    pub fn word(&mut self, what: Text) -> Result<Word<'a>, Mistake> {
        let at = self.start();
        let text = self.ahead().split_whitespace().next();
        let text = text.ok_or_else(|| self.missing(what))?;
        self.next = at + text.len();
        Ok(Word { text, at })
    }

    /// The next word, without reading it.
    pub fn ahead_word(&self) -> Option<&'a str> {
        self.ahead().split_whitespace().next()
    }

    /// Reads the next word if it is this one.
    pub fn take(&mut self, word: &str) -> bool {
        let is_it = self.ahead_word() == Some(word);
        if is_it {
            self.skip(word.len());
        }
        is_it
    }

    pub fn exactly(&mut self, word: &str) -> Result<(), Mistake> {
        if self.take(word) { Ok(()) } else { Err(self.here(expected::this(word))) }
    }

    pub fn end(&self) -> Result<(), Mistake> {
        if self.has_more() { Err(self.here(expected::NOTHING_MORE.into())) } else { Ok(()) }
    }

    pub fn number(&mut self, what: Text) -> Result<u64, Mistake> {
        let word = self.word(what)?;
        word.text.parse().map_err(|_| self.wrong(word, what))
    }

    pub fn duration(&mut self) -> Result<Duration, Mistake> {
        let word = self.word(expected::TIME)?;
        duration(word.text).ok_or_else(|| self.wrong(word, expected::TIME_TO_AN_HOUR))
    }

    pub fn node_id(&mut self) -> Result<NodeId, Mistake> {
        let word = self.word(expected::NODE_ID)?;
        word.text.parse::<Node>().map(|node| node.0).map_err(|why| self.at(word, &why.0))
    }

    /// Something is missing here.
    pub fn missing(&self, what: Text) -> Mistake {
        self.here(expected::a(what))
    }

    /// Another word was expected.
    pub fn wrong(&self, word: Word, what: Text) -> Mistake {
        self.at(word, &expected::a(what))
    }

    pub fn here(&self, message: Localized) -> Mistake {
        self.at_column(self.next_column(), message)
    }

    pub fn at(&self, word: Word, message: &Localized) -> Mistake {
        self.at_column(self.column(word.at), expected::found(message, word.text))
    }

    pub fn at_column(&self, column: usize, message: Localized) -> Mistake {
        Mistake { line: self.number, column, message }
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
