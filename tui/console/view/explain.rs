//! The explanation of a rule, over the upper part of the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::console::model::Model;
use crate::console::text::wrap;
use crate::console::theme::Look;
use crate::console::view::frame;
use crate::console::view::line::{put, row, span};
use crate::console::words::{explain, screen};

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, explained: &crate::console::model::Explained, look: &Look) {
    let title = format!(" {} ", model.say(screen::EXPLANATION));
    let inner = frame::pane(buffer, area, vec![span(title, look.strong)], look);
    let explanation = explain::of(&explained.fact);
    // Short lines are easier to read.
    let width = usize::from(inner.width).saturating_sub(4).min(100);
    let mut rows: Vec<Vec<Span<'static>>> = vec![
        vec![],
        vec![
            span(format!("  {}  ", explained.fact.rule()), look.badge),
            span(format!("  {}", model.say(explanation.title)), look.strong),
        ],
        vec![],
    ];
    let said = format!("{}: {}", explained.node, model.lang.fact(explained.node, &explained.fact));
    rows.extend(wrap(&said, width).into_iter().map(|text| vec![span(format!("  {text}"), look.accent)]));
    for paragraph in explanation.body {
        rows.push(vec![]);
        let lines = wrap(model.say(*paragraph), width).into_iter();
        rows.extend(lines.map(|text| vec![span(format!("  {text}"), look.base)]));
    }
    rows.push(vec![]);
    let source = wrap(model.say(explanation.source), width).into_iter();
    rows.extend(source.map(|text| vec![span(format!("  {text}"), look.muted)]));
    for (index, spans) in rows.iter().enumerate() {
        let Some(place) = row(inner, index) else { break };
        put(buffer, place, spans);
    }
    frame::foot(buffer, inner, model.say(screen::ANY_KEY_CLOSES), look);
}
