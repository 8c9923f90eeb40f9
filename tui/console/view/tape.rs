//! The tape strip: marks in order, the current position, and the keys.
//!
//! ```text
//!   TAPE |e1─w─w─-n4─w─|e2─w─~n3─PASS─▌ event 212/212   [ ] step   { } jump   L live   B bookmark
//! ```

use ratatui::style::Style;
use ratatui::text::Span;

use crate::console::keys::label;
use crate::console::model::Model;
use crate::console::model::tape::{Tape, TapeMark, TapeMarkKind};
use crate::console::text;
use crate::console::theme::{Depth, Look, Theme};
use crate::console::view::line::{span, width};
use crate::console::view::scenario::style_of;
use crate::console::words::tape as words;
use crate::lang::{Lang, Text};
use crate::tape::MarkKind;

/// Minimum width of the marks. With less room the keys are omitted.
const MARKS_MIN: usize = 20;

/// The position in the top line; `None` in the present.
pub fn title(model: &Model) -> Option<String> {
    let tape = &model.tape;
    tape.past()?;
    let (step, of, _) = tape.position();
    let places: [(&str, &dyn std::fmt::Display); 2] = [("step", &step), ("of", &of)];
    Some(match &tape.file {
        Some(name) => words::REPLAY.with(model.lang, &[&places[..], &[("name", name)]].concat()),
        None => words::PAST.with(model.lang, &places),
    })
}

/// The strip. While a scenario is paced by keys, one of the tape's keys is its own.
pub fn strip(model: &Model, is_paced: bool, columns: usize, look: &Look) -> Vec<Span<'static>> {
    let (right, marks) = parts(model, is_paced, columns, look);
    // The tape of a scenario's own cluster is not written to a file.
    let name = span(model.say(words::TAPE), if model.is_scenario_cluster { look.alarm } else { look.muted });
    let mut parts = vec![name];
    parts.extend(places(&model.tape, marks, model.lang, look));
    parts.extend(right);
    parts
}

/// What stands at the right of the marks, and the columns that are left for them.
fn parts(model: &Model, is_paced: bool, columns: usize, look: &Look) -> (Vec<Span<'static>>, usize) {
    let tape = &model.tape;
    let mut right = vec![span(" ", look.base)];
    right.extend(position(tape, model.lang, look));
    let keys = keys(tape, is_paced, model.lang, look);
    let room = columns.saturating_sub(text::width(model.say(words::TAPE)));
    if width(&right) + width(&keys) + MARKS_MIN <= room {
        right.extend(keys);
    }
    let marks = room.saturating_sub(width(&right));
    (right, marks)
}

/// The moment at a column of the strip: that of the mark there. Behind the last mark it is the end (`None`). The outer
/// `None`: the column has no moment.
pub fn place_at(model: &Model, is_paced: bool, columns: usize, x: u16) -> Option<Option<u64>> {
    let look = Look::new(Theme::Dark, Depth::None, false);
    let (_, room) = parts(model, is_paced, columns, &look);
    let x = usize::from(x).checked_sub(text::width(model.say(words::TAPE)))?;
    if x >= room {
        return None;
    }
    let tape = &model.tape;
    let widths: Vec<usize> = tape.marks().iter().map(|place| text::width(&token(place, model.lang)) + 1).collect();
    let cursor = tape.marks().partition_point(|place| place.at <= tape.at());
    let (from, to) = window(&widths, cursor, room);
    let mut right = 0;
    for (index, place) in tape.marks().iter().enumerate().take(to).skip(from) {
        right += widths[index] + usize::from(index == cursor);
        if x < right {
            return Some(Some(place.at));
        }
    }
    Some(None)
}

/// Current step, playback state, dropped steps, recording.
fn position(tape: &Tape, lang: Lang, look: &Look) -> Vec<Span<'static>> {
    let (step, of, gone) = tape.position();
    let text = words::EVENT.with(lang, &[("step", &step), ("of", &of)]);
    let mut parts = vec![span(text, if tape.past().is_some() { look.strong } else { look.base })];
    if let Some(past) = tape.past() {
        let speed = f64::from(tape.speed) / 100.0;
        let state = if past.playing.is_some() { format!(" ▶ {speed}×") } else { format!(" ‖ {speed}×") };
        parts.push(span(state, look.accent));
    }
    if gone > 0 {
        parts.push(span(words::GONE.with(lang, &[("count", &gone)]), look.muted));
    }
    if let Some(recording) = &tape.recording {
        let style = if recording.trouble.is_some() { look.bad } else { look.muted };
        let text = recording.trouble.as_ref().map_or(String::new(), |trouble| format!(": {}", trouble.to(lang)));
        parts.push(span(format!("  REC {}{text}", recording.name), style));
    }
    parts
}

