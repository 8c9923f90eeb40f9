//! The checks: a strip that says of each whether it holds, and a pane with all of them and the evidence of what does
//! not.

use epoca::protocol::trace::NodeState;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::console::model::Model;
use crate::console::text::wrapped;
use crate::console::theme::Look;
use crate::console::view::line::{put, row, span};
use crate::console::words::{Text, text};
use crate::tape::{Finding, LINEARIZABLE, Linearizable, Verdict, check_names, evidence_lines};

const CHECKS: Text = text("CHECKS", "VERIFICAÇÕES");
const LEFT_OUT: Text = text("{count} events were too many to check", "{count} eventos demais para verificar");
const LAGGING: Text = text("{count} events behind", "{count} eventos atrás");
const EVENTS: Text = text("{count} events checked", "{count} eventos verificados");
const EVENTS_IN_ALL: Text =
    text("{count} events checked, also later ones", "{count} eventos verificados, também posteriores");
const NOTHING: Text = text(" nothing has been checked yet", " nada foi verificado ainda");
const PLACED: Text = text("{count} operations have an order", "{count} operações têm uma ordem");

/// So many events later the checks lag.
const LAG: u64 = 5_000;

/// What the strip calls several invariants, and whether there is something that they could be broken by, as far as the
/// nodes have told at the moment that is shown.
struct Group {
    name: Text,
    invariants: &'static [&'static str],
    has_subject: fn(&Model) -> bool,
    /// What is said instead of a tick where there is nothing.
    nothing: Text,
}

const GROUPS: &[Group] = &[
    Group {
        name: text("one leader", "um líder"),
        invariants: &["one leader per epoch", "the promise covers the log"],
        has_subject: |model| model.leader().is_some(),
        nothing: text("nobody leads now", "ninguém lidera agora"),
    },
    Group {
        name: text("log matching", "logs iguais"),
        invariants: &["log matching", "leader append-only", "offsets without gaps"],
        has_subject: |model| some(model, 2, |state| !state.tail.is_empty()),
        nothing: NOTHING_YET,
    },
    Group {
        name: text("on a quorum", "em quórum"),
        invariants: &[
            "committed is on a quorum",
            "only voters count",
            "one change of members at a time",
            "the last list of the log counts",
        ],
        has_subject: |model| some(model, 1, |state| state.committed.is_some()),
        nothing: NOTHING_YET,
    },
    Group {
        name: text("committed stays", "efetivado fica"),
        invariants: &["committed never changes", "acked is durable", "leader completeness"],
        has_subject: |model| some(model, 1, |state| state.committed.is_some()),
        nothing: NOTHING_YET,
    },
    Group {
        name: text("final data", "dados finais"),
        invariants: &[
            "final data is equal at equal applied positions",
            "only committed data is readable",
            "applied ≤ committed ≤ last",
            "given up ≤ snapshot ≤ applied",
        ],
        has_subject: |model| some(model, 1, |state| state.applied.is_some()),
        nothing: NOTHING_YET,
    },
];
const NOTHING_YET: Text = text("nothing to check yet", "nada a verificar ainda");

fn some(model: &Model, least: usize, has: fn(&NodeState) -> bool) -> bool {
    model.nodes.values().filter(|node| has(&node.state)).nth(least - 1).is_some()
}

/// How one of the checks stands at the moment that is shown.
enum Standing {
    Holds(String),
    Broken,
    /// There is nothing to check, or it cannot be said.
    Open(String),
}

impl Standing {
    fn mark(&self, look: &Look) -> (&'static str, Style) {
        match self {
            Standing::Holds(_) => ("✓", look.committed),
            Standing::Broken => ("✗", look.bad),
            Standing::Open(_) => ("–", look.muted),
        }
    }
}

/// What was found up to the moment that is shown.
pub(super) fn found(model: &Model) -> impl Iterator<Item = &Finding> {
    let at = model.tape.at();
    let findings = model.checks.iter().flat_map(|verdict| &verdict.findings);
    let places = model.tape.found_at.iter().copied().chain(std::iter::repeat(0));
    findings.zip(places).filter(move |(_, place)| *place <= at).map(|(finding, _)| finding)
}

fn standing(model: &Model, verdict: &Verdict, name: &str) -> Standing {
    if found(model).any(|finding| finding.violation.invariant == name) {
        return Standing::Broken;
    }
    if name == LINEARIZABLE {
        return order(model, verdict);
    }
    match GROUPS.iter().find(|group| group.invariants.contains(&name)) {
        Some(group) if !(group.has_subject)(model) => Standing::Open(model.say(group.nothing).to_owned()),
        _ => Standing::Holds(String::new()),
    }
}

