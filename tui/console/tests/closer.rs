//! Details: the filter of the tabs, the code card, the screen of one node, comparing two moments, the zoom, and mouse
//! targets.

use crossterm::event::KeyCode;
use epoca::protocol::NodeId;

use crate::console::layout::{Content, layout, search};
use crate::console::model::{Dialog, Focus, Model, Pane};
use crate::console::tests::drawing::{LARGE, MIDDLE, SMALL, check, dark, screen};
use crate::console::tests::sample::Sample;
use crate::console::update::{Effect, Gesture};
use crate::lang::Lang;

fn hits(model: &Model, pane: Pane) -> usize {
    search::hits(model, pane).expect("the lines are counted")
}

#[test]
fn a_filter_shows_the_lines_with_all_of_its_words_in_every_tab() {
    let mut sample = Sample::eventful(LARGE).with_finals();
    let all: Vec<usize> = [Pane::Narration, Pane::Events, Pane::FinalDb].map(|pane| hits(&sample.model, pane)).into();
    sample.keys("/n3 truncat");
    assert_eq!(hits(&sample.model, Pane::Narration), 1);
    assert!(screen(&sample).contains("/n3 truncat▏: 1 hit"));
    check("filter-120x36", &sample, &dark());
    sample.key(KeyCode::Enter);
    assert!((1..all[1]).contains(&hits(&sample.model, Pane::Events)));
    assert_eq!(hits(&sample.model, Pane::FinalDb), 0);
    sample.key(KeyCode::Esc);
    assert_eq!(sample.model.filter, None);
    let again: Vec<usize> = [Pane::Narration, Pane::Events, Pane::FinalDb].map(|pane| hits(&sample.model, pane)).into();
    assert_eq!(again, all);
}

#[test]
fn a_key_of_the_final_databases_a_rule_and_an_epoch_are_found() {
    let mut sample = Sample::eventful(LARGE).with_finals();
    let keys = hits(&sample.model, Pane::FinalDb);
    sample.keys("/x");
    sample.key(KeyCode::Enter);
    assert!((1..keys).contains(&hits(&sample.model, Pane::FinalDb)));
    sample.key(KeyCode::Esc);
    sample.keys("/k1 e2");
    assert!(hits(&sample.model, Pane::Events) > 0);
    let events = sample.model.timeline.lines().iter().filter(|line| search::shows_line(&sample.model, line));
    assert!(events.into_iter().all(|line| format!("{:?}", line.occurrence).contains("Committed")));
}

#[test]
fn letters_of_a_filter_do_nothing_to_the_cluster_and_what_is_not_found_says_so() {
    let mut sample = Sample::healthy(MIDDLE);
    assert_eq!(sample.keys("/k3 q"), []);
    assert!(sample.model.dialog.is_none());
    assert!(screen(&sample).contains("nothing has these words"));
    assert!(screen(&sample).contains("/k3 q▏: 0 hits"));
    sample.key(KeyCode::Backspace);
    sample.key(KeyCode::Enter);
    assert!(matches!(sample.keys("q")[..], [Effect::Quit]), "a letter acts again");
}

#[test]
fn arrows_move_the_selection_among_the_hits() {
    let mut sample = Sample::eventful(LARGE);
    sample.keys("/n3");
    sample.key(KeyCode::Enter);
    for _ in 0..3 {
        sample.key(KeyCode::Up);
        let selected = sample.model.narration.focused().expect("there is a hit").clone();
        assert!(search::shows_step(&sample.model, &selected), "{selected:?}");
    }
}

#[test]
fn a_code_card_names_file_line_assignment_and_test() {
    let mut sample = Sample::healthy(LARGE);
    sample.keys("C");
    let card = screen(&sample);
    assert!(card.contains("node/protocol/commit.rs:") && card.contains("fn on_applied"), "{card}");
    assert!(card.contains("3c on the commit order") && card.contains("a_commit_order_makes_data_final_and_readable"));
    sample.keys("e");
    assert!(matches!(sample.model.dialog, Some(Dialog::Explain(_))), "the explanation is one key away");
    sample.keys("C");
    assert!(matches!(sample.model.dialog, Some(Dialog::Code(_))));
    sample.key(KeyCode::Esc);
    assert!(sample.model.dialog.is_none());
    let mut sample = Sample::healthy(SMALL);
    sample.model.lang = Lang::Portuguese;
    sample.keys("C");
    assert!(screen(&sample).contains("garantida por"), "{}", screen(&sample));
}

