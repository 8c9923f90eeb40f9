//! The aligned log table: one column per entry id over all nodes, one row per node.
//!
//! Columns are found from the place looked at, a few at a time, so that ten thousand entries cost no more than ten.

use epoca::protocol::EntryId;
use epoca::protocol::trace::Preview;

use crate::console::model::Model;
use crate::console::model::node::NodeView;
use crate::console::text::width;
use crate::console::words::content;

/// Where the table's right end stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Window {
    /// At the newest entry, and it goes along.
    #[default]
    Newest,
    /// At this entry, until somebody scrolls.
    At(EntryId),
}

/// What a node has at an entry id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cell<'a> {
    Missing,
    /// Before the beginning of what the node has told.
    Untold,
    Final(&'a Preview),
    Intermediate(&'a Preview),
    /// Forged, or of other content than the leader's entry of the same id.
    Different(&'a Preview),
    /// Truncated a moment ago.
    Truncated(&'a Preview),
}

impl Cell<'_> {
    pub fn preview(&self) -> Option<&Preview> {
        match self {
            Cell::Missing | Cell::Untold => None,
            Cell::Final(preview)
            | Cell::Intermediate(preview)
            | Cell::Different(preview)
            | Cell::Truncated(preview) => Some(preview),
        }
    }
}

/// A column that is seen, and how wide its cells are between their marks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column {
    pub id: EntryId,
    pub width: u16,
}

/// The part of the table that is seen, oldest column first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    pub columns: Vec<Column>,
    pub has_older: bool,
    pub has_newer: bool,
}

/// What a cell's content may take at least and at most.
const CONTENT_MIN: u16 = 5;
const CONTENT_MAX: u16 = 12;

/// A cell has a mark on each side, and the place of the commit marker after it.
pub const CELL_FRAME: u16 = 3;

/// As many columns as fit, back from the window's right end; if the log begins within, newer ones fill the rest.
pub fn seen(model: &Model) -> Seen {
    let mut room = crate::console::layout::cells_width(model.size);
    let mut take = |id: EntryId| {
        let column = Column { id, width: content_width(model, id) };
        let rest = room.checked_sub(column.width + CELL_FRAME)?;
        room = rest;
        Some(column)
    };
    let right = match model.window {
        Window::Newest => newest(model),
        Window::At(id) => Some(id),
    };
    let mut columns = Vec::new();
    let (mut older, mut newer) = (right, right.and_then(|id| after(model, id)));
    while let Some(column) = older.and_then(&mut take) {
        columns.insert(0, column);
        older = before(model, column.id);
    }
    while let Some(column) = newer.filter(|_| older.is_none()).and_then(&mut take) {
        columns.push(column);
        newer = after(model, column.id);
    }
    Seen { columns, has_older: older.is_some(), has_newer: newer.is_some() }
}

/// The head of a column: `e3·12`.
pub fn head(id: EntryId) -> String {
    format!("{}·{}", id.epoch, id.offset.0)
}

fn content_width(model: &Model, id: EntryId) -> u16 {
    let contents = model.nodes.values().filter_map(|node| cell(model, node, id).preview().map(content));
    let widest = contents.map(|content| width(&content)).max().unwrap_or_default();
    (widest.max(width(&head(id))) as u16).clamp(CONTENT_MIN, CONTENT_MAX)
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

/// The greatest id below `id` that any node has.
pub fn before(model: &Model, id: EntryId) -> Option<EntryId> {
    neighbours(model, |tail| {
        let end = tail.partition_point(|preview| preview.point.id < id);
        tail[..end].last().map(|preview| preview.point.id)
    })
    .filter(|found| *found < id)
    .max()
}

/// The least id above `id` that any node has.
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
        let ghosts = node.ghosts.iter().map(|ghost| ghost.preview.point.id);
        nearest(&node.state.tail).into_iter().chain(ghosts)
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
    if let Some(ghost) = node.ghosts.iter().rev().find(|ghost| ghost.preview.point.id == id) {
        return Cell::Truncated(&ghost.preview);
    }
    match node.state.tail.first() {
        Some(first) if id < first.point.id && first.point.position.0 > 1 => Cell::Untold,
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
