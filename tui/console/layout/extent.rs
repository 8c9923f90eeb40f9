//! How far each tab scrolls.

use crate::console::layout::{checks, search};
use crate::console::model::{Model, Pane};

/// What the arrow keys do in a tab.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extent {
    /// Lines that grow at the end. Scrolling goes up from the newest.
    FromEnd(usize),
    /// Lines that are read from the top.
    FromTop(usize),
    /// They move a selection.
    Selection,
}

/// Approximate lines per node in the nodes tab.
const NODE_LINES: usize = 4;

pub fn extent(model: &Model, pane: Pane) -> Extent {
    match pane {
        Pane::Events | Pane::FinalDb if model.filter.is_some() => {
            let hits = search::hits(model, pane).unwrap_or_default();
            if pane == Pane::Events { Extent::FromEnd(hits) } else { Extent::FromTop(hits) }
        }
        Pane::Events => Extent::FromEnd(model.timeline.lines().len()),
        Pane::Ops => Extent::FromEnd(model.operations.lines()),
        Pane::FinalDb => Extent::FromTop(model.final_keys().count()),
        Pane::Peers => Extent::FromTop(peers_lines(model)),
        Pane::Checks => Extent::FromTop(checks::lines(model)),
        Pane::Nodes => Extent::FromTop(model.nodes.len() * NODE_LINES),
        Pane::Scenario | Pane::Sheet | Pane::Narration | Pane::SpaceTime | Pane::Step => Extent::Selection,
    }
}

/// Two tables with a head and one line per node, and a remark; without gaps between them.
pub fn peers_lines(model: &Model) -> usize {
    2 * (model.nodes.len() + 1) + 1
}
