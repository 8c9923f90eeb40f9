//! The answer of the last command over a part of a pane, so that the tab stays: the lines of an operation, or the reads
//! of one key side by side. A short answer stands in the line of the prompt alone.

use epoca::protocol::NodeId;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;
use ratatui::widgets::{Clear, Widget};

use crate::console::layout::Layout;
use crate::console::model::operations::Operation;
use crate::console::model::reads::{Expected, Got, ReadRow};
use crate::console::model::{Answer, Model, Reads};
use crate::console::text::{cut, padded, width};
use crate::console::theme::Look;
use crate::console::view::line::{put, row, span, width as line_width};
use crate::console::view::{frame, ops};
use crate::console::words::{hand as words, screen};

/// Columns of the node's name, and the least of each other one.
const NAME: usize = 10;
const CELL_MIN: usize = 10;

type Line = Vec<Span<'static>>;

pub fn draw(buffer: &mut Buffer, layout: &Layout, model: &Model, look: &Look) {
    let below = layout.space.unwrap_or(layout.lower);
    let columns = usize::from(below.width.saturating_sub(2));
    let (title, lines) = match model.answer {
        Some(Answer::Reads) if !model.reads.rows.is_empty() => {
            (reads_title(model, columns, look), reads(model, columns, look))
        }
        Some(Answer::Operation(number)) => match model.operations.find(number) {
            Some(operation) if operation.answer().len() > 1 => {
                (vec![span(format!(" {} ", operation.line), look.strong)], answer(operation, model, look))
            }
            _ => return,
        },
        _ => return,
    };
    let area = place(layout, below, &lines);
    Clear.render(area, buffer);
    buffer.set_style(area, look.base);
    let inner = frame::pane(buffer, area, title, look);
    // The heads go first if there is no room.
    let room = usize::from(inner.height);
    let is_table = model.answer == Some(Answer::Reads);
    let skipped = if is_table { lines.len().saturating_sub(room).min(1) } else { 0 };
    for (index, spans) in lines.iter().skip(skipped).enumerate() {
        let Some(place) = row(inner, index) else { break };
        put(buffer, place, spans);
    }
    let more = lines.len() - skipped;
    let foot = match more.saturating_sub(room) {
        0 => model.say(words::ESC_CLOSES).to_owned(),
        1 => model.say(words::ONE_MORE_LINE).to_owned(),
        count => words::MORE_LINES.with(model.lang, &[("count", &count)]),
    };
    frame::foot(buffer, inner, &foot, look);
}

/// The end of the space-time diagram, or of the tab where that is one. A wide answer takes the beginning of both,
/// because the newest lines of the tab are at its end.
fn place(layout: &Layout, below: Rect, lines: &[Line]) -> Rect {
    let height = (lines.len() as u16 + 2).min(below.height);
    let widest = lines.iter().map(|line| line_width(line)).max().unwrap_or(0);
    if layout.space.is_some() && widest > usize::from(below.width.saturating_sub(2)) {
        return Rect { height: height.min(below.height / 2), ..below.union(layout.lower) };
    }
    Rect { y: below.bottom() - height, height, ..below }
}

fn answer(operation: &Operation, model: &Model, look: &Look) -> Vec<Line> {
    let line =
        |line: &crate::command::Line| vec![span(format!(" {}", line.text.to(model.lang)), ops::tone(line.tone, look))];
    operation.answer().iter().map(line).collect()
}

fn reads_title(model: &Model, columns: usize, look: &Look) -> Line {
    let Reads { key, .. } = &model.reads;
    let key = String::from_utf8_lossy(key).into_owned();
    let mut title = vec![span(words::READS.with(model.lang, &[("key", &cut(&key, NAME))]), look.strong)];
    let (right, all) = model.reads.right();
    if model.reads.is_settled() && all > 0 {
        let style = if right == all { look.committed } else { look.bad };
        title.push(span(words::READS_RIGHT.with(model.lang, &[("right", &right), ("all", &all)]), style));
    }
    let by = model.say(words::READS_BY);
    let used: usize = title.iter().map(|part| width(&part.content)).sum();
    if used + width(by) <= columns {
        title.push(span(by, look.muted));
    }
    title
}

