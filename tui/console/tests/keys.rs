//! Effects of single keys, clicks and scenario messages on the model.

use std::time::Duration;

use crossterm::event::KeyCode;
use epoca::client::watch::Observed;
use epoca::protocol::trace::{Fact, NodeState, RoleName};
use epoca::protocol::{EntryId, Epoch, NodeId, Time};

use crate::command::{Command, Outcome, parse_line};
use crate::console::keys::Mode;
use crate::console::layout::{Content, layout};
use crate::console::model::tape::TapeMarkKind;
use crate::console::model::{Dialog, Focus, LogWindow, Pane, ProcessSeen};
use crate::console::tests::drawing::MIDDLE;
use crate::console::tests::sample::Sample;
use crate::console::update::{Effect, Gesture, Msg, ScenarioMsg};
use crate::console::view;
use crate::lang::Localized;
use crate::scenario::{ItemResult, ReportEvent, Verdict};

/// Checks that the keys lead to the command of the line.
fn check_twin(sample: &mut Sample, keys: &str, line: &str) {
    let effects = sample.keys(keys);
    let commands: Vec<&Command> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Execute { command, .. } => Some(command),
            _ => None,
        })
        .collect();
    assert_eq!(commands, [&parse_line(line).expect("a line of the grammar")], "{keys}");
    assert_eq!(sample.model.operations.newest().map(|operation| operation.line.as_str()), Some(line));
}

#[test]
fn every_fault_key_does_what_its_typed_twin_does() {
    let mut sample = Sample::healthy(MIDDLE);
    check_twin(&mut sample, "k3", "kill 3");
    check_twin(&mut sample, "z2", "pause 2");
    check_twin(&mut sample, "x23", "cut 2 3");
    check_twin(&mut sample, "h3", "hold 3 commit-order");
}

#[test]
fn a_key_takes_back_what_is_in_force() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.tell(3, Fact::HoldSet { kind: "commit-order".into() });
    sample.tell(2, Fact::LinkCut { with: NodeId(3) });
    sample.send(Msg::Process(NodeId(4), ProcessSeen::Paused));
    sample.send(Msg::Observed(NodeId(1), Observed::Disconnected("killed".to_owned())));
    check_twin(&mut sample, "h3", "release 3");
    check_twin(&mut sample, "x32", "heal 3 2");
    check_twin(&mut sample, "z4", "resume 4");
    check_twin(&mut sample, "r1", "restart 1");
}

#[test]
fn a_node_that_cannot_be_chosen_says_why_and_the_choice_stays() {
    let mut sample = Sample::healthy(MIDDLE);
    assert_eq!(sample.keys("c1"), []);
    let notice = sample.model.notice.clone().expect("a reason");
    assert_eq!((notice.text.as_str(), notice.is_bad), ("n1 is the leader: its log is authoritative", true));
    assert!(matches!(sample.model.dialog, Some(Dialog::Choose { .. })));
    sample.key(KeyCode::Esc);
    assert_eq!(sample.model.dialog, None);
}

#[test]
fn q_quits_at_once_also_from_a_choice() {
    let mut sample = Sample::healthy(MIDDLE);
    assert_eq!(sample.keys("kq"), [Effect::Quit]);
}

#[test]
fn a_letter_without_meaning_says_how_to_type() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.keys("j");
    assert!(sample.model.notice.as_ref().is_some_and(|notice| notice.text.contains("i to type")));
}

#[test]
fn keys_that_need_a_launcher_say_why_they_do_not_act() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.model.no_launcher = Some("started by hand".to_owned());
    assert_eq!(sample.keys("k3"), []);
    assert_eq!(sample.model.dialog, None);
}

#[test]
fn ctrl_c_twice_quits_and_once_does_not() {
    let mut sample = Sample::healthy(MIDDLE);
    assert_eq!(sample.control('c'), []);
    sample.key(KeyCode::Down);
    assert_eq!(sample.control('c'), []);
    assert_eq!(sample.control('c'), [Effect::Quit]);
    let mut sample = Sample::healthy(MIDDLE);
    sample.keys("iput");
    sample.control('c');
    assert_eq!(sample.model.prompt.text(), "");
    assert_eq!(sample.control('c'), [Effect::Quit]);
}

#[test]
fn a_read_leaves_no_mark_of_a_write_on_the_tape() {
    let mut sample = Sample::healthy(MIDDLE);
    let ends = |sample: &mut Sample, json: serde_json::Value| {
        let number = sample.model.operations.begin("a command");
        sample.send(Msg::OperationEnd(number, Outcome::done(json), Duration::ZERO));
        sample.model.tape.marks().iter().filter(|mark| mark.kind == TapeMarkKind::Write).count()
    };
    let read = serde_json::json!({"found": true, "value": "1", "epoch": 1, "offset": 1, "revision": 1});
    assert_eq!(ends(&mut sample, read), 0);
    assert_eq!(ends(&mut sample, serde_json::json!({"epoch": 1, "offset": 2, "position": 3})), 1);
}

