//! The screen claims nothing that the nodes have not reported: headlines follow from events, unknown state is called
//! unknown, and every moment of the tape has its own checks, scenario and data.

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::KeyCode;
use epoca::protocol::trace::Fact;
use epoca::protocol::{EntryId, Epoch, NodeId};
use epoca::verify::invariants::{Source, Violation};
use serde_json::json;

use crate::command::{Exit, Outcome, Tone};
use crate::console::model::tape::TapeMarkKind;
use crate::console::model::{Model, Pane, ProcessSeen};
use crate::console::tests::drawing::{LARGE, MIDDLE, dark, screen};
use crate::console::tests::sample::{Sample, records};
use crate::console::update::{Msg, ScenarioMsg};
use crate::console::view;
use crate::lang::Lang;
use crate::lang::Localized;
use crate::scenario::{ItemKind, ItemResult, ReportEvent, Script, Verdict, all, find};
use crate::tape::{Checker, Finding, Linearizable};

/// The words of the presenter's banner, without spaces.
fn banner(sample: &mut Sample) -> String {
    view::headline(sample.model.shown(), &dark()).0.replace(' ', "")
}

fn strip(sample: &Sample) -> String {
    let lines = screen(sample);
    lines.lines().find(|line| line.starts_with(" CHECKS")).unwrap_or_default().to_owned()
}

fn operation(sample: &mut Sample, line: &str, outcome: Outcome) {
    sample.keys("i");
    sample.keys(line);
    sample.key(KeyCode::Enter);
    sample.key(KeyCode::Esc);
    let number = sample.model.operations.newest().expect("it was asked").number;
    sample.send(Msg::OperationEnd(number, outcome, Duration::from_micros(900)));
}

/// The checks have covered the whole tape, with these findings.
fn checked(sample: &mut Sample, linearizable: Linearizable, findings: Vec<Finding>) {
    let mut verdict = Checker::new().verdict().clone();
    let records = sample.model.tape.ring.end();
    (verdict.records, verdict.events, verdict.linearizable) = (records, records, linearizable);
    verdict.findings = findings;
    sample.send(Msg::Checked(Box::new(verdict)));
}

fn told(sample: &mut Sample, told: ReportEvent) {
    sample.send(Msg::Scenario(Box::new(ScenarioMsg::Report(told))));
}

fn passed() -> ItemResult {
    ItemResult { verdict: Verdict::Pass, evidence: Vec::new(), text: Localized::default(), took: Duration::ZERO }
}

// Headlines.

#[test]
fn a_candidate_that_gives_up_is_never_said_to_have_led() {
    for role in ["candidate", ""] {
        let mut sample = Sample::healthy(LARGE);
        sample.tell(2, Fact::TimedOut { why: "silence".into() });
        sample.tell(2, Fact::PreVoteAsked { epoch: Epoch(2), last: Some(EntryId::new(1, 2)) });
        assert!(banner(&mut sample).contains("STANDSFORELECTION"));
        let why = || "leader-found".into();
        sample.tell(2, Fact::SteppedDown { epoch: Epoch(1), why: why(), heard: None, role: role.into() });
        let banner = banner(&mut sample);
        assert!(banner.contains("n2GIVESUPITSCANDIDACY"), "{banner}");
        for pane in [Pane::Narration, Pane::Events] {
            sample.model.pane = pane;
            let screen = screen(&sample);
            assert!(screen.contains("gives up its candidacy: it found"), "{screen}");
            assert!(!screen.contains("steps down"), "{screen}");
        }
        sample.model.lang = Lang::Portuguese;
        let screen = screen(&sample);
        assert!(screen.contains("desiste da candidatura") && !screen.contains("deixa a liderança"), "{screen}");
    }
}

#[test]
fn a_leader_that_steps_down_is_said_to_have_led() {
    let mut sample = Sample::healthy(LARGE);
    let (why, role) = ("no-quorum".into(), "leader".into());
    sample.tell(1, Fact::SteppedDown { epoch: Epoch(1), why, heard: None, role });
    assert!(screen(&sample).contains("steps down as leader of e1"));
    // An old recording does not have the role.
    let mut sample = Sample::healthy(LARGE);
    let (why, role) = ("greater-epoch".into(), "".into());
    sample.tell(2, Fact::SteppedDown { epoch: Epoch(1), why, heard: Some(Epoch(2)), role });
    let screen = screen(&sample);
    assert!(screen.contains("becomes a replica") && !screen.contains("steps down"), "{screen}");
}

