//! A report as one HTML file that loads nothing from elsewhere. Printed, it has the summary on one page and then a page
//! for each part. The template escapes every value.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::document::{Document, Logs, Page, ReportStep, Table};
use crate::scenario::report_events::Verdict;

/// For the screen and, with page breaks, for paper. Every colour has a mark with the same meaning.
const STYLE: &str = "
:root { --ink: #1b1b1b; --soft: #5a5a5a; --line: #c9c9c9; --pass: #14692b; --fail: #a31515; --unknown: #855400; }
* { box-sizing: border-box; }
body { font: 15px/1.45 system-ui, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif; color: var(--ink);
  background: #fff; max-width: 60rem; margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.5rem; margin: 0 0 .8rem; }
h2 { font-size: 1.12rem; margin: 0 0 .5rem; }
section { border-top: 1px solid var(--line); margin-top: 1.6rem; padding-top: 1.1rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .9rem; margin: 0 0 1rem; }
dt { color: var(--soft); } dd { margin: 0; }
table { border-collapse: collapse; width: 100%; margin: 0 0 1rem; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { text-align: left; vertical-align: top; padding: .22rem .5rem; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; }
tr.total td { white-space: nowrap; font-weight: 700; border-bottom: 0; }
.PASS { color: var(--pass); } .FAIL { color: var(--fail); } .UNKNOWN { color: var(--unknown); }
td:last-child { white-space: nowrap; }
.of, .points, .why, .said { color: var(--soft); }
.points { font-weight: 400; }
ul { list-style: none; margin: 0 0 .9rem; padding: 0; }
li { margin: .22rem 0; overflow-wrap: anywhere; }
li.do { color: var(--soft); }
code, .evidence, .logs td { font-family: ui-monospace, 'Cascadia Mono', Menlo, 'Liberation Mono', monospace; }
code { font-size: .86em; background: #f2f2f2; padding: .05em .3em; border-radius: 3px; color: var(--ink); }
.evidence { font-size: .76em; color: var(--soft); margin: .05rem 0 .05rem 1.4rem; overflow-wrap: anywhere; }
.failed { font-weight: 600; color: var(--fail); margin-left: 1.4rem; }
.logs { margin-top: .4rem; } .logs td { font-size: .74em; white-space: normal; overflow-wrap: anywhere; }
.logs td div:first-child { color: var(--soft); }
@page { size: A4; margin: 14mm 13mm; }
@media print {
  body { font-size: 10.5px; max-width: none; margin: 0; padding: 0; }
  section { break-before: page; border: 0; margin: 0; padding: 0; }
  li, tr, caption { break-inside: avoid; } h2, caption { break-after: avoid; }
  code { background: none; padding: 0; }
  * { print-color-adjust: exact; }
}
";

pub fn render(document: &Document) -> String {
    let page = html! {
        (DOCTYPE)
        html lang=(document.lang) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (document.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (document.title) }
                    dl { @for (name, value) in &document.facts { dt { (name) } dd { (value) } } }
                    @for each in &document.tables { (table(each)) }
                    @if !document.notes.is_empty() {
                        ul { @for note in &document.notes { li { (note) } } }
                    }
                }
                @for each in &document.pages { (section(each)) }
            }
        }
    };
    page.into_string()
}

/// The CSS class of a verdict.
fn class(verdict: Verdict) -> &'static str {
    verdict.name()
}

fn table(table: &Table) -> Markup {
    html! {
        table {
            @if !table.caption.is_empty() { caption { (table.caption) } }
            thead { tr { @for cell in &table.head { th { (cell) } } } }
            tbody {
                @for row in &table.rows {
                    tr class=[row.is_total.then_some("total")] {
                        @for (index, cell) in row.cells.iter().enumerate() {
                            @let is_last = index + 1 == row.cells.len();
                            td class=[row.verdict.filter(|_| is_last).map(class)] { (cell) }
                        }
                    }
                }
            }
        }
    }
}

fn section(page: &Page) -> Markup {
    html! {
        section {
            @if let Some(of) = &page.of { div class="of" { (of) } }
            h2 {
                @if let Some(verdict) = page.verdict { span class=(class(verdict)) { (verdict.mark()) } " " }
                (page.title)
                @if !page.points.is_empty() { span class="points" { " — " (page.points) } }
            }
            @if !page.why.is_empty() { p class="why" { (page.why) } }
            @if !page.steps.is_empty() { ul { @for each in &page.steps { (step(each)) } } }
            @if let Some(each) = &page.logs { (logs(each)) }
        }
    }
}

fn step(step: &ReportStep) -> Markup {
    html! {
        @match step {
            ReportStep::Do { line, text, failed } => li class="do" {
                code { (line) }
                @if !text.is_empty() { " — " (text) }
                @if !failed.is_empty() { div class="failed" { (failed) } }
            },
            ReportStep::Expect { verdict, text, why, failed, evidence } => li {
                span class=(class(*verdict)) { (verdict.mark()) } " " (text)
                @if !why.is_empty() { span class="said" { " — " (why) } }
                @if !failed.is_empty() { div class="failed" { (failed) } }
                @for each in evidence { div class="evidence" { (each) } }
            },
        }
    }
}

fn logs(logs: &Logs) -> Markup {
    html! {
        table class="logs" {
            thead { tr { @for cell in &logs.head { th { (cell) } } } }
            tbody {
                @for row in &logs.rows {
                    tr {
                        td { (row.node) }
                        @for side in [&row.before, &row.after] { td { @for line in side { div { (line) } } } }
                    }
                }
            }
        }
    }
}
