//! The keys for a presenter: write, read everywhere, conflict, clean, repeat, grades; answers that leave the tab.

use std::time::Duration;

use crossterm::event::KeyCode;
use epoca::client::watch::Observed;
use epoca::protocol::NodeId;
use epoca::protocol::trace::Fact;
use serde_json::{Value, json};

use crate::command::{Exit, Outcome, Tone};
use crate::console::app::grades_of;
use crate::console::keys::Mode;
use crate::console::model::{Dialog, ForgeryKind, Pane, ProcessSeen};
use crate::console::tests::drawing::{LARGE, MIDDLE, SMALL, check, dark, screen};
use crate::console::tests::sample::{Sample, records};
use crate::console::update::{Effect, Msg};
use crate::lang::Lang;
use crate::scenario::by_hand::sheet;
use crate::scenario::{ItemKind, evidence_text};
use crate::tape::Checker;

/// The lines of all operations.
fn lines(sample: &Sample) -> Vec<String> {
    sample.model.operations.list().iter().map(|operation| operation.line.clone()).collect()
}

fn notice(sample: &Sample) -> String {
    sample.model.notice.as_ref().map(|notice| notice.text.clone()).unwrap_or_default()
}

fn ends(sample: &mut Sample, number: u64, json: Value, text: &str) -> Vec<Effect> {
    let outcome = Outcome::done(json).line(Tone::Result, text.to_owned());
    sample.send(Msg::OperationEnd(number, outcome, Duration::from_micros(1_940)))
}

fn row(value: &str, offset: u64) -> Value {
    json!({"found": true, "value": value, "epoch": 1, "offset": offset, "revision": 1})
}

fn absent(sample: &mut Sample, number: u64) {
    let json = json!({"found": false, "value": null, "epoch": null, "offset": null, "revision": null});
    let outcome = Outcome::done(json).exit(Exit::NotDone).line(Tone::Error, "not found");
    sample.send(Msg::OperationEnd(number, outcome, Duration::from_micros(1_940)));
}

/// x=1 and y=2 are final everywhere, z=3 waits for its commit order at n3.
fn held(size: (u16, u16)) -> Sample {
    let mut sample = Sample::healthy(size).with_finals();
    sample.tell(3, Fact::HoldSet { kind: "commit-order".into() });
    sample.propose("z", "3");
    [2, 3, 4].into_iter().for_each(|id| sample.push(id));
    let up_to = sample.last(1).expect("a log");
    sample.tell(1, Fact::Committed { up_to, count: 1 });
    [1, 2, 4].into_iter().for_each(|id| sample.finalize(id, up_to, 1));
    sample
}

#[test]
fn p_writes_the_next_unused_key() {
    let mut sample = Sample::healthy(MIDDLE);
    assert_eq!(sample.keys("pp").len(), 2);
    assert_eq!(lines(&sample), ["put z 3", "put a 4"], "x and y are in the logs");
    sample.keys("i");
    sample.key(KeyCode::Up);
    assert_eq!(sample.model.prompt.text(), "put a 4", "it can be edited");
}

#[test]
fn enter_repeats_the_last_command_and_says_so_if_there_is_none() {
    let mut sample = Sample::healthy(MIDDLE);
    assert_eq!(sample.key(KeyCode::Enter), []);
    assert_eq!((notice(&sample).as_str(), sample.model.mode), ("no command was run yet", Mode::Control));
    sample.keys("k3");
    sample.key(KeyCode::Enter);
    sample.keys("g");
    sample.key(KeyCode::Enter);
    assert_eq!(lines(&sample)[..3], ["kill 3", "kill 3", "get y"]);
    assert_eq!(lines(&sample).len(), 2 + 2 * 4, "a read at every node is one command");
}

#[test]
fn g_reads_linearizably_through_the_leader_and_locally_at_each_replica_that_lives() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.send(Msg::Observed(NodeId(4), Observed::Disconnected("killed".to_owned())));
    sample.keys("g");
    assert_eq!(lines(&sample), ["get y", "get y --consistency local --node 2", "get y --consistency local --node 3"]);
    assert!(screen(&sample).contains("n4 local   not asked: the node is down"), "{}", screen(&sample));
    sample.keys("iread 'a key'");
    sample.key(KeyCode::Enter);
    assert_eq!(sample.model.operations.newest().expect("a read").line, "get 'a key' --consistency local --node 3");
}

