//! How many lines a tab has to scroll through.

use crate::console::layout::checks;
use crate::console::model::{Model, Pane};

/// What the arrows and pages do in a tab.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extent {
    /// So many lines that grow at their end: scrolling up goes back from the newest.
    FromEnd(usize),
    /// So many lines that are read from the top.
    FromTop(usize),
    /// The tab has a selection that they move.
    Selection,
}

/// About how many lines each node takes in the tab of nodes.
const NODE_LINES: usize = 4;

pub fn extent(model: &Model, pane: Pane) -> Extent {
    match pane {
        Pane::Events => Extent::FromEnd(model.timeline.lines().len()),
        Pane::Ops => Extent::FromEnd(model.operations.lines()),
        Pane::FinalDb => Extent::FromTop(model.final_keys().count()),
        Pane::Peers => Extent::FromTop(peers_lines(model)),
        Pane::Checks => Extent::FromTop(checks::lines(model)),
        Pane::Nodes => Extent::FromTop(model.nodes.len() * NODE_LINES),
        Pane::Scenario | Pane::Sheet | Pane::Narration | Pane::SpaceTime | Pane::Step => Extent::Selection,
    }
}

/// Two tables with a head and a line for each node, and a remark: at least.
pub fn peers_lines(model: &Model) -> usize {
    2 * (model.nodes.len() + 1) + 1
}