#[test]
fn whole_values_of_one_key_are_read_in_a_view_of_their_own() {
    let mut sample = Sample::healthy(MIDDLE).with_finals();
    let long = "0123456789".repeat(20);
    sample.write("long", &long, &[2, 3, 4]);
    sample.model.pane = Pane::FinalDb;
    sample.keys("/long");
    sample.key(KeyCode::Enter);
    sample.keys("V");
    let Some(Dialog::Value(value)) = &sample.model.dialog else { panic!("nothing is shown") };
    let text = value.rows.concat();
    assert!(text.contains("n4 e1·o3") && text.contains("bytes"), "{text}");
    assert!(!text.contains("y=2"), "the filter applies");
    sample.key(KeyCode::Esc);
    sample.key(KeyCode::Esc);
    sample.model.pane = Pane::Peers;
    sample.keys("V");
    assert!(sample.model.notice.is_some_and(|notice| notice.text.contains("nothing is cut")));
}

#[test]
fn the_screen_of_a_node_has_its_log_disk_acks_and_last_events() {
    for (name, size) in [("node-120x36", LARGE), ("node-80x24", MIDDLE), ("node-60x18", SMALL)] {
        let mut sample = Sample::eventful(size).with_finals();
        sample.keys("I3");
        assert_eq!(sample.model.dialog, Some(Dialog::Node(NodeId(3))));
        check(name, &sample, &dark());
    }
    let mut sample = Sample::eventful(LARGE);
    sample.keys("I");
    assert_eq!(sample.model.dialog, Some(Dialog::Node(NodeId(1))), "the leader first");
    sample.key(KeyCode::Up);
    assert_eq!(sample.model.dialog, Some(Dialog::Node(NodeId(4))));
    sample.keys("k");
    assert!(sample.model.dialog.is_none(), "another key closes it and does nothing else");
}

#[test]
fn two_moments_are_compared_from_the_earlier_to_the_later_whichever_is_chosen_first() {
    let mut sample = Sample::eventful(LARGE).with_finals();
    sample.keys("M");
    assert!(screen(&sample).contains("→ ?"));
    sample.keys("{{{{M");
    let Some(Dialog::Moments { changes, .. }) = sample.model.dialog.clone() else { panic!("nothing is compared") };
    assert!(changes.steps.0 < changes.steps.1);
    let first = &changes.nodes[0];
    assert!(!first.appeared.is_empty() && first.truncated.is_empty(), "{first:?}");
    let third = changes.nodes.iter().find(|node| node.node == NodeId(3)).expect("n3");
    assert!(!third.is_empty());
    check("moments-120x36", &sample, &dark());
    sample.key(KeyCode::Esc);
    assert_eq!(sample.model.first_moment, None);
}

#[test]
fn the_same_moment_is_not_compared_and_esc_forgets_the_first_one() {
    let mut sample = Sample::healthy(LARGE);
    sample.keys("MM");
    assert!(sample.model.dialog.is_none() && sample.model.first_moment.is_none());
    sample.keys("M");
    sample.key(KeyCode::Esc);
    assert_eq!(sample.model.first_moment, None);
}

#[test]
fn the_focused_pane_fills_the_screen_and_gives_it_back() {
    let mut sample = Sample::eventful(LARGE);
    sample.keys("Z");
    assert!(!screen(&sample).contains("SPACE-TIME") && screen(&sample).contains("[narration]"));
    sample.key(KeyCode::Esc);
    assert!(screen(&sample).contains("SPACE-TIME"));
    sample.keys("sZ");
    assert_eq!(sample.model.focus, Focus::SpaceTime);
    check("zoom-120x36", &sample, &dark());
    sample.keys("Z");
    assert!(screen(&sample).contains("[SPACE-TIME]") && screen(&sample).contains("LOGS"));
}

