//! Screens of scenarios and of the assignment's sheet, from reports as the runner sends them, and of a scenario's own
//! cluster.

use std::time::Duration;

use crossterm::event::KeyCode;
use epoca::client::watch::Observed;
use epoca::protocol::trace::{Event, Fact, NodeState};
use epoca::protocol::{Epoch, NodeId, Time};

use crate::command::{Outcome, Tone};
use crate::console::model::tape::TapeMarkKind;
use crate::console::tests::drawing::{check, dark};
use crate::console::tests::sample::Sample;
use crate::console::tests::tour::{begun, tell};
use crate::console::update::{Msg, ScenarioMsg};
use crate::scenario::{Evidence, EvidenceKind, ItemKind, ItemResult, ReportEvent, Script, Verdict};
use crate::tape::MarkKind;

const SIZES: [(&str, (u16, u16)); 3] = [("120x36", (120, 36)), ("80x24", (80, 24)), ("60x18", (60, 18))];

fn done(verdict: Verdict, text: &str) -> ItemResult {
    let entries = vec!["e1·o1#4f2a x=1".into()];
    let kind = EvidenceKind::Event("K3");
    let text_seen = "Finalized up_to=e1·o1#4f2a count=1".into();
    let one = Evidence { kind, node: Some(NodeId(2)), event: Some(41), text: text_seen, entries, fact: None };
    let other = Evidence { node: Some(NodeId(3)), event: Some(39), ..one.clone() };
    ItemResult { verdict, evidence: vec![one, other], text: text.into(), took: Duration::from_millis(12) }
}

/// This number of items passed.
fn passed(sample: &mut Sample, script: &Script, items: usize) {
    for (index, item) in script.items.iter().enumerate().take(items) {
        tell(sample, ReportEvent::ItemStarted(index));
        let text = match &item.kind {
            ItemKind::Do(_) => "done: confirmed e1·o1",
            ItemKind::Expect(_) => "",
            _ => continue,
        };
        tell(sample, ReportEvent::ItemEnded(index, done(Verdict::Pass, text)));
    }
}

fn ended(sample: &mut Sample, verdict: Verdict, why: &str) {
    tell(sample, ReportEvent::Ended { verdict, why: why.into(), took: Duration::from_millis(4_640) });
}

#[test]
fn a_scenario_under_way_shows_its_steps_and_the_newest_evidence() {
    for (name, size) in SIZES {
        let (mut sample, script) = begun(size, "conflict-digest");
        passed(&mut sample, &script, 9);
        tell(&mut sample, ReportEvent::ItemStarted(9));
        check(&format!("scenario-{name}"), &sample, &dark());
    }
}

#[test]
fn a_scenario_that_failed_says_why_at_its_head_and_at_its_step() {
    for (name, size) in SIZES {
        let (mut sample, script) = begun(size, "conflict-digest");
        passed(&mut sample, &script, 9);
        let why = "not within 20 s: n2 still holds e1·o2#9166 x=forged";
        let (failing, item) = script
            .items
            .iter()
            .enumerate()
            .skip(9)
            .find(|(_, item)| matches!(item.kind, ItemKind::Expect(_)))
            .expect("a step");
        tell(&mut sample, ReportEvent::ItemEnded(failing, done(Verdict::Fail, why)));
        ended(&mut sample, Verdict::Fail, &format!("line {}: {why}", item.at));
        check(&format!("scenario-failed-{name}"), &sample, &dark());
    }
}

#[test]
fn a_step_that_is_selected_shows_all_its_evidence() {
    let (mut sample, script) = begun((120, 36), "normal");
    passed(&mut sample, &script, script.items.len());
    ended(&mut sample, Verdict::Pass, "");
    (0..3).for_each(|_| _ = sample.key(KeyCode::Up));
    check("scenario-selected-120x36", &sample, &dark());
}

#[test]
fn the_sheet_shows_each_graded_line_and_the_evidence_of_the_one_under_way() {
    for (name, size) in SIZES {
        let (mut sample, script) = begun(size, "assignment");
        let second = script.items.iter().enumerate().filter(|(_, item)| matches!(item.kind, ItemKind::Graded { .. }));
        let second = second.map(|(index, _)| index).nth(1).expect("there are several lines");
        passed(&mut sample, &script, second + 4);
        check(&format!("sheet-{name}"), &sample, &dark());
    }
}