#[test]
fn a_node_that_only_waits_for_a_leader_is_not_said_to_stand() {
    let mut sample = Sample::healthy(LARGE);
    sample.tell(2, Fact::TimedOut { why: "silence".into() });
    let screen = screen(&sample);
    assert!(!screen.contains("stands for election"), "{screen}");
    assert!(!banner(&mut sample).contains("STANDS"));
}

#[test]
fn a_headline_goes_once_the_nodes_tell_otherwise() {
    let mut sample = Sample::healthy(LARGE);
    sample.send(Msg::Process(NodeId(4), ProcessSeen::Paused));
    assert!(banner(&mut sample).contains("n4PAUSED"));
    sample.send(Msg::Process(NodeId(4), ProcessSeen::Running));
    assert!(banner(&mut sample).contains("n4RESUMED"), "{}", banner(&mut sample));
    sample.tell(3, Fact::HoldSet { kind: "push".into() });
    assert!(banner(&mut sample).contains("n3PUSHHELD"), "{}", banner(&mut sample));
    sample.tell(2, Fact::LinkCut { with: NodeId(3) });
    assert!(banner(&mut sample).contains("n2CUTFROMn3"), "{}", banner(&mut sample));
}

#[test]
fn held_orders_and_their_release_are_told_once_each_with_a_count() {
    let mut sample = Sample::healthy(LARGE);
    let kind = || "commit-order".into();
    sample.tell(3, Fact::HoldSet { kind: kind() });
    let lines = |sample: &Sample| (sample.model.narration.lines().len(), sample.model.timeline.lines().len());
    let before = lines(&sample);
    let (from, to) = (NodeId(1), NodeId(3));
    for number in 390..405 {
        let (what, since) = (Some("up to e1·o2".into()), Some(number));
        sample.tell(3, Fact::MessageHeld { from, to, number, kind: kind(), what, since });
    }
    assert_eq!(lines(&sample), (before.0 + 1, before.1 + 1));
    assert!(screen(&sample).contains("held on purpose: commit orders"));
    let before = lines(&sample);
    sample.tell(3, Fact::HoldReleased { kind: kind(), messages: 15 });
    for number in 390..405 {
        sample.tell(3, Fact::MessageReleased { from, to, number, kind: kind() });
    }
    assert_eq!(lines(&sample), (before.0 + 1, before.1 + 1));
    let screen = screen(&sample);
    assert!(screen.contains("commit orders to it are released: 15"), "{screen}");
    assert!(!screen.contains("let through"), "{screen}");
    // A later release on its own is shown.
    sample.tell(3, Fact::MessageReleased { from, to, number: 500, kind: kind() });
    assert!(self::screen(&sample).contains("let through: commit orders of n1"));
}

#[test]
fn committed_data_are_never_called_compromised() {
    for script in all() {
        let texts = script.items.iter().flat_map(|item| [&item.words, &item.why]);
        for words in texts.chain([&script.title, &script.about]) {
            let text = words.to(Lang::Portuguese).to_lowercase();
            assert!(!text.contains("comprometid"), "{}: {text}", script.name);
        }
    }
}

// Unknown state.

#[test]
fn before_any_node_was_heard_no_leader_is_missed() {
    let mut live = Sample::new(LARGE);
    live.model = Model::new(LARGE, Vec::new());
    let nodes = (1..=4).map(|id| (NodeId(id), format!("127.0.0.1:710{id}"))).collect();
    live.send(Msg::Started { nodes, no_launcher: None });
    let shown = screen(&live);
    assert!(shown.contains("no node has answered yet"), "{shown}");
    assert!(!shown.contains("NO LEADER") && !shown.contains("NO QUORUM"), "{shown}");
    assert!(banner(&mut live).contains("NONODEHASANSWEREDYET"));
    let mut replay = Sample::replay(records(&Sample::healthy(LARGE).model));
    replay.keys("ievent 1");
    replay.key(KeyCode::Enter);
    let shown = screen(&replay);
    assert!(shown.contains("nothing recorded yet"), "{shown}");
    assert!(!shown.contains("NO LEADER") && !shown.contains("NO QUORUM"), "{shown}");
    assert!(!shown.contains("replica"), "their meaning is unknown: {shown}");
}

#[test]
fn a_recording_opens_where_somebody_leads() {
    let replay = Sample::replay(records(&Sample::eventful(LARGE).model));
    let led = replay.model.leader().map(|leader| leader.state.epoch);
    assert_eq!(led, Some(Some(Epoch(1))), "the first leader");
    assert!(replay.model.tape.position().0 < replay.model.tape.position().1, "there is something left to play");
}

