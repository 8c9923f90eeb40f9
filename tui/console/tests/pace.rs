//! Slow motion: its keys, messages that move along their arrows, when that is drawn.

use std::sync::Arc;
use std::time::Duration;

use epoca::client::watch::Observed;
use epoca::protocol::trace::Fact;
use epoca::protocol::{EntryId, NodeId};

use crate::command::{Outcome, parse_line};
use crate::console::tests::drawing::{LARGE, MIDDLE, SMALL, check, dark, drawn, text};
use crate::console::tests::sample::Sample;
use crate::console::update::{Effect, Msg, ScenarioMsg, next_wake};
use crate::scenario::{ReportEvent, find};

fn slow(sample: &mut Sample, slowdown: u64) {
    (1..=4).for_each(|id| sample.tell(id, Fact::PaceSet { slowdown, at: 0 }));
}

/// A write at this pace, with its pushes on their way.
fn pushing(size: (u16, u16), slowdown: u64) -> Sample {
    let mut sample = Sample::healthy(size);
    slow(&mut sample, slowdown);
    sample.propose("z", "3");
    for to in 2..=4 {
        let about = Some(EntryId::new(1, 3));
        let number = sample.sent(1, to, "push", about, 1);
        let (since, due) = (0, slowdown * 1_000);
        let (from, kind, what) = (NodeId(1), "push".into(), None);
        sample.tell(to, Fact::MessageInFlight { from, to: NodeId(to), number, kind, what, since, due });
    }
    sample
}

fn commands(effects: &[Effect]) -> Vec<crate::command::Command> {
    let command = |effect: &Effect| match effect {
        Effect::Execute { command, .. } => Some(command.clone()),
        _ => None,
    };
    effects.iter().filter_map(command).collect()
}

#[test]
fn keys_of_slow_motion_are_the_lines_that_could_be_typed() {
    let typed = |line: &str| vec![parse_line(line).expect("it is a command")];
    let mut sample = Sample::healthy(LARGE);
    let end = |sample: &mut Sample| {
        let number = sample.model.operations.newest().expect("it was asked").number;
        sample.send(Msg::OperationEnd(number, Outcome::done(serde_json::json!({})), Duration::ZERO))
    };
    assert_eq!(commands(&sample.keys("<")), typed("pace 3"));
    assert_eq!(commands(&sample.keys("<<")), [], "one command is under way at a time");
    assert_eq!(
        commands(&end(&mut sample)),
        typed("pace 30"),
        "the keys go on from each other, and the last one decides"
    );
    assert_eq!(commands(&sample.keys(">=")), []);
    assert_eq!(commands(&end(&mut sample)), typed("pace 1"));
    assert_eq!(commands(&end(&mut sample)), []);
    slow(&mut sample, 1_000);
    assert_eq!(commands(&sample.keys("<")), [], "there is no slower pace");
    assert!(sample.model.notice.take().is_some_and(|notice| notice.text.contains("1/1000")));
    assert_eq!(commands(&sample.keys(">")), typed("pace 1/300"));
}

#[test]
fn in_real_time_the_keys_say_that_it_is() {
    let mut sample = Sample::healthy(LARGE);
    for key in ["=", ">"] {
        assert_eq!(commands(&sample.keys(key)), []);
        assert!(sample.model.notice.take().is_some_and(|notice| notice.text.contains("real time already")));
    }
}

#[test]
fn the_top_of_the_screen_says_the_pace_and_what_is_stretched() {
    for (size, wanted) in [(LARGE, "1/100 of real time; timers stretched"), (MIDDLE, "1/100 of real time")] {
        let mut sample = Sample::healthy(size);
        slow(&mut sample, 100);
        assert!(text(&drawn(&sample, &dark())).contains(wanted));
        slow(&mut sample, 1);
        assert!(!text(&drawn(&sample, &dark())).contains(wanted));
    }
}

