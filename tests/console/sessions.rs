//! Whole sessions.

use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

use crate::session::{Session, assert_gone, node_pids};

/// A demo in a temporary folder on free ports, after the first election.
fn demo(home: &tempfile::TempDir) -> (Session, Vec<i32>) {
    let session = Session::open(home.path(), &["demo", "--base-port", "0"]);
    let led = |screen: &str| screen.contains("n1 leads  commit e1·o0") && finals(screen, "  ◇  ") == 4;
    let screen = session.wait_for(|screen| led(screen) && node_pids(screen).len() == 4);
    (session, node_pids(&screen))
}

/// The number of nodes that show this content as final.
fn finals(screen: &str, content: &str) -> usize {
    screen.matches(&format!("[{content}]")).count()
}

#[test]
fn a_session_writes_kills_injects_repairs_and_leaves_nothing_behind() {
    let home = tempfile::tempdir().expect("a folder");
    let (mut session, pids) = demo(&home);
    session.command("put x 1");
    session.wait_for(|screen| finals(screen, " x=1 ") == 4 && screen.contains("✓ put x 1"));
    session.keys("k");
    session.wait_for(|screen| screen.contains("kill:  1  2  3  4"));
    session.keys("3");
    session.wait_for(|screen| screen.contains("killed, ") && screen.contains("n3 replica   e1  DOWN"));
    assert_gone(&pids[2..3]);
    session.keys("c2");
    session.wait_for(|screen| screen.contains("forge in n2:"));
    session.keys("\r");
    session.wait_for(|screen| screen.contains("≠x=666≠"));
    session.command("put y=2");
    let screen = session.wait_for(|screen| finals(screen, " y=2 ") == 3 && screen.contains("truncated ~x=666~"));
    assert!(!screen.contains("≠x=666≠"), "{screen}");
    session.keys("r3");
    let screen = session.wait_for(|screen| finals(screen, " y=2 ") == 4 && screen.contains("live 4"));
    let restarted = node_pids(&screen);
    session.keys("qq");
    assert_eq!(session.ended("Their data stays in"), 0);
    assert_gone(&[pids, restarted].concat());
    let history = std::fs::read_to_string(home.path().join("epoca/history")).expect("a history");
    assert_eq!(history, "put x 1\nput y=2\n");
}

#[test]
fn a_held_commit_order_leaves_intermediate_data_until_it_is_released() {
    let home = tempfile::tempdir().expect("a folder");
    let (mut session, _) = demo(&home);
    session.keys("h3");
    session.wait_for(|screen| screen.contains("HELD n3"));
    session.command("put x 1");
    session.wait_for(|screen| finals(screen, " x=1 ") == 3 && screen.contains("┆ x=1 ┆"));
    session.keys("h3");
    session.wait_for(|screen| finals(screen, " x=1 ") == 4 && !screen.contains("HELD"));
    session.keys("\u{3}\u{3}");
    assert_eq!(session.ended("The nodes have ended."), 0);
}

#[test]
fn a_portuguese_session_with_banner_and_mouse_gives_the_terminal_back() {
    let home = tempfile::tempdir().expect("a folder");
    let arguments = ["demo", "--base-port", "0", "--lang", "pt-BR", "--present", "--mouse"];
    let mut session = Session::open(home.path(), &arguments);
    session.wait_for(|screen| screen.contains("n1 lidera  commit e1·o0") && screen.contains("[CONTROLE]"));
    session.keys("iput x 1\r");
    session.wait_for(|screen| finals(screen, " x=1 ") == 4 && screen.contains("▐▌"));
    session.keys("\u{1b}");
    let screen = session.wait_for(|screen| screen.contains("[CONTROLE]") && screen.contains(" eventos "));
    let (row, line) = screen.lines().enumerate().find(|(_, line)| line.contains(" eventos ")).expect("a tab");
    let before = line.split(" eventos ").next().unwrap_or_default();
    session.keys(&format!("\u{1b}[<0;{};{}M", before.chars().count() + 3, row + 1));
    session.wait_for(|screen| screen.contains("[eventos]"));
    session.keys("qq");
    assert_eq!(session.ended("Os nós terminaram."), 0);
}

