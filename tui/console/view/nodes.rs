//! The nodes tab: address, process, role, log, the leader's belief, faults, remarks about the start.

use epoca::protocol::LogPoint;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::layout::search;
use crate::console::model::{Model, NodeView, Presence};
use crate::console::text::wrap;
use crate::console::theme::Look;
use crate::console::view::frame;
use crate::console::view::line::{put_lines, span};
use crate::console::words::{screen, step as words};

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) {
    let width = usize::from(area.width).saturating_sub(6);
    let mut lines = Vec::new();
    for (node, facts) in shown_nodes(model) {
        for (index, text) in facts.into_iter().flat_map(|text| wrap(&text, width)).enumerate() {
            let name = if index == 0 { node.state.node.to_string() } else { String::new() };
            let style = if node.is_live() { look.base } else { look.muted };
            lines.push(Line::from(vec![span(format!(" {name:<4}"), look.strong), span(text, style)]));
        }
    }
    let first = model.scrolled.min(lines.len().saturating_sub(1));
    let below = lines.len().saturating_sub(first + usize::from(area.height));
    put_lines(buffer, area, lines.into_iter().skip(first));
    if below > 0 {
        frame::foot(buffer, area, &screen::LINES_MORE.with(model.lang, &[("count", &below)]), look);
    }
}

/// The nodes that the filter shows, with what is said of them.
fn shown_nodes(model: &Model) -> impl Iterator<Item = (&NodeView, Vec<String>)> {
    let all = model.nodes.values().map(|node| (node, facts(model, node)));
    all.filter(|(node, facts)| search::shows_node(model, node, facts))
}

/// How many nodes the filter shows.
pub fn shown(model: &Model) -> usize {
    shown_nodes(model).count()
}

fn facts(model: &Model, node: &NodeView) -> Vec<String> {
    if let Presence::Unseen { .. } = node.presence {
        return vec![process(model, node)];
    }
    let state = &node.state;
    let mut facts = vec![
        process(model, node),
        screen::LOG_ENDS.with(
            model.lang,
            &[
                ("last", &point(state.last())),
                ("committed", &point(state.committed)),
                ("applied", &point(state.applied)),
            ],
        ),
    ];
    facts.extend(belief(model, node));
    facts.extend(in_force(model, node));
    facts.extend(node.notes.iter().map(|note| crate::words::note(note).to(model.lang).to_owned()));
    facts
}

/// Address, process, role, epoch and leader.
pub fn process(model: &Model, node: &NodeView) -> String {
    if let Presence::Unseen { .. } = node.presence {
        return format!("{}  {}", node.address, model.say(screen::NO_ANSWER_YET));
    }
    let state = &node.state;
    let process = match (&node.presence, node.pid) {
        (Presence::Unseen { .. }, _) => String::new(),
        (Presence::Down { why, .. }, _) => screen::NODE_DOWN.with(model.lang, &[("why", &model.lang.reason(why))]),
        (Presence::Live, pid) if node.is_paused() => {
            screen::NODE_PAUSED.with(model.lang, &[("pid", &pid.unwrap_or_default())])
        }
        (Presence::Live, pid) => screen::NODE_LIVE.with(model.lang, &[("pid", &pid.unwrap_or_default())]),
    };
    let epoch = state.epoch.map_or(model.say(screen::NO_EPOCH).to_owned(), |epoch| epoch.to_string());
    let follows = match state.leader {
        None => model.say(screen::NOBODY_LEADS).to_owned(),
        Some(leader) => screen::LEADS.with(model.lang, &[("node", &leader)]),
    };
    screen::NODE_FACTS.with(
        model.lang,
        &[
            ("address", &node.address),
            ("process", &process),
            ("role", &model.say(screen::role(state.role, model.membership(state.node)))),
            ("epoch", &epoch),
            ("follows", &follows),
        ],
    )
}

fn belief(model: &Model, node: &NodeView) -> Option<String> {
    let leader = model.leader()?;
    let belief = leader.belief(node.state.node)?;
    let next = belief.next.map_or("-".to_owned(), |next| next.to_string());
    let matched = belief.matched;
    let place =
        matched.map_or(String::new(), |point| screen::AT_POSITION.with(model.lang, &[("position", &point.position)]));
    let matched = format!("{}{place}", point(matched));
    let places: [(&str, &dyn std::fmt::Display); 3] =
        [("leader", &leader.state.node), ("matched", &matched), ("next", &next)];
    Some(screen::BELIEVES.with(model.lang, &places))
}

pub fn in_force(model: &Model, node: &NodeView) -> Option<String> {
    let cuts = node.cuts().into_iter().map(|with| screen::IS_CUT.with(model.lang, &[("node", &with)]));
    let holds =
        node.holds().into_iter().map(|kind| screen::IS_HELD.with(model.lang, &[("kind", &model.lang.reason(kind))]));
    let lab = &node.state.lab;
    let wrong = lab.wrong.as_ref().map(|how| words::IS_WRONG.with(model.lang, &[("how", how)]));
    let step = lab.frozen.then(|| model.say(words::STANDS_STILL).to_owned());
    let all: Vec<_> = wrong.into_iter().chain(step).chain(cuts).chain(holds).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

fn point(point: Option<LogPoint>) -> String {
    point.map_or("-".to_owned(), |point| point.to_string())
}