#[test]
fn a_read_that_rightly_finds_nothing_is_as_expected() {
    for (name, size, lang) in [
        ("reads-120x36", LARGE, Lang::English),
        ("reads-80x24", MIDDLE, Lang::Portuguese),
        ("reads-60x18", SMALL, Lang::English),
    ] {
        let mut sample = held(size);
        sample.model.lang = lang;
        sample.keys("g");
        for number in [1, 2, 4] {
            ends(&mut sample, number, row("3", 3), "3");
        }
        absent(&mut sample, 3);
        assert_eq!(sample.model.reads.right(), (4, 4));
        check(name, &sample, &dark());
    }
}

#[test]
fn an_answer_that_the_events_do_not_explain_is_different() {
    let mut sample = held(MIDDLE);
    sample.keys("g");
    absent(&mut sample, 2);
    ends(&mut sample, 3, row("3", 3), "3");
    assert!(!sample.model.reads.is_settled(), "the events may still come");
    sample.after(1_100);
    assert_eq!(sample.model.reads.right(), (0, 2));
    assert!(screen(&sample).contains("≠"), "{}", screen(&sample));
}

#[test]
fn events_that_come_after_the_answer_explain_it() {
    let mut sample = held(MIDDLE);
    sample.keys("g");
    ends(&mut sample, 3, row("3", 3), "3");
    assert_eq!(sample.model.reads.right(), (0, 0));
    let up_to = sample.last(1).expect("a log");
    sample.finalize(3, up_to, 1);
    assert_eq!(sample.model.reads.right(), (1, 1));
}

#[test]
fn what_a_node_does_not_tell_is_no_expectation() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.keys("g");
    ends(&mut sample, 1, row("2", 2), "2");
    sample.after(1_100);
    assert_eq!(sample.model.reads.right(), (0, 0));
    assert!(screen(&sample).contains("not known"), "{}", screen(&sample));
}

#[test]
fn c_chooses_replica_key_depth_and_kind_and_three_keys_suffice() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.keys("c3");
    check("forge-80x24", &sample, &dark());
    sample.key(KeyCode::Enter);
    assert_eq!(lines(&sample), ["inject 3 y 666"]);
    sample.keys("c2");
    sample.key(KeyCode::Tab);
    sample.keys("4");
    sample.key(KeyCode::Enter);
    assert_eq!(lines(&sample)[1], "inject 2 z 666 --count 4");
    sample.keys("c2i");
    assert_eq!((sample.model.mode, sample.model.prompt.text()), (Mode::Type, "inject 2 y 666"));
}

#[test]
fn entries_of_an_older_epoch_need_another_leader_which_follows_once_they_are_there() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.keys("c3b");
    let Some(Dialog::Forge(forgery)) = &sample.model.dialog else { panic!("the choice is closed") };
    assert_eq!(forgery.kind, ForgeryKind::OlderEpoch);
    sample.key(KeyCode::Enter);
    assert_eq!(lines(&sample), ["inject 3 y 666"]);
    let effects = ends(&mut sample, 1, json!({"message": "done"}), "done");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Execute { number: 2, .. })), "{effects:?}");
    assert_eq!(lines(&sample)[1], "leader transfer 2");
}

