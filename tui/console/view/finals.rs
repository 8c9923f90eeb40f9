//! The final databases side by side: what each node would answer to a local read, and where they differ.

use std::collections::BTreeSet;

use bytes::Bytes;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::console::model::{Model, NodeView};
use crate::console::theme::Look;
use crate::console::view::frame;
use crate::console::view::line::{cut, put, row, span};
use crate::console::words::bytes;

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) {
    let keys: BTreeSet<&Bytes> = model.nodes.values().flat_map(|node| node.finals.keys().keys()).collect();
    if keys.is_empty() {
        put(buffer, area, &[span(" nothing is final yet: put x 1", look.muted)]);
        return;
    }
    let first = model.scrolled.min(keys.len() - 1);
    let widths = Widths::of(area, &keys, model);
    put(buffer, area, &heads(model, &widths, look));
    for (index, key) in keys.iter().skip(first).enumerate() {
        let Some(row) = row(area, index + 1) else { break };
        put(buffer, row, &record(model, key, &widths, look));
    }
    remarks(buffer, area, model, keys.len(), look);
}

fn remarks(buffer: &mut Buffer, area: Rect, model: &Model, keys: usize, look: &Look) {
    let mut remark = if keys == 1 { "1 key".to_owned() } else { format!("{keys} keys") };
    if model.nodes.values().any(|node| node.finals.is_partial()) {
        remark.push_str(" of the newest entries; epoca list shows all");
    }
    frame::foot(buffer, area, &remark, look);
}

struct Widths {
    key: usize,
    node: usize,
}

impl Widths {
    fn of(area: Rect, keys: &BTreeSet<&Bytes>, model: &Model) -> Widths {
        let widest = keys.iter().take(200).map(|key| bytes(key).chars().count()).max().unwrap_or_default();
        let key = widest.clamp(4, usize::from(area.width) / 4);
        let nodes = model.nodes.len().max(1);
        let node = (usize::from(area.width).saturating_sub(key + 3) / nodes).clamp(6, 28);
        Widths { key, node }
    }
}

fn heads(model: &Model, widths: &Widths, look: &Look) -> Vec<Span<'static>> {
    let mut spans = vec![span(format!(" {:<1$}  ", "key", widths.key), look.muted)];
    for (id, node) in &model.nodes {
        let name = if node.is_live() { id.to_string() } else { format!("{id} as last seen") };
        spans.push(span(format!("{:<1$}", cut(&name, widths.node - 1), widths.node), look.muted));
    }
    spans
}

fn record(model: &Model, key: &Bytes, widths: &Widths, look: &Look) -> Vec<Span<'static>> {
    let mut spans = vec![span(padded(&bytes(key), widths.key, " ", "  "), look.strong)];
    let measure = model.leader().or(model.nodes.values().next());
    for node in model.nodes.values() {
        let (text, style) = value(node, measure, key, look);
        let style = if node.is_live() { style } else { look.muted };
        spans.push(span(padded(&text, widths.node - 2, "", "  "), style));
    }
    spans
}

/// What the node has, marked where it is not what the leader has.
fn value(node: &NodeView, measure: Option<&NodeView>, key: &Bytes, look: &Look) -> (String, ratatui::style::Style) {
    let mine = node.finals.keys().get(key);
    let theirs = measure.and_then(|measure| measure.finals.keys().get(key));
    let text = mine.map(|mine| format!("{}  {}", bytes(&mine.value), mine.entry));
    match (text, mine.map(|mine| mine.entry) == theirs.map(|theirs| theirs.entry)) {
        (Some(text), true) => (text, look.base),
        (Some(text), false) => (format!("≠ {text}"), look.different),
        (None, true) => ("·".to_owned(), look.muted),
        (None, false) => ("≠ ·".to_owned(), look.different),
    }
}

fn padded(text: &str, width: usize, before: &str, after: &str) -> String {
    use unicode_width::UnicodeWidthStr;
    let text = cut(text, width);
    let room = width.saturating_sub(text.width());
    format!("{before}{text}{}{after}", " ".repeat(room))
}
