//! The space-time diagram: a column for the client and for each node, a row for each message, the newest at the bottom.
//!
//! ```text
//!      client       n1           n2           n3
//!        │──x=1──────>│            │            │
//!        │            │─push e1·o1>│            │
//!        │            │─push e1·o1─┼────────────x    lost
//!        │            │<ack e1·o1──│            ╎    down
//! ```

use std::collections::BTreeMap;

use epoca::protocol::NodeId;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::Span;

use crate::console::layout::search;
use crate::console::model::space_time::{Row, Shape};
use crate::console::model::{Focus, Model, Pane};
use crate::console::text::{self, center, cut};
use crate::console::theme::{Depth, Look, Theme};
use crate::console::view::figure::{Arrow, End, Figure, figure};
use crate::console::view::line::{put, put_right, row, span};
use crate::console::view::{frame, message};
use crate::console::words::screen;

/// Minimum distance of two columns.
const GAP_MIN: u16 = 7;

/// A larger distance adds nothing.
const GAP_MAX: u16 = 22;

/// Position of the client's column.
const FIRST: u16 = 3;

/// The diagram in a frame.
pub fn pane(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) {
    let is_focused = model.focus == Focus::SpaceTime;
    let name = model.say(screen::SPACE_TIME);
    let title = if is_focused {
        vec![span(format!("[{name}]"), look.accent)]
    } else {
        vec![span(format!(" {name} "), look.strong)]
    };
    let inner = frame::pane(buffer, area, title, look);
    if is_focused {
        frame::filter(buffer, area, model, Pane::SpaceTime, look);
    }
    draw(buffer, inner, model, look);
}

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) {
    let selected = model.space_time.selected.and_then(|serial| model.space_time.index_of(serial));
    let (detail, detail_rows) = detail(model, area, selected, look);
    let picture = Rect { height: area.height - detail_rows, ..area };
    let canvas = Canvas::new(picture, model, look);
    canvas.heads(buffer);
    let rows = Rect { y: picture.y + 1, height: picture.height.saturating_sub(1), ..picture };
    draw_rows(buffer, rows, &canvas, selected);
    if let Some(lines) = detail {
        let edge = Rect { y: picture.bottom(), height: 1, ..area };
        put(buffer, edge, &[span("─".repeat(usize::from(area.width)), look.border)]);
        for (index, line) in lines.iter().enumerate() {
            let Some(place) = row(Rect { y: edge.y + 1, height: detail_rows - 1, ..area }, index) else { break };
            put(buffer, place, line);
        }
    }
}

/// Details of the selected row, and how many rows of the area they need.
fn detail(model: &Model, area: Rect, selected: Option<usize>, look: &Look) -> (Option<Vec<Vec<Span<'static>>>>, u16) {
    let width = usize::from(area.width);
    let lines = selected.map(|place| message::lines(model, &model.space_time.rows()[place], width, look));
    let rows = lines.as_ref().map_or(0, |lines| lines.len() as u16 + 1).min(area.height / 2);
    (lines, rows)
}

/// Number of rows below the visible part. The selected row is in the middle unless it is among the newest.
fn below(model: &Model, height: u16, selected: Option<usize>) -> usize {
    let newer =
        |place: usize| model.space_time.rows().range(place + 1..).filter(|row| search::shows_row(model, row)).count();
    selected.map_or(0, |place| newer(place).saturating_sub(usize::from(height) / 2))
}

/// The row of the diagram at a row of the screen.
pub fn row_at(model: &Model, area: Rect, y: u16) -> Option<u64> {
    let selected = model.space_time.selected.and_then(|serial| model.space_time.index_of(serial));
    let look = Look::new(Theme::Dark, Depth::None, false);
    let (_, detail_rows) = detail(model, area, selected, &look);
    let rows = Rect { y: area.y + 1, height: area.height.saturating_sub(detail_rows + 1), ..area };
    let up = usize::from(rows.bottom().checked_sub(y + 1)?) + below(model, rows.height, selected);
    model.space_time.rows().iter().rev().filter(|row| search::shows_row(model, row)).nth(up).map(|row| row.serial)
}

/// From the newest row up, because the nodes that were down at a row follow from the rows below it.
fn draw_rows(buffer: &mut Buffer, area: Rect, canvas: &Canvas, selected: Option<usize>) {
    let model = canvas.model;
    let rows = model.space_time.rows();
    let below = below(model, area.height, selected);
    let mut down: Vec<NodeId> = model.nodes.keys().copied().filter(|node| model.space_time.is_down(*node)).collect();
    let mut y = area.bottom();
    let mut passed = 0;
    for (place, row) in rows.iter().enumerate().rev() {
        // A row that the filter hides still tells who was down.
        let is_shown = search::shows_row(model, row);
        passed += usize::from(is_shown);
        if is_shown && passed > below {
            if y == area.y {
                break;
            }
            y -= 1;
            let line = Line { y, down: &down, is_selected: selected == Some(place) };
            canvas.row(buffer, &line, row);
        }
        if let Shape::Liveness { node, is_up } = row.shape {
            down.retain(|other| *other != node);
            if is_up {
                down.push(node);
            }
        }
    }
    while y > area.y {
        y -= 1;
        canvas.lifelines(buffer, &Line { y, down: &down, is_selected: false });
    }
    if below > 0 {
        let text = screen::NEWER_BELOW.with(model.lang, &[("count", &below)]);
        frame::foot(buffer, area, &text, canvas.look);
    }
}

