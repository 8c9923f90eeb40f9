//! The list of scenarios over the panes: key, name, title, and the description of the selected one.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use crate::console::keys::scenario_letter;
use crate::console::model::Model;
use crate::console::text::wrap;
use crate::console::theme::Look;
use crate::console::view::frame;
use crate::console::view::line::{put, row, span};
use crate::console::words::scenario as words;
use crate::scenario::all;

/// Rows of the description.
const ABOUT_ROWS: usize = 5;

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, selected: usize, look: &Look) {
    let inner = frame::pane(buffer, area, vec![span(model.say(words::LIST), look.strong)], look);
    let scripts = all();
    let room = usize::from(inner.height).saturating_sub(ABOUT_ROWS).max(1);
    let first = (selected + 1).saturating_sub(room);
    let width = scripts.iter().map(|script| script.name.len()).max().unwrap_or_default();
    for (index, script) in scripts.iter().enumerate().skip(first).take(room) {
        let Some(row) = row(inner, index - first) else { break };
        let style = if index == selected { look.base.add_modifier(Modifier::REVERSED) } else { look.base };
        let parts = [
            span(format!(" {} ", scenario_letter(index)), look.accent),
            span(format!(" {:<width$}  ", script.name), look.strong),
            span(script.title.to(model.lang), style),
        ];
        put(buffer, row, &parts);
    }
    if let Some(script) = scripts.get(selected) {
        let about = wrap(script.about.to(model.lang), usize::from(inner.width).saturating_sub(2));
        let at = scripts.len().min(room) + 1;
        for (index, text) in about.into_iter().take(ABOUT_ROWS - 1).enumerate() {
            let Some(row) = row(inner, at + index) else { break };
            put(buffer, row, &[span(format!(" {text}"), look.muted)]);
        }
    }
    frame::foot(buffer, inner, model.say(words::LIST_HINT), look);
}
