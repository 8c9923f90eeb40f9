//! Which lines of the tabs the filter shows. Their texts are those of the screen, with the name of the fact.

use bytes::Bytes;
use epoca::protocol::NodeId;
use epoca::protocol::trace::PendingMessage;

use crate::console::layout::tabs;
use crate::console::model::narration::NarrationLine;
use crate::console::model::operations::Operation;
use crate::console::model::space_time::{Call, Row, Shape};
use crate::console::model::timeline::{Line, Occurrence};
use crate::console::model::{Focus, Model, NodeView, Pane};
use crate::console::words::{bytes, content, screen};

/// Whether the tab shows a line with this text.
pub fn shows(model: &Model, text: impl FnOnce() -> String) -> bool {
    model.filter.as_ref().is_none_or(|filter| filter.is_hit(&text()))
}

/// An event.
pub fn shows_line(model: &Model, line: &Line) -> bool {
    shows(model, || format!("{} {}", line.node, occurrence(model, line.node, &line.occurrence)))
}

/// A line of the narration.
pub fn shows_step(model: &Model, line: &NarrationLine) -> bool {
    shows(model, || {
        let nodes = names(line.nodes.iter().chain(&line.peers));
        let (what, why) = model.lang.step(line);
        let told = line.nodes.first().map_or(String::new(), |node| occurrence(model, *node, &line.occurrence));
        format!("{nodes} {what} {} {told}", why.unwrap_or_default())
    })
}

fn occurrence(model: &Model, node: NodeId, occurrence: &Occurrence) -> String {
    let name = match occurrence {
        Occurrence::Fact(fact) => format!("{} {}", fact.rule(), fact.name()),
        _ => String::new(),
    };
    format!("{name} {}", model.lang.line(node, occurrence))
}

/// A row of the space-time diagram. The diagram beside the tabs is filtered while it has the focus.
pub fn shows_row(model: &Model, row: &Row) -> bool {
    let is_filtered = model.focus == Focus::SpaceTime || tabs::shown(model) == Pane::SpaceTime;
    row.is_seen() && (!is_filtered || shows(model, || row_text(model, row)))
}

fn row_text(model: &Model, row: &Row) -> String {
    match &row.shape {
        Shape::Message(message) => {
            let about = message.about.map(|id| id.to_string()).or(message.epoch.map(|epoch| epoch.to_string()));
            let kind = screen::KINDS.iter().find(|(kind, _)| *kind == message.kind).map(|(_, text)| model.say(*text));
            let (from, to, code) = (message.from, message.to, &message.kind);
            format!("{from} {to} {code} {} {}", kind.unwrap_or_default(), about.unwrap_or_default())
        }
        Shape::Call(node, Call::Write(entries)) => {
            let entries = entries.iter().map(|entry| format!("{} {}", entry.point.id, content(entry)));
            format!("client {node} {}", entries.collect::<Vec<_>>().join(" "))
        }
        Shape::Call(node, Call::Written(id)) => format!("client {node} ok {id}"),
        Shape::Call(node, Call::Refused(why)) => format!("client {node} {}", model.lang.reason(why)),
        Shape::Call(node, Call::Read(_) | Call::Answered(_)) => format!("client {node} get"),
        Shape::Mark(node, fact) => {
            format!("{node} {} {} {}", fact.rule(), fact.name(), model.lang.fact(*node, fact))
        }
        Shape::Liveness { node, is_up } => {
            format!("{node} {}", model.say(if *is_up { screen::UP } else { screen::DOWN }))
        }
        Shape::Quiet(quiet) => format!("{} heartbeat", quiet.from),
    }
}

/// An operation with its whole answer.
pub fn shows_operation(model: &Model, operation: &Operation) -> bool {
    shows(model, || {
        let answer = operation.end.iter().flat_map(|end| &end.lines).map(|line| line.text.to(model.lang));
        format!("{} {}", operation.line, answer.collect::<Vec<_>>().join(" "))
    })
}

/// A key of the final databases, by its name, its values and the entries that wrote them.
pub fn shows_key(model: &Model, key: &Bytes) -> bool {
    shows(model, || {
        let rows = model.nodes.values().filter_map(|node| node.final_db.keys().get(key));
        let rows = rows.map(|row| format!("{} {}", bytes(&row.value), row.entry));
        format!("{} {}", bytes(key), rows.collect::<Vec<_>>().join(" "))
    })
}

/// A message that waits.
pub fn shows_message(model: &Model, message: &PendingMessage) -> bool {
    shows(model, || format!("{} {} {} {}", message.id, message.id.to, message.kind, message.what))
}

/// The number of hits of a tab; `None` for those whose lines only their view knows.
pub fn hits(model: &Model, pane: Pane) -> Option<usize> {
    Some(match pane {
        Pane::Narration => model.narration.lines().iter().filter(|line| shows_step(model, line)).count(),
        Pane::Events => model.timeline.lines().iter().filter(|line| shows_line(model, line)).count(),
        Pane::SpaceTime => model.space_time.rows().iter().filter(|row| shows_row(model, row)).count(),
        Pane::FinalDb => model.final_keys().filter(|key| shows_key(model, key)).count(),
        Pane::Ops => model.operations.list().iter().filter(|operation| shows_operation(model, operation)).count(),
        Pane::Step => crate::console::model::step_mode::waiting(model)
            .into_iter()
            .filter(|message| shows_message(model, message))
            .count(),
        Pane::Scenario | Pane::Sheet | Pane::Peers | Pane::Checks | Pane::Nodes => return None,
    })
}

fn names<'a>(nodes: impl Iterator<Item = &'a NodeId>) -> String {
    nodes.map(NodeId::to_string).collect::<Vec<_>>().join(" ")
}

/// A node, by its name and by what its tab says of it.
pub fn shows_node(model: &Model, node: &NodeView, facts: &[String]) -> bool {
    shows(model, || format!("{} {}", node.state.node, facts.join(" ")))
}
