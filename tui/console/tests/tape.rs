//! The tape: every past moment is shown as it was, the present continues meanwhile, and a recording shows the same.

use std::time::Duration;

use crossterm::event::KeyCode;
use epoca::client::watch::Observed;
use epoca::protocol::NodeId;
use epoca::verify::invariants::{Source, Violation};
use epoca::verify::patience::Patience;

use crate::command::{Outcome, Tone};
use crate::console::layout::{Content, layout};
use crate::console::model::{Model, Pane, ProcessSeen};
use crate::console::tests::drawing::{LARGE, MIDDLE, check, dark};
use crate::console::tests::sample::{Sample, records};
use crate::console::update::{Effect, Gesture, Msg, load, next_wake, open, update};
use crate::scenario::Verdict;
use crate::tape::{Checker, Finding, Record, read};

/// The part of a model that records determine.
fn world(model: &Model) -> String {
    let Model { nodes, timeline, narration, space_time, operations, no_launcher, phase, latency, verdict, .. } = model;
    let nodes = format!("{phase:?} {nodes:?} {operations:?} {no_launcher:?} {latency:?} {verdict:?}");
    format!("{nodes} {timeline:?} {narration:?} {space_time:?}")
}

/// The model after `at` records, replayed from the start without keyframes.
fn from_the_start(records: &[Record], at: usize) -> Model {
    let mut model = Model::new(LARGE, Vec::new());
    load(&mut model, "all".to_owned(), records[..at].to_vec());
    match &model.tape.moment {
        crate::console::model::tape::Moment::Past(past) => past.now.clone(),
        crate::console::model::tape::Moment::Now => panic!("a recording is always past"),
    }
}

#[test]
fn every_moment_is_what_it_was() {
    let mut sample = Sample::eventful(LARGE);
    let all = records(&sample.model);
    let (_, steps, _) = sample.model.tape.position();
    assert!(steps > 60, "{steps}");
    for step in (1..=steps).rev() {
        sample.keys("i");
        type_line(&mut sample, &format!("event {step}"));
        sample.key(KeyCode::Esc);
        let at = sample.model.tape.at() as usize;
        assert_eq!(sample.model.tape.position().0, step);
        assert_eq!(world(&sample.model), world(&from_the_start(&all, at)), "at event {step}");
    }
}

fn type_line(sample: &mut Sample, line: &str) -> Vec<Effect> {
    sample.keys(line);
    sample.key(KeyCode::Enter)
}

#[test]
fn a_step_back_and_on_again_changes_nothing() {
    let mut sample = Sample::eventful(LARGE);
    let before = world(&sample.model);
    sample.keys("[[[[]]]");
    assert!(sample.model.tape.past().is_some());
    sample.keys("]");
    assert_eq!(world(&sample.model), before);
    sample.keys("L");
    assert!(sample.model.tape.past().is_none());
    assert_eq!(world(&sample.model), before);
}

#[test]
fn the_present_goes_on_behind_the_past() {
    let mut sample = Sample::healthy(LARGE);
    sample.keys("[[");
    let shown = world(&sample.model);
    let (step, of, _) = sample.model.tape.position();
    sample.write("z", "3", &[2, 3, 4]);
    assert_eq!(world(&sample.model), shown, "the past stays");
    let (step_now, of_now, _) = sample.model.tape.position();
    assert!(step_now == step && of_now > of);
    sample.keys("L");
    let leader = &sample.model.nodes[&NodeId(1)];
    assert_eq!(leader.state.tail.len(), 4, "the write is there");
    assert_eq!(sample.model.tape.position(), (of_now, of_now, 0));
}

#[test]
fn marks_are_jumped_to_and_the_past_is_named() {
    let mut sample = Sample::eventful(LARGE);
    sample.keys("{");
    let leader = sample.model.leader().expect("somebody leads").state.epoch.map(|epoch| epoch.0);
    assert_eq!(leader, Some(3), "the election of the third epoch is the last mark");
    sample.keys("{{");
    assert!(sample.model.nodes[&NodeId(3)].state.tail.len() < 7);
    sample.keys("}}}}}}");
    assert!(sample.model.tape.past().is_none(), "after the last mark it is now");
    sample.keys("B[[[{}");
    let (step, of, _) = sample.model.tape.position();
    assert_eq!(step, of, "the bookmark is the newest event");
}

