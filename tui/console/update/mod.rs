//! Changes the model: takes one message, returns effects. This part performs no input or output and reads no clock.

mod burst;

mod checked;

mod clock;

mod closer;

mod command_line;

mod faults;

mod filter;

mod hand;

mod mouse;

mod observe;

mod pace;

mod paced;

mod palette;

mod press;

mod recording;

mod scenario;

mod scroll;

mod step;

mod tape;

mod long_value;

use std::time::Duration;

use crossterm::event::KeyEvent;
use epoca::client::watch::Observed;
use epoca::protocol::trace::{Event, Preview};
use epoca::protocol::{EntryId, NodeId};

use crate::command::grammar::Consistency;
use crate::command::{Command, Outcome, parse_line};
use crate::console::keys::Mode;
use crate::console::layout::target::Target;
use crate::console::model::{Dialog, Model, Phase, ProcessSeen};
use crate::console::words::screen;
use crate::lang::Localized;
use crate::scenario::Order;
use crate::scenario::by_hand::Grade;
use crate::tape::Verdict;

pub use mouse::Gesture;
pub use recording::{load, open};
pub use scenario::ScenarioMsg;
pub use tape::{next_wake, play, show_step};

#[allow(clippy::large_enum_variant, reason = "the large variants are the frequent ones")]
#[derive(Debug)]
pub enum Msg {
    /// Time since the console started. Precedes the messages of that time.
    Tick(Duration),
    Key(KeyEvent),
    /// Keys that arrived together, and the time without keys before them.
    Keys(Vec<KeyEvent>, Duration),
    Mouse(Gesture, Target),
    /// The text was copied to the clipboard.
    Copied(String),
    Paste(String),
    /// A refused paste: longer than a line, or without an end. With its size in bytes.
    PasteTooLong(usize),
    PasteUnended(usize),
    Resize(u16, u16),
    /// A step of starting the nodes is done.
    Progress(String),
    Started {
        nodes: Vec<(NodeId, String)>,
        /// Why processes cannot be killed or started from here; `None` if they can.
        no_launcher: Option<String>,
    },
    Observed(NodeId, Observed),
    /// An event with uncertain order: earlier events of `missing` did not arrive in time.
    OrderUnknown {
        event: Box<Event>,
        missing: NodeId,
    },
    Process(NodeId, ProcessSeen),
    OperationProgress(u64, Localized),
    /// The outcome of an operation and its duration.
    OperationEnd(u64, Outcome, Duration),
    /// A message of the scenario runner.
    Scenario(Box<ScenarioMsg>),
    /// A report of the checks.
    Checked(Box<Verdict>),
    /// A line of the sheet was shown by hand, after this many records.
    Graded(Box<Grade>, u64),
    /// A problem of the cluster as a whole.
    Trouble(String),
    /// The console must end, as after SIGTERM.
    Terminate,
}

/// Work for the app.
#[derive(Debug, PartialEq)]
pub enum Effect {
    Execute {
        number: u64,
        command: Command,
    },
    /// By name, or a file.
    RunScenario(String),
    StopScenario,
    /// What a person asks of the running scenario.
    OrderScenario(Order),
    /// Append this line to the stored history.
    Remember(String),
    /// Copy the selection, or else the tab, to the clipboard and answer with [`Msg::Copied`].
    Copy,
    /// Poll the launcher's processes now.
    PollProcesses,
    Quit,
}

/// Input of the user applies to the moment that is shown. Messages about the cluster apply to the present, also while
/// the past is shown.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let mut effects = update_one(model, msg);
    effects.extend(hand::advance(model));
    effects.extend(paced::begin_wanted(model));
    model.sync_scenario_cluster();
    effects
}

