//! The aligned log table: a column for each entry id, a row for each node. Each row is the node's own report, followed
//! by what the leader believes about the node.
//!
//! ```text
//!                           e1·o0   e1·o1   e2·o0   e2·o1
//!   n1 LEADER     e2  live  [  ◇  ] [ x=1 ] [  ◇  ]┃┆ y=2 ┆
//!      :7101 pid 4121        commit = 3rd highest of {4, 3, 3, 2} = 3
//!   n2 replica    e2  live  [  ◇  ] [ x=1 ] [  ◇  ]┃   ·
//!      :7102 pid 4122        match e2·o0  next e2·o1
//! ```

use epoca::protocol::NodeId;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Span;

use crate::console::layout::log_columns::{CELL_FRAME, Column, VisibleColumns, head, visible_columns};
use crate::console::layout::{self, Layout};
use crate::console::model::log_table::{self, Cell};
use crate::console::model::{Model, NodeView};
use crate::console::text::center;
use crate::console::theme::Look;
use crate::console::view::line::{put, put_right, span};
use crate::console::view::{frame, row_notes};
use crate::console::words::{content, screen};

pub fn draw(buffer: &mut Buffer, layout: &Layout, model: &Model, look: &Look) {
    let inner = frame::pane(buffer, layout.logs, legend(layout, model, look), look);
    let seen = visible_columns(model);
    let label = layout::label_width(layout.logs.width);
    let cells = Rect { x: inner.x + label, width: inner.width.saturating_sub(label), ..inner };
    draw_heads(buffer, Rect { width: label, ..inner }, cells, &seen, model, look);
    let fitting = usize::from((inner.height + layout.rows_per_node / 3).saturating_sub(1) / layout.rows_per_node);
    for (index, node) in model.nodes.values().take(fitting).enumerate() {
        let y = inner.y + 1 + index as u16 * layout.rows_per_node;
        let place = |area: Rect, line: u16| Rect { y: y + line, height: 1, ..area };
        let label = Rect { width: label, ..inner };
        draw_cells(buffer, place(cells, 0), &Row { model, node, seen: &seen }, look);
        put(buffer, place(label, 0), &row_notes::label(model, node, layout, look));
        if layout.rows_per_node > 1 {
            put(buffer, place(label, 1), &row_notes::second_label(model, node, layout, look));
            put(buffer, place(cells, 1), &row_notes::note(model, node, layout, look));
        }
    }
    let hidden = model.nodes.len().saturating_sub(fitting);
    if hidden > 0 {
        frame::foot(buffer, inner, &screen::NODES_HIDDEN.with(model.lang, &[("count", &hidden)]), look);
    }
}

/// The node of a row.
pub fn node_at(model: &Model, layout: &Layout, at: Position) -> Option<NodeId> {
    let row = at.y.checked_sub(layout.logs.y + 2)?;
    let index = usize::from(row / layout.rows_per_node);
    model.shown().nodes.keys().nth(index).copied().filter(|_| at.y + 1 < layout.logs.bottom())
}

/// The legend: each term in its own shape.
fn legend(layout: &Layout, model: &Model, look: &Look) -> Vec<Span<'static>> {
    let gap = if layout.is_wide { "  " } else { " " };
    let shapes = [
        (screen::L_FINAL, look.committed),
        (screen::L_INTERMEDIATE, look.intermediate),
        (screen::L_DIFFERS, look.different),
        (screen::L_TRUNCATED, look.truncated),
        (screen::L_MISSING, look.muted),
        (screen::L_COMMIT, look.strong),
    ];
    let shown = if layout.logs.width >= 80 { &shapes[..] } else { &shapes[..4] };
    let mut title = vec![span(model.say(screen::LOGS), look.strong), Span::raw(gap)];
    for (text, style) in shown {
        title.extend([span(model.say(*text), *style), Span::raw(gap)]);
    }
    title.pop();
    title.push(Span::raw(" "));
    title
}

fn draw_heads(buffer: &mut Buffer, label: Rect, cells: Rect, seen: &VisibleColumns, model: &Model, look: &Look) {
    let first = |area: Rect| Rect { height: 1, ..area };
    if seen.has_older {
        put_right(
            buffer,
            Rect { width: label.width - 1, ..first(label) },
            &[span(model.say(screen::OLDER), look.muted)],
        );
    }
    let mut previous = None;
    for (x, column) in places(cells, seen) {
        let place = Rect { x, width: column.width + 2, ..first(cells) };
        let style = if previous == Some(column.id.epoch) { look.muted } else { look.strong };
        put(buffer, place, &[span(center(&head(column.id), usize::from(column.width) + 2), style)]);
        previous = Some(column.id.epoch);
    }
    if seen.has_newer {
        put_right(buffer, first(cells), &[span(model.say(screen::NEWER), look.muted)]);
    }
}

struct Row<'a> {
    model: &'a Model,
    node: &'a NodeView,
    seen: &'a VisibleColumns,
}

fn draw_cells(buffer: &mut Buffer, area: Rect, row: &Row, look: &Look) {
    let committed = row.node.state.committed.map(|point| point.id);
    let is_faded = !row.node.is_live();
    for (x, column) in places(area, row.seen) {
        let cell = log_table::cell(row.model, row.node, column.id);
        let place = Rect { x, width: column.width + 2, ..area };
        put(buffer, place, &drawn(cell, column, look, is_faded));
        if committed == Some(column.id) {
            let marker = Rect { x: x + column.width + 2, width: 1, ..area };
            put(buffer, marker, &[span("┃", fade(look.strong, is_faded, look))]);
        }
    }
}

fn drawn(cell: Cell, column: Column, look: &Look, is_faded: bool) -> Vec<Span<'static>> {
    let (open, close, style) = match cell {
        Cell::Missing => (" ", " ", look.muted),
        Cell::Unknown => (" ", " ", look.border),
        Cell::Final(_) => ("[", "]", look.committed),
        Cell::Intermediate(_) => ("┆", "┆", look.intermediate),
        Cell::Different(_) => ("≠", "≠", look.different),
        Cell::Truncated(_) => ("~", "~", look.truncated),
    };
    let text = match (&cell, cell.preview()) {
        (_, Some(preview)) => content(preview),
        (Cell::Unknown, None) => "…".to_owned(),
        (_, None) => "·".to_owned(),
    };
    let style = fade(style, is_faded, look);
    // Final entries are what readers see: ordinary text in coloured brackets.
    let text_style = match cell {
        Cell::Final(_) => fade(look.base, is_faded, look),
        Cell::Truncated(_) => style.add_modifier(Modifier::CROSSED_OUT),
        _ => style,
    };
    vec![span(open, style), span(center(&text, usize::from(column.width)), text_style), span(close, style)]
}

/// The last reported state of a node that does not answer is grey. Shapes keep their meaning.
fn fade(style: Style, is_faded: bool, look: &Look) -> Style {
    if is_faded { look.muted } else { style }
}

/// The column positions.
fn places<'a>(area: Rect, seen: &'a VisibleColumns) -> impl Iterator<Item = (u16, Column)> + 'a {
    let mut x = area.x;
    seen.columns.iter().map(move |column| {
        let begin = x;
        x += column.width + CELL_FRAME;
        (begin, *column)
    })
}
