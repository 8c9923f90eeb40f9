//! The screen of one node: its process, log, disk, acks, and its last events. All of it is what the node, or the leader
//! about it, has told.

use epoca::protocol::trace::Preview;
use epoca::protocol::{LogPoint, NodeId, Position};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::console::model::timeline::Occurrence;
use crate::console::model::traffic::short;
use crate::console::model::{Model, NodeView};
use crate::console::text::{cut, padded, wrap};
use crate::console::theme::Look;
use crate::console::view::line::{put, row, span};
use crate::console::view::{events, frame, message, nodes, ops, row_notes};
use crate::console::words::{content, node as words};
use crate::lang::Text;

/// Entries before the commit point, and after it.
const BEFORE: usize = 4;
const AFTER: usize = 4;

/// Column of the contents.
const WORDS_AT: usize = 14;

type Line = Vec<Span<'static>>;

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, id: NodeId, look: &Look) {
    let Some(node) = model.nodes.get(&id) else { return };
    let title = format!(" {} ", words::TITLE.with(model.lang, &[("node", &id)]));
    let inner = frame::pane(buffer, area, vec![span(title, look.strong)], look);
    let width = usize::from(inner.width);
    let mut lines = Vec::new();
    let mut part = |head: Text, texts: Vec<(String, Style)>| {
        let room = width.saturating_sub(WORDS_AT + 3);
        let rows = texts
            .into_iter()
            .flat_map(|(text, style)| wrap(&text, room).into_iter().map(move |text| (text, style)).collect::<Vec<_>>());
        for (index, (text, style)) in rows.enumerate() {
            let name = if index == 0 { model.say(head) } else { "" };
            lines.push(vec![span(format!(" {}", padded(name, WORDS_AT)), look.muted), span(text, style)]);
        }
    };
    part(words::PROCESS, vec![(nodes::process(model, node), look.strong)]);
    part(words::LOG, log(model, node).into_iter().map(|text| (text, look.base)).collect());
    part(words::AROUND, around(node, look));
    part(words::DISK, vec![(disk(model, node), look.base)]);
    part(words::ACKS, acks(model, node).into_iter().map(|text| (text, look.base)).collect());
    part(words::TRAFFIC, traffic(node).into_iter().map(|text| (text, look.base)).collect());
    part(words::FAULTS, nodes::in_force(model, node).into_iter().map(|text| (text, look.bad)).collect());
    let notes = node.notes.iter().map(|note| crate::words::note(note).to(model.lang).to_owned());
    part(words::NOTES, notes.map(|text| (text, look.muted)).collect());
    let room = usize::from(inner.height).saturating_sub(lines.len() + 1);
    lines.push(vec![span(format!(" {}", model.say(words::LAST_WORDS)), look.muted)]);
    lines.extend(last_words(model, id, width, room, look));
    for (index, line) in lines.iter().enumerate() {
        let Some(place) = row(inner, index) else { break };
        put(buffer, place, line);
    }
    frame::foot(buffer, inner, model.say(words::KEYS), look);
}

fn log(model: &Model, node: &NodeView) -> Vec<String> {
    let state = &node.state;
    let facts = words::LOG_FACTS.with(
        model.lang,
        &[
            ("count", &state.tail.len()),
            ("last", &id(model, state.last())),
            ("committed", &id(model, state.committed)),
            ("applied", &id(model, state.applied)),
        ],
    );
    let waits = state.held.map(|held| words::ORDER_WAITS.with(model.lang, &[("held", &held.id)]));
    std::iter::once(facts).chain(waits).collect()
}

