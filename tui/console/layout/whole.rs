//! The contents of a tab with whole values and long words, for a view of its own: nothing is cut, everything wraps. The
//! filter of the tabs applies, so that one key or one node can be read alone.

use crate::console::layout::{search, tabs};
use crate::console::model::{Model, Pane};
use crate::console::words::{bytes, screen};

/// Events and lines of the narration, from the newest one back.
const LINES_MAX: usize = 500;

/// The text of the shown tab; empty if the tab has nothing that could be cut.
pub fn text(model: &Model) -> String {
    match tabs::shown(model) {
        Pane::FinalDb => final_db(model),
        Pane::Ops => operations(model),
        Pane::Narration => narration(model),
        Pane::Events => events(model),
        Pane::Step => waiting(model),
        Pane::Scenario | Pane::Sheet | Pane::SpaceTime | Pane::Peers | Pane::Checks | Pane::Nodes => String::new(),
    }
}

/// Each key with its value at each node. Nodes send only the beginning of a value; how much is said.
fn final_db(model: &Model) -> String {
    let mut lines = Vec::new();
    for key in model.final_keys().filter(|key| search::shows_key(model, key)) {
        lines.push(bytes(key));
        for (id, node) in &model.nodes {
            let Some(row) = node.final_db.keys().get(key) else { continue };
            let (known, all) = (row.value.len() as u64, row.value_bytes);
            let size = if known < all {
                screen::BYTES_KNOWN.with(model.lang, &[("known", &known), ("all", &all)])
            } else {
                screen::BYTES_ALL.with(model.lang, &[("all", &all)])
            };
            lines.push(format!("  {id} {} ({size}): {}", row.entry, bytes(&row.value)));
        }
        lines.push(String::new());
    }
    lines.join("\n")
}

fn operations(model: &Model) -> String {
    let mut lines = Vec::new();
    for operation in model.operations.list().iter().rev().filter(|one| search::shows_operation(model, one)) {
        lines.push(format!("> {}", operation.line));
        let answer = operation.end.iter().flat_map(|end| &end.lines);
        lines.extend(answer.map(|line| format!("  {}", line.text.to(model.lang))));
        lines.push(String::new());
    }
    lines.join("\n")
}

fn narration(model: &Model) -> String {
    let shown = model.narration.lines().iter().rev().filter(|line| search::shows_step(model, line)).take(LINES_MAX);
    let told = shown.map(|line| {
        let nodes = line.nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let (what, why) = model.lang.step(line);
        format!("{nodes}: {what}{}", why.map_or(String::new(), |why| format!("\n  {why}")))
    });
    told.collect::<Vec<_>>().join("\n")
}

fn events(model: &Model) -> String {
    let shown = model.timeline.lines().iter().rev().filter(|line| search::shows_line(model, line)).take(LINES_MAX);
    let told = shown.map(|line| format!("{}: {}", line.node, model.lang.line(line.node, &line.occurrence)));
    told.collect::<Vec<_>>().join("\n")
}

fn waiting(model: &Model) -> String {
    let waiting = crate::console::model::step_mode::waiting(model).into_iter();
    let shown = waiting.filter(|message| search::shows_message(model, message));
    shown.map(|message| format!("{} {} {}", message.id, message.kind, message.what)).collect::<Vec<_>>().join("\n")
}
