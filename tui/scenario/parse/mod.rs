//! Reading a scenario's text. A mistake names line, column and what was expected there.
//!
//! ```text
//! # a comment
//! title                                 what stands indented below a line belongs to it
//!   en A replica returns
//!   pt Uma réplica volta
//! needs nodes 4 | needs own cluster | needs election-timeout 500ms | log n3 1:3 4:1 promise=7
//! step                                  a heading
//! line [LABEL] [POINTS]                 begins a line of the assignment's sheet, as `line 3b.2 0.20`
//! do [NAME [2s]:] COMMAND               the shell's grammar; must be done
//! try [NAME [2s]:] COMMAND              may end in any way
//! start [NAME [2s]:] COMMAND            goes on beside what follows
//! load 4 clients | load stop | chaos 20s | wait 1s | restore
//! expect WHAT [within 10s] [repeating COMMAND]
//!   en what is to be seen
//!   why.en why it is so
//! ```

mod cursor;

mod expect;

use std::time::Duration;

use epoca::protocol::Epoch;

use crate::lang::Words;
use super::script::{Action, How, Item, ItemKind, LogBefore, Said, Script};
use crate::command::parse_line;
use crate::lang::Lang;
use cursor::{Cursor, duration};

/// What is wrong with a text, and where; line and column count from 1.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct Mistake {
    pub line: usize,
    pub column: usize,
    pub message: String,
}

/// Texts longer than this are refused, in bytes.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

const WORDS: &str = "title, about, needs, log, step, line, do, try, start, load, chaos, wait, restore or expect";

/// What the indented lines below belong to.
enum Below {
    Nothing,
    Title,
    About,
    Item,
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
            add_words(&mut script, &below, &mut cursor)?;
        } else {
            below = read_line(&mut script, &mut cursor)?;
        }
    }
    let end = text.lines().count().max(1);
    let missing = |message: &str| Err(Mistake { line: end, column: 1, message: message.to_owned() });
    if script.title.is_empty() {
        return missing("the text ends without a title: expected `title` and below it `en TEXT` or `pt TEXT`");
    }
    if script.expectations().next().is_none() {
        return missing("the text ends without an expectation: nothing would be shown by it");
    }
    Ok(script)
}

/// `en TEXT`, `pt TEXT`, `why.en TEXT`, `why.pt TEXT`.
fn add_words(script: &mut Script, below: &Below, cursor: &mut Cursor) -> Result<(), Mistake> {
    let word = cursor.word("en, pt, why.en or why.pt and a text")?;
    let (lang, why) = match word.text {
        "en" => (Lang::English, false),
        "pt" => (Lang::Portuguese, false),
        "why.en" => (Lang::English, true),
        "why.pt" => (Lang::Portuguese, true),
        _ => return Err(cursor.at(word, "expected en, pt, why.en or why.pt in an indented line")),
    };
    let text = cursor.rest();
    let words: &mut Words = match (below, why) {
        (Below::Title, false) => &mut script.title,
        (Below::About, false) => &mut script.about,
        (Below::Item, why) => match script.items.last_mut() {
            Some(item) if why => &mut item.why,
            Some(item) => &mut item.words,
            None => return Err(cursor.at(word, "nothing stands above that this could explain")),
        },
        _ => return Err(cursor.at(word, "the line above has no such text")),
    };
    if text.is_empty() {
        return Err(cursor.here("expected a text"));
    }
    words.add(lang, text);
    Ok(())
}

fn read_line(script: &mut Script, cursor: &mut Cursor) -> Result<Below, Mistake> {
    let word = cursor.word(WORDS)?;
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
        "step" => ItemKind::Step,
        "line" => graded(cursor)?,
        "do" => ItemKind::Do(command(How::Do, cursor)?),
        "try" => ItemKind::Do(command(How::Try, cursor)?),
        "start" => ItemKind::Do(command(How::Start, cursor)?),
        "load" => ItemKind::Do(load(cursor)?),
        "chaos" => ItemKind::Do(Action::Chaos(cursor.duration()?)),
        "wait" => ItemKind::Do(Action::Wait(cursor.duration()?)),
        "restore" => ItemKind::Do(Action::Restore),
        "expect" => ItemKind::Expect(expect::expectation(cursor)?),
        _ => return Err(cursor.at(word, &format!("expected {WORDS}"))),
    };
    cursor.end()?;
    let (words, why) = Default::default();
    script.items.push(Item { at: cursor.line(), line: cursor.whole().to_owned(), words, why, kind });
    Ok(Below::Item)
}

