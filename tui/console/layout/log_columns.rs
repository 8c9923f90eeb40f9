//! The visible columns of the log table: as many as fit, each as wide as its widest cell.

use epoca::protocol::EntryId;

use crate::console::layout::cells_width;
use crate::console::model::Model;
use crate::console::model::log_table::{LogWindow, after, before, cell, newest};
use crate::console::text::width;
use crate::console::words::content;

/// A visible column and the width of its cells between the marks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column {
    pub id: EntryId,
    pub width: u16,
}

/// The visible part of the table, oldest column first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VisibleColumns {
    pub columns: Vec<Column>,
    pub has_older: bool,
    pub has_newer: bool,
}

/// Minimum and maximum width of a cell's content.
const CONTENT_MIN: u16 = 5;
const CONTENT_MAX: u16 = 12;

/// The mark on each side of a cell, and the commit marker after it.
pub const CELL_FRAME: u16 = 3;

/// As many columns as fit, to the left of the window's right end. If the log starts inside the window, newer columns
/// fill the rest.
pub fn visible_columns(model: &Model) -> VisibleColumns {
    let mut room = cells_width(model.size);
    let mut take = |id: EntryId| {
        let column = Column { id, width: content_width(model, id) };
        let rest = room.checked_sub(column.width + CELL_FRAME)?;
        room = rest;
        Some(column)
    };
    let right = match model.window {
        LogWindow::Newest => newest(model),
        LogWindow::At(id) => Some(id),
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
    VisibleColumns { columns, has_older: older.is_some(), has_newer: newer.is_some() }
}

/// The head of a column: `e3·o12`.
pub fn head(id: EntryId) -> String {
    id.to_string()
}

fn content_width(model: &Model, id: EntryId) -> u16 {
    let contents = model.nodes.values().filter_map(|node| cell(model, node, id).preview().map(content));
    let widest = contents.map(|content| width(&content)).max().unwrap_or_default();
    (widest.max(width(&head(id))) as u16).clamp(CONTENT_MIN, CONTENT_MAX)
}
