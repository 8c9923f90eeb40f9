//! The bottom line: the active keys, or the error of the command line at its position.

use std::sync::LazyLock;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::command::{CommandHelp, command_help};
use crate::console::keys::{self, Action, Binding, Mode, StepKey};
use crate::console::layout::Layout;
use crate::console::model::prompt::Mistake;
use crate::console::model::{Dialog, Model, Prompt};
use crate::console::text::{visible, width as columns};
use crate::console::theme::{Depth, Look, Theme};
use crate::console::view::line::{put, row, span, width};
use crate::console::view::{choice, forge, prompt};
use crate::console::words::{commands, screen};

pub fn draw(buffer: &mut Buffer, layout: &Layout, model: &Model, look: &Look) {
    let area = Rect { x: layout.hint.x + 1, width: layout.hint.width.saturating_sub(2), ..layout.hint };
    let first = Rect { height: 1, ..area };
    if let Some(mistake) = model.prompt.mistake.as_ref().filter(|_| model.mode == Mode::Type) {
        draw_mistake(buffer, layout, &model.prompt, mistake, look);
        return;
    }
    if let Some(Dialog::Choose { fault, first: chosen }) = &model.dialog {
        put(buffer, first, &choice::obstacles(model, *fault, *chosen, look));
        return;
    }
    if let Some(Dialog::Forge(forgery)) = &model.dialog {
        return put_rows(buffer, area, &forge::keys(model, forgery, look));
    }
    // A view over the panes takes all keys, and its frame names them. A line that is typed below it has its own.
    if model.dialog.is_some() && model.mode != Mode::Type {
        return;
    }
    if model.prompt.search.is_some() {
        put(buffer, first, &[span(model.say(screen::SEARCH_HINT), look.muted)]);
        return;
    }
    // Letters go to the filter: no single key acts.
    if model.is_typing_filter() {
        put(buffer, first, &[span(model.say(screen::FILTER_HINT), look.muted)]);
        return;
    }
    if !model.prompt.candidates.is_empty() && model.mode == Mode::Type {
        put(buffer, first, &[span(model.prompt.candidates.join("  "), look.base)]);
        return;
    }
    match usage(model) {
        Some(word) => put(
            buffer,
            first,
            &[span(&*word.usage, look.accent), span(format!("   {}", commands::about(word, model.lang)), look.muted)],
        ),
        None => put_rows(buffer, area, &keys(model, usize::from(area.width), usize::from(area.height), look)),
    }
}

fn put_rows(buffer: &mut Buffer, area: Rect, rows: &[Vec<Span<'static>>]) {
    for (index, spans) in rows.iter().enumerate() {
        let Some(place) = row(area, index) else { return };
        put(buffer, place, spans);
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
    put(buffer, Rect { x, width: layout.hint.width - x, height: 1, ..layout.hint }, &[span(text, look.bad)]);
}

/// As many keys as fit. Those that are not vital go first, from the right.
fn keys(model: &Model, room: usize, rows_max: usize, look: &Look) -> Vec<Vec<Span<'static>>> {
    let (rows, gap) = fitting(model, room, rows_max, look);
    let spans = |row: &Vec<&Binding>| {
        let keys: Vec<_> = row.iter().map(|binding| key(model, binding, look)).collect();
        keys.join(&Span::raw(gap))
    };
    rows.iter().map(spans).collect()
}

/// The keys that fit, row by row, and what is between them.
fn fitting(model: &Model, room: usize, rows_max: usize, look: &Look) -> (Vec<Vec<&'static Binding>>, &'static str) {
    let is_paced = model.is_paced();
    let mode = if is_paced { Mode::Paced } else { model.mode };
    let is_hinted = |binding: &&Binding| {
        binding.hint.is_some()
            && (binding.mode == mode && (!is_paced || model.has_guide_key(binding.action))
                || is_paced && binding.mode == Mode::Control && is_beside_pace(binding.action))
    };
    let mut hinted: Vec<_> = keys::bindings().iter().filter(is_hinted).collect();
    let stays = |action: Action| is_vital(action) && !(is_paced && action == Action::Type);
    loop {
        for gap in ["  ", " "] {
            let rows = broken(model, &hinted, room, gap, look);
            if rows.len() <= rows_max {
                return (rows, gap);
            }
        }
        match hinted.iter().rposition(|binding| !stays(binding.action)) {
            Some(least) => _ = hinted.remove(least),
            None => return (broken(model, &hinted, room, " ", look), " "),
        }
    }
}

/// The keys in rows of at most `room` columns.
fn broken<'a>(model: &Model, keys: &[&'a Binding], room: usize, gap: &str, look: &Look) -> Vec<Vec<&'a Binding>> {
    let mut rows: Vec<Vec<&Binding>> = vec![Vec::new()];
    let mut taken = 0;
    for binding in keys {
        let needed = width(&key(model, binding, look));
        if taken > 0 && taken + gap.len() + needed > room {
            rows.push(Vec::new());
            taken = 0;
        }
        taken += needed + if taken > 0 { gap.len() } else { 0 };
        if let Some(row) = rows.last_mut() {
            row.push(binding);
        }
    }
    rows
}

/// The key at a place, by its place in the table of keys. The rows show keys only if nothing else is to be said.
pub fn binding_at(model: &Model, layout: &Layout, (x, y): (u16, u16)) -> Option<usize> {
    if model.dialog.is_some() || model.is_typing_filter() || usage(model).is_some() || model.prompt.mistake.is_some() {
        return None;
    }
    let look = Look::new(Theme::Dark, Depth::None, false);
    let room = usize::from(layout.hint.width.saturating_sub(2));
    let (rows, gap) = fitting(model, room, usize::from(layout.hint.height), &look);
    let mut left = usize::from(layout.hint.x) + 1;
    let found = rows.get(usize::from(y.checked_sub(layout.hint.y)?))?.iter().find(|binding| {
        let right = left + width(&key(model, binding, &look));
        let is_here = (left..right).contains(&usize::from(x));
        left = right + gap.len();
        is_here
    })?;
    keys::bindings().iter().position(|binding| std::ptr::eq(binding, *found))
}

/// Keys that stay in the line while a scenario runs.
fn is_beside_pace(action: Action) -> bool {
    matches!(action, Action::Type | Action::NextPane | Action::Help | Action::Quit)
}

fn is_vital(action: Action) -> bool {
    use Action::{Clean, Escape, Fault, Help, Quit, ReadAll, Run, Scenario, Step, Type, Write};
    matches!(
        action,
        Type | Help | Quit | Run | Escape | Write | ReadAll | Clean | Fault(_) | Scenario | Step(StepKey::Switch)
    )
}

/// A key that cannot act is in parentheses.
fn key(model: &Model, binding: &Binding, look: &Look) -> Vec<Span<'static>> {
    let hint = binding.hint.map_or("", |hint| model.say(hint));
    let label = keys::label(binding.label, model.lang);
    match model.obstacle(binding) {
        Some(_) => vec![span(format!("({label} {hint})"), look.muted)],
        None => vec![span(label, look.accent), span(format!(" {hint}"), look.base)],
    }
}