/// The reads in one line: `✓ read x   4 of 4 as expected`.
pub fn reads_summary(model: &Model, look: &Look) -> Line {
    let key = String::from_utf8_lossy(&model.reads.key).into_owned();
    let (right, all) = model.reads.right();
    let (mark, style) = match model.reads.is_settled() {
        false => ("…", look.muted),
        true if right == all => ("✓", look.committed),
        true => ("≠", look.bad),
    };
    let mut spans = vec![span(format!(" {mark} "), style), span(format!("read {key}"), look.strong)];
    if model.reads.is_settled() && all > 0 {
        let text = words::READS_RIGHT.with(model.lang, &[("right", &right), ("all", &all)]);
        spans.push(span(format!("  {text}"), look.base));
    }
    spans
}

/// `n3 local     not found (e1·o3 is not final here)   not found   ✓`
fn reads(model: &Model, columns: usize, look: &Look) -> Vec<Line> {
    let lang = model.lang;
    let texts: Vec<[String; 2]> =
        model.reads.rows.iter().map(|row| [expected_text(row, model), got_text(row, model)]).collect();
    let room = columns.saturating_sub(NAME + 5);
    let widest = |index: usize| texts.iter().map(|row| width(&row[index])).max().unwrap_or(0).max(CELL_MIN);
    let got = widest(1).min((room / 2).max(CELL_MIN));
    let cells = [widest(0).min(room.saturating_sub(got + 2)), got];
    let cell = |text: &str, columns: usize| padded(&cut(text, columns), columns);
    let head = [words::H_NODE, words::H_EXPECTED, words::H_GOT].map(|head| head.to(lang));
    let head = format!(" {} {}  {}", cell(head[0], NAME), cell(head[1], cells[0]), cell(head[2], cells[1]));
    let mut lines = vec![vec![span(head, look.muted)]];
    for (row, [expected, got]) in model.reads.rows.iter().zip(&texts) {
        let (mark, style) = mark(row, look);
        lines.push(vec![
            span(format!(" {} ", cell(&name(row, model), NAME)), look.strong),
            span(format!("{}  ", cell(expected, cells[0])), look.base),
            span(cell(got, cells[1]), look.base),
            span(format!(" {mark}"), style),
        ]);
    }
    let is_asked = |id: &NodeId| model.reads.rows.iter().any(|row| row.node == Some(*id));
    let silent = model.nodes.iter().filter(|(id, node)| !node.is_live() && !is_asked(id));
    // A single read leaves nodes out because they were not asked, not because they are down.
    let silent = silent.filter(|_| model.reads.rows.len() > 1);
    lines.extend(silent.map(|(id, _)| {
        let name = words::LOCAL.with(lang, &[("node", id)]);
        vec![span(format!(" {} {}", cell(&name, NAME), model.say(words::NOT_ASKED)), look.muted)]
    }));
    lines
}

fn name(row: &ReadRow, model: &Model) -> String {
    let node = row.node.map_or_else(String::new, |node| node.to_string());
    let text = if row.is_linearizable { words::LINEARIZABLE } else { words::LOCAL };
    text.with(model.lang, &[("node", &node)])
}

fn expected_text(row: &ReadRow, model: &Model) -> String {
    let Some(settled) = &row.settled else { return "…".to_owned() };
    let with_waiting = |what: String, waiting: &Option<epoca::protocol::EntryId>| match waiting {
        Some(entry) => words::WAITING.with(model.lang, &[("what", &what), ("entry", entry)]),
        None => what,
    };
    match &settled.expected {
        Expected::Row { value, entry, waiting } => {
            with_waiting(format!("{}  {entry}", String::from_utf8_lossy(value)), waiting)
        }
        Expected::Absent { waiting } => with_waiting(model.say(words::NOT_FOUND).to_owned(), waiting),
        Expected::Unknown => model.say(words::UNKNOWN).to_owned(),
    }
}

fn got_text(row: &ReadRow, model: &Model) -> String {
    match &row.got {
        None => model.say(screen::UNDER_WAY).to_owned(),
        Some(Got::Row { value, entry }) => format!("{value}  {entry}"),
        Some(Got::Absent) => model.say(words::NOT_FOUND).to_owned(),
        Some(Got::Failed(why)) => why.to(model.lang).to_owned(),
    }
}

fn mark(row: &ReadRow, look: &Look) -> (&'static str, Style) {
    match row.settled.as_ref().map(|settled| settled.is_right) {
        None => ("…", look.muted),
        Some(Some(true)) => ("✓", look.committed),
        Some(Some(false)) => ("≠", look.bad),
        Some(None) => ("–", look.muted),
    }
}
