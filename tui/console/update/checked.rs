//! Handles reports of the checks. A violation stops the tape at the event that shows it.

use epoca::client::watch::Observed;
use epoca::verify::invariants::Source;

use crate::console::layout::tabs;
use crate::console::model::tape::TapeMarkKind;
use crate::console::model::{Model, Pane};
use crate::console::update::{recording, tape};
use crate::console::words::tape as words;
use crate::tape::{Finding, Mark, MarkKind, Verdict, What};
use crate::words::invariant;

/// Takes a report. Redraws only if the visible content changed.
pub fn on_checked(model: &mut Model, verdict: Verdict) {
    let known = model.checks.as_ref().map_or(0, |checks| checks.findings.len());
    let is_seen = model.checks.as_ref().is_none_or(|checks| {
        (checks.findings.len(), &checks.linearizable, checks.left_out)
            != (verdict.findings.len(), &verdict.linearizable, verdict.left_out)
    });
    let found: Vec<Finding> = verdict.findings.iter().skip(known).cloned().collect();
    model.checks = Some(verdict);
    if is_seen || tabs::shown(model) == Pane::Checks {
        model.changed();
    }
    for (index, finding) in found.iter().enumerate() {
        mark_violation(model, finding, known + index == 0);
    }
}

/// Marks the event. The first violation also stops the tape there.
fn mark_violation(model: &mut Model, finding: &Finding, is_first: bool) {
    let at = place(model, finding);
    model.tape.violations_at.push(at);
    let violation = &finding.violation;
    if model.tape.file.is_none() {
        let text = format!("{}: {}", violation.invariant, violation.text);
        let mark = Mark { kind: MarkKind::Violation, text, evidence: violation.evidence.clone() };
        recording::keyframe(model);
        recording::record(model, What::Mark(mark));
    }
    model.tape.mark_at(at, TapeMarkKind::Marked(MarkKind::Violation));
    if is_first && model.tape.file.is_none() {
        tape::show(model, at);
    }
    if is_first {
        let name = invariant(model.lang, violation.invariant);
        let violated = if model.tape.file.is_none() { words::VIOLATED } else { words::VIOLATED_THERE };
        let text = violated.with(model.lang, &[("name", &name)]);
        model.warn(text);
    }
    model.changed();
}

/// The position after the last event of the evidence.
fn place(model: &Model, finding: &Finding) -> u64 {
    let end = finding.records.min(model.tape.ring.end());
    let shows = |source: &Source| {
        (model.tape.ring.start()..end).rev().find(|number| {
            let record = model.tape.ring.get(*number);
            let Some(What::Observed(node, Observed::Events(events))) = record.map(|record| &record.what) else {
                return false;
            };
            *node == source.node && events.iter().any(|event| event.number == source.number)
        })
    };
    finding.violation.evidence.iter().filter_map(shows).max().map_or(end, |number| number + 1)
}
