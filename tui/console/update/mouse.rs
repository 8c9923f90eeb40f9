//! Clicks and the wheel, with `--mouse`: clicks select a tab, a line or a message, the wheel scrolls.

use crate::console::keys::Mode;
use crate::console::layout::tabs;
use crate::console::layout::target::Target;
use crate::console::model::{Dialog, Focus, Model, Pane};
use crate::console::update::{scenario, scroll};

/// Rows per notch of the wheel.
const WHEEL: isize = 3;

/// A mouse action.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gesture {
    Click,
    /// One notch; positive is down.
    Wheel(isize),
}

pub fn on_mouse(model: &mut Model, gesture: Gesture, target: Target) {
    match gesture {
        Gesture::Click => on_click(model, target),
        Gesture::Wheel(down) => on_wheel(model, target, down * WHEEL),
    }
}

fn on_click(model: &mut Model, target: Target) {
    model.notice = None;
    if matches!(model.dialog, Some(Dialog::Explain(_) | Dialog::Help { .. } | Dialog::Palette(_) | Dialog::Value(_))) {
        model.dialog = None;
        return;
    }
    match target {
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
        Target::Logs | Target::Elsewhere => {}
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
        Target::Logs => scroll::columns(model.shown_mut(), down.signum()),
        Target::SpaceTime { .. } => model.shown_mut().space_time.select(down),
        Target::TabBar { .. } | Target::Tab { .. } => {
            let model = scenario::of_tab(model);
            model.focus = Focus::Tab;
            scroll::lines(model, down);
        }
        Target::Prompt | Target::Elsewhere => {}
    }
}