#[test]
fn the_palette_finds_a_command_and_the_explanation_names_its_source() {
    let home = tempfile::tempdir().expect("a folder");
    let (mut session, _) = demo(&home);
    session.keys(":inj");
    session.wait_for(|screen| screen.contains("inject [OPTIONS]"));
    session.keys("\r");
    session.wait_for(|screen| screen.contains("[TYPE]"));
    session.keys("2 q 666\r");
    session.wait_for(|screen| screen.contains("≠q=666≠"));
    session.keys("\u{1b}");
    session.wait_for(|screen| screen.contains("[CONTROL]"));
    session.keys("e");
    session.wait_for(|screen| screen.contains("EXPLANATION") && screen.contains("Assignment, test 3"));
    session.keys("qq");
    assert_eq!(session.ended("The nodes have ended."), 0);
}

#[test]
fn a_wrong_config_file_is_reported_with_line_and_key_before_anything_starts() {
    let home = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(home.path().join("epoca")).expect("a folder");
    let written = "mouse = true\n\n[keys]\nkk = \"x\"\n";
    std::fs::write(home.path().join("epoca/config.toml"), written).expect("a file");
    let session = Session::open(home.path(), &["demo", "--base-port", "0"]);
    assert_eq!(session.ended("line 4: keys.kk: there is no key kk"), 2);
    assert!(!home.path().join("epoca-data").exists());
}

#[test]
fn sigterm_and_sighup_restore_the_terminal_and_end_the_nodes() {
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        let home = tempfile::tempdir().expect("a folder");
        let (session, pids) = demo(&home);
        session.signal(signal);
        assert_eq!(session.ended("The nodes have ended."), 0);
        assert_gone(&pids);
    }
}

#[test]
fn a_second_console_shows_the_same_nodes_and_ends_none() {
    let home = tempfile::tempdir().expect("a folder");
    let (mut first, pids) = demo(&home);
    let again = Session::open(home.path(), &["demo", "--base-port", "0"]);
    assert_eq!(again.ended("already running: epoca console"), 1);
    let mut second = Session::open(home.path(), &["console"]);
    second.wait_for(|screen| node_pids(screen) == pids && screen.contains("n1 leads"));
    second.keys("k4");
    first.wait_for(|screen| screen.contains("n4 replica   e1  DOWN"));
    second.wait_for(|screen| screen.contains("n4 replica   e1  DOWN") && screen.contains("killed, "));
    second.keys("q");
    assert_eq!(second.ended("The nodes keep running."), 0);
    first.command("put x 1");
    first.wait_for(|screen| finals(screen, " x=1 ") == 3);
    first.keys("qq");
    assert_eq!(first.ended("The nodes have ended."), 0);
    assert_gone(&pids);
}

#[test]
fn without_a_terminal_it_names_the_headless_command() {
    for (arguments, named) in [(&["demo"][..], "epoca cluster --lab"), (&["console"][..], "epoca status")] {
        let output = Command::new(env!("CARGO_BIN_EXE_epoca")).args(arguments).stdin(Stdio::null()).output();
        let output = output.expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(named), "{said}");
    }
}

#[test]
fn the_recording_beside_the_readme_opens_and_plays_and_nothing_is_found_in_it() {
    let home = tempfile::tempdir().expect("a folder");
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/.assets/demo.epoca.jsonl");
    let output = Command::new(env!("CARGO_BIN_EXE_epoca")).args(["replay", file, "--check"]).output();
    let output = output.expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let mut session = Session::open(home.path(), &["replay", file]);
    session.wait_for(|screen| {
        let is_opened = screen.contains("REPLAY demo.epoca.jsonl  event ") && screen.contains("this is a recording");
        // It opens at the first leader, with the rest left to play.
        is_opened && screen.contains("n1 leads") && !screen.contains("NO LEADER")
    });
    session.keys("L");
    let position = |screen: &str| -> Option<(String, String)> {
        let position = screen.split("event ").nth(1)?.split_whitespace().next()?;
        position.split_once('/').map(|(step, of)| (step.to_owned(), of.to_owned()))
    };
    let at_end = |screen: &str| position(screen).is_some_and(|(step, of)| step == of);
    let screen = session.wait_for(|screen| at_end(screen) && screen.contains(" leads "));
    let (_, of) = position(&screen).expect("event k of n");
    session.keys("{{");
    session.wait_for(|screen| screen.contains("REPLAY") && !at_end(screen));
    session.keys(" ");
    session.wait_for(|screen| screen.contains(&format!("event {of}/{of}")) && screen.contains("‖"));
    session.keys("q");
    assert_eq!(session.ended(""), 0);
}
