//! The bottom line: the active keys, or the error of the command line at its position.

use std::sync::LazyLock;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::command::{CommandHelp, command_help};
use crate::console::keys::{self, Action, Binding, Mode};
use crate::console::layout::Layout;
use crate::console::model::prompt::Mistake;
use crate::console::model::{Dialog, Model, Prompt};
use crate::console::text::{visible, width as columns};
use crate::console::theme::{Depth, Look, Theme};
use crate::console::view::line::{put, span, width};
use crate::console::view::{choice, prompt};
use crate::console::words::{commands, screen};

pub fn draw(buffer: &mut Buffer, layout: &Layout, model: &Model, look: &Look) {
    let row = Rect { x: layout.hint.x + 1, width: layout.hint.width.saturating_sub(2), ..layout.hint };
    if let Some(mistake) = model.prompt.mistake.as_ref().filter(|_| model.mode == Mode::Type) {
        draw_mistake(buffer, layout, &model.prompt, mistake, look);
        return;
    }
    if let Some(Dialog::Choose { fault, first }) = &model.dialog {
        put(buffer, row, &choice::obstacles(model, *fault, *first, look));
        return;
    }
    if model.prompt.search.is_some() {
        put(buffer, row, &[span(model.say(screen::SEARCH_HINT), look.muted)]);
        return;
    }
    if !model.prompt.candidates.is_empty() && model.mode == Mode::Type {
        put(buffer, row, &[span(model.prompt.candidates.join("  "), look.base)]);
        return;
    }
    match usage(model) {
        Some(word) => put(
            buffer,
            row,
            &[span(&*word.usage, look.accent), span(format!("   {}", commands::about(word, model.lang)), look.muted)],
        ),
        None => put(buffer, row, &keys(model, usize::from(row.width), look)),
    }
}

/// The usage of the command that is being typed.
fn usage(model: &Model) -> Option<&'static CommandHelp> {
    static WORDS: LazyLock<Vec<CommandHelp>> = LazyLock::new(command_help);
    let typed = model.prompt.text().trim_start();
    let (name, _) = typed.split_once(' ').filter(|_| model.mode == Mode::Type && model.prompt.search.is_none())?;
    WORDS.iter().find(|word| word.name == name)
}

/// An arrow below the error, on the frame's edge if there is one, and the expected input.
fn draw_mistake(buffer: &mut Buffer, layout: &Layout, prompt: &Prompt, mistake: &Mistake, look: &Look) {
    let at = prompt::column_of_character(layout.input, prompt, mistake.at);
    let is_framed = layout.input.y + 1 < layout.hint.y;
    let text = if is_framed { mistake.expected.clone() } else { format!("▲ {}", mistake.expected) };
    if is_framed {
        put(buffer, Rect { x: at, y: layout.input.y + 1, width: 1, height: 1 }, &[span("▲", look.bad)]);
    }
    let room = layout.hint.width.saturating_sub(columns(&visible(&text)) as u16);
    let x = at.min(room);
    put(buffer, Rect { x, width: layout.hint.width - x, ..layout.hint }, &[span(text, look.bad)]);
}

/// As many keys as fit. The keys to type, for help and to quit always stay.
fn keys(model: &Model, room: usize, look: &Look) -> Vec<Span<'static>> {
    let (hinted, gap) = fitting(model, room, look);
    joined(model, &hinted, gap, look)
}

fn joined(model: &Model, hinted: &[&Binding], gap: &'static str, look: &Look) -> Vec<Span<'static>> {
    let keys: Vec<_> = hinted.iter().map(|binding| key(model, binding, look)).collect();
    keys.join(&Span::raw(gap))
}

/// The keys that fit, and what is between them.
fn fitting(model: &Model, room: usize, look: &Look) -> (Vec<&'static Binding>, &'static str) {
    let mut hinted: Vec<_> = keys::bindings().iter().filter(|b| b.mode == model.mode && b.hint.is_some()).collect();
    if width(&joined(model, &hinted, "  ", look)) <= room {
        return (hinted, "  ");
    }
    let mut gap = " ";
    while width(&joined(model, &hinted, gap, look)) > room {
        let Some(least) = hinted.iter().rposition(|binding| !is_vital(binding.action)) else { break };
        hinted.remove(least);
        gap = if width(&joined(model, &hinted, "  ", look)) <= room { "  " } else { " " };
    }
    (hinted, gap)
}

/// The key at a column, by its place in the table of keys. The line shows keys only if nothing else is to be said.
pub fn binding_at(model: &Model, layout: &Layout, x: u16) -> Option<usize> {
    if model.dialog.is_some() || usage(model).is_some() || model.prompt.mistake.is_some() {
        return None;
    }
    let look = Look::new(Theme::Dark, Depth::None, false);
    let room = usize::from(layout.hint.width.saturating_sub(2));
    let (hinted, gap) = fitting(model, room, &look);
    let mut left = usize::from(layout.hint.x) + 1;
    let found = hinted.into_iter().find(|binding| {
        let right = left + width(&key(model, binding, &look));
        let is_here = (left..right).contains(&usize::from(x));
        left = right + gap.len();
        is_here
    })?;
    keys::bindings().iter().position(|binding| std::ptr::eq(binding, found))
}

fn is_vital(action: Action) -> bool {
    matches!(action, Action::Type | Action::Help | Action::Quit | Action::Run | Action::Escape)
}

/// A key that cannot act is in parentheses.
fn key(model: &Model, binding: &Binding, look: &Look) -> Vec<Span<'static>> {
    let hint = binding.hint.map_or("", |hint| model.say(hint));
    match model.obstacle(binding) {
        Some(_) => vec![span(format!("({} {hint})", binding.label), look.muted)],
        None => vec![span(binding.label, look.accent), span(format!(" {hint}"), look.base)],
    }
}
