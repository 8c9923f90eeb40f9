//! Maps a position of the mouse pointer to what is drawn there.

use ratatui::layout::{Position, Rect};

use crate::console::layout::strips::{Strip, strips};
use crate::console::layout::target::Target;
use crate::console::layout::{Content, is_split, layout, tabs};
use crate::console::model::{Focus, Model, Pane};
use crate::console::view::{hint, logs, narration, search, space_time, tape};

/// `None` if the screen is too small.
pub fn target(model: &Model, at: Position) -> Option<Target> {
    let layout = layout(model.size, &Content::of(model))?;
    let zoomed = model.is_zoomed.then(|| layout.upper()).filter(|area| area.contains(at));
    Some(if layout.prompt.contains(at) {
        Target::Prompt
    } else if layout.hint.contains(at) {
        hint::binding_at(model, &layout, (at.x, at.y)).map_or(Target::Elsewhere, |binding| Target::Key { binding })
    } else if let Some(area) = zoomed {
        match model.shown().focus {
            Focus::SpaceTime if is_split(model.size) => {
                Target::SpaceTime { row: space_time::row_at(model, inside(area), at.y) }
            }
            _ => in_tabs(model, area, at),
        }
    } else if layout.logs.contains(at) {
        Target::Logs { node: logs::node_at(model, &layout, at) }
    } else if layout.strips.contains(at) {
        let strip = strips(model.shown()).nth(usize::from(at.y - layout.strips.y));
        let columns = usize::from(layout.strips.width);
        let is_tape = strip == Some(Strip::Tape);
        let place = is_tape.then(|| tape::place_at(model.shown(), model.is_paced(), columns, at.x));
        place.flatten().map_or(Target::Elsewhere, |at| Target::Tape { at })
    } else if let Some(area) = layout.space.filter(|area| area.contains(at)) {
        Target::SpaceTime { row: space_time::row_at(model, inside(area), at.y) }
    } else if layout.lower.contains(at) {
        in_tabs(model, layout.lower, at)
    } else {
        Target::Elsewhere
    })
}

fn in_tabs(model: &Model, area: Rect, at: Position) -> Target {
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
    let bar = tabs::bar(model, search::bar_width(model, area.width));
    let x = usize::from(x.checked_sub(area.x + 1)?);
    bar.tabs.iter().rev().find(|(_, begin)| *begin <= x).map(|(pane, _)| *pane)
}

fn inside(area: Rect) -> Rect {
    Rect { x: area.x + 1, y: area.y + 1, width: area.width.saturating_sub(2), height: area.height.saturating_sub(2) }
}
