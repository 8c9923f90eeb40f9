//! The filter of the tabs as the frame shows it, and for tabs whose lines are made here.

use ratatui::text::Span;

use crate::console::layout::{search, tabs};
use crate::console::model::{Model, Pane};
use crate::console::text;
use crate::console::theme::{Depth, Look, Theme};
use crate::console::view::{checks, nodes, peers, tour};
use crate::console::words::screen;

/// `/n3: 4 hits`, with a space at both ends.
pub fn title(model: &Model, pane: Pane) -> Option<String> {
    let filter = model.filter.as_ref()?;
    let hits = hits(model, pane);
    let text = if hits == 1 { screen::ONE_HIT } else { screen::HITS };
    let cursor = if filter.is_typing { "▏" } else { "" };
    let typed = text::visible(&filter.text).into_owned() + cursor;
    Some(format!(" {} ", text.with(model.lang, &[("filter", &typed), ("count", &hits)])))
}

/// The width that the filter leaves to the tab bar.
pub fn bar_width(model: &Model, width: u16) -> usize {
    let taken = title(model, tabs::shown(model)).map_or(0, |title| text::width(&title));
    usize::from(width).saturating_sub(2 + taken)
}

fn hits(model: &Model, pane: Pane) -> usize {
    let look = Look::new(Theme::Dark, Depth::None, false);
    if let Some(hits) = search::hits(model, pane) {
        return hits;
    }
    match pane {
        Pane::Peers => peers::shown(model),
        Pane::Nodes => nodes::shown(model),
        Pane::Checks => checks::shown(model, &look),
        Pane::Scenario => model.run_shown().map_or(0, |run| {
            if run.script.is_tour {
                return tour::hits(&run, model);
            }
            run.script.items.iter().filter(|item| search::shows(model, || item.words.to(model.lang).to_owned())).count()
        }),
        Pane::Sheet => model.sheet_shown().map_or(0, |run| {
            let items = run.headings().map(|heading| &run.script.items[heading]);
            items.filter(|item| search::shows(model, || item.words.to(model.lang).to_owned())).count()
        }),
        _ => 0,
    }
}

/// Whether the filter shows a row.
pub fn shows(model: &Model, row: &[Span]) -> bool {
    search::shows(model, || row.iter().map(|span| &*span.content).collect::<String>())
}