#[test]
fn r_cleans_until_every_node_is_live_led_and_equal() {
    let mut sample = Sample::healthy(MIDDLE);
    let led = |sample: &mut Sample| {
        for id in 2..=4 {
            let node = sample.model.nodes.get_mut(&NodeId(id)).expect("a node");
            node.state.leader = Some(NodeId(1));
        }
        for node in sample.model.nodes.values_mut() {
            node.state.applied = node.state.last();
        }
    };
    led(&mut sample);
    sample.tell(3, Fact::HoldSet { kind: "commit-order".into() });
    sample.keys("R");
    assert_eq!((lines(&sample), sample.model.cleaning.is_some()), (vec!["clear".to_owned()], true));
    sample.after(300);
    sample.tell(3, Fact::HoldReleased { kind: "commit-order".into(), messages: 0 });
    assert_eq!(sample.model.cleaning, None);
    let said = notice(&sample);
    assert!(said.starts_with("clean after 0.3 s: 4 nodes live, n1 leads, all logs end at e1·o2"), "{said}");
    // Only a push detects a log with conflicting entries.
    sample.inject(3, "q", "666");
    let effects = sample.keys("R");
    assert_eq!(lines(&sample)[1..], ["clear", "put z 3"], "{effects:?}");
    sample.after(25_000);
    assert_eq!(notice(&sample), "not clean after 25 s: n3 has other entries than the leader");
}

#[test]
fn q_asks_once_if_nodes_end_with_the_console() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.model.owns_nodes = true;
    assert_eq!(sample.keys("q"), []);
    assert_eq!(notice(&sample), "q again ends the nodes and the console");
    sample.key(KeyCode::Down);
    assert_eq!(sample.keys("q"), [], "another key came between");
    assert_eq!(sample.keys("q"), [Effect::Quit]);
    for keys in ["?q", "kq", "c3q", "Gq"] {
        let mut sample = Sample::healthy(MIDDLE);
        sample.model.owns_nodes = true;
        assert_eq!(sample.keys(keys), [], "{keys}");
        assert_eq!(sample.keys("q"), [Effect::Quit], "{keys}");
    }
    let mut sample = Sample::healthy(MIDDLE);
    assert_eq!(sample.keys("q"), [Effect::Quit], "other nodes keep running");
}

#[test]
fn an_answer_of_several_lines_stands_over_a_part_of_the_pane_and_the_tab_stays() {
    for (name, size) in [("answer-120x36", LARGE), ("answer-80x24", MIDDLE), ("answer-60x18", SMALL)] {
        let mut sample = Sample::healthy(size);
        sample.keys("istatus");
        sample.key(KeyCode::Enter);
        let texts = (1..=12).map(|number| format!("line {number} of the answer"));
        let outcome = Outcome::done(Value::Null).lines(Tone::Result, texts);
        sample.send(Msg::OperationEnd(1, outcome, Duration::from_millis(3)));
        assert_eq!(sample.model.pane, Pane::Narration);
        check(name, &sample, &dark());
        sample.key(KeyCode::Esc);
        sample.keys("o");
        assert_eq!(sample.model.pane, Pane::Ops);
    }
}

#[test]
fn small_screens_show_the_last_outcome_the_checks_and_all_fault_keys() {
    for size in [MIDDLE, SMALL] {
        let mut sample = Sample::healthy(size);
        sample.send(Msg::Checked(Box::new(Checker::new().verdict().clone())));
        sample.keys("p");
        ends(&mut sample, 1, json!({"epoch": 1, "offset": 3, "position": 4}), "confirmed e1·o3");
        for mode in ["", "i"] {
            sample.keys(mode);
            let screen = screen(&sample);
            assert!(screen.contains("✓ put z 3") && screen.contains("confirmed e1·o3"), "{screen}");
            assert!(screen.contains("CHECKS ✓"), "{screen}");
        }
        sample.key(KeyCode::Esc);
        let screen = screen(&sample);
        for key in ["p write", "g read", "k kill", "r restart", "z pause", "x cut", "h hold", "c conflict", "R clean"] {
            assert!(screen.contains(key), "{key}:\n{screen}");
        }
    }
}

#[test]
fn the_first_screen_says_what_to_press_and_folds_the_first_election() {
    for (name, size) in [("first-120x36", LARGE), ("first-80x24", MIDDLE)] {
        let mut sample = Sample::new(size);
        sample.elect(1, 1, &[1, 2, 3, 4]);
        check(name, &sample, &dark());
        assert!(screen(&sample).contains("1 2 3 5 the tests"), "{}", screen(&sample));
        sample.key(KeyCode::Up);
        assert!(!screen(&sample).contains("the start: n1 leads"), "a selected line is shown");
    }
}

