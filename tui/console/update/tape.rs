//! The tape: records messages about the cluster and shows any past moment. Past and present are computed by the same
//! update: replaying a record is handling its message again.

use std::sync::Arc;
use std::time::Duration;

use epoca::client::watch::Observed;
use epoca::protocol::NodeId;
use epoca::protocol::trace::Event;

use crate::console::keys::TapeKey;
use crate::console::model::tape::{Moment, Past, Playing, Tape, TapeMark, TapeMarkKind};
use crate::console::model::{Model, Notice, Operations, Pane};
use crate::console::update::{Effect, Msg, apply, clock, scroll};
use crate::console::words::tape as words;
use crate::tape::{Mark, MarkKind, Record, What, reduced};

/// Maximum pause between two steps during playback.
const PAUSE_MAX: Duration = Duration::from_millis(1_500);
/// Maximum number of steps per call, so that keys stay responsive.
const STEPS_AT_ONCE: usize = 500;
/// A later moment within this distance is reached by replaying forward, otherwise from a keyframe.
const ON_MAX: u64 = 2_048;

/// Playback speeds in percent.
const SPEEDS: [u32; 9] = [1, 5, 20, 50, 100, 200, 400, 800, 1_600];

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
fn present(model: &mut Model) -> &mut Model {
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
    present(model).on_begin();
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

/// Loads a recording and shows the first moment with a leader, or else its end.
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
    show(model, first.unwrap_or(model.tape.ring.end()));
}

