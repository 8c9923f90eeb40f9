//! The peers tab: connectivity, traffic and replication lag.
//!
//! ```text
//!  from to n1        to n2         to n3
//!  n1   ·            ✓ 12k 310/s   ✗ cut 11k
//!       log ends     behind        not acked    not final
//!  n1   e1·o3        0             –            0
//! ```

use std::time::Duration;

use epoca::protocol::NodeId;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::console::layout::extent::peers_lines;
use crate::console::model::traffic::{Traffic, short};
use crate::console::model::{Model, NodeView, Presence};
use crate::console::text::{self, cut};
use crate::console::theme::{Depth, Look, Theme};
use crate::console::view::line::{put, row, span};
use crate::console::view::search;
use crate::console::words::screen;

/// Width of the first column.
const NAME: usize = 6;

/// Width of a column in the table of links.
const CELL_MIN: usize = 6;
const CELL_MAX: usize = 16;

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) {
    let width = usize::from(area.width).saturating_sub(NAME);
    let cell = (width / model.nodes.len().max(1)).clamp(CELL_MIN, CELL_MAX);
    let mut rows = vec![heads(model, cell, look)];
    rows.extend(shown_nodes(model).map(|from| links(model, from, cell, look)));
    // Separate the tables if there is room.
    let gap = usize::from(usize::from(area.height) > peers_lines(model));
    rows.extend((0..gap).map(|_| Vec::new()));
    rows.extend(lags(model, width, look));
    rows.extend((0..gap).map(|_| Vec::new()));
    rows.push(vec![span(format!(" {}", model.say(screen::P_COUNTED)), look.muted)]);
    for (index, spans) in rows.iter().skip(model.scrolled.min(rows.len().saturating_sub(1))).enumerate() {
        let Some(place) = row(area, index) else { return };
        put(buffer, place, spans);
    }
}

/// The nodes that the filter shows, by name and by what is said of them.
fn shown_nodes(model: &Model) -> impl Iterator<Item = &NodeView> {
    let look = Look::new(Theme::Dark, Depth::None, false);
    model.nodes.values().filter(move |node| {
        let rows = [links(model, node, CELL_MAX, &look), behind(model, node, CELL_MAX, &look)];
        search::shows(model, &rows.concat())
    })
}

/// How many nodes the filter shows.
pub fn shown(model: &Model) -> usize {
    shown_nodes(model).count()
}

fn heads(model: &Model, cell: usize, look: &Look) -> Vec<Span<'static>> {
    let mut spans = vec![span(padded(&format!(" {}", model.say(screen::P_FROM)), NAME), look.muted)];
    for id in model.nodes.keys() {
        spans.push(span(padded(&screen::P_TO.with(model.lang, &[("node", id)]), cell), look.muted));
    }
    spans
}

fn links(model: &Model, from: &NodeView, cell: usize, look: &Look) -> Vec<Span<'static>> {
    let mut spans = vec![name(from, look)];
    for to in model.nodes.values() {
        let (text, style) = link(model, from, to, look);
        let sent = from.sent.get(&to.state.node).map(|sent| carried(sent, model.now)).unwrap_or_default();
        let used = text::width(text);
        spans.push(span(text.to_owned(), style));
        spans.push(span(padded(&sent, cell.saturating_sub(used)), look.base));
    }
    spans
}

/// Total bytes and rate of a link.
fn carried(sent: &Traffic, now: Duration) -> String {
    let total = short(sent.total());
    match sent.per_second(now) {
        0 => format!(" {total}"),
        speed => format!(" {total} {}/s", short(speed)),
    }
}

fn lags(model: &Model, width: usize, look: &Look) -> Vec<Vec<Span<'static>>> {
    let columns = [screen::P_ENDS, screen::P_BEHIND, screen::P_NOT_ACKED, screen::P_NOT_FINAL];
    let lag = (width / columns.len()).clamp(8, 15);
    let mut head = vec![span(" ".repeat(NAME), look.muted)];
    head.extend(columns.map(|text| span(padded(model.say(text), lag), look.muted)));
    let mut rows = vec![head];
    rows.extend(shown_nodes(model).map(|node| behind(model, node, lag, look)));
    rows
}

/// The state of a link, from the reports of both ends.
fn link(model: &Model, from: &NodeView, to: &NodeView, look: &Look) -> (&'static str, Style) {
    let (from_id, to_id) = (from.state.node, to.state.node);
    let is_cut = from.cuts().contains(&to_id) || to.cuts().contains(&from_id);
    if from_id == to_id {
        ("·", look.muted)
    } else if from.presence != Presence::Live || to.presence != Presence::Live {
        (model.say(screen::P_DOWN), look.muted)
    } else if from.is_paused() || to.is_paused() {
        (model.say(screen::P_PAUSED), look.bad)
    } else if is_cut {
        (model.say(screen::P_CUT), look.bad)
    } else if !to.holds().is_empty() {
        (model.say(screen::P_HELD), look.intermediate)
    } else {
        ("✓", look.committed)
    }
}

/// The node's report compared with the leader's, in entries.
fn behind(model: &Model, node: &NodeView, width: usize, look: &Look) -> Vec<Span<'static>> {
    let position = |point: Option<epoca::protocol::LogPoint>| point.map_or(0, |point| point.position.0);
    let leader = model.leader();
    let end = leader.map(|leader| position(leader.state.last()));
    let own = position(node.state.last());
    let acked = leader.filter(|leader| leader.state.node != node.state.node);
    let acked = acked.and_then(|leader| leader.belief(node.state.node)).map(|belief| position(belief.matched));
    let is_final = leader.map(|leader| position(leader.state.committed).saturating_sub(position(node.state.applied)));
    let entries = |number: Option<u64>| number.map_or("–".to_owned(), |number| number.to_string());
    let lag = end.map(|end| end.saturating_sub(own));
    let style =
        |number: Option<u64>| if number.is_some_and(|number| number > 0) { look.intermediate } else { look.base };
    let not_acked = end.zip(acked).map(|(end, acked)| end.saturating_sub(acked));
    let last = node.state.last().map_or("–".to_owned(), |point| point.id.to_string());
    vec![
        name(node, look),
        span(padded(&last, width), look.base),
        span(padded(&entries(lag), width), style(lag)),
        span(padded(&entries(not_acked), width), style(not_acked)),
        span(padded(&entries(is_final), width), style(is_final)),
    ]
}

fn name(node: &NodeView, look: &Look) -> Span<'static> {
    let id: NodeId = node.state.node;
    let style = match (node.is_live(), node.leads()) {
        (false, _) => look.muted,
        (true, true) => look.accent,
        (true, false) => look.strong,
    };
    span(padded(&format!(" {id}"), NAME), style)
}

fn padded(text: &str, width: usize) -> String {
    text::padded(&cut(text, width.saturating_sub(1)), width)
}
