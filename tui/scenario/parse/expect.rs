//! The parser of expectations:
//!
//! ```text
//! NAME confirmed | NAME unknown | NAME refused       the outcome of an operation
//! NAME unconfirmed for 1s                            neither confirmed nor committed
//! NODES FACT FIELD=VALUE FIELD>=VALUE …              an event of the trace (PROTOCOL's rules), since the step began
//! no NODES FACT FIELD=VALUE … for 1s                 no such event, since the step began and for this time
//! NODES holds ENTRY [ENTRY…] [as STATE]              intermediate, committed or final; by id and digest
//! NODES lacks ENTRY [ENTRY…]                         in their logs
//! NODES log 1:3 4:2 *:1                              these numbers of entries of each epoch; * is any epoch
//! NODES reads KEY=VALUE | NODES reads KEY absent     the node's own final data
//! client reads KEY=VALUE | client reads KEY absent   linearizably
//! disk of NODE holds ENTRY… [as STATE]               in its folder, read by `epoca inspect`
//! disk of NODE reads KEY=VALUE | … KEY absent
//! leader [not NODE] [as $new]                        a node leads and has committed in its epoch
//! majority before commit of ENTRY                    acks of a majority, then the commit, then its orders
//! logs equal [on NODES] | invariants | linearizable | kept
//! load confirms 20                                   this many writes of the running load, from now on
//! ```
//!
//! `within 10s` and `repeating COMMAND` may stand at the end: how long it may take, and a command that is repeated
//! until the expectation is met.
//!
//! NODES are `n3`, `$a`, several with commas, `each`, `replicas` or `any`; an ENTRY is the name of an operation or
//! `e3.o5`.

use std::time::Duration;

use epoca::protocol::trace::Fact;
use epoca::protocol::{Epoch, Offset};

use super::cursor::Cursor;
use super::{Mistake, expected, is_name, template};
use crate::command::grammar::Node;
use crate::scenario::script::{
    EntryRef, EntryState, Expect, Expectation, FieldPattern, FieldValue, NodeRef, Nodes, OperationEnd, PATIENCE,
    Pattern, Reader,
};

/// The words that may follow an expectation.
const ENDS: [&str; 2] = ["within", "repeating"];

pub(super) fn expectation(cursor: &mut Cursor) -> Result<Expectation, Mistake> {
    let what = expect(cursor)?;
    let within = if cursor.take("within") { cursor.duration()? } else { PATIENCE };
    let repeating = cursor.take("repeating").then(|| template(cursor)).transpose()?;
    Ok(Expectation { what, within, repeating })
}

fn expect(cursor: &mut Cursor) -> Result<Expect, Mistake> {
    match cursor.ahead_word() {
        Some("no") => {
            cursor.skip(2);
            let nodes = nodes(cursor)?;
            let pattern = pattern(cursor)?;
            Ok(Expect::NoFact { nodes, pattern, time: time_for(cursor)? })
        }
        Some("logs") => {
            cursor.skip(4);
            cursor.exactly("equal")?;
            let nodes = if cursor.take("on") { nodes(cursor)? } else { Nodes::Each };
            Ok(Expect::LogsEqual { nodes })
        }
        Some("client") => {
            cursor.skip(6);
            cursor.exactly("reads")?;
            let (key, value) = key_value(cursor)?;
            Ok(Expect::Reads { by: Reader::Client, key, value })
        }
        Some("disk") => disk(cursor),
        Some("leader") => leader(cursor),
        Some("majority") => {
            ["majority", "before", "commit", "of"].iter().try_for_each(|word| cursor.exactly(word))?;
            Ok(Expect::MajorityFirst { of: entry(cursor)? })
        }
        Some("invariants") => Ok(alone(cursor, Expect::Invariants)),
        Some("linearizable") => Ok(alone(cursor, Expect::Linearizable)),
        Some("kept") => Ok(alone(cursor, Expect::Kept)),
        Some("load") => {
            cursor.skip(4);
            cursor.exactly("confirms")?;
            Ok(Expect::Confirms { writes: cursor.number(expected::WRITE_COUNT)? })
        }
        Some(word) if is_name(word) && !is_nodes(word) => operation(cursor),
        Some(_) => of_nodes(cursor),
        None => Err(cursor.missing(expected::EXPECTATION)),
    }
}

fn alone(cursor: &mut Cursor, expect: Expect) -> Expect {
    cursor.skip(cursor.ahead_word().map_or(0, str::len));
    expect
}

