//! What keys and messages do to the model, and when nothing is to be drawn.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use epoca::client::watch::Observed;
use epoca::protocol::trace::{Fact, NodeState, RoleName};
use epoca::protocol::{EntryId, Epoch, NodeId, Time};

use crate::command::{Command, Outcome, Tone, parse_line};
use crate::console::layout::{Content, layout};
use crate::console::model::node::GHOST;
use crate::console::model::prompt::LINE_BYTES_MAX;
use crate::console::model::tape::PlaceKind;
use crate::console::model::{Dialog, Focus, Mode, Pane, ProcessSeen, Window};
use crate::console::sample::Sample;
use crate::console::update::{Effect, Msg, Staged, next_wake};
use crate::lang::Localized;
use crate::scenario::{ItemResult, ReportEvent, Verdict};

const SIZE: (u16, u16) = (80, 24);

/// The commands that the keys lead to, as if they had been typed.
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
    let mut sample = Sample::healthy(SIZE);
    check_twin(&mut sample, "k3", "kill 3");
    check_twin(&mut sample, "z2", "pause 2");
    check_twin(&mut sample, "x23", "cut 2 3");
    check_twin(&mut sample, "h3", "hold 3 commit-order");
    check_twin(&mut sample, "c4", "inject 4 q 666");
}

#[test]
fn a_key_takes_back_what_is_in_force() {
    let mut sample = Sample::healthy(SIZE);
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
    let mut sample = Sample::healthy(SIZE);
    assert_eq!(sample.keys("c1"), []);
    let notice = sample.model.notice.clone().expect("a reason");
    assert_eq!((notice.text.as_str(), notice.is_bad), ("n1 leads, its log is the truth", true));
    assert!(matches!(sample.model.dialog, Some(Dialog::Choose { .. })));
    sample.key(KeyCode::Esc);
    assert_eq!(sample.model.dialog, None);
}

#[test]
fn q_quits_at_once_also_from_a_choice() {
    let mut sample = Sample::healthy(SIZE);
    assert_eq!(sample.keys("kq"), [Effect::Quit]);
}

#[test]
fn a_letter_without_meaning_says_how_to_type() {
    let mut sample = Sample::healthy(SIZE);
    sample.keys("p");
    assert!(sample.model.notice.as_ref().is_some_and(|notice| notice.text.contains("i to type")));
}

#[test]
fn keys_that_need_a_launcher_say_why_they_do_not_act() {
    let mut sample = Sample::healthy(SIZE);
    sample.model.no_launcher = Some("started by hand".to_owned());
    assert_eq!(sample.keys("k3"), []);
    assert_eq!(sample.model.dialog, None);
}

#[test]
fn ctrl_c_twice_quits_and_once_does_not() {
    let mut sample = Sample::healthy(SIZE);
    assert_eq!(sample.control('c'), []);
    sample.key(KeyCode::Down);
    assert_eq!(sample.control('c'), []);
    assert_eq!(sample.control('c'), [Effect::Quit]);
    let mut sample = Sample::healthy(SIZE);
    sample.keys("iput");
    sample.control('c');
    assert_eq!(sample.model.prompt.text(), "");
    assert_eq!(sample.control('c'), [Effect::Quit]);
}

#[test]
fn a_line_is_carried_out_and_remembered() {
    let mut sample = Sample::healthy(SIZE);
    sample.keys("iput k=v");
    let effects = sample.key(KeyCode::Enter);
    let command = parse_line("put k v").expect("a line of the grammar");
    assert_eq!(effects, [Effect::Execute { number: 1, command }, Effect::Remember("put k=v".to_owned())]);
    assert_eq!((sample.model.prompt.text(), sample.model.mode), ("", Mode::Type));
    sample.key(KeyCode::Up);
    assert_eq!(sample.model.prompt.text(), "put k=v");
}

#[test]
fn a_wrong_line_stays_to_be_mended() {
    let mut sample = Sample::healthy(SIZE);
    sample.keys("ikil 3");
    assert_eq!(sample.key(KeyCode::Enter), []);
    assert_eq!(sample.model.prompt.mistake.as_ref().map(|mistake| mistake.at), Some(0));
    assert_eq!(sample.model.prompt.text(), "kil 3");
    sample.key(KeyCode::Backspace);
    assert_eq!(sample.model.prompt.mistake, None);
}

#[test]
fn what_is_pasted_in_control_goes_to_the_prompt() {
    let mut sample = Sample::healthy(SIZE);
    sample.send(Msg::Paste("kq\n".to_owned()));
    assert_eq!((sample.model.mode, sample.model.prompt.text()), (Mode::Type, "kq"));
}

