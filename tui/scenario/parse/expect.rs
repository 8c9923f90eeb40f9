//! What can be expected, as it is written:
//!
//! ```text
//! NAME confirmed | NAME unknown | NAME refused       how an operation ended
//! NAME unconfirmed for 1s                            neither confirmed nor committed
//! NODES FACT FIELD=VALUE FIELD>=VALUE …              an event of the trace (PROTOCOL's rules), since the step began
//! no NODES FACT FIELD=VALUE … for 1s                 none such, then and for so long
//! NODES holds ENTRY [ENTRY…] [as STATE]              intermediate, committed or final; by id and digest
//! NODES lacks ENTRY [ENTRY…]                         in their logs
//! NODES log 1:3 4:2 *:1                              so many entries of each epoch, no others; * is any epoch
//! NODES reads KEY=VALUE | NODES reads KEY absent     the node's own final data
//! client reads KEY=VALUE | client reads KEY absent   linearizably
//! disk of NODE holds ENTRY… [as STATE]               in its folder, read by `epoca inspect`
//! disk of NODE reads KEY=VALUE | … KEY absent
//! leader [not NODE] [as $new]                        somebody leads and has committed in its epoch
//! majority before commit of ENTRY                    acks of a majority, then the commit, then its orders
//! logs equal [on NODES] | invariants | linearizable | kept
//! load confirms 20                                   so many writes of the load that runs, from now on
//! ```
//!
//! `within 10s` and `repeating COMMAND` may stand at the end: how long it may take, and what is said again and again
//! until it is seen.
//!
//! NODES are `n3`, `$a`, several with commas, `each`, `replicas` or `any`; an ENTRY is the name of an operation or
//! `e3.o5`.

use std::time::Duration;

use epoca::protocol::trace::Fact;
use epoca::protocol::{Epoch, Offset};

use super::cursor::Cursor;
use super::{Mistake, is_name, template};
use crate::command::grammar::Node;
use crate::scenario::script::{
    Ended, EntryRef, EntryState, Expect, Expectation, FieldPattern, FieldValue, NodeRef, Nodes, PATIENCE, Pattern,
    Reader,
};

/// What may stand behind an expectation.
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
            Ok(Expect::Confirms { writes: cursor.number("a number of writes")? })
        }
        Some(word) if is_name(word) && !is_nodes(word) => operation(cursor),
        Some(_) => of_nodes(cursor),
        None => Err(cursor.here("expected what is to be seen, as `first confirmed` or `$a Truncated from=forged`")),
    }
}

fn alone(cursor: &mut Cursor, expect: Expect) -> Expect {
    cursor.skip(cursor.ahead_word().map_or(0, str::len));
    expect
}

