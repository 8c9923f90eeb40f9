//! The help, over the upper part of the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::layout::help::{self, Kind, Row, TEXT_AT};
use crate::console::model::Model;
use crate::console::theme::Look;
use crate::console::view::frame;
use crate::console::view::line::{put_lines, span};
use crate::console::words::screen;

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, scrolled: usize, look: &Look) {
    let inner = frame::pane(buffer, area, vec![span(model.say(screen::HELP), look.strong)], look);
    let rows = help::rows(usize::from(inner.width), model.lang);
    let below = rows.len().saturating_sub(scrolled + usize::from(inner.height));
    put_lines(buffer, inner, rows.into_iter().skip(scrolled).map(|row| line(row, look)));
    let more = if below > 0 {
        format!("{} · ", screen::LINES_MORE.with(model.lang, &[("count", &below)]))
    } else {
        String::new()
    };
    frame::foot(buffer, inner, &format!("{more}{}", model.say(screen::OTHER_KEY_CLOSES)), look);
}

fn line(row: Row, look: &Look) -> Line<'static> {
    let style = match row.kind {
        Kind::Heading => look.strong,
        Kind::Plain => look.base,
        Kind::Typed => look.accent,
        Kind::Final => look.committed,
        Kind::Intermediate => look.intermediate,
        Kind::Different => look.different,
        Kind::Truncated => look.truncated,
    };
    Line::from(vec![span(format!(" {:<1$}", row.label, TEXT_AT - 1), style), span(row.text, look.base)])
}
