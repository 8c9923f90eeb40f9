//! The view of a long value: when it opens, and its keys.

use crossterm::event::{KeyCode, KeyEvent};

use crate::command::{Command, Exit, Outcome, parse_line};
use crate::console::keys::{self, Action, Mode};
use crate::console::layout::{Content, layout};
use crate::console::model::{Dialog, LongValue, Model};
use crate::console::text::{visible, width};
use crate::console::update::{Effect, ask_to_quit, press, scroll};

/// Column where an answer begins in its row.
const ANSWER_AT: u16 = 5;

/// The value of a `get` if it does not fit in one row.
pub fn long_value(model: &Model, line: &str, outcome: &Outcome) -> Option<LongValue> {
    let Ok(Command::Get(_)) = parse_line(line) else { return None };
    let (Exit::Done, [value, rest @ ..]) = (outcome.exit, &outcome.lines[..]) else { return None };
    let room =
        layout(model.size, &Content::of(model)).map(|layout| layout.lower.width.saturating_sub(2 + ANSWER_AT))?;
    // Control characters are escaped, so the escaped width decides.
    let text = value.text.to(model.lang);
    let is_long = text.contains('\n') || width(&visible(text)) > usize::from(room);
    let about = rest.first().map(|line| line.text.to(model.lang).to_owned()).unwrap_or_default();
    is_long.then(|| LongValue::new(line.trim().to_owned(), about, text, model.size.0))
}

/// Arrows and page keys scroll. Any other key closes the view; a letter then goes to the command line.
pub fn on_key(model: &mut Model, event: &KeyEvent, mut value: LongValue, interrupted: bool) -> Vec<Effect> {
    let page = scroll::page_of_value(model);
    let most = scroll::value_max(model, &value);
    value.scrolled = match event.code {
        KeyCode::Up => value.scrolled.saturating_sub(1),
        KeyCode::Down => value.scrolled + 1,
        KeyCode::PageUp => value.scrolled.saturating_sub(page),
        KeyCode::PageDown => value.scrolled + page,
        KeyCode::Home => 0,
        KeyCode::End => most,
        _ => return on_other_key(model, event, interrupted),
    }
    .min(most);
    model.dialog = Some(Dialog::Value(value));
    Vec::new()
}

fn on_other_key(model: &mut Model, event: &KeyEvent, interrupted: bool) -> Vec<Effect> {
    match (model.mode, keys::binding(model.mode, event).map(|binding| binding.action)) {
        (Mode::Control | Mode::Paced, Some(Action::Quit)) => ask_to_quit(model),
        (Mode::Control | Mode::Paced, _) | (_, Some(Action::Escape)) => Vec::new(),
        (Mode::Type, _) => press::on_plain_key(model, event, interrupted),
    }
}
