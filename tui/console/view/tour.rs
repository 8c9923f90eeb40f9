//! The tab of the guided tour: the step, what happens now and where to look, then the evidence as it comes; and its
//! banner. What the presenter says is not on this screen.
//!
//! ```text
//!  DEFENSE 5 OF 19   0.60 of 2.00 points
//!  Test 4: applied only after the commit order
//!  The commit orders to n4 are held back.
//!  ▶ look at: the log of n4
//!    → put t4 1: confirmed e1·o9
//!    ✓ n4 has sent its ack
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use crate::console::keys::Mode;
use crate::console::layout;
use crate::console::layout::search;
use crate::console::model::Model;
use crate::console::text::{center, visible, wrap};
use crate::console::theme::Look;
use crate::console::view::line::{put, row, span};
use crate::console::view::scenario::{EVIDENCE_MAX, Line, Room, below, mark, put_all, style_of};
use crate::console::view::{banner, frame, scenario};
use crate::console::words::tour as words;
use crate::lang::Text;
use crate::scenario::{ItemKind, Points, Run, Verdict, Wait, points_of};

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, run: &Run, look: &Look) {
    if run.end.is_some() {
        return summary(buffer, area, model, run, look);
    }
    let Some(step) = run.step else {
        let text = if run.note.is_empty() { model.say(words::STARTS) } else { run.note.to(model.lang) };
        return put_all(buffer, area, std::iter::once(vec![span(format!(" {text}"), look.muted)]));
    };
    let width = usize::from(area.width);
    let mut lines = head(run, step, width, model, look);
    let room = usize::from(area.height).saturating_sub(lines.len());
    let Shown { lines: shown, begins, sight } = evidence(run, step, width, model, look);
    // The newest evidence stays visible, or the selected one, from the first row of an item on.
    let start = sight.end.saturating_sub(room).min(sight.start);
    let start = begins.into_iter().find(|begin| *begin >= start).unwrap_or(start);
    lines.extend(shown.into_iter().skip(start));
    put_all(buffer, area, lines.into_iter());
    if model.shown().tape.file.is_none() {
        frame::foot_in(buffer, area, model.say(state(run, step, model)), look.strong, look);
    }
}

/// After the end: each step with its verdict.
fn summary(buffer: &mut Buffer, area: Rect, model: &Model, run: &Run, look: &Look) {
    let width = usize::from(area.width);
    let rows = |text: &str| wrap(text, width.saturating_sub(4)).into_iter().enumerate();
    let (reached, all) = run.points();
    let mut first = vec![span(" ", look.base)];
    first.extend(scenario::state(run, model, look));
    first.push(span(format!("   {}", points_of(reached, all, model.lang)), look.strong));
    let mut lines = vec![first];
    if let Some(end) = run.end.as_ref().filter(|end| !end.why.is_empty()) {
        let style = style_of(end.verdict, look);
        lines.extend(rows(end.why.to(model.lang)).map(|(_, text)| vec![span(format!(" {text}"), style)]));
    }
    let mark = |step: usize| match run.verdict_of(step) {
        Some(verdict) => (verdict.mark(), style_of(verdict, look)),
        None => ("·", look.muted),
    };
    if lines.len() + run.steps().count() > usize::from(area.height) {
        let labels = run.steps().filter_map(|step| Some((mark(step).0, run.script.items[step].label()?)));
        let labels = labels.map(|(mark, label)| format!("{mark}{label}")).collect::<Vec<_>>().join("  ");
        lines.extend(rows(&labels).map(|(_, text)| vec![span(format!(" {text}"), look.base)]));
    } else {
        let titles = run.steps().map(|step| (mark(step), title(run, step, model)));
        lines.extend(titles.map(|((mark, style), text)| vec![span(format!(" {mark} "), style), span(text, look.base)]));
    }
    put_all(buffer, area, lines.into_iter());
    frame::foot(buffer, area, model.say(words::AGAIN), look);
}

/// What it waits for, or how to get to its keys.
fn state(run: &Run, step: usize, model: &Model) -> Text {
    match run.waits {
        _ if model.shown().tape.past().is_some() => words::PAST,
        Some(_) if model.mode == Mode::Type => words::TYPED,
        Some(Wait::Ready) => words::READY,
        Some(Wait::Then(_)) => words::THEN,
        Some(Wait::Paused) => words::PAUSED,
        Some(Wait::Done) => match run.verdict_of(step) {
            Some(Verdict::Pass) if run.is_at_question() => words::PASSED_QUESTION,
            Some(Verdict::Pass) if run.next_step().is_none() => words::LAST,
            Some(Verdict::Pass) => words::PASSED,
            _ => words::NOT_PASSED,
        },
        None if model.scenarios.pause_asked => words::PAUSES,
        None => words::RUNS,
    }
}

fn head(run: &Run, step: usize, width: usize, model: &Model, look: &Look) -> Vec<Line> {
    let item = &run.script.items[step];
    let rows = |text: &str| wrap(text, width.saturating_sub(2)).into_iter();
    let mut first = vec![span(format!(" {}", place(run, step, model)), look.accent)];
    let (reached, all) = run.points();
    if all > Points::default() {
        first.push(span(format!("   {}", points_of(reached, all, model.lang)), look.strong));
    }
    let mut lines = vec![first];
    // The banner has the title.
    if !layout::has_tour_banner(model.size) {
        lines.extend(rows(&title(run, step, model)).map(|text| vec![span(format!(" {text}"), look.strong)]));
    }
    if !run.note.is_empty() {
        lines.extend(rows(run.note.to(model.lang)).map(|text| vec![span(format!(" {text}"), look.muted)]));
    }
    let has_begun = run.items_of(step).any(|index| run.results[index].is_some());
    if run.is_at_question() && !has_begun {
        let answer = run.named(&item.notes.answer, model.lang);
        lines.extend(rows(&answer).map(|text| vec![span(format!(" {text}"), look.base)]));
    }
    let now = run.now().map(|now| run.named(now, model.lang)).unwrap_or_default();
    lines.extend(rows(&now).map(|text| vec![span(format!(" {text}"), look.accent)]));
    if let Some(regions) = run.look() {
        let text = words::LOOK.with(model.lang, &[("where", &regions.to(model.lang))]);
        lines.extend(rows(&format!("▶ {text}")).map(|text| vec![span(format!(" {text}"), look.base)]));
    }
    lines
}

