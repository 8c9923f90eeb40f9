//! What a row of the space-time diagram is drawn as, whatever draws it: an arrow between two lines, a text beside one.

use std::collections::BTreeMap;
use std::time::Duration;

use epoca::protocol::NodeId;
use ratatui::style::Style;

use crate::console::model::Model;
use crate::console::model::space_time::{Call, Delivery, LATE, Message, Quiet, Row, Shape};
use crate::console::theme::Look;
use crate::console::view::message;
use crate::console::words::{content, screen};

/// One row. The client has no node id.
pub enum Figure {
    Arrow(Arrow),
    /// A text beside a node's line; `liveness` if the line begins or ends there.
    Beside {
        node: NodeId,
        text: String,
        style: Style,
        liveness: Option<bool>,
    },
    /// Messages without news, from the first to the last node, and the nodes that received none (true: held).
    Quiet {
        text: String,
        missed: BTreeMap<NodeId, bool>,
    },
}

pub struct Arrow {
    /// `None` is the client.
    pub from: Option<NodeId>,
    pub to: Option<NodeId>,
    pub end: End,
    pub is_dashed: bool,
    pub style: Style,
    /// Texts of the arrow, the longest first.
    pub labels: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    Head,
    Held,
    Lost,
    /// It has not arrived in the usual time.
    Open,
    /// It is on its way, this share of it in thousandths.
    Moving(u16),
}

pub fn figure(model: &Model, row: &Row, look: &Look) -> Figure {
    match &row.shape {
        Shape::Message(message) => Figure::Arrow(sent(model, message, look)),
        Shape::Call(node, call) => Figure::Arrow(asked(model, *node, call, look)),
        Shape::Mark(node, fact) => {
            let (text, style) = message::mark(model, fact, look);
            Figure::Beside { node: *node, text, style, liveness: None }
        }
        Shape::Liveness { node, is_up } => {
            let (text, style) = if *is_up { (screen::UP, look.committed) } else { (screen::DOWN, look.bad) };
            Figure::Beside { node: *node, text: model.say(text).to_owned(), style, liveness: Some(*is_up) }
        }
        Shape::Quiet(quiet) => Figure::Quiet { text: quiet_label(model, row, quiet), missed: quiet.missed.clone() },
    }
}

fn sent(model: &Model, message: &Message, look: &Look) -> Arrow {
    let in_time = message.at + message.stretched + LATE;
    let is_late = matches!(message.delivery, Delivery::Received(at, _) if at > in_time);
    let end = match &message.delivery {
        Delivery::Received(..) => End::Head,
        Delivery::Held => End::Held,
        Delivery::InFlight { from, until } => End::Moving(share(model.now, *from, *until)),
        Delivery::Lost(_) => End::Lost,
        Delivery::InTransit if model.now > message.at + LATE => End::Open,
        Delivery::InTransit => End::Head,
    };
    Arrow {
        from: Some(message.from),
        to: Some(message.to),
        end,
        is_dashed: is_late || end == End::Open,
        style: message::style(message, look),
        labels: message::labels(message, model.lang),
    }
}

/// The share of a flight that is over, in thousandths.
fn share(now: Duration, from: Duration, until: Duration) -> u16 {
    let whole = until.saturating_sub(from).as_micros().max(1);
    (now.saturating_sub(from).as_micros() * 1_000 / whole).min(1_000) as u16
}

fn asked(model: &Model, node: NodeId, call: &Call, look: &Look) -> Arrow {
    let say = |text| model.say(text).to_owned();
    let (labels, is_request, style) = match call {
        Call::Write(entries) => match &entries[..] {
            [only] => (vec![content(only)], true, look.strong),
            many => (vec![model.lang.counted(many.len() as u64), many.len().to_string()], true, look.strong),
        },
        Call::Written(id) => (vec![format!("ok {id}"), "ok".to_owned()], false, look.committed),
        Call::Read(1) => (vec![say(screen::READ)], true, look.strong),
        Call::Read(reads) => (vec![format!("{} ×{reads}", say(screen::READ))], true, look.strong),
        Call::Answered(_) => (vec![say(screen::ANSWER)], false, look.committed),
        Call::Refused(why) => (vec![model.lang.reason(why), say(screen::REFUSED)], false, look.bad),
    };
    let (from, to) = if is_request { (None, Some(node)) } else { (Some(node), None) };
    Arrow { from, to, end: End::Head, is_dashed: false, style, labels }
}

pub fn quiet_label(model: &Model, row: &Row, quiet: &Quiet) -> String {
    let seconds = quiet.until.saturating_sub(row.at).as_secs();
    let text = if seconds > 0 { screen::QUIET } else { screen::QUIET_SHORT };
    text.with(model.lang, &[("count", &quiet.beats), ("seconds", &seconds)])
}
