//! The narration tab, newest line at the bottom. A line has the numbers that were compared and, where it matters, why
//! no committed entry is lost.

use epoca::protocol::trace::Fact;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::Span;

use crate::console::layout::search;
use crate::console::model::narration::NarrationLine;
use crate::console::model::timeline::Occurrence;
use crate::console::model::{Focus, Model};
use crate::console::text::{self, wrap, wrap_raw};
use crate::console::theme::{Depth, Look, Theme};
use crate::console::view::line::{put, row, span};
use crate::console::view::{events, frame};
use crate::console::words::screen;
use crate::lang::Lang;

/// Column of the text: `▸K1  `.
const WORDS_AT: usize = 5;

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) {
    if !model.narration.lines().iter().any(|line| search::shows_step(model, line)) {
        put(buffer, area, &[span(format!(" {}", model.say(frame::nothing(model))), look.muted)]);
        return;
    }
    let (rows, below) = visible(model, area, look);
    for (index, (_, spans)) in rows.into_iter().enumerate() {
        let Some(row) = row(area, index) else { break };
        put(buffer, row, &spans);
    }
    let remark = match below {
        0 => model.say(screen::EXPLAIN_HINT).to_owned(),
        _ => screen::NEWER_BELOW.with(model.lang, &[("count", &below)]),
    };
    if model.focus == Focus::Tab {
        frame::foot(buffer, area, &remark, look);
    }
}

/// The line at a row of the screen, by serial.
pub fn step_at(model: &Model, area: Rect, y: u16) -> Option<u64> {
    let look = Look::new(Theme::Dark, Depth::None, false);
    let (rows, _) = visible(model, area, &look);
    rows.get(usize::from(y.checked_sub(area.y)?)).map(|(serial, _)| *serial)
}

/// A row of the screen and the serial of its line.
type Row = (u64, Vec<Span<'static>>);

/// The visible rows, and the number of lines below them. The selected line stays visible.
fn visible(model: &Model, area: Rect, look: &Look) -> (Vec<Row>, usize) {
    let lines: Vec<_> = model.narration.lines().iter().filter(|line| search::shows_step(model, line)).collect();
    let is_selected = |line: &&NarrationLine| Some(line.serial) == model.narration.selected;
    let selected = lines.iter().rposition(is_selected);
    let below = selected.map_or(0, |place| (lines.len() - 1 - place).saturating_sub(2));
    let height = usize::from(area.height);
    let folded = model.narration.folded();
    let mut rows: Vec<Row> = Vec::new();
    for (place, line) in lines.iter().enumerate().rev().skip(below) {
        if place < folded {
            rows.splice(0..0, fold(model, folded, usize::from(area.width), look).map(|spans| (line.serial, spans)));
            break;
        }
        let drawn = drawn(line, usize::from(area.width), selected == Some(place), model.lang, look);
        rows.splice(0..0, drawn.into_iter().map(|spans| (line.serial, spans)));
        if rows.len() >= height {
            break;
        }
    }
    let skipped = rows.len().saturating_sub(height);
    (rows.split_off(skipped), below)
}

/// The text of a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sentence {
    /// The nodes where it happened: `n1 n3:`.
    pub names: String,
    /// With the number of repetitions.
    pub what: String,
    /// The reason or consequence, and a remark if the order is uncertain.
    pub why: Vec<String>,
}

pub fn sentence(line: &NarrationLine, lang: Lang) -> Sentence {
    let names = line.nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ") + ":";
    let (mut what, why) = lang.step(line);
    if line.times > line.nodes.len().max(line.peers.len()) as u64 && is_repeated(line) {
        what.push_str(&format!(" (×{})", line.times));
    }
    let unknown = line.missing.map(|missing| screen::ORDER_UNKNOWN.with(lang, &[("node", &missing)]));
    Sentence { names, what, why: why.into_iter().chain(unknown).collect() }
}

/// The start of the cluster in one line; selecting it shows all of it.
fn fold(model: &Model, folded: usize, width: usize, look: &Look) -> impl Iterator<Item = Vec<Span<'static>>> {
    let election = model.narration.start_election(folded).map(|line| &line.occurrence);
    let text = match election {
        Some(Occurrence::Fact(Fact::Elected { epoch, votes, .. })) => {
            let leader = model.narration.start_election(folded).and_then(|line| line.nodes.first());
            let leader = leader.map(ToString::to_string).unwrap_or_default();
            let votes = votes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            screen::START_FOLDED
                .with(model.lang, &[("leader", &leader), ("epoch", epoch), ("votes", &votes), ("count", &folded)])
        }
        _ => String::new(),
    };
    let (strong, muted) = (look.strong, look.muted);
    let rows = wrap(&text, width.saturating_sub(WORDS_AT + 1)).into_iter().enumerate();
    rows.map(move |(index, text)| {
        let head = if index == 0 { " ◂   " } else { "     " };
        vec![span(head, strong), span(text, muted)]
    })
}

fn drawn(line: &NarrationLine, width: usize, is_selected: bool, lang: Lang, look: &Look) -> Vec<Vec<Span<'static>>> {
    let (rule, rule_style) = events::rule(&line.occurrence, look);
    let Sentence { names, what, why } = sentence(line, lang);
    let style = if is_selected { look.base.add_modifier(Modifier::REVERSED) } else { look.base };
    let mark = if is_selected { "▸" } else { " " };
    let mut rows = Vec::new();
    let room = width.saturating_sub(WORDS_AT + 1);
    for (index, text) in unbroken(&format!("{names} {what}"), room).into_iter().enumerate() {
        if index > 0 {
            rows.push(vec![Span::raw(" ".repeat(WORDS_AT)), span(text, style)]);
            continue;
        }
        let head = vec![span(mark, look.accent), span(format!("{rule:<4}"), rule_style)];
        let parts = match text.strip_prefix(&names) {
            Some(rest) => vec![span(names.clone(), look.strong), span(rest, style)],
            None => vec![span(text, style)],
        };
        rows.push([head, parts].concat());
    }
    for text in why.iter().flat_map(|why| wrap(why, room)) {
        rows.push(vec![Span::raw(" ".repeat(WORDS_AT)), span(text, look.muted)]);
    }
    rows
}

/// Wraps without breaking inside `{9, 8, 6, 4} = 6`.
fn unbroken(text: &str, room: usize) -> Vec<String> {
    let mut inside = false;
    // No-break spaces in the text itself are already escaped.
    let text = text::visible(text).replace(" = ", "\u{a0}=\u{a0}");
    let joined = text.chars().map(|letter| {
        inside = (inside || letter == '{') && letter != '}';
        if inside && letter == ' ' { '\u{a0}' } else { letter }
    });
    wrap_raw(&joined.collect::<String>(), room).into_iter().map(|row| row.replace('\u{a0}', " ")).collect()
}

/// Whether the count of repetitions is shown. The same step once at several nodes is not a repetition.
fn is_repeated(line: &NarrationLine) -> bool {
    match &line.occurrence {
        Occurrence::Fact(fact) => matches!(fact.rule(), "N3" | "F5" | "F6" | "F7" | "E1" | "E2" | "L1" | "L2"),
        _ => true,
    }
}
