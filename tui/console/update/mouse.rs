//! Clicks and the wheel, with `--mouse`: clicks select a tab, a line, a message, a moment of the tape or a key of the
//! hint line, or open the screen of a node; the wheel scrolls.

use crossterm::event::{KeyCode, KeyEvent};

use crate::console::keys::{self, Action, Mode};
use crate::console::layout::tabs;
use crate::console::layout::target::Target;
use crate::console::model::{Choice, Dialog, Focus, Model, Pane};
use crate::console::update::{Effect, press, scenario, scroll, tape};

/// Rows per notch of the wheel.
const WHEEL: isize = 3;

/// A mouse action.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gesture {
    Click,
    /// One notch; positive is down.
    Wheel(isize),
}

pub fn on_mouse(model: &mut Model, gesture: Gesture, target: Target) -> Vec<Effect> {
    match gesture {
        Gesture::Click => return on_click(model, target),
        Gesture::Wheel(down) => on_wheel(model, target, down * WHEEL),
    }
    Vec::new()
}

fn on_click(model: &mut Model, target: Target) -> Vec<Effect> {
    model.notice = None;
    if let Some(Dialog::Choose { fault, first }) = model.dialog {
        let wanted = |choice: &Choice| target == Target::Logs { node: Some(choice.node) };
        let letter = model.choices(fault, first).into_iter().find(wanted).map(|choice| choice.letter);
        let press = |letter| press::on_key(model, &KeyEvent::from(KeyCode::Char(letter)));
        return letter.map(press).unwrap_or_default();
    }
    // A click beside a list leaves it open, as a wrong key does.
    if model.dialog.as_ref().is_some_and(|dialog| !matches!(dialog, Dialog::Scenarios { .. })) {
        model.dialog = None;
        return Vec::new();
    }
    match target {
        Target::Key { binding } => {
            match keys::bindings().get(binding) {
                // A click does not say which of `1-9` is meant.
                Some(binding) if binding.action == Action::Scenario => {
                    model.dialog = Some(Dialog::Scenarios { selected: 0 });
                }
                Some(binding) => return press::on_binding(model, binding, false),
                None => {}
            }
        }
        Target::Tape { at } => tape::click(model.shown_mut(), at),
        Target::Logs { node: Some(node) } => model.dialog = Some(Dialog::Node(node)),
        Target::Prompt => model.mode = Mode::Type,
        Target::SpaceTime { row } => {
            let shown = model.shown_mut();
            let is_again = row.is_some() && shown.focus == Focus::SpaceTime && shown.space_time.selected == row;
            (shown.focus, shown.space_time.selected) = (Focus::SpaceTime, row);
            explain_again(model, is_again);
        }
        Target::TabBar { pane } => {
            let was_focused = std::mem::replace(&mut model.shown_mut().focus, Focus::Tab) == Focus::Tab;
            match pane {
                // A click on the tab that is shown already zooms it, or gives the screen back.
                Some(pane) if was_focused && pane == tabs::shown(model) => model.is_zoomed = !model.is_zoomed,
                Some(pane) => scroll::show(model, pane),
                None => {}
            }
        }
        Target::Tab { row } => {
            let shown = scenario::of_tab(model);
            shown.focus = Focus::Tab;
            let selected = match tabs::shown(shown) {
                Pane::Narration => Some(std::mem::replace(&mut shown.narration.selected, row)),
                Pane::SpaceTime => Some(std::mem::replace(&mut shown.space_time.selected, row)),
                _ => None,
            };
            explain_again(model, row.is_some() && selected == Some(row));
        }
        Target::Logs { node: None } | Target::Elsewhere => {}
    }
    Vec::new()
}

/// A second click on the selected line explains it.
fn explain_again(model: &mut Model, is_again: bool) {
    if is_again {
        model.dialog = press::explained(scenario::of_tab(model)).map(Dialog::Explain);
    }
}

fn on_wheel(model: &mut Model, target: Target, down: isize) {
    if let Some(Dialog::Help { scrolled }) = model.dialog {
        let scrolled = scrolled.saturating_add_signed(down).min(scroll::help_max(model));
        model.dialog = Some(Dialog::Help { scrolled });
        return;
    }
    if let Some(Dialog::Value(mut value)) = model.dialog.take_if(|dialog| matches!(dialog, Dialog::Value(_))) {
        value.scrolled = value.scrolled.saturating_add_signed(down).min(scroll::value_max(model, &value));
        model.dialog = Some(Dialog::Value(value));
        return;
    }
    match target {
        Target::Logs { .. } => scroll::columns(model.shown_mut(), down.signum()),
        Target::SpaceTime { .. } => model.shown_mut().space_time.select(down),
        Target::TabBar { .. } | Target::Tab { .. } => {
            let model = scenario::of_tab(model);
            model.focus = Focus::Tab;
            scroll::lines(model, down);
        }
        Target::Prompt | Target::Tape { .. } | Target::Key { .. } | Target::Elsewhere => {}
    }
}
