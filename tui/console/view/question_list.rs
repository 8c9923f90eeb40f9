//! The list of a tour's questions and steps, over the panes: key, verdict so far, and heading.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use crate::console::keys::scenario_letter;
use crate::console::model::Model;
use crate::console::theme::Look;
use crate::console::view::frame;
use crate::console::view::line::{put, row, span};
use crate::console::view::scenario::style_of;
use crate::console::words::tour as words;

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, selected: usize, look: &Look) {
    let inner = frame::pane(buffer, area, vec![span(model.say(words::LIST), look.strong)], look);
    let Some(run) = model.scenarios.tour() else { return };
    let room = usize::from(inner.height).max(1);
    let first = (selected + 1).saturating_sub(room);
    for (index, heading) in run.entries().into_iter().enumerate().skip(first) {
        let Some(row) = row(inner, index - first) else { break };
        let item = &run.script.items[heading];
        let base = if run.step == Some(heading) { look.accent } else { look.base };
        let style = if index == selected { base.add_modifier(Modifier::REVERSED) } else { base };
        let (mark, mark_style) = match run.verdict_of(heading) {
            Some(verdict) => (verdict.mark(), style_of(verdict, look)),
            None => (" ", look.muted),
        };
        let label = item.label().map(|label| format!("{label} ")).unwrap_or_default();
        let parts = [
            span(format!(" {} ", scenario_letter(index)), look.accent),
            span(format!("{mark} "), mark_style),
            span(format!("{label}{}", run.named(&item.words, model.lang)), style),
        ];
        put(buffer, row, &parts);
    }
    frame::foot(buffer, inner, model.say(words::LIST_HINT), look);
}
