//! The presenter's banner: the current event in large letters; below them the words for which there is no room.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::Widget;
use tui_big_text::{BigText, PixelSize};

use epoca::protocol::trace::{Difference, Fact, RoleName};
use epoca::protocol::{EntryId, NodeId};

use crate::console::model::narration::NarrationLine;
use crate::console::model::timeline::Occurrence;
use crate::console::model::{Model, NodeView, Phase};
use crate::console::text::{center, cut, letters, visible, width as columns};
use crate::console::theme::Look;
use crate::console::view::line::{put, row, span};
use crate::console::view::scenario::style_of;
use crate::console::view::top;
use crate::console::words::{content, screen, stepped_down};
use crate::lang::Text;
use crate::words::invariant;

/// Rows of the large letters.
const LARGE_ROWS: u16 = 4;

/// How many lines back a headline may come from.
const BACK: usize = 40;

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) {
    if area.height == 0 || model.phase != Phase::Watching {
        return;
    }
    let (text, style) = headline(model, look);
    let style = style.add_modifier(Modifier::REVERSED | Modifier::BOLD);
    fill(buffer, area, style);
    let (large, rest) = split(&visible(&text), usize::from(area.width), look.ascii);
    if let Some((large, size)) = large {
        let top = area.y + u16::from(rest.is_empty() && area.height > LARGE_ROWS);
        put_large(buffer, Rect { y: top, ..area }, &large, size, style, look.ascii);
    }
    if rest.is_empty() {
        return;
    }
    let last = Rect { y: area.bottom() - 1, height: 1, ..area };
    put(buffer, last, &[span(center(&spaced(&rest, usize::from(area.width)), usize::from(area.width)), style)]);
}

pub(super) fn fill(buffer: &mut Buffer, area: Rect, style: Style) {
    for index in 0..usize::from(area.height) {
        let Some(place) = row(area, index) else { break };
        put(buffer, place, &[span(" ".repeat(usize::from(area.width)), style)]);
    }
}

pub(super) fn put_large(buffer: &mut Buffer, area: Rect, text: &str, size: PixelSize, style: Style, is_ascii: bool) {
    let rows = Rect { height: LARGE_ROWS.min(area.height), ..area };
    let lines = vec![Line::styled(text.to_owned(), style)];
    BigText::builder().pixel_size(size).style(style).lines(lines).centered().build().render(rows, buffer);
    if is_ascii {
        to_ascii(buffer, rows);
    }
}

/// The whole text with the size of large letters that it fits in.
pub(super) fn whole(text: &str, columns: usize, is_ascii: bool) -> Option<(String, PixelSize)> {
    let (large, rest) = split(text, columns, is_ascii);
    large.filter(|_| rest.is_empty())
}

/// The words that fit in large letters, with the size of the letters, and the rest. The whole text in the largest size
/// that it fits in, or else as many words as fit. Quarter blocks have no counterpart in ASCII.
fn split(text: &str, columns: usize, is_ascii: bool) -> (Option<(String, PixelSize)>, String) {
    let text = text.replace("  ", " ");
    let sizes = [(PixelSize::HalfHeight, 8), (PixelSize::Quadrant, 4)];
    let sizes = if is_ascii { &sizes[..1] } else { &sizes[..] };
    let fits = |part: &str, width: usize| letters(part).count() * width + 2 <= columns;
    if let Some((size, _)) = sizes.iter().find(|(_, width)| fits(&text, *width)) {
        return (Some((text, *size)), String::new());
    }
    let (size, width) = sizes[sizes.len() - 1];
    let mut ends = text.match_indices(' ').map(|(at, _)| at).filter(|at| fits(&text[..*at], width));
    match ends.next_back() {
        Some(end) => (Some((text[..end].to_owned(), size)), text[end + 1..].to_owned()),
        None => (None, text),
    }
}

/// Half blocks as ASCII characters of about the same weight.
fn to_ascii(buffer: &mut Buffer, area: Rect) {
    for place in area.positions() {
        let Some(cell) = buffer.cell_mut(place) else { continue };
        let plain = match cell.symbol() {
            "█" => "#",
            "▀" => "\"",
            "▄" => "o",
            _ => continue,
        };
        cell.set_symbol(plain);
    }
}

/// Puts spaces between the letters if there is room. It is easier to read from a distance.
pub(super) fn spaced(text: &str, width: usize) -> String {
    let wide = letters(text).collect::<Vec<_>>().join(" ");
    if columns(&wide) + 4 <= width { wide } else { cut(text, width.saturating_sub(2)) }
}

/// The text and its style.
pub fn headline(model: &Model, look: &Look) -> (String, Style) {
    if let Some((verdict, name)) = &model.verdict {
        return (format!("{}  {name}", verdict.word(model.lang)), style_of(*verdict, look));
    }
    if !model.is_anything_known() {
        return (model.say(top::unknown(model)).to_uppercase(), look.muted);
    }
    if let Some(finding) = model.findings().next() {
        let name = invariant(model.lang, finding.violation.invariant).to_uppercase();
        return (screen::B_VIOLATED.with(model.lang, &[("what", &name)]), look.bad);
    }
    if model.leader().is_none() {
        return (model.say(screen::B_NO_LEADER).to_owned(), look.bad);
    }
    if model.live_voters().0 < model.quorum() {
        return (model.say(screen::B_NO_QUORUM).to_owned(), look.bad);
    }
    let steps = model.narration.lines().iter().rev().take(BACK);
    let found = steps.filter_map(|line| announce(model, line, look)).next();
    found.unwrap_or_else(|| quiet(model, look))
}

