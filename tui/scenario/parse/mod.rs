//! The parser of scenarios. A mistake has a line, a column and what was expected there.
//!
//! ```text
//! # a comment
//! title                                 indented texts belong to the line above
//!   en A replica returns
//!   pt Uma réplica volta
//! needs nodes 4 | needs own cluster | needs election-timeout 500ms | log n3 1:3 4:1 promise=7
//! step                                  a heading
//! line [LABEL] [POINTS]                 begins a line of the assignment's sheet, as `line 3b.2 0.20`
//! tour                                  a person paces the text; only such a text has these:
//!   question NAME                       begins the demonstration of an answer
//!   then                                waits inside a step; then, or a heading, may be followed by
//!   look REGION [NODE] | say | ask NAME | answer
//! do [NAME [2s]:] COMMAND               the shell's grammar; must succeed
//! try [NAME [2s]:] COMMAND              may end in any way
//! start [NAME [2s]:] COMMAND            runs while the scenario continues
//! load 4 clients | load stop | chaos 20s | wait 1s | restore
//! expect WHAT [within 10s] [repeating COMMAND]
//!   en what must be observed
//!   why.en why this happens
//!   sheet only                          not needed when a person shows the line by hand
//! ```

mod cursor;

mod expect;

mod expected;

mod presenter;

use std::time::Duration;

use epoca::protocol::Epoch;

use super::messages;
use super::script::{Action, CommandMode, Item, ItemKind, LogBefore, NamedCommand, Script};
use crate::command::parse_line;
use crate::lang::{Lang, Localized};
use cursor::{Cursor, duration};

/// A mistake in a text. Line and column count from 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    pub line: usize,
    pub column: usize,
    pub message: Localized,
}

impl Mistake {
    pub fn localized(&self) -> Localized {
        messages::mistake_at(self.line, self.column, &self.message)
    }
}

/// The greatest size of a text in bytes.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// What the indented lines below a line belong to.
enum Below {
    Nothing,
    Title,
    About,
    Item,
    Say,
    Answer,
}

pub fn parse(name: &str, text: &str) -> Result<Script, Mistake> {
    let mut script = Script { name: name.to_owned(), text: text.to_owned(), ..Script::default() };
    let mut below = Below::Nothing;
    for (index, line) in text.lines().enumerate() {
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let mut cursor = Cursor::new(line.trim_end(), index + 1);
        if line.starts_with([' ', '\t']) {
            add_text(&mut script, &below, &mut cursor)?;
        } else {
            below = read_line(&mut script, &mut cursor)?;
        }
    }
    let end = text.lines().count().max(1);
    let missing = |message| Err(Mistake { line: end, column: 1, message });
    if script.title.is_empty() {
        return missing(expected::title());
    }
    if script.expectations().next().is_none() {
        return missing(expected::an_expectation());
    }
    presenter::check(&script)?;
    Ok(script)
}

/// `en TEXT`, `pt TEXT`, `why.en TEXT`, `why.pt TEXT`, `sheet only`.
fn add_text(script: &mut Script, below: &Below, cursor: &mut Cursor) -> Result<(), Mistake> {
    let word = cursor.word(expected::INDENTED)?;
    if word.text == "sheet"
        && let (Below::Item, Some(item)) = (below, script.items.last_mut())
    {
        cursor.exactly("only")?;
        item.sheet_only = true;
        return cursor.end();
    }
    let (lang, why) = match word.text {
        "en" => (Lang::English, false),
        "pt" => (Lang::Portuguese, false),
        "why.en" => (Lang::English, true),
        "why.pt" => (Lang::Portuguese, true),
        _ => return Err(cursor.wrong(word, expected::INDENTED)),
    };
    let text = cursor.rest();
    let place: &mut Localized = match (below, why) {
        (Below::Title, false) => &mut script.title,
        (Below::About, false) => &mut script.about,
        (below @ (Below::Item | Below::Say | Below::Answer), why) => match (below, script.items.last_mut()) {
            (Below::Item, Some(item)) if why => &mut item.why,
            (Below::Item, Some(item)) => &mut item.words,
            (Below::Say, Some(item)) if !why => &mut item.notes.say,
            (Below::Answer, Some(item)) if !why => &mut item.notes.answer,
            (_, Some(_)) => return Err(cursor.at(word, &expected::no_such_text_above())),
            (_, None) => return Err(cursor.at(word, &expected::item_above())),
        },
        _ => return Err(cursor.at(word, &expected::no_such_text_above())),
    };
    if text.is_empty() {
        return Err(cursor.missing(expected::TEXT));
    }
    place.add(lang, text);
    Ok(())
}

