//! The code card of a rule, over the upper part of the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::console::model::{Explained, Model};
use crate::console::text::{padded, width, wrap};
use crate::console::theme::Look;
use crate::console::view::frame;
use crate::console::view::line::{put, row, span};
use crate::console::words::code as words;
use crate::lang::Text;

/// Places of a fact that are listed.
const PLACES_MAX: usize = 3;

/// Column of the contents.
const WORDS_AT: usize = 16;

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, explained: &Explained, look: &Look) {
    let title = format!(" {} ", model.say(words::TITLE));
    let inner = frame::pane(buffer, area, vec![span(title, look.strong)], look);
    let card = words::of(&explained.fact);
    let width = usize::from(inner.width).saturating_sub(WORDS_AT + 2).min(100);
    let mut rows: Vec<Vec<Span<'static>>> = vec![
        vec![],
        vec![
            span(format!("  {}  ", explained.fact.rule()), look.badge),
            span(format!("  {}", model.say(card.explanation.title)), look.strong),
        ],
        vec![],
    ];
    let said = format!("{}: {}", explained.node, model.lang.fact(explained.node, &explained.fact));
    rows.extend(wrap(&said, width + WORDS_AT).into_iter().map(|text| vec![span(format!("  {text}"), look.accent)]));
    let mut part = |head: Text, texts: Vec<(String, ratatui::style::Style)>| {
        rows.push(Vec::new());
        for (index, (text, style)) in texts.into_iter().enumerate() {
            let name = if index == 0 { model.say(head) } else { "" };
            rows.push(vec![span(format!("  {}", padded(name, WORDS_AT)), look.muted), span(text, style)]);
        }
    };
    let places = card.places.iter().take(PLACES_MAX).flat_map(|place| {
        let at = format!("{}:{}", place.file, place.line);
        fitted(&at, &format!("fn {}", place.function), width)
    });
    part(words::FIRES, places.map(|text| (text, look.strong)).collect());
    let test = card.test.map(|(file, name)| fitted(file, name, width)).unwrap_or_default();
    part(words::TEST, or(test, model.say(words::NO_TEST)).into_iter().map(|text| (text, look.committed)).collect());
    let lines = card.lines.iter().flat_map(|(line, text)| wrap(&format!("{line} {}", model.say(*text)), width));
    let lines: Vec<String> = lines.collect();
    part(words::LINE, or(lines, model.say(words::NO_LINE)).into_iter().map(|text| (text, look.base)).collect());
    let does = wrap(&words::in_short(card.explanation, model.lang), width);
    part(words::DOES, does.into_iter().map(|text| (text, look.base)).collect());
    if rows.len() > usize::from(inner.height) {
        rows.retain(|row| !row.is_empty());
    }
    for (index, spans) in rows.iter().enumerate() {
        let Some(place) = row(inner, index) else { break };
        put(buffer, place, spans);
    }
    frame::foot(buffer, inner, model.say(words::CLOSES), look);
}

/// Both in one row if they fit, else the second one below the first, wrapped.
fn fitted(first: &str, second: &str, room: usize) -> Vec<String> {
    if width(first) + width(second) + 2 <= room {
        return vec![format!("{first}  {second}")];
    }
    std::iter::once(first.to_owned()).chain(wrap(second, room)).collect()
}

fn or(texts: Vec<String>, instead: &str) -> Vec<String> {
    if texts.is_empty() { vec![instead.to_owned()] } else { texts }
}