fn keys(tape: &Tape, is_paced: bool, lang: Lang, look: &Look) -> Vec<Span<'static>> {
    use words::{BOOKMARK, END, FREEZE, JUMP, LIVE, PLAY, SPEED, STEP};
    let keys: &[(&str, Text)] = match (&tape.file, tape.past().is_some()) {
        (Some(_), _) => &[("[ ]", STEP), ("{ }", JUMP), ("space", PLAY), ("- +", SPEED), ("L", END)],
        (None, true) => &[("[ ]", STEP), ("{ }", JUMP), ("space", PLAY), ("L", LIVE), ("B", BOOKMARK)],
        (None, false) if is_paced => &[("[ ]", STEP), ("{ }", JUMP), ("B", BOOKMARK)],
        (None, false) => &[("[ ]", STEP), ("{ }", JUMP), ("space", FREEZE), ("B", BOOKMARK)],
    };
    keys.iter()
        .flat_map(|(key, what)| {
            [span(format!("  {}", label(key, lang)), look.accent), span(format!(" {}", what.to(lang)), look.base)]
        })
        .collect()
}

/// As many marks as fit around the current position.
fn places(tape: &Tape, room: usize, lang: Lang, look: &Look) -> Vec<Span<'static>> {
    let tokens: Vec<_> = tape.marks().iter().map(|place| (token(place, lang), style(place, look))).collect();
    let at = tape.at();
    let cursor = tape.marks().partition_point(|place| place.at <= at);
    let (from, to) = window(&tokens.iter().map(|(token, _)| text::width(token) + 1).collect::<Vec<_>>(), cursor, room);
    let mut parts = Vec::new();
    for index in from..=to {
        if index == cursor {
            parts.push(span(if tape.past().is_some() { "▌" } else { ">" }, look.accent));
        }
        if let Some((text, style)) = tokens.get(index).filter(|_| index < to) {
            parts.push(span(text.clone(), *style));
            parts.push(span("─", look.muted));
        }
    }
    let used = width(&parts);
    parts.push(span(" ".repeat(room.saturating_sub(used)), look.base));
    parts
}

/// The range of tokens that fits around the cursor, which takes one column.
fn window(widths: &[usize], cursor: usize, room: usize) -> (usize, usize) {
    let (mut from, mut to, mut used) = (cursor, cursor, 1);
    loop {
        let before = from.checked_sub(1).filter(|index| used + widths[*index] <= room);
        if let Some(index) = before {
            used += widths[index];
            from = index;
        }
        // The past gets more room than the future.
        let after = widths.get(to).filter(|width| used + **width <= room && (before.is_none() || to - cursor < 4));
        if let Some(width) = after {
            used += width;
            to += 1;
        }
        if before.is_none() && after.is_none() {
            return (from, to);
        }
    }
}

/// No mark looks like the id of a rule, such as `K3`.
pub fn token(place: &TapeMark, lang: Lang) -> String {
    match &place.kind {
        TapeMarkKind::Epoch(epoch) => format!("|e{epoch}"),
        TapeMarkKind::Write => "w".to_owned(),
        TapeMarkKind::Killed(node) => format!("-{node}"),
        TapeMarkKind::Restarted(node) => format!("+{node}"),
        TapeMarkKind::Truncated(node) => format!("~{node}"),
        TapeMarkKind::Quarantined(node) => format!("#{node}"),
        TapeMarkKind::Verdict(verdict) => verdict.word(lang).to_owned(),
        TapeMarkKind::Marked(MarkKind::Bookmark) => "B".to_owned(),
        TapeMarkKind::Marked(MarkKind::Scenario | MarkKind::Verdict) => "*".to_owned(),
        TapeMarkKind::Marked(MarkKind::Violation) => "!!".to_owned(),
    }
}

pub fn style(place: &TapeMark, look: &Look) -> Style {
    match &place.kind {
        TapeMarkKind::Epoch(_) => look.accent,
        TapeMarkKind::Write | TapeMarkKind::Restarted(_) => look.committed,
        TapeMarkKind::Killed(_) | TapeMarkKind::Truncated(_) | TapeMarkKind::Quarantined(_) => look.bad,
        TapeMarkKind::Verdict(verdict) => style_of(*verdict, look),
        TapeMarkKind::Marked(MarkKind::Violation) => look.alarm,
        TapeMarkKind::Marked(_) => look.strong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_of_marks_holds_the_cursor_and_fits() {
        let widths = [4, 2, 2, 3, 4, 2, 2, 2];
        for cursor in 0..=widths.len() {
            for room in 1..30 {
                let (from, to) = window(&widths, cursor, room);
                assert!(from <= cursor && cursor <= to, "{cursor} in {room}");
                assert!(widths[from..to].iter().sum::<usize>() < room, "{cursor} in {room}");
            }
        }
        assert_eq!(window(&widths, 8, 100), (0, 8));
    }
}
