//! The guided tour on the screen, and the keys of a running scenario, from reports as the runner sends them.

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::KeyCode;
use epoca::protocol::NodeId;
use ratatui::style::Modifier;

use crate::console::model::{Dialog, Pane};
use crate::console::tests::drawing::{LARGE, MIDDLE, SMALL, cells_of, check, dark, drawn, screen};
use crate::console::tests::sample::Sample;
use crate::console::theme::{Depth, Look, Theme};
use crate::console::update::{Effect, Msg, ScenarioMsg};
use crate::lang::Lang;
use crate::scenario::{
    DEFENSE, Evidence, EvidenceKind, ItemKind, ItemResult, Order, ReportEvent, Script, Verdict, Wait, find,
};

const SIZES: [(&str, (u16, u16)); 3] = [("120x36", LARGE), ("80x24", MIDDLE), ("60x18", SMALL)];

pub(super) fn tell(sample: &mut Sample, told: ReportEvent) {
    sample.send(Msg::Scenario(Box::new(ScenarioMsg::Report(told))));
}

pub(super) fn begun(size: (u16, u16), name: &str) -> (Sample, Arc<Script>) {
    let mut sample = Sample::healthy(size);
    let script = Arc::new(find(name).expect("it comes with the program"));
    tell(&mut sample, ReportEvent::Started(script.clone()));
    let names = [("leader", 1), ("a", 2), ("b", 3), ("c", 4)];
    tell(&mut sample, ReportEvent::NodesNamed(names.map(|(name, node)| (name.to_owned(), NodeId(node))).to_vec()));
    (sample, script)
}

/// The heading of the graded line or test with this label.
pub(super) fn line(script: &Script, wanted: &str) -> usize {
    let is_it = |kind: &ItemKind| matches!(kind, ItemKind::Graded { label: Some(label), .. } if label == wanted);
    script.items.iter().position(|item| is_it(&item.kind)).expect("it is graded")
}

pub(super) fn waits(sample: &mut Sample, heading: usize, wait: Wait) {
    tell(sample, ReportEvent::ItemStarted(heading));
    tell(sample, ReportEvent::Waits(Some(wait)));
}

/// The items from here pass, until the end of the step or the next `then`, which is returned.
pub(super) fn pass(sample: &mut Sample, script: &Script, from: usize) -> Option<usize> {
    tell(sample, ReportEvent::Waits(None));
    for (index, item) in script.items.iter().enumerate().skip(from + 1) {
        let text = match item.kind {
            ItemKind::Then => return Some(index),
            ItemKind::Do(_) => format!("{}: ok", item.line),
            ItemKind::Expect(_) => String::new(),
            _ => return None,
        };
        tell(sample, ReportEvent::ItemStarted(index));
        let evidence = Evidence {
            kind: EvidenceKind::Event("A1"),
            node: Some(NodeId(4)),
            event: Some(41),
            text: "Acked up_to=e1·o3#4f2a".into(),
            entries: Vec::new(),
            fact: None,
        };
        let took = Duration::from_millis(12);
        let done = ItemResult { verdict: Verdict::Pass, evidence: vec![evidence], text: text.into(), took };
        tell(sample, ReportEvent::ItemEnded(index, done));
    }
    None
}

/// Test 4, inside the step: the commit orders to n4 are held.
fn held(size: (u16, u16), lang: Lang) -> Sample {
    let (mut sample, script) = begun(size, DEFENSE);
    sample.model.lang = lang;
    let step = line(&script, "T4");
    waits(&mut sample, step, Wait::Ready);
    let then = pass(&mut sample, &script, step).expect("it waits inside the step");
    tell(&mut sample, ReportEvent::ItemStarted(then));
    tell(&mut sample, ReportEvent::Waits(Some(Wait::Then(then))));
    sample
}

