//! The account of runs: as Markdown or as one HTML file that can be handed in, and as JSON for programs.
//!
//! ```text
//!   Run ── document ──► Document: what is said, in one language ──► markdown, html
//! ```

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::lang::choose;
use super::report_events::{Evidence, Run, Verdict};
use crate::lang::Lang;

mod document;

mod markdown;

mod html;

pub use document::{points_of, points_text};

/// What an account says about itself.
#[derive(Clone, Debug)]
pub struct Made {
    /// Who hands it in.
    pub students: Vec<String>,
    /// As `2026-11-21 08:00`, UTC.
    pub date: String,
    pub version: &'static str,
}

impl Made {
    pub fn now(students: &[String]) -> Made {
        Made { students: students.to_vec(), date: date(), version: env!("CARGO_PKG_VERSION") }
    }
}

/// How an account is written; the ending of its file's name says it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    Markdown,
    Html,
}

impl Form {
    pub fn of(file: &Path) -> Option<Form> {
        match file.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "md" | "markdown" => Some(Form::Markdown),
            "html" | "htm" => Some(Form::Html),
            _ => None,
        }
    }
}

pub fn written(runs: &[Run], lang: Lang, made: &Made, form: Form) -> String {
    let document = document::of(runs, lang, made);
    match form {
        Form::Markdown => markdown::written(&document),
        Form::Html => html::written(&document),
    }
}

/// `n3 event 41 · C3 Truncated: truncates 1 entry from e1·o2 on, … · e1·o2#4f2a x=666`.
pub fn evidence_text(evidence: &Evidence, lang: Lang) -> String {
    let event_word = choose(lang, "event", "evento");
    let place = match (evidence.node, evidence.event) {
        (Some(node), Some(event)) => format!("{node} {event_word} {event} · "),
        (Some(node), None) => format!("{node} · "),
        _ => String::new(),
    };
    if let (Some(fact), Some(node)) = (&evidence.fact, evidence.node) {
        let entries =
            if evidence.entries.is_empty() { String::new() } else { format!(" · {}", some(&evidence.entries)) };
        return format!("{place}{} {}: {}{entries}", evidence.rule, fact.name(), lang.fact(node, fact));
    }
    let entries: Vec<_> = evidence.entries.iter().map(|entry| lang.answer(entry).into_owned()).collect();
    let entries = if entries.is_empty() { String::new() } else { format!(" · {}", some(&entries)) };
    let rule = match evidence.rule {
        "state" => choose(lang, "state", "estado:"),
        "answer" => choose(lang, "answer", "resposta:"),
        "read" => choose(lang, "read", "lido:"),
        "disk" => choose(lang, "disk", "disco:"),
        rule => rule,
    };
    format!("{place}{rule} {}{entries}", lang.answer(&evidence.text))
}

/// The first few entries; a batch of hundreds says no more than they do.
fn some(entries: &[String]) -> String {
    const ENTRIES_MAX: usize = 4;
    let shown = entries[..entries.len().min(ENTRIES_MAX)].join(", ");
    if entries.len() > ENTRIES_MAX { format!("{shown}, …") } else { shown }
}

pub fn verdict(run: &Run) -> Verdict {
    run.end.as_ref().map_or(Verdict::Unknown, |end| end.verdict)
}

fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✓",
        Verdict::Unknown => "?",
        Verdict::Fail => "✗",
    }
}

pub fn json(run: &Run, lang: Lang) -> Value {
    let script = &run.script;
    let steps = script.items.iter().zip(&run.done).map(|(item, done)| {
        json!({
            "line": item.at,
            "text": item.line,
            "says": item.words.text(lang),
            "verdict": done.as_ref().map(|done| done.verdict.name()),
            "why": done.as_ref().filter(|done| done.verdict != Verdict::Pass).map(|done| done.text.clone()),
            "seconds": done.as_ref().map(|done| done.took.as_secs_f64()),
            "evidence": done.as_ref().map_or(Vec::new(), |done| done.evidence.iter().map(evidence_json).collect()),
        })
    });
    let again = run.again.iter().map(|(from, why)| json!({"line": script.items[*from].at, "why": why}));
    let mut account = json!({
        "name": script.name,
        "title": script.title.text(lang),
        "verdict": verdict(run).name(),
        "why": run.end.as_ref().map(|end| end.why.clone()).filter(|why| !why.is_empty()),
        "seconds": run.end.as_ref().map(|end| end.took.as_secs_f64()),
        "nodes": run.names.iter().map(|(name, node)| (name.clone(), json!(node.0))).collect::<serde_json::Map<_, _>>(),
        "again": again.collect::<Vec<_>>(),
        "steps": steps.collect::<Vec<_>>(),
    });
    if script.is_sheet() {
        let (reached, all) = run.points();
        account["points"] = json!({"reached": reached.to_string(), "of": all.to_string()});
    }
    account
}

fn evidence_json(evidence: &Evidence) -> Value {
    json!({
        "node": evidence.node.map(|node| node.0),
        "event": evidence.event,
        "rule": evidence.rule,
        "text": evidence.text,
        "entries": evidence.entries,
    })
}

/// `2026-11-21 08:00`, from the clock (days to dates after Hinnant's `civil_from_days`).
fn date() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, time) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let moved = (5 * of_year + 2) / 153;
    let day = of_year - (153 * moved + 2) / 5 + 1;
    let month = if moved < 10 { moved + 3 } else { moved - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02}", time / 3_600, time / 60 % 60)
}

#[cfg(test)]
mod tests;
