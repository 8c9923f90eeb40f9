//! A report as Markdown. Keys, values and names are escaped, so that they cannot contain markup.

use std::fmt::Write;

use super::document::{Document, Logs, Page, ReportStep, Table};
use crate::scenario::report_events::Verdict;

pub fn render(document: &Document) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "# {}\n", escaped(&document.title));
    for (name, value) in &document.facts {
        let _ = writeln!(out, "- **{}**: {}", escaped(name), escaped(value));
    }
    let _ = writeln!(out);
    document.tables.iter().for_each(|each| table(&mut out, each));
    for note in &document.notes {
        let _ = writeln!(out, "- {}", escaped(note));
    }
    if !document.notes.is_empty() {
        let _ = writeln!(out);
    }
    document.pages.iter().for_each(|each| page(&mut out, each));
    out
}

fn table(out: &mut String, table: &Table) {
    if !table.caption.is_empty() {
        let _ = writeln!(out, "**{}**\n", escaped(&table.caption));
    }
    row(out, table.head.iter().map(|cell| escaped(cell)));
    row(out, table.head.iter().map(|_| "---".to_owned()));
    for each in &table.rows {
        let strong = |cell: &String| match cell.is_empty() || !each.is_total {
            true => escaped(cell),
            false => format!("**{}**", escaped(cell)),
        };
        row(out, each.cells.iter().map(strong));
    }
    let _ = writeln!(out);
}

fn row(out: &mut String, cells: impl Iterator<Item = String>) {
    let _ = writeln!(out, "| {} |", cells.collect::<Vec<_>>().join(" | "));
}

fn page(out: &mut String, page: &Page) {
    let of = page.of.as_ref().map_or(String::new(), |of| format!(" ({})", escaped(of)));
    let points = if page.points.is_empty() { String::new() } else { format!(" — {}", escaped(&page.points)) };
    let mark = page.verdict.map_or("·", Verdict::mark);
    let _ = writeln!(out, "---\n\n## {mark} {}{points}{of}\n", escaped(&page.title));
    if !page.why.is_empty() {
        let _ = writeln!(out, "{}\n", escaped(&page.why));
    }
    page.steps.iter().for_each(|each| step(out, each));
    if !page.steps.is_empty() {
        let _ = writeln!(out);
    }
    page.logs.iter().for_each(|each| logs(out, each));
}

fn step(out: &mut String, step: &ReportStep) {
    match step {
        ReportStep::Do { line, text, failed } => {
            let dash = if text.is_empty() { String::new() } else { format!(" — {}", escaped(text)) };
            let _ = writeln!(out, "- {}{dash}", code(line));
            if !failed.is_empty() {
                let _ = writeln!(out, "  - **{}**", escaped(failed));
            }
        }
        ReportStep::Expect { verdict, text, why, failed, evidence } => {
            let why = if why.is_empty() { String::new() } else { format!(" — *{}*", escaped(why)) };
            let _ = writeln!(out, "- {} {}{why}", verdict.mark(), escaped(text));
            if !failed.is_empty() {
                let _ = writeln!(out, "  - **{}**", escaped(failed));
            }
            for each in evidence {
                let _ = writeln!(out, "  - {}", escaped(each));
            }
        }
    }
}

fn logs(out: &mut String, logs: &Logs) {
    row(out, logs.head.iter().map(|cell| escaped(cell)));
    row(out, logs.head.iter().map(|_| "---".to_owned()));
    let lines = |lines: &[String]| lines.iter().map(|line| escaped(line)).collect::<Vec<_>>().join("<br>");
    for each in &logs.rows {
        row(out, [escaped(&each.node), lines(&each.before), lines(&each.after)].into_iter());
    }
    let _ = writeln!(out);
}

/// Escapes every character that could begin markup, or end a cell or a line.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '$' => {
                out.push('\\');
                out.push(character);
            }
            character if character.is_control() => out.push(' '),
            character => out.push(character),
        }
    }
    out
}

/// A code span with a fence longer than any run of backticks in the text.
fn code(text: &str) -> String {
    let text: String = text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}
