//! What the page shows at a moment, as a set of named parts, and the differences from one moment to the next. The
//! model and the views compute every part, so that the page needs no knowledge of the protocol.
//!
//! | name | value |
//! | --- | --- |
//! | `t` | the state of the cluster: groups of spans |
//! | `r/NODE` | a node: name, address and note, each a list of spans; the id of its last committed entry |
//! | `h/E.O` | the head of a column of the log table |
//! | `c/NODE/E.O` | a cell: the first letter of final, intermediate, different, truncated or unknown; its text |
//! | `old` | the log table has older columns |
//! | `n/SERIAL` | a line of the narration, `z` orders the lines |
//! | `s/SERIAL` | a row of the space-time diagram, `z` orders the rows |
//! | `o/NUMBER` | an operation |
//! | `p/INDEX` | a line of the scenario |
//! | `k/INDEX` | a line of the checks |
//!
//! A span is `[role, text]`. Texts have no invisible characters: these are escaped as on the screen.

use std::collections::{BTreeMap, BTreeSet};

use epoca::protocol::{EntryId, NodeId};
use ratatui::text::Span;
use serde_json::{Map, Value, json};

use crate::console::export::figures::Figures;
use crate::console::layout::log_columns::head;
use crate::console::model::log_table::{self, Cell};
use crate::console::model::narration::NarrationLine;
use crate::console::model::timeline::Occurrence;
use crate::console::model::{Model, NodeView};
use crate::console::text::visible;
use crate::console::theme::{Look, role};
use crate::console::view::parts;
use crate::console::words::{content, explain};

/// Columns, lines, rows and operations of a moment. Older ones are on earlier moments.
const COLUMNS_MAX: usize = 48;
pub const LINES_MAX: usize = 120;
const OPERATIONS_MAX: usize = 40;

/// The names of the explanations that lines refer to.
pub type Explained = BTreeMap<&'static str, &'static explain::Explanation>;

/// The difference of two moments. A part with the value null is gone.
pub type Delta = Map<String, Value>;

/// Computes the differences from moment to moment.
pub struct Moments {
    look: Look,
    /// The parts of the last moment that are cheap to compute anew, and those that are compared by their sources.
    parts: BTreeMap<String, Value>,
    cells: BTreeMap<(NodeId, EntryId), (char, String)>,
    lines: BTreeMap<u64, (NarrationLine, u64)>,
    last_line: u64,
    figures: Figures,
    pub explained: Explained,
}

impl Moments {
    pub fn new() -> Moments {
        Moments {
            look: Look::of_roles(),
            parts: BTreeMap::new(),
            cells: BTreeMap::new(),
            lines: BTreeMap::new(),
            last_line: 0,
            figures: Figures::default(),
            explained: BTreeMap::new(),
        }
    }

    /// What the model shows now and did not show at the last call.
    pub fn next(&mut self, model: &Model) -> Delta {
        let mut delta = Delta::new();
        let columns = columns(model);
        self.on_parts(self.parts_of(model, &columns), &mut delta);
        self.on_cells(model, &columns, &mut delta);
        self.on_lines(model, &mut delta);
        self.figures.next(model, &self.look, &mut delta);
        delta
    }

    fn parts_of(&self, model: &Model, columns: &[EntryId]) -> BTreeMap<String, Value> {
        let mut parts = BTreeMap::new();
        let groups = parts::cluster(model, &self.look);
        parts.insert("t".to_owned(), groups.iter().map(|group| spans(group)).collect());
        for (id, node) in &model.nodes {
            parts.extend(node_part(model, node, &self.look).map(|part| (format!("r/{}", id.0), part)));
        }
        parts.extend(columns.iter().map(|id| (format!("h/{}", place(*id)), json!(head(*id)))));
        if columns.first().is_some_and(|first| log_table::before(model, *first).is_some()) {
            parts.insert("old".to_owned(), json!(true));
        }
        let operations = model.operations.list().iter().rev().take(OPERATIONS_MAX);
        parts.extend(operations.map(|operation| {
            let text = parts::operation(operation, model.lang, &self.look);
            (format!("o/{}", operation.number), spans(&text))
        }));
        let scenario = parts::scenario(model, &self.look).into_iter().enumerate();
        parts.extend(scenario.map(|(index, line)| (format!("p/{index}"), spans(&line))));
        let checks = parts::checks(model, &self.look).into_iter().enumerate();
        parts.extend(checks.map(|(index, line)| (format!("k/{index}"), spans(&line))));
        parts
    }

    fn on_parts(&mut self, now: BTreeMap<String, Value>, delta: &mut Delta) {
        let gone = self.parts.keys().filter(|name| !now.contains_key(*name));
        delta.extend(gone.map(|name| (name.clone(), Value::Null)));
        let changed = now.iter().filter(|(name, value)| self.parts.get(*name) != Some(value));
        delta.extend(changed.map(|(name, value)| (name.clone(), value.clone())));
        self.parts = now;
    }