fn operation(cursor: &mut Cursor) -> Result<Expect, Mistake> {
    let of = cursor.word("the name of an operation")?.text.to_owned();
    let ended = |wanted| Expect::Outcome { of: of.clone(), wanted };
    let word = cursor.word("confirmed, unknown, refused or unconfirmed for D")?;
    match word.text {
        "confirmed" => Ok(ended(Ended::Confirmed)),
        "unknown" => Ok(ended(Ended::Unknown)),
        "refused" => Ok(ended(Ended::Refused)),
        "unconfirmed" => Ok(Expect::Unconfirmed { of, time: time_for(cursor)? }),
        _ => Err(cursor.at(word, "expected confirmed, unknown, refused or unconfirmed for D")),
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
    let word = cursor.word("holds or reads")?;
    match word.text {
        "holds" => {
            let (entries, state) = (entries(cursor)?, state(cursor)?);
            Ok(Expect::DiskHolds { node, entries, state })
        }
        "reads" => {
            let (key, value) = key_value(cursor)?;
            Ok(Expect::DiskReads { node, key, value })
        }
        _ => Err(cursor.at(word, "expected holds or reads")),
    }
}

fn leader(cursor: &mut Cursor) -> Result<Expect, Mistake> {
    cursor.exactly("leader")?;
    let not = cursor.take("not").then(|| node(cursor)).transpose()?;
    let name = match cursor.take("as") {
        false => None,
        true => {
            let word = cursor.word("a name, as $new")?;
            match word.text.strip_prefix('$').filter(|name| is_name(name)) {
                Some(name) => Some(name.to_owned()),
                None => return Err(cursor.at(word, "expected a name, as $new")),
            }
        }
    };
    Ok(Expect::Leader { not, name })
}

/// A fact's name, then its fields.
fn pattern(cursor: &mut Cursor) -> Result<Pattern, Mistake> {
    let word = cursor.word("an event, as Truncated, or holds, lacks, log or reads")?;
    let fact = Fact::NAMES.iter().find(|name| **name == word.text && !is_silent(name));
    let Some((fact, fields)) = fact.and_then(|fact| Some((fact, Fact::fields_of(fact)?))) else {
        let near = Fact::NAMES.iter().find(|name| name.eq_ignore_ascii_case(word.text));
        let hint = near.map_or(String::new(), |near| format!(" ({near}?)"));
        return Err(cursor.at(word, &format!("expected an event, as Truncated, or holds, lacks, log or reads{hint}")));
    };
    let mut pattern = Pattern { fact, fields: Vec::new() };
    while cursor.ahead_word().is_some_and(|word| word.contains('=')) {
        let word = cursor.word("FIELD=VALUE")?;
        let (name, value) = word.text.split_once('=').unwrap_or_default();
        let (name, at_least) = name.strip_suffix('>').map_or((name, false), |name| (name, true));
        let Some(name) = fields.iter().find(|field| **field == name) else {
            return Err(cursor.at(word, &format!("{fact} has the fields {}", fields.join(", "))));
        };
        let value = field_value(value).ok_or_else(|| cursor.at(word, "expected FIELD=VALUE"))?;
        pattern.fields.push(FieldPattern { name, at_least, value });
    }
    Ok(pattern)
}

/// Single messages are not kept while a scenario runs.
fn is_silent(fact: &str) -> bool {
    matches!(fact, "Sent" | "Received")
}

/// Which of the three a word is shows when it is compared: a name may be an operation's or a plain word.
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
    let word = cursor.word("a node, as n3 or $a, or each, replicas, any")?;
    match word.text {
        "each" => return Ok(Nodes::Each),
        "replicas" => return Ok(Nodes::Replicas),
        "any" => return Ok(Nodes::Any),
        _ => {}
    }
    let these: Option<Vec<_>> = word.text.split(',').map(node_ref).collect();
    these.map(Nodes::These).ok_or_else(|| cursor.at(word, "expected a node, as n3 or $a, or each, replicas, any"))
}

fn node(cursor: &mut Cursor) -> Result<NodeRef, Mistake> {
    let word = cursor.word("a node, as n3 or $a")?;
    node_ref(word.text).ok_or_else(|| cursor.at(word, "expected a node, as n3 or $a"))
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
    let word = cursor.word("an entry: the name of an operation, or e3.o5")?;
    let name = || is_name(word.text).then(|| EntryRef::Name(word.text.to_owned()));
    let found = entry_id(word.text).or_else(name);
    found.ok_or_else(|| cursor.at(word, "expected an entry: the name of an operation, or e3.o5"))
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
    let word = cursor.word("intermediate, committed or final")?;
    let state = EntryState::ALL.into_iter().find(|state| state.name() == word.text);
    state.map(Some).ok_or_else(|| cursor.at(word, "expected intermediate, committed or final"))
}

/// `x=1` or `x absent`.
fn key_value(cursor: &mut Cursor) -> Result<(String, Option<String>), Mistake> {
    let word = cursor.word("KEY=VALUE, or KEY absent")?;
    match word.text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), Some(value.to_owned()))),
        Some(_) => Err(cursor.at(word, "expected KEY=VALUE, or KEY absent")),
        None => cursor.exactly("absent").map(|()| (word.text.to_owned(), None)),
    }
}

fn runs(cursor: &mut Cursor) -> Result<Vec<(Option<Epoch>, u64)>, Mistake> {
    let mut runs = Vec::new();
    while cursor.ahead_word().is_some_and(|word| !ENDS.contains(&word)) {
        let word = cursor.word("EPOCH:ENTRIES")?;
        let any = word.text.strip_prefix("*:").and_then(|entries| entries.parse().ok()).map(|entries| (None, entries));
        let found = any.or_else(|| run(word.text).map(|(epoch, entries)| (Some(epoch), entries)));
        runs.push(found.ok_or_else(|| cursor.at(word, "expected EPOCH:ENTRIES, as 4:2"))?);
    }
    if runs.is_empty() { Err(cursor.here("expected EPOCH:ENTRIES, as 4:2")) } else { Ok(runs) }
}

/// `4:2`: two entries of epoch 4.
pub(super) fn run(text: &str) -> Option<(Epoch, u64)> {
    let (epoch, entries) = text.split_once(':')?;
    let (epoch, entries) = (epoch.parse().ok()?, entries.parse().ok()?);
    (epoch > 0 && (1..=10_000).contains(&entries)).then_some((Epoch(epoch), entries))
}
