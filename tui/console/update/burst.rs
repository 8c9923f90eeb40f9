//! Keys that came at once. A person presses one after the other; many at once are a paste in a terminal that does not
//! mark pastes, and none of its letters is meant as a key that kills a node or ends the console.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent};

use crate::console::keys::{self, Action, Mode};
use crate::console::model::{Dialog, Model};
use crate::console::update::{Effect, Msg, press, update_one};
use crate::console::words::screen;

/// So many different letters at once were not typed. Two are: a key and its node.
const LETTERS_MIN: usize = 3;

/// What comes within this time after a burst belongs to it.
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
            // At once, too: a line of many thousand letters is not built letter by letter.
            rest = &rest[letters.chars().count()..];
            press::on_letters(model, &letters);
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

/// A key that is held down repeats, and a slow terminal tells its repeats at once.
fn is_burst(pressed: &[KeyEvent]) -> bool {
    let texts: Vec<_> = pressed.iter().filter(|key| is_text(key)).collect();
    texts.len() >= LETTERS_MIN && texts.iter().any(|key| key.code != texts[0].code)
}

fn is_text(key: &KeyEvent) -> bool {
    keys::letter(key).is_some() || matches!(key.code, KeyCode::Enter | KeyCode::Tab)
}

/// The letters at the beginning.
fn letters(pressed: &[KeyEvent]) -> String {
    pressed.iter().map_while(keys::letter).collect()
}

/// Whether letters go to the line.
fn takes_line(model: &Model) -> bool {
    model.mode == Mode::Type && model.dialog.is_none() && model.prompt.search.is_none()
}

/// What a key of a burst may do: be part of a line, and lead to where it is.
fn is_harmless(model: &Model, key: &KeyEvent) -> bool {
    let action = keys::binding(model.mode, key).map(|binding| binding.action);
    match &model.dialog {
        Some(Dialog::Palette(_)) => keys::letter(key).is_some(),
        Some(_) => false,
        None if model.prompt.search.is_some() => key.code != KeyCode::Enter,
        None if model.mode == Mode::Type => action != Some(Action::Interrupt),
        None => !is_text(key) || matches!(action, Some(Action::Type | Action::Palette)),
    }
}

fn refuse(model: &mut Model, keys: usize) {
    let all = model.burst.unwrap_or(0) + keys;
    model.burst = Some(all);
    press::warn(model, screen::BURST.with(model.lang, &[("count", &all)]));
    model.changed();
}
