//! Shows past moments of the tape: steps, marks, bookmarks, playback.

use std::time::Duration;

use crate::console::keys::TapeKey;
use crate::console::model::tape::{Moment, Past, Playing, TapeMark, TapeMarkKind};
use crate::console::model::{Model, Pane};
use crate::console::update::{clock, recording, scroll};
use crate::console::words::tape as words;
use crate::tape::{Mark, MarkKind, What};

/// Maximum pause between two steps during playback.
const PAUSE_MAX: Duration = Duration::from_millis(1_500);
/// Maximum number of steps per call, so that keys stay responsive.
const STEPS_AT_ONCE: usize = 500;
/// A later moment within this distance is reached by replaying forward, otherwise from a keyframe.
const ON_MAX: u64 = 2_048;

/// Playback speeds in percent.
const SPEEDS: [u32; 9] = [1, 5, 20, 50, 100, 200, 400, 800, 1_600];

/// Advances the time of the present and of the playback.
pub fn tick(model: &mut Model, now: Duration) {
    if model.tape.past().is_none() {
        clock::tick(model, now);
        return;
    }
    if model.tape.file.is_none() {
        clock::tick(recording::present(model), now);
    } else {
        recording::present(model).now = now;
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
            Err(_) => model.notify(model.say(words::WANTED_EVENT)),
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
        model.notify(words::FALLEN_OFF.with(model.lang, &[("count", &gone)]));
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
        let of_scenario = model.scenarios.mark_text(place, &mark.text, model.lang);
        model.notify(of_scenario.unwrap_or(mark.text.clone()));
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
    let Some(then) = model_at(model, at) else { return };
    let mut before = std::mem::replace(model, then);
    model.take_ui_state_of(&mut before);
    match &mut model.tape.moment {
        Moment::Past(past) => past.at = at,
        Moment::Now => model.tape.moment = Moment::Past(Box::new(Past { at, now: before, playing: None })),
    }
}

/// The model after a number of records, replayed from the keyframe before it.
pub fn model_at(model: &Model, at: u64) -> Option<Model> {
    let (frame, first) = model.tape.ring.frame_before(at.checked_sub(1)?)?;
    let mut then = (**frame).clone();
    for record in model.tape.ring.records(first, at) {
        recording::replay(&mut then, record);
    }
    Some(then)
}

/// A click on the tape.
pub fn click(model: &mut Model, at: Option<u64>) {
    stop(model);
    match at {
        Some(at) => {
            show(model, at);
            show_mark_text(model, at);
        }
        None => to_end(model),
    }
}

/// Advances the shown moment by replaying records.
fn advance(model: &mut Model, from: u64, to: u64) {
    let records: Vec<_> = model.tape.ring.records(from, to).cloned().collect();
    records.iter().for_each(|record| recording::replay(model, record));
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
        model.notify(model.say(words::ENDS_HERE));
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
        recording::keyframe(model);
        let mark = Mark { kind: MarkKind::Bookmark, text: text.to_owned(), evidence: Vec::new() };
        recording::record(model, What::Mark(mark));
    }
    model.notify(words::BOOKMARKED.with(model.lang, &[("step", &step)]));
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
    let due = recording::present(model).now;
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
