//! The checks: a strip that says of each whether it holds, and a pane with all of them and the evidence of what does not.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::console::model::Model;
use crate::console::text::wrapped;
use crate::console::theme::Look;
use crate::console::view::line::{put, row, span};
use crate::console::words::{Text, text};
use crate::tape::{LINEARIZABLE, Linearizable, Verdict, check_names, evidence_lines};

const CHECKS: Text = text("CHECKS", "VERIFICAÇÕES");
const LEFT_OUT: Text = text("{count} events were too many to check", "{count} eventos demais para verificar");
const LAGGING: Text = text("{count} events behind", "{count} eventos atrás");
const EVENTS: Text = text("{count} events checked", "{count} eventos verificados");
const NOTHING: Text = text(" nothing has been checked yet", " nada foi verificado ainda");
const PLACED: Text = text("{count} operations have an order", "{count} operações têm uma ordem");

/// So many events later the checks lag.
const LAG: u64 = 5_000;

/// What the strip calls the invariants, several under one name.
const GROUPS: &[(Text, &[&str])] = &[
    (text("one leader", "um líder"), &["one leader per epoch", "the promise covers the log"]),
    (text("log matching", "logs iguais"), &["log matching", "leader append-only", "offsets without gaps"]),
    (
        text("on a quorum", "em quórum"),
        &[
            "committed is on a quorum",
            "only voters count",
            "one change of members at a time",
            "the last list of the log counts",
        ],
    ),
    (
        text("committed stays", "confirmado fica"),
        &["committed never changes", "acked is durable", "leader completeness"],
    ),
    (
        text("final data", "dados finais"),
        &[
            "final data is equal at equal applied positions",
            "only committed data is readable",
            "applied ≤ committed ≤ last",
            "given up ≤ snapshot ≤ applied",
        ],
    ),
];
const LINEARIZABLE_SHORT: Text = text("linearizable", "linearizável");

/// Where there is one line only, the tape has it unless something is wrong.
pub fn is_there(model: &Model) -> bool {
    let is_broken = model.checks.as_ref().is_some_and(|verdict| !verdict.findings.is_empty());
    model.checks.is_some() && (model.size.1 >= 30 || is_broken)
}

pub fn pane_is_there(model: &Model) -> bool {
    model.pane == crate::console::model::Pane::Checks
}

/// The strip in this width.
pub fn line(model: &Model, columns: usize, look: &Look) -> Vec<Span<'static>> {
    let Some(verdict) = &model.checks else { return Vec::new() };
    let mut parts = vec![span(format!(" {} ", model.say(CHECKS)), look.muted)];
    if let Some(finding) = verdict.findings.first() {
        let name = model.lang.answer(finding.violation.invariant);
        let text = format!(" ✗ {name}: {} ", finding.violation.text.replace('\n', " "));
        parts.push(span(text, look.alarm));
        parts.push(span("  > checks", look.muted));
        return parts;
    }
    if columns >= 100 {
        for (name, _) in GROUPS {
            parts.push(span("✓ ", look.committed));
            parts.push(span(format!("{}  ", model.say(*name)), look.base));
        }
    }
    let (mark, style, count) = match &verdict.linearizable {
        Linearizable::Yes(placed) => ("✓ ", look.committed, format!(" ({placed})  ")),
        Linearizable::No(_) => ("✗ ", look.alarm, "  ".to_owned()),
        Linearizable::Unknown(_) => ("? ", look.muted, "  ".to_owned()),
    };
    parts.push(span(mark, style));
    parts.push(span(format!("{}{count}", model.say(LINEARIZABLE_SHORT)), look.base));
    let all = check_names().len();
    let held = all - usize::from(!matches!(verdict.linearizable, Linearizable::Yes(_)));
    parts.push(span(format!("{held}/{all}"), look.strong));
    parts.extend(lag(model, verdict).map(|text| span(format!("  {text}"), look.warning)));
    parts
}

/// Whether the checks have not seen all, and why.
fn lag(model: &Model, verdict: &Verdict) -> Option<String> {
    let behind = model.tape.ring.end().saturating_sub(verdict.records + verdict.left_out);
    match (verdict.left_out, behind) {
        (_, LAG..) => Some(LAGGING.with(model.lang, &[("count", &behind)])),
        (1.., _) => Some(LEFT_OUT.with(model.lang, &[("count", &verdict.left_out)])),
        _ => None,
    }
}

/// All checks, and what they have found.
pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) {
    let lines = lines(model, usize::from(area.width), look);
    for (index, line) in lines.into_iter().skip(model.scrolled).enumerate() {
        let Some(row) = row(area, index) else { return };
        put(buffer, row, &line);
    }
}

pub fn rows(model: &Model) -> usize {
    lines(
        model,
        usize::from(model.size.0),
        &Look::new(crate::console::Theme::Dark, crate::console::theme::Depth::None, false),
    )
    .len()
}

fn lines(model: &Model, columns: usize, look: &Look) -> Vec<Vec<Span<'static>>> {
    let Some(verdict) = &model.checks else { return vec![vec![span(model.say(NOTHING), look.muted)]] };
    let mut lines = Vec::new();
    for finding in &verdict.findings {
        let get = |number| model.tape.ring.get(number).map(|record| &**record);
        let texts = evidence_lines(finding, model.tape.ring.start(), get);
        for text in texts.iter().flat_map(|text| text.lines()).flat_map(|text| wrapped(text, columns.saturating_sub(2)))
        {
            lines.push(vec![span(format!(" {text}"), look.bad)]);
        }
    }
    for name in check_names() {
        let is_broken = verdict.findings.iter().any(|finding| finding.violation.invariant == name);
        let (mark, style) = if is_broken { ("✗", look.bad) } else { ("✓", look.committed) };
        let (mark, style, more) = match &verdict.linearizable {
            Linearizable::Yes(placed) if name == LINEARIZABLE => {
                (mark, style, PLACED.with(model.lang, &[("count", placed)]))
            }
            Linearizable::Unknown(why) if name == LINEARIZABLE => ("?", look.muted, why.clone()),
            _ => (mark, style, String::new()),
        };
        lines.push(vec![
            span(format!(" {mark} "), style),
            span(model.lang.answer(name), look.base),
            span(format!("  {more}"), look.muted),
        ]);
    }
    let events = EVENTS.with(model.lang, &[("count", &verdict.events)]);
    let lag = lag(model, verdict).map(|lag| format!("; {lag}")).unwrap_or_default();
    lines.push(vec![span(format!("   {events}{lag}"), look.muted)]);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_invariant_has_its_place_in_the_strip() {
        let grouped: Vec<_> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        let names: Vec<_> = check_names().into_iter().filter(|name| *name != LINEARIZABLE).collect();
        assert!(names.iter().all(|name| grouped.contains(name)), "{names:?}");
        assert_eq!(grouped.len(), names.len());
    }
}
