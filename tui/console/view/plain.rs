//! The text that `y` copies: the selected message or line, or the whole tab, without frames.

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::console::layout::tabs;
use crate::console::model::{Focus, Model, Pane};
use crate::console::theme::{Depth, Look, Theme};
use crate::console::view::{draw_tab, message};

/// Size of the copied part of a tab; larger than any screen.
const WIDTH: u16 = 160;
const HEIGHT: u16 = 200;

pub fn plain(model: &Model) -> String {
    let look = Look::new(Theme::Dark, Depth::None, false);
    selected(model, &look).unwrap_or_else(|| tab(model, &look))
}

fn selected(model: &Model, look: &Look) -> Option<String> {
    if model.focus == Focus::SpaceTime || tabs::shown(model) == Pane::SpaceTime {
        let place = model.space_time.index_of(model.space_time.selected?)?;
        let lines = message::lines(model, &model.space_time.rows()[place], usize::from(WIDTH), look);
        let line = |spans: Vec<Span>| spans.iter().map(|span| &*span.content).collect::<String>();
        return Some(lines.into_iter().map(line).collect::<Vec<_>>().join("\n"));
    }
    if tabs::shown(model) != Pane::Narration {
        return None;
    }
    model.narration.selected?;
    let told = model.narration.focused()?;
    let names = told.nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let (what, why) = model.lang.step(told);
    Some(format!("{names}: {what}{}", why.map_or(String::new(), |why| format!("\n{why}"))))
}

/// All rows of the tab.
fn tab(model: &Model, look: &Look) -> String {
    let area = Rect::new(0, 0, WIDTH, HEIGHT);
    let mut buffer = Buffer::empty(Rect { height: HEIGHT + 1, ..area });
    draw_tab(&mut buffer, area, model, tabs::shown(model), look);
    let rows = buffer.content.chunks(usize::from(WIDTH)).take(usize::from(HEIGHT));
    let rows = rows.map(|row| row.iter().map(Cell::symbol).collect::<String>().trim_end().to_owned());
    let text = rows.collect::<Vec<_>>().join("\n");
    text.trim_matches('\n').to_owned()
}
