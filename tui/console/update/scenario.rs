//! Starts scenarios by key and by name, takes their reports, and maintains the model of a scenario's own cluster.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent};
use epoca::client::watch::Observed;
use epoca::protocol::NodeId;
use epoca::protocol::trace::Event;

use crate::command::Outcome;
use crate::console::keys::{self, Action, Mode};
use crate::console::layout::is_split;
use crate::console::model::{Dialog, Focus, Model, Notice, Pane, Phase, ProcessSeen};
use crate::console::update::{Effect, Msg, ask_to_quit, recording, scroll, tape};
use crate::console::words::{scenario as words, screen};
use crate::lang::Localized;
use crate::scenario::{ReportEvent, Wait, library_names};
use crate::tape::{Mark, What};

/// A message of the scenario runner.
#[derive(Debug)]
pub enum ScenarioMsg {
    Report(ReportEvent),
    /// The scenario runs on a cluster of its own, with these nodes.
    OwnCluster(Vec<(NodeId, String)>),
    /// A node joins that cluster.
    NodeJoined(NodeId, String),
    /// An observation of a node of that cluster.
    Observed(NodeId, Box<Observed>),
    /// Like [`Msg::OrderUnknown`].
    OrderUnknown(Box<Event>, NodeId),
    /// The state of a process of that cluster.
    Process(NodeId, ProcessSeen),
    /// The scenario did not start; the reason.
    Refused(Localized),
}

impl ScenarioMsg {
    /// The same message; an event becomes one with uncertain order.
    pub fn with_order_unknown(self, missing: NodeId) -> ScenarioMsg {
        match self {
            ScenarioMsg::Observed(node, observed) => match *observed {
                Observed::Events(mut events) if events.len() == 1 => {
                    ScenarioMsg::OrderUnknown(Box::new(events.remove(0)), missing)
                }
                other => ScenarioMsg::Observed(node, Box::new(other)),
            },
            other => other,
        }
    }
}

pub fn on_scenario_msg(model: &mut Model, staged: ScenarioMsg) {
    match staged {
        ScenarioMsg::Report(ReportEvent::Started(script)) => {
            let pane = if script.is_sheet() { Pane::Sheet } else { Pane::Scenario };
            model.scenarios.begin(script);
            scroll::show(model, pane);
        }
        ScenarioMsg::Report(ReportEvent::CommandSent { number, line }) => asked(model, number, &line),
        ScenarioMsg::Report(ReportEvent::CommandAnswered { number, outcome, took }) => {
            answered(model, number, outcome, took)
        }
        ScenarioMsg::Report(told) => {
            mark(model, &told);
            if let ReportEvent::Waits(Some(wait)) = told {
                scroll::show(model, Pane::Scenario);
                model.scenarios.selected = None;
                // Where a tour waits, a pause ends.
                model.scenarios.pause_asked &= wait == Wait::Paused;
            }
            let is_stopped = matches!(told, ReportEvent::Stopped { .. });
            let at = model.shown().tape.ring.end();
            model.scenarios.take(told, at);
            if is_stopped && model.scenarios.is_left {
                model.leave_scenario_cluster();
            }
        }
        ScenarioMsg::OwnCluster(nodes) => {
            let recording = model.tape.recording.as_ref().map(|recording| recording.name.clone());
            let no_launcher = Some(model.say(words::OTHER_CLUSTER).to_owned());
            model.scenarios.on_new_tape();
            recording::take(model.show_scenario_cluster(), Msg::Started { nodes, no_launcher });
            let text = recording.map(|name| words::NOT_RECORDED.with(model.lang, &[("name", &name)]));
            model.notice = text.map(|text| Notice { text, is_bad: false }).or(model.notice.take());
        }
        ScenarioMsg::NodeJoined(node, address) => {
            let no_launcher = Some(model.say(words::OTHER_CLUSTER).to_owned());
            return cluster(model, Msg::Started { nodes: vec![(node, address)], no_launcher });
        }
        ScenarioMsg::Observed(node, observed) => return cluster(model, Msg::Observed(node, *observed)),
        ScenarioMsg::OrderUnknown(event, missing) => return cluster(model, Msg::OrderUnknown { event, missing }),
        ScenarioMsg::Process(node, seen) => return cluster(model, Msg::Process(node, seen)),
        ScenarioMsg::Refused(why) => {
            model.scenarios.requested = None;
            model.warn(why.to(model.lang).to_owned());
        }
    }
    model.changed();
}

/// Applies a message to the scenario's own cluster and its tape.
fn cluster(model: &mut Model, msg: Msg) {
    let now = model.now;
    let Some(cluster) = &mut model.scenario_cluster else { return };
    tape::tick(cluster, now);
    let before = cluster.revision;
    recording::take(cluster, msg);
    if cluster.revision != before {
        model.changed();
    }
}

/// Operations of the scenario are recorded like those of a person.
fn asked(model: &mut Model, number: u64, line: &str) {
    let shown = model.shown_mut();
    recording::keyframe(shown);
    let here = recording::operations(shown).begin(line);
    let is_own = shown.is_scenario_cluster;
    recording::record_begin(shown, here, line);
    if !is_own {
        model.scenarios.own_operations.insert(here);
    }
    model.scenarios.operation_numbers.insert(number, here);
}

fn answered(model: &mut Model, number: u64, outcome: Outcome, took: Duration) {
    if let Some(here) = model.scenarios.operation_numbers.remove(&number) {
        recording::take(model.shown_mut(), Msg::OperationEnd(here, outcome, took));
    }
}