#[test]
fn a_check_that_has_nothing_to_check_has_no_tick() {
    let mut sample = Sample::new(LARGE);
    checked(&mut sample, Linearizable::Yes(0), Vec::new());
    let strip = strip(&sample);
    assert!(!strip.contains('✓') && strip.contains("– one leader"), "{strip}");
    assert!(strip.trim_end().ends_with("0/17"), "{strip}");
    sample.keys("ichecks");
    sample.key(KeyCode::Enter);
    let screen = screen(&sample);
    assert!(screen.contains("– log matching  nothing to check yet"), "{screen}");
    assert!(screen.contains("– one leader per epoch  no leader now"), "{screen}");
}

#[test]
fn one_leader_has_no_tick_without_a_leader() {
    let mut sample = Sample::healthy(LARGE);
    checked(&mut sample, Linearizable::Yes(0), Vec::new());
    assert!(strip(&sample).contains("✓ one leader  ✓ log matching"), "{}", strip(&sample));
    sample.send(Msg::Process(NodeId(1), ProcessSeen::Killed));
    assert!(strip(&sample).contains("– one leader  ✓ log matching"), "{}", strip(&sample));
}

// The tape.

#[test]
fn the_checks_are_those_of_the_moment_that_is_shown() {
    let mut sample = Sample::healthy(LARGE);
    for (offset, line) in [(1, "put x 1"), (2, "put y 2")] {
        let outcome = Outcome::done(json!({"epoch": 1, "offset": offset})).line(Tone::Result, "confirmed");
        operation(&mut sample, line, outcome);
    }
    operation(&mut sample, "get x", Outcome::done(json!({"found": true, "value": "1"})).line(Tone::Result, "1"));
    checked(&mut sample, Linearizable::Yes(3), Vec::new());
    assert!(strip(&sample).contains("✓ linearizable (3)"), "{}", strip(&sample));
    sample.keys("[[");
    assert!(strip(&sample).contains("✓ linearizable (2)"), "{}", strip(&sample));
    sample.keys("ievent 1");
    sample.key(KeyCode::Enter);
    sample.key(KeyCode::Esc);
    let first = strip(&sample);
    assert!(first.contains("– linearizable  0/17"), "{first}");
    sample.keys("L");
    assert!(strip(&sample).contains("✓ linearizable (3)"));
}

#[test]
fn before_a_violation_its_check_is_not_broken() {
    let mut sample = Sample::healthy(LARGE);
    let evidence = vec![Source { node: NodeId(1), number: 12 }];
    let violation = Violation { invariant: "log matching", text: "two of them".to_owned(), evidence };
    let finding = Finding { violation, records: sample.model.tape.ring.end() };
    checked(&mut sample, Linearizable::Yes(0), vec![finding]);
    assert!(strip(&sample).contains("✗ log matching"), "{}", strip(&sample));
    assert!(banner(&mut sample).contains("VIOLATED:LOGMATCHING"));
    sample.keys("[[");
    assert!(!strip(&sample).contains('✗'), "{}", strip(&sample));
}

/// A scenario that passed. Each of its steps changed something.
fn played(size: (u16, u16), name: &str) -> (Sample, Arc<Script>) {
    let mut sample = Sample::healthy(size);
    let script = Arc::new(find(name).expect("it comes with the program"));
    told(&mut sample, ReportEvent::Started(script.clone()));
    for (index, item) in script.items.iter().enumerate() {
        told(&mut sample, ReportEvent::ItemStarted(index));
        if matches!(item.kind, ItemKind::Expect(_)) {
            sample.write("k", &index.to_string(), &[2, 3, 4]);
            told(&mut sample, ReportEvent::ItemEnded(index, passed()));
        }
    }
    told(
        &mut sample,
        ReportEvent::Ended { verdict: Verdict::Pass, why: Localized::default(), took: Duration::from_secs(1) },
    );
    (sample, script)
}

#[test]
fn the_scenario_and_the_sheet_are_those_of_the_moment_that_is_shown() {
    for (name, end) in [("normal", "PASS, "), ("assignment", "PASS, ")] {
        let (mut sample, _) = played(LARGE, name);
        assert!(screen(&sample).contains(end), "{}", screen(&sample));
        sample.keys("{{{");
        let shown = screen(&sample);
        assert!(!shown.contains(end) && shown.contains(" of "), "{shown}");
        sample.keys("L");
        assert!(screen(&sample).contains(end));
    }
}