    fn on_cells(&mut self, model: &Model, columns: &[EntryId], delta: &mut Delta) {
        let mut now = BTreeMap::new();
        for (id, node) in &model.nodes {
            let cells = columns.iter().filter_map(|column| Some((*column, cell(model, node, *column)?)));
            now.extend(cells.map(|(column, cell)| ((*id, column), cell)));
        }
        let name = |(node, id): &(NodeId, EntryId)| format!("c/{}/{}", node.0, place(*id));
        let gone = self.cells.keys().filter(|key| !now.contains_key(key));
        delta.extend(gone.map(|key| (name(key), Value::Null)));
        let changed = now.iter().filter(|(key, cell)| self.cells.get(key) != Some(cell));
        delta.extend(changed.map(|(key, (kind, text))| (name(key), json!([kind, text]))));
        self.cells = now;
    }

    fn on_lines(&mut self, model: &Model, delta: &mut Delta) {
        let lines = model.narration.lines();
        let shown: Vec<&NarrationLine> = lines.iter().skip(lines.len().saturating_sub(LINES_MAX)).collect();
        let serials: BTreeSet<u64> = shown.iter().map(|line| line.serial).collect();
        let gone = self.lines.keys().filter(|serial| !serials.contains(serial));
        delta.extend(gone.map(|serial| (format!("n/{serial}"), Value::Null)));
        self.lines.retain(|serial, _| serials.contains(serial));
        let mut before = 0;
        for line in shown {
            let known = self.lines.get(&line.serial);
            let rank = known.map(|(_, rank)| *rank).filter(|rank| *rank > before);
            before = rank.unwrap_or(self.last_line + 1);
            self.last_line = self.last_line.max(before);
            if rank.is_some() && known.is_some_and(|(known, _)| known == line) {
                continue;
            }
            self.lines.insert(line.serial, (line.clone(), before));
            if let Occurrence::Fact(fact) = &line.occurrence {
                let explanation = explain::of(fact);
                self.explained.insert(explanation.name(), explanation);
            }
            delta.insert(format!("n/{}", line.serial), line_part(model, line, before, &self.look));
        }
    }
}

/// The newest columns of the log table, oldest first.
fn columns(model: &Model) -> Vec<EntryId> {
    let older = std::iter::successors(log_table::newest(model), |id| log_table::before(model, *id));
    let mut columns: Vec<_> = older.take(COLUMNS_MAX).collect();
    columns.reverse();
    columns
}

/// The kind and the text of a cell; `None` if the log has no such entry.
fn cell(model: &Model, node: &NodeView, id: EntryId) -> Option<(char, String)> {
    let (kind, preview) = match log_table::cell(model, node, id) {
        Cell::Missing => return None,
        Cell::Unknown => return Some(('u', "…".to_owned())),
        Cell::Final(preview) => ('f', preview),
        Cell::Intermediate(preview) => ('i', preview),
        Cell::Different(preview) => ('d', preview),
        Cell::Truncated(preview) => ('t', preview),
    };
    Some((kind, visible(&content(preview)).into()))
}

fn node_part(model: &Model, node: &NodeView, look: &Look) -> Option<Value> {
    let [name, address, note] = parts::node(model, node, look)?;
    let commit = node.state.committed.map(|point| place(point.id));
    let is_live = node.is_live();
    Some(json!({"l": spans(&name), "b": spans(&address), "n": spans(&note), "c": commit, "v": is_live}))
}

fn line_part(model: &Model, line: &NarrationLine, rank: u64, look: &Look) -> Value {
    let parts::Sentence { names, what, why } = parts::sentence(line, model.lang);
    let (rule, style) = parts::rule(&line.occurrence, look);
    let mut part = json!({"z": rank, "r": [role(style), rule], "w": shown(&names), "x": shown(&what)});
    if !why.is_empty() {
        part["y"] = why.iter().map(|why| shown(why)).collect();
    }
    if let Occurrence::Fact(fact) = &line.occurrence {
        part["e"] = json!(explain::of(fact).name());
    }
    part
}

/// `E.O`: an entry id in names of parts.
fn place(id: EntryId) -> String {
    format!("{}.{}", id.epoch.0, id.offset.0)
}

pub fn shown(text: &str) -> String {
    visible(text).into()
}

/// Spans as `[role, text]`. Neighbours of one role are joined.
pub fn spans(parts: &[Span]) -> Value {
    let mut joined: Vec<(&str, String)> = Vec::new();
    for part in parts {
        let role = role(part.style);
        match joined.last_mut() {
            Some((last, text)) if *last == role => text.push_str(&shown(&part.content)),
            _ => joined.push((role, shown(&part.content))),
        }
    }
    json!(joined)
}