#[test]
fn a_step_says_what_happens_and_marks_where_to_look_before_it_runs() {
    for (name, size) in SIZES {
        let (mut sample, script) = begun(size, DEFENSE);
        waits(&mut sample, line(&script, "T1"), Wait::Ready);
        check(&format!("tour-ready-{name}"), &sample, &dark());
    }
}

#[test]
fn a_step_that_waits_inside_shows_the_evidence_so_far_and_what_comes() {
    for (name, size) in SIZES {
        check(&format!("tour-then-{name}-pt"), &held(size, Lang::Portuguese), &dark());
    }
}

#[test]
fn a_step_that_is_shown_has_its_mark_in_the_banner_and_its_points() {
    let (mut sample, script) = begun(LARGE, DEFENSE);
    let step = line(&script, "2a");
    waits(&mut sample, step, Wait::Ready);
    pass(&mut sample, &script, step);
    tell(&mut sample, ReportEvent::Waits(Some(Wait::Done)));
    check("tour-done-120x36", &sample, &dark());
    let shown = screen(&sample);
    assert!(shown.contains("✓   2 a") && shown.contains("0.15 of 2.00 points"), "{shown}");
}

#[test]
fn a_question_shows_its_answer_and_then_its_demonstration() {
    for (name, size) in SIZES {
        let (mut sample, script) = begun(size, DEFENSE);
        sample.model.lang = Lang::Portuguese;
        waits(&mut sample, line(&script, "T1"), Wait::Ready);
        waits(&mut sample, script.question("leader-dies").expect("it is asked"), Wait::Ready);
        check(&format!("tour-question-{name}-pt"), &sample, &dark());
    }
    let (mut sample, script) = begun(MIDDLE, DEFENSE);
    waits(&mut sample, line(&script, "T1"), Wait::Ready);
    let question = script.question("leader-dies").expect("it is asked");
    waits(&mut sample, question, Wait::Ready);
    pass(&mut sample, &script, question);
    let shown = screen(&sample);
    assert!(!shown.contains("A majority has the entry on disk"), "the answer makes room for the evidence: {shown}");
}

#[test]
fn the_arrows_open_the_evidence_of_a_line_of_the_step() {
    let (mut sample, script) = begun(MIDDLE, DEFENSE);
    let step = line(&script, "2b");
    waits(&mut sample, step, Wait::Ready);
    let then = pass(&mut sample, &script, step).expect("it waits inside");
    waits(&mut sample, then, Wait::Then(then));
    (0..20).for_each(|_| _ = sample.key(KeyCode::Up));
    assert_eq!(sample.model.scenarios.selected, Some(step + 1), "no further than the step's first item");
    (0..2).for_each(|_| _ = sample.key(KeyCode::Down));
    let buffer = drawn(&sample, &dark());
    let chosen = cells_of(&buffer, "the leader pushes it to n2");
    assert!(chosen.iter().all(|cell| cell.modifier.contains(Modifier::REVERSED)));
    check("tour-selected-80x24", &sample, &dark());
    (0..20).for_each(|_| _ = sample.key(KeyCode::Down));
    assert_eq!(sample.model.scenarios.selected, Some(then - 1));
}

#[test]
fn a_region_is_marked_without_colours_too() {
    let look = Look::new(Theme::Dark, Depth::None, false);
    let (mut sample, script) = begun(LARGE, DEFENSE);
    waits(&mut sample, line(&script, "T1"), Wait::Ready);
    let shown = screen(&sample);
    assert!(shown.contains("┏") && shown.matches("LOOK HERE").count() == 2, "the logs and the diagram: {shown}");
    let sample = held(LARGE, Lang::English);
    let buffer = drawn(&sample, &look);
    let label = cells_of(&buffer, "n4 replica");
    assert!(label.iter().all(|cell| cell.modifier.contains(Modifier::REVERSED)), "{label:?}");
    let (mut sample, script) = begun(MIDDLE, DEFENSE);
    waits(&mut sample, line(&script, "1a"), Wait::Ready);
    let middle = drawn(&sample, &look);
    let tab = cells_of(&middle, "space-time  final");
    assert!(tab[..10].iter().all(|cell| cell.modifier.contains(Modifier::REVERSED)), "the tab to open: {tab:?}");
    let other = cells_of(&buffer, "n3 replica");
    assert!(other.iter().all(|cell| !cell.modifier.contains(Modifier::REVERSED)), "{other:?}");
}

