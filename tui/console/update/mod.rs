//! How the model changes: one message in, effects out. No input or output happens here, and no clock is read.

mod burst;

mod checked;

mod clock;

mod copy;

mod faults;

mod mouse;

mod observe;

mod palette;

mod press;

mod scenario;

mod scroll;

mod step;

pub mod tape;

mod value;

#[cfg(test)]
mod tests;

use std::time::Duration;

use crossterm::event::{KeyEvent, MouseEvent};
use epoca::client::watch::Observed;
use epoca::protocol::trace::{Event, Preview};
use epoca::protocol::{EntryId, NodeId};

use crate::command::grammar::Consistency;
use crate::command::{Command, Exit, Outcome, parse_line};
use crate::console::model::{Dialog, Mode, Model, Notice, Pane, ProcessSeen, Screen};
use crate::console::words::screen;
use crate::lang::Localized;
use crate::tape::Verdict;

pub use faults::{choices, name as fault_name};
pub use scenario::{Staged, letter_of as scenario_letter};
pub use step::StepKey;
pub use tape::{TapeKey, load, next_wake};

#[allow(clippy::large_enum_variant, reason = "the large ones are what comes most, and all are taken apart at once")]
#[derive(Debug)]
pub enum Msg {
    /// The time since the console began; comes before what happens at that time.
    Tick(Duration),
    Key(KeyEvent),
    /// Keys that came at once, and how long none came before them.
    Keys(Vec<KeyEvent>, Duration),
    Mouse(MouseEvent),
    Paste(String),
    /// A paste that was not taken: longer than a line, or without an end; so many bytes.
    PasteTooLong(usize),
    PasteUnended(usize),
    Resize(u16, u16),
    /// A step of starting the nodes is done.
    Progress(String),
    Started {
        nodes: Vec<(NodeId, String)>,
        /// Why nodes cannot be killed or started from here, if they cannot.
        no_launcher: Option<String>,
    },
    Observed(NodeId, Observed),
    /// An event whose order is unknown: what `missing` sent before it was not heard in time.
    OrderUnknown {
        event: Box<Event>,
        missing: NodeId,
    },
    Process(NodeId, ProcessSeen),
    OperationProgress(u64, Localized),
    /// How it ended, and how long it took.
    OperationEnd(u64, Outcome, Duration),
    /// What comes from whoever runs a scenario.
    Staged(Box<Staged>),
    /// How the checks stand.
    Checked(Box<Verdict>),
    /// Something about the nodes as a whole went wrong.
    Trouble(String),
    /// The console is to end, as by SIGTERM.
    Terminate,
}

/// What the app is to do.
#[derive(Debug, PartialEq)]
pub enum Effect {
    Execute {
        number: u64,
        command: Command,
    },
    /// By its name, or from a file.
    RunScenario(String),
    StopScenario,
    /// Keep this line in the history between runs.
    Remember(String),
    /// Put this on the clipboard.
    Copy(String),
    /// Look at the processes now instead of at the next turn.
    LookAtProcesses,
    Quit,
}

/// What the person does is done to what is shown; what is told of the cluster, to the present, even if the past is
/// shown.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let effects = update_one(model, msg);
    model.sit_aside();
    effects
}

fn update_one(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Tick(now) => {
            tape::tick(model, now);
            scenario::tick(model, now);
            Vec::new()
        }
        Msg::Key(_) => {
            tape::keyframe(model);
            apply(model, msg)
        }
        Msg::Keys(keys, quiet) => burst::on_keys(model, &keys, quiet),
        Msg::Checked(verdict) => {
            checked::on_checked(model, *verdict);
            Vec::new()
        }
        Msg::Staged(staged) => {
            scenario::on_staged(model, *staged);
            Vec::new()
        }
        Msg::Paste(_) | Msg::PasteTooLong(_) | Msg::PasteUnended(_) | Msg::Resize(..) | Msg::Terminate => {
            apply(model, msg)
        }
        told => tape::take(model, told),
    }
}