fn operation(cursor: &mut Cursor) -> Result<Expect, Mistake> {
    let of = cursor.word(expected::OPERATION)?.text.to_owned();
    let ended = |wanted| Expect::Outcome { of: of.clone(), wanted };
    let word = cursor.word(expected::OPERATION_END)?;
    match word.text {
        "confirmed" => Ok(ended(OperationEnd::Confirmed)),
        "unknown" => Ok(ended(OperationEnd::Unknown)),
        "refused" => Ok(ended(OperationEnd::Refused)),
        "unconfirmed" => Ok(Expect::Unconfirmed { of, time: time_for(cursor)? }),
        _ => Err(cursor.wrong(word, expected::OPERATION_END)),
    }
}

fn of_nodes(cursor: &mut Cursor) -> Result<Expect, Mistake> {
    let nodes = nodes(cursor)?;
    match cursor.ahead_word() {
        Some("holds") => {
            cursor.skip(5);
            let (entries, state) = (entries(cursor)?, state(cursor)?);
            Ok(Expect::Holds { nodes, entries, state })
        }
        Some("lacks") => {
            cursor.skip(5);
            Ok(Expect::Lacks { nodes, entries: entries(cursor)? })
        }
        Some("reads") => {
            cursor.skip(5);
            let (key, value) = key_value(cursor)?;
            Ok(Expect::Reads { by: Reader::Local(nodes), key, value })
        }
        Some("log") => {
            cursor.skip(3);
            Ok(Expect::LogIs { nodes, runs: runs(cursor)? })
        }
        _ => Ok(Expect::Fact { nodes, pattern: pattern(cursor)? }),
    }
}

fn disk(cursor: &mut Cursor) -> Result<Expect, Mistake> {
    cursor.exactly("disk")?;
    cursor.exactly("of")?;
    let node = node(cursor)?;
    let word = cursor.word(expected::HOLDS_OR_READS)?;
    match word.text {
        "holds" => {
            let (entries, state) = (entries(cursor)?, state(cursor)?);
            Ok(Expect::DiskHolds { node, entries, state })
        }
        "reads" => {
            let (key, value) = key_value(cursor)?;
            Ok(Expect::DiskReads { node, key, value })
        }
        _ => Err(cursor.wrong(word, expected::HOLDS_OR_READS)),
    }
}

fn leader(cursor: &mut Cursor) -> Result<Expect, Mistake> {
    cursor.exactly("leader")?;
    let not = cursor.take("not").then(|| node(cursor)).transpose()?;
    let name = match cursor.take("as") {
        false => None,
        true => {
            let word = cursor.word(expected::NEW_NAME)?;
            match word.text.strip_prefix('$').filter(|name| is_name(name)) {
                Some(name) => Some(name.to_owned()),
                None => return Err(cursor.wrong(word, expected::NEW_NAME)),
            }
        }
    };
    Ok(Expect::Leader { not, name })
}

/// A fact's name, then its fields.
fn pattern(cursor: &mut Cursor) -> Result<Pattern, Mistake> {
    let word = cursor.word(expected::EVENT)?;
    let fact = Fact::NAMES.iter().find(|name| **name == word.text && !is_silent(name));
    let Some((fact, fields)) = fact.and_then(|fact| Some((fact, Fact::fields_of(fact)?))) else {
        let similar = Fact::NAMES.iter().copied().find(|name| name.eq_ignore_ascii_case(word.text));
        return Err(cursor.at(word, &expected::event(similar)));
    };
    let mut pattern = Pattern { fact, fields: Vec::new() };
    while cursor.ahead_word().is_some_and(|word| word.contains('=')) {
        let word = cursor.word(expected::FIELD)?;
        let (name, value) = word.text.split_once('=').unwrap_or_default();
        let (name, at_least) = name.strip_suffix('>').map_or((name, false), |name| (name, true));
        let Some(name) = fields.iter().find(|field| **field == name) else {
            return Err(cursor.at(word, &expected::fields_of(fact, fields)));
        };
        let value = field_value(value).ok_or_else(|| cursor.wrong(word, expected::FIELD))?;
        pattern.fields.push(FieldPattern { name, at_least, value });
    }
    Ok(pattern)
}

/// The listener of a scenario does not keep single messages.
fn is_silent(fact: &str) -> bool {
    matches!(fact, "Sent" | "Received")
}

/// Whether a word is the name of an operation or plain text is known only when it is compared.
fn field_value(text: &str) -> Option<FieldValue> {
    if text.is_empty() {
        return None;
    }
    if let Some(name) = text.strip_prefix('$') {
        return is_name(name).then(|| FieldValue::Node(NodeRef::Name(name.to_owned())));
    }
    Some(match entry_id(text) {
        Some(id) => FieldValue::Entry(id),
        None => FieldValue::Word(text.to_owned()),
    })
}