/// `line [LABEL] [POINTS]`; a label is no number.
fn graded(cursor: &mut Cursor) -> Result<ItemKind, Mistake> {
    let is_number = |word: &str| word.chars().all(|character| character.is_ascii_digit() || ".,".contains(character));
    let label = match cursor.ahead_word() {
        Some(word) if !is_number(word) => Some(cursor.word("a label, as 3b.2")?.text.to_owned()),
        _ => None,
    };
    let points = match cursor.more() {
        false => None,
        true => {
            let word = cursor.word("points, as 0.15")?;
            Some(word.text.parse().map_err(|why: String| cursor.at(word, &why))?)
        }
    };
    Ok(ItemKind::Graded { label, points })
}

fn needs(script: &mut Script, cursor: &mut Cursor) -> Result<(), Mistake> {
    let what =
        cursor.word("nodes, own, election-timeout, lease, uncommitted-entries, snapshot-entries or snapshot-margin")?;
    match what.text {
        "nodes" => {
            let (at, nodes) = (cursor.peek(), cursor.number("a number of nodes")?);
            if !(1..=15).contains(&nodes) {
                return Err(cursor.at_column(at, "a cluster has 1 to 15 nodes"));
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
            let (at, entries) = (cursor.peek(), cursor.number("a number of entries")?);
            if !(1..=1_000_000).contains(&entries) {
                return Err(cursor.at_column(at, "1 to 1000000 entries"));
            }
            script.needs.uncommitted_entries = Some(entries);
        }
        "snapshot-entries" => {
            script.needs.own = true;
            script.needs.snapshot_entries = Some(cursor.number("a number of entries")?);
        }
        "snapshot-margin" => {
            script.needs.own = true;
            script.needs.snapshot_margin = Some(cursor.number("a number of entries")?);
        }
        _ => {
            let known = "nodes N, own cluster, election-timeout D, lease D, uncommitted-entries N, snapshot-entries N or \
                         snapshot-margin N";
            return Err(cursor.at(what, &format!("expected {known}")));
        }
    }
    cursor.end()
}

/// `n3 1:3 4:1 promise=7`.
fn log_before(cursor: &mut Cursor) -> Result<LogBefore, Mistake> {
    let node = cursor.node_id()?;
    let mut log = LogBefore { node, runs: Vec::new(), promise: None };
    while cursor.more() {
        let word = cursor.word("a run of entries as 4:2, or promise=7")?;
        if let Some(epoch) = word.text.strip_prefix("promise=") {
            log.promise = Some(epoch.parse().map(Epoch).map_err(|_| cursor.at(word, "expected promise=EPOCH"))?);
            break;
        }
        let run = expect::run(word.text).ok_or_else(|| cursor.at(word, "expected EPOCH:ENTRIES, as 4:2"))?;
        if log.runs.last().is_some_and(|last| last.0 >= run.0) {
            return Err(cursor.at(word, "the epochs of a log grow from run to run"));
        }
        log.runs.push(run);
    }
    cursor.end()?;
    Ok(log)
}

/// `[NAME [D]:] COMMAND`; the command is read now with numbers in the place of names, to find its mistakes.
fn command(how: How, cursor: &mut Cursor) -> Result<Action, Mistake> {
    let (name, within) = prefix(cursor)?;
    Ok(Action::Command(Said { how, name, within, template: template(cursor)? }))
}

/// A command to the end of the line, with names of nodes.
fn template(cursor: &mut Cursor) -> Result<String, Mistake> {
    let column = cursor.peek();
    let template = cursor.rest().to_owned();
    if template.is_empty() {
        return Err(cursor.here("expected a command, as put x 1"));
    }
    if let Err(error) = parse_line(&with_numbers(&template)) {
        let before = template.get(..error.at).unwrap_or(&template).chars().count();
        return Err(cursor.at_column(column + before, &error.message));
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

/// Names of nodes become numbers of the same length, so that places in the line stay what they are.
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
    let at = cursor.peek();
    let clients = cursor.number("a number of clients, or stop")?;
    cursor.exactly("clients")?;
    match clients {
        1..=64 => Ok(Action::Load(clients)),
        _ => Err(cursor.at_column(at, "1 to 64 clients")),
    }
}

#[cfg(test)]
mod tests;
