//! The account of runs as Markdown that can be handed in, and as JSON for programs.

use std::fmt::Write;

use serde_json::{Value, json};

use super::excerpt::{Excerpt, LogExcerpt};
use super::lang::choose;
use super::script::ItemKind;
use super::told::{Done, Evidence, Part, Run, Verdict};
use crate::console::Lang;

/// How many pieces of evidence a step shows; a thousand acks say no more than these.
const EVIDENCE_MAX: usize = 12;

pub fn markdown(runs: &[Run], lang: Lang, date: &str) -> String {
    let mut out = String::new();
    let head = choose(lang, "Epoca: scenarios and their evidence", "Epoca: cenários e suas evidências");
    // Writing to a string cannot fail.
    let _ = writeln!(out, "# {head}\n");
    let made = choose(lang, "Made by", "Gerado por");
    let _ = writeln!(out, "{made} `epoca scenario run … --report`, {date} (UTC).\n");
    for run in runs {
        one(&mut out, run, lang);
    }
    out
}

fn one(out: &mut String, run: &Run, lang: Lang) {
    let _ = writeln!(out, "## {} — {}\n", run.script.title.text(lang), verdict(run).word(lang));
    let _ = writeln!(out, "{}\n", run.script.about.text(lang));
    if !run.names.is_empty() {
        let names: Vec<_> = run.names.iter().map(|(name, node)| format!("`${name}` = {node}")).collect();
        let _ = writeln!(out, "{}: {}.", choose(lang, "Nodes", "Nós"), names.join(", "));
    }
    let (ticked, all) = run.ticked();
    let took = run.end.as_ref().map_or(0.0, |end| end.took.as_secs_f64());
    let _ = writeln!(out, "{}: {ticked}/{all}, {took:.1} s.\n", choose(lang, "Steps", "Passos"));
    if let Some(end) = run.end.as_ref().filter(|end| !end.why.is_empty()) {
        let _ = writeln!(out, "**{}**: {}\n", choose(lang, "Why", "Motivo"), lang.answer(&end.why));
    }
    if run.script.is_sheet() {
        sheet(out, run, lang);
    }
    let first = run.headings().next().unwrap_or(run.script.items.len());
    items(out, run, 0..first, lang);
    excerpts(out, run.parts.iter().find(|part| part.heading.is_none()), lang);
    for heading in run.headings() {
        let item = &run.script.items[heading];
        let title = if item.words.is_empty() { item.line.as_str() } else { item.words.text(lang) };
        let mark = run.verdict_of(heading).map_or("", mark);
        let _ = writeln!(out, "### {mark} {title}\n");
        if !item.why.is_empty() {
            let _ = writeln!(out, "{}\n", item.why.text(lang));
        }
        items(out, run, run.items_of(heading), lang);
        excerpts(out, run.parts.iter().find(|part| part.heading == Some(heading)), lang);
    }
}

/// The lines of the assignment in one table.
fn sheet(out: &mut String, run: &Run, lang: Lang) {
    let _ = writeln!(out, "{}", choose(lang, "| line | points | verdict |", "| item | pontos | veredito |"));
    let _ = writeln!(out, "| --- | --- | --- |");
    for heading in run.headings() {
        let item = &run.script.items[heading];
        let ItemKind::Graded { points } = item.kind else { continue };
        let points = points.map_or("–".to_owned(), |points| points.to_string());
        let verdict = run.verdict_of(heading).unwrap_or(Verdict::Unknown);
        let _ = writeln!(out, "| {} | {points} | {} {} |", item.words.text(lang), mark(verdict), verdict.word(lang));
    }
    let _ = writeln!(out);
}

fn items(out: &mut String, run: &Run, range: std::ops::Range<usize>, lang: Lang) {
    for index in range.clone() {
        let item = &run.script.items[index];
        let Some(done) = &run.done[index] else { continue };
        let text = item.words.text(lang);
        match item.kind {
            ItemKind::Expect(_) => {
                let text = if text.is_empty() { item.line.as_str() } else { text };
                let _ = writeln!(out, "- {} {text}", mark(done.verdict));
                if !item.why.is_empty() {
                    let _ = writeln!(out, "  *{}*", item.why.text(lang));
                }
            }
            _ => {
                let dash = if text.is_empty() { "" } else { " — " };
                let _ = writeln!(out, "- `{}`{dash}{text}", item.line);
            }
        }
        evidence(out, done, lang);
    }
    if !range.is_empty() {
        let _ = writeln!(out);
    }
}

