//! The tape as a line: epochs, writes, kills and the like in their order, where in it the screen stands, and the keys.
//!
//! ```text
//!   TAPE |e1─w─w─-n4─w─|e2─w─~n3─PASS─▌ event 212/212   [ ] step   { } jump   L live   B bookmark
//! ```

use ratatui::style::Style;
use ratatui::text::Span;

use crate::console::model::Model;
use crate::console::model::tape::{Place, PlaceKind, Tape};
use crate::console::text;
use crate::console::theme::Look;
use crate::console::view::line::{span, width};
use crate::console::view::scenario::style_of;
use crate::console::words::{Lang, Text, tape as words};
use crate::tape::MarkKind;

/// So many columns the line of marks takes at least; with less room the keys go.
const MARKS_MIN: usize = 20;

/// What is said of the tape at the top, if the screen does not show what is the case now.
pub fn named(model: &Model) -> Option<String> {
    let tape = &model.tape;
    tape.past()?;
    let (step, of, _) = tape.position();
    let places: [(&str, &dyn std::fmt::Display); 2] = [("step", &step), ("of", &of)];
    Some(match &tape.file {
        Some(name) => words::REPLAY.with(model.lang, &[&places[..], &[("name", name)]].concat()),
        None => words::PAST.with(model.lang, &places),
    })
}

/// The line in this width.
pub fn line(model: &Model, columns: usize, look: &Look) -> Vec<Span<'static>> {
    let tape = &model.tape;
    let mut right = vec![span(" ", look.base)];
    right.extend(position(tape, model.lang, look));
    let keys = keys(tape, model.lang, look);
    let room = columns.saturating_sub(text::width(model.say(words::TAPE)));
    if width(&right) + width(&keys) + MARKS_MIN <= room {
        right.extend(keys);
    }
    let marks = room.saturating_sub(width(&right));
    // The tape of a scenario's own cluster goes with it, and nobody writes it down.
    let name = span(model.say(words::TAPE), if model.is_aside { look.alarm } else { look.muted });
    let mut parts = vec![name];
    parts.extend(places(tape, marks, model.lang, look));
    parts.extend(right);
    parts
}

/// Whether there is anything on the tape.
pub fn is_there(model: &Model) -> bool {
    model.tape.ring.end() > 0
}

/// Event k of n, how it is played, what fell off, and whether it is written.
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

fn keys(tape: &Tape, lang: Lang, look: &Look) -> Vec<Span<'static>> {
    use words::{BOOKMARK, END, FREEZE, JUMP, LIVE, PLAY, SPEED, STEP};
    let keys: &[(&str, Text)] = match (&tape.file, tape.past().is_some()) {
        (Some(_), _) => &[("[ ]", STEP), ("{ }", JUMP), ("space", PLAY), ("- +", SPEED), ("L", END)],
        (None, true) => &[("[ ]", STEP), ("{ }", JUMP), ("space", PLAY), ("L", LIVE), ("B", BOOKMARK)],
        (None, false) => &[("[ ]", STEP), ("{ }", JUMP), ("space", FREEZE), ("B", BOOKMARK)],
    };
    keys.iter()
        .flat_map(|(key, what)| [span(format!("  {key}"), look.accent), span(format!(" {}", what.to(lang)), look.base)])
        .collect()
}

/// As many marks as fit, around the one where the screen stands.
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

/// From which token to before which one fits around the cursor, with a column for the cursor itself.
fn window(widths: &[usize], cursor: usize, room: usize) -> (usize, usize) {
    let (mut from, mut to, mut used) = (cursor, cursor, 1);
    loop {
        let before = from.checked_sub(1).filter(|index| used + widths[*index] <= room);
        if let Some(index) = before {
            used += widths[index];
            from = index;
        }
        // What lies behind has more room than what lies ahead: it is known.
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

/// No code of a mark is a rule's: `K3` is a rule, and nothing else.
fn token(place: &Place, lang: Lang) -> String {
    match &place.kind {
        PlaceKind::Epoch(epoch) => format!("|e{epoch}"),
        PlaceKind::Write => "w".to_owned(),
        PlaceKind::Killed(node) => format!("-{node}"),
        PlaceKind::Restarted(node) => format!("+{node}"),
        PlaceKind::Truncated(node) => format!("~{node}"),
        PlaceKind::Quarantined(node) => format!("#{node}"),
        PlaceKind::Verdict(verdict) => verdict.word(lang).to_owned(),
        PlaceKind::Marked(MarkKind::Bookmark) => "B".to_owned(),
        PlaceKind::Marked(MarkKind::Scenario | MarkKind::Verdict) => "*".to_owned(),
        PlaceKind::Marked(MarkKind::Violation) => "!!".to_owned(),
    }
}

fn style(place: &Place, look: &Look) -> Style {
    match &place.kind {
        PlaceKind::Epoch(_) => look.accent,
        PlaceKind::Write | PlaceKind::Restarted(_) => look.committed,
        PlaceKind::Killed(_) | PlaceKind::Truncated(_) | PlaceKind::Quarantined(_) => look.bad,
        PlaceKind::Verdict(verdict) => style_of(*verdict, look),
        PlaceKind::Marked(MarkKind::Violation) => look.alarm,
        PlaceKind::Marked(_) => look.strong,
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