#[test]
fn heartbeats_draw_nothing() {
    let mut sample = Sample::healthy(SIZE);
    let up_to = sample.last(1);
    let counted = || Fact::Counted { from: NodeId(2), up_to, matches: vec![3, 3, 3, 3], quorum: 3, commit: 3 };
    let ordered = || Fact::Ordered { to: NodeId(2), up_to: EntryId::new(1, 2) };
    let heartbeat = || Fact::Sent {
        to: NodeId(2),
        number: 77,
        kind: "heartbeat".into(),
        epoch: None,
        about: None,
        entries: 0,
        bytes: 0,
    };
    sample.tell(1, counted());
    sample.tell(1, ordered());
    let (revision, lines) = (sample.model.revision, sample.model.timeline.lines().len());
    for _ in 0..10 {
        sample.tell(1, counted());
        sample.tell(1, ordered());
        sample.tell(1, heartbeat());
        sample.after(100);
    }
    assert_eq!((sample.model.revision, sample.model.timeline.lines().len()), (revision, lines));
}

#[test]
fn time_alone_draws_nothing_while_all_nodes_live() {
    let mut sample = Sample::healthy(SIZE);
    sample.after(60_000);
    let revision = sample.model.revision;
    sample.after(3_600_000);
    assert_eq!(sample.model.revision, revision);
    assert_eq!(next_wake(&sample.model), None);
}

#[test]
fn the_age_of_a_dead_node_draws_once_a_second() {
    let mut sample = Sample::healthy(SIZE);
    sample.send(Msg::Observed(NodeId(4), Observed::Disconnected("killed".to_owned())));
    let (down, revision) = (sample.model.now, sample.model.revision);
    for _ in 0..20 {
        sample.after(100);
    }
    assert_eq!(sample.model.revision, revision + 2);
    assert_eq!(next_wake(&sample.model), Some(down + Duration::from_secs(3)));
}

#[test]
fn truncated_entries_go_out_of_sight_after_a_while() {
    let mut sample = Sample::healthy(SIZE);
    sample.inject(3, "q", "666");
    sample.repair(3);
    assert_eq!(sample.model.nodes[&NodeId(3)].ghosts.len(), 1);
    let wake = next_wake(&sample.model).expect("somebody has to take them away");
    assert!(wake <= sample.model.now + GHOST);
    sample.after(GHOST.as_millis() as u64);
    assert!(sample.model.nodes[&NodeId(3)].ghosts.is_empty());
    sample.after(60_000);
    assert_eq!(next_wake(&sample.model), None);
}

#[test]
fn a_read_leaves_no_mark_of_a_write_on_the_tape() {
    let mut sample = Sample::healthy(SIZE);
    let ends = |sample: &mut Sample, json: serde_json::Value| {
        let number = sample.model.operations.begin("a command");
        sample.send(Msg::OperationEnd(number, Outcome::done(json), Duration::ZERO));
        sample.model.tape.marks().iter().filter(|mark| mark.kind == PlaceKind::Write).count()
    };
    let read = serde_json::json!({"found": true, "value": "1", "epoch": 1, "offset": 1, "revision": 1});
    assert_eq!(ends(&mut sample, read), 0);
    assert_eq!(ends(&mut sample, serde_json::json!({"epoch": 1, "offset": 2, "position": 3})), 1);
}

#[test]
fn a_node_that_has_begun_anew_says_so_in_its_row_for_a_while_and_once_in_the_story() {
    let mut sample = Sample::healthy(SIZE);
    let lines = sample.model.timeline.lines().len();
    let found = Fact::Quarantined { text: "e1·o2 is damaged".into() };
    sample.tell(3, found.clone());
    // Another watcher has come.
    sample.tell(3, found);
    assert_eq!(sample.model.timeline.lines().len(), lines + 1);
    let marks = sample.model.tape.marks().iter().filter(|mark| mark.kind == PlaceKind::Quarantined(NodeId(3)));
    assert_eq!(marks.count(), 1);
    assert!(sample.model.nodes[&NodeId(3)].quarantined.is_some());
    let wake = next_wake(&sample.model).expect("somebody has to take it away");
    assert!(wake <= sample.model.now + GHOST);
    sample.after(GHOST.as_millis() as u64);
    assert_eq!(sample.model.nodes[&NodeId(3)].quarantined, None);
}

