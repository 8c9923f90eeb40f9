//! The contents of a report in one language, without markup: a summary on one page, then a page for each part.

use std::ops::Range;

use epoca::protocol::trace::RoleName;

use super::{ReportInfo, evidence_text};
use crate::command::messages::role;
use crate::lang::{Lang, Text, choose};
use crate::scenario::account::{Part, Run, is_heading};
use crate::scenario::excerpt::{EntryExcerpt, Excerpt, LogExcerpt};
use crate::scenario::messages;
use crate::scenario::report_events::{ItemResult, Verdict};
use crate::scenario::script::{ItemKind, Points};
use crate::scenario::words;

/// How many pieces of evidence a step shows. A thousand acks prove no more than these.
const EVIDENCE_MAX: usize = 7;
/// How many of the last entries of each log a part shows.
const ENTRIES_MAX: usize = 4;

pub struct Document {
    /// `en` or `pt-BR`, for screen readers and hyphenation.
    pub lang: &'static str,
    pub title: String,
    /// Names with their values: students, date, program, points.
    pub facts: Vec<(String, String)>,
    pub tables: Vec<Table>,
    /// Remarks beside the tables.
    pub notes: Vec<String>,
    pub pages: Vec<Page>,
}

pub struct Table {
    pub caption: String,
    pub head: Vec<String>,
    pub rows: Vec<Row>,
}

pub struct Row {
    pub cells: Vec<String>,
    /// The verdict of the row, which has a colour.
    pub verdict: Option<Verdict>,
    pub is_total: bool,
}

/// A line of the sheet, or a part of another scenario.
pub struct Page {
    pub title: String,
    /// The scenario of the page, if the report has several.
    pub of: Option<String>,
    pub verdict: Option<Verdict>,
    /// `0.15 points`, or empty.
    pub points: String,
    pub why: String,
    pub steps: Vec<ReportStep>,
    pub logs: Option<Logs>,
}

pub enum ReportStep {
    /// A command as it was typed.
    Do { line: String, text: String, failed: String },
    /// An expectation.
    Expect { verdict: Verdict, text: String, why: String, failed: String, evidence: Vec<String> },
}

/// The ends of all logs before and after a part.
pub struct Logs {
    pub head: Vec<String>,
    pub rows: Vec<LogsRow>,
}

/// The ends of a node's log, a line for each entry.
pub struct LogsRow {
    pub node: String,
    pub before: Vec<String>,
    pub after: Vec<String>,
}

pub fn of(runs: &[Run], lang: Lang, info: &ReportInfo) -> Document {
    let sheet = match runs {
        [only] if only.script.is_sheet() => Some(only),
        _ => None,
    };
    let title = if sheet.is_some() { words::TITLE_OF_SHEET } else { words::TITLE_OF_SCENARIOS };
    let mut document = Document {
        lang: choose(lang, "en", "pt-BR"),
        title: title.to(lang).to_owned(),
        facts: facts(info, sheet, lang),
        tables: Vec::new(),
        notes: Vec::new(),
        pages: Vec::new(),
    };
    if sheet.is_none() {
        document.tables.push(overview(runs, lang));
    }
    for run in runs {
        if run.script.is_sheet() {
            document.tables.extend(graded(run, lang));
        }
        document.notes.extend(notes(run, runs.len() > 1, lang));
        document.pages.extend(pages(run, runs.len() > 1, lang));
    }
    document
}

fn heads(heads: &[Text], lang: Lang) -> Vec<String> {
    heads.iter().map(|head| head.to(lang).to_owned()).collect()
}

/// Points in the notation of the language.
fn number_of(points: Points, lang: Lang) -> String {
    let text = points.to_string();
    choose(lang, text.clone(), text.replace('.', ","))
}

pub fn points_text(points: Points, lang: Lang) -> String {
    format!("{} {}", number_of(points, lang), words::POINTS.to(lang))
}

/// `1.85 of 2.00 points`.
pub fn points_of(reached: Points, all: Points, lang: Lang) -> String {
    format!("{} {} {}", number_of(reached, lang), words::OF.to(lang), points_text(all, lang))
}

fn facts(info: &ReportInfo, sheet: Option<&Run>, lang: Lang) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut fact = |name: Text, value: String| facts.push((name.to(lang).to_owned(), value));
    match &info.students[..] {
        [] => {}
        [only] => fact(words::STUDENT, only.clone()),
        many => fact(words::STUDENTS, many.join(", ")),
    }
    fact(words::DATE, format!("{} UTC", info.date));
    fact(words::PROGRAM, format!("epoca {}", info.version));
    if let Some(run) = sheet {
        let of = words::OF.to(lang);
        let ((reached, all), verdict) = (run.points(), run.verdict().word(lang));
        let points = format!("{} {of} {} — {verdict}", number_of(reached, lang), number_of(all, lang));
        fact(words::POINTS_FACT, points);
        let (ticked, all) = run.ticked();
        fact(words::STEPS_FACT, format!("{ticked} {of} {all}, {}", took(run, lang)));
        fact(words::NODES, names(run));
    }
    facts
}

