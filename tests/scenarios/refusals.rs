//! Failures are reported: a scenario that must fail, an invalid scenario text, an interrupted run.

use std::io::{BufRead, BufReader};
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{begin, nothing_stays, ran, results, text, workshop};

fn write(workshop: &Path, name: &str, text: &str) {
    std::fs::write(workshop.join(name), text).expect("it can be written");
}

#[test]
fn a_wrong_expectation_fails_with_exit_1_and_says_why() {
    let workshop = workshop();
    let wrong = "title\n  en Wrong\ndo w: put x 1\nexpect $a Truncated from=w within 1s\n  en it truncates\n\
                 expect logs equal\n";
    write(workshop.path(), "wrong.txt", wrong);
    let results = results(workshop.path(), 1, &["./wrong.txt"]);
    assert_eq!(results[0]["verdict"], "FAIL");
    let why = results[0]["why"].as_str().expect("a reason");
    assert!(why.starts_with("line 4: not within 1 s: n2 has not reported Truncated"), "{why}");
    assert_eq!(results[0]["steps"][2]["verdict"], serde_json::Value::Null, "nothing after it was looked at");
}

#[test]
fn an_unknown_outcome_where_a_definite_one_is_needed_is_unknown_with_exit_2() {
    let workshop = workshop();
    let text = "title\n  en Open\ndo kill $b\ndo kill $c\ntry w 300ms: put x 1\nexpect w confirmed\n";
    write(workshop.path(), "open.txt", text);
    let results = results(workshop.path(), 2, &["./open.txt"]);
    assert_eq!(results[0]["verdict"], "UNKNOWN", "{}", results[0]);
}

#[test]
fn a_broken_text_exits_2_with_line_and_column() {
    let workshop = workshop();
    write(workshop.path(), "broken.txt", "title\n  en Broken\n\ndo put x\nexpect logs equal\n");
    let output = ran(workshop.path(), &["run", "./broken.txt"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("./broken.txt: line 4, column 9: expected put <KEY> <VALUE"), "{said}");
}

#[test]
fn a_name_that_is_none_exits_2_and_names_those_that_there_are() {
    let workshop = workshop();
    let output = ran(workshop.path(), &["run", "nothing"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("conflict-digest"), "{output:?}");
}

#[test]
fn an_interrupted_run_leaves_no_process_and_no_folder() {
    let workshop = workshop();
    let mut child = begin(workshop.path(), &["run", "chaos"]);
    let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
    let begun = lines.any(|line| line.is_ok_and(|line| line.contains("clients write and read")));
    assert!(begun, "chaos began");
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).expect("it runs");
    // The pipe must be read to its end, or the program could block.
    let rest = std::thread::spawn(move || lines.for_each(drop));
    let status = child.wait().expect("the process can be awaited");
    rest.join().expect("it only reads");
    assert_eq!(status.code(), Some(2));
    nothing_stays(workshop.path());
}