#[test]
fn a_click_on_a_mark_of_the_tape_shows_its_moment_and_one_behind_the_last_mark_goes_to_the_end() {
    let mut sample = Sample::eventful(LARGE);
    let strips = layout(LARGE, &Content::of(&sample.model)).expect("large enough").strips;
    let row = strips.bottom() - 1;
    let text = screen(&sample);
    let line = text.lines().nth(usize::from(row)).expect("the strip is there");
    let column = line.chars().position(|letter| letter == '|').expect("an epoch is marked") as u16;
    sample.mouse(Gesture::Click, column + 1, row);
    let first = sample.model.tape.marks()[0].at;
    assert_eq!(sample.model.tape.past().map(|past| past.at), Some(first));
    let text = screen(&sample);
    let line = text.lines().nth(usize::from(row)).expect("the strip is there");
    let event = line.find("event").expect("the position is there");
    let column = line[..event].chars().count() as u16 - 3;
    sample.mouse(Gesture::Click, column, row);
    assert!(sample.model.tape.past().is_none(), "behind the last mark is the end");
}

#[test]
fn a_click_on_a_key_of_the_hint_line_presses_it_and_one_on_a_node_opens_its_screen() {
    let mut sample = Sample::healthy(LARGE);
    let hint = layout(LARGE, &Content::of(&sample.model)).expect("large enough").hint;
    let text = screen(&sample);
    let line = text.lines().nth(usize::from(hint.y)).expect("the line is there");
    let last = text.lines().nth(usize::from(hint.bottom() - 1)).expect("the line is there");
    let help = last.find("help").map(|at| last[..at].chars().count()).expect("help is there") as u16;
    sample.mouse(Gesture::Click, help, hint.bottom() - 1);
    assert!(matches!(sample.model.dialog, Some(Dialog::Help { .. })));
    sample.key(KeyCode::Esc);
    let first = line.find("scenario").map(|at| line[..at].chars().count()).expect("scenarios are there") as u16;
    sample.mouse(Gesture::Click, first, hint.y);
    assert!(matches!(sample.model.dialog, Some(Dialog::Scenarios { .. })), "a click does not start one of them");
    sample.key(KeyCode::Esc);
    let logs = layout(LARGE, &Content::of(&sample.model)).expect("large enough").logs;
    sample.mouse(Gesture::Click, logs.x + 3, logs.y + 4);
    assert_eq!(sample.model.dialog, Some(Dialog::Node(NodeId(2))));
    sample.key(KeyCode::Esc);
    sample.keys("k");
    let effects = [sample.click(hint.x, hint.y), sample.click(logs.x + 3, logs.y + 4)];
    assert!(effects[0].is_empty(), "a click beside the nodes chooses none");
    let line = |effect: &Effect| matches!(effect, Effect::Execute { command, .. } if *command == typed("kill 2"));
    assert!(effects[1].iter().any(line), "{effects:?}");
}

fn typed(line: &str) -> crate::command::Command {
    crate::command::parse_line(line).expect("it is a command")
}

#[test]
fn a_second_click_explains_a_line_and_zooms_a_tab() {
    let mut sample = Sample::healthy(LARGE);
    let lower = layout(LARGE, &Content::of(&sample.model)).expect("large enough").lower;
    let click = |sample: &mut Sample| sample.mouse(Gesture::Click, lower.x + 8, lower.bottom() - 2);
    click(&mut sample);
    assert!(sample.model.dialog.is_none() && sample.model.narration.selected.is_some());
    click(&mut sample);
    assert!(matches!(sample.model.dialog, Some(Dialog::Explain(_))));
    click(&mut sample);
    assert!(sample.model.dialog.is_none(), "a click closes it");
    sample.mouse(Gesture::Click, lower.x + 3, lower.y);
    assert!(sample.model.is_zoomed);
    let upper = layout(LARGE, &Content::of(&sample.model)).expect("large enough").upper();
    sample.mouse(Gesture::Click, upper.x + 3, upper.y);
    assert!(!sample.model.is_zoomed);
}