fn took(run: &Run, lang: Lang) -> String {
    let seconds = run.end.as_ref().map_or(0.0, |end| end.took.as_secs_f64());
    let text = format!("{seconds:.1} s");
    choose(lang, text.clone(), text.replace('.', ","))
}

/// `$leader = n1, $a = n2`: the names of the nodes at the end of the run.
fn names(run: &Run) -> String {
    let names: Vec<_> = run.names.iter().map(|(name, node)| format!("${name} = {node}")).collect();
    names.join(", ")
}

/// A row for each scenario.
fn overview(runs: &[Run], lang: Lang) -> Table {
    let head = heads(&[words::SCENARIO, words::SHOWN, words::VERDICT, words::STEPS, words::TOOK], lang);
    let row = |run: &Run| {
        let (ticked, all) = run.ticked();
        let verdict = run.verdict();
        let title = run.script.title.to(lang).to_owned();
        let steps = format!("{ticked}/{all}");
        let cells = vec![run.script.name.clone(), title, with_mark(verdict, lang), steps, took(run, lang)];
        Row { cells, verdict: Some(verdict), is_total: false }
    };
    Table { caption: String::new(), head, rows: runs.iter().map(row).collect() }
}

fn with_mark(verdict: Verdict, lang: Lang) -> String {
    format!("{} {}", verdict.mark(), verdict.word(lang))
}

/// The lines with points and their sum, and the lines without points.
fn graded(run: &Run, lang: Lang) -> Vec<Table> {
    let (with, without): (Vec<usize>, Vec<usize>) = run
        .headings()
        .partition(|heading| matches!(run.script.items[*heading].kind, ItemKind::Graded { points: Some(_), .. }));
    let (reached, all) = run.points();
    let row = |heading: usize| {
        let item = &run.script.items[heading];
        let verdict = run.verdict_of(heading).unwrap_or(Verdict::Unknown);
        let text = item.words.to(lang).to_owned();
        let cells = match &item.kind {
            ItemKind::Graded { label, points: Some(points) } => {
                vec![label.clone().unwrap_or_default(), text, number_of(*points, lang), with_mark(verdict, lang)]
            }
            _ => vec![text, with_mark(verdict, lang)],
        };
        Row { cells, verdict: Some(verdict), is_total: false }
    };
    let mut rows: Vec<Row> = with.into_iter().map(row).collect();
    let sum = format!("{} {} {}", number_of(reached, lang), words::OF.to(lang), number_of(all, lang));
    let cells = vec![String::new(), words::TOTAL.to(lang).to_owned(), sum, String::new()];
    rows.push(Row { cells, verdict: None, is_total: true });
    let head = heads(&[words::LINE, words::SHOWN, words::POINTS, words::VERDICT], lang);
    let lines = Table { caption: words::GRADED_LINES.to(lang).to_owned(), head, rows };
    let rows = without.into_iter().map(row).collect();
    let head = heads(&[words::SHOWN, words::VERDICT], lang);
    let tests = Table { caption: words::TESTS.to(lang).to_owned(), head, rows };
    vec![lines, tests].into_iter().filter(|table| table.rows.iter().any(|row| !row.is_total)).collect()
}

/// Why a run did not pass, and which attempts were void.
fn notes(run: &Run, is_one_of_many: bool, lang: Lang) -> Vec<String> {
    let of = if is_one_of_many { format!("{}: ", run.script.name) } else { String::new() };
    let part = |from: &usize| match run.script.items.get(*from).filter(|item| is_heading(&item.kind)) {
        Some(item) => item.words.to(lang).to_owned(),
        None => run.script.title.to(lang).to_owned(),
    };
    let end = run.end.as_ref().filter(|end| !end.why.is_empty());
    let why = end.map(|end| format!("{of}{}: {}", words::WHY.to(lang), end.why.to(lang)));
    let repeated = words::REPEATED.to(lang);
    let void = run.repeated.iter().map(|(from, why)| format!("{of}{repeated}: {} ({})", part(from), why.to(lang)));
    why.into_iter().chain(void).collect()
}

