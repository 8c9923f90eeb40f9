//! Keys in the command palette.

use crossterm::event::{KeyCode, KeyEvent};

use crate::console::keys::{self, Action, Mode};
use crate::console::layout::palette::{self, Does};
use crate::console::model::{Dialog, Model, Palette};
use crate::console::update::{Effect, press};

/// Maximum length of the search text.
const QUERY_MAX: usize = 64;

pub fn on_key(model: &mut Model, event: &KeyEvent, mut shown: Palette) -> Vec<Effect> {
    if let Some(letter) = keys::letter(event) {
        if shown.query.chars().count() < QUERY_MAX {
            shown.query.push(letter);
        }
        shown.selected = 0;
        model.dialog = Some(Dialog::Palette(shown));
        return Vec::new();
    }
    let items = palette::items(model, &shown.query);
    let last = items.len().saturating_sub(1);
    match event.code {
        KeyCode::Enter => return items.get(shown.selected).map_or(Vec::new(), |item| take(model, &item.does)),
        KeyCode::Backspace => {
            shown.query.pop();
            shown.selected = 0;
        }
        KeyCode::Up => shown.selected = shown.selected.saturating_sub(1),
        KeyCode::Down | KeyCode::Tab => shown.selected = (shown.selected + 1).min(last),
        KeyCode::PageUp => shown.selected = shown.selected.saturating_sub(10),
        KeyCode::PageDown => shown.selected = (shown.selected + 10).min(last),
        // Any other key closes the palette.
        _ => return Vec::new(),
    }
    model.dialog = Some(Dialog::Palette(shown));
    Vec::new()
}

fn take(model: &mut Model, does: &Does) -> Vec<Effect> {
    match does {
        Does::Act(action) => {
            let needed = keys::bindings().iter().find(|binding| binding.action == *action);
            match needed.and_then(|binding| model.obstacle(binding)) {
                Some(obstacle) => model.notify(model.lang.obstacle(&obstacle)),
                None if *action == Action::Palette => {}
                None => return press::act(model, *action, false),
            }
        }
        Does::Type(name) => {
            model.mode = Mode::Type;
            model.prompt.set(format!("{name} "));
        }
    }
    Vec::new()
}
