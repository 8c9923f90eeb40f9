//! The command line. In CONTROL: the notice or the last operation.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::console::keys::{self, Mode};
use crate::console::layout::{Layout, is_split};
use crate::console::model::{Answer, Dialog, Model, Phase, Prompt};
use crate::console::text::{behind, visible, width};
use crate::console::theme::Look;
use crate::console::view::line::{put, put_right, span, width as line_width};
use crate::console::view::{answer, checks, choice, forge, frame, ops};
use crate::console::words::screen;
use crate::lang::Text;

/// The prompt.
const MARK: &str = "> ";

/// Returns the cursor position, in TYPE.
pub fn draw(buffer: &mut Buffer, layout: &Layout, model: &Model, look: &Look) -> Option<(u16, u16)> {
    if layout.prompt.height > 1 {
        let mut title = vec![span(model.say(screen::COMMAND), look.muted)];
        if model.mode == Mode::Type && model.dialog.is_none() {
            title.extend(status(model, look).unwrap_or_default());
        }
        frame::pane(buffer, layout.prompt, title, look);
    }
    draw_answer(buffer, layout.answer, model, look);
    if let Some(Dialog::Forge(forgery)) = &model.dialog {
        put(buffer, layout.input, &forge::choice(model, forgery, look));
        return None;
    }
    if let Some(Dialog::Choose { fault, first }) = &model.dialog {
        put(buffer, layout.input, &choice::choice(model, *fault, *first, look));
        return None;
    }
    if let Some(filter) = model.filter.as_ref().filter(|_| model.is_typing_filter()) {
        let typed = format!("/{}", visible(&filter.text));
        put(buffer, layout.input, &[span(&*typed, look.accent)]);
        return Some((layout.input.x + (width(&typed) as u16).min(layout.input.width - 1), layout.input.y));
    }
    if model.mode == Mode::Control {
        // On a small screen the status has a row of its own.
        let status = status(model, look).filter(|_| layout.answer.height == 0);
        let status = status.unwrap_or_else(|| vec![span(idle(model, usize::from(layout.input.width)), look.muted)]);
        put(buffer, layout.input, &status);
        return None;
    }
    if model.phase == Phase::Ending {
        return None;
    }
    Some(typed(buffer, layout.input, model, look))
}

/// The notice, or else the last operation and its outcome.
pub fn status(model: &Model, look: &Look) -> Option<Vec<Span<'static>>> {
    if let Some(notice) = &model.notice {
        let style = if notice.is_bad { look.bad } else { look.base };
        return Some(vec![span(format!(" {} ", notice.text), style)]);
    }
    let is_group = model.answer == Some(Answer::Reads) && model.reads.rows.len() > 1;
    if is_group {
        return Some(answer::reads_summary(model, look));
    }
    let mut spans = ops::summary(model.operations.newest()?, model.lang, look);
    spans.push(Span::raw(" "));
    Some(spans)
}

/// The last outcome, and at the right the state of the checks, which have no strip on a small screen.
fn draw_answer(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) {
    if area.height == 0 {
        return;
    }
    let checks = checks::short(model.shown(), look);
    let taken = (line_width(&checks) as u16 + 1).min(area.width);
    let room = if checks.is_empty() { area } else { Rect { width: area.width - taken, ..area } };
    put(buffer, room, &status(model, look).unwrap_or_default());
    put_right(buffer, area, &checks);
}

/// What to press, and why keys are in parentheses.
fn idle(model: &Model, columns: usize) -> String {
    if model.dialog.is_some() {
        return String::new();
    }
    let mut obstacles: Vec<_> = keys::bindings().iter().filter_map(|binding| model.obstacle(binding)).collect();
    obstacles.dedup();
    // The keys of a running scenario have no obstacles.
    if model.is_paced() || obstacles.is_empty() || model.phase != Phase::Watching {
        return guide(model, columns);
    }
    let reasons: Vec<_> = obstacles.iter().map(|obstacle| model.lang.obstacle(obstacle)).collect();
    screen::IDLE_OBSTACLES.with(model.lang, &[("why", &reasons.join(", "))])
}

/// What is seen and what to press, as much of it as fits.
fn guide(model: &Model, columns: usize) -> String {
    if model.scenarios.is_running() {
        let text = if model.scenarios.tour().is_some() { screen::GUIDE_TOUR } else { screen::GUIDE_SCENARIO };
        return model.say(text).to_owned();
    }
    let defense = keys::bindings().iter().any(|binding| binding.label == "D");
    let more = if defense { model.say(screen::GUIDE_DEFENSE) } else { "" };
    let tests = keys::TEST_DIGITS.join(" ");
    let with = |text: Text| text.with(model.lang, &[("tests", &tests), ("more", &more)]);
    let (keys, short) = (with(screen::GUIDE), with(screen::GUIDE_SHORT));
    let whole = if is_split(model.size) { format!("{}{keys}", model.say(screen::GUIDE_SEEN)) } else { keys.clone() };
    [whole, keys].into_iter().find(|text| width(text) <= columns).unwrap_or(short)
}

/// Draws the part of the line around the cursor; returns the cursor position.
fn typed(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) -> (u16, u16) {
    let prompt = &model.prompt;
    if let Some(search) = &prompt.search {
        let label = screen::SEARCH.with(model.lang, &[("wanted", &search.query)]);
        let found = prompt.found().unwrap_or(if search.query.is_empty() { "" } else { model.say(screen::NOT_FOUND) });
        put(buffer, area, &[span(&*label, look.accent), span(format!("  {found}"), look.base)]);
        return (area.x + (width(&visible(&label)) as u16).min(area.width - 1), area.y);
    }
    let hidden = hidden(area, prompt);
    let mark = if hidden > 0 { "‹ " } else { MARK };
    let line = visible(prompt.text());
    put(buffer, area, &[span(mark, look.accent), span(behind(&line, hidden), look.base)]);
    (column(area, prompt, columns_before(prompt, prompt.input.cursor())), area.y)
}

/// The screen column of a line column.
fn column(area: Rect, prompt: &Prompt, column: usize) -> u16 {
    let seen = column.saturating_sub(hidden(area, prompt)) + MARK.len();
    area.x + (seen as u16).min(area.width.saturating_sub(1))
}

/// The screen column of a character.
pub fn column_of_character(area: Rect, prompt: &Prompt, at: usize) -> u16 {
    column(area, prompt, columns_before(prompt, at))
}

/// Columns before the character `at`, escapes included.
fn columns_before(prompt: &Prompt, at: usize) -> usize {
    let end = prompt.text().char_indices().nth(at).map_or(prompt.text().len(), |(byte, _)| byte);
    width(&visible(&prompt.text()[..end]))
}

/// Columns that are scrolled off at the left.
fn hidden(area: Rect, prompt: &Prompt) -> usize {
    let room = usize::from(area.width).saturating_sub(MARK.len() + 1);
    columns_before(prompt, prompt.input.cursor()).saturating_sub(room)
}
