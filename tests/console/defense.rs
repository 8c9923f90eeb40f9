//! The defense by keys, as a presenter gives it, and the speaker notes beside it.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::session::Session;

/// The lower right of the tour's tab, and the number of the step.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Scene {
    /// It waits for `n`.
    Waits(String),
    /// A step that is not shown.
    Failed(String),
    Ended,
}

fn scene(screen: &str) -> Option<Scene> {
    let line = |wanted: &str| screen.lines().find(|line| line.contains(wanted)).map(str::trim).map(str::to_owned);
    if screen.contains("D begins the defense again") {
        return Some(Scene::Ended);
    }
    let step = line("DEFENSE ").or_else(|| line("QUESTION"))?;
    let step = step.split("   ").next().unwrap_or_default().to_owned();
    if screen.contains("not shown; N: again") {
        return Some(Scene::Failed(step));
    }
    let state = ["n: run it ", "n: go on ", "shown; n: next ", "shown; n: end", "shown; n: back"];
    let state = state.into_iter().find(|state| screen.contains(state))?;
    let now = screen.lines().skip_while(|line| !line.contains(&step)).nth(1).unwrap_or_default().trim();
    Some(Scene::Waits(format!("{step} {state} {now}")))
}

/// Waits until the tour waits at another place.
fn next_scene(session: &Session, before: Option<&Scene>) -> (Scene, String) {
    let screen = session.wait_for(|screen| scene(screen).is_some_and(|scene| Some(&scene) != before));
    (scene(&screen).expect("it existed"), screen)
}