/// Without a headline: the number of live nodes or the faults, otherwise that all is well.
fn quiet(model: &Model, look: &Look) -> (String, Style) {
    let ((live, nodes), forced) = (model.live_voters(), top::faults_in_force(model));
    match (live < nodes, forced.is_empty()) {
        (true, _) => (screen::B_LIVE.with(model.lang, &[("live", &live), ("nodes", &nodes)]), look.bad),
        (false, false) => (forced.join("  "), look.intermediate),
        (false, true) => (model.say(screen::B_CALM).to_owned(), look.committed),
    }
}

/// Whether a headline still holds. An event such as a commit holds forever; a state must match the nodes' latest
/// reports.
fn holds(model: &Model, line: &NarrationLine, fact: &Fact) -> bool {
    let mut nodes = line.nodes.iter().filter_map(|id| model.nodes.get(id));
    match fact {
        Fact::Killed { .. } => nodes.all(|node| !node.is_live()),
        Fact::Restarted { .. } | Fact::Resumed { .. } => nodes.all(NodeView::is_live),
        Fact::Paused { .. } => nodes.all(NodeView::is_paused),
        Fact::LinkCut { with } => nodes.any(|node| node.cuts().contains(with) || node.state.node == *with),
        Fact::HoldSet { .. } => nodes.any(|node| !node.holds().is_empty()),
        Fact::Elected { epoch, .. } => nodes.all(|node| node.leads() && node.state.epoch == Some(*epoch)),
        Fact::SteppedDown { .. } => nodes.all(|node| !node.leads()),
        Fact::PreVoteAsked { .. } | Fact::VoteAsked { .. } => nodes.all(|node| node.state.role == RoleName::Candidate),
        _ => true,
    }
}

/// The headline of a line; `None` if it is not relevant to an audience.
fn announce(model: &Model, line: &NarrationLine, look: &Look) -> Option<(String, Style)> {
    let Occurrence::Fact(fact) = &line.occurrence else { return None };
    if !holds(model, line, fact) {
        return None;
    }
    let is_both = |with: &NodeId| line.nodes.contains(with);
    let mut nodes = line.nodes.clone();
    nodes.sort_unstable();
    let nodes = nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let with = |text: Text, what: String| text.with(model.lang, &[("nodes", &nodes), ("what", &what)]);
    Some(match fact {
        Fact::Proposed { entry } => {
            let first = entry.first()?;
            (with(screen::B_INTERMEDIATE, format!("{} = {}", first.point.id, content(first))), look.intermediate)
        }
        Fact::Conflict { what, found: Some(found), .. } if *what == Difference::PrevMissing => {
            (with(screen::B_MISSING, found.id.to_string()), look.intermediate)
        }
        Fact::Conflict { found, .. } => {
            (with(screen::B_CONFLICT, found.map_or(String::new(), |point| point.id.to_string())), look.bad)
        }
        Fact::Truncated { from, .. } => (with(screen::B_TRUNCATED, from.to_string()), look.truncated),
        Fact::Resynced { to, .. } => (with(screen::B_RESYNCED, to.to_string()), look.different),
        Fact::Committed { up_to, .. } => (with(screen::B_COMMITTED, up_to.id.to_string()), look.committed),
        Fact::Finalized { up_to, .. } => (with(screen::B_FINAL, up_to.id.to_string()), look.committed),
        // Reported when the order overtook the node's own ack; the wait may be over already.
        Fact::Held { up_to, .. } if line.nodes.iter().all(|node| has_applied(model, *node, *up_to)) => return None,
        Fact::Held { up_to, .. } => (with(screen::B_WAITS, up_to.to_string()), look.intermediate),
        Fact::HoldSet { kind } => (with(screen::B_HELD, model.lang.reason(kind).to_uppercase()), look.intermediate),
        Fact::HoldReleased { kind, .. } => {
            (with(screen::B_RELEASED, model.lang.reason(kind).to_uppercase()), look.committed)
        }
        Fact::PreVoteAsked { .. } | Fact::VoteAsked { .. } => (with(screen::B_STANDS, String::new()), look.accent),
        Fact::Elected { epoch, .. } => (with(screen::B_LEADS, epoch.to_string()), look.accent),
        Fact::SteppedDown { epoch, .. } => match stepped_down(fact) {
            "SteppedDown" => (with(screen::B_STEPS_DOWN, epoch.to_string()), look.bad),
            "SteppedDown.candidate" => (with(screen::B_GIVES_UP, String::new()), look.accent),
            _ => (with(screen::B_REPLICA, String::new()), look.accent),
        },
        Fact::Killed { .. } => (with(screen::B_KILLED, String::new()), look.bad),
        Fact::Restarted { .. } => (with(screen::B_RESTARTED, String::new()), look.committed),
        Fact::Paused { .. } => (with(screen::B_PAUSED, String::new()), look.bad),
        Fact::Resumed { .. } => (with(screen::B_RESUMED, String::new()), look.committed),
        Fact::LinkCut { with: peer } if is_both(peer) => (with(screen::B_CUT_BOTH, String::new()), look.bad),
        Fact::LinkCut { with: peer } => (with(screen::B_CUT, peer.to_string()), look.bad),
        Fact::LinkHealed { with: peer } if is_both(peer) => {
            (with(screen::B_HEALED_BOTH, String::new()), look.committed)
        }
        Fact::LinkHealed { with: peer } => (with(screen::B_HEALED, peer.to_string()), look.committed),
        Fact::Damaged { .. } | Fact::Quarantined { .. } => (with(screen::B_DAMAGED, String::new()), look.bad),
        Fact::Injected { .. } => (with(screen::B_FORGED, String::new()), look.different),
        _ => return None,
    })
}

fn has_applied(model: &Model, node: NodeId, id: EntryId) -> bool {
    let applied = model.nodes.get(&node).and_then(|node| node.state.applied);
    applied.is_some_and(|applied| applied.id >= id)
}
