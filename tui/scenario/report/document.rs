//! What an account says, in one language and without any markup: a summary on one page, then a page for each part.

use super::{Made, evidence_text, mark, verdict};
use crate::lang::Lang;
use crate::scenario::excerpt::{EntryExcerpt, Excerpt, LogExcerpt};
use crate::scenario::is_heading;
use crate::lang::choose;
use crate::scenario::script::{ItemKind, Points};
use crate::scenario::report_events::{Done, Part, Run, Verdict};

/// How many pieces of evidence a step shows; a thousand acks say no more than these.
const EVIDENCE_MAX: usize = 7;
/// How many entries of each log stand beside a part, the newest.
const ENTRIES_MAX: usize = 4;

pub struct Document {
    /// `en` or `pt-BR`, for programs that read aloud or break words.
    pub lang: &'static str,
    pub title: String,
    /// Who, when, with what, and what it came to.
    pub facts: Vec<(String, String)>,
    pub tables: Vec<Table>,
    /// What must be said beside the tables.
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
    /// The row's verdict, to be seen at a glance.
    pub verdict: Option<Verdict>,
    pub is_total: bool,
}

/// A line of the sheet, or a part of any other scenario.
pub struct Page {
    pub title: String,
    /// The scenario to which it belongs, where several are told.
    pub of: Option<String>,
    pub verdict: Option<Verdict>,
    /// `0.15 points`, or nothing.
    pub points: String,
    pub why: String,
    pub steps: Vec<Step>,
    pub logs: Option<Logs>,
}

pub enum Step {
    /// What was done, as it was said.
    Do { line: String, text: String, failed: String },
    /// What was to be seen.
    Expect { verdict: Verdict, text: String, why: String, failed: String, evidence: Vec<String> },
}

/// The ends of all logs before and after a part.
pub struct Logs {
    pub head: [String; 3],
    /// A node, its entries before and after; each entry a line.
    pub rows: Vec<(String, Vec<String>, Vec<String>)>,
}

