//! The help: every key of both modes from the table of keys, and every command from the grammar.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::command::words;
use crate::console::keys::BINDINGS;
use crate::console::model::Mode;
use crate::console::theme::Look;
use crate::console::view::frame;
use crate::console::view::line::{put_lines, span, wrapped};

/// Where the explanations begin.
const TEXT_AT: usize = 14;

pub fn draw(buffer: &mut Buffer, area: Rect, scrolled: usize, look: &Look) {
    let inner = frame::pane(buffer, area, vec![span(" HELP ", look.strong)], look);
    let lines = lines(usize::from(inner.width), look);
    let height = usize::from(inner.height);
    let first = scrolled.min(lines.len().saturating_sub(height));
    let below = lines.len().saturating_sub(first + height);
    put_lines(buffer, inner, lines.into_iter().skip(first));
    let more = if below > 0 { format!("{below} lines more: down, pgdn · ") } else { String::new() };
    frame::foot(buffer, inner, &format!("{more}any other key closes"), look);
}

fn lines(width: usize, look: &Look) -> Vec<Line<'static>> {
    let mut lines = vec![heading("Single keys [CONTROL]", look)];
    lines.extend(keys(Mode::Control, width, look));
    lines.extend([Line::default(), heading("Commands [TYPE]; a node is 3 or n3", look)]);
    for word in words() {
        lines.push(Line::from(vec![span(format!(" {}", word.usage), look.accent)]));
        lines.extend(text(&word.about, width, look));
    }
    lines.extend([Line::default(), heading("Editing the line [TYPE]", look)]);
    lines.extend(keys(Mode::Type, width, look));
    lines
}

fn heading(text: &'static str, look: &Look) -> Line<'static> {
    Line::from(vec![span(format!(" {text}"), look.strong)])
}

fn keys(mode: Mode, width: usize, look: &Look) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for binding in BINDINGS.iter().filter(|binding| binding.mode == mode) {
        let mut rows = text(binding.help, width, look);
        if let Some(first) = rows.first_mut() {
            first.spans[0] = span(format!(" {:<1$}", binding.shown, TEXT_AT - 1), look.accent);
        }
        lines.append(&mut rows);
    }
    lines
}

fn text(text: &str, width: usize, look: &Look) -> Vec<Line<'static>> {
    let rows = wrapped(text, width.saturating_sub(TEXT_AT + 1)).into_iter();
    rows.map(|row| Line::from(vec![Span::raw(" ".repeat(TEXT_AT)), span(row, look.base)])).collect()
}
