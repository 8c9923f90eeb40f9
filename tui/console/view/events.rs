//! The events tab: time, node, rule, and the text with its numbers. The newest event is at the bottom.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::console::layout::search;
use crate::console::model::Model;
use crate::console::model::timeline::{Line, Occurrence};
use crate::console::text::wrap;
use crate::console::theme::Look;
use crate::console::view::frame;
use crate::console::view::line::{put, row, span};
use crate::console::words::screen;
use crate::lang::Lang;

/// Column of the text: `00:12.345  n2  C3  `.
const WORDS_AT: usize = 20;

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) {
    let lines: Vec<&Line> = model.timeline.lines().iter().filter(|line| search::shows_line(model, line)).collect();
    if lines.is_empty() {
        put(buffer, area, &[span(format!(" {}", model.say(frame::nothing(model))), look.muted)]);
        return;
    }
    let height = usize::from(area.height);
    let below = model.scrolled.min(lines.len().saturating_sub(1));
    let mut rows = Vec::new();
    for line in lines.iter().rev().skip(below) {
        rows.splice(0..0, drawn(line, usize::from(area.width), model.lang, look));
        if rows.len() >= height {
            break;
        }
    }
    let skipped = rows.len().saturating_sub(height);
    for (index, spans) in rows.into_iter().skip(skipped).enumerate() {
        let Some(row) = row(area, index) else { break };
        put(buffer, row, &spans);
    }
    remarks(buffer, area, model, below, look);
}

fn remarks(buffer: &mut Buffer, area: Rect, model: &Model, below: usize, look: &Look) {
    let mut remarks = Vec::new();
    if below > 0 {
        remarks.push(screen::NEWER_BELOW.with(model.lang, &[("count", &below)]));
    }
    if model.timeline.dropped() > 0 {
        remarks.push(screen::OLDEST_DROPPED.with(model.lang, &[("count", &model.timeline.dropped())]));
    }
    if !remarks.is_empty() {
        frame::foot(buffer, area, &remarks.join(" · "), look);
    }
}

/// A line, wrapped.
fn drawn(line: &Line, width: usize, lang: Lang, look: &Look) -> Vec<Vec<Span<'static>>> {
    let (rule, style) = rule(&line.occurrence, look);
    let millis = line.at.as_millis();
    let time = format!(" {:02}:{:02}.{:03}  ", millis / 60_000, millis / 1_000 % 60, millis % 1_000);
    let head = vec![
        span(time, look.muted),
        span(format!("{:<4}", line.node.to_string()), look.strong),
        span(format!("{rule:<4}"), style),
    ];
    let mut words = lang.line(line.node, &line.occurrence);
    if let Some(missing) = line.missing {
        words = format!("{words} · {}", screen::ORDER_UNKNOWN.with(lang, &[("node", &missing)]));
    }
    let words = wrap(&words, width.saturating_sub(WORDS_AT + 1));
    let mut rows = Vec::new();
    for (index, words) in words.into_iter().enumerate() {
        let mut row = if index == 0 { head.clone() } else { vec![Span::raw(" ".repeat(WORDS_AT))] };
        row.push(span(words, words_style(&line.occurrence, look)));
        rows.push(row);
    }
    rows
}

/// The id of the rule, in the colour of its family.
pub fn rule(occurrence: &Occurrence, look: &Look) -> (&'static str, Style) {
    let Occurrence::Fact(fact) = occurrence else { return ("", look.bad) };
    let rule = fact.rule();
    let style = match rule {
        "C2" | "C3" => look.bad,
        "C4" | "C5" => look.different,
        _ => match rule.as_bytes().first() {
            Some(b'K') => look.committed,
            Some(b'P' | b'A' | b'C') => look.intermediate,
            Some(b'E') => look.accent,
            Some(b'F') => look.bad,
            _ => look.muted,
        },
    };
    (rule, style)
}

fn words_style(occurrence: &Occurrence, look: &Look) -> Style {
    match occurrence {
        Occurrence::Fact(_) => look.base,
        Occurrence::Disconnected(_) | Occurrence::EventsLost(_) => look.bad,
        Occurrence::Connected(_) => look.committed,
    }
}
