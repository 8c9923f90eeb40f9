//! Maps a position of the mouse pointer to what is drawn there.

use ratatui::layout::{Position, Rect};

use crate::console::layout::target::Target;
use crate::console::layout::{Content, Layout, layout, tabs};
use crate::console::model::{Model, Pane};
use crate::console::view::{narration, space_time};

/// `None` if the screen is too small.
pub fn target(model: &Model, at: Position) -> Option<Target> {
    let layout = layout(model.size, &Content::of(model))?;
    Some(if layout.prompt.contains(at) {
        Target::Prompt
    } else if layout.logs.contains(at) {
        Target::Logs
    } else if let Some(area) = layout.space.filter(|area| area.contains(at)) {
        Target::SpaceTime { row: space_time::row_at(model, inside(area), at.y) }
    } else if layout.lower.contains(at) {
        in_tabs(model, &layout, at)
    } else {
        Target::Elsewhere
    })
}

fn in_tabs(model: &Model, layout: &Layout, at: Position) -> Target {
    let area = layout.lower;
    if at.y == area.y {
        return Target::TabBar { pane: tab_at(model, area, at.x) };
    }
    let row = match tabs::shown(model) {
        Pane::Narration => narration::step_at(model, inside(area), at.y),
        Pane::SpaceTime => space_time::row_at(model, inside(area), at.y),
        _ => None,
    };
    Target::Tab { row }
}

fn tab_at(model: &Model, area: Rect, x: u16) -> Option<Pane> {
    let bar = tabs::bar(model, usize::from(area.width).saturating_sub(2));
    let x = usize::from(x.checked_sub(area.x + 1)?);
    bar.tabs.iter().rev().find(|(_, begin)| *begin <= x).map(|(pane, _)| *pane)
}

fn inside(area: Rect) -> Rect {
    Rect { x: area.x + 1, y: area.y + 1, width: area.width.saturating_sub(2), height: area.height.saturating_sub(2) }
}