fn time_for(cursor: &mut Cursor) -> Result<Duration, Mistake> {
    cursor.exactly("for")?;
    cursor.duration()
}

fn is_nodes(word: &str) -> bool {
    let first = word.split(',').next().unwrap_or_default();
    matches!(first, "each" | "replicas" | "any") || first.parse::<Node>().is_ok()
}

fn nodes(cursor: &mut Cursor) -> Result<Nodes, Mistake> {
    let word = cursor.word(expected::NODES)?;
    match word.text {
        "each" => return Ok(Nodes::Each),
        "replicas" => return Ok(Nodes::Replicas),
        "any" => return Ok(Nodes::Any),
        _ => {}
    }
    let these: Option<Vec<_>> = word.text.split(',').map(node_ref).collect();
    these.map(Nodes::These).ok_or_else(|| cursor.wrong(word, expected::NODES))
}

pub(super) fn node(cursor: &mut Cursor) -> Result<NodeRef, Mistake> {
    let word = cursor.word(expected::NODE)?;
    node_ref(word.text).ok_or_else(|| cursor.wrong(word, expected::NODE))
}

fn node_ref(text: &str) -> Option<NodeRef> {
    match text.strip_prefix('$') {
        Some(name) => is_name(name).then(|| NodeRef::Name(name.to_owned())),
        None => text.parse::<Node>().ok().map(|node| NodeRef::Id(node.0)),
    }
}

fn entries(cursor: &mut Cursor) -> Result<Vec<EntryRef>, Mistake> {
    let mut entries = vec![entry(cursor)?];
    while cursor.ahead_word().is_some_and(|word| word != "as" && !ENDS.contains(&word)) {
        entries.push(entry(cursor)?);
    }
    Ok(entries)
}

fn entry(cursor: &mut Cursor) -> Result<EntryRef, Mistake> {
    let word = cursor.word(expected::ENTRY)?;
    let name = || is_name(word.text).then(|| EntryRef::Name(word.text.to_owned()));
    let found = entry_id(word.text).or_else(name);
    found.ok_or_else(|| cursor.wrong(word, expected::ENTRY))
}

/// `e3.o5` or `e3·o5`.
fn entry_id(text: &str) -> Option<EntryRef> {
    let (epoch, offset) = text.split_once(['.', '·'])?;
    let epoch = epoch.strip_prefix('e')?.parse().ok()?;
    Some(EntryRef::Id(Epoch(epoch), Offset(offset.strip_prefix('o')?.parse().ok()?)))
}

fn state(cursor: &mut Cursor) -> Result<Option<EntryState>, Mistake> {
    if !cursor.take("as") {
        return Ok(None);
    }
    let word = cursor.word(expected::STATE)?;
    let state = EntryState::ALL.into_iter().find(|state| state.name() == word.text);
    state.map(Some).ok_or_else(|| cursor.wrong(word, expected::STATE))
}

/// `x=1` or `x absent`.
fn key_value(cursor: &mut Cursor) -> Result<(String, Option<String>), Mistake> {
    let word = cursor.word(expected::KEY_VALUE)?;
    match word.text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), Some(value.to_owned()))),
        Some(_) => Err(cursor.wrong(word, expected::KEY_VALUE)),
        None => cursor.exactly("absent").map(|()| (word.text.to_owned(), None)),
    }
}

fn runs(cursor: &mut Cursor) -> Result<Vec<(Option<Epoch>, u64)>, Mistake> {
    let mut runs = Vec::new();
    while cursor.ahead_word().is_some_and(|word| !ENDS.contains(&word)) {
        let word = cursor.word(expected::RUN)?;
        let any = word.text.strip_prefix("*:").and_then(|entries| entries.parse().ok()).map(|entries| (None, entries));
        let found = any.or_else(|| run(word.text).map(|(epoch, entries)| (Some(epoch), entries)));
        runs.push(found.ok_or_else(|| cursor.wrong(word, expected::RUN))?);
    }
    if runs.is_empty() { Err(cursor.missing(expected::RUN)) } else { Ok(runs) }
}

/// `4:2`: two entries of epoch 4.
pub(super) fn run(text: &str) -> Option<(Epoch, u64)> {
    let (epoch, entries) = text.split_once(':')?;
    let (epoch, entries) = (epoch.parse().ok()?, entries.parse().ok()?);
    (epoch > 0 && (1..=10_000).contains(&entries)).then_some((Epoch(epoch), entries))
}
