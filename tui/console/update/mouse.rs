//! Clicks and the wheel, with `--mouse`: clicks select a tab, a line, a message, a moment of the tape or a key of the
//! hint line, or open the screen of a node; the wheel scrolls.

use crate::console::keys::{self, Mode};
use crate::console::layout::tabs;
use crate::console::layout::target::Target;
use crate::console::model::{Dialog, Focus, Model, Pane};
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
    // A click beside a choice or a list leaves it open, as a wrong key does.
    if model.dialog.as_ref().is_some_and(|dialog| !matches!(dialog, Dialog::Choose { .. } | Dialog::Scenarios { .. })) {
        model.dialog = None;
        return Vec::new();
    }
    match target {
        Target::Key { binding } => {
            if let Some(binding) = keys::bindings().get(binding) {
                return press::on_binding(model, binding, false);
            }
        }
        Target::Tape { at } => tape::click(model.shown_mut(), at),
        Target::Logs { node: Some(node) } => model.dialog = Some(Dialog::Node(node)),
        Target::Prompt => model.mode = Mode::Type,
        Target::SpaceTime { row } => {
            let model = model.shown_mut();
            model.focus = Focus::SpaceTime;
            model.space_time.selected = row;
        }
        Target::TabBar { pane } => {
            model.shown_mut().focus = Focus::Tab;
            if let Some(pane) = pane {
                scroll::show(model, pane);
            }
        }
        Target::Tab { row } => {
            let model = scenario::of_tab(model);
            model.focus = Focus::Tab;
            match tabs::shown(model) {
                Pane::Narration => model.narration.selected = row,
                Pane::SpaceTime => model.space_time.selected = row,
                _ => {}
            }
        }
        Target::Logs { node: None } | Target::Elsewhere => {}
    }
    Vec::new()
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