#[test]
fn whoever_has_scrolled_back_keeps_seeing_the_same_events() {
    let mut sample = Sample::healthy(SIZE);
    sample.key(KeyCode::Tab);
    sample.key(KeyCode::Up);
    sample.tell(1, Fact::Killed { node: NodeId(2) });
    sample.tell(1, Fact::Restarted { node: NodeId(2) });
    assert_eq!(sample.model.scrolled, 3);
}

#[test]
fn the_help_is_scrolled_to_its_end_and_no_further() {
    let mut sample = Sample::healthy(SIZE);
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
    let mut sample = Sample::healthy(SIZE);
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
    let newest = sample.model.space.selected.expect("the newest message");
    sample.key(KeyCode::Up);
    assert!(sample.model.space.selected.is_some_and(|serial| serial < newest));
    sample.keys("e");
    assert!(
        matches!(&sample.model.dialog, Some(Dialog::Explain(explained)) if explained.fact.rule().starts_with(['N', 'K']))
    );
    sample.key(KeyCode::Esc);
    sample.key(KeyCode::Esc);
    assert_eq!(sample.model.space.selected, None);
}

#[test]
fn the_table_goes_along_until_somebody_scrolls() {
    let mut sample = Sample::healthy(SIZE);
    for number in 0..20 {
        sample.propose("k", &number.to_string());
    }
    assert_eq!(sample.model.window, Window::Newest);
    sample.key(KeyCode::Left);
    assert_eq!(sample.model.window, Window::At(EntryId::new(1, 21)));
    sample.propose("k", "20");
    assert_eq!(sample.model.window, Window::At(EntryId::new(1, 21)));
    sample.key(KeyCode::Right);
    sample.key(KeyCode::Right);
    assert_eq!(sample.model.window, Window::Newest);
}

#[test]
fn a_node_that_comes_back_shows_its_own_new_account() {
    let mut sample = Sample::healthy(SIZE);
    sample.send(Msg::Observed(NodeId(4), Observed::Disconnected("killed".to_owned())));
    assert_eq!(sample.model.live_voters().0, 3);
    sample.snapshot(4);
    assert_eq!(sample.model.live_voters().0, 4);
    assert_eq!(sample.model.nodes[&NodeId(4)].state.tail.len(), 3);
}

#[test]
fn tab_goes_through_the_panes_and_completes_in_type() {
    let mut sample = Sample::healthy(SIZE);
    sample.key(KeyCode::Tab);
    assert_eq!(sample.model.pane, Pane::Events);
    sample.keys("irestar");
    sample.key(KeyCode::Tab);
    assert_eq!(sample.model.prompt.text(), "restart ");
    assert_eq!(sample.model.pane, Pane::Events);
}

#[test]
fn final_data_differ_only_where_an_order_is_missing() {
    let mut sample = Sample::healthy(SIZE).with_finals();
    sample.write("x", "9", &[2, 3]);
    let value = |node: u64| {
        let finals = sample.model.nodes[&NodeId(node)].finals.keys();
        finals.get("x".as_bytes()).map(|found| found.value.clone())
    };
    assert_eq!(value(3).as_deref(), Some(b"9".as_slice()));
    assert_eq!(value(4).as_deref(), Some(b"1".as_slice()));
}

#[test]
fn the_palette_types_a_command_or_does_what_a_key_does() {
    let mut sample = Sample::healthy(SIZE);
    sample.keys(":inje");
    assert_eq!(sample.key(KeyCode::Enter), []);
    assert_eq!((sample.model.mode, sample.model.prompt.text()), (Mode::Type, "inject "));
    let mut sample = Sample::healthy(SIZE);
    sample.control('p');
    sample.keys("quit");
    assert_eq!(sample.key(KeyCode::Enter), [Effect::Quit]);
}

#[test]
fn tab_completes_nodes_keys_kinds_and_scenarios_where_they_belong() {
    let mut sample = Sample::healthy(SIZE).with_finals();
    sample.write("xylophone", "1", &[2, 3, 4]);
    for (typed, completed) in [
        ("get xy", "get xylophone "),
        ("kill n3", "kill n3 "),
        ("hold 2 commit-o", "hold 2 commit-order "),
        ("hold 2 snapshot-", "hold 2 snapshot-ack "),
        ("run lost", "run lost-answers "),
        ("scenario run conf", "scenario run conflict-"),
        ("scen", "scenario "),
    ] {
        sample.key(KeyCode::Esc);
        sample.model.prompt.clear();
        sample.keys(&format!("i{typed}"));
        sample.key(KeyCode::Tab);
        assert_eq!(sample.model.prompt.text(), completed);
    }
}

