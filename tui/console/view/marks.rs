//! Marks the regions of the screen that a tour points at: with heavy frames, arrows and reversed text, so that they are
//! seen without colours.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::console::layout::strips::{Strip, strips};
use crate::console::layout::{Layout, label_width, tabs};
use crate::console::model::{Model, Pane};
use crate::console::text::width as columns;
use crate::console::theme::Look;
use crate::console::view::line::{put, span};
use crate::console::words::tour as words;
use crate::scenario::{Region, Run};

/// What is marked.
enum Place {
    /// A pane with a frame.
    Framed(Rect),
    /// Rows inside the frame of the logs, and the label of their node.
    Rows(Rect),
    /// A line without a frame, or a part of one.
    Line(Rect),
}

pub fn draw(buffer: &mut Buffer, layout: &Layout, model: &Model, run: &Run, look: &Look) {
    for (region, node) in run.regions() {
        let place = match region {
            Region::Top => Some(Place::Line(layout.top)),
            Region::Logs(_) => match node.and_then(|node| model.nodes.keys().position(|id| *id == node)) {
                Some(index) => rows_of(layout, index).map(Place::Rows),
                None => Some(Place::Framed(layout.logs)),
            },
            Region::SpaceTime => match layout.space {
                Some(space) => Some(Place::Framed(space)),
                None if tabs::shown(model) == Pane::SpaceTime => Some(Place::Framed(layout.lower)),
                // It is a tab that another one covers.
                None => tab_name(layout, model, Pane::SpaceTime).map(Place::Line),
            },
            Region::Tab => (tabs::shown(model) == Pane::Scenario).then_some(Place::Framed(layout.lower)),
            Region::Checks => strip(layout, model, Strip::Checks),
            Region::Tape => strip(layout, model, Strip::Tape),
            Region::Prompt if layout.prompt.height > 1 => Some(Place::Framed(layout.prompt)),
            Region::Prompt => Some(Place::Line(layout.prompt)),
        };
        match place {
            Some(Place::Framed(area)) => framed(buffer, area, model, look),
            Some(Place::Rows(area)) => rows(buffer, area, look),
            // A tag would cover a part of the line.
            Some(Place::Line(area)) => buffer.set_style(area, Style::new().add_modifier(Modifier::REVERSED)),
            None => {}
        }
    }
}

/// The name of a tab on the frame.
fn tab_name(layout: &Layout, model: &Model, wanted: Pane) -> Option<Rect> {
    let bar = tabs::bar(model, usize::from(layout.lower.width).saturating_sub(2));
    let (_, x) = bar.tabs.into_iter().find(|(pane, _)| *pane == wanted)?;
    let width = columns(tabs::name(model, wanted)) + 2;
    Some(Rect { x: layout.lower.x + 1 + x as u16, width: width as u16, height: 1, ..layout.lower })
}

fn strip(layout: &Layout, model: &Model, wanted: Strip) -> Option<Place> {
    let index = u16::try_from(strips(model).position(|strip| strip == wanted)?).ok()?;
    let area = Rect { y: layout.strips.y + index, height: 1, ..layout.strips };
    (index < layout.strips.height).then_some(Place::Line(area))
}

fn rows_of(layout: &Layout, index: usize) -> Option<Rect> {
    let first = layout.logs.y + 2 + u16::try_from(index).ok()? * layout.rows_per_node;
    let height = layout.rows_per_node.min(2);
    (first + height < layout.logs.bottom()).then_some(Rect { y: first, height, ..layout.logs })
}

fn framed(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) {
    let heavy = |symbol: &str| match symbol {
        "─" => Some("━"),
        "│" => Some("┃"),
        "┌" => Some("┏"),
        "┐" => Some("┓"),
        "└" => Some("┗"),
        "┘" => Some("┛"),
        _ => None,
    };
    let is_edge =
        |x: u16, y: u16| x == area.left() || x + 1 == area.right() || y == area.top() || y + 1 == area.bottom();
    for y in area.top()..area.bottom() {
        for x in (area.left()..area.right()).filter(|x| is_edge(*x, y)) {
            if let Some(cell) = buffer.cell_mut((x, y))
                && let Some(symbol) = heavy(cell.symbol())
            {
                cell.set_symbol(symbol).set_style(look.accent);
            }
        }
    }
    let edge = Rect { x: area.x + 2, y: area.bottom().saturating_sub(1), width: area.width / 2, height: 1 };
    put(buffer, edge, &[span(format!(" ▲ {} ", model.say(words::LOOK_HERE)), look.badge)]);
}

/// Arrows on the frame beside the rows, and the node's label reversed.
fn rows(buffer: &mut Buffer, area: Rect, look: &Look) {
    for y in area.top()..area.bottom() {
        put(buffer, Rect { y, width: 1, height: 1, ..area }, &[span("▶", look.badge)]);
        put(buffer, Rect { x: area.right() - 1, y, width: 1, height: 1 }, &[span("◀", look.badge)]);
    }
    let label = Rect { x: area.x + 1, width: label_width(area.width) - 1, height: 1, ..area };
    buffer.set_style(label, Style::new().add_modifier(Modifier::REVERSED));
}