/// Applies a record to a model, at the time of the record.
fn replay(model: &mut Model, record: &Record) {
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
            model.on_begin();
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

/// Advances the time of the present and of the playback.
pub fn tick(model: &mut Model, now: Duration) {
    if model.tape.past().is_none() {
        clock::tick(model, now);
        return;
    }
    if model.tape.file.is_none() {
        clock::tick(present(model), now);
    } else {
        present(model).now = now;
    }
    play_on(model, now);
}

/// When the screen changes next without a message.
pub fn next_wake(model: &Model) -> Option<Duration> {
    let aside = model.scenario_cluster.as_deref().and_then(next_wake);
    own_wake(model).into_iter().chain(aside).min()
}

fn own_wake(model: &Model) -> Option<Duration> {
    match model.tape.past() {
        Some(past) => past.playing.map(|playing| playing.due),
        None => clock::next_wake(model),
    }
}

pub fn on_key(model: &mut Model, key: TapeKey) {
    match key {
        TapeKey::Back => step(model, -1),
        TapeKey::Forward => step(model, 1),
        TapeKey::PreviousMark => jump(model, false),
        TapeKey::NextMark => jump(model, true),
        TapeKey::Live => to_end(model),
        TapeKey::Bookmark => bookmark(model, ""),
        TapeKey::Freeze => freeze(model),
        TapeKey::Slower => speed(model, false),
        TapeKey::Faster => speed(model, true),
    }
}

/// Commands about the tape. True if the line was one.
pub fn run_line(model: &mut Model, line: &str) -> bool {
    let (word, rest) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
    match (word, rest.trim()) {
        ("live", "") => to_end(model),
        ("checks", "") => scroll::show(model, Pane::Checks),
        ("bookmark", text) => bookmark(model, text),
        ("play", "") => {
            if model.tape.past().is_none() {
                show_step(model, 1);
            }
            play(model);
        }
        ("event", number) => match number.parse() {
            Ok(number) => show_step(model, number),
            Err(_) => notify(model, model.say(words::WANTED_EVENT).to_owned()),
        },
        _ => return false,
    }
    true
}

fn step(model: &mut Model, by: i64) {
    let (step, of, _) = model.tape.position();
    stop(model);
    if by > 0 && step >= of {
        end_reached(model);
        return;
    }
    show_step(model, step.saturating_add_signed(by));
}

/// Shows the moment after a step.
pub fn show_step(model: &mut Model, step: u64) {
    let (_, _, gone) = model.tape.position();
    if step <= gone && gone > 0 {
        notify(model, words::FALLEN_OFF.with(model.lang, &[("count", &gone)]));
    }
    if let Some(at) = model.tape.at_step(step) {
        show(model, at);
    }
}

fn jump(model: &mut Model, on: bool) {
    let at = model.tape.at();
    let mut places = model.tape.marks().iter().map(|place| place.at);
    let found = if on { places.find(|place| *place > at) } else { places.rfind(|place| *place < at) };
    stop(model);
    match found {
        Some(place) => {
            show(model, place);
            show_mark_text(model, place);
        }
        None if on => to_end(model),
        None => show_step(model, 1),
    }
}

/// Shows the text of a mark.
fn show_mark_text(model: &mut Model, place: u64) {
    let record = model.tape.ring.get(place.saturating_sub(1)).cloned();
    if let Some(What::Mark(mark)) = record.as_ref().map(|record| &record.what)
        && !mark.text.is_empty()
    {
        notify(model, mark.text.clone());
    }
}

/// Shows the moment after a number of records.
pub fn show(model: &mut Model, at: u64) {
    let at = at.clamp(model.tape.ring.start() + 1, model.tape.ring.end().max(1));
    let shown = model.tape.past().map(|past| past.at);
    if let Some(shown) = shown
        && shown <= at
        && at - shown <= ON_MAX
    {
        advance(model, shown, at);
        return;
    }
    let Some((frame, first)) = model.tape.ring.frame_before(at - 1) else { return };
    let mut then = (**frame).clone();
    for record in model.tape.ring.records(first, at) {
        replay(&mut then, record);
    }
    let mut before = std::mem::replace(model, then);
    model.take_ui_state_of(&mut before);
    match &mut model.tape.moment {
        Moment::Past(past) => past.at = at,
        Moment::Now => model.tape.moment = Moment::Past(Box::new(Past { at, now: before, playing: None })),
    }
}

/// Advances the shown moment by replaying records.
fn advance(model: &mut Model, from: u64, to: u64) {
    let records: Vec<_> = model.tape.ring.records(from, to).cloned().collect();
    records.iter().for_each(|record| replay(model, record));
    if let Moment::Past(past) = &mut model.tape.moment {
        past.at = to;
    }
    model.changed();
}

/// Returns to the present. Of a recording: goes to its end.
pub fn to_end(model: &mut Model) {
    stop(model);
    if model.tape.file.is_some() {
        let end = model.tape.ring.end();
        show(model, end);
        return;
    }
    if let Moment::Past(past) = std::mem::take(&mut model.tape.moment) {
        let mut seat = std::mem::replace(model, past.now);
        model.take_ui_state_of(&mut seat);
    }
}

fn end_reached(model: &mut Model) {
    if model.tape.file.is_some() {
        notify(model, model.say(words::ENDS_HERE).to_owned());
    } else if model.tape.past().is_some() {
        to_end(model);
    }
}

/// Sets a bookmark at the shown moment.
pub fn bookmark(model: &mut Model, text: &str) {
    let at = model.tape.at();
    let (step, _, _) = model.tape.position();
    if model.tape.past().is_some() {
        model.tape.mark_at(at, TapeMarkKind::Marked(MarkKind::Bookmark));
    } else {
        keyframe(model);
        let mark = Mark { kind: MarkKind::Bookmark, text: text.to_owned(), evidence: Vec::new() };
        record(model, What::Mark(mark));
    }
    notify(model, words::BOOKMARKED.with(model.lang, &[("step", &step)]));
}

/// Freezes the screen. In the past: plays or pauses.
fn freeze(model: &mut Model) {
    let Some(past) = model.tape.past() else {
        let end = model.tape.ring.end();
        show(model, end);
        return;
    };
    if past.playing.is_some() {
        stop(model);
    } else {
        play(model);
    }
}

/// Plays from the shown moment. At the end of a recording it starts at the beginning.
pub fn play(model: &mut Model) {
    let (step, of, _) = model.tape.position();
    if model.tape.past().is_none() {
        return;
    }
    if step >= of && model.tape.file.is_some() {
        show_step(model, 1);
    }
    let due = present(model).now;
    if let Moment::Past(past) = &mut model.tape.moment {
        past.playing = Some(Playing { due });
    }
    model.changed();
}

fn stop(model: &mut Model) {
    if let Moment::Past(past) = &mut model.tape.moment
        && past.playing.take().is_some()
    {
        model.changed();
    }
}

fn speed(model: &mut Model, up: bool) {
    let index = SPEEDS.iter().position(|speed| *speed == model.tape.speed).unwrap_or(4);
    let next = if up { index + 1 } else { index.saturating_sub(1) };
    model.tape.speed = SPEEDS[next.min(SPEEDS.len() - 1)];
    model.changed();
}

/// Shows the steps that are due.
fn play_on(model: &mut Model, now: Duration) {
    for _ in 0..STEPS_AT_ONCE {
        let Some(Playing { due }) = model.tape.past().and_then(|past| past.playing) else { return };
        if now < due {
            return;
        }
        let (step, of, _) = model.tape.position();
        let Some(at) = model.tape.at_step(step + 1).filter(|_| step < of) else {
            stop(model);
            end_reached(model);
            return;
        };
        let before = model.tape.time(model.tape.at());
        show(model, at);
        show_mark_text(model, at);
        let next = model.tape.at_step(step + 2).filter(|_| step + 1 < of).and_then(|next| model.tape.time(next));
        let violated = |place: &&TapeMark| place.at == at;
        let is_violated = model.tape.marks().iter().rev().find(violated).map(|place| place.kind.clone())
            == Some(TapeMarkKind::Marked(MarkKind::Violation));
        if is_violated {
            stop(model);
            return;
        }
        let gap = next.zip(model.tape.time(at).or(before)).map_or(Duration::ZERO, |(next, at)| next.saturating_sub(at));
        let wait = (gap * 100 / model.tape.speed).min(PAUSE_MAX);
        // Playback does not catch up after a delay.
        let due = (due + wait).max(now.saturating_sub(PAUSE_MAX));
        if let Moment::Past(past) = &mut model.tape.moment {
            past.playing = Some(Playing { due });
        }
    }
}

fn notify(model: &mut Model, text: String) {
    model.notice = Some(Notice { text, is_bad: false });
    model.changed();
}
