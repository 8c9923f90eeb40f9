//! The scenario tab: the steps with their results, and the explanation and evidence of the focused step.
//!
//! ```text
//!  4 of 11   leader=n1 a=n2 b=n3 c=n4
//!  A conflicting entry, found by its digest and repaired
//!   The next write meets it
//!   ✓ the replica truncates from the conflict on
//!       what is committed lies before it and is never truncated
//!       n2 event 10 · C3 Truncated from=e1·o2 …
//!   ▸ it reports its log state to the leader
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::Span;

use crate::console::layout::search;
use crate::console::model::Model;
use crate::console::text::{width as columns, wrap};
use crate::console::theme::Look;
use crate::console::view::line::{put, row, span, width as line_width};
use crate::console::view::{frame, tour};
use crate::console::words::{scenario as words, tour as tour_words};
use crate::lang::{Lang, decimal};
use crate::scenario::{ItemKind, ItemResult, Run, Verdict, Wait, evidence_text, is_heading};

/// Pieces of evidence below a selected step, and below the newest one.
pub(super) const EVIDENCE_MAX: usize = 6;
const EVIDENCE_NEWEST: usize = 1;

pub(super) type Line = Vec<Span<'static>>;

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) {
    let scenarios = &model.scenarios;
    let run = model.run_shown();
    let Some(run) = run.as_deref() else {
        let text = match &scenarios.requested {
            Some(name) => words::STARTS.with(model.lang, &[("name", name)]),
            None => model.say(words::NONE_YET).to_owned(),
        };
        let rows = wrap(&text, usize::from(area.width).saturating_sub(2)).into_iter();
        return put_all(buffer, area, rows.map(|text| vec![span(format!(" {text}"), look.muted)]));
    };
    if run.script.is_tour {
        return tour::draw(buffer, area, model, run, look);
    }
    let width = usize::from(area.width);
    let mut head: Vec<Line> = title(run, model, width, look);
    head.extend(verdict(run, model, width, look));
    let room = usize::from(area.height).saturating_sub(head.len());
    let Steps { lines, begins, sight } = steps(run, model, width, look);
    // The focused step, the steps before it and its evidence stay visible. The first visible step starts with its first
    // row.
    let start = sight.end.saturating_sub(room).min(sight.start).min(lines.len().saturating_sub(room));
    let start = begins.into_iter().find(|line| *line >= start).map_or(start, |line| line.min(sight.start));
    put_all(buffer, area, head.into_iter().chain(lines.into_iter().skip(start)));
    let foot = match run.waits {
        Some(Wait::Paused) if model.is_paced() => tour_words::PAUSED,
        None if run.end.is_none() && model.is_paced() && model.scenarios.pause_asked => tour_words::PAUSES,
        None if run.end.is_some() && model.shown().is_scenario_cluster => words::ESC_GOES_BACK,
        _ => words::EVIDENCE_HINT,
    };
    frame::foot(buffer, area, model.say(foot), look);
}

/// The title with the progress or the verdict, and all steps.
pub fn lines(run: &Run, model: &Model, width: usize, look: &Look) -> Vec<Line> {
    [title(run, model, width, look), steps(run, model, width, look).lines].concat()
}

pub(super) fn put_all(buffer: &mut Buffer, area: Rect, lines: impl Iterator<Item = Line>) {
    for (index, line) in lines.enumerate() {
        let Some(row) = row(area, index) else { return };
        put(buffer, row, &line);
    }
}

fn title(run: &Run, model: &Model, width: usize, look: &Look) -> Vec<Line> {
    let mut first = vec![Span::raw(" ")];
    first.extend(state(run, model, look));
    let names = run.names.iter().map(|(name, node)| format!("{name}={node}")).collect::<Vec<_>>().join(" ");
    let mut rows = vec![first];
    let room = width.saturating_sub(line_width(&rows[0]) + 4);
    // Names that do not fit in the first row have rows of their own.
    if columns(&names) <= room {
        rows[0].push(span(format!("   {names}"), look.muted));
    } else {
        let names = wrap(&names, width.saturating_sub(2)).into_iter();
        rows.extend(names.map(|text| vec![span(format!(" {text}"), look.muted)]));
    }
    let title = wrap(run.script.title.to(model.lang), width.saturating_sub(2)).into_iter();
    let title = title.map(|text| vec![span(format!(" {text}"), look.strong)]);
    rows.into_iter().chain(title).collect()
}

/// Progress or verdict.
pub(super) fn state(run: &Run, model: &Model, look: &Look) -> Line {
    let (ticked, all) = run.ticked();
    let Some(end) = &run.end else {
        return vec![span(words::UNDER_WAY.with(model.lang, &[("ticked", &ticked), ("all", &all)]), look.accent)];
    };
    let seconds = decimal(end.took.as_secs_f64(), 1).to(model.lang).to_owned();
    let verdict = if end.is_stopped { model.say(words::STOPPED) } else { end.verdict.word(model.lang) };
    let places: [(&str, &dyn std::fmt::Display); 4] =
        [("verdict", &verdict), ("ticked", &ticked), ("all", &all), ("seconds", &seconds)];
    vec![span(words::ENDED.with(model.lang, &places), style_of(end.verdict, look).add_modifier(Modifier::BOLD))]
}

