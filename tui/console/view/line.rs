//! Drawing spans on a line.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::console::text::{self, cut, plain_width, visible};

/// Draws the spans side by side, cut at the end with an ellipsis. Invisible characters are escaped, so a text never
/// occupies cells other than its own.
pub fn put(buffer: &mut Buffer, area: Rect, parts: &[Span]) {
    let mut x = area.x;
    for part in parts {
        let room = area.right().saturating_sub(x);
        if plain_width(&part.content).is_some_and(|columns| columns <= usize::from(room)) {
            x = buffer.set_stringn(x, area.y, &part.content, usize::from(room), part.style).0;
            continue;
        }
        let whole = visible(&part.content);
        let text = cut(&whole, usize::from(room));
        let is_cut = text != whole;
        x = buffer.set_stringn(x, area.y, &text, usize::from(room), part.style).0;
        if is_cut {
            return;
        }
    }
}

/// Draws the spans at the right end.
pub fn put_right(buffer: &mut Buffer, area: Rect, parts: &[Span]) {
    let width = (width(parts) as u16).min(area.width);
    put(buffer, Rect { x: area.right() - width, width, ..area }, parts);
}

pub fn width(parts: &[Span]) -> usize {
    let one = |part: &Span| plain_width(&part.content).unwrap_or_else(|| text::width(&visible(&part.content)));
    parts.iter().map(one).sum()
}

pub fn span(text: impl Into<String>, style: Style) -> Span<'static> {
    Span::styled(text.into(), style)
}

/// The row at an index; `None` below the area.
pub fn row(area: Rect, index: usize) -> Option<Rect> {
    let index = u16::try_from(index).ok().filter(|index| *index < area.height)?;
    Some(Rect { y: area.y + index, height: 1, ..area })
}

/// Draws lines from the top.
pub fn put_lines(buffer: &mut Buffer, area: Rect, lines: impl IntoIterator<Item = Line<'static>>) {
    for (index, line) in lines.into_iter().enumerate() {
        let Some(row) = row(area, index) else { return };
        put(buffer, row, &line.spans);
    }
}