/// The end of a step and the verdict are marks on the tape.
fn mark(model: &mut Model, told: &ReportEvent) {
    let script = model.scenarios.run.as_ref().map(|run| run.script.clone());
    if let Some(text) = script.and_then(|script| told.mark(&script)) {
        let mark = Mark { kind: told.mark_kind(), text, evidence: Vec::new() };
        let shown = model.shown_mut();
        recording::keyframe(shown);
        recording::record(shown, What::Mark(mark));
    }
}

/// Advances the time of the scenario's own cluster.
pub fn tick(model: &mut Model, now: Duration) {
    let Some(cluster) = &mut model.scenario_cluster else { return };
    let before = cluster.revision;
    tape::tick(cluster, now);
    if cluster.revision != before {
        model.changed();
    }
}

/// Whether the action navigates. Navigation applies to the cluster that is shown, except in the scenario's own tabs.
pub fn is_navigation(model: &Model, action: Action) -> bool {
    use Action::{Code, Explain, Moments, NewestEntry, OldestEntry, Scroll, ScrollLog, ScrollPage, SpaceTime, Tape};
    match action {
        Tape(_) | Moments | ScrollLog(_) | NewestEntry | OldestEntry => true,
        Explain | Code | Scroll(_) | ScrollPage(_) => is_in_shown(model),
        // On a small screen it is a tab, and the tab is the console's.
        SpaceTime => is_split(model.size),
        _ => false,
    }
}

/// Whether lines are selected in the cluster that is shown: in its space-time diagram, or in a tab about it.
fn is_in_shown(model: &Model) -> bool {
    let is_beside = model.shown().focus == Focus::SpaceTime && is_split(model.size);
    is_beside || !matches!(model.pane, Pane::Scenario | Pane::Sheet)
}

/// The model in which lines are selected.
pub fn of_selection(model: &mut Model) -> &mut Model {
    if is_in_shown(model) { model.shown_mut() } else { model }
}

/// The model whose data the selected tab shows.
pub fn of_tab(model: &mut Model) -> &mut Model {
    if matches!(model.pane, Pane::Scenario | Pane::Sheet) { model } else { model.shown_mut() }
}

/// Runs the scenario of a digit.
pub fn by_digit(model: &mut Model, digit: char) -> Option<Vec<Effect>> {
    let index = digit.to_digit(10)?.checked_sub(1)?;
    let name = library_names().nth(index as usize)?;
    if let Some(why) = model.no_launcher.clone() {
        // Most scenarios kill and restart processes. The others can be started by name.
        model.warn(why);
        return Some(Vec::new());
    }
    Some(start(model, name))
}

pub fn start(model: &mut Model, name: &str) -> Vec<Effect> {
    let refusal = match model.phase {
        Phase::Watching if model.scenarios.is_running() => Some(words::RUNS_ALREADY),
        Phase::Watching => model.no_lab().map(|_| words::NEEDS_LAB),
        _ => Some(screen::NODES_NOT_THERE),
    };
    let obstacle = model.tape.obstacle().map(|obstacle| model.lang.obstacle(&obstacle).to_owned());
    let refusal = obstacle.or(refusal.map(|refusal| model.say(refusal).to_owned()));
    if let Some(text) = refusal {
        model.warn(text);
        return Vec::new();
    }
    model.leave_scenario_cluster();
    model.scenarios.requested = Some(name.to_owned());
    model.changed();
    vec![Effect::RunScenario(name.to_owned())]
}

/// `run NAME`, `scenario run NAME`, `stop`. `None` for any other line.
pub fn run_line(model: &mut Model, line: &str) -> Option<Vec<Effect>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["run", name] | ["scenario", "run", name] => Some(start(model, name)),
        ["run"] | ["scenario"] | ["scenario", "run" | "list"] => {
            model.dialog = Some(Dialog::Scenarios { selected: 0 });
            Some(Vec::new())
        }
        ["stop"] if model.scenarios.is_running() => Some(vec![Effect::StopScenario]),
        _ => None,
    }
}

/// Completions of a line that names a scenario.
pub fn completions(line: &str) -> Option<Vec<String>> {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    if !line.ends_with(char::is_whitespace) {
        words.pop();
    }
    match words[..] {
        ["run"] | ["scenario", "run"] => Some(library_names().map(ToOwned::to_owned).collect()),
        ["scenario"] => Some(["list", "run"].map(ToOwned::to_owned).to_vec()),
        _ => None,
    }
}

/// Keys in the list of scenarios.
pub fn on_list_key(model: &mut Model, event: &KeyEvent, selected: usize) -> Vec<Effect> {
    let last = library_names().count().saturating_sub(1);
    let selected = match event.code {
        KeyCode::Up => selected.saturating_sub(1),
        KeyCode::Down | KeyCode::Tab => (selected + 1).min(last),
        KeyCode::Enter => return nth(model, selected),
        _ => {
            let letter = keys::letter(event);
            if let Some(index) = letter.and_then(index_of) {
                return nth(model, index);
            }
            return match keys::binding(Mode::Control, event).map(|binding| binding.action) {
                Some(Action::Quit) => ask_to_quit(model),
                // Any other key closes the list.
                _ => Vec::new(),
            };
        }
    };
    model.dialog = Some(Dialog::Scenarios { selected });
    Vec::new()
}

fn nth(model: &mut Model, index: usize) -> Vec<Effect> {
    library_names().nth(index).map_or(Vec::new(), |name| start(model, name))
}

fn index_of(letter: char) -> Option<usize> {
    let count = library_names().count();
    (0..count).find(|index| keys::scenario_letter(*index) == letter)
}