#[test]
fn a_view_that_is_scrolled_back_keeps_its_events() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.key(KeyCode::Tab);
    sample.key(KeyCode::Up);
    sample.tell(1, Fact::Killed { node: NodeId(2) });
    sample.tell(1, Fact::Restarted { node: NodeId(2) });
    assert_eq!(sample.model.scrolled, 3);
}

#[test]
fn the_help_is_scrolled_to_its_end_and_no_further() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.keys("?");
    for _ in 0..50 {
        sample.key(KeyCode::PageDown);
    }
    let Some(Dialog::Help { scrolled }) = sample.model.dialog else { panic!("the help is closed") };
    sample.key(KeyCode::Up);
    assert_eq!(sample.model.dialog, Some(Dialog::Help { scrolled: scrolled - 1 }));
}

#[test]
fn e_explains_the_newest_step_or_the_selected_one() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.keys("e");
    let Some(Dialog::Explain(newest)) = sample.model.dialog.clone() else { panic!("nothing is explained") };
    assert_eq!(newest.fact.name(), "Finalized");
    for _ in 0..3 {
        sample.key(KeyCode::Up);
    }
    let Some(Dialog::Explain(older)) = sample.model.dialog.clone() else { panic!("it closed") };
    assert_eq!(older.fact.name(), "Committed");
    sample.key(KeyCode::Esc);
    assert_eq!(sample.model.dialog, None);
}

#[test]
fn s_selects_a_message_of_the_picture() {
    let mut sample = Sample::healthy((120, 36));
    sample.keys("s");
    let newest = sample.model.space_time.selected.expect("the newest message");
    sample.key(KeyCode::Up);
    assert!(sample.model.space_time.selected.is_some_and(|serial| serial < newest));
    sample.keys("e");
    let Some(Dialog::Explain(explained)) = &sample.model.dialog else { panic!("nothing is explained") };
    assert!(explained.fact.rule().starts_with(['N', 'K']));
    sample.key(KeyCode::Esc);
    sample.key(KeyCode::Esc);
    assert_eq!(sample.model.space_time.selected, None);
}

#[test]
fn the_table_goes_along_until_somebody_scrolls() {
    let mut sample = Sample::healthy(MIDDLE);
    for number in 0..20 {
        sample.propose("k", &number.to_string());
    }
    assert_eq!(sample.model.window, LogWindow::Newest);
    sample.key(KeyCode::Left);
    assert_eq!(sample.model.window, LogWindow::At(EntryId::new(1, 21)));
    sample.propose("k", "20");
    assert_eq!(sample.model.window, LogWindow::At(EntryId::new(1, 21)));
    sample.key(KeyCode::Right);
    sample.key(KeyCode::Right);
    assert_eq!(sample.model.window, LogWindow::Newest);
}

#[test]
fn a_node_that_comes_back_shows_its_own_new_account() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.send(Msg::Observed(NodeId(4), Observed::Disconnected("killed".to_owned())));
    assert_eq!(sample.model.live_voters().0, 3);
    sample.snapshot(4);
    assert_eq!(sample.model.live_voters().0, 4);
    assert_eq!(sample.model.nodes[&NodeId(4)].state.tail.len(), 3);
}

#[test]
fn tab_goes_through_the_panes_and_completes_in_type() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.key(KeyCode::Tab);
    assert_eq!(sample.model.pane, Pane::Events);
    sample.keys("irestar");
    sample.key(KeyCode::Tab);
    assert_eq!(sample.model.prompt.text(), "restart ");
    assert_eq!(sample.model.pane, Pane::Events);
}

#[test]
fn final_data_differ_only_where_an_order_is_missing() {
    let mut sample = Sample::healthy(MIDDLE).with_finals();
    sample.write("x", "9", &[2, 3]);
    let value = |node: u64| {
        let final_db = sample.model.nodes[&NodeId(node)].final_db.keys();
        final_db.get("x".as_bytes()).map(|found| found.value.clone())
    };
    assert_eq!(value(3).as_deref(), Some(b"9".as_slice()));
    assert_eq!(value(4).as_deref(), Some(b"1".as_slice()));
}

#[test]
fn the_palette_types_a_command_or_does_what_a_key_does() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.keys(":inje");
    assert_eq!(sample.key(KeyCode::Enter), []);
    assert_eq!((sample.model.mode, sample.model.prompt.text()), (Mode::Type, "inject "));
    let mut sample = Sample::healthy(MIDDLE);
    sample.control('p');
    sample.keys("quit");
    assert_eq!(sample.key(KeyCode::Enter), [Effect::Quit]);
}

