//! The operations tab: commands with outcome and latency, long answers below them.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::command::{Exit, Tone};
use crate::console::layout::search;
use crate::console::model::Model;
use crate::console::model::operations::{End, Operation};
use crate::console::theme::Look;
use crate::console::view::frame;
use crate::console::view::line::{put, row, span};
use crate::console::words::screen;
use crate::lang::Lang;

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) {
    if model.operations.list().is_empty() {
        put(buffer, area, &[span(model.say(screen::NOTHING_ASKED), look.muted)]);
        return;
    }
    let height = usize::from(area.height);
    let below = model.scrolled;
    let mut rows = Vec::new();
    for operation in model.operations.list().iter().rev().filter(|one| search::shows_operation(model, one)) {
        rows.splice(0..0, drawn(operation, model.lang, look));
        if rows.len() >= height + below {
            break;
        }
    }
    let end = rows.len().saturating_sub(below.min(rows.len().saturating_sub(1)));
    let start = end.saturating_sub(height);
    for (index, spans) in rows[start..end].iter().enumerate() {
        let Some(row) = row(area, index) else { break };
        put(buffer, row, spans);
    }
    if end < rows.len() {
        frame::foot(buffer, area, &screen::NEWER_BELOW.with(model.lang, &[("count", &(rows.len() - end))]), look);
    }
}

fn drawn(operation: &Operation, lang: Lang, look: &Look) -> Vec<Vec<Span<'static>>> {
    let mut rows = vec![summary(operation, lang, look)];
    if let Some(entry) = operation.end.as_ref().and_then(|end| end.not_final) {
        rows.push(vec![span(format!("     {}", screen::NOT_YET.with(lang, &[("entry", &entry)])), look.committed)]);
    }
    for line in operation.answer() {
        rows.push(vec![Span::raw("     "), span(line.text.to(lang).to_owned(), tone(line.tone, look))]);
    }
    if let Some(omitted) = operation.end.as_ref().map(|end| end.omitted).filter(|omitted| *omitted > 0) {
        rows.push(vec![span(screen::OMITTED.with(lang, &[("count", &omitted)]), look.muted)]);
    }
    rows
}

/// `✓ put x 1   1.9 ms   ok e1·o4`: the mark shows the outcome.
pub fn summary(operation: &Operation, lang: Lang, look: &Look) -> Vec<Span<'static>> {
    let (mark, style) = mark(operation.end.as_ref(), look);
    let time = operation.end.as_ref().map_or(screen::UNDER_WAY.to(lang).to_owned(), |end| latency(end.took, lang));
    let mut spans = vec![
        span(format!(" {mark} "), style),
        span(operation.line.clone(), look.strong),
        span(format!("   {time}"), look.muted),
    ];
    if let Some(text) = operation.summary() {
        let is_bad = operation.end.as_ref().is_some_and(|end| end.exit != Exit::Done && !end.is_absent);
        spans.push(span(format!("   {}", text.to(lang)), if is_bad { look.bad } else { look.base }));
    }
    spans
}

fn mark(end: Option<&End>, look: &Look) -> (&'static str, Style) {
    match end.map(|end| end.exit) {
        None => ("…", look.muted),
        // Finding nothing is a successful answer.
        Some(Exit::NotDone) if end.is_some_and(|end| end.is_absent) => ("✓", look.committed),
        Some(Exit::Done | Exit::OutputFailed) => ("✓", look.committed),
        Some(Exit::Unknown) => ("?", look.intermediate),
        Some(Exit::NotDone | Exit::Usage | Exit::Unreachable) => ("✗", look.bad),
    }
}

pub fn tone(tone: Tone, look: &Look) -> Style {
    match tone {
        Tone::Result => look.base,
        Tone::Heading | Tone::Note | Tone::LeftOut => look.muted,
        Tone::Error => look.bad,
    }
}

pub fn latency(took: Duration, lang: Lang) -> String {
    let micros = took.as_micros();
    lang.number(match micros {
        0..10_000 => format!("{}.{} ms", micros / 1_000, micros / 100 % 10),
        10_000..1_000_000 => format!("{} ms", micros / 1_000),
        _ => format!("{}.{} s", micros / 1_000_000, micros / 100_000 % 10),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_read_easily() {
        assert_eq!(latency(Duration::from_micros(1_940), Lang::English), "1.9 ms");
        assert_eq!(latency(Duration::from_millis(234), Lang::English), "234 ms");
        assert_eq!(latency(Duration::from_millis(5_040), Lang::Portuguese), "5,0 s");
    }
}
