//! What stands beside and below a node's cells: who it is and how it is, what the leader believes of it, the leader's
//! arithmetic, and what happened to its log a moment ago.

use epoca::protocol::trace::{Fact, RoleName};
use epoca::protocol::{EntryId, Offset, Position};
use ratatui::style::Modifier;
use ratatui::text::Span;

use crate::console::layout::Layout;
use crate::console::model::{Model, NodeView, Presence};
use crate::console::text::cut;
use crate::console::theme::Look;
use crate::console::view::line::span;
use crate::console::words::content;

/// `n1 LEADER    e3  live`; where the screen is narrow the state stands there only if it is not "live".
pub fn label(node: &NodeView, layout: &Layout, look: &Look) -> Vec<Span<'static>> {
    let is_leader = node.leads() && node.is_live();
    let role = match node.state.role {
        RoleName::Leader => "LEADER",
        role => role.name(),
    };
    let epoch = node.state.epoch.map(|epoch| epoch.to_string()).unwrap_or_default();
    let style = match (node.is_live(), is_leader) {
        (false, _) => look.muted,
        (true, true) => look.accent,
        (true, false) => look.base,
    };
    let name = span(format!("{:<3}", node.state.node.to_string()), if is_leader { look.accent } else { look.strong });
    let (state, state_style) = state(node, look);
    if layout.is_wide {
        return vec![name, span(format!("{role:<10}{epoch:<4}"), style), span(state, state_style)];
    }
    if node.is_live() || layout.rows_per_node > 1 {
        return vec![name, span(format!("{role:<10}{epoch}"), style)];
    }
    vec![name, span(format!("{state:<10}"), state_style), span(epoch, style)]
}

/// `   :7101 pid 4121`, or on narrow screens `   live :7101`.
pub fn second_label(node: &NodeView, layout: &Layout, look: &Look) -> Vec<Span<'static>> {
    let port = node.address.rsplit_once(':').map_or(node.address.as_str(), |(_, port)| port);
    if !layout.is_wide {
        let (state, style) = state(node, look);
        return vec![Span::raw("   "), span(state, style), span(format!(" :{port}"), look.muted)];
    }
    let pid = match (node.pid, &node.presence) {
        (Some(pid), Presence::Live) => format!(" pid {pid}"),
        _ => String::new(),
    };
    vec![span(format!("   :{port}{pid}"), look.muted)]
}

fn state(node: &NodeView, look: &Look) -> (&'static str, ratatui::style::Style) {
    match (&node.presence, node.is_paused()) {
        (Presence::Live, true) => ("paused", look.bad),
        (Presence::Live, false) => ("live", look.committed),
        (Presence::Down { .. }, _) => ("DOWN", look.bad),
        (Presence::Unseen { .. }, _) => ("unseen", look.muted),
    }
}

/// The line below the cells.
pub fn note(model: &Model, node: &NodeView, layout: &Layout, look: &Look) -> Vec<Span<'static>> {
    let mut parts = match &node.presence {
        Presence::Unseen { why } if why.is_empty() => vec![span("no answer yet", look.muted)],
        Presence::Unseen { why } => vec![span(format!("no answer yet: {why}"), look.muted)],
        Presence::Down { since, why } => {
            let age = model.now.saturating_sub(*since).as_secs();
            vec![span(format!("{why}, {age} s ago; its log as last seen"), look.warning)]
        }
        Presence::Live if node.leads() => arithmetic(model, node, look),
        Presence::Live => belief(model, node, look),
    };
    if let Some((_, Fact::Truncated { from, count, why, .. })) = &node.truncated {
        parts.push(span(if parts.is_empty() { "" } else { "   " }, look.base));
        parts.extend(truncation(node, *from, *count, look));
        // Where there is no room the events say why.
        if layout.is_wide {
            parts.push(span(format!(": {}", model.lang.reason(why)), look.warning));
        }
    }
    if let Some(held) = node.state.held.filter(|_| node.presence == Presence::Live) {
        parts.push(span(format!("   an order up to {} waits", held.id), look.intermediate));
    }
    parts
}

fn arithmetic(model: &Model, node: &NodeView, look: &Look) -> Vec<Span<'static>> {
    let Some(counted) = &node.arithmetic else { return Vec::new() };
    let text = model.lang.arithmetic(&counted.matches, counted.quorum, counted.commit);
    vec![span("commit = ", look.muted), span(text, look.base)]
}

fn belief(model: &Model, node: &NodeView, look: &Look) -> Vec<Span<'static>> {
    let Some(leader) = model.leader() else { return Vec::new() };
    let Some(belief) = leader.belief(node.state.node) else {
        return vec![span(format!("{} believes nothing of it yet", leader.state.node), look.muted)];
    };
    let matched = belief.matched.map_or("-".to_owned(), |point| point.id.to_string());
    let next = belief.next.map_or("-".to_owned(), |next| next_id(leader, next));
    let agrees = belief.matched.map(|point| point.position) == node.state.last().map(|point| point.position);
    let style = if agrees { look.base } else { look.intermediate };
    vec![
        span("match ", look.muted),
        span(format!("{matched:<6}"), style),
        span("  next ", look.muted),
        span(format!("{next:<6}"), look.base),
    ]
}

/// The id that the entry at this position of the leader's log has, or will have.
fn next_id(leader: &NodeView, position: Position) -> String {
    let tail = &leader.state.tail;
    if let Ok(index) = tail.binary_search_by_key(&position, |preview| preview.point.position) {
        return tail[index].point.id.to_string();
    }
    match (leader.state.last(), leader.state.epoch) {
        (Some(last), Some(epoch)) if last.position.next() == position && last.id.epoch == epoch => {
            EntryId { epoch, offset: Offset(last.id.offset.0 + 1) }.to_string()
        }
        _ => format!("position {position}"),
    }
}

/// `truncated ~q=666~ at e1·o3`: what was there, even where another entry has its place by now.
fn truncation(node: &NodeView, from: EntryId, count: u64, look: &Look) -> Vec<Span<'static>> {
    let ghost = node.ghosts.iter().rev().find(|ghost| ghost.preview.point.id == from);
    let what = match (ghost, count) {
        (Some(ghost), 1) => vec![
            span("~", look.truncated),
            span(cut(&content(&ghost.preview), 12), look.truncated.add_modifier(Modifier::CROSSED_OUT)),
            span("~", look.truncated),
        ],
        _ => vec![span(format!("{count} entries"), look.warning)],
    };
    let place = if count == 1 { "at" } else { "from" };
    [vec![span("truncated ", look.warning)], what, vec![span(format!(" {place} {from}"), look.warning)]].concat()
}
