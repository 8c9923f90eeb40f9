//! Keys and pastes, byte by byte as terminals send them.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::session::Session;

/// A console with a recording, which needs no nodes.
fn replay(home: &tempfile::TempDir) -> Session {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/.assets/demo.epoca.jsonl");
    let session = Session::open(home.path(), &["replay", file]);
    session.wait_for(|screen| screen.contains("REPLAY") && screen.contains("[CONTROL]"));
    session
}

fn in_two_reads(session: &mut Session, rest: &str) {
    session.keys("\u{1b}");
    std::thread::sleep(Duration::from_millis(5));
    session.keys(rest);
}

#[test]
fn an_escape_sequence_that_arrives_in_two_reads_is_one_key() {
    let home = tempfile::tempdir().expect("a folder");
    let mut session = replay(&home);
    session.keys("i");
    session.wait_for(|screen| screen.contains("[TYPE]"));
    session.keys("pux");
    session.wait_for(|screen| screen.contains("> pux"));
    in_two_reads(&mut session, "[D");
    session.keys("t");
    session.wait_for(|screen| screen.contains("> putx") && screen.contains("[TYPE]"));
    in_two_reads(&mut session, "[200~ aq b\u{1b}[201~");
    session.wait_for(|screen| screen.contains("> put aq bx") && screen.contains("[TYPE]"));
    session.signal(Signal::SIGTERM);
    assert_eq!(session.ended(""), 0);
}

#[test]
fn a_paste_without_marks_in_control_does_not_quit() {
    let home = tempfile::tempdir().expect("a folder");
    let mut session = replay(&home);
    session.keys("kill 3\rquit\rq");
    session.wait_for(|screen| screen.contains("13 keys arrived at once") && screen.contains("[CONTROL]"));
    session.signal(Signal::SIGTERM);
    assert_eq!(session.ended(""), 0);
}

#[test]
fn a_paste_of_300_kb_is_refused_and_the_line_stays_as_it_was() {
    let home = tempfile::tempdir().expect("a folder");
    let mut session = replay(&home);
    session.keys("i");
    session.wait_for(|screen| screen.contains("[TYPE]"));
    session.keys("put big ");
    session.keys(&format!("\u{1b}[200~{}\u{1b}[201~", "x".repeat(300_000)));
    session.wait_for(|screen| screen.contains("paste refused: 300000 bytes") && screen.contains("> put big "));
    session.signal(Signal::SIGTERM);
    assert_eq!(session.ended(""), 0);
}
