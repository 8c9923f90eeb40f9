//! Special screens: while the nodes start, and on a terminal that is too small.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::layout::{COLUMNS_MIN, ROWS_MIN};
use crate::console::model::Model;
use crate::console::text::wrap;
use crate::console::theme::Look;
use crate::console::view::frame;
use crate::console::view::line::{put_lines, span};
use crate::console::words::screen;

pub fn starting(buffer: &mut Buffer, area: Rect, model: &Model, said: &[String], look: &Look) {
    let inner = frame::pane(buffer, area, vec![span(model.say(screen::STARTING), look.strong)], look);
    let skipped = said.len().saturating_sub(usize::from(inner.height));
    let lines = said[skipped..].iter().map(|text| Line::from(vec![span(format!(" {text}"), look.base)]));
    put_lines(buffer, inner, lines);
}

pub fn too_small(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) {
    let (columns, rows) = (area.width, area.height);
    let (needed, size) = (format!("{COLUMNS_MIN}x{ROWS_MIN}"), format!("{columns}x{rows}"));
    let text = screen::TOO_SMALL.with(model.lang, &[("needed", &needed), ("size", &size)]);
    let lines = wrap(&text, usize::from(area.width)).into_iter();
    put_lines(buffer, area, lines.map(|text| Line::from(vec![span(text, look.base)])));
}