#[test]
fn the_banner_and_the_marks_end_on_the_verdict() {
    let (mut sample, _) = played(LARGE, "normal");
    assert!(banner(&mut sample).contains("PASSnormal"), "{}", banner(&mut sample));
    let last = sample.model.tape.marks().back().map(|place| place.kind.clone());
    assert_eq!(last, Some(TapeMarkKind::Verdict(Verdict::Pass)));
    assert!(screen(&sample).contains("─PASS─"));
    // Later acks and heartbeats do not change it.
    sample.write("late", "1", &[2, 3, 4]);
    assert!(banner(&mut sample).contains("PASSnormal"));
    sample.keys("{[");
    assert!(!banner(&mut sample).contains("PASS"), "{}", banner(&mut sample));
    sample.keys("L");
    let recorded = records(&sample.model);
    operation(&mut sample, "put z 1", Outcome::done(json!({"epoch": 1, "offset": 9})).line(Tone::Result, "confirmed"));
    assert!(!banner(&mut sample).contains("PASS"), "something else was asked");
    let mut replay = Sample::replay(recorded);
    replay.keys("L");
    assert!(banner(&mut replay).contains("PASSnormal"), "{}", banner(&mut replay));
}

#[test]
fn no_mark_of_the_tape_looks_like_a_rule() {
    let mut sample = Sample::eventful(LARGE);
    sample.send(Msg::Process(NodeId(3), ProcessSeen::Killed));
    sample.send(Msg::Process(NodeId(3), ProcessSeen::Running));
    sample.tell(2, Fact::Quarantined { text: "e1·o2 is damaged".into() });
    sample.keys("B");
    let screen = screen(&sample);
    let line = screen.lines().find(|line| line.starts_with(" TAPE")).expect("the tape").to_owned();
    for mark in ["~n3", "-n3", "+n3", "#n2"] {
        assert!(line.contains(mark), "{mark}: {line}");
    }
    let is_rule = |token: &str| {
        let (letter, number) = token.split_at(token.len().min(1));
        letter.chars().all(|letter| letter.is_ascii_uppercase()) && number.parse::<u8>().is_ok()
    };
    let marks = line.split_whitespace().take_while(|word| *word != "event").flat_map(|word| word.split('─'));
    assert!(marks.clone().count() > 5, "{line}");
    assert!(!marks.into_iter().any(is_rule), "{line}");
}

#[test]
fn a_node_that_goes_on_after_a_pause_is_not_marked_as_started_again() {
    let mut sample = Sample::healthy(LARGE);
    // The first report, as in a console that connects to running nodes.
    sample.send(Msg::Process(NodeId(2), ProcessSeen::Running));
    sample.send(Msg::Process(NodeId(2), ProcessSeen::Paused));
    sample.send(Msg::Process(NodeId(2), ProcessSeen::Running));
    let restarted = |sample: &Sample| {
        sample.model.tape.marks().iter().filter(|place| place.kind == TapeMarkKind::Restarted(NodeId(2))).count()
    };
    assert_eq!(restarted(&sample), 0);
    sample.send(Msg::Process(NodeId(2), ProcessSeen::Ended("exit code 101".to_owned())));
    sample.send(Msg::Process(NodeId(2), ProcessSeen::Running));
    assert_eq!(restarted(&sample), 1);
}

// Reads that find nothing.

#[test]
fn a_read_that_had_to_find_nothing_is_a_success() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.tell(4, Fact::HoldSet { kind: "commit-order".into() });
    sample.propose("v", "5");
    for replica in [2, 3, 4] {
        sample.push(replica);
    }
    let up_to = sample.last(1).expect("a log");
    for node in [1, 2, 3] {
        sample.finalize(node, up_to, 1);
    }
    sample.model.pane = Pane::Ops;
    let absent = || Outcome::done(json!({"found": false})).exit(Exit::NotDone).line(Tone::Error, "not found: v");
    operation(&mut sample, "get v --node 4 --consistency local", absent());
    let shown = screen(&sample);
    let wanted = "expected: not found; got: not found (e1·o3 is not final there)";
    assert!(shown.contains(wanted), "{shown}");
    assert!(shown.contains("✓ get v --node 4") && !shown.contains('✗'), "{shown}");
    // Without a reason to find nothing, the answer is an ordinary one.
    operation(&mut sample, "get w --node 4 --consistency local", absent());
    let shown = screen(&sample);
    assert!(shown.contains("✓ get w --node 4") && shown.contains("not found: v"), "{shown}");
}
