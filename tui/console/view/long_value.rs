//! A long value, over the upper part of the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::console::model::{LongValue, Model};
use crate::console::theme::Look;
use crate::console::view::frame;
use crate::console::view::line::{put, row, span};
use crate::console::words::screen;

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, value: &LongValue, look: &Look) {
    let title = vec![span(format!(" {} ", value.key), look.strong), span(format!(" {} ", value.about), look.muted)];
    let inner = frame::pane(buffer, area, title, look);
    let shown = value.rows.iter().skip(value.scrolled);
    for (index, text) in shown.enumerate() {
        let Some(place) = row(inner, index) else { break };
        put(buffer, place, &[span(format!(" {text}"), look.base)]);
    }
    let below = value.rows.len().saturating_sub(value.scrolled + usize::from(inner.height));
    let more = match below {
        0 => String::new(),
        _ => format!("{} · ", screen::LINES_MORE.with(model.lang, &[("count", &below)])),
    };
    frame::foot(buffer, inner, &format!("{more}{}", model.say(screen::OTHER_KEY_CLOSES)), look);
}
