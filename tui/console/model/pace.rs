//! Slow motion: the pace of the cluster's time, as its nodes tell it.

use epoca::protocol::trace::Pace;

use crate::console::model::Model;

/// The slowest pace of a live node. A change reaches the nodes one after another.
pub fn pace(model: &Model) -> Pace {
    model.nodes.values().filter(|node| node.is_live()).map(|node| node.state.lab.pace).max().unwrap_or_default()
}

/// The pace that the next key starts from: the one that was asked for last, until it is answered.
pub fn wanted(model: &Model) -> Pace {
    model.pace_wanted.unwrap_or_else(|| pace(model))
}
