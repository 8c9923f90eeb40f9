//! Handles keys that arrive at once. A person presses keys one after the other. Many keys at once are a paste in a
//! terminal that does not mark pastes, and none of its letters may kill a node or end the console.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent};

use crate::console::keys::{self, Action, Mode};
use crate::console::model::{Dialog, Model};
use crate::console::update::{Effect, Msg, command_line, update_one};
use crate::console::words::screen;

/// This many different letters at once were not typed. Two can be: a key and its node.
const LETTERS_MIN: usize = 3;

/// Keys within this time after a burst belong to it.
const GOES_ON: Duration = Duration::from_millis(250);

pub fn on_keys(model: &mut Model, pressed: &[KeyEvent], quiet: Duration) -> Vec<Effect> {
    let goes_on = quiet < GOES_ON && model.burst.is_some();
    if !goes_on {
        model.burst = None;
    }
    let is_burst = goes_on || is_burst(pressed);
    let (mut effects, mut rest) = (Vec::new(), pressed);
    while let Some((key, after)) = rest.split_first() {
        let letters = letters(rest);
        if is_burst && !is_harmless(model, key) {
            refuse(model, rest.len());
            break;
        }
        if takes_line(model) && letters.len() >= LETTERS_MIN {
            // Insert them together: inserting one by one costs time proportional to the line for each letter.
            rest = &rest[letters.chars().count()..];
            command_line::on_letters(model, &letters);
            continue;
        }
        effects.extend(update_one(model, Msg::Key(*key)));
        if effects.contains(&Effect::Quit) {
            break;
        }
        rest = after;
    }
    effects
}

/// A held key repeats, and a slow terminal delivers the repeats at once.
fn is_burst(pressed: &[KeyEvent]) -> bool {
    let texts: Vec<_> = pressed.iter().filter(|key| is_text(key)).collect();
    texts.len() >= LETTERS_MIN && texts.iter().any(|key| key.code != texts[0].code)
}

fn is_text(key: &KeyEvent) -> bool {
    keys::letter(key).is_some() || matches!(key.code, KeyCode::Enter | KeyCode::Tab)
}

/// The leading letters.
fn letters(pressed: &[KeyEvent]) -> String {
    pressed.iter().map_while(keys::letter).collect()
}

/// Whether letters go to the command line.
fn takes_line(model: &Model) -> bool {
    model.mode == Mode::Type && model.dialog.is_none() && model.prompt.search.is_none()
}

/// Whether a key of a burst may act: as a part of the command line, or by opening it.
fn is_harmless(model: &Model, key: &KeyEvent) -> bool {
    let action = keys::binding(model.mode, key).map(|binding| binding.action);
    match &model.dialog {
        Some(Dialog::Palette(_)) => keys::letter(key).is_some(),
        Some(_) => false,
        None if model.prompt.search.is_some() => key.code != KeyCode::Enter,
        None if is_filtering(model) => is_text(key),
        None if model.mode == Mode::Type => action != Some(Action::Interrupt),
        None => !is_text(key) || matches!(action, Some(Action::Type | Action::Palette | Action::Filter)),
    }
}

/// Whether letters go to the filter of the tabs.
fn is_filtering(model: &Model) -> bool {
    model.filter.as_ref().is_some_and(|filter| filter.is_typing)
}

fn refuse(model: &mut Model, keys: usize) {
    let all = model.burst.unwrap_or(0) + keys;
    model.burst = Some(all);
    model.warn(screen::BURST.with(model.lang, &[("count", &all)]));
    model.changed();
}
