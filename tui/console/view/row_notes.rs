//! The texts beside and below a node's cells: name and state, the leader's belief, the commit calculation, recent
//! changes of the log.

use epoca::protocol::trace::Fact;
use epoca::protocol::{EntryId, Offset, Position};
use ratatui::style::Modifier;
use ratatui::text::Span;

use crate::console::layout::Layout;
use crate::console::model::{Model, NodeView, Presence};
use crate::console::text::cut;
use crate::console::theme::Look;
use crate::console::view::line::span;
use crate::console::words::{content, screen};

/// `n1 LEADER    e3  live`. On a narrow screen the state is shown only if it is not "live".
pub fn label(model: &Model, node: &NodeView, layout: &Layout, look: &Look) -> Vec<Span<'static>> {
    let is_leader = node.leads() && node.is_live();
    // The role is unknown until the node answers.
    let is_unseen = matches!(node.presence, Presence::Unseen { .. });
    let role = screen::role(node.state.role, model.membership(node.state.node));
    let role = if is_unseen { "" } else { model.say(role) };
    let epoch = node.state.epoch.map(|epoch| epoch.to_string()).unwrap_or_default();
    let style = match (node.is_live(), is_leader) {
        (false, _) => look.muted,
        (true, true) => look.accent,
        (true, false) => look.base,
    };
    let name = span(format!("{:<3}", node.state.node.to_string()), if is_leader { look.accent } else { look.strong });
    let (state, state_style) = state(model, node, look);
    if layout.is_wide {
        return vec![name, span(format!("{role:<10}{epoch:<4}"), style), span(state, state_style)];
    }
    if node.is_live() || layout.rows_per_node > 1 {
        return vec![name, span(format!("{role:<10}{epoch}"), style)];
    }
    vec![name, span(format!("{state:<10}"), state_style), span(epoch, style)]
}

/// `   :7101 pid 4121`; on a narrow screen `   live :7101`.
pub fn second_label(model: &Model, node: &NodeView, layout: &Layout, look: &Look) -> Vec<Span<'static>> {
    let port = node.address.rsplit_once(':').map_or(node.address.as_str(), |(_, port)| port);
    if !layout.is_wide {
        let (state, style) = state(model, node, look);
        return vec![Span::raw("   "), span(state, style), span(format!(" :{port}"), look.muted)];
    }
    let pid = match (node.pid, &node.presence) {
        (Some(pid), Presence::Live) => format!(" pid {pid}"),
        _ => String::new(),
    };
    vec![span(format!("   :{port}{pid}"), look.muted)]
}

fn state(model: &Model, node: &NodeView, look: &Look) -> (&'static str, ratatui::style::Style) {
    let (text, style) = match (&node.presence, node.is_paused()) {
        (Presence::Live, true) => (screen::S_PAUSED, look.bad),
        (Presence::Live, false) => (screen::S_LIVE, look.committed),
        (Presence::Down { .. }, _) => (screen::S_DOWN, look.bad),
        (Presence::Unseen { .. }, _) => (screen::S_UNSEEN, look.muted),
    };
    (model.say(text), style)
}

/// The line below the cells.
pub fn note(model: &Model, node: &NodeView, layout: &Layout, look: &Look) -> Vec<Span<'static>> {
    let mut parts = match &node.presence {
        Presence::Unseen { why } if why.is_empty() => vec![span(model.say(screen::NO_ANSWER_YET), look.muted)],
        Presence::Unseen { why } => vec![span(screen::NO_ANSWER_WHY.with(model.lang, &[("why", why)]), look.muted)],
        Presence::Down { since, why } => {
            let age = model.now.saturating_sub(*since).as_secs();
            vec![span(
                screen::LAST_SEEN.with(model.lang, &[("why", &model.lang.reason(why)), ("age", &age)]),
                look.warning,
            )]
        }
        Presence::Live if node.leads() => arithmetic(model, node, look),
        Presence::Live => belief(model, node, look),
    };
    if let Some((_, Fact::Truncated { from, count, why, .. })) = &node.truncated {
        parts.push(span(if parts.is_empty() { "" } else { "   " }, look.base));
        parts.extend(truncation(model, node, *from, *count, look));
        // On a narrow screen only the events tab shows the reason.
        if layout.is_wide {
            parts.push(span(format!(": {}", model.lang.reason(why)), look.warning));
        }
    }
    if node.quarantined.is_some() {
        let gap = if parts.is_empty() { "" } else { "   " };
        parts.push(span(format!("{gap}{}", model.say(screen::N_QUARANTINED)), look.bad));
    }
    if let Some(purged) = node.state.purged.filter(|_| layout.is_wide) {
        parts.push(span(screen::LOG_BEGINS.with(model.lang, &[("entry", &purged.id)]), look.muted));
    }
    if let Some(held) = node.state.held.filter(|_| node.presence == Presence::Live) {
        parts.push(span(screen::ORDER_WAITS.with(model.lang, &[("entry", &held.id)]), look.intermediate));
    }
    parts
}