fn notes(folder: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_epoca"));
    command.args(["notes", "--lang", "en", "--data"]).arg(folder).stdin(Stdio::null());
    let output = command.output().expect("it starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).expect("text"))
}

#[test]
fn the_whole_defense_is_given_by_one_key_and_every_line_is_shown() {
    let home = tempfile::tempdir().expect("a folder");
    let mut session = Session::open(home.path(), &["defend", "--base-port", "0"]);
    session.wait_for(|screen| screen.contains("DEFENSE 1 OF 19") && screen.contains("LOOK HERE"));
    let (mut now, mut screen) = next_scene(&session, None);
    let mut seen = 0;
    loop {
        match &now {
            Scene::Ended => break,
            Scene::Failed(step) => panic!("{step} is not shown:\n{screen}"),
            Scene::Waits(_) => session.keys("n"),
        }
        // While a step runs, the same key skips the pauses for readers.
        let screen_after = session.wait_for(|screen| scene(screen).as_ref() != Some(&now));
        if scene(&screen_after).is_none() {
            session.keys("n");
        }
        seen += 1;
        assert!(seen < 100, "it does not come to an end:\n{screen}");
        (now, screen) = next_scene(&session, Some(&now));
    }
    session.wait_for(|screen| screen.contains("PASS, ") && screen.contains("2.00 of 2.00 points"));
    // The last `n` and both `q` at once would look like a paste.
    session.keys("q");
    session.wait_for(|screen| screen.contains("q again ends the nodes"));
    session.keys("q");
    assert_eq!(session.ended("The nodes have ended."), 0);
}

#[test]
fn a_question_is_asked_shown_and_left_and_a_step_goes_back_and_repeats() {
    let home = tempfile::tempdir().expect("a folder");
    let mut session = Session::open(home.path(), &["defend", "--base-port", "0"]);
    // The step's expectations are one condition, because a screen may be read while it is half drawn.
    let wait = |session: &Session, wanted: &[&str]| {
        session.wait_for(|screen| wanted.iter().all(|wanted| screen.contains(wanted)));
    };
    wait(&session, &["DEFENSE 1 OF 19", "n: run it "]);
    session.keys("Q");
    wait(&session, &["QUESTION", "Two majorities of four always share a node", "n: run it "]);
    session.keys("n");
    wait(&session, &["QUESTION", "two of four: neither committed nor confirmed", "n: go on "]);
    session.keys("n");
    wait(&session, &["QUESTION", "three of four: confirmed", "shown; n: back to the tour"]);
    session.keys("n");
    wait(&session, &["DEFENSE 1 OF 19", "n: run it "]);
    session.keys("n");
    wait(&session, &["DEFENSE 1 OF 19", "the four logs are equal", "shown; n: next"]);
    session.keys("n");
    wait(&session, &["DEFENSE 2 OF 19", "n: run it "]);
    session.keys("b");
    wait(&session, &["DEFENSE 1 OF 19", "the four logs are equal", "shown; n: next"]);
    session.keys("N");
    session.wait_for(|screen| screen.contains("DEFENSE 1 OF 19") && !screen.contains("the four logs are equal"));
    wait(&session, &["DEFENSE 1 OF 19", "the four logs are equal", "shown; n: next"]);
    session.keys("\u{1b}");
    wait(&session, &["esc again ends the defense"]);
    session.keys("\u{1b}");
    wait(&session, &["STOPPED", "Lines not run: T1 T2 T3 T4 1a"]);
    session.keys("qq");
    assert_eq!(session.ended("The nodes have ended."), 0);
}

#[test]
fn the_speaker_notes_follow_the_defense_on_another_terminal() {
    let home = tempfile::tempdir().expect("a folder");
    let data = home.path().join("epoca-data");
    let (code, text) = notes(&data);
    assert!(code == Some(1) && text.contains("no defense runs on"), "{text}");
    let mut session = Session::open(home.path(), &["defend", "--base-port", "0"]);
    let screen = session.wait_for(|screen| screen.contains("DEFENSE 1 OF 19") && screen.contains("n: run it "));
    let (code, text) = notes(&data);
    assert_eq!(code, Some(0), "{text}");
    for wanted in ["Step 1 of 19", "SAY", "These are four real processes", "Why three of four?", "Test 1: correct data"]
    {
        assert!(text.contains(wanted), "no {wanted:?} in {text}");
    }
    assert!(!screen.contains("These are four real processes"), "not on the projected screen: {screen}");
    let arguments = ["notes", "--lang", "pt-BR", "--data", "epoca-data"];
    let mut reader = Session::open(home.path(), &arguments);
    reader.wait_for_screen(true, |screen| screen.contains("Passo 1 de 19") && screen.contains("n executa"));
    session.keys("n");
    reader.wait_for(|screen| screen.contains("Passo 1 de 19") && screen.contains("mostrado"));
    session.wait_for(|screen| screen.contains("DEFENSE 1 OF 19") && screen.contains("shown; n: next"));
    session.keys("n");
    reader.wait_for(|screen| screen.contains("Passo 2 de 19"));
    session.keys("qq");
    assert_eq!(session.ended("The nodes have ended."), 0);
    reader.wait_for(|screen| screen.contains("nenhuma defesa em andamento"));
    reader.keys("q");
    assert_eq!(reader.ended(""), 0);
    assert!(!data.join("defense.json").exists());
}

#[test]
fn a_scenario_pauses_takes_one_item_stops_and_says_what_it_has_shown() {
    let home = tempfile::tempdir().expect("a folder");
    let mut session = Session::open(home.path(), &["demo", "--base-port", "0"]);
    session.wait_for(|screen| screen.contains("n1 leads  commit e1·o0"));
    session.keys("1");
    session.wait_for(|screen| screen.contains("Correct data, confirmed"));
    session.keys(" ");
    let screen = session.wait_for(|screen| screen.contains("PAUSED: space goes on"));
    let passed = |screen: &str| screen.matches('✓').count() + screen.matches('→').count();
    let before = passed(&screen);
    session.keys("n");
    session.wait_for(|screen| passed(screen) > before && screen.contains("PAUSED: space goes on"));
    session.keys("X");
    session.wait_for(|screen| screen.contains("STOPPED") && screen.contains("Steps not run: "));
    session.keys("2");
    session.wait_for(|screen| screen.contains("A replica stops, writes continue"));
    session.keys("qq");
    assert_eq!(session.ended("The nodes have ended."), 0);
}
