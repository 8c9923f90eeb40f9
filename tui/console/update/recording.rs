//! Records messages about the cluster and applies them to the present. The same update computes past and present:
//! replaying a record is handling its message again.

use std::sync::Arc;
use std::time::Duration;

use epoca::client::watch::Observed;
use epoca::protocol::NodeId;
use epoca::protocol::trace::Event;

use crate::console::model::tape::{Moment, Tape};
use crate::console::model::{Model, Operations, Pane};
use crate::console::update::{Effect, Msg, apply, clock, scroll, tape};
use crate::scenario::{RecordedMark, recorded_runs};
use crate::tape::{Record, What, reduced};

/// Records a message and applies it to the present.
pub fn take(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Observed(node, Observed::Events(events)) => {
            for event in events {
                take_one(model, Msg::Observed(node, Observed::Events(vec![event])));
            }
            Vec::new()
        }
        msg => take_one(model, msg),
    }
}

fn take_one(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let (what, missing) = (to_record(&msg), missing(&msg));
    let is_recorded = what.is_some();
    if is_recorded {
        keyframe(model);
    }
    let present = present(model);
    let (at, before) = (present.now, present.revision);
    let effects = apply(present, msg);
    let is_step = present.revision != before;
    if let Some(what) = what {
        model.tape.push(Arc::new(Record { missing, ..Record::new(at, what) }), is_step);
    }
    if is_step && model.tape.past().is_some() {
        model.changed();
    }
    effects
}

/// Adds a keyframe if one is due. Must run before the next change of the present.
pub fn keyframe(model: &mut Model) {
    if model.tape.ring.wants_frame() {
        let (frame, bytes) = present(model).frame();
        model.tape.ring.begin(frame, bytes);
    }
}

/// The present model, whatever moment is shown.
pub fn present(model: &mut Model) -> &mut Model {
    if model.tape.past().is_none() {
        return model;
    }
    match &mut model.tape.moment {
        Moment::Past(past) => &mut past.now,
        Moment::Now => unreachable!("the past was shown a moment ago"),
    }
}

/// The operations of the present.
pub fn operations(model: &mut Model) -> &mut Operations {
    &mut present(model).operations
}

/// Records the start of an operation.
pub fn record_begin(model: &mut Model, number: u64, line: &str) {
    present(model).on_begin(number, line);
    record(model, What::Begin { number, line: line.trim().to_owned() });
}

/// Records something that has been applied to the present, or does not change it.
pub fn record(model: &mut Model, what: What) {
    let at = present(model).now;
    if let What::Mark(mark) = &what {
        present(model).on_mark(mark);
    }
    model.tape.push(Arc::new(Record::new(at, what)), true);
}

/// The record of a message about the cluster; `None` for other messages.
fn to_record(msg: &Msg) -> Option<What> {
    Some(match msg {
        Msg::Observed(node, observed) => What::Observed(*node, observed.clone()),
        Msg::OrderUnknown { event, .. } => What::Observed(event.node, Observed::Events(vec![Event::clone(event)])),
        Msg::Started { nodes, no_launcher } => What::Nodes { nodes: nodes.clone(), no_launcher: no_launcher.clone() },
        Msg::Process(node, seen) => What::Process(*node, seen.clone()),
        Msg::OperationEnd(number, outcome, took) => {
            What::End { number: *number, took: *took, outcome: reduced(outcome) }
        }
        _ => return None,
    })
}

fn missing(msg: &Msg) -> Option<NodeId> {
    if let Msg::OrderUnknown { missing, .. } = msg { Some(*missing) } else { None }
}

/// Loads a recording and plays it.
pub fn open(model: &mut Model, name: String, records: Vec<Record>) {
    load(model, name, records);
    // The console's clock begins now; the recording's has left it far ahead.
    present(model).now = Duration::ZERO;
    tape::play(model);
}

/// Loads a recording and shows the first moment with a leader, or else its end. If it is of a scenario, its tab is
/// shown.
pub fn load(model: &mut Model, name: String, records: Vec<Record>) {
    model.tape = Tape::of_file(name);
    let mut first = None;
    for record in records {
        keyframe(model);
        clock::tick(model, record.at);
        let before = model.revision;
        replay(model, &record);
        let is_step = model.revision != before;
        model.tape.push(Arc::new(record), is_step);
        if first.is_none() && model.leader().is_some() {
            first = Some(model.tape.ring.end());
        }
    }
    tape::show(model, first.unwrap_or(model.tape.ring.end()));
    load_scenarios(model);
}

fn load_scenarios(model: &mut Model) {
    let ring = &model.tape.ring;
    let marks = ring.records(ring.start(), ring.end()).zip(1..).filter_map(|(record, at)| match &record.what {
        What::Mark(mark) => Some(RecordedMark { at, time: record.at, kind: mark.kind, text: &mark.text }),
        _ => None,
    });
    let runs = recorded_runs(&marks.collect::<Vec<_>>());
    if let Some(last) = runs.last() {
        let pane = if last.script.is_sheet() { Pane::Sheet } else { Pane::Scenario };
        model.scenarios.load(runs);
        scroll::show(model, pane);
    }
}

/// Applies a record to a model, at the time of the record.
pub fn replay(model: &mut Model, record: &Record) {
    clock::tick(model, record.at);
    let msg = match record.what.clone() {
        What::Observed(node, observed) => match (record.missing, observed) {
            (Some(missing), Observed::Events(mut events)) if events.len() == 1 => {
                Msg::OrderUnknown { event: Box::new(events.remove(0)), missing }
            }
            (_, observed) => Msg::Observed(node, observed),
        },
        What::Nodes { nodes, no_launcher } => Msg::Started { nodes, no_launcher },
        What::Process(node, seen) => Msg::Process(node, seen),
        What::End { number, took, outcome } => Msg::OperationEnd(number, outcome, took),
        What::Begin { number, line } => {
            model.on_begin(number, &line);
            model.operations.note(number, &line);
            model.changed();
            return;
        }
        What::Mark(mark) => {
            model.on_mark(&mark);
            return;
        }
    };
    // Effects belong to the time of the recording.
    let _ = apply(model, msg);
}
