//! The rows of the space-time diagram for the page: an arrow between two lines, a text beside a line.

use std::collections::{BTreeMap, BTreeSet};

use epoca::protocol::NodeId;
use serde_json::{Value, json};

use crate::console::export::moments::{Delta, LINES_MAX, shown};
use crate::console::model::Model;
use crate::console::model::space_time::{Row, Shape};
use crate::console::theme::{Look, role};
use crate::console::view::parts::{self, Arrow, End, Figure};

/// The rows of the last moment.
#[derive(Default)]
pub struct Figures {
    rows: BTreeMap<u64, Known>,
    /// The rank of the last new or moved row.
    last: u64,
}

/// A row as it was encoded.
struct Known {
    row: Row,
    /// Orders the rows. It grows when a row moves to the end.
    rank: u64,
    /// Nodes that were down at the row.
    down: Vec<NodeId>,
    /// The message has not arrived in the usual time.
    is_open: bool,
}

impl Figures {
    pub fn next(&mut self, model: &Model, look: &Look, delta: &mut Delta) {
        let shown = newest(model);
        let serials: BTreeSet<u64> = shown.iter().map(|(row, _)| row.serial).collect();
        let gone = self.rows.keys().filter(|serial| !serials.contains(serial));
        delta.extend(gone.map(|serial| (format!("s/{serial}"), Value::Null)));
        self.rows.retain(|serial, _| serials.contains(serial));
        let mut before = 0;
        for (row, down) in shown {
            let is_open = is_open(model, row, look);
            let known = self.rows.get(&row.serial);
            let rank = known.map(|known| known.rank).filter(|rank| *rank > before);
            before = rank.unwrap_or(self.last + 1);
            self.last = self.last.max(before);
            let same = |known: &Known| known.row == *row && known.down == down && known.is_open == is_open;
            if rank.is_some() && known.is_some_and(same) {
                continue;
            }
            delta.insert(format!("s/{}", row.serial), part(model, row, &down, before, look));
            self.rows.insert(row.serial, Known { row: row.clone(), rank: before, down, is_open });
        }
    }
}

/// The newest rows with the nodes that were down at each, oldest first.
fn newest(model: &Model) -> Vec<(&Row, Vec<NodeId>)> {
    let mut down: Vec<NodeId> = model.nodes.keys().copied().filter(|node| model.space_time.is_down(*node)).collect();
    let mut rows = Vec::new();
    // From the newest row up: which nodes were down at a row follows from the rows below it.
    for row in model.space_time.rows().iter().rev().filter(|row| row.is_seen()).take(LINES_MAX) {
        rows.push((row, down.clone()));
        if let Shape::Liveness { node, is_up } = row.shape {
            down.retain(|other| *other != node);
            if is_up {
                down.push(node);
                down.sort();
            }
        }
    }
    rows.reverse();
    rows
}

fn is_open(model: &Model, row: &Row, look: &Look) -> bool {
    matches!(row.shape, Shape::Message(_))
        && matches!(parts::figure(model, row, look), Figure::Arrow(Arrow { end: End::Open | End::Moving(_), .. }))
}

fn part(model: &Model, row: &Row, down: &[NodeId], rank: u64, look: &Look) -> Value {
    let mut part = match parts::figure(model, row, look) {
        Figure::Arrow(arrow) => arrow_part(&arrow),
        Figure::Beside { node, text, style, liveness } => {
            json!({"n": node.0, "c": role(style), "x": shown(&text), "u": liveness})
        }
        Figure::Quiet { text, missed } => {
            let missed: Vec<_> = missed.iter().map(|(node, is_held)| (node.0, is_held)).collect();
            json!({"q": shown(&text), "m": missed})
        }
    };
    part["z"] = json!(rank);
    let details = parts::details(model, row, look).into_iter();
    let text = |line: Vec<ratatui::text::Span>| line.iter().map(|span| span.content.as_ref()).collect::<String>();
    part["i"] = details.map(|line| shown(text(line).trim())).collect();
    if !down.is_empty() {
        part["d"] = down.iter().map(|node| node.0).collect();
    }
    part
}

/// The client is 0.
fn arrow_part(arrow: &Arrow) -> Value {
    let Arrow { from, to, end, is_dashed, style, labels } = arrow;
    let end = match end {
        End::Head => "head",
        End::Held => "held",
        End::Lost => "lost",
        // The page shows moments, and none between them: a message on its way has not arrived.
        End::Open | End::Moving(_) => "open",
    };
    let node = |node: &Option<NodeId>| node.map_or(0, |node| node.0);
    let labels: Vec<_> = labels.iter().map(|label| shown(label)).collect();
    json!({"f": node(from), "t": node(to), "e": end, "h": is_dashed, "c": role(*style), "l": labels})
}