#[test]
fn y_copies_what_is_selected_or_the_whole_tab() {
    let mut sample = Sample::healthy(SIZE);
    let copied = |effects: Vec<Effect>| match &effects[..] {
        [Effect::Copy(text)] => text.clone(),
        other => panic!("{other:?}"),
    };
    let whole = copied(sample.keys("y"));
    assert!(whole.lines().count() > 10 && !whole.contains('│'), "{whole}");
    sample.key(KeyCode::Up);
    assert_eq!(copied(sample.keys("y")), "n1 n2 n3 n4: e1·o2 in the final database: readable now");
}

#[test]
fn latencies_move_on_in_their_picture_and_then_rest() {
    let mut sample = Sample::healthy(SIZE);
    assert!(sample.model.pulse.p50().is_some());
    let wake = next_wake(&sample.model).expect("the picture moves on");
    assert!(wake <= Duration::from_secs(2));
    sample.after(60_000);
    assert_eq!((sample.model.pulse.p50(), next_wake(&sample.model)), (None, None));
}

fn mouse(sample: &mut Sample, kind: MouseEventKind, column: u16, row: u16) {
    let event = MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE };
    sample.send(Msg::Mouse(event));
}

#[test]
fn clicks_choose_tabs_steps_and_messages_and_the_wheel_scrolls() {
    let mut sample = Sample::healthy((120, 36));
    let layout = layout((120, 36), &Content::of(&sample.model)).expect("large enough");
    let (lower, space) = (layout.lower, layout.space.expect("beside the tabs"));
    let left = MouseEventKind::Down(MouseButton::Left);
    mouse(&mut sample, left, space.x + 20, space.bottom() - 2);
    assert_eq!(sample.model.focus, Focus::SpaceTime);
    assert_eq!(sample.model.space.selected, sample.model.space.rows().back().map(|row| row.serial));
    mouse(&mut sample, left, lower.x + 8, lower.bottom() - 2);
    assert_eq!(sample.model.story.selected, sample.model.story.lines().back().map(|told| told.serial));
    mouse(&mut sample, left, lower.x + 15, lower.y);
    assert_eq!(sample.model.pane, Pane::Events);
    mouse(&mut sample, MouseEventKind::ScrollUp, lower.x + 8, lower.y + 3);
    assert_eq!(sample.model.scrolled, 3);
    let revision = sample.model.revision;
    mouse(&mut sample, MouseEventKind::Moved, 3, 3);
    assert_eq!(sample.model.revision, revision);
}

#[test]
fn one_key_lifts_all_that_was_made_to_go_wrong() {
    let mut sample = Sample::healthy(SIZE);
    sample.send(Msg::Process(NodeId(4), ProcessSeen::Paused));
    sample.send(Msg::Process(NodeId(3), ProcessSeen::Killed));
    let effects = sample.keys("R");
    let lines: Vec<_> = sample.model.operations.list().iter().map(|operation| operation.line.clone()).collect();
    assert_eq!((effects.len(), lines), (3, ["clear", "restart n3", "resume n4"].map(ToOwned::to_owned).to_vec()));
}

#[test]
fn a_digit_runs_a_scenario_and_its_steps_tick() {
    let mut sample = Sample::healthy((120, 36));
    assert_eq!(sample.keys("1"), [Effect::RunScenario("normal".to_owned())]);
    assert_eq!(sample.keys("2"), [], "one at a time");
    let script = std::sync::Arc::new(crate::scenario::find("normal").expect("it comes with the program"));
    let told = |told| Msg::Staged(Box::new(Staged::Told(told)));
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
    sample.send(Msg::Staged(Box::new(Staged::Aside(nodes))));
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
    sample.send(Msg::Staged(Box::new(Staged::Aside(nodes))));
    sample.send(Msg::Staged(Box::new(Staged::Joined(NodeId(4), "127.0.0.1:4".to_owned()))));
    assert_eq!(sample.model.shown().nodes.keys().map(|node| node.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
    // What it tells is heard: if it leads, nobody may say that nobody does.
    let state = NodeState { role: RoleName::Leader, epoch: Some(Epoch(2)), ..NodeState::new(NodeId(4)) };
    let (time, notes, cuts, holds) = (Time(0), Vec::new(), Vec::new(), Vec::new());
    let first = Observed::Snapshot { snapshot: state, time, pid: 4, notes, cuts, holds, lab: true };
    sample.send(Msg::Staged(Box::new(Staged::Observed(NodeId(4), Box::new(first)))));
    assert_eq!(sample.model.shown().leader().map(|leader| leader.state.node), Some(NodeId(4)));
}

fn at_once(sample: &mut Sample, letters: &str, quiet_ms: u64) -> Vec<Effect> {
    let key = |letter| match letter {
        '\r' => KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE),
        letter => KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE),
    };
    sample.send(Msg::Keys(letters.chars().map(key).collect(), Duration::from_millis(quiet_ms)))
}

