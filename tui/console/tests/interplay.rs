//! Keys, sentences and screens of one part of the console while another part is on.

use std::time::Duration;

use crossterm::event::KeyCode;

use crate::console::keys::Mode;
use crate::console::model::{Dialog, LogWindow, Pane};
use crate::console::tests::drawing::{LARGE, MIDDLE, check, dark, screen};
use crate::console::tests::scenarios::scenario_cluster;
use crate::console::tests::tour::{begun, line, pass, tell, waits};
use crate::console::update::{Effect, Gesture};
use crate::lang::Lang;
use crate::scenario::{DEFENSE, Order, ReportEvent, Wait};

fn stopped() -> ReportEvent {
    ReportEvent::Stopped { took: Duration::from_secs(1) }
}

#[test]
fn while_a_scenario_runs_the_tape_does_not_offer_the_key_that_pauses_the_scenario() {
    for mut sample in [begun(LARGE, "normal").0, scenario_cluster(LARGE)] {
        let shown = screen(&sample);
        assert!(shown.contains("[ ] step") && !shown.contains("space freeze"), "{shown}");
        tell(&mut sample, stopped());
        assert!(screen(&sample).contains("space freeze"), "{}", screen(&sample));
    }
}

#[test]
fn the_line_of_the_prompt_offers_only_what_acts_while_a_scenario_or_a_tour_runs() {
    for (name, said) in [("normal", "space pauses, X stops it"), (DEFENSE, "n goes on, K lists")] {
        let (mut sample, _) = begun(MIDDLE, name);
        assert!(screen(&sample).contains(said) && !screen(&sample).contains("the tests"), "{}", screen(&sample));
        tell(&mut sample, stopped());
        assert!(screen(&sample).contains("1 2 3 5 the tests"), "{}", screen(&sample));
    }
}

#[test]
fn no_key_is_said_to_be_in_parentheses_where_none_is() {
    let mut sample = scenario_cluster(MIDDLE);
    assert!(!screen(&sample).contains("in parentheses"), "{}", screen(&sample));
    sample.keys("[");
    let shown = screen(&sample);
    assert!(shown.contains("in parentheses") && shown.contains("(k kill)"), "{shown}");
}

#[test]
fn the_past_of_a_tour_keeps_its_title_and_offers_none_of_its_keys() {
    let (mut sample, script) = begun(LARGE, DEFENSE);
    waits(&mut sample, line(&script, "T1"), Wait::Ready);
    sample.write("z", "3", &[2, 3, 4]);
    sample.keys("[");
    let shown = screen(&sample);
    assert!(shown.contains("L: back to the tour") && !shown.contains("n: run it"), "{shown}");
    assert!(shown.contains("T e s t   1"), "{shown}");
    assert!(!sample.keys("n").contains(&Effect::OrderScenario(Order::Next)));
    sample.keys("L");
    assert!(screen(&sample).contains("n: run it"));
    // The title is in the banner, which must be there in the past of an ended tour too.
    tell(&mut sample, stopped());
    let ended = screen(&sample);
    assert!(!ended.contains("T e s t   1"), "{ended}");
    sample.keys("[");
    assert!(screen(&sample).contains("T e s t   1"), "{}", screen(&sample));
}

#[test]
fn a_tour_says_which_key_comes_before_its_own_while_a_line_is_typed() {
    let (mut sample, script) = begun(MIDDLE, DEFENSE);
    waits(&mut sample, line(&script, "T1"), Wait::Ready);
    sample.keys("in");
    assert_eq!(sample.model.prompt.text(), "n");
    assert!(screen(&sample).contains("esc: the keys of the tour"), "{}", screen(&sample));
    sample.key(KeyCode::Esc);
    assert_eq!(sample.model.mode, Mode::Control);
    assert!(screen(&sample).contains("n: run it"));
    assert_eq!(sample.keys("n"), [Effect::OrderScenario(Order::Next)]);
}

