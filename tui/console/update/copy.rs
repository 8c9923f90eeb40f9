//! What `y` copies: the selected message or step, or all that the tab shows, as plain text without frames.

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;

use crate::console::layout::panes;
use crate::console::model::{Focus, Model, Pane};
use crate::console::text::cut;
use crate::console::theme::{Depth, Look, Theme};
use crate::console::update::{Effect, press};
use crate::console::view::message;
use crate::console::words::screen;

/// The part of a tab that is copied: more than any screen shows.
const WIDTH: u16 = 160;
const HEIGHT: u16 = 200;

pub fn copy(model: &mut Model) -> Vec<Effect> {
    let text = selected(model).unwrap_or_else(|| tab(model));
    if text.trim().is_empty() {
        press::say(model, screen::NOTHING_TO_COPY.to(model.lang));
        return Vec::new();
    }
    let first = text.lines().next().unwrap_or_default();
    press::say(model, &screen::COPIED.with(model.lang, &[("what", &cut(first.trim(), 60))]));
    vec![Effect::Copy(text)]
}

fn selected(model: &Model) -> Option<String> {
    if model.focus == Focus::SpaceTime || panes::shown(model).pane == Pane::SpaceTime {
        let place = model.space.place(model.space.selected?)?;
        let lines = message::lines(model, &model.space.rows()[place], usize::from(WIDTH), &plain());
        let line = |spans: Vec<ratatui::text::Span>| spans.iter().map(|span| &*span.content).collect::<String>();
        return Some(lines.into_iter().map(line).collect::<Vec<_>>().join("\n"));
    }
    if panes::shown(model).pane != Pane::Narration {
        return None;
    }
    model.story.selected?;
    let told = model.story.in_sight()?;
    let names = told.nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let (what, why) = model.lang.step(told);
    Some(format!("{names}: {what}{}", why.map_or(String::new(), |why| format!("\n{why}"))))
}

/// All that the tab shows, with as many rows as it has.
fn tab(model: &Model) -> String {
    let area = Rect::new(0, 0, WIDTH, HEIGHT);
    let mut buffer = Buffer::empty(Rect { height: HEIGHT + 1, ..area });
    (panes::shown(model).draw)(&mut buffer, area, model, &plain());
    let rows = buffer.content.chunks(usize::from(WIDTH)).take(usize::from(HEIGHT));
    let rows = rows.map(|row| row.iter().map(Cell::symbol).collect::<String>().trim_end().to_owned());
    let text = rows.collect::<Vec<_>>().join("\n");
    text.trim_matches('\n').to_owned()
}

fn plain() -> Look {
    Look::new(Theme::Dark, Depth::None, false)
}
