//! The assignment's sheet: graded items with points and verdicts, the total, and the evidence of the selected item.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use crate::console::layout::search;
use crate::console::model::Model;
use crate::console::text::wrap;
use crate::console::theme::Look;
use crate::console::view::frame;
use crate::console::view::line::span;
use crate::console::view::scenario::{put_all, state, style_of};
use crate::console::words::scenario as words;
use crate::scenario::{ItemKind, Points, Run, evidence_text, points_of, points_text};

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) {
    let width = usize::from(area.width);
    let run = model.sheet_shown();
    let Some(run) = run.as_deref() else {
        let rows = wrap(model.say(words::NO_SHEET), width.saturating_sub(2)).into_iter();
        return put_all(buffer, area, rows.map(|text| vec![span(format!(" {text}"), look.muted)]));
    };
    let mut head = vec![span(" ", look.base)];
    head.extend(state(run, model, look));
    let (reached, all) = run.points();
    if all > Points::default() {
        head.push(span(format!("   {}", points_of(reached, all, model.lang)), look.strong));
    }
    head.push(span(format!("   {}", run.script.title.to(model.lang)), look.strong));
    let current = run.now.or_else(|| run.results.iter().rposition(Option::is_some));
    let under_way = run.headings().take_while(|heading| current.is_some_and(|item| *heading < item)).count();
    // After the end the sheet is shown from its top.
    let running = run.end.is_none().then_some(under_way.saturating_sub(1));
    let in_sight = model.scenarios.selected_line.or(running);
    let mut lines = Vec::new();
    let mut sight = 0..0;
    for (index, heading) in run.headings().enumerate() {
        if !search::shows(model, || run.script.items[heading].words.to(model.lang).to_owned()) {
            continue;
        }
        let start = lines.len();
        lines.extend(graded(
            run,
            heading,
            model,
            Shown { width, is_selected: model.scenarios.selected_line == Some(index) },
            look,
        ));
        if in_sight == Some(index) {
            lines.extend(evidence(run, heading, width, model, look));
            sight = start..lines.len();
        }
    }
    let room = usize::from(area.height).saturating_sub(1);
    let start = sight.end.saturating_sub(room).min(sight.start).min(lines.len().saturating_sub(room));
    put_all(buffer, area, std::iter::once(head).chain(lines.into_iter().skip(start)));
    frame::foot(buffer, area, model.say(words::EVIDENCE_HINT), look);
}

struct Shown {
    width: usize,
    is_selected: bool,
}

type Line = Vec<ratatui::text::Span<'static>>;

fn graded(run: &Run, heading: usize, model: &Model, shown: Shown, look: &Look) -> Vec<Line> {
    let item = &run.script.items[heading];
    let is_now = run.now.is_some_and(|now| run.items_of(heading).contains(&now));
    let (mark, style) = match run.verdict_of(heading) {
        Some(verdict) => (verdict.mark(), style_of(verdict, look)),
        None if is_now => ("▸", look.accent),
        None => ("·", look.muted),
    };
    let points = match item.kind {
        ItemKind::Graded { points: Some(points), .. } => format!("  ({})", points_text(points, model.lang)),
        _ => String::new(),
    };
    let label = match &item.kind {
        ItemKind::Graded { label: Some(label), .. } => format!("{label} "),
        _ => String::new(),
    };
    let text_style = if shown.is_selected { look.base.add_modifier(Modifier::REVERSED) } else { look.base };
    let text = format!("{label}{}{points}", item.words.to(model.lang));
    let rows = wrap(&text, shown.width.saturating_sub(4)).into_iter().enumerate();
    let line = |(row, text): (usize, String)| {
        let lead = if row == 0 { format!(" {mark} ") } else { "   ".to_owned() };
        vec![span(lead, style), span(text, text_style)]
    };
    rows.map(line).collect()
}

/// A row for each step of the item and its first piece of evidence.
fn evidence(run: &Run, heading: usize, width: usize, model: &Model, look: &Look) -> Vec<Line> {
    let mut lines = Vec::new();
    for index in run.items_of(heading) {
        let item = &run.script.items[index];
        let (ItemKind::Expect(_), Some(done)) = (&item.kind, &run.results[index]) else { continue };
        let style = style_of(done.verdict, look);
        let text = item.words.to(model.lang);
        for (row, text) in wrap(text, width.saturating_sub(8)).into_iter().enumerate() {
            let lead = if row == 0 { format!("     {} ", done.verdict.mark()) } else { "       ".to_owned() };
            lines.push(vec![span(lead, style), span(text, look.base)]);
        }
        let said = done.evidence.first();
        let said =
            said.map_or_else(|| done.text.to(model.lang).to_owned(), |evidence| evidence_text(evidence, model.lang));
        let said = wrap(&said, width.saturating_sub(10)).into_iter().take(2);
        lines.extend(said.map(|text| vec![span(format!("         {text}"), look.muted)]));
    }
    lines
}