pub fn of(runs: &[Run], lang: Lang, made: &Made) -> Document {
    let sheet = match runs {
        [only] if only.script.is_sheet() => Some(only),
        _ => None,
    };
    let title = match sheet {
        Some(_) => choose(
            lang,
            "Epoca: the assignment's sheet, with its evidence",
            "Epoca: a folha do trabalho, com suas evidências",
        ),
        None => choose(lang, "Epoca: scenarios and their evidence", "Epoca: cenários e suas evidências"),
    };
    let mut document = Document {
        lang: choose(lang, "en", "pt-BR"),
        title: title.to_owned(),
        facts: facts(made, sheet, lang),
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

/// As points are written in the language.
fn shown(points: Points, lang: Lang) -> String {
    let text = points.to_string();
    choose(lang, text.clone(), text.replace('.', ","))
}

pub fn points_text(points: Points, lang: Lang) -> String {
    format!("{} {}", shown(points, lang), choose(lang, "points", "pontos"))
}

/// `1.85 of 2.00 points`.
pub fn points_of(reached: Points, all: Points, lang: Lang) -> String {
    format!("{} {} {}", shown(reached, lang), choose(lang, "of", "de"), points_text(all, lang))
}

fn facts(made: &Made, sheet: Option<&Run>, lang: Lang) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: String| facts.push((name.to_owned(), value));
    match &made.students[..] {
        [] => {}
        [only] => fact(choose(lang, "Student", "Estudante"), only.clone()),
        many => fact(choose(lang, "Students", "Estudantes"), many.join(", ")),
    }
    fact(choose(lang, "Date", "Data"), format!("{} UTC", made.date));
    fact(choose(lang, "Program", "Programa"), format!("epoca {}", made.version));
    if let Some(run) = sheet {
        let (reached, all) = run.points();
        let of = choose(lang, "of", "de");
        fact(
            choose(lang, "Points", "Pontos"),
            format!("{} {of} {} — {}", shown(reached, lang), shown(all, lang), verdict(run).word(lang)),
        );
        let (ticked, all) = run.ticked();
        fact(choose(lang, "Steps", "Passos"), format!("{ticked} {of} {all}, {}", took(run, lang)));
        fact(choose(lang, "Nodes", "Nós"), names(run));
    }
    facts
}

fn took(run: &Run, lang: Lang) -> String {
    let seconds = run.end.as_ref().map_or(0.0, |end| end.took.as_secs_f64());
    let text = format!("{seconds:.1} s");
    choose(lang, text.clone(), text.replace('.', ","))
}

/// `$leader = n1, $a = n2`: how the lines of the text name the nodes when it ends.
fn names(run: &Run) -> String {
    let names: Vec<_> = run.names.iter().map(|(name, node)| format!("${name} = {node}")).collect();
    names.join(", ")
}

/// A row for each scenario.
fn overview(runs: &[Run], lang: Lang) -> Table {
    let head = choose(
        lang,
        ["scenario", "what it shows", "verdict", "steps", "took"],
        ["cenário", "o que mostra", "veredito", "passos", "levou"],
    );
    let row = |run: &Run| {
        let (ticked, all) = run.ticked();
        let verdict = verdict(run);
        let title = run.script.title.text(lang).to_owned();
        let cells =
            vec![run.script.name.clone(), title, said(verdict, lang), format!("{ticked}/{all}"), took(run, lang)];
        Row { cells, verdict: Some(verdict), is_total: false }
    };
    let rows = runs.iter().map(row).collect();
    Table { caption: String::new(), head: head.map(str::to_owned).to_vec(), rows }
}

fn said(verdict: Verdict, lang: Lang) -> String {
    format!("{} {}", mark(verdict), verdict.word(lang))
}

/// The lines that have points with their sum, and those that have none.
fn graded(run: &Run, lang: Lang) -> Vec<Table> {
    let (with, without): (Vec<usize>, Vec<usize>) = run
        .headings()
        .partition(|heading| matches!(run.script.items[*heading].kind, ItemKind::Graded { points: Some(_), .. }));
    let (reached, all) = run.points();
    let of = choose(lang, "of", "de");
    let row = |heading: usize| {
        let item = &run.script.items[heading];
        let verdict = run.verdict_of(heading).unwrap_or(Verdict::Unknown);
        let text = item.words.text(lang).to_owned();
        let cells = match &item.kind {
            ItemKind::Graded { label, points: Some(points) } => {
                vec![label.clone().unwrap_or_default(), text, shown(*points, lang), said(verdict, lang)]
            }
            _ => vec![text, said(verdict, lang)],
        };
        Row { cells, verdict: Some(verdict), is_total: false }
    };
    let mut rows: Vec<Row> = with.into_iter().map(row).collect();
    let total = choose(lang, "total", "total").to_owned();
    let sum = format!("{} {of} {}", shown(reached, lang), shown(all, lang));
    rows.push(Row { cells: vec![String::new(), total, sum, String::new()], verdict: None, is_total: true });
    let head =
        choose(lang, ["line", "what is shown", "points", "verdict"], ["item", "o que se mostra", "pontos", "veredito"]);
    let caption = choose(lang, "The graded lines", "Os itens avaliados").to_owned();
    let lines = Table { caption, head: head.map(str::to_owned).to_vec(), rows };
    let head = choose(lang, ["what is shown", "verdict"], ["o que se mostra", "veredito"]);
    let caption =
        choose(lang, "The four tests, and what is asked next", "Os quatro testes, e o que se pergunta depois");
    let rows = without.into_iter().map(row).collect();
    let tests = Table { caption: caption.to_owned(), head: head.map(str::to_owned).to_vec(), rows };
    vec![lines, tests].into_iter().filter(|table| table.rows.iter().any(|row| !row.is_total)).collect()
}

/// Why a run did not pass, and which attempts were void.
fn notes(run: &Run, is_one_of_many: bool, lang: Lang) -> Vec<String> {
    let of = if is_one_of_many { format!("{}: ", run.script.name) } else { String::new() };
    let again = choose(lang, "done again", "feito de novo");
    let what = |from: &usize| match run.script.items.get(*from).filter(|item| is_heading(&item.kind)) {
        Some(item) => item.words.text(lang).to_owned(),
        None => run.script.title.text(lang).to_owned(),
    };
    let why = run.end.as_ref().filter(|end| !end.why.is_empty()).map(|end| {
        let why = choose(lang, "why", "motivo");
        format!("{of}{why}: {}", lang.answer(&end.why))
    });
    let void = run.again.iter().map(|(from, why)| format!("{of}{again}: {} ({})", what(from), lang.answer(why)));
    why.into_iter().chain(void).collect()
}

fn pages(run: &Run, is_one_of_many: bool, lang: Lang) -> Vec<Page> {
    let of = is_one_of_many.then(|| format!("{}: {}", run.script.name, run.script.title.text(lang)));
    let first = run.headings().next().unwrap_or(run.script.items.len());
    let mut pages = Vec::new();
    let about = if run.script.is_sheet() { String::new() } else { about(run, lang) };
    if first > 0 || !run.script.is_sheet() {
        let part = run.parts.iter().find(|part| part.heading.is_none());
        pages.push(Page {
            title: run.script.title.text(lang).to_owned(),
            of: is_one_of_many.then(|| run.script.name.clone()),
            verdict: Some(verdict(run)),
            points: String::new(),
            why: about,
            steps: steps(run, 0..first, lang),
            logs: logs(part, lang),
        });
    }
    for heading in run.headings() {
        let item = &run.script.items[heading];
        let text = if item.words.is_empty() { item.line.as_str() } else { item.words.text(lang) };
        let (label, points) = match &item.kind {
            ItemKind::Graded { label, points } => (label.clone(), *points),
            _ => (None, None),
        };
        pages.push(Page {
            title: label.map_or_else(|| text.to_owned(), |label| format!("{label} · {text}")),
            of: of.clone(),
            verdict: run.verdict_of(heading),
            points: points.map_or(String::new(), |points| points_text(points, lang)),
            why: item.why.text(lang).to_owned(),
            steps: steps(run, run.items_of(heading), lang),
            logs: logs(run.parts.iter().find(|part| part.heading == Some(heading)), lang),
        });
    }
    pages
}

fn about(run: &Run, lang: Lang) -> String {
    let names = names(run);
    let nodes = choose(lang, "Nodes", "Nós");
    let names = if names.is_empty() { String::new() } else { format!(" {nodes}: {names}.") };
    format!("{}{names}", run.script.about.text(lang))
}

fn steps(run: &Run, range: std::ops::Range<usize>, lang: Lang) -> Vec<Step> {
    let step = |index: usize| Some(one(run, index, run.done[index].as_ref()?, lang));
    range.filter_map(step).collect()
}

fn one(run: &Run, index: usize, done: &Done, lang: Lang) -> Step {
    let item = &run.script.items[index];
    let text = item.words.text(lang).to_owned();
    let failed = match done.verdict {
        Verdict::Pass => String::new(),
        verdict => format!("{}: {}", verdict.word(lang), lang.answer(&done.text)),
    };
    if !matches!(item.kind, ItemKind::Expect(_)) {
        return Step::Do { line: item.line.clone(), text, failed };
    }
    let text = if text.is_empty() { item.line.clone() } else { text };
    let mut evidence: Vec<String> =
        done.evidence.iter().take(EVIDENCE_MAX).map(|evidence| evidence_text(evidence, lang)).collect();
    if done.evidence.len() > EVIDENCE_MAX {
        evidence.push(format!("… {} {}", done.evidence.len() - EVIDENCE_MAX, choose(lang, "more", "a mais")));
    }
    Step::Expect { verdict: done.verdict, text, why: item.why.text(lang).to_owned(), failed, evidence }
}

fn logs(part: Option<&Part>, lang: Lang) -> Option<Logs> {
    let part = part.filter(|part| !part.after.nodes.is_empty())?;
    let head =
        choose(lang, ["node", "logs before", "logs after"], ["nó", "logs antes", "logs depois"]).map(str::to_owned);
    let of =
        |excerpt: &Excerpt, node| excerpt.nodes.iter().find(|log| log.node == node).map(|log| log_lines(log, lang));
    let row = |log: &LogExcerpt| {
        let before = of(&part.before, log.node).unwrap_or_default();
        (log.node.to_string(), before, log_lines(log, lang))
    };
    Some(Logs { head, rows: part.after.nodes.iter().map(row).collect() })
}

/// `leader e1`, then `e1·o1#4f2a x=1 final` for each of the newest entries.
fn log_lines(log: &LogExcerpt, lang: Lang) -> Vec<String> {
    let role = match log.role {
        "leader" => choose(lang, "leader", "líder"),
        "replica" => choose(lang, "replica", "réplica"),
        "candidate" => choose(lang, "candidate", "candidato"),
        "down" => choose(lang, "down", "fora"),
        other => other,
    };
    let epoch = log.epoch.map_or(String::new(), |epoch| format!(" e{epoch}"));
    let entry = |entry: &EntryExcerpt| {
        let state = match entry.state {
            "intermediate" => choose(lang, "intermediate", "intermediária"),
            "committed" => choose(lang, "committed", "efetivada"),
            "final" => "final",
            other => other,
        };
        let content = choose(lang, entry.content.clone(), entry.content.replacen("forged, ", "forjada, ", 1));
        format!("e{}·o{}#{} {content} {state}", entry.epoch, entry.offset, entry.digest)
    };
    let shown = &log.entries[log.entries.len().saturating_sub(ENTRIES_MAX)..];
    std::iter::once(format!("{role}{epoch}")).chain(shown.iter().map(entry)).collect()
}