fn arithmetic(model: &Model, node: &NodeView, look: &Look) -> Vec<Span<'static>> {
    let Some(counted) = &node.arithmetic else { return Vec::new() };
    let text = model.lang.arithmetic(&counted.matches, counted.quorum, counted.commit);
    vec![span(model.say(screen::COMMIT_IS), look.muted), span(text, look.base)]
}

fn belief(model: &Model, node: &NodeView, look: &Look) -> Vec<Span<'static>> {
    let Some(leader) = model.leader() else { return Vec::new() };
    let Some(belief) = leader.belief(node.state.node) else {
        return vec![span(screen::BELIEVES_NOTHING.with(model.lang, &[("leader", &leader.state.node)]), look.muted)];
    };
    if let Some((sent, bytes)) = belief.snapshot {
        let text = screen::RECEIVES.with(model.lang, &[("sent", &sent), ("bytes", &bytes)]);
        return vec![span(text, look.intermediate)];
    }
    let matched = belief.matched.map_or("-".to_owned(), |point| point.id.to_string());
    let next = belief.next.map_or("-".to_owned(), |next| next_id(model, leader, next));
    let agrees = belief.matched.map(|point| point.position) == node.state.last().map(|point| point.position);
    let style = if agrees { look.base } else { look.intermediate };
    vec![
        span(model.say(screen::MATCH), look.muted),
        span(format!("{matched:<6}"), style),
        span(model.say(screen::NEXT), look.muted),
        span(format!("{next:<6}"), look.base),
    ]
}

/// The id of the entry at a position of the leader's log, also of the next one.
pub fn next_id(model: &Model, leader: &NodeView, position: Position) -> String {
    let tail = &leader.state.tail;
    if let Ok(index) = tail.binary_search_by_key(&position, |preview| preview.point.position) {
        return tail[index].point.id.to_string();
    }
    match (leader.state.last(), leader.state.epoch) {
        (Some(last), Some(epoch)) if last.position.next() == position && last.id.epoch == epoch => {
            EntryId { epoch, offset: Offset(last.id.offset.0 + 1) }.to_string()
        }
        _ => screen::POSITION.with(model.lang, &[("position", &position)]),
    }
}

/// `truncated ~q=666~ at e1·o3`: the truncated entry, even if another one has taken its place.
fn truncation(model: &Model, node: &NodeView, from: EntryId, count: u64, look: &Look) -> Vec<Span<'static>> {
    let truncated_entry =
        node.truncated_entries.iter().rev().find(|truncated_entry| truncated_entry.preview.point.id == from);
    let what = match (truncated_entry, count) {
        (Some(truncated_entry), 1) => vec![
            span("~", look.truncated),
            span(cut(&content(&truncated_entry.preview), 12), look.truncated.add_modifier(Modifier::CROSSED_OUT)),
            span("~", look.truncated),
        ],
        _ => vec![span(model.lang.counted(count), look.warning)],
    };
    let place = if count == 1 { screen::N_AT } else { screen::N_FROM };
    let place = place.with(model.lang, &[("entry", &from)]);
    [vec![span(model.say(screen::N_TRUNCATED), look.warning)], what, vec![span(place, look.warning)]].concat()
}
