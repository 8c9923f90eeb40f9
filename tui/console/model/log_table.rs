//! The aligned log table: one column per entry id over all nodes, one row per node.
//!
//! Columns are looked up one at a time from the visible position. The cost depends on the visible columns, not on the
//! length of the logs.

use epoca::protocol::EntryId;
use epoca::protocol::trace::Preview;

use crate::console::model::Model;
use crate::console::model::node::NodeView;

/// The position of the table's right end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LogWindow {
    /// Follows the newest entry.
    #[default]
    Newest,
    /// Stays at this entry until scrolled.
    At(EntryId),
}

/// The content of a node's log at an entry id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cell<'a> {
    Missing,
    /// Older than what the node has reported.
    Unknown,
    Final(&'a Preview),
    Intermediate(&'a Preview),
    /// Forged, or different from the leader's entry with the same id.
    Different(&'a Preview),
    /// Truncated a moment ago.
    Truncated(&'a Preview),
}

impl Cell<'_> {
    pub fn preview(&self) -> Option<&Preview> {
        match self {
            Cell::Missing | Cell::Unknown => None,
            Cell::Final(preview)
            | Cell::Intermediate(preview)
            | Cell::Different(preview)
            | Cell::Truncated(preview) => Some(preview),
        }
    }
}

pub fn newest(model: &Model) -> Option<EntryId> {
    ends(model, <[Preview]>::last).max()
}

pub fn oldest(model: &Model) -> Option<EntryId> {
    ends(model, <[Preview]>::first).min()
}

fn ends<'a>(
    model: &'a Model,
    end: impl Fn(&'a [Preview]) -> Option<&'a Preview> + 'a,
) -> impl Iterator<Item = EntryId> + 'a {
    neighbours(model, move |tail| end(tail).map(|preview| preview.point.id))
}

/// The greatest id below `id` in any log.
pub fn before(model: &Model, id: EntryId) -> Option<EntryId> {
    neighbours(model, |tail| {
        let end = tail.partition_point(|preview| preview.point.id < id);
        tail[..end].last().map(|preview| preview.point.id)
    })
    .filter(|found| *found < id)
    .max()
}

/// The least id above `id` in any log.
pub fn after(model: &Model, id: EntryId) -> Option<EntryId> {
    neighbours(model, |tail| {
        let start = tail.partition_point(|preview| preview.point.id <= id);
        tail[start..].first().map(|preview| preview.point.id)
    })
    .filter(|found| *found > id)
    .min()
}

fn neighbours<'a>(
    model: &'a Model,
    nearest: impl Fn(&'a [Preview]) -> Option<EntryId> + 'a,
) -> impl Iterator<Item = EntryId> + 'a {
    model.nodes.values().flat_map(move |node| {
        let truncated_entries = node.truncated_entries.iter().map(|truncated_entry| truncated_entry.preview.point.id);
        nearest(&node.state.tail).into_iter().chain(truncated_entries)
    })
}

pub fn cell<'a>(model: &'a Model, node: &'a NodeView, id: EntryId) -> Cell<'a> {
    let Some(preview) = entry(node, id) else {
        return absent(node, id);
    };
    if preview.forged || differs_from_leader(model, preview) {
        Cell::Different(preview)
    } else if node.is_final(preview.point) {
        Cell::Final(preview)
    } else {
        Cell::Intermediate(preview)
    }
}

fn absent(node: &NodeView, id: EntryId) -> Cell<'_> {
    if let Some(truncated_entry) =
        node.truncated_entries.iter().rev().find(|truncated_entry| truncated_entry.preview.point.id == id)
    {
        return Cell::Truncated(&truncated_entry.preview);
    }
    match node.state.tail.first() {
        Some(first) if id < first.point.id && first.point.position.0 > 1 => Cell::Unknown,
        _ => Cell::Missing,
    }
}

fn entry(node: &NodeView, id: EntryId) -> Option<&Preview> {
    let found = node.state.tail.binary_search_by_key(&id, |preview| preview.point.id).ok()?;
    node.state.tail.get(found)
}

fn differs_from_leader(model: &Model, preview: &Preview) -> bool {
    let leaders = model.leader().and_then(|leader| entry(leader, preview.point.id));
    leaders.is_some_and(|leaders| leaders.point.digest != preview.point.digest)
}