#[test]
fn y_copies_what_is_selected_or_the_whole_tab() {
    let mut sample = Sample::healthy(MIDDLE);
    assert_eq!(sample.keys("y"), [Effect::Copy]);
    let whole = view::plain(&sample.model);
    assert!(whole.lines().count() > 10 && !whole.contains('│'), "{whole}");
    sample.key(KeyCode::Up);
    let step = view::plain(&sample.model);
    assert_eq!(step, "n1 n2 n3 n4: e1·o2 in the final database: readable now");
    sample.send(Msg::Copied(step));
    assert!(sample.model.notice.as_ref().is_some_and(|notice| notice.text.contains("n1 n2 n3 n4: e1·o2")));
}

#[test]
fn clicks_choose_tabs_steps_and_messages_and_the_wheel_scrolls() {
    let mut sample = Sample::healthy((120, 36));
    let layout = layout((120, 36), &Content::of(&sample.model)).expect("large enough");
    let (lower, space) = (layout.lower, layout.space.expect("beside the tabs"));
    sample.mouse(Gesture::Click, space.x + 20, space.bottom() - 2);
    assert_eq!(sample.model.focus, Focus::SpaceTime);
    assert_eq!(sample.model.space_time.selected, sample.model.space_time.rows().back().map(|row| row.serial));
    sample.mouse(Gesture::Click, lower.x + 8, lower.bottom() - 2);
    assert_eq!(sample.model.narration.selected, sample.model.narration.lines().back().map(|told| told.serial));
    sample.mouse(Gesture::Click, lower.x + 15, lower.y);
    assert_eq!(sample.model.pane, Pane::Events);
    sample.mouse(Gesture::Wheel(-1), lower.x + 8, lower.y + 3);
    assert_eq!(sample.model.scrolled, 3);
}

#[test]
fn a_digit_runs_a_scenario_and_its_steps_tick() {
    let mut sample = Sample::healthy((120, 36));
    assert_eq!(sample.keys("1"), [Effect::RunScenario("normal".to_owned())]);
    assert_eq!(sample.keys("2"), [], "one at a time");
    let script = std::sync::Arc::new(crate::scenario::find("normal").expect("it comes with the program"));
    let told = |told| Msg::Scenario(Box::new(ScenarioMsg::Report(told)));
    sample.send(told(ReportEvent::Started(script.clone())));
    assert_eq!(sample.model.pane, Pane::Scenario);
    let first = script.expectations().next().expect("a step");
    let evidence = Vec::new();
    let done = ItemResult { verdict: Verdict::Pass, evidence, text: Localized::default(), took: Duration::ZERO };
    sample.send(told(ReportEvent::ItemEnded(first, done)));
    let ticked = |sample: &Sample| sample.model.scenarios.run.as_ref().map(|run| run.ticked().0);
    assert_eq!(ticked(&sample), Some(1));
    sample.send(told(ReportEvent::Ended { verdict: Verdict::Pass, why: Localized::default(), took: Duration::ZERO }));
    assert!(!sample.model.scenarios.is_running());
}

#[test]
fn the_cluster_of_a_scenario_is_shown_and_esc_goes_back() {
    let mut sample = Sample::healthy((120, 36));
    let nodes = (1..=7).map(|id| (NodeId(id), format!("127.0.0.1:{id}"))).collect();
    sample.send(Msg::Scenario(Box::new(ScenarioMsg::OwnCluster(nodes))));
    assert_eq!(sample.model.shown().nodes.len(), 7);
    sample.keys("k");
    assert!(sample.model.dialog.is_none(), "its nodes are not ours to kill");
    sample.write("z", "3", &[2, 3, 4]);
    assert_eq!(sample.model.nodes[&NodeId(1)].state.tail.len(), 4, "our own go on behind it");
    sample.key(KeyCode::Esc);
    assert_eq!(sample.model.shown().nodes.len(), 4);
}

#[test]
fn a_node_that_joins_a_scenarios_own_cluster_is_shown_with_the_others() {
    let mut sample = Sample::healthy((120, 36));
    let nodes = (1..=3).map(|id| (NodeId(id), format!("127.0.0.1:{id}"))).collect();
    sample.send(Msg::Scenario(Box::new(ScenarioMsg::OwnCluster(nodes))));
    sample.send(Msg::Scenario(Box::new(ScenarioMsg::NodeJoined(NodeId(4), "127.0.0.1:4".to_owned()))));
    assert_eq!(sample.model.shown().nodes.keys().map(|node| node.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
    // The new node is watched: if it leads, the screen must show a leader.
    let state = NodeState { role: RoleName::Leader, epoch: Some(Epoch(2)), ..NodeState::new(NodeId(4)) };
    let (time, notes) = (Time(0), Vec::new());
    let first = Observed::Snapshot { snapshot: state, time, pid: 4, notes, lab: true };
    sample.send(Msg::Scenario(Box::new(ScenarioMsg::Observed(NodeId(4), Box::new(first)))));
    assert_eq!(sample.model.shown().leader().map(|leader| leader.state.node), Some(NodeId(4)));
}
