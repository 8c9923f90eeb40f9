//! The grades by hand: a view of the graded lines with their points and evidence, and a strip with their labels.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::console::layout::grades::{GradeRow, rows};
use crate::console::model::Model;
use crate::console::theme::Look;
use crate::console::view::frame;
use crate::console::view::line::{put, row, span, width};
use crate::console::words::hand as words;
use crate::scenario::by_hand::{graded_lines, sheet};
use crate::scenario::{ItemKind, points_of};

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, scrolled: usize, look: &Look) {
    let (shown, all) = model.points_by_hand();
    let title = vec![
        span(model.say(words::GRADES), look.strong),
        span(format!(" {} ", points_of(shown, all, model.lang)), look.accent),
    ];
    let inner = frame::pane(buffer, area, title, look);
    let rows = rows(model, usize::from(inner.width));
    let height = usize::from(inner.height);
    for (index, line) in rows.iter().skip(scrolled).enumerate() {
        let Some(place) = row(inner, index) else { break };
        let spans = match line {
            GradeRow::Shown(text) => vec![span(" ✓ ", look.committed), span(text.clone(), look.base)],
            GradeRow::Open(text) => vec![span(" · ", look.muted), span(text.clone(), look.base)],
            GradeRow::More(text) => vec![span(format!("   {text}"), look.base)],
            GradeRow::Evidence(text) => vec![span(format!("   {text}"), look.muted)],
        };
        put(buffer, place, &spans);
    }
    let below = rows.len().saturating_sub(scrolled + height);
    let foot = match below {
        0 => model.say(words::GRADES_FOOT).to_owned(),
        count => words::GRADES_MORE.with(model.lang, &[("count", &count)]),
    };
    frame::foot(buffer, inner, &foot, look);
}

/// `GRADES ✓1a ✓1b ·2a …  0.45 of 2.00`.
pub fn strip(model: &Model, columns: usize, look: &Look) -> Vec<Span<'static>> {
    let script = sheet();
    let (shown, all) = model.points_by_hand();
    let mut spans = vec![span(model.say(words::GRADES), look.muted)];
    for heading in graded_lines(&script) {
        let ItemKind::Graded { label: Some(label), .. } = &script.items[heading].kind else { continue };
        spans.push(match model.grade(heading) {
            Some(_) => span(format!("✓{label} "), look.committed),
            None => span(format!("·{label} "), look.muted),
        });
    }
    let points = span(format!(" {}", points_of(shown, all, model.lang)), look.strong);
    if width(&spans) + width(std::slice::from_ref(&points)) > columns {
        // The labels that are shown already go first.
        spans.retain(|span| !span.content.starts_with('✓'));
    }
    spans.push(points);
    spans
}
