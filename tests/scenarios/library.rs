//! The scenarios that come with the program pass, and show what they saw.

use serde_json::Value;

use crate::support::{ran, results, text, workshop};

#[track_caller]
fn all_pass(names: &[&str]) {
    let workshop = workshop();
    for result in results(workshop.path(), 0, names) {
        assert_eq!(result["verdict"], "PASS", "{result}");
        let steps = result["steps"].as_array().expect("steps");
        let ticked = steps.iter().filter(|step| step["text"].as_str().is_some_and(|text| text.starts_with("expect")));
        for step in ticked {
            let evidence = step["evidence"].as_array().expect("evidence");
            assert!(!evidence.is_empty(), "ticked without evidence: {step}");
        }
    }
}

#[test]
fn writes_conflicts_and_held_orders_are_shown() {
    all_pass(&["normal", "conflict-digest", "conflict-id", "commit-order"]);
}

#[test]
fn replicas_and_leaders_that_go_and_return_are_shown() {
    all_pass(&["old-log", "no-quorum", "leader-killed", "old-leader", "lost-answers", "members", "damage"]);
}

#[test]
fn leaders_that_hand_over_retries_snapshots_reads_and_overload_are_shown() {
    all_pass(&["transfer", "exactly-once", "snapshot", "reads", "overload"]);
}

#[test]
fn killed_nodes_and_chaos_lose_nothing_that_was_confirmed() {
    all_pass(&["kill-9", "chaos", "--chaos-seconds", "5"]);
}

#[test]
fn the_figures_of_the_raft_paper_are_shown_on_logs_prepared_before() {
    all_pass(&["figure-7", "figure-8", "figure-8e"]);
}

#[test]
fn every_line_of_the_assignments_sheet_is_ticked_in_portuguese_too() {
    all_pass(&["assignment", "--report", "sheet.md"]);
    let workshop = workshop();
    let results = results(workshop.path(), 0, &["normal", "--lang", "pt", "--report", "folha.md"]);
    assert_eq!(results[0]["title"], "Dados corretos, confirmados");
    let report = std::fs::read_to_string(workshop.path().join("folha.md")).expect("it was written");
    assert!(report.contains("logs antes") && report.contains("Epoca: cenários"), "{report}");
}

#[test]
fn evidence_names_node_event_rule_and_entry() {
    let workshop = workshop();
    let results = results(workshop.path(), 0, &["conflict-digest"]);
    let steps = results[0]["steps"].as_array().expect("steps");
    let truncated = steps.iter().find(|step| step["text"] == "expect $a Truncated from=forged").expect("the step");
    let evidence = &truncated["evidence"][0];
    assert_eq!((&evidence["rule"], &evidence["node"]), (&Value::from("C3"), &results[0]["nodes"]["a"]));
    assert!(evidence["event"].as_u64().is_some_and(|number| number > 0), "{evidence}");
    let conflict = steps.iter().find(|step| step["text"] == "expect $a Conflict what=entry-differs").expect("the step");
    let entries = conflict["evidence"][0]["entries"].as_array().expect("entries");
    let [expected, found] = &entries[..] else { panic!("{entries:?}") };
    let id = |entry: &Value| entry.as_str().and_then(|text| text.split_once('#')).map(|(id, _)| id.to_owned());
    assert_eq!(id(expected), id(found), "the same epoch and offset");
    assert_ne!(expected, found, "another digest");
}

#[test]
fn a_text_of_ones_own_runs_as_the_readme_shows_it() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("it is there");
    let text = readme.split("```text\n").find(|text| text.starts_with("title\n")).expect("an example");
    let text = text.split("```").next().expect("it ends");
    let workshop = workshop();
    std::fs::write(workshop.path().join("mine.txt"), text).expect("it can be written");
    let results = results(workshop.path(), 0, &["./mine.txt"]);
    assert_eq!((&results[0]["name"], &results[0]["verdict"]), (&"mine".into(), &"PASS".into()), "{}", results[0]);
}

#[test]
fn a_report_has_the_logs_before_and_after() {
    let workshop = workshop();
    let output = ran(workshop.path(), &["run", "conflict-digest", "--report", "report.md"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report = std::fs::read_to_string(workshop.path().join("report.md")).expect("it was written");
    for wanted in ["— PASS", "C3 Truncated", "logs before", "logs after", "forged, x=forged", "intermediate"] {
        assert!(report.contains(wanted), "no {wanted:?} in {report}");
    }
}

#[test]
fn all_are_listed_and_each_can_be_read() {
    let workshop = workshop();
    let output = ran(workshop.path(), &["list", "--output", "json"]);
    let listed: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(listed.len() >= 10, "{listed:?}");
    let output = ran(workshop.path(), &["list"]);
    assert!(text(&output.stdout).contains("chaos"));
}