/// The user's writes, and the nodes' reports of them.
fn written(sample: &mut Sample, replicas: &[u64]) {
    sample.keys("p");
    let newest = sample.model.operations.newest().expect("a write").clone();
    let words: Vec<&str> = newest.line.split(' ').collect();
    sample.write(words[1], words[2], replicas);
    let offset = sample.last(1).expect("a log").id.offset.0;
    ends(sample, newest.number, json!({"epoch": 1, "offset": offset, "position": offset + 1}), "confirmed");
}

fn labels(sample: &Sample) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let records = records(&sample.model);
    let grades = runtime.block_on(grades_of(records.iter()));
    let script = sheet();
    let label = |heading: usize| match &script.items[heading].kind {
        ItemKind::Graded { label: Some(label), .. } => label.clone(),
        other => panic!("{other:?}"),
    };
    let mut labels: Vec<String> = grades.iter().map(|(_, grade)| label(grade.heading)).collect();
    labels.sort();
    labels
}

#[test]
fn a_line_of_the_sheet_is_ticked_by_what_a_person_shows_and_by_nothing_else() {
    let mut sample = Sample::healthy(LARGE).with_finals();
    assert_eq!(labels(&sample), [""; 0], "events without a user's command show nothing");
    written(&mut sample, &[2, 3]);
    assert_eq!(labels(&sample), ["1a", "2a", "2d"], "a replica got nothing");
    let mut sample = Sample::healthy(LARGE).with_finals();
    written(&mut sample, &[2, 3, 4]);
    sample.keys("g");
    let read = sample.model.operations.list().iter().find(|operation| operation.line.starts_with("get z")).cloned();
    ends(&mut sample, read.expect("a read").number, row("3", 3), "3");
    let labels = labels(&sample);
    for label in ["1a", "2a", "2b", "2c", "2d", "2f"] {
        assert!(labels.contains(&label.to_owned()), "{label}: {labels:?}");
    }
    assert!(!labels.contains(&"3b.2".to_owned()) && !labels.contains(&"3c".to_owned()), "{labels:?}");
}

#[test]
fn grades_name_their_evidence_and_go_back_with_the_tape() {
    let mut sample = Sample::healthy(LARGE).with_finals();
    written(&mut sample, &[2, 3, 4]);
    let all = records(&sample.model);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    for (at, grade) in runtime.block_on(grades_of(all.iter())) {
        let evidence = grade.telling().expect("no grade without evidence");
        assert!(evidence_text(evidence, Lang::English).contains("e1·o3"), "{evidence:?}");
        sample.send(Msg::Graded(Box::new(grade), at));
    }
    sample.keys("G");
    check("grades-120x36", &sample, &dark());
    let (shown, points) = sample.model.points_by_hand();
    assert!(shown.0 >= 75 && points.to_string() == "2.00", "{shown}");
    sample.keys("G");
    assert_eq!(sample.model.dialog, None);
    assert!(screen(&sample).contains("✓1a"), "{}", screen(&sample));
    sample.keys("{");
    sample.keys("[");
    assert!(screen(&sample).contains("·1a"), "the past has shown less:\n{}", screen(&sample));
}

#[test]
fn grades_of_a_small_screen_scroll_to_their_end() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.model.lang = Lang::Portuguese;
    sample.keys("G");
    check("grades-80x24-pt", &sample, &dark());
    for _ in 0..9 {
        sample.key(KeyCode::PageDown);
    }
    assert!(screen(&sample).contains("3d"), "{}", screen(&sample));
}

#[test]
fn a_dead_node_is_restarted_and_a_paused_one_resumed_before_the_cluster_is_clean() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.send(Msg::Process(NodeId(4), ProcessSeen::Paused));
    sample.send(Msg::Process(NodeId(3), ProcessSeen::Killed));
    sample.keys("R");
    assert_eq!(lines(&sample), ["restart n3", "resume n4", "clear"]);
    assert!(sample.model.cleaning.is_some());
}