/// The reason of a failure; else the current remark, or at the start the description.
fn verdict(run: &Run, model: &Model, width: usize, look: &Look) -> Vec<Line> {
    let (text, style) = match &run.end {
        Some(end) if !end.why.is_empty() => (end.why.to(model.lang), style_of(end.verdict, look)),
        _ if !run.note.is_empty() => (run.note.to(model.lang), look.muted),
        None if run.results.iter().flatten().count() < 2 => (run.script.about.to(model.lang), look.muted),
        _ => return Vec::new(),
    };
    wrap(text, width.saturating_sub(2)).into_iter().map(|text| vec![span(format!(" {text}"), style)]).collect()
}

/// All steps as lines.
struct Steps {
    lines: Vec<Line>,
    /// First line of each step.
    begins: Vec<usize>,
    /// Lines of the focused step.
    sight: std::ops::Range<usize>,
}

fn steps(run: &Run, model: &Model, width: usize, look: &Look) -> Steps {
    let in_sight = model.scenarios.focused(run);
    let (mut lines, mut begins) = (Vec::new(), Vec::new());
    let mut sight = 0..0;
    for (index, item) in run.script.items.iter().enumerate() {
        let start = lines.len();
        begins.push(start);
        let words = item.words.to(model.lang);
        if !search::shows(model, || words.to_owned()) {
            continue;
        }
        let done = run.results[index].as_ref();
        let is_selected = model.scenarios.selected == Some(index);
        if is_heading(&item.kind) {
            lines.push(vec![span(format!(" {words}"), look.strong)]);
        } else {
            // The answer of a command replaces its text.
            let answer = done.map(|done| done.text.to(model.lang)).filter(|text| !text.is_empty());
            let text = if words.is_empty() { answer.unwrap_or(&item.line) } else { words };
            let (mark, style) = mark(run, index, matches!(item.kind, ItemKind::Expect(_)), look);
            let text_style = if is_selected { look.base.add_modifier(Modifier::REVERSED) } else { look.base };
            for (row, text) in wrap(text, width.saturating_sub(6)).into_iter().enumerate() {
                let lead = if row == 0 { format!("   {mark} ") } else { "     ".to_owned() };
                lines.push(vec![span(lead, style), span(text, text_style)]);
            }
        }
        if in_sight == Some(index) {
            let most = if is_selected { EVIDENCE_MAX } else { EVIDENCE_NEWEST };
            lines.extend(below(item.why.to(model.lang), done, &Room { width, most, lang: model.lang }, look));
            sight = start..lines.len();
        }
    }
    Steps { lines, begins, sight }
}

pub(super) struct Room {
    pub width: usize,
    /// Pieces of evidence.
    pub most: usize,
    pub lang: Lang,
}

/// The explanation, and the evidence or the reason of a failure.
pub(super) fn below(why: &str, done: Option<&ItemResult>, room: &Room, look: &Look) -> Vec<Line> {
    let mut texts: Vec<(String, Style)> = Vec::new();
    if !why.is_empty() {
        texts.push((why.to_owned(), look.accent));
    }
    if let Some(done) = done {
        if done.verdict != Verdict::Pass {
            texts.push((done.text.to(room.lang).to_owned(), look.bad));
        }
        let evidence = done.evidence.iter().take(room.most);
        texts.extend(evidence.map(|evidence| (evidence_text(evidence, room.lang), look.muted)));
        if done.evidence.len() > room.most {
            texts.push((format!("+ {}", done.evidence.len() - room.most), look.muted));
        }
    }
    let rows = texts.into_iter().flat_map(|(text, style)| {
        let rows = wrap(&text, room.width.saturating_sub(8)).into_iter();
        rows.take(3).map(move |text| vec![span(format!("       {text}"), style)]).collect::<Vec<_>>()
    });
    rows.collect()
}

/// Marks differ in shape, also without colours.
pub(super) fn mark(run: &Run, index: usize, is_expectation: bool, look: &Look) -> (&'static str, Style) {
    if run.now == Some(index) {
        return ("▸", look.accent);
    }
    match run.results[index].as_ref().map(|done| done.verdict) {
        None => ("·", look.muted),
        Some(Verdict::Pass) if !is_expectation => ("→", look.muted),
        Some(verdict) => (verdict.mark(), style_of(verdict, look)),
    }
}

pub(super) fn style_of(verdict: Verdict, look: &Look) -> Style {
    match verdict {
        Verdict::Pass => look.committed,
        Verdict::Unknown => look.intermediate,
        Verdict::Fail => look.bad,
    }
}