/// Any beginning of a history that has an order has one, too: of its operations as many count as had ended.
fn order(model: &Model, verdict: &Verdict) -> Standing {
    let judged = model.operations.judged();
    match (&verdict.linearizable, judged) {
        (_, 0) => Standing::Open(model.say(NOTHING_YET).to_owned()),
        (Linearizable::Unknown(why), _) => Standing::Open(why.to(model.lang).to_owned()),
        (Linearizable::Yes(0), _) => Standing::Open(model.say(NOTHING_YET).to_owned()),
        (Linearizable::Yes(placed), _) => Standing::Holds(judged.min(*placed).to_string()),
        (Linearizable::No(_), _) => Standing::Holds(judged.to_string()),
    }
}

const LINEARIZABLE_SHORT: Text = text("linearizable", "linearizável");

/// Where there is one line only, the tape has it unless something is wrong.
pub fn is_there(model: &Model) -> bool {
    let is_broken = found(model).next().is_some();
    model.checks.is_some() && (model.size.1 >= 30 || is_broken)
}

pub fn pane_is_there(model: &Model) -> bool {
    model.pane == crate::console::model::Pane::Checks
}

/// The strip in this width.
pub fn line(model: &Model, columns: usize, look: &Look) -> Vec<Span<'static>> {
    let Some(verdict) = &model.checks else { return Vec::new() };
    let mut parts = vec![span(format!(" {} ", model.say(CHECKS)), look.muted)];
    if let Some(finding) = found(model).next() {
        let name = model.lang.answer(finding.violation.invariant);
        let text = format!(" ✗ {name}: {} ", finding.violation.text.replace('\n', " "));
        parts.push(span(text, look.alarm));
        parts.push(span("  > checks", look.muted));
        return parts;
    }
    if columns >= 100 {
        for group in GROUPS {
            let (mark, style) = standing(model, verdict, group.invariants[0]).mark(look);
            parts.push(span(format!("{mark} "), style));
            parts.push(span(format!("{}  ", model.say(group.name)), look.base));
        }
    }
    let order = standing(model, verdict, LINEARIZABLE);
    let (mark, style) = order.mark(look);
    let count = if let Standing::Holds(placed) = order { format!(" ({placed})  ") } else { "  ".to_owned() };
    parts.push(span(format!("{mark} "), style));
    parts.push(span(format!("{}{count}", model.say(LINEARIZABLE_SHORT)), look.base));
    let all = check_names();
    let holds = |name: &&&str| matches!(standing(model, verdict, name), Standing::Holds(_));
    parts.push(span(format!("{}/{}", all.iter().filter(holds).count(), all.len()), look.strong));
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
    for finding in found(model) {
        let get = |number| model.tape.ring.get(number).map(|record| &**record);
        let texts = evidence_lines(finding, model.tape.ring.start(), get);
        for text in texts.iter().flat_map(|text| text.lines()).flat_map(|text| wrapped(text, columns.saturating_sub(2)))
        {
            lines.push(vec![span(format!(" {text}"), look.bad)]);
        }
    }
    for name in check_names() {
        let standing = standing(model, verdict, name);
        let (mark, style) = standing.mark(look);
        let more = match &standing {
            Standing::Holds(placed) if !placed.is_empty() => PLACED.with(model.lang, &[("count", placed)]),
            Standing::Open(why) => model.lang.reason(why),
            Standing::Holds(_) | Standing::Broken => String::new(),
        };
        lines.push(vec![
            span(format!(" {mark} "), style),
            span(model.lang.answer(name), look.base),
            span(format!("  {more}"), look.muted),
        ]);
    }
    let events = if model.tape.past().is_some() { EVENTS_IN_ALL } else { EVENTS };
    let events = events.with(model.lang, &[("count", &verdict.events)]);
    let lag = lag(model, verdict).map(|lag| format!("; {lag}")).unwrap_or_default();
    lines.push(vec![span(format!("   {events}{lag}"), look.muted)]);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_invariant_has_its_place_in_the_strip() {
        let grouped: Vec<_> = GROUPS.iter().flat_map(|group| group.invariants.iter().copied()).collect();
        let names: Vec<_> = check_names().into_iter().filter(|name| *name != LINEARIZABLE).collect();
        assert!(names.iter().all(|name| grouped.contains(name)), "{names:?}");
        assert_eq!(grouped.len(), names.len());
    }
}
