//! The report of runs: as Markdown or as one HTML file for a reader, and as JSON for programs.
//!
//! ```text
//!   Run ── document ──► Document: the contents, in one language ──► markdown, html
//! ```

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::account::Run;
use super::report_events::{Evidence, EvidenceKind, Verdict};
use super::words;
use crate::lang::{Lang, Localized};

mod document;

mod markdown;

mod html;

pub use document::{points_of, points_text};

/// What a report states about itself.
#[derive(Clone, Debug)]
pub struct ReportInfo {
    pub students: Vec<String>,
    /// As `2026-11-21 08:00`, UTC.
    pub date: String,
    pub version: &'static str,
}

impl ReportInfo {
    pub fn now(students: &[String]) -> ReportInfo {
        ReportInfo { students: students.to_vec(), date: date(), version: env!("CARGO_PKG_VERSION") }
    }
}

/// The format of a report, which the ending of its file's name determines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReportFormat {
    Markdown,
    Html,
}

impl ReportFormat {
    pub fn of(file: &Path) -> Option<ReportFormat> {
        match file.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "md" | "markdown" => Some(ReportFormat::Markdown),
            "html" | "htm" => Some(ReportFormat::Html),
            _ => None,
        }
    }
}

pub fn render(runs: &[Run], lang: Lang, info: &ReportInfo, format: ReportFormat) -> String {
    let document = document::of(runs, lang, info);
    match format {
        ReportFormat::Markdown => markdown::render(&document),
        ReportFormat::Html => html::render(&document),
    }
}

/// `n3 event 41 · C3 Truncated: truncates 1 entry from e1·o2 on, … · e1·o2#4f2a x=666`.
pub fn evidence_text(evidence: &Evidence, lang: Lang) -> String {
    let place = match (evidence.node, evidence.event) {
        (Some(node), Some(event)) => format!("{node} {} {event} · ", words::EVENT.to(lang)),
        (Some(node), None) => format!("{node} · "),
        _ => String::new(),
    };
    let entries = match evidence.entries.is_empty() {
        true => String::new(),
        false => format!(" · {}", first_entries(&evidence.entries, lang)),
    };
    if let (Some(fact), Some(node)) = (&evidence.fact, evidence.node) {
        // The names of events are English words of the scenario's grammar; the sentence says the same in Portuguese.
        let name = match lang {
            Lang::English => format!("{} {}", fact.rule(), fact.name()),
            Lang::Portuguese => fact.rule().to_owned(),
        };
        return format!("{place}{name}: {}{entries}", lang.fact(node, fact));
    }
    let kind = match evidence.kind {
        EvidenceKind::Event(rule) => return format!("{place}{rule} {}{entries}", evidence.text.to(lang)),
        EvidenceKind::State => words::STATE,
        EvidenceKind::Answer => words::ANSWER,
        EvidenceKind::Read => words::READ,
        EvidenceKind::Disk => words::DISK,
    };
    format!("{place}{}: {}{entries}", kind.to(lang), evidence.text.to(lang))
}

/// The first entries. A batch of hundreds proves no more than these.
fn first_entries(entries: &[Localized], lang: Lang) -> String {
    const ENTRIES_MAX: usize = 4;
    let shown: Vec<_> = entries.iter().take(ENTRIES_MAX).map(|entry| entry.to(lang)).collect();
    let shown = shown.join(", ");
    if entries.len() > ENTRIES_MAX { format!("{shown}, …") } else { shown }
}

/// The account of a run for programs. Titles and steps are in `lang`, everything else is English.
pub fn json(run: &Run, lang: Lang) -> Value {
    let script = &run.script;
    let steps = script.items.iter().zip(&run.results).map(|(item, result)| {
        let failed = result.as_ref().filter(|result| result.verdict != Verdict::Pass);
        let evidence = result.iter().flat_map(|result| &result.evidence).map(evidence_json);
        json!({
            "line": item.at,
            "text": item.line,
            "says": item.words.to(lang),
            "verdict": result.as_ref().map(|result| result.verdict.name()),
            "why": failed.map(|result| result.text.to(Lang::English)),
            "seconds": result.as_ref().map(|result| result.took.as_secs_f64()),
            "evidence": evidence.collect::<Vec<_>>(),
        })
    });
    let repeated =
        run.repeated.iter().map(|(from, why)| json!({"line": script.items[*from].at, "why": why.to(Lang::English)}));
    let mut account = json!({
        "name": script.name,
        "title": script.title.to(lang),
        "verdict": run.verdict().name(),
        "why": run.end.as_ref().map(|end| end.why.to(Lang::English)).filter(|why| !why.is_empty()),
        "seconds": run.end.as_ref().map(|end| end.took.as_secs_f64()),
        "nodes": run.names.iter().map(|(name, node)| (name.clone(), json!(node.0))).collect::<Map<_, _>>(),
        "again": repeated.collect::<Vec<_>>(),
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
        "rule": evidence.kind.name(),
        "text": evidence.text.to(Lang::English),
        "entries": evidence.entries.iter().map(|entry| entry.to(Lang::English)).collect::<Vec<_>>(),
    })
}

/// `2026-11-21 08:00`, UTC. The conversion of days to dates is Howard Hinnant's `civil_from_days`.
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