fn update_one(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Tick(now) => {
            tape::tick(model, now);
            scenario::tick(model, now);
            Vec::new()
        }
        Msg::Key(_) | Msg::Mouse(..) => {
            recording::keyframe(model);
            apply(model, msg)
        }
        Msg::Keys(keys, quiet) => burst::on_keys(model, &keys, quiet),
        Msg::Checked(verdict) => {
            checked::on_checked(model, *verdict);
            Vec::new()
        }
        Msg::Graded(grade, at) => {
            model.grades.take(*grade, at);
            model.changed();
            Vec::new()
        }
        Msg::Scenario(staged) => {
            scenario::on_scenario_msg(model, *staged);
            Vec::new()
        }
        Msg::Copied(_)
        | Msg::Paste(_)
        | Msg::PasteTooLong(_)
        | Msg::PasteUnended(_)
        | Msg::Resize(..)
        | Msg::Terminate => apply(model, msg),
        Msg::OperationEnd(number, ..) => {
            let effects = recording::take(model, msg);
            effects.into_iter().chain(pace::on_operation_end(model, number)).collect()
        }
        told => recording::take(model, told),
    }
}

fn apply(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Tick(now) => {
            clock::tick(model, now);
            return Vec::new();
        }
        Msg::Key(event) => return press::on_key(model, &event),
        Msg::Mouse(gesture, target) => {
            let effects = mouse::on_mouse(model, gesture, target);
            model.changed();
            return effects;
        }
        Msg::Copied(text) => press::on_copied(model, &text),
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
            return vec![Effect::PollProcesses];
        }
        Msg::OperationProgress(number, text) => {
            model.operations.progress(number, text);
        }
        Msg::Paste(text) => command_line::on_paste(model, &text),
        Msg::PasteTooLong(bytes) => command_line::refuse_paste(model, bytes),
        Msg::PasteUnended(bytes) => {
            model.warn(screen::PASTE_UNENDED.with(model.lang, &[("bytes", &bytes)]));
        }
        Msg::Resize(columns, rows) => resize(model, (columns, rows)),
        Msg::Progress(text) => {
            if let Phase::Starting(said) = &mut model.phase {
                said.push(text);
            }
        }
        Msg::Started { nodes, no_launcher } => observe::on_started(model, nodes, no_launcher),
        // Handled earlier: they stand for several messages, or concern no moment of the tape.
        Msg::Keys(..) | Msg::Checked(_) | Msg::Graded(..) | Msg::Scenario(_) => {}
        Msg::Trouble(text) => model.warn(text),
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

/// The key that quits. It asks once if nodes end with the console.
fn ask_to_quit(model: &mut Model) -> Vec<Effect> {
    if model.owns_nodes && !model.quit_asked {
        model.quit_asked = true;
        model.notify(model.say(screen::QUIT_AGAIN));
        return Vec::new();
    }
    quit(model)
}

fn quit(model: &mut Model) -> Vec<Effect> {
    model.phase = Phase::Ending;
    model.changed();
    vec![Effect::Quit]
}

/// The entry that a read would have found if it were final at the node that answered. Such a read correctly finds
/// nothing.
fn unfinalized_entry(model: &Model, number: u64) -> Option<EntryId> {
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

/// An answer of several lines stands over a pane; the tab stays. A long value that was typed for is shown whole.
fn on_operation_end(model: &mut Model, number: u64, outcome: Outcome, took: Duration) {
    let line = model.operations.newest().filter(|newest| newest.number == number).map(|newest| newest.line.clone());
    let whole = line.and_then(|line| long_value::long_value(model, &line, &outcome));
    model.on_read_end(number, &outcome);
    if !model.operations.end(number, took, outcome) {
        return;
    }
    if let Some(entry) = unfinalized_entry(model, number) {
        model.operations.set_not_final(number, entry);
    }
    let is_typed = !model.scenarios.is_running() && model.mode == Mode::Type && model.prompt.text().is_empty();
    if is_typed {
        // A dialog that was opened meanwhile stays.
        model.dialog = model.dialog.take().or(whole.map(Dialog::Value));
    }
    model.changed();
}
