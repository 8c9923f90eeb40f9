//! The screens besides the one that is worked with: while the nodes start, and on a terminal that is too small.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::layout::{COLUMNS_MIN, ROWS_MIN};
use crate::console::text::wrapped;
use crate::console::theme::Look;
use crate::console::view::frame;
use crate::console::view::line::{put_lines, span};

pub fn starting(buffer: &mut Buffer, area: Rect, said: &[String], look: &Look) {
    let inner = frame::pane(buffer, area, vec![span(" STARTING ", look.strong)], look);
    let skipped = said.len().saturating_sub(usize::from(inner.height));
    let lines = said[skipped..].iter().map(|text| Line::from(vec![span(format!(" {text}"), look.base)]));
    put_lines(buffer, inner, lines);
}

pub fn too_small(buffer: &mut Buffer, area: Rect, look: &Look) {
    let (columns, rows) = (area.width, area.height);
    let text = format!("epoca needs {COLUMNS_MIN}x{ROWS_MIN}, this is {columns}x{rows}; the nodes run on");
    let lines = wrapped(&text, usize::from(area.width)).into_iter();
    put_lines(buffer, area, lines.map(|text| Line::from(vec![span(text, look.base)])));
}
