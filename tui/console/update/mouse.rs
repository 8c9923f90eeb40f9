//! Clicks and the wheel, for those who asked for them with `--mouse`: a tab, a step, a message; the wheel scrolls what
//! it is over.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use crate::console::layout::panes;
use crate::console::layout::{Content, Layout, layout};
use crate::console::model::{Dialog, Focus, Mode, Model, Pane};
use crate::console::update::{Effect, scroll};
use crate::console::view::{narration, space};

/// How many rows the wheel goes at once.
const WHEEL: isize = 3;

pub fn on_mouse(model: &mut Model, event: &MouseEvent) -> Vec<Effect> {
    let at = Position { x: event.column, y: event.row };
    let Some(layout) = layout(model.size, &Content::of(model)) else { return Vec::new() };
    match event.kind {
        MouseEventKind::Down(MouseButton::Left) => on_click(model, &layout, at),
        MouseEventKind::ScrollUp => on_wheel(model, &layout, at, -1),
        MouseEventKind::ScrollDown => on_wheel(model, &layout, at, 1),
        // Moving about changes nothing, and draws nothing.
        _ => return Vec::new(),
    }
    model.changed();
    Vec::new()
}

fn on_click(model: &mut Model, layout: &Layout, at: Position) {
    model.notice = None;
    if matches!(model.dialog, Some(Dialog::Explain(_) | Dialog::Help { .. } | Dialog::Palette(_) | Dialog::Value(_))) {
        model.dialog = None;
        return;
    }
    if layout.prompt.contains(at) {
        model.mode = Mode::Type;
        return;
    }
    if let Some(area) = layout.space.filter(|area| area.contains(at)) {
        model.focus = Focus::SpaceTime;
        model.space.selected = space::row_at(model, inside(area), at.y);
        return;
    }
    if !layout.lower.contains(at) {
        return;
    }
    model.focus = Focus::Tab;
    if at.y == layout.lower.y {
        if let Some(pane) = tab_at(model, layout.lower, at.x) {
            scroll::show(model, pane);
        }
        return;
    }
    match panes::shown(model).pane {
        Pane::Narration => model.story.selected = narration::step_at(model, inside(layout.lower), at.y),
        Pane::SpaceTime => model.space.selected = space::row_at(model, inside(layout.lower), at.y),
        _ => {}
    }
}

fn on_wheel(model: &mut Model, layout: &Layout, at: Position, down: isize) {
    if let Some(Dialog::Help { scrolled }) = model.dialog {
        let scrolled = scrolled.saturating_add_signed(down * WHEEL).min(scroll::help_max(model));
        model.dialog = Some(Dialog::Help { scrolled });
    } else if let Some(Dialog::Value(mut value)) = model.dialog.take_if(|dialog| matches!(dialog, Dialog::Value(_))) {
        value.scrolled = value.scrolled.saturating_add_signed(down * WHEEL).min(scroll::value_max(model, &value));
        model.dialog = Some(Dialog::Value(value));
    } else if layout.logs.contains(at) {
        scroll::columns(model, down);
    } else if layout.space.is_some_and(|area| area.contains(at)) {
        model.space.select(down * WHEEL);
    } else if layout.lower.contains(at) {
        model.focus = Focus::Tab;
        scroll::lines(model, down * WHEEL);
    }
}

fn tab_at(model: &Model, area: Rect, x: u16) -> Option<Pane> {
    let bar = panes::bar(model, usize::from(area.width).saturating_sub(2));
    let x = usize::from(x.checked_sub(area.x + 1)?);
    bar.tabs.iter().rev().find(|(_, begin)| *begin <= x).map(|(tab, _)| tab.pane)
}

fn inside(area: Rect) -> Rect {
    Rect { x: area.x + 1, y: area.y + 1, width: area.width.saturating_sub(2), height: area.height.saturating_sub(2) }
}