#[test]
fn no_speaker_note_is_on_the_screen() {
    for size in [LARGE, MIDDLE, SMALL] {
        let sample = held(size, Lang::English);
        assert!(!screen(&sample).contains("Only the commit order changes anything"));
    }
}

#[test]
fn the_keys_of_a_tour_order_what_their_help_says() {
    let (mut sample, script) = begun(MIDDLE, DEFENSE);
    let step = line(&script, "T4");
    waits(&mut sample, step, Wait::Ready);
    let order = |order| vec![Effect::OrderScenario(order)];
    for next in [KeyCode::Char('n'), KeyCode::Char('.'), KeyCode::PageDown, KeyCode::Char(' ')] {
        assert_eq!(sample.key(next), order(Order::Next), "{next:?}");
    }
    for back in [KeyCode::Char('b'), KeyCode::PageUp] {
        assert_eq!(sample.key(back), order(Order::Back), "{back:?}");
    }
    assert_eq!(sample.keys("N"), order(Order::Again));
    let stale = script.question("stale").expect("it is asked at test 4");
    assert_eq!(sample.keys("Q"), order(Order::To(stale)));
    let third = script.question("raft").expect("it is asked");
    assert_eq!(sample.keys("K3"), order(Order::To(third)));
    assert_eq!(sample.model.dialog, None);
    assert_eq!(sample.keys("X"), [Effect::StopScenario]);
}

#[test]
fn the_list_goes_to_a_question_or_a_step_and_closes_without() {
    for (name, size) in [("120x36", LARGE), ("80x24", MIDDLE)] {
        let (mut sample, script) = begun(size, DEFENSE);
        waits(&mut sample, line(&script, "T4"), Wait::Ready);
        sample.keys("K");
        check(&format!("tour-list-{name}"), &sample, &dark());
        (0..9).for_each(|_| _ = sample.key(KeyCode::Down));
        let opening = script.items.iter().position(|item| matches!(item.kind, ItemKind::Step)).expect("an opening");
        assert_eq!(sample.key(KeyCode::Enter), [Effect::OrderScenario(Order::To(opening))]);
        sample.keys("K");
        assert_eq!(sample.key(KeyCode::Esc), []);
        assert_eq!(sample.model.dialog, None);
    }
}

#[test]
fn space_pauses_and_goes_on_and_the_pane_says_so() {
    let (mut sample, _) = begun(MIDDLE, "normal");
    tell(&mut sample, ReportEvent::ItemStarted(1));
    assert_eq!(sample.keys(" "), [Effect::OrderScenario(Order::Pause)]);
    assert!(screen(&sample).contains("pauses after this item"));
    tell(&mut sample, ReportEvent::Waits(Some(Wait::Paused)));
    check("scenario-paused-80x24", &sample, &dark());
    assert_eq!(sample.keys("n"), [Effect::OrderScenario(Order::Next)], "one item");
    assert!(sample.model.scenarios.pause_asked, "and the pause stays");
    assert_eq!(sample.keys(" "), [Effect::OrderScenario(Order::GoOn)]);
    assert_eq!(sample.keys("b"), [], "a scenario has no step before");
    assert!(sample.model.notice.is_some());
}

