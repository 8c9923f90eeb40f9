//! Tests of reports: the contents of a sheet, and that values never become markup.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::scenario::report_events::{ItemResult, ReportEvent};
use crate::scenario::script::{ItemKind, Points};
use crate::scenario::{find, library_names};

const EVIL: &str = "<script>alert(1)</script> | `x` *y* $z";

/// The sheet with all of it passed but the items of one heading.
fn sheet(failed: Option<usize>) -> Run {
    let script = Arc::new(find("assignment").expect("it comes with the program"));
    let mut run = Run::new(script.clone());
    let failed = failed.map(|heading| run.items_of(heading));
    for (index, item) in script.items.iter().enumerate() {
        if matches!(item.kind, ItemKind::Graded { .. }) {
            continue;
        }
        let is_failed = failed.as_ref().is_some_and(|range| range.contains(&index));
        let verdict = if is_failed { Verdict::Fail } else { Verdict::Pass };
        let evidence = vec![Evidence { text: EVIL.into(), ..Evidence::default() }];
        let result = ItemResult { verdict, evidence, text: EVIL.into(), took: Duration::ZERO };
        run.apply(ReportEvent::ItemEnded(index, result));
    }
    let why = Localized::default();
    run.apply(ReportEvent::Ended { verdict: Verdict::Pass, why, took: Duration::from_secs(30) });
    run
}

fn info() -> ReportInfo {
    ReportInfo {
        students: vec!["Ana <b>".to_owned(), "Zoé".to_owned()],
        date: "2026-11-21 08:00".to_owned(),
        version: "9.8.7",
    }
}

fn text(run: Run, lang: Lang, format: ReportFormat) -> String {
    render(&[run], lang, &info(), format)
}

#[test]
fn the_points_of_the_sheet_are_those_of_the_assignment_and_add_up_to_two() {
    let run = sheet(None);
    let of = |item: &crate::scenario::script::Item| match &item.kind {
        ItemKind::Graded { label: Some(label), points: Some(points) } => Some((label.clone(), points.0)),
        _ => None,
    };
    let points: Vec<(String, u32)> = run.script.items.iter().filter_map(of).collect();
    let expected = ["1a", "1b", "2a", "2b", "2c", "2d", "2e", "2f", "3a", "3b.1", "3b.2", "3c", "3d"];
    assert_eq!(points.iter().map(|(label, _)| label.as_str()).collect::<Vec<_>>(), expected);
    assert!(points.iter().all(|(label, points)| *points == if label == "3b.2" { 20 } else { 15 }), "{points:?}");
    assert_eq!(run.points(), (Points(200), Points(200)));
}

#[test]
fn a_line_that_is_not_passed_has_no_points() {
    let heading = sheet(None).headings().nth(10).expect("there are many");
    let run = sheet(Some(heading));
    assert_eq!(run.points(), (Points(180), Points(200)));
    assert!(text(run, Lang::English, ReportFormat::Markdown).contains("1.80 of 2.00"));
}

#[test]
fn a_sheet_names_students_date_version_and_total_in_both_forms_and_languages() {
    for format in [ReportFormat::Markdown, ReportFormat::Html] {
        let english = text(sheet(None), Lang::English, format);
        for wanted in ["Zoé", "2026-11-21 08:00 UTC", "epoca 9.8.7", "2.00 of 2.00", "0.15", "0.20", "3b.2", "PASS"] {
            assert!(english.contains(wanted), "no {wanted:?} in {english}");
        }
        let portuguese = text(sheet(None), Lang::Portuguese, format);
        for wanted in ["Estudantes", "2,00 de 2,00", "0,15", "PASSOU", "Os quatro testes", "efetivada"] {
            assert!(portuguese.contains(wanted), "no {wanted:?} in {portuguese}");
        }
        for unwanted in ["comprometid", " points", "evidence", "Students", "PASS<"] {
            let body = portuguese.split("</style>").last().unwrap_or_default().replace("class=\"evidence\"", "");
            assert!(!body.contains(unwanted), "{unwanted:?} in {body}");
        }
    }
}

#[test]
fn values_are_never_markup() {
    let html = text(sheet(None), Lang::English, ReportFormat::Html);
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !html.contains("<script"), "{html}");
    assert!(html.contains("Ana &lt;b&gt;") && !html.contains("Ana <b>"), "{html}");
    assert!(!html.contains("http://") && !html.contains("https://"), "nothing is loaded");
    let markdown = text(sheet(None), Lang::English, ReportFormat::Markdown);
    assert!(markdown.contains("&lt;script&gt;alert(1)&lt;/script&gt; \\| \\`x\\` \\*y\\* \\$z"), "{markdown}");
    assert!(!markdown.contains("<script") && !markdown.contains("Ana <b>"), "{markdown}");
    assert_eq!(super::markdown::escaped("a\nb\u{1b}[0m"), "a b \\[0m", "no line ends, no control characters");
}

#[test]
fn a_printed_sheet_has_one_page_of_summary_and_a_page_for_each_line() {
    let run = sheet(None);
    let lines = run.headings().count();
    let html = text(run, Lang::English, ReportFormat::Html);
    assert_eq!(html.matches("<section>").count(), lines);
    assert!(html.contains("break-before: page"));
    let markdown = text(sheet(None), Lang::English, ReportFormat::Markdown);
    assert!(markdown.lines().count() < 600, "{} lines", markdown.lines().count());
}

#[test]
fn the_ending_of_the_name_determines_the_format() {
    let format = |name: &str| ReportFormat::of(Path::new(name));
    assert_eq!(
        (format("a.md"), format("b.HTML"), format("c.htm")),
        (Some(ReportFormat::Markdown), Some(ReportFormat::Html), Some(ReportFormat::Html))
    );
    assert_eq!((format("sheet"), format("sheet.pdf"), format(".md")), (None, None, None));
}

#[test]
fn no_text_of_a_scenario_calls_a_committed_entry_compromised() {
    for name in library_names() {
        let script = find(name).expect("it comes with the program");
        assert!(!script.text.contains("comprometid"), "{name}: committed is efetivada; comprometida means compromised");
    }
}
