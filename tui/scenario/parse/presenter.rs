//! The presenter's lines of a tour: `look`, `say`, `ask` and `answer`, below a heading or a `then`.

use super::cursor::{Cursor, Word};
use super::{Below, Mistake, expect, expected};
use crate::scenario::account::is_heading;
use crate::scenario::presenter::Region;
use crate::scenario::script::{ItemKind, Script};

pub(super) fn notes(script: &mut Script, word: Word, cursor: &mut Cursor) -> Result<Below, Mistake> {
    let has_notes = |kind: &ItemKind| is_heading(kind) || matches!(kind, ItemKind::Then);
    let Some(item) = script.items.last_mut().filter(|item| has_notes(&item.kind)) else {
        return Err(cursor.at(word, &expected::heading_above()));
    };
    match word.text {
        "say" => return Ok(Below::Say),
        "answer" => return Ok(Below::Answer),
        "look" => item.notes.look.push(region(cursor)?),
        _ => item.notes.ask = Some(cursor.word(expected::QUESTION)?.text.to_owned()),
    }
    Ok(Below::Nothing)
}

fn region(cursor: &mut Cursor) -> Result<Region, Mistake> {
    let word = cursor.word(expected::REGION)?;
    let known = Region::NAMES.into_iter().find(|(name, _)| *name == word.text);
    match known {
        Some((_, Region::Logs(_))) if cursor.has_more() => Ok(Region::Logs(Some(expect::node(cursor)?))),
        Some((_, region)) => Ok(region),
        None => Err(cursor.wrong(word, expected::REGION)),
    }
}

/// Every question that is asked has its answer.
pub(super) fn check(script: &Script) -> Result<(), Mistake> {
    for item in &script.items {
        if let Some(name) = item.notes.ask.as_deref().filter(|name| script.question(name).is_none()) {
            let message = expected::a_question_named(name);
            return Err(Mistake { line: item.at, column: 1, message });
        }
    }
    Ok(())
}
