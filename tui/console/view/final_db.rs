//! The final databases side by side, with their differences. A key that a node has not reported is marked as unknown,
//! not as absent.

use bytes::Bytes;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::console::layout::search;
use crate::console::model::final_db::{Lookup, StoredRow};
use crate::console::model::{Model, NodeView, Presence};
use crate::console::text::{cut, padded, width as columns, wrap};
use crate::console::theme::Look;
use crate::console::view::frame;
use crate::console::view::line::{put, row, span};
use crate::console::words::{bytes, screen};
use crate::lang::Text;

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) {
    let height = usize::from(area.height).saturating_sub(1);
    let shown = || model.final_keys().filter(|key| search::shows_key(model, key));
    let last = shown().count().saturating_sub(1);
    let keys: Vec<&Bytes> = shown().skip(model.scrolled.min(last)).take(height).collect();
    if keys.is_empty() {
        let why = if model.final_keys().next().is_some() { screen::NO_HIT } else { nothing(model) };
        for (index, text) in wrap(model.say(why), usize::from(area.width).saturating_sub(2)).into_iter().enumerate() {
            let Some(row) = row(area, index) else { break };
            put(buffer, row, &[span(format!(" {text}"), look.muted)]);
        }
        return;
    }
    let widths = Widths::of(area, &keys, model);
    put(buffer, area, &heads(model, &widths, look));
    for (index, key) in keys.into_iter().enumerate() {
        let Some(row) = row(area, index + 1) else { break };
        put(buffer, row, &record(model, key, &widths, look));
    }
    frame::foot(buffer, area, &count(model), look);
}

/// Why there are no rows.
fn nothing(model: &Model) -> Text {
    let mut nodes = model.nodes.values().filter(|node| !matches!(node.presence, Presence::Unseen { .. })).peekable();
    let is_seen = nodes.peek().is_some();
    match () {
        () if model.nodes.values().any(|node| node.final_db.is_known()) => screen::NOTHING_FINAL,
        () if is_seen && nodes.all(|node| !node.lab) => screen::FINAL_HIDDEN,
        // In a recording, the nodes report their databases right after their first state, in any case before the end.
        () if model.tape.file.is_some() && model.tape.at() == model.tape.ring.end() => screen::FINAL_OLD_RECORDING,
        () => screen::FINAL_UNTOLD,
    }
}

/// Number of keys at the leader, and how many of them are shown.
fn count(model: &Model) -> String {
    let known = |node: &&NodeView| node.final_db.is_known();
    let Some(measure) = model.leader().filter(known).or_else(|| model.nodes.values().find(known)) else {
        return String::new();
    };
    let shown = measure.final_db.keys().len();
    match measure.final_db.total() {
        Some(1) if shown == 1 => model.say(screen::ONE_KEY).to_owned(),
        Some(count) if count == shown as u64 => screen::KEYS.with(model.lang, &[("count", &count)]),
        Some(count) => screen::KEYS_OF.with(model.lang, &[("shown", &shown), ("count", &count)]),
        None => screen::KEYS_OF_MANY.with(model.lang, &[("shown", &shown)]),
    }
}

struct Widths {
    key: usize,
    node: usize,
}

impl Widths {
    fn of(area: Rect, keys: &[&Bytes], model: &Model) -> Widths {
        let widest = keys.iter().map(|key| columns(&bytes(key))).max().unwrap_or_default();
        let key = widest.clamp(4, usize::from(area.width) / 4);
        let nodes = model.nodes.len().max(1);
        let node = (usize::from(area.width).saturating_sub(key + 3) / nodes).clamp(9, 28);
        Widths { key, node }
    }
}

fn heads(model: &Model, widths: &Widths, look: &Look) -> Vec<Span<'static>> {
    let mut spans = vec![span(format!(" {}  ", padded(model.say(screen::KEY), widths.key)), look.muted)];
    for (id, node) in &model.nodes {
        let name = if node.is_live() { id.to_string() } else { screen::AS_LAST_SEEN.with(model.lang, &[("node", id)]) };
        spans.push(span(padded(&cut(&name, widths.node - 1), widths.node), look.muted));
    }
    spans
}

fn record(model: &Model, key: &Bytes, widths: &Widths, look: &Look) -> Vec<Span<'static>> {
    let mut spans = vec![span(format!(" {}  ", padded(&bytes(key), widths.key)), look.strong)];
    let measure = model.leader().or(model.nodes.values().next());
    for node in model.nodes.values() {
        let (text, style) = value(node, measure, key, widths.node - 2, look);
        let style = if node.is_live() { style } else { look.muted };
        spans.push(span(padded(&text, widths.node), style));
    }
    spans
}

/// A node's value and the entry that wrote it. Marked if it differs from the leader's.
fn value(node: &NodeView, measure: Option<&NodeView>, key: &Bytes, width: usize, look: &Look) -> (String, Style) {
    let mine = node.final_db.find(key);
    let theirs = measure.map_or(Lookup::Unknown, |measure| measure.final_db.find(key));
    let is_same = match (mine, theirs) {
        (Lookup::Row(mine), Lookup::Row(theirs)) => mine.entry == theirs.entry,
        (Lookup::Absent, Lookup::Row(_)) | (Lookup::Row(_), Lookup::Absent) => false,
        // An unknown value is not a difference.
        _ => true,
    };
    let (mark, style) = if is_same { ("", look.base) } else { ("≠ ", look.different) };
    match mine {
        Lookup::Unknown => ("…".to_owned(), look.muted),
        Lookup::Absent => (format!("{mark}·"), if is_same { look.muted } else { style }),
        Lookup::Row(row) => (format!("{mark}{}", shown(row, width.saturating_sub(columns(mark)))), style),
    }
}

/// The value, cut to the width, with the entry that wrote it.
fn shown(row: &StoredRow, width: usize) -> String {
    let entry = row.entry.to_string();
    let room = width.saturating_sub(columns(&entry) + 2).max(3);
    let text = bytes(&row.value);
    let is_cut = row.value_bytes > row.value.len() as u64;
    let text = if is_cut { cut(&format!("{text}…"), room) } else { cut(&text, room) };
    format!("{text}  {entry}")
}
