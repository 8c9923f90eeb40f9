//! Slow motion: the pace of the cluster's time, as its nodes tell it.

use epoca::protocol::trace::Pace;

use crate::console::model::Model;

/// The pace that keys have asked for. One command is under way at a time, so that the last key decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PaceAsked {
    pub wanted: Pace,
    /// The pace of the command that is under way, and the number of its operation.
    pub sent: Pace,
    pub number: u64,
}

/// The slowest pace of a live node. A change reaches the nodes one after another.
pub fn pace(model: &Model) -> Pace {
    model.nodes.values().filter(|node| node.is_live()).map(|node| node.state.lab.pace).max().unwrap_or_default()
}

/// The pace that the next key starts from: the one that was asked for last, until it is answered.
pub fn wanted(model: &Model) -> Pace {
    model.pace_asked.map_or_else(|| pace(model), |asked| asked.wanted)
}