#[test]
fn a_filter_shows_the_lines_of_a_tours_step_that_have_its_words_and_counts_them() {
    let (mut sample, script) = begun(MIDDLE, DEFENSE);
    let step = line(&script, "2b");
    waits(&mut sample, step, Wait::Ready);
    let then = pass(&mut sample, &script, step).expect("it waits inside");
    waits(&mut sample, then, Wait::Then(then));
    assert!(screen(&sample).contains("no ack, so no confirmation"), "{}", screen(&sample));
    assert_eq!(sample.keys("/pushes"), [], "letters go to the filter, not to the tour");
    let shown = screen(&sample);
    assert!(shown.contains("/pushes▏: 1 hit") && !shown.contains("no ack, so no confirmation"), "{shown}");
    assert!(shown.contains("enter keeps it") && !shown.contains("n next"), "no single key acts: {shown}");
    let row = shown.lines().position(|line| line.contains("enter keeps it")).expect("the hint line") as u16;
    assert_eq!(sample.click(3, row), [], "a click presses no key either");
    sample.key(KeyCode::Enter);
    assert_eq!(sample.keys("n"), [Effect::OrderScenario(Order::Next)]);
    // Esc: first the filter, then the tour.
    assert_eq!(sample.key(KeyCode::Esc), []);
    assert!(sample.model.filter.is_none() && sample.model.notice.is_none());
    sample.key(KeyCode::Esc);
    assert!(screen(&sample).contains("esc again ends the defense"));
}

#[test]
fn enter_goes_on_in_a_tour_and_repeats_no_command() {
    let (mut sample, script) = begun(LARGE, DEFENSE);
    waits(&mut sample, line(&script, "T1"), Wait::Ready);
    assert_eq!(sample.key(KeyCode::Enter), [Effect::OrderScenario(Order::Next)]);
}

#[test]
fn esc_closes_what_stands_over_a_tour_before_it_asks_to_leave_it() {
    let (mut sample, script) = begun(LARGE, DEFENSE);
    waits(&mut sample, line(&script, "T1"), Wait::Ready);
    sample.keys("ZIG");
    assert!(sample.model.is_zoomed);
    while sample.model.dialog.is_some() {
        sample.key(KeyCode::Esc);
    }
    sample.key(KeyCode::Esc);
    assert!(!sample.model.is_zoomed && !sample.model.scenarios.leave_asked);
    sample.key(KeyCode::Esc);
    assert!(sample.model.scenarios.leave_asked);
    assert_eq!(sample.key(KeyCode::Esc), [Effect::StopScenario]);
}

#[test]
fn no_key_is_named_below_a_view_that_takes_all_keys() {
    let (mut sample, script) = begun(LARGE, DEFENSE);
    waits(&mut sample, line(&script, "T1"), Wait::Ready);
    for key in ["?", "G", "I", "K"] {
        sample.keys(key);
        let shown = screen(&sample);
        assert!(
            !shown.contains("n next") && !shown.contains("n goes on") && shown.contains("closes"),
            "{key}: {shown}"
        );
        sample.key(KeyCode::Esc);
        assert!(screen(&sample).contains("n next"), "{}", screen(&sample));
    }
}

#[test]
fn the_question_before_quitting_is_taken_back_by_the_key_that_goes_on() {
    let (mut sample, script) = begun(MIDDLE, DEFENSE);
    sample.model.owns_nodes = true;
    waits(&mut sample, line(&script, "T1"), Wait::Ready);
    assert_eq!(sample.keys("q"), []);
    assert_eq!(sample.keys("n"), [Effect::OrderScenario(Order::Next)]);
    assert_eq!(sample.keys("q"), []);
    assert_eq!(sample.keys("q"), [Effect::Quit]);
}

#[test]
fn time_stays_real_while_a_tour_waits_and_the_cluster_can_be_written_to_by_hand() {
    let (mut sample, script) = begun(MIDDLE, DEFENSE);
    waits(&mut sample, line(&script, "T1"), Wait::Ready);
    assert_eq!(sample.keys("<"), []);
    assert!(screen(&sample).contains("a scenario runs: it waits in real time"), "{}", screen(&sample));
    assert!(sample.model.pace_asked.is_none());
    assert!(matches!(sample.keys("p")[..], [Effect::Execute { .. }]));
}