#[test]
fn a_burst_of_letters_in_control_kills_nothing_and_does_not_quit() {
    for burst in ["kill 3\rquit\r", "k3q", "rq1", " q", "?q!"].into_iter().filter(|burst| burst.len() > 2) {
        let mut sample = Sample::healthy(SIZE);
        assert_eq!(at_once(&mut sample, burst, 1_000), [], "{burst}");
        let notice = sample.model.notice.clone().expect("it is said");
        assert!(notice.is_bad && notice.text.contains(&format!("{} keys", burst.len())), "{}", notice.text);
        assert_eq!((&sample.model.dialog, sample.model.mode), (&None, Mode::Control));
        // The last letters of it come alone.
        assert_eq!(at_once(&mut sample, "q", 20), []);
        assert_eq!(at_once(&mut sample, "q", 1_000), [Effect::Quit]);
    }
}

#[test]
fn keys_that_a_person_presses_fast_still_act() {
    let mut sample = Sample::healthy(SIZE);
    assert!(matches!(at_once(&mut sample, "k3", 100)[..], [Effect::Execute { .. }]));
    at_once(&mut sample, "[[[[[[", 100);
    assert_eq!(sample.model.notice, None, "a key that is held down repeats");
    let mut sample = Sample::healthy(SIZE);
    let effects = at_once(&mut sample, "iput x 1\r", 100);
    assert!(matches!(effects[..], [Effect::Execute { .. }, Effect::Remember(_)]), "{effects:?}");
    let mut sample = Sample::healthy(SIZE);
    at_once(&mut sample, ":inj", 100);
    assert!(matches!(&sample.model.dialog, Some(Dialog::Palette(shown)) if shown.wanted == "inj"));
}

#[test]
fn a_paste_that_no_line_can_take_is_refused_and_changes_nothing() {
    let mut sample = Sample::healthy(SIZE);
    sample.keys("iput big ");
    sample.send(Msg::Paste("x".repeat(70_000)));
    assert_eq!(sample.model.prompt.text(), "put big ");
    assert!(sample.model.notice.as_ref().is_some_and(|notice| notice.is_bad && notice.text.contains("70000 bytes")));
    sample.send(Msg::PasteTooLong(300_000));
    assert!(sample.model.notice.as_ref().is_some_and(|notice| notice.text.contains("300000 bytes")));
}

#[test]
fn a_line_that_lacks_letters_is_not_carried_out() {
    let mut sample = Sample::healthy(SIZE);
    sample.keys("iput big ");
    for _ in 0..20 {
        at_once(&mut sample, &"x".repeat(4_096), 1);
    }
    assert!(sample.model.prompt.text().len() <= LINE_BYTES_MAX);
    assert_eq!(at_once(&mut sample, "\r", 1), []);
    assert!(sample.model.notice.as_ref().is_some_and(|notice| notice.text.contains("lacks the rest")));
    sample.key(KeyCode::Backspace);
    assert_eq!(sample.key(KeyCode::Enter), [], "what is missing is still missing");
    sample.control('u');
    sample.keys("put big x");
    assert_ne!(sample.key(KeyCode::Enter), []);
}

#[test]
fn a_long_value_that_was_asked_for_can_be_read_whole() {
    let mut sample = Sample::healthy(SIZE);
    sample.keys("iget big");
    sample.key(KeyCode::Enter);
    let value: String = (0..400).map(|number| format!("{number},日本 ")).collect();
    let outcome = Outcome::done(serde_json::Value::Null);
    let outcome = outcome.line(Tone::Result, value.clone()).line(Tone::Note, "e1·o2, revision 3");
    sample.send(Msg::OperationEnd(1, outcome, Duration::ZERO));
    let whole = |sample: &Sample| match &sample.model.dialog {
        Some(Dialog::Value(value)) => value.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(whole(&sample).rows.concat(), value);
    sample.send(Msg::Resize(60, 18));
    assert_eq!(whole(&sample).rows.concat(), value);
    sample.key(KeyCode::PageDown);
    let after_a_page = whole(&sample).scrolled;
    assert!(after_a_page > 0);
    sample.key(KeyCode::End);
    assert!(whole(&sample).scrolled > after_a_page && whole(&sample).scrolled < whole(&sample).rows.len());
    sample.keys("p");
    assert_eq!((&sample.model.dialog, sample.model.prompt.text()), (&None, "p"));
}
