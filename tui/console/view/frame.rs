//! Frames of panes and their titles.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;
use ratatui::widgets::{Block, Widget};

use crate::console::layout::tabs;
use crate::console::model::{Model, Pane};
use crate::console::text::{self, cut};
use crate::console::theme::Look;
use crate::console::view::line::{put, span, width};
use crate::console::view::search;
use crate::console::words::screen;
use crate::lang::Text;

/// Draws a frame and returns its inside.
pub fn pane(buffer: &mut Buffer, area: Rect, title: Vec<Span<'static>>, look: &Look) -> Rect {
    let block = Block::bordered().border_style(look.border);
    let inner = block.inner(area);
    block.render(area, buffer);
    let edge = Rect { height: 1, ..inner };
    on_edge(buffer, Rect { y: area.y, width: edge.width.min(width(&title) as u16), ..edge }, look);
    put(buffer, Rect { y: area.y, ..edge }, &title);
    inner
}

/// Resets cells of the edge, so that text there does not inherit the edge's style.
fn on_edge(buffer: &mut Buffer, area: Rect, look: &Look) {
    for x in area.left()..area.right() {
        if let Some(cell) = buffer.cell_mut((x, area.y)) {
            cell.reset();
            cell.set_style(look.base);
        }
    }
}

/// The frame of the lower pane with the tab bar. The selected tab is in brackets.
pub fn tabs(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) -> Rect {
    let shown = tabs::shown(model);
    let bar = tabs::bar(model, search::bar_width(model, area.width));
    let mut title = Vec::new();
    if bar.hides_left {
        title.push(span("‹", look.muted));
    }
    for (pane, _) in &bar.tabs {
        let name = tabs::name(model, *pane);
        if *pane == shown {
            title.push(span(format!("[{name}]"), look.accent));
        } else {
            title.push(span(format!(" {name} "), look.muted));
        }
    }
    if bar.hides_right {
        title.push(span("›", look.muted));
    }
    let inner = pane(buffer, area, title, look);
    filter(buffer, area, model, shown, look);
    inner
}

/// The filter and its hits at the right of the upper edge.
pub fn filter(buffer: &mut Buffer, area: Rect, model: &Model, pane: Pane, look: &Look) {
    let Some(text) = search::title(model, pane) else { return };
    let room = Rect { x: area.x + 1, width: area.width.saturating_sub(2), height: 1, ..area };
    let width = (text::width(&text) as u16).min(room.width);
    let place = Rect { x: room.right() - width, width, ..room };
    on_edge(buffer, place, look);
    put(buffer, place, &[span(text, look.badge)]);
}

/// Why a tab has no lines.
pub fn nothing(model: &Model) -> Text {
    if model.filter.is_some() { screen::NO_HIT } else { screen::NOTHING_YET }
}

/// A remark at the right of the lower edge.
pub fn foot(buffer: &mut Buffer, inner: Rect, text: &str, look: &Look) {
    foot_in(buffer, inner, text, look.muted, look);
}

/// The same in another style.
pub fn foot_in(buffer: &mut Buffer, inner: Rect, text: &str, style: Style, look: &Look) {
    let text = cut(&format!(" {text} "), usize::from(inner.width));
    let width = text::width(&text) as u16;
    let place = Rect { x: inner.right() - width, y: inner.bottom(), width, height: 1 };
    on_edge(buffer, place, look);
    put(buffer, place, &[span(text, style)]);
}