fn evidence(out: &mut String, done: &Done, lang: Lang) {
    if done.verdict != Verdict::Pass {
        let _ = writeln!(out, "  - **{}**: {}", done.verdict.word(lang), lang.answer(&done.text));
    }
    for evidence in done.evidence.iter().take(EVIDENCE_MAX) {
        let _ = writeln!(out, "  - {}", evidence_text(evidence, lang));
    }
    if done.evidence.len() > EVIDENCE_MAX {
        let _ = writeln!(out, "  - … {} {}", done.evidence.len() - EVIDENCE_MAX, choose(lang, "more", "a mais"));
    }
}

/// `n3 event 41 · C3 Truncated from=… · e1·o2#4f2a x=666`.
pub fn evidence_text(evidence: &Evidence, lang: Lang) -> String {
    let event_word = choose(lang, "event", "evento");
    let place = match (evidence.node, evidence.event) {
        (Some(node), Some(event)) => format!("{node} {event_word} {event} · "),
        (Some(node), None) => format!("{node} · "),
        _ => String::new(),
    };
    let entries: Vec<_> = evidence.entries.iter().map(|entry| lang.answer(entry)).collect();
    let entries = if entries.is_empty() { String::new() } else { format!(" · {}", entries.join(", ")) };
    let rule = match evidence.rule {
        "state" => choose(lang, "state", "estado:"),
        "answer" => choose(lang, "answer", "resposta:"),
        "read" => choose(lang, "read", "lido:"),
        "disk" => choose(lang, "disk", "disco:"),
        rule => rule,
    };
    format!("{place}{rule} {}{entries}", lang.answer(&evidence.text))
}

fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✓",
        Verdict::Unknown => "?",
        Verdict::Fail => "✗",
    }
}

fn excerpts(out: &mut String, part: Option<&Part>, lang: Lang) {
    let Some(part) = part else { return };
    let titles = choose(lang, ["logs before", "logs after"], ["logs antes", "logs depois"]);
    for (title, excerpt) in titles.into_iter().zip([&part.before, &part.after]) {
        if excerpt.nodes.is_empty() {
            continue;
        }
        let _ = writeln!(out, "<details><summary>{title}</summary>\n\n```text");
        excerpt_lines(excerpt).iter().for_each(|line| _ = writeln!(out, "{line}"));
        let _ = writeln!(out, "```\n\n</details>\n");
    }
}

/// `n1 leader  e1·o1#4f2a final x=1`, a line for each entry, the node's name before its first.
pub fn excerpt_lines(excerpt: &Excerpt) -> Vec<String> {
    excerpt.nodes.iter().flat_map(log_lines).collect()
}

fn log_lines(log: &LogExcerpt) -> Vec<String> {
    let epoch = log.epoch.map_or("-".to_owned(), |epoch| format!("e{epoch}"));
    let omitted = if log.omitted > 0 { format!("  ({} entries before)", log.omitted) } else { String::new() };
    let mut lines = vec![format!("{} {} {epoch}{omitted}", log.node, log.role)];
    lines.extend(log.entries.iter().map(|entry| {
        let id = format!("e{}·o{}#{}", entry.epoch, entry.offset, entry.digest);
        format!("   {id:<14} {:<12} {}", entry.state, entry.content)
    }));
    lines
}

pub fn verdict(run: &Run) -> Verdict {
    run.end.as_ref().map_or(Verdict::Unknown, |end| end.verdict)
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
    json!({
        "name": script.name,
        "title": script.title.text(lang),
        "verdict": verdict(run).name(),
        "why": run.end.as_ref().map(|end| end.why.clone()).filter(|why| !why.is_empty()),
        "seconds": run.end.as_ref().map(|end| end.took.as_secs_f64()),
        "nodes": run.names.iter().map(|(name, node)| (name.clone(), json!(node.0))).collect::<serde_json::Map<_, _>>(),
        "steps": steps.collect::<Vec<_>>(),
    })
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