struct Line<'a> {
    y: u16,
    down: &'a [NodeId],
    is_selected: bool,
}

/// The column positions.
struct Canvas<'a> {
    area: Rect,
    /// Distance from the client to the first node, and between nodes.
    first_gap: u16,
    gap: u16,
    nodes: Vec<NodeId>,
    model: &'a Model,
    look: &'a Look,
}

impl<'a> Canvas<'a> {
    fn new(area: Rect, model: &'a Model, look: &'a Look) -> Canvas<'a> {
        let room = area.width.saturating_sub(FIRST + 4);
        let fitting = usize::from(room / GAP_MIN).max(1);
        let nodes: Vec<NodeId> = model.nodes.keys().copied().take(fitting).collect();
        let count = nodes.len().max(1) as u16;
        // The remainder goes to the nodes; their labels are longer.
        let gap = room.div_ceil(count).min(GAP_MAX);
        let first_gap = room.saturating_sub(gap * (count - 1)).min(GAP_MAX);
        Canvas { area, first_gap, gap, nodes, model, look }
    }

    fn client(&self) -> u16 {
        self.area.x + FIRST
    }

    fn column(&self, node: NodeId) -> Option<u16> {
        let index = self.nodes.iter().position(|other| *other == node)?;
        Some(self.client() + self.first_gap + self.gap * index as u16)
    }

    fn heads(&self, buffer: &mut Buffer) {
        let head = |buffer: &mut Buffer, x: u16, text: &str, style: Style| {
            let place = Rect { x: x.saturating_sub(3).max(self.area.x), y: self.area.y, width: 7, height: 1 };
            put(buffer, place.intersection(self.area), &[span(center(text, 7), style)]);
        };
        head(buffer, self.client(), self.model.say(screen::CLIENT), self.look.muted);
        let leader = self.model.leader().map(|leader| leader.state.node);
        for node in &self.nodes {
            let is_live = self.model.nodes.get(node).is_some_and(|node| node.is_live());
            let style = match (leader == Some(*node), is_live) {
                (true, _) => self.look.accent,
                (_, true) => self.look.strong,
                (_, false) => self.look.muted,
            };
            let Some(x) = self.column(*node) else { continue };
            head(buffer, x, &node.to_string(), style);
        }
        let hidden = self.model.nodes.len() - self.nodes.len();
        if hidden > 0 {
            put_right(buffer, Rect { height: 1, ..self.area }, &[span(format!("+{hidden}"), self.look.muted)]);
        }
    }

    fn lifelines(&self, buffer: &mut Buffer, line: &Line) {
        self.set(buffer, self.client(), line.y, "│", self.look.border);
        for node in &self.nodes {
            let Some(x) = self.column(*node) else { continue };
            let text = if line.down.contains(node) { "╎" } else { "│" };
            self.set(buffer, x, line.y, text, self.look.border);
        }
    }

    fn row(&self, buffer: &mut Buffer, line: &Line, row: &Row) {
        self.lifelines(buffer, line);
        match figure(self.model, row, self.look) {
            Figure::Arrow(arrow) => self.arrow(buffer, line, &arrow),
            Figure::Beside { node, text, style, liveness } => {
                self.beside(buffer, line, node, &text, style);
                if let (Some(x), Some(is_up)) = (self.column(node), liveness) {
                    self.set(buffer, x, line.y, if is_up { "┬" } else { "┴" }, style);
                }
            }
            Figure::Quiet { text, missed } => self.quiet(buffer, line, &text, &missed),
        }
        if line.is_selected {
            self.set(buffer, self.area.x, line.y, "▸", self.look.accent);
        }
    }

    /// Puts text at the right of a node's column, or at the left if there is more room.
    fn beside(&self, buffer: &mut Buffer, line: &Line, node: NodeId, text: &str, style: Style) {
        let Some(x) = self.column(node) else { return };
        let text_width = text::width(text) as u16;
        let right = self.area.right().saturating_sub(x + 2);
        let left = x.saturating_sub(self.area.x + 2);
        let (begin, width) =
            if text_width <= right || right >= left { (x + 2, right) } else { (x - 1 - text_width.min(left), left) };
        let style = if line.is_selected { style.add_modifier(Modifier::REVERSED) } else { style };
        put(buffer, Rect { x: begin, y: line.y, width, height: 1 }, &[span(cut(text, usize::from(width)), style)]);
    }

    /// `┄ heartbeats ×24, 3 s ┄` from the first to the last node, with marks for nodes that received none.
    fn quiet(&self, buffer: &mut Buffer, line: &Line, text: &str, missed: &BTreeMap<NodeId, bool>) {
        let last = self.nodes.last().and_then(|node| self.column(*node)).unwrap_or(self.client());
        let first = self.nodes.first().and_then(|node| self.column(*node)).unwrap_or(last);
        for x in first + 1..last {
            if self.nodes.iter().all(|node| self.column(*node) != Some(x)) {
                self.set(buffer, x, line.y, "┄", self.look.border);
            }
        }
        let style = if line.is_selected { self.look.muted.add_modifier(Modifier::REVERSED) } else { self.look.muted };
        let marks: Vec<u16> = missed.keys().filter_map(|node| self.column(*node)).map(|x| x - 1).collect();
        let begin = self.free_place(first, &marks, text::width(text) as u16);
        let width = last.saturating_sub(begin + 1);
        put(buffer, Rect { x: begin, y: line.y, width, height: 1 }, &[span(text, style)]);
        for (node, is_held) in missed {
            let Some(x) = self.column(*node) else { continue };
            let (text, style) = if *is_held { ("▮", self.look.intermediate) } else { ("x", self.look.bad) };
            self.set(buffer, x - 1, line.y, text, style);
        }
    }

    /// The leftmost position where a text of this width covers no mark.
    fn free_place(&self, first: u16, marks: &[u16], width: u16) -> u16 {
        let places = [first + 3].into_iter().chain(self.nodes.iter().filter_map(|node| Some(self.column(*node)? + 2)));
        let mut free = places.filter(|begin| marks.iter().all(|mark| !(*begin..begin + width).contains(mark)));
        free.next().unwrap_or(first + 3)
    }

    fn arrow(&self, buffer: &mut Buffer, line: &Line, arrow: &Arrow) {
        let Arrow { end, is_dashed: dashed, style, ref labels, .. } = *arrow;
        let column = |node: Option<NodeId>| node.map_or(Some(self.client()), |node| self.column(node));
        let (Some(from), Some(to)) = (column(arrow.from), column(arrow.to)) else { return };
        let (left, right) = (from.min(to) + 1, from.max(to));
        let is_right = to > from;
        let head = if is_right { right.saturating_sub(1) } else { left };
        let columns: Vec<u16> = self.nodes.iter().filter_map(|node| self.column(*node)).collect();
        let place = end.place(left, right, is_right);
        // Ahead of a message on its way there is no arrow yet.
        let is_ahead = |x: u16| place.is_some_and(|place| if is_right { x > place } else { x < place });
        for x in left..right {
            if is_ahead(x) {
                continue;
            }
            let text = match (columns.contains(&x), dashed) {
                (true, _) => "┼",
                (_, true) => "╌",
                (_, false) => "─",
            };
            self.set(buffer, x, line.y, text, style);
        }
        let text = match (end, is_right) {
            (End::Head, true) => ">",
            (End::Head, false) => "<",
            (End::Held, _) => "▮",
            (End::Lost, _) => "x",
            (End::Open, _) => "…",
            (End::Moving(_), true) => "▶",
            (End::Moving(_), false) => "◀",
        };
        let label_style = if line.is_selected { style.add_modifier(Modifier::REVERSED) } else { style };
        let room = usize::from((right - left).saturating_sub(1));
        let fits = |label: &&String| text::width(label) <= room;
        let label = labels.iter().find(fits).cloned().or_else(|| labels.last().map(|label| cut(label, room)));
        let label = label.unwrap_or_default();
        let width = text::width(&label) as u16;
        // The label is near the sender, inside the first gap if it fits.
        let is_tight = usize::from(width) == room;
        let begin = match is_right {
            true => left + u16::from(!is_tight),
            false => right.saturating_sub(u16::from(!is_tight) + width),
        };
        put(buffer, Rect { x: begin, y: line.y, width, height: 1 }, &[span(label, label_style)]);
        match place {
            // Over the label it is the letter that stands out.
            Some(x) if (begin..begin + width).contains(&x) => {
                if let Some(cell) = buffer.cell_mut((x, line.y)) {
                    cell.modifier.insert(Modifier::REVERSED);
                }
            }
            place => self.set(buffer, place.unwrap_or(head), line.y, text, end.style(style, self.look)),
        }
    }

    fn set(&self, buffer: &mut Buffer, x: u16, y: u16, text: &str, style: Style) {
        if x < self.area.right() && x >= self.area.x {
            buffer.set_string(x, y, text, style);
        }
    }
}

impl End {
    /// Where a message on its way is between two columns.
    fn place(self, left: u16, right: u16, is_right: bool) -> Option<u16> {
        let End::Moving(share) = self else { return None };
        let last = u32::from((right - left).saturating_sub(1));
        let passed = (last * u32::from(share) / 1_000) as u16;
        Some(if is_right { left + passed } else { right - 1 - passed })
    }

    fn style(self, style: Style, look: &Look) -> Style {
        match self {
            End::Head | End::Open => style,
            End::Moving(_) => style.add_modifier(Modifier::BOLD),
            End::Held => look.intermediate,
            End::Lost => look.bad,
        }
    }
}
