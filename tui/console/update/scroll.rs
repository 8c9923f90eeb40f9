//! Scrolling and selection: tabs and their lines, columns of the log table.

use crate::console::layout::extent::{Extent, extent};
use crate::console::layout::{Content, grades, help, is_split, layout, log_columns, search, tabs};
use crate::console::model::{Focus, LogWindow, LongValue, Model, Pane, log_table, step_mode};

/// Lines per page.
pub const PAGE: isize = 8;

pub fn show(model: &mut Model, pane: Pane) {
    if model.pane != pane {
        model.pane = pane;
        model.scrolled = 0;
    }
}

/// Selects the tab `right` positions to the right.
pub fn beside(model: &mut Model, right: isize) {
    show(model, tabs::beside(model, right));
}

pub fn lines(model: &mut Model, down: isize) {
    if model.focus == Focus::SpaceTime && is_split(model.size) {
        return select_row(model, down);
    }
    let pane = tabs::shown(model);
    let (by, most) = match extent(model, pane) {
        Extent::Selection => return select(model, pane, down),
        Extent::FromEnd(lines) => (-down, lines),
        Extent::FromTop(lines) => (down, lines),
    };
    model.scrolled = model.scrolled.saturating_add_signed(by).min(most.saturating_sub(1));
}

/// Moves the selection of a tab.
fn select(model: &mut Model, pane: Pane, down: isize) {
    match pane {
        Pane::Scenario => model.scenarios.select(down),
        Pane::Sheet => model.scenarios.select_line(down),
        Pane::Narration => select_step(model, down),
        Pane::SpaceTime => select_row(model, down),
        Pane::Step => step_mode::select(model, down),
        Pane::Events | Pane::FinalDb | Pane::Ops | Pane::Peers | Pane::Checks | Pane::Nodes => {}
    }
}

/// Moves the selection among the lines that the filter shows. Below the newest one nothing is selected.
fn select_step(model: &mut Model, down: isize) {
    if model.filter.is_none() {
        return model.narration.select(down);
    }
    let lines = model.narration.lines().iter().filter(|line| search::shows_step(model, line));
    let serials: Vec<u64> = lines.map(|line| line.serial).collect();
    model.narration.selected = beside_of(&serials, model.narration.selected, down);
}

fn select_row(model: &mut Model, down: isize) {
    if model.filter.is_none() {
        return model.space_time.select(down);
    }
    let rows = model.space_time.rows().iter().filter(|row| search::shows_row(model, row));
    let serials: Vec<u64> = rows.map(|row| row.serial).collect();
    model.space_time.selected = beside_of(&serials, model.space_time.selected, down);
}

fn beside_of(serials: &[u64], selected: Option<u64>, down: isize) -> Option<u64> {
    let here = selected.and_then(|serial| serials.iter().rposition(|other| *other == serial));
    serials.get(here.unwrap_or(serials.len()).saturating_add_signed(down)).copied()
}

pub fn pages(model: &mut Model, down: isize) {
    lines(model, down * PAGE);
}

/// Moves the focus to the space-time diagram, or selects its tab.
pub fn to_space_time(model: &mut Model) {
    if !is_split(model.size) {
        show(model, Pane::SpaceTime);
        return;
    }
    model.focus = match model.focus {
        Focus::Tab => Focus::SpaceTime,
        Focus::SpaceTime => Focus::Tab,
    };
    if model.focus == Focus::SpaceTime && model.space_time.selected.is_none() {
        model.space_time.select(-1);
    }
}

/// Scrolls the log table; positive is newer.
pub fn columns(model: &mut Model, newer: isize) {
    for _ in 0..newer.unsigned_abs() {
        let seen = log_columns::visible_columns(model);
        let Some(right) = seen.columns.last().map(|column| column.id) else { return };
        let step = match newer < 0 {
            true if seen.has_older => log_table::before(model, right),
            true => None,
            false => log_table::after(model, right),
        };
        let Some(id) = step else { break };
        model.window = LogWindow::At(id);
    }
    settle(model);
}

pub fn to_oldest(model: &mut Model) {
    if let Some(oldest) = log_table::oldest(model) {
        model.window = LogWindow::At(oldest);
    }
    settle(model);
}

/// Aligns the window with the last visible column. At the newest column it follows the log again.
fn settle(model: &mut Model) {
    let seen = log_columns::visible_columns(model);
    model.window = match seen.columns.last() {
        Some(last) if seen.has_newer => LogWindow::At(last.id),
        _ => LogWindow::Newest,
    };
}

/// Visible rows of a long value.
pub fn page_of_value(model: &Model) -> usize {
    let layout = layout(model.size, &Content::of(model));
    layout.map_or(1, |layout| usize::from(layout.logs.height + layout.lower.height + layout.strips.height - 2))
}

/// Maximum scroll position of a long value.
pub fn value_max(model: &Model, value: &LongValue) -> usize {
    value.rows.len().saturating_sub(page_of_value(model))
}

/// Maximum scroll position of the grades.
pub fn grades_max(model: &Model) -> usize {
    let columns = usize::from(model.size.0.saturating_sub(2));
    grades::rows(model, columns).len().saturating_sub(page_of_value(model))
}

/// Maximum scroll position of the help.
pub fn help_max(model: &Model) -> usize {
    let Some(layout) = layout(model.size, &Content::of(model)) else { return 0 };
    let (rows, columns) = (layout.logs.height + layout.lower.height - 2, layout.logs.width - 2);
    help::rows(usize::from(columns), model.lang).len().saturating_sub(usize::from(rows))
}