#[test]
fn nothing_is_done_to_the_cluster_in_the_past_but_by_going_back_to_now() {
    let mut sample = Sample::healthy(LARGE);
    sample.keys("[[k");
    assert!(sample.model.dialog.is_none());
    let notice = sample.model.notice.clone().expect("a reason").text;
    assert!(notice.contains("the past is shown"), "{notice}");
    sample.keys("i");
    let effects = type_line(&mut sample, "put z 3");
    assert!(matches!(effects[..], [Effect::Execute { .. }, Effect::Remember(_)]), "{effects:?}");
    assert!(sample.model.tape.past().is_none());
    assert_eq!(sample.model.operations.newest().map(|newest| newest.line.as_str()), Some("put z 3"));
}

#[test]
fn a_recording_shows_what_was_and_takes_no_command() {
    let mut live = Sample::eventful(LARGE);
    live.send(Msg::Process(NodeId(2), ProcessSeen::Killed));
    live.keys("i");
    type_line(&mut live, "put x 9");
    let outcome = Outcome::done(serde_json::json!({"epoch": 3, "offset": 4})).line(Tone::Result, "confirmed e3·o4");
    live.send(Msg::OperationEnd(1, outcome, Duration::from_micros(900)));
    let mut model = Model::new(LARGE, Vec::new());
    load(&mut model, "demo.jsonl".to_owned(), records(&live.model));
    let (step, of, _) = model.tape.position();
    // It opens at the first leader.
    assert!(step > 1 && model.leader().is_some() && of > 60);
    let mut replay = Sample::new(LARGE);
    replay.model = model;
    replay.keys("L");
    assert_eq!(world(&replay.model), world(&live.model));
    replay.keys("i");
    assert_eq!(type_line(&mut replay, "put x 1"), []);
    assert!(replay.model.notice.as_ref().is_some_and(|notice| notice.text.contains("recording")));
}

#[test]
fn a_recording_plays_at_its_speed_and_skips_long_pauses() {
    let live = Sample::eventful(LARGE);
    let mut model = Model::new(LARGE, Vec::new());
    load(&mut model, "demo.jsonl".to_owned(), records(&live.model));
    let mut replay = Sample::new(LARGE);
    replay.model = model;
    replay.send(Msg::Tick(Duration::ZERO));
    replay.keys(" ");
    let mut waited = Duration::ZERO;
    while let Some(wake) = crate::console::update::next_wake(&replay.model) {
        waited = wake;
        update(&mut replay.model, Msg::Tick(waited));
        assert!(waited < Duration::from_secs(60), "it plays for ever");
    }
    let (step, of, _) = replay.model.tape.position();
    assert_eq!(step, of);
    assert!(waited < Duration::from_secs(4), "the recording has six seconds, most of them a pause: {waited:?}");
}

#[test]
fn a_violation_stops_the_tape_at_its_event() {
    let mut sample = Sample::healthy(LARGE);
    let (step, _, _) = sample.model.tape.position();
    let evidence = vec![Source { node: NodeId(1), number: 3 }];
    sample.write("z", "3", &[2, 3, 4]);
    let violation = Violation { invariant: "log matching", text: "two of them".to_owned(), evidence };
    let mut verdict = Checker::new().verdict().clone();
    verdict.findings.push(Finding { violation, records: sample.model.tape.ring.end() });
    sample.send(Msg::Checked(Box::new(verdict.clone())));
    assert!(sample.model.tape.past().is_some());
    assert!(sample.model.tape.position().0 < step, "at the third event of n1");
    sample.keys("L");
    sample.send(Msg::Checked(Box::new(verdict)));
    assert!(sample.model.tape.past().is_none(), "a known violation does not stop it again");
}

#[test]
fn any_moment_of_a_long_tape_is_there_at_once() {
    let mut sample = Sample::healthy(LARGE);
    for number in 0..600 {
        sample.write("k", &number.to_string(), &[2, 3, 4]);
    }
    let all = sample.model.tape.ring.end();
    assert!(all > 8_192, "{all}");
    let patience = Patience::of(Duration::MAX);
    for part in 1..10 {
        let (_, of, _) = sample.model.tape.position();
        sample.keys("i");
        type_line(&mut sample, &format!("event {}", of * part / 10));
        sample.keys("L");
        sample.key(KeyCode::Esc);
    }
    let each = patience.passed() / 9;
    // An unoptimized build is about ten times slower.
    let most = if cfg!(debug_assertions) { 400 } else { 20 };
    assert!(each < Duration::from_millis(most), "{each:?}");
}

