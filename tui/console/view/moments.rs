//! What has changed between two moments, over the upper part of the screen.

use std::fmt::Display;

use bytes::Bytes;
use epoca::protocol::trace::Preview;
use epoca::protocol::{Epoch, LogPoint, NodeId};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::console::model::final_db::StoredRow;
use crate::console::model::moments::{Change, Changes, NodeChanges};
use crate::console::model::{Membership, Model};
use crate::console::text::wrap;
use crate::console::theme::Look;
use crate::console::view::frame;
use crate::console::view::line::{put, row, span};
use crate::console::words::{bytes, content, moments as words, screen};
use crate::lang::Text;

/// Entries and keys that are listed one by one.
const LISTED_MAX: usize = 40;

type Line = Vec<Span<'static>>;

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, changes: &Changes, scrolled: usize, look: &Look) {
    let (from, to) = changes.steps;
    let title = format!(" {} ", words::TITLE.with(model.lang, &[("from", &from), ("to", &to)]));
    let inner = frame::pane(buffer, area, vec![span(title, look.strong)], look);
    let mut lines = vec![vec![span(format!(" {}", leader(model, changes)), look.accent)]];
    for node in &changes.nodes {
        lines.extend(of_node(model, node, usize::from(inner.width), look));
    }
    let height = usize::from(inner.height);
    let first = scrolled.min(lines.len().saturating_sub(height));
    let below = lines.len().saturating_sub(first + height);
    for (index, line) in lines.iter().skip(first).enumerate() {
        let Some(place) = row(inner, index) else { break };
        put(buffer, place, line);
    }
    let more = match below {
        0 => String::new(),
        _ => format!("{} · ", screen::LINES_MORE.with(model.lang, &[("count", &below)])),
    };
    let foot = format!("{more}{} · {}", model.say(words::LEGEND), model.say(screen::OTHER_KEY_CLOSES));
    frame::foot(buffer, inner, &foot, look);
}

fn leader(model: &Model, changes: &Changes) -> String {
    let name = |leader: Option<(NodeId, Option<Epoch>)>| match leader {
        Some((node, Some(epoch))) => format!("{node} {epoch}"),
        Some((node, None)) => node.to_string(),
        None => model.say(words::NOBODY).to_owned(),
    };
    let (before, after) = (name(changes.leader.0), name(changes.leader.1));
    let text = if before == after { words::SAME_LEADER } else { words::LEADER };
    text.with(model.lang, &[("before", &before), ("after", &after)])
}

fn of_node(model: &Model, node: &NodeChanges, width: usize, look: &Look) -> Vec<Line> {
    let mut parts: Vec<(String, Style)> = Vec::new();
    if node.is_empty() {
        parts.push((model.say(words::UNCHANGED).to_owned(), look.muted));
    }
    parts.extend(state(model, node, look));
    let listed = |head: Text, texts: Vec<String>| {
        let more = texts.len().saturating_sub(LISTED_MAX);
        let more = if more > 0 { format!("  +{more}") } else { String::new() };
        let shown = texts.into_iter().take(LISTED_MAX).collect::<Vec<_>>().join("  ");
        (!shown.is_empty()).then(|| format!("{}{shown}{more}", model.say(head)))
    };
    let plain = |entry: &Preview| format!("{} {}", content(entry), entry.point.id);
    let framed = |entry: &Preview| match node.is_final(entry.point.id) {
        true => format!("[ {} ] {}", content(entry), entry.point.id),
        false => format!("┆ {} ┆ {}", content(entry), entry.point.id),
    };
    let appeared = listed(words::APPEARED, node.appeared.iter().map(framed).collect());
    let finalized = listed(words::FINALIZED, node.finalized.iter().map(plain).collect());
    let truncated = listed(words::TRUNCATED, node.truncated.iter().map(plain).collect());
    let keys = listed(words::FINAL_DB, keys(node));
    let is_all_final = node.appeared.iter().all(|entry| node.is_final(entry.point.id));
    let new = if is_all_final { look.committed } else { look.intermediate };
    let lists = [(appeared, new), (finalized, look.committed), (truncated, look.bad), (keys, look.base)];
    parts.extend(lists.into_iter().filter_map(|(text, style)| Some((text?, style))));
    let room = width.saturating_sub(7);
    let rows = parts
        .into_iter()
        .flat_map(|(text, style)| wrap(&text, room).into_iter().map(move |text| (text, style)).collect::<Vec<_>>());
    let line = |(index, (text, style)): (usize, (String, Style))| {
        let name = if index == 0 { node.node.to_string() } else { String::new() };
        vec![span(format!(" {name:<4}"), look.strong), span(text, style)]
    };
    rows.enumerate().map(line).collect()
}

/// Life, role, epoch and commit point, where they have changed.
fn state(model: &Model, node: &NodeChanges, look: &Look) -> Option<(String, Style)> {
    let alive = match node.is_live {
        (false, true) => Some(model.say(words::CAME_UP).to_owned()),
        (true, false) => Some(model.say(words::WENT_DOWN).to_owned()),
        _ => None,
    };
    let role = |role| model.say(screen::role(role, Membership::Voter)).to_owned();
    let roles = (node.role.0 != node.role.1).then(|| format!("{} → {}", role(node.role.0), role(node.role.1)));
    let commit = |point: Option<LogPoint>| point.map_or("-".to_owned(), |point| point.id.to_string());
    let epoch = |epoch: Option<Epoch>| epoch.map_or("-".to_owned(), |epoch| epoch.to_string());
    let epochs = (epoch(node.epoch.0), epoch(node.epoch.1));
    let commits = (commit(node.committed.0), commit(node.committed.1));
    let changed = |text: Text, change: Change<String>| {
        let places: [(&str, &dyn Display); 2] = [("before", &change.0), ("after", &change.1)];
        (change.0 != change.1).then(|| text.with(model.lang, &places))
    };
    let all = [alive, roles, changed(words::EPOCH, epochs), changed(words::COMMIT, commits)];
    let all: Vec<String> = all.into_iter().flatten().collect();
    (!all.is_empty()).then(|| (all.join("   "), look.strong))
}

/// `x 1→4`, `y =2` for a new key, `z gone`.
fn keys(node: &NodeChanges) -> Vec<String> {
    let text = |(key, (before, after)): &(Bytes, Change<Option<StoredRow>>)| {
        let key = bytes(key);
        match (before, after) {
            (Some(before), Some(after)) => format!("{key} {}→{}", bytes(&before.value), bytes(&after.value)),
            (None, Some(after)) => format!("+{key}={}", bytes(&after.value)),
            _ => format!("-{key}"),
        }
    };
    node.keys.iter().map(text).collect()
}
