//! The final databases side by side: what each node would answer to a local read, and where they differ.

use bytes::Bytes;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::console::model::{Model, NodeView};
use crate::console::text::{cut, padded, width as columns};
use crate::console::theme::Look;
use crate::console::view::frame;
use crate::console::view::line::{put, row, span};
use crate::console::words::{bytes, screen};

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) {
    let rows = usize::from(area.height).saturating_sub(1);
    let last = model.nodes.values().map(|node| node.finals.keys().len()).max().unwrap_or_default().saturating_sub(1);
    let keys: Vec<&Bytes> = all_keys(model).skip(model.scrolled.min(last)).take(rows).collect();
    if keys.is_empty() {
        put(buffer, area, &[span(model.say(screen::NOTHING_FINAL), look.muted)]);
        return;
    }
    let widths = Widths::of(area, &keys, model);
    put(buffer, area, &heads(model, &widths, look));
    for (index, key) in keys.into_iter().enumerate() {
        let Some(row) = row(area, index + 1) else { break };
        put(buffer, row, &record(model, key, &widths, look));
    }
    remarks(buffer, area, model, last + 1, look);
}

/// How many rows there are to scroll through.
pub fn rows(model: &Model) -> usize {
    model.nodes.values().map(|node| node.finals.keys().len()).max().unwrap_or_default()
}

/// The keys that any node has, in order. Only as far as somebody looks: there may be many thousand.
fn all_keys(model: &Model) -> impl Iterator<Item = &Bytes> {
    let mut heads: Vec<_> = model.nodes.values().map(|node| node.finals.keys().keys().peekable()).collect();
    std::iter::from_fn(move || {
        let next = heads.iter_mut().filter_map(|keys| keys.peek().copied()).min()?;
        for keys in &mut heads {
            keys.next_if_eq(&next);
        }
        Some(next)
    })
}

fn remarks(buffer: &mut Buffer, area: Rect, model: &Model, keys: usize, look: &Look) {
    let mut remark = match keys {
        1 => model.say(screen::ONE_KEY).to_owned(),
        _ => screen::KEYS.with(model.lang, &[("count", &keys)]),
    };
    if model.nodes.values().any(|node| node.finals.is_partial()) {
        remark.push_str(model.say(screen::NEWEST_ONLY));
    }
    frame::foot(buffer, area, &remark, look);
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

/// What the node has and which entry wrote it, marked where it is not what the leader has.
fn value(node: &NodeView, measure: Option<&NodeView>, key: &Bytes, width: usize, look: &Look) -> (String, Style) {
    let mine = node.finals.keys().get(key);
    let theirs = measure.and_then(|measure| measure.finals.keys().get(key));
    let is_same = mine.map(|mine| mine.entry) == theirs.map(|theirs| theirs.entry);
    let (mark, style) = if is_same { ("", look.base) } else { ("≠ ", look.different) };
    let Some(mine) = mine else {
        return (format!("{mark}·"), if is_same { look.muted } else { style });
    };
    let entry = mine.entry.to_string();
    let room = width.saturating_sub(columns(mark) + columns(&entry) + 2);
    (format!("{mark}{}  {entry}", cut(&bytes(&mine.value), room.max(3))), style)
}