#[test]
fn a_disconnection_in_the_past_is_as_old_as_it_was() {
    let mut sample = Sample::healthy(LARGE);
    sample.send(Msg::Observed(NodeId(4), Observed::Disconnected("killed".to_owned())));
    sample.after(60_000);
    sample.write("z", "3", &[2, 3]);
    sample.keys("{[");
    let past = sample.model.now;
    assert!(past < Duration::from_secs(61), "{past:?}");
    sample.after(5_000);
    assert_eq!(sample.model.now, past, "its time is stopped");
}

/// A sample with a violation.
fn violated(size: (u16, u16)) -> Sample {
    let mut sample = Sample::healthy(size);
    sample.write("z", "3", &[2, 3, 4]);
    let evidence = vec![Source { node: NodeId(1), number: 12 }, Source { node: NodeId(2), number: 5 }];
    let text = "e1·o1 is e1·o1#9166 at position 2 at n1, and e1·o1#a816 at position 2 at n2".to_owned();
    let violation = Violation { invariant: "log matching", text, evidence };
    let mut verdict = Checker::new().verdict().clone();
    (verdict.events, verdict.records) = (1_204, sample.model.tape.ring.end());
    sample.send(Msg::Checked(Box::new(verdict.clone())));
    verdict.findings.push(Finding { violation, records: sample.model.tape.ring.end() });
    sample.send(Msg::Checked(Box::new(verdict)));
    sample
}

#[test]
fn the_past_is_named_at_the_top_and_what_cannot_be_done_is_dimmed() {
    for (name, size) in [("past-120x36", LARGE), ("past-80x24", MIDDLE)] {
        let mut sample = Sample::eventful(size);
        sample.keys("{{B");
        check(name, &sample, &dark());
    }
}

#[test]
fn a_click_in_the_past_selects_there() {
    let mut sample = Sample::eventful(LARGE);
    sample.keys("[[[[");
    let layout = layout(LARGE, &Content::of(&sample.model)).expect("large enough");
    let lower = layout.lower;
    sample.mouse(Gesture::Click, lower.x + 8, lower.bottom() - 2);
    let shown = sample.model.narration.lines().back().map(|line| line.serial);
    assert_eq!((sample.model.narration.selected, shown.is_some()), (shown, true));
    assert!(sample.model.tape.past().is_some());
}

#[test]
fn a_violation_is_loud_and_its_evidence_is_a_tab() {
    for (name, size) in [("violated-120x36", LARGE), ("violated-80x24", MIDDLE)] {
        let mut sample = violated(size);
        check(name, &sample, &dark());
        sample.keys("i");
        type_line(&mut sample, "checks");
        sample.key(KeyCode::Esc);
        check(&format!("evidence-{name}"), &sample, &dark());
    }
}

#[test]
fn a_recording_is_named_at_the_top() {
    let live = Sample::eventful(LARGE);
    let mut replay = Sample::new(LARGE);
    load(&mut replay.model, "demo.epoca.jsonl".to_owned(), records(&live.model));
    replay.keys("}}+");
    check("replay-120x36", &replay, &dark());
}

#[test]
fn a_recording_opens_playing_with_the_tab_of_its_scenarios() {
    let demo = read(std::path::Path::new(".assets/demo.epoca.jsonl")).expect("the demo can be read").records;
    let mut model = Model::new(LARGE, Vec::new());
    open(&mut model, "demo.epoca.jsonl".to_owned(), demo);
    let playing = model.tape.past().and_then(|past| past.playing).expect("it plays");
    assert_eq!(playing.due, Duration::ZERO, "at once");
    assert_eq!(model.pane, Pane::Scenario);
    let mut seen: Vec<String> = Vec::new();
    let mut ticked = 0;
    while let Some(due) = next_wake(&model) {
        update(&mut model, Msg::Tick(due));
        let run = model.run_shown().expect("a scenario is shown");
        if seen.last() != Some(&run.script.name) {
            seen.push(run.script.name.clone());
            ticked = 0;
        }
        assert!(run.ticked().0 >= ticked, "{}: a step is ticked once and for all", run.script.name);
        ticked = run.ticked().0;
    }
    assert_eq!(seen, ["normal", "conflict-digest", "commit-order", "old-log"]);
    let last = model.run_shown().expect("a scenario is shown");
    assert_eq!((last.verdict(), last.ticked().0), (Verdict::Pass, last.ticked().1));
    assert!(!model.scenarios.is_running());
}