fn read_line(script: &mut Script, cursor: &mut Cursor) -> Result<Below, Mistake> {
    let word = cursor.word(expected::LINE)?;
    let kind = match word.text {
        "title" | "about" => {
            cursor.end()?;
            return Ok(if word.text == "title" { Below::Title } else { Below::About });
        }
        "needs" => {
            needs(script, cursor)?;
            return Ok(Below::Nothing);
        }
        "log" => {
            script.needs.logs.push(log_before(cursor)?);
            return Ok(Below::Nothing);
        }
        "tour" => {
            script.is_tour = true;
            cursor.end()?;
            return Ok(Below::Nothing);
        }
        "look" | "say" | "ask" | "answer" if script.is_tour => {
            let below = presenter::notes(script, word, cursor)?;
            cursor.end()?;
            return Ok(below);
        }
        "then" if script.is_tour => ItemKind::Then,
        "question" if script.is_tour => ItemKind::Question { name: cursor.word(expected::QUESTION)?.text.to_owned() },
        "step" => ItemKind::Step,
        "line" => graded(cursor)?,
        "do" => ItemKind::Do(command(CommandMode::Do, cursor)?),
        "try" => ItemKind::Do(command(CommandMode::Try, cursor)?),
        "start" => ItemKind::Do(command(CommandMode::Start, cursor)?),
        "load" => ItemKind::Do(load(cursor)?),
        "chaos" => ItemKind::Do(Action::Chaos(cursor.duration()?)),
        "wait" => ItemKind::Do(Action::Wait(cursor.duration()?)),
        "restore" => ItemKind::Do(Action::Restore),
        "expect" => ItemKind::Expect(expect::expectation(cursor)?),
        _ => return Err(cursor.wrong(word, expected::LINE)),
    };
    cursor.end()?;
    let (words, why, notes) = Default::default();
    let (at, line) = (cursor.line(), cursor.whole().to_owned());
    script.items.push(Item { at, line, words, why, sheet_only: false, notes, kind });
    Ok(Below::Item)
}

/// `line [LABEL] [POINTS]`. A label is not a number.
fn graded(cursor: &mut Cursor) -> Result<ItemKind, Mistake> {
    let is_number = |word: &str| word.chars().all(|character| character.is_ascii_digit() || ".,".contains(character));
    let label = match cursor.ahead_word() {
        Some(word) if !is_number(word) => Some(cursor.word(expected::LABEL)?.text.to_owned()),
        _ => None,
    };
    let points = match cursor.has_more() {
        false => None,
        true => {
            let word = cursor.word(expected::POINTS)?;
            Some(word.text.parse().map_err(|why: Localized| cursor.at(word, &why))?)
        }
    };
    Ok(ItemKind::Graded { label, points })
}

fn needs(script: &mut Script, cursor: &mut Cursor) -> Result<(), Mistake> {
    let what = cursor.word(expected::NEED)?;
    match what.text {
        "nodes" => {
            let (at, nodes) = (cursor.next_column(), cursor.number(expected::NODE_COUNT)?);
            if !(1..=15).contains(&nodes) {
                return Err(cursor.at_column(at, expected::nodes_in_range()));
            }
            script.needs.nodes = Some(nodes);
        }
        "own" => {
            cursor.exactly("cluster")?;
            script.needs.own = true;
        }
        "election-timeout" => {
            script.needs.own = true;
            script.needs.election_timeout_ms = Some(cursor.duration()?.as_millis() as u64);
        }
        "lease" => {
            script.needs.own = true;
            script.needs.lease_ms = cursor.duration()?.as_millis() as u64;
        }
        "uncommitted-entries" => {
            script.needs.own = true;
            let (at, entries) = (cursor.next_column(), cursor.number(expected::ENTRY_COUNT)?);
            if !(1..=1_000_000).contains(&entries) {
                return Err(cursor.at_column(at, expected::entries_in_range()));
            }
            script.needs.uncommitted_entries = Some(entries);
        }
        "snapshot-entries" => {
            script.needs.own = true;
            script.needs.snapshot_entries = Some(cursor.number(expected::ENTRY_COUNT)?);
        }
        "snapshot-margin" => {
            script.needs.own = true;
            script.needs.snapshot_margin = Some(cursor.number(expected::ENTRY_COUNT)?);
        }
        _ => return Err(cursor.wrong(what, expected::NEED)),
    }
    cursor.end()
}