#[test]
fn keys_that_look_around_act_on_the_scenarios_own_cluster_beside_the_tab_of_the_scenario() {
    let mut sample = scenario_cluster(LARGE);
    assert_eq!(sample.model.pane, Pane::Scenario);
    sample.key(KeyCode::Home);
    assert_eq!(sample.model.window, LogWindow::Newest, "the console's own table of logs is not on the screen");
    sample.keys("s");
    let shown = sample.model.shown();
    assert!(shown.space_time.selected.is_some() && sample.model.space_time.selected.is_none());
    sample.keys("e");
    sample.key(KeyCode::Up);
    let Some(Dialog::Explain(explained)) = &sample.model.dialog else { panic!("{}", screen(&sample)) };
    let serial = sample.model.shown().space_time.selected.expect("it is selected");
    assert_eq!(sample.model.shown().space_time.fact(serial).map(|(_, fact)| fact), Some(explained.fact.clone()));
    sample.key(KeyCode::Esc);
    sample.keys("M");
    assert!(screen(&sample).contains("first moment"), "{}", screen(&sample));
    sample.key(KeyCode::Esc);
    assert!(sample.model.shown().first_moment.is_none(), "esc discards it, as the notice announces");
    assert!(!sample.model.scenarios.leave_asked);
}

#[test]
fn the_space_time_tab_opens_for_a_scenarios_own_cluster_on_a_small_screen() {
    let mut sample = scenario_cluster(MIDDLE);
    sample.keys("s");
    assert_eq!(sample.model.pane, Pane::SpaceTime);
    assert!(screen(&sample).contains("[space-time]"), "{}", screen(&sample));
}

#[test]
fn the_defense_begins_from_the_cluster_that_an_ended_scenario_has_left() {
    let mut sample = scenario_cluster(MIDDLE);
    assert_eq!(sample.keys("D"), []);
    assert!(screen(&sample).contains("already running"), "{}", screen(&sample));
    tell(&mut sample, stopped());
    assert!(sample.model.shown().is_scenario_cluster);
    assert_eq!(sample.keys("D"), [Effect::RunScenario(DEFENSE.to_owned())]);
    assert!(!sample.model.shown().is_scenario_cluster);
}

#[test]
fn a_console_without_launcher_or_lab_says_why_there_is_no_defense() {
    let mut sample = begun(MIDDLE, "normal").0;
    tell(&mut sample, stopped());
    sample.model.no_launcher = Some("the nodes were started elsewhere".to_owned());
    assert_eq!(sample.keys("D"), []);
    assert!(screen(&sample).contains("the nodes were started elsewhere"), "{}", screen(&sample));
    sample.model.no_launcher = None;
    sample.model.nodes.values_mut().for_each(|node| node.lab = false);
    assert_eq!(sample.keys("D"), []);
    assert!(screen(&sample).contains("--lab"), "{}", screen(&sample));
}

#[test]
fn a_click_on_a_mark_of_the_tape_finds_it_while_a_scenario_runs() {
    let (mut sample, _) = begun(LARGE, "normal");
    let shown = screen(&sample);
    let row = shown.lines().position(|line| line.contains(" TAPE ")).expect("the tape") as u16;
    sample.mouse(Gesture::Click, 7, row);
    assert!(sample.model.tape.past().is_some(), "{}", screen(&sample));
}

#[test]
fn a_title_that_fits_stands_in_large_letters_with_the_mark_of_its_step_beside_it() {
    let (mut sample, script) = begun(LARGE, DEFENSE);
    sample.model.lang = Lang::Portuguese;
    waits(&mut sample, line(&script, "T1"), Wait::Ready);
    let question = script.question("why-three").expect("it is asked");
    waits(&mut sample, question, Wait::Ready);
    pass(&mut sample, &script, question);
    check("tour-large-120x36-pt", &sample, &dark());
}
