//! Frames of panes, with what their titles say.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::{Block, Widget};

use crate::console::layout::tabs;
use crate::console::model::Model;
use crate::console::text::{self, cut};
use crate::console::theme::Look;
use crate::console::view::line::{put, span, width};
use crate::console::words::screen;

/// Draws a frame and gives what is inside.
pub fn pane(buffer: &mut Buffer, area: Rect, title: Vec<Span<'static>>, look: &Look) -> Rect {
    let block = Block::bordered().border_style(look.border);
    let inner = block.inner(area);
    block.render(area, buffer);
    let edge = Rect { height: 1, ..inner };
    on_edge(buffer, Rect { y: area.y, width: edge.width.min(width(&title) as u16), ..edge }, look);
    put(buffer, Rect { y: area.y, ..edge }, &title);
    inner
}

/// Makes room on a frame's edge: a text there must not take the edge's own style.
fn on_edge(buffer: &mut Buffer, area: Rect, look: &Look) {
    for x in area.left()..area.right() {
        if let Some(cell) = buffer.cell_mut((x, area.y)) {
            cell.reset();
            cell.set_style(look.base);
        }
    }
}

/// The frame of the lower pane: all tabs by name that fit, the shown one standing out by brackets.
pub fn tabs(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) -> Rect {
    let shown = tabs::shown(model);
    let bar = tabs::bar(model, usize::from(area.width).saturating_sub(2));
    let mut title = Vec::new();
    if bar.hides_left {
        title.push(span("‹", look.muted));
    }
    for (pane, _) in &bar.tabs {
        let name = model.say(screen::tab(*pane));
        if *pane == shown {
            title.push(span(format!("[{name}]"), look.accent));
        } else {
            title.push(span(format!(" {name} "), look.muted));
        }
    }
    if bar.hides_right {
        title.push(span("›", look.muted));
    }
    pane(buffer, area, title, look)
}

/// A remark at the right end of the lower edge of the frame around an area.
pub fn foot(buffer: &mut Buffer, inner: Rect, text: &str, look: &Look) {
    let text = cut(&format!(" {text} "), usize::from(inner.width));
    let width = text::width(&text) as u16;
    let place = Rect { x: inner.right() - width, y: inner.bottom(), width, height: 1 };
    on_edge(buffer, place, look);
    put(buffer, place, &[span(text, look.muted)]);
}