/// `n3 1:3 4:1 promise=7`.
fn log_before(cursor: &mut Cursor) -> Result<LogBefore, Mistake> {
    let node = cursor.node_id()?;
    let mut log = LogBefore { node, runs: Vec::new(), promise: None };
    while cursor.has_more() {
        let word = cursor.word(expected::RUN_OR_PROMISE)?;
        if let Some(epoch) = word.text.strip_prefix("promise=") {
            log.promise = Some(epoch.parse().map(Epoch).map_err(|_| cursor.wrong(word, expected::PROMISE))?);
            break;
        }
        let run = expect::run(word.text).ok_or_else(|| cursor.wrong(word, expected::RUN))?;
        if log.runs.last().is_some_and(|last| last.0 >= run.0) {
            return Err(cursor.at(word, &expected::growing_epochs()));
        }
        log.runs.push(run);
    }
    cursor.end()?;
    Ok(log)
}

/// `[NAME [D]:] COMMAND`. The command is parsed with numbers in place of names, to find its mistakes now.
fn command(mode: CommandMode, cursor: &mut Cursor) -> Result<Action, Mistake> {
    let (name, within) = prefix(cursor)?;
    Ok(Action::Command(NamedCommand { mode, name, within, template: template(cursor)? }))
}

/// A command to the end of the line, with names of nodes.
fn template(cursor: &mut Cursor) -> Result<String, Mistake> {
    let column = cursor.next_column();
    let template = cursor.rest().to_owned();
    if template.is_empty() {
        return Err(cursor.missing(expected::COMMAND));
    }
    if let Err(error) = parse_line(&with_numbers(&template)) {
        let before = template.get(..error.at).unwrap_or(&template).chars().count();
        return Err(cursor.at_column(column + before, error.message));
    }
    Ok(template)
}

/// `NAME:` or `NAME 2s:` before a command.
fn prefix(cursor: &mut Cursor) -> Result<(Option<String>, Option<Duration>), Mistake> {
    let Some((before, _)) = cursor.ahead().split_once(": ") else { return Ok((None, None)) };
    let mut words = before.split_whitespace();
    let (name, within, more) = (words.next(), words.next(), words.next());
    let Some(name) = name.filter(|name| is_name(name)) else { return Ok((None, None)) };
    let within = match (within, more) {
        (None, _) => None,
        (Some(text), None) => match duration(text) {
            Some(time) => Some(time),
            None => return Ok((None, None)),
        },
        _ => return Ok((None, None)),
    };
    cursor.skip(before.len() + 1);
    Ok((Some(name.to_owned()), within))
}

pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .chars()
            .all(|character| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-')
}

/// Replaces names of nodes by numbers of the same length, so that columns do not change.
fn with_numbers(template: &str) -> String {
    let mut text = String::with_capacity(template.len());
    let mut in_name = false;
    for character in template.chars() {
        in_name = character == '$' || (in_name && character.is_ascii_alphanumeric());
        text.push(if in_name { '1' } else { character });
    }
    text
}

fn load(cursor: &mut Cursor) -> Result<Action, Mistake> {
    if cursor.take("stop") {
        return Ok(Action::LoadStop);
    }
    let at = cursor.next_column();
    let clients = cursor.number(expected::CLIENT_COUNT)?;
    cursor.exactly("clients")?;
    match clients {
        1..=64 => Ok(Action::Load(clients)),
        _ => Err(cursor.at_column(at, expected::clients_in_range())),
    }
}

#[cfg(test)]
mod tests;