/// The entries around the commit point, each with its digest.
fn around(node: &NodeView, look: &Look) -> Vec<(String, Style)> {
    let committed = node.state.committed.map_or(0, |point| point.position.0);
    let tail = &node.state.tail;
    let split = tail.partition_point(|entry| entry.point.position.0 <= committed);
    let shown = &tail[split.saturating_sub(BEFORE)..(split + AFTER).min(tail.len())];
    let line = |entry: &Preview| {
        let (open, close, style) = match () {
            () if entry.forged => ("≠", "≠", look.different),
            () if node.is_final(entry.point) => ("[", "]", look.committed),
            () => ("┆", "┆", look.intermediate),
        };
        let is_last = entry.point.position.0 == committed;
        let mark = if is_last { " ┃" } else { "" };
        (format!("{open} {} {close} {}{mark}", content(entry), entry.point), style)
    };
    shown.iter().map(line).collect()
}

fn disk(model: &Model, node: &NodeView) -> String {
    let state = &node.state;
    let total = node.final_db.total().map(|keys| keys.to_string());
    let keys = total.unwrap_or_else(|| model.say(words::UNKNOWN).to_owned());
    words::DISK_FACTS.with(
        model.lang,
        &[
            ("snapshot", &id(model, state.snapshot)),
            ("purged", &id(model, state.purged)),
            ("keys", &keys),
            ("applied", &id(model, state.applied)),
        ],
    )
}

/// What a leader believes of each other node; of a replica, what the leader believes of it.
fn acks(model: &Model, node: &NodeView) -> Vec<String> {
    let next = |leader: &NodeView, next: Option<Position>| {
        next.map_or("-".to_owned(), |next| row_notes::next_id(model, leader, next))
    };
    if !node.leads() {
        let of_leader = model.leader().and_then(|leader| Some((leader, leader.belief(node.state.node)?)));
        let said = of_leader.map(|(leader, belief)| {
            let (matched, next) = (id(model, belief.matched), next(leader, belief.next));
            words::FOLLOWS.with(model.lang, &[("leader", &leader.state.node), ("matched", &matched), ("next", &next)])
        });
        return said.into_iter().collect();
    }
    let beliefs = node.state.beliefs.iter().map(|(other, belief)| {
        let (matched, next) = (id(model, belief.matched), next(node, belief.next));
        words::MATCHES.with(model.lang, &[("node", other), ("matched", &matched), ("next", &next)])
    });
    let beliefs = beliefs.collect::<Vec<_>>().join("   ");
    let arithmetic = node.arithmetic.as_ref();
    let arithmetic = arithmetic.map(|made| model.lang.arithmetic(&made.matches, made.quorum, made.commit));
    let latency =
        model.latency.p50().map(|p50| words::LATENCY.with(model.lang, &[("latency", &ops::latency(p50, model.lang))]));
    std::iter::once(beliefs).chain(arithmetic).chain(latency).collect()
}

/// Bytes of entries and snapshots since the console connected.
fn traffic(node: &NodeView) -> Option<String> {
    let sent = node.sent.iter().map(|(to, sent)| format!("{to} {} B", short(sent.total())));
    let sent = sent.collect::<Vec<_>>().join("   ");
    (!sent.is_empty()).then_some(sent)
}

/// The newest events of the node that fit.
fn last_words(model: &Model, id: NodeId, width: usize, room: usize, look: &Look) -> Vec<Line> {
    let mut rows: Vec<Line> = Vec::new();
    for line in model.timeline.lines().iter().rev().filter(|line| line.node == id) {
        if rows.len() >= room {
            break;
        }
        let (rule, style) = events::rule(&line.occurrence, look);
        let text_style = if matches!(line.occurrence, Occurrence::Fact(_)) { look.base } else { look.bad };
        let head = vec![span(format!(" {}  ", message::clock(line.at)), look.muted), span(format!("{rule:<4}"), style)];
        let text = cut(&model.lang.line(id, &line.occurrence), width.saturating_sub(18));
        rows.insert(0, [head, vec![span(text, text_style)]].concat());
    }
    rows
}

fn id(model: &Model, point: Option<LogPoint>) -> String {
    point.map_or_else(|| model.say(words::NONE).to_owned(), |point| point.id.to_string())
}