fn apply(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Tick(now) => {
            clock::tick(model, now);
            return Vec::new();
        }
        Msg::Key(event) => return press::on_key(model, &event),
        Msg::Mouse(event) => return mouse::on_mouse(model, &event),
        Msg::Observed(node, observed) => {
            observe::on_observed(model, node, observed);
            return Vec::new();
        }
        Msg::OrderUnknown { event, missing } => {
            observe::on_event_of_unknown_order(model, *event, missing);
            return Vec::new();
        }
        Msg::Process(node, seen) => {
            observe::on_process(model, node, seen);
            return Vec::new();
        }
        Msg::OperationEnd(number, outcome, took) => {
            on_operation_end(model, number, outcome, took);
            return vec![Effect::LookAtProcesses];
        }
        Msg::OperationProgress(number, text) => {
            model.operations.progress(number, text);
        }
        Msg::Paste(text) => press::on_paste(model, &text),
        Msg::PasteTooLong(bytes) => press::refuse_paste(model, bytes),
        Msg::PasteUnended(bytes) => {
            press::bad(model, screen::PASTE_UNENDED.with(model.lang, &[("bytes", &bytes)]));
        }
        Msg::Resize(columns, rows) => resize(model, (columns, rows)),
        Msg::Progress(text) => {
            if let Screen::Starting(said) = &mut model.screen {
                said.push(text);
            }
        }
        Msg::Started { nodes, no_launcher } => observe::on_started(model, nodes, no_launcher),
        // Taken before they come here: they are several, or not about a moment of the tape.
        Msg::Keys(..) | Msg::Checked(_) | Msg::Staged(_) => {}
        Msg::Trouble(text) => model.notice = Some(Notice { text, is_bad: true }),
        Msg::Terminate => return quit(model),
    }
    model.changed();
    Vec::new()
}

fn resize(model: &mut Model, size: (u16, u16)) {
    model.size = size;
    if let Some(Dialog::Value(value)) = &mut model.dialog {
        value.fit(size.0);
    }
}

fn quit(model: &mut Model) -> Vec<Effect> {
    model.screen = Screen::Ending;
    model.changed();
    vec![Effect::Quit]
}

/// The entry that would be read under the key of a read that found nothing, if it is not final yet at the node that
/// answered: then nothing had to be found.
fn not_yet_final(model: &Model, number: u64) -> Option<EntryId> {
    let operation = model.operations.find(number)?;
    if !operation.end.as_ref().is_some_and(|end| end.is_absent) {
        return None;
    }
    let Ok(Command::Get(get)) = parse_line(&operation.line) else { return None };
    let node = match (get.consistency, get.node) {
        (Consistency::Local, Some(node)) => model.nodes.get(&node.0)?,
        (Consistency::Linearizable | Consistency::Lease, _) => model.leader()?,
        _ => return None,
    };
    let writes = |preview: &&Preview| preview.key.as_ref() == Some(&get.key) && preview.value.is_some();
    let last = node.state.tail.iter().rev().find(writes)?;
    (!node.is_final(last.point)).then_some(last.point.id)
}

/// An answer of several lines opens the pane that has room for it, if it was typed and nothing was typed since.
fn on_operation_end(model: &mut Model, number: u64, outcome: Outcome, took: Duration) {
    let is_long = outcome.exit == Exit::Done && outcome.lines.len() > 1;
    let line = model.operations.newest().filter(|newest| newest.number == number).map(|newest| newest.line.clone());
    let whole = line.and_then(|line| value::too_long_for_a_row(model, &line, &outcome));
    if !model.operations.end(number, took, outcome) {
        return;
    }
    if let Some(entry) = not_yet_final(model, number) {
        model.operations.was_not_yet(number, entry);
    }
    let is_newest = model.operations.newest().is_some_and(|newest| newest.number == number);
    let is_typed = !model.scenarios.is_running();
    if is_long && is_typed && is_newest && model.mode == Mode::Type && model.prompt.text().is_empty() {
        scroll::show(model, Pane::Ops);
        // What was opened meanwhile stays.
        model.dialog = model.dialog.take().or(whole.map(Dialog::Value));
    }
    model.changed();
}