#[test]
fn a_message_is_seen_where_its_flight_has_come_to() {
    let mut sample = pushing(LARGE, 1_000);
    sample.after(600);
    check("pace-120x36", &sample, &dark());
    let mut sample = pushing(MIDDLE, 1_000);
    sample.keys("s");
    sample.after(600);
    check("pace-80x24", &sample, &dark());
    let mut sample = pushing(SMALL, 1_000);
    sample.keys("s");
    sample.after(100);
    check("pace-60x18", &sample, &dark());
}

#[test]
fn a_message_that_moves_is_drawn_thirty_times_a_second_and_no_longer_than_it_moves() {
    let mut sample = pushing(LARGE, 1_000);
    let revision = sample.model.revision;
    let wake = next_wake(&sample.model).expect("it moves");
    assert!(wake >= sample.model.now + Duration::from_millis(33));
    sample.after(33);
    assert_eq!(sample.model.revision, revision + 1);
    sample.after(1_000);
    let (revision, now) = (sample.model.revision, sample.model.now);
    assert!(next_wake(&sample.model).is_none_or(|wake| wake > now + Duration::from_millis(33)), "it has come");
    sample.after(33);
    assert_eq!(sample.model.revision, revision);
}

#[test]
fn what_moves_out_of_sight_draws_nothing() {
    let mut sample = pushing(MIDDLE, 1_000);
    sample.after(0);
    let revision = sample.model.revision;
    sample.after(100);
    assert_eq!(sample.model.revision, revision, "the tab of the narration is shown");
}

#[test]
fn what_is_on_its_way_to_a_node_that_dies_is_lost() {
    let mut sample = pushing(LARGE, 1_000);
    sample.send(Msg::Observed(NodeId(4), Observed::Disconnected("killed".to_owned())));
    let screen = text(&drawn(&sample, &dark()));
    let lost = screen.lines().find(|line| line.contains("push e1") && line.contains('x'));
    assert!(lost.is_some(), "{screen}");
}

#[test]
fn while_a_scenario_runs_its_time_stays_real() {
    let mut sample = Sample::healthy(LARGE);
    let script = Arc::new(find("normal").expect("it comes with the program"));
    sample.send(Msg::Scenario(Box::new(ScenarioMsg::Report(ReportEvent::Started(script)))));
    assert_eq!(commands(&sample.keys("<")), []);
    assert!(sample.model.notice.take().is_some_and(|notice| notice.text.contains("a scenario runs")));
    assert_eq!(sample.model.pace_asked, None);
    slow(&mut sample, 3);
    assert_eq!(commands(&sample.keys("=")).len(), 1, "back to real time is always possible");
}

#[test]
fn several_paces_on_the_way_to_one_are_told_once() {
    let mut sample = Sample::healthy(LARGE);
    let (lines, rows) = (sample.model.narration.lines().len(), sample.model.space_time.rows().len());
    [3, 10, 30, 100].into_iter().for_each(|slowdown| slow(&mut sample, slowdown));
    assert_eq!(sample.model.narration.lines().len(), lines + 1);
    assert_eq!(sample.model.space_time.rows().len(), rows + 1);
    assert!(text(&drawn(&sample, &dark())).contains("run at 1/100 of real time"));
}

#[test]
fn what_is_on_its_way_does_not_wait_and_step_mode_counts_what_it_lets_through() {
    let mut sample = pushing(LARGE, 1_000);
    assert_eq!(crate::console::model::step_mode::count(&sample.model), 0, "nothing waits for a person");
    (1..=4).for_each(|id| sample.tell(id, Fact::StepOn { every: 0 }));
    let (from, to, kind) = (NodeId(1), NodeId(2), "heartbeat".into());
    sample.tell(2, Fact::MessageLetThrough { from, to, number: 90, kind });
    sample.model.pane = crate::console::model::Pane::Step;
    check("pace-step-120x36", &sample, &dark());
}