#[test]
fn a_sheet_that_is_done_stands_from_its_top_and_a_line_opens_with_the_arrows() {
    for (name, size) in SIZES {
        let (mut sample, script) = begun(size, "assignment");
        passed(&mut sample, &script, script.items.len());
        ended(&mut sample, Verdict::Pass, "");
        check(&format!("sheet-done-{name}"), &sample, &dark());
        sample.key(KeyCode::Down);
        assert_eq!(sample.model.scenarios.selected_line, Some(0));
        check(&format!("sheet-opened-{name}"), &sample, &dark());
    }
}

/// The console's own cluster, and a scenario's own one whose leader n1 was elected and killed.
pub(super) fn scenario_cluster(size: (u16, u16)) -> Sample {
    let (mut sample, script) = begun(size, "figure-8");
    let staged = |sample: &mut Sample, staged| _ = sample.send(Msg::Scenario(Box::new(staged)));
    let nodes: Vec<_> = (1..=5).map(|id| (NodeId(id), format!("127.0.0.1:2000{id}"))).collect();
    staged(&mut sample, ScenarioMsg::OwnCluster(nodes.clone()));
    for (node, _) in &nodes {
        let snapshot = NodeState::new(*node);
        let seen = Observed::Snapshot { snapshot, time: Time(1), pid: 77, notes: Vec::new(), lab: true };
        staged(&mut sample, ScenarioMsg::Observed(*node, Box::new(seen)));
    }
    let elected = Fact::Elected { epoch: Epoch(1), votes: (1..=3).map(NodeId).collect(), quorum: 3 };
    let event = Event { node: NodeId(1), number: 1, time: Time(2), fact: elected };
    staged(&mut sample, ScenarioMsg::Observed(NodeId(1), Box::new(Observed::Events(vec![event]))));
    tell(&mut sample, ReportEvent::CommandSent { number: 70, line: "kill 1".to_owned() });
    staged(&mut sample, ScenarioMsg::Process(NodeId(1), crate::tape::ProcessSeen::Killed));
    let outcome = Outcome::done(serde_json::Value::Null).line(Tone::Result, "n1 killed");
    tell(&mut sample, ReportEvent::CommandAnswered { number: 70, outcome, took: Duration::from_millis(3) });
    passed(&mut sample, &script, 8);
    sample
}

#[test]
fn what_a_scenario_does_to_its_own_cluster_is_on_that_clusters_tape() {
    let mut sample = scenario_cluster((120, 36));
    let own = sample.model.tape.marks().clone();
    let shown = sample.model.shown();
    let kinds: Vec<_> = shown.tape.marks().iter().map(|place| place.kind.clone()).collect();
    assert!(kinds.starts_with(&[TapeMarkKind::Epoch(1), TapeMarkKind::Killed(NodeId(1))]), "{kinds:?}");
    assert!(kinds.contains(&TapeMarkKind::Marked(MarkKind::Scenario)), "{kinds:?}");
    assert!(
        !own.iter().any(|place| matches!(place.kind, TapeMarkKind::Killed(_))),
        "the other cluster has not killed n1"
    );
    assert_eq!(shown.operations.newest().map(|operation| operation.line.as_str()), Some("kill 1"));
    check("scenario-cluster-120x36", &sample, &dark());
    // Step to before the kill and back. The screen shows the scenario's cluster throughout.
    sample.keys("{{");
    let shown = sample.model.shown();
    assert!(shown.is_scenario_cluster && shown.tape.past().is_some());
    assert!(shown.nodes[&NodeId(1)].is_live(), "n1 was not killed then");
    assert!(sample.model.tape.past().is_none(), "the console's own cluster stays where it is");
    check("scenario-cluster-past-120x36", &sample, &dark());
    sample.keys("L");
    assert!(sample.model.shown().tape.past().is_none() && !sample.model.shown().nodes[&NodeId(1)].is_live());
    ended(&mut sample, Verdict::Pass, "");
    sample.key(KeyCode::Esc);
    assert!(!sample.model.shown().is_scenario_cluster);
}

#[test]
fn lines_about_the_tape_can_be_typed_for_the_scenarios_own_cluster() {
    let mut sample = scenario_cluster((80, 24));
    sample.keys("ievent 1");
    sample.key(KeyCode::Enter);
    assert!(sample.model.shown().tape.past().is_some());
    sample.keys("live");
    sample.key(KeyCode::Enter);
    assert!(sample.model.shown().tape.past().is_none());
    sample.keys("put x 1");
    sample.key(KeyCode::Enter);
    assert!(sample.model.notice.as_ref().is_some_and(|notice| notice.is_bad), "it is not ours to write to");
    check("scenario-cluster-80x24", &sample, &dark());
}