#[test]
fn esc_asks_once_and_then_stops_a_running_scenario() {
    let (mut sample, _) = begun(MIDDLE, "normal");
    assert_eq!(sample.key(KeyCode::Esc), []);
    assert!(screen(&sample).contains("esc again stops the scenario"));
    assert_eq!(sample.keys("?"), []);
    sample.key(KeyCode::Esc);
    assert_eq!(sample.key(KeyCode::Esc), [], "another key was in between");
    assert_eq!(sample.key(KeyCode::Esc), [Effect::StopScenario]);
    tell(&mut sample, ReportEvent::Stopped { took: Duration::from_secs(1) });
    let shown = screen(&sample);
    assert!(shown.contains("STOPPED") && shown.contains("Steps not run: 1 2."), "{shown}");
    assert_eq!(sample.key(KeyCode::Esc), []);
}

#[test]
fn leaving_a_scenario_goes_back_to_the_consoles_own_cluster() {
    let (mut sample, _) = begun(MIDDLE, "figure-8");
    let nodes = (1..=5).map(|id| (NodeId(id), format!("127.0.0.1:2000{id}"))).collect();
    sample.send(Msg::Scenario(Box::new(ScenarioMsg::OwnCluster(nodes))));
    assert!(sample.model.shown().is_scenario_cluster);
    sample.key(KeyCode::Esc);
    assert_eq!(sample.key(KeyCode::Esc), [Effect::StopScenario]);
    tell(&mut sample, ReportEvent::Stopped { took: Duration::from_secs(1) });
    assert!(!sample.model.shown().is_scenario_cluster);
}

#[test]
fn an_ended_scenario_says_how_to_come_back_from_its_cluster() {
    let (mut sample, _) = begun(MIDDLE, "figure-8");
    let nodes = (1..=5).map(|id| (NodeId(id), format!("127.0.0.1:2000{id}"))).collect();
    sample.send(Msg::Scenario(Box::new(ScenarioMsg::OwnCluster(nodes))));
    sample.keys("X");
    tell(&mut sample, ReportEvent::Stopped { took: Duration::from_secs(1) });
    assert!(screen(&sample).contains("esc: back to your cluster"), "{}", screen(&sample));
}

#[test]
fn a_tour_that_was_stopped_lists_what_it_has_shown() {
    for (name, size) in [("120x36", LARGE), ("80x24", MIDDLE)] {
        let (mut sample, script) = begun(size, DEFENSE);
        sample.model.lang = Lang::Portuguese;
        for label in ["T1", "2a", "3c"] {
            let step = line(&script, label);
            waits(&mut sample, step, Wait::Ready);
            if let Some(then) = pass(&mut sample, &script, step) {
                let done =
                    ItemResult { verdict: Verdict::Pass, evidence: Vec::new(), text: "".into(), took: Duration::ZERO };
                tell(&mut sample, ReportEvent::ItemEnded(then, done));
                pass(&mut sample, &script, then);
            }
        }
        tell(&mut sample, ReportEvent::Stopped { took: Duration::from_secs(61) });
        check(&format!("tour-stopped-{name}-pt"), &sample, &dark());
    }
}

#[test]
fn d_begins_the_tour_and_so_does_the_demo_that_was_asked_to() {
    let mut sample = Sample::healthy(MIDDLE);
    assert_eq!(sample.keys("D"), [Effect::RunScenario(DEFENSE.to_owned())]);
    let mut sample = Sample::new(MIDDLE);
    sample.model.scenarios.tour_wanted = true;
    sample.elect(1, 1, &[1, 2, 3, 4]);
    assert_eq!(sample.model.scenarios.requested.as_deref(), Some(DEFENSE));
    assert!(!sample.model.scenarios.tour_wanted);
}

#[test]
fn the_tour_comes_back_to_its_tab_when_it_waits() {
    let (mut sample, script) = begun(MIDDLE, DEFENSE);
    waits(&mut sample, line(&script, "T1"), Wait::Ready);
    sample.key(KeyCode::Tab);
    assert_ne!(sample.model.pane, Pane::Scenario);
    waits(&mut sample, line(&script, "T2"), Wait::Ready);
    assert_eq!(sample.model.pane, Pane::Scenario);
    sample.keys("K");
    assert!(matches!(sample.model.dialog, Some(Dialog::Questions { .. })));
}
