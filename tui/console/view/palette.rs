//! The command palette, over the upper part of the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use crate::console::layout::palette;
use crate::console::model::{Model, Palette};
use crate::console::text::padded;
use crate::console::theme::Look;
use crate::console::view::frame;
use crate::console::view::line::{put, row, span};
use crate::console::words::screen;

/// Column of the descriptions.
const ABOUT_AT: usize = 26;

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, shown: &Palette, look: &Look) {
    let inner = frame::pane(buffer, area, vec![span(model.say(screen::PALETTE), look.strong)], look);
    let Some(line) = row(inner, 0) else { return };
    put(buffer, line, &[span(" > ", look.accent), span(shown.query.clone(), look.strong), span("▏", look.accent)]);
    let items = palette::items(model, &shown.query);
    let height = usize::from(inner.height).saturating_sub(2);
    let first = (shown.selected + 1).saturating_sub(height);
    for (index, item) in items.iter().enumerate().skip(first).take(height) {
        let Some(place) = row(inner, 2 + index - first) else { break };
        let is_chosen = index == shown.selected;
        let style = if is_chosen { look.accent.add_modifier(Modifier::REVERSED) } else { look.accent };
        let label = format!(" {} ", padded(&item.label, ABOUT_AT - 2));
        put(buffer, place, &[span(label, style), span(format!(" {}", item.about), look.base)]);
    }
    if items.is_empty()
        && let Some(place) = row(inner, 2)
    {
        put(buffer, place, &[span(format!(" {}", model.say(screen::NOT_FOUND)), look.muted)]);
    }
    frame::foot(buffer, inner, model.say(screen::PALETTE_HINT), look);
}
