//! The scenarios of the library pass, with evidence for each step.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{ran, results, text, text as text_of, workshop};

#[track_caller]
fn all_pass(names: &[&str]) {
    let workshop = workshop();
    let tape = workshop.path().join("tape.jsonl");
    let words = [names, &["--record", tape.to_str().expect("a path is text")]].concat();
    for result in results(workshop.path(), 0, &words) {
        assert_eq!(result["verdict"], "PASS", "{result}");
        let steps = result["steps"].as_array().expect("steps");
        let ticked = steps.iter().filter(|step| step["text"].as_str().is_some_and(|text| text.starts_with("expect")));
        for step in ticked {
            let evidence = step["evidence"].as_array().expect("evidence");
            assert!(!evidence.is_empty(), "ticked without evidence: {step}");
        }
    }
    recordings_are_in_causal_order(workshop.path());
}

/// No effect is recorded before its cause, with the recorded delays between the nodes and the recorder and with others.
#[track_caller]
fn recordings_are_in_causal_order(workshop: &Path) {
    let files = std::fs::read_dir(workshop).expect("it can be read").map(|entry| entry.expect("an entry").path());
    let tapes: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|ending| ending == "jsonl")).collect();
    assert!(!tapes.is_empty(), "nothing was recorded");
    for tape in tapes {
        let mut command = Command::new(env!("CARGO_BIN_EXE_epoca"));
        let checked =
            command.arg("replay").arg(&tape).args(["--check", "--shuffle", "80"]).output().expect("it starts");
        assert!(checked.status.success(), "{}: {}", tape.display(), text(&checked.stdout));
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
    all_pass(&["assignment"]);
    let workshop = workshop();
    let results = results(workshop.path(), 0, &["normal", "--lang", "pt", "--report", "folha.md"]);
    assert_eq!(results[0]["title"], "Dados corretos, confirmados");
    let report = std::fs::read_to_string(workshop.path().join("folha.md")).expect("it was written");
    assert!(report.contains("logs antes") && report.contains("Epoca: cenários"), "{report}");
}

#[test]
fn the_defense_passes_by_itself_with_the_demonstrations_of_all_answers() {
    all_pass(&["defense"]);
}

#[test]
fn scenarios_pass_at_the_speed_of_a_person_who_types() {
    // More than an election timeout passes between two commands, so a leader without a majority steps down.
    let names = ["no-quorum", "leader-killed", "old-leader", "conflict-id", "exactly-once", "old-log"];
    // Nearly all of the time is spent waiting between commands, so all runs are concurrent.
    std::thread::scope(|scope| {
        let runs = names.map(|name| scope.spawn(move || all_pass(&[name, "--typing", "1500ms"])));
        for (name, run) in names.iter().zip(runs) {
            assert!(run.join().is_ok(), "{name} did not pass");
        }
    });
}

#[test]
fn a_write_without_a_leader_is_refused_with_what_is_missing_and_what_to_do() {
    let workshop = workshop();
    let results = results(workshop.path(), 0, &["no-quorum"]);
    let steps = results[0]["steps"].as_array().expect("steps");
    let late = steps.iter().find(|step| step["text"] == "expect late refused").expect("the step");
    let said = late["evidence"][0]["text"].as_str().expect("an answer");
    // The time depends on the machine.
    for wanted in
        ["no leader accepted it within ", "of 4 nodes answer", "a majority needs 3", "Nothing was done: try again"]
    {
        assert!(said.contains(wanted), "no {wanted:?} in {said}");
    }
}

#[test]
fn a_replica_that_is_back_at_once_has_missed_what_was_written_meanwhile() {
    // Test 2 of the assignment without a pause: pushes queued at the leader must not fill the gap.
    let text = "title\n  en At once\ndo kill $b\ndo cut $leader $b\ndo missed: put x 1\ndo heal $leader $b\n\
                do restart $b\nexpect any Resynced to=$b\nexpect $b holds missed as final\nexpect logs equal\n";
    let workshop = workshop();
    let names: Vec<String> = (0..5).map(|number| format!("./at-once-{number}.txt")).collect();
    for name in &names {
        std::fs::write(workshop.path().join(name), text).expect("it can be written");
    }
    for result in results(workshop.path(), 0, &names.iter().map(String::as_str).collect::<Vec<_>>()) {
        assert_eq!(result["verdict"], "PASS", "{result}");
    }
}

#[test]
fn the_sheet_is_written_as_one_page_with_students_points_and_evidence() {
    let workshop = workshop();
    let text = "title\n  en A sheet\n  pt Uma folha\nline 9z 0.15\n  en It is written\n  pt É escrita\n\
                do w: put '<b>' '|x|'\nexpect w confirmed\n  en <confirmed>\n  pt <confirmada>\n";
    std::fs::write(workshop.path().join("sheet.txt"), text).expect("it can be written");
    let words = ["./sheet.txt", "--report", "sheet.html", "--student", "Ana", "--student", "Zoé", "--lang", "pt"];
    let results = results(workshop.path(), 0, &words);
    assert_eq!(results[0]["points"], serde_json::json!({"reached": "0.15", "of": "0.15"}));
    let page = std::fs::read_to_string(workshop.path().join("sheet.html")).expect("it was written");
    for wanted in ["<!DOCTYPE html>", "pt-BR", "Ana, Zoé", "0,15 de 0,15", "&lt;confirmada&gt;", "put '&lt;b&gt;'"] {
        assert!(page.contains(wanted), "no {wanted:?} in {page}");
    }
    let output = ran(workshop.path(), &["run", "normal", "--report", "sheet.pdf"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text_of(&output.stderr).contains("ends in .md"), "{output:?}");
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
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tui/scenario/README.md")).expect("it exists");
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
    for wanted in ["✓ PASS", "C3 Truncated", "logs before", "logs after", "forged x=forged", "intermediate"] {
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
