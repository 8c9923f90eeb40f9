//! The checks: a strip with the state of each group, and a tab with all checks and the evidence of violations.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::console::layout::checks;
use crate::console::model::{CheckGroup, CheckState, Model};
use crate::console::theme::Look;
use crate::console::view::line::{put, row, span};
use crate::console::view::search;
use crate::console::words::checks as words;
use crate::tape::{LINEARIZABLE, Verdict, check_names};
use crate::words::invariant;

/// The strip reports a lag of this many events.
const LAG: u64 = 5_000;

/// From this width on, the strip names all groups.
const WIDE: usize = 100;

fn mark(state: &CheckState, look: &Look) -> (&'static str, Style) {
    match state {
        CheckState::Holds | CheckState::Ordered(_) => ("✓", look.committed),
        CheckState::Broken => ("✗", look.bad),
        CheckState::Inconclusive(_) => ("–", look.muted),
    }
}

/// The strip.
pub fn strip(model: &Model, columns: usize, look: &Look) -> Vec<Span<'static>> {
    let Some(verdict) = &model.checks else { return Vec::new() };
    let mut parts = vec![span(format!(" {} ", model.say(words::CHECKS)), look.muted)];
    if let Some(finding) = model.findings().next() {
        let name = invariant(model.lang, finding.violation.invariant);
        let text = format!(" ✗ {name}: {} ", finding.violation.text.replace('\n', " "));
        parts.push(span(text, look.alarm));
        parts.push(span("  > checks", look.muted));
        return parts;
    }
    if columns >= WIDE {
        for group in CheckGroup::ALL {
            let (mark, style) = mark(&model.check(group.invariants()[0]), look);
            parts.push(span(format!("{mark} "), style));
            parts.push(span(format!("{}  ", model.say(words::group(group))), look.base));
        }
    }
    let order = model.check(LINEARIZABLE);
    let (mark, style) = mark(&order, look);
    let count = if let CheckState::Ordered(placed) = order { format!(" ({placed})  ") } else { "  ".to_owned() };
    parts.push(span(format!("{mark} "), style));
    parts.push(span(format!("{}{count}", model.say(words::LINEARIZABLE)), look.base));
    let all = check_names();
    let holds = |name: &&&str| matches!(model.check(name), CheckState::Holds | CheckState::Ordered(_));
    parts.push(span(format!("{}/{}", all.iter().filter(holds).count(), all.len()), look.strong));
    parts.extend(lag(model, verdict).map(|text| span(format!("  {text}"), look.warning)));
    parts
}

/// `checks ✓ 12/14`, for screens without a strip.
pub fn short(model: &Model, look: &Look) -> Vec<Span<'static>> {
    if model.checks.is_none() {
        return Vec::new();
    }
    let all = check_names();
    let holds = |name: &&&str| matches!(model.check(name), CheckState::Holds | CheckState::Ordered(_));
    let (mark, style) = if model.findings().next().is_some() { ("✗", look.alarm) } else { ("✓", look.committed) };
    let count = format!(" {}/{} ", all.iter().filter(holds).count(), all.len());
    vec![span(model.say(words::CHECKS), look.muted), span(format!(" {mark}"), style), span(count, look.base)]
}

/// Why the checks have not covered all events; `None` if they have.
fn lag(model: &Model, verdict: &Verdict) -> Option<String> {
    let behind = model.tape.ring.end().saturating_sub(verdict.records + verdict.left_out);
    match (verdict.left_out, behind) {
        (_, LAG..) => Some(words::LAGGING.with(model.lang, &[("count", &behind)])),
        (1.., _) => Some(words::LEFT_OUT.with(model.lang, &[("count", &verdict.left_out)])),
        _ => None,
    }
}

/// The tab.
pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) {
    let lines = lines(model, usize::from(area.width), look).into_iter().filter(|line| search::shows(model, line));
    for (index, line) in lines.skip(model.scrolled).enumerate() {
        let Some(row) = row(area, index) else { return };
        put(buffer, row, &line);
    }
}

/// How many lines the filter shows.
pub fn shown(model: &Model, look: &Look) -> usize {
    lines(model, usize::from(model.size.0), look).iter().filter(|line| search::shows(model, line)).count()
}

/// The evidence of violations, then one line for each check, then how many events were checked.
pub fn lines(model: &Model, columns: usize, look: &Look) -> Vec<Vec<Span<'static>>> {
    let Some(verdict) = &model.checks else { return vec![vec![span(model.say(words::NOTHING), look.muted)]] };
    let evidence = checks::evidence(model, columns).into_iter();
    let mut lines: Vec<_> = evidence.map(|text| vec![span(format!(" {text}"), look.bad)]).collect();
    for name in check_names() {
        let state = model.check(name);
        let (mark, style) = mark(&state, look);
        let more = match &state {
            CheckState::Ordered(placed) => model.lang.placed(*placed),
            CheckState::Inconclusive(why) => model.lang.inconclusive(why),
            CheckState::Holds | CheckState::Broken => String::new(),
        };
        lines.push(vec![
            span(format!(" {mark} "), style),
            span(invariant(model.lang, name), look.base),
            span(format!("  {more}"), look.muted),
        ]);
    }
    let events = if model.tape.past().is_some() { words::EVENTS_IN_ALL } else { words::EVENTS };
    let events = events.with(model.lang, &[("count", &verdict.events)]);
    let lag = lag(model, verdict).map(|lag| format!("; {lag}")).unwrap_or_default();
    lines.push(vec![span(format!("   {events}{lag}"), look.muted)]);
    lines
}