fn place(run: &Run, step: usize, model: &Model) -> String {
    match run.place(step) {
        Some((place, all)) => words::STEP.with(model.lang, &[("place", &place), ("all", &all)]),
        None => model.say(words::QUESTION).to_owned(),
    }
}

/// The heading, of a graded line with its label.
fn title(run: &Run, step: usize, model: &Model) -> String {
    let item = &run.script.items[step];
    let text = run.named(&item.words, model.lang);
    match item.label().filter(|_| is_graded(&item.kind)) {
        Some(label) => format!("{label} {text}"),
        None => text,
    }
}

/// Whether it has points. The tests have none.
fn is_graded(kind: &ItemKind) -> bool {
    matches!(kind, ItemKind::Graded { points: Some(_), .. })
}

struct Shown {
    lines: Vec<Line>,
    /// The first row of each item.
    begins: Vec<usize>,
    /// The rows of the selected or newest item.
    sight: std::ops::Range<usize>,
}

/// The items of the step that have begun and that the filter shows.
fn begun(run: &Run, step: usize, model: &Model) -> Vec<usize> {
    let has_begun = |index: &usize| run.shows(*index) || run.now == Some(*index);
    let is_hit = |index: &usize| search::shows(model, || text(run, *index, model));
    run.items_of(step).filter(|index| has_begun(index) && is_hit(index)).collect()
}

/// How many lines the filter shows.
pub fn hits(run: &Run, model: &Model) -> usize {
    let is_line = |index: &usize| !matches!(run.script.items[*index].kind, ItemKind::Then);
    run.step.map_or(0, |step| begun(run, step, model).into_iter().filter(is_line).count())
}

/// The words of an item. The answer of a command replaces its text.
fn text(run: &Run, index: usize, model: &Model) -> String {
    let item = &run.script.items[index];
    let answer = run.results[index].as_ref().map(|done| done.text.to(model.lang)).filter(|text| !text.is_empty());
    match (item.words.is_empty(), answer) {
        (false, _) => run.named(&item.words, model.lang),
        (true, Some(answer)) => answer.to_owned(),
        (true, None) => run.named(&item.line.as_str().into(), model.lang),
    }
}

/// The items of the step that have begun, the selected or newest one with its evidence.
fn evidence(run: &Run, step: usize, width: usize, model: &Model, look: &Look) -> Shown {
    let (mut lines, mut begins, mut sight) = (Vec::new(), Vec::new(), 0..0);
    let begun = begun(run, step, model);
    let selected = model.scenarios.selected.filter(|index| begun.contains(index));
    let newest = begun.iter().rev().find(|index| run.results[**index].is_some()).copied();
    for index in &begun {
        let item = &run.script.items[*index];
        let done = run.results[*index].as_ref();
        if let ItemKind::Then = item.kind {
            continue;
        }
        begins.push(lines.len());
        let text = text(run, *index, model);
        let (symbol, style) = mark(run, *index, matches!(item.kind, ItemKind::Expect(_)), look);
        for (row, text) in wrap(&text, width.saturating_sub(6)).into_iter().enumerate() {
            let lead = if row == 0 { format!("   {symbol} ") } else { "     ".to_owned() };
            let is_selected = selected == Some(*index);
            let text_style = if is_selected { look.base.add_modifier(Modifier::REVERSED) } else { look.base };
            lines.push(vec![span(lead, style), span(text, text_style)]);
        }
        if selected.or(newest) == Some(*index) {
            let most = if selected.is_some() { EVIDENCE_MAX } else { 1 };
            lines.extend(below("", done, &Room { width, most, lang: model.lang }, look));
        }
        if selected.is_none_or(|selected| selected == *index) {
            sight = begins.last().copied().unwrap_or_default()..lines.len();
        }
    }
    Shown { lines, begins, sight }
}

/// Columns of the banner at both sides of large letters. The mark of the step is at the left.
const MARK_COLUMNS: usize = 10;

/// The step in large letters, for an audience.
pub fn banner(buffer: &mut Buffer, area: Rect, model: &Model, run: &Run, look: &Look) {
    let Some(step) = run.step else { return };
    let verdict = run.verdict_of(step);
    let style = verdict.map_or(look.accent, |verdict| style_of(verdict, look));
    let style = style.add_modifier(Modifier::REVERSED | Modifier::BOLD);
    let mark = verdict.map_or("", |verdict| verdict.mark());
    let title = title(run, step, model);
    let width = usize::from(area.width);
    banner::fill(buffer, area, style);
    let Some(middle) = row(area, usize::from(area.height) / 2) else { return };
    if let Some((large, size)) = banner::whole(&visible(&title), width.saturating_sub(MARK_COLUMNS), look.ascii) {
        banner::put_large(buffer, Rect { y: area.y + 1, ..area }.intersection(area), &large, size, style, look.ascii);
        put(buffer, Rect { width: MARK_COLUMNS as u16 / 2, ..middle }, &[span(format!("  {mark}"), style)]);
        return;
    }
    let text = banner::spaced(&visible(format!("{mark} {title}").trim_start()), width);
    put(buffer, middle, &[span(center(&text, width), style)]);
}