fn pages(run: &Run, is_one_of_many: bool, lang: Lang) -> Vec<Page> {
    let of = is_one_of_many.then(|| format!("{}: {}", run.script.name, run.script.title.to(lang)));
    let first = run.headings().next().unwrap_or(run.script.items.len());
    let mut pages = Vec::new();
    if first > 0 || !run.script.is_sheet() {
        let part = run.parts.iter().find(|part| part.heading.is_none());
        pages.push(Page {
            title: run.script.title.to(lang).to_owned(),
            of: is_one_of_many.then(|| run.script.name.clone()),
            verdict: Some(run.verdict()),
            points: String::new(),
            why: if run.script.is_sheet() { String::new() } else { about(run, lang) },
            steps: steps(run, 0..first, lang),
            logs: logs(part, lang),
        });
    }
    pages.extend(run.headings().map(|heading| Page { of: of.clone(), ..page(run, heading, lang) }));
    pages
}

/// The page of the items below a heading.
fn page(run: &Run, heading: usize, lang: Lang) -> Page {
    let item = &run.script.items[heading];
    let text = if item.words.is_empty() { item.line.as_str() } else { item.words.to(lang) };
    let (label, points) = match &item.kind {
        ItemKind::Graded { label, points } => (label.clone(), *points),
        _ => (None, None),
    };
    Page {
        title: label.map_or_else(|| text.to_owned(), |label| format!("{label} · {text}")),
        of: None,
        verdict: run.verdict_of(heading),
        points: points.map_or(String::new(), |points| points_text(points, lang)),
        why: item.why.to(lang).to_owned(),
        steps: steps(run, run.items_of(heading), lang),
        logs: logs(run.parts.iter().find(|part| part.heading == Some(heading)), lang),
    }
}

fn about(run: &Run, lang: Lang) -> String {
    let names = names(run);
    let names = if names.is_empty() { String::new() } else { format!(" {}: {names}.", words::NODES.to(lang)) };
    format!("{}{names}", run.script.about.to(lang))
}

fn steps(run: &Run, range: Range<usize>, lang: Lang) -> Vec<ReportStep> {
    let step = |index: usize| Some(step(run, index, run.results[index].as_ref()?, lang));
    range.filter_map(step).collect()
}

fn step(run: &Run, index: usize, result: &ItemResult, lang: Lang) -> ReportStep {
    let item = &run.script.items[index];
    let text = item.words.to(lang).to_owned();
    let failed = match result.verdict {
        Verdict::Pass => String::new(),
        verdict => format!("{}: {}", verdict.word(lang), result.text.to(lang)),
    };
    if !matches!(item.kind, ItemKind::Expect(_)) {
        return ReportStep::Do { line: item.line.clone(), text, failed };
    }
    let text = if text.is_empty() { item.line.clone() } else { text };
    let shown = result.evidence.iter().take(EVIDENCE_MAX);
    let mut evidence: Vec<String> = shown.map(|evidence| evidence_text(evidence, lang)).collect();
    if result.evidence.len() > EVIDENCE_MAX {
        evidence.push(format!("… {} {}", result.evidence.len() - EVIDENCE_MAX, words::MORE.to(lang)));
    }
    ReportStep::Expect { verdict: result.verdict, text, why: item.why.to(lang).to_owned(), failed, evidence }
}

fn logs(part: Option<&Part>, lang: Lang) -> Option<Logs> {
    let part = part.filter(|part| !part.after.nodes.is_empty())?;
    let of =
        |excerpt: &Excerpt, node| excerpt.nodes.iter().find(|log| log.node == node).map(|log| log_lines(log, lang));
    let row = |log: &LogExcerpt| {
        let before = of(&part.before, log.node).unwrap_or_default();
        LogsRow { node: log.node.to_string(), before, after: log_lines(log, lang) }
    };
    let head = heads(&[words::NODE, words::LOGS_BEFORE, words::LOGS_AFTER], lang);
    Some(Logs { head, rows: part.after.nodes.iter().map(row).collect() })
}

/// `leader e1`, then `e1·o1#4f2a x=1 final` for each of the last entries.
fn log_lines(log: &LogExcerpt, lang: Lang) -> Vec<String> {
    let role = log.role.map_or_else(|| words::DOWN.into(), |log_role: RoleName| role(log_role.name()));
    let epoch = log.epoch.map_or(String::new(), |epoch| format!(" e{epoch}"));
    let entry = |entry: &EntryExcerpt| {
        let EntryExcerpt { epoch, offset, digest, .. } = entry;
        let id = format!("e{epoch}·o{offset}#{digest}");
        let content = match entry.forged {
            true => messages::forged(&id, &entry.content),
            false => format!("{id} {}", entry.content).into(),
        };
        messages::entry_in_state(&content, entry.state).to(lang).to_owned()
    };
    let shown = &log.entries[log.entries.len().saturating_sub(ENTRIES_MAX)..];
    std::iter::once(format!("{}{epoch}", role.to(lang))).chain(shown.iter().map(entry)).collect()
}
