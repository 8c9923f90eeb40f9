//! Each node in full: address, process, role, where its log ends, what is final, what the leader believes of it, what
//! is in force against it, and what it had to do at its start.

use epoca::protocol::LogPoint;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::model::{Model, NodeView, Presence};
use crate::console::text::wrapped;
use crate::console::theme::Look;
use crate::console::view::frame;
use crate::console::view::line::{put_lines, span};

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) {
    let width = usize::from(area.width).saturating_sub(6);
    let mut lines = Vec::new();
    for node in model.nodes.values() {
        for (index, text) in facts(model, node).into_iter().flat_map(|text| wrapped(&text, width)).enumerate() {
            let name = if index == 0 { node.state.node.to_string() } else { String::new() };
            let style = if node.is_live() { look.base } else { look.muted };
            lines.push(Line::from(vec![span(format!(" {name:<4}"), look.strong), span(text, style)]));
        }
    }
    let first = model.scrolled.min(lines.len().saturating_sub(1));
    let below = lines.len().saturating_sub(first + usize::from(area.height));
    put_lines(buffer, area, lines.into_iter().skip(first));
    if below > 0 {
        frame::foot(buffer, area, &format!("{below} lines more: down, pgdn"), look);
    }
}

fn facts(model: &Model, node: &NodeView) -> Vec<String> {
    let state = &node.state;
    let process = match (&node.presence, node.pid) {
        (Presence::Unseen { .. }, _) => "no answer yet".to_owned(),
        (Presence::Down { why, .. }, _) => format!("DOWN: {why}"),
        (Presence::Live, pid) if node.is_paused() => format!("paused, pid {}", pid.unwrap_or_default()),
        (Presence::Live, pid) => format!("live, pid {}", pid.unwrap_or_default()),
    };
    let epoch = state.epoch.map_or("no epoch".to_owned(), |epoch| epoch.to_string());
    let follows = state.leader.map_or("nobody leads".to_owned(), |leader| format!("{leader} leads"));
    let mut facts = vec![
        format!("{}  {process}  {} in {epoch}, {follows}", node.address, state.role.name()),
        format!(
            "log ends at {}  committed {}  final {}",
            point(state.last()),
            point(state.committed),
            point(state.applied)
        ),
    ];
    facts.extend(belief(model, node));
    facts.extend(in_force(node));
    facts.extend(node.notes.iter().cloned());
    facts
}

fn belief(model: &Model, node: &NodeView) -> Option<String> {
    let leader = model.leader()?;
    let belief = leader.belief(node.state.node)?;
    let next = belief.next.map_or("-".to_owned(), |next| next.to_string());
    let matched = belief.matched;
    let place = matched.map_or(String::new(), |point| format!(" (position {})", point.position));
    Some(format!("{} believes: match {}{place}, next position {next}", leader.state.node, point(matched)))
}

fn in_force(node: &NodeView) -> Option<String> {
    let cuts = node.cuts().into_iter().map(|with| format!("link with {with} is cut"));
    let holds = node.holds().into_iter().map(|kind| format!("{kind} to it is held"));
    let all: Vec<_> = cuts.chain(holds).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

fn point(point: Option<LogPoint>) -> String {
    point.map_or("-".to_owned(), |point| point.to_string())
}
