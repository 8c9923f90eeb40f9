//! Typing the filter of the tabs: each letter filters at once, Enter keeps the filter, Esc clears it.

use crossterm::event::{KeyCode, KeyEvent};

use crate::console::keys::{self, Action, Mode};
use crate::console::model::{Filter, Model};
use crate::console::update::{Effect, press};

/// Characters of a filter.
const TEXT_MAX: usize = 60;

/// Begins to type; what was typed before stays.
pub fn open(model: &mut Model) {
    let text = model.filter.take().map(|filter| filter.text).unwrap_or_default();
    model.filter = Some(Filter { text, is_typing: true });
    model.scrolled = 0;
}

/// True if there was one.
pub fn clear(model: &mut Model) -> bool {
    model.scrolled = if model.filter.is_some() { 0 } else { model.scrolled };
    model.filter.take().is_some()
}

/// A key while the filter is typed. Keys without a meaning there act as usual; arrows scroll.
pub fn on_key(model: &mut Model, event: &KeyEvent, interrupted: bool) -> Vec<Effect> {
    let Some(filter) = model.filter.as_mut().filter(|filter| filter.is_typing) else { return Vec::new() };
    if let Some(letter) = keys::letter(event) {
        if filter.text.chars().count() < TEXT_MAX {
            filter.text.push(letter);
        }
        model.scrolled = 0;
        return Vec::new();
    }
    match (event.code, keys::binding(Mode::Type, event).map(|binding| binding.action)) {
        (KeyCode::Backspace, _) => _ = filter.text.pop(),
        (KeyCode::Enter, _) if filter.text.trim().is_empty() => _ = clear(model),
        (KeyCode::Enter, _) => filter.is_typing = false,
        (_, Some(Action::Escape | Action::Interrupt)) => _ = clear(model),
        _ => return press::on_plain_key(model, event, interrupted),
    }
    Vec::new()
}
