//! Starting scenarios by key and by name, what they tell, and what is seen of a cluster that one of them has for
//! itself.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent};
use epoca::client::watch::Observed;
use epoca::protocol::NodeId;
use epoca::protocol::trace::Event;

use crate::command::Outcome;
use crate::console::keys::{self, Action};
use crate::console::model::{Dialog, Mode, Model, Notice, Pane, ProcessSeen, Screen};
use crate::console::update::{Effect, Msg, quit, scroll, tape};
use crate::console::words::scenario as words;
use crate::lang::Localized;
use crate::scenario::{ReportEvent, library_names};
use crate::tape::{Mark, What};

/// What comes from whoever runs the scenario.
#[derive(Debug)]
pub enum Staged {
    Told(ReportEvent),
    /// It has a cluster of its own, with these nodes.
    Aside(Vec<(NodeId, String)>),
    /// A node was started that joins that cluster.
    Joined(NodeId, String),
    /// What is seen of a node of that cluster.
    Observed(NodeId, Box<Observed>),
    /// As [`Msg::OrderUnknown`].
    OrderUnknown(Box<Event>, NodeId),
    /// What became of the process of such a node.
    Process(NodeId, ProcessSeen),
    /// It could not be begun, and why.
    Refused(Localized),
}

impl Staged {
    /// The same, if it is an event, told as one whose order is unknown.
    pub fn with_order_unknown(self, missing: NodeId) -> Staged {
        match self {
            Staged::Observed(node, observed) => match *observed {
                Observed::Events(mut events) if events.len() == 1 => {
                    Staged::OrderUnknown(Box::new(events.remove(0)), missing)
                }
                other => Staged::Observed(node, Box::new(other)),
            },
            other => other,
        }
    }
}

pub fn on_staged(model: &mut Model, staged: Staged) {
    match staged {
        Staged::Told(ReportEvent::Started(script)) => {
            let pane = if script.is_sheet() { Pane::Sheet } else { Pane::Scenario };
            model.scenarios.begin(script);
            scroll::show(model, pane);
        }
        Staged::Told(ReportEvent::CommandSent { number, line }) => asked(model, number, &line),
        Staged::Told(ReportEvent::CommandAnswered { number, outcome, took }) => answered(model, number, outcome, took),
        Staged::Told(told) => {
            mark(model, &told);
            let at = model.shown().tape.ring.end();
            model.scenarios.take(told, at);
        }
        Staged::Aside(nodes) => {
            let recording = model.tape.recording.as_ref().map(|recording| recording.name.clone());
            let no_launcher = Some(model.say(words::OTHER_CLUSTER).to_owned());
            model.scenarios.on_new_tape();
            tape::take(model.show_aside(), Msg::Started { nodes, no_launcher });
            let text = recording.map(|name| words::NOT_RECORDED.with(model.lang, &[("name", &name)]));
            model.notice = text.map(|text| Notice { text, is_bad: false }).or(model.notice.take());
        }
        Staged::Joined(node, address) => {
            let no_launcher = Some(model.say(words::OTHER_CLUSTER).to_owned());
            return aside(model, Msg::Started { nodes: vec![(node, address)], no_launcher });
        }
        Staged::Observed(node, observed) => return aside(model, Msg::Observed(node, *observed)),
        Staged::OrderUnknown(event, missing) => return aside(model, Msg::OrderUnknown { event, missing }),
        Staged::Process(node, seen) => return aside(model, Msg::Process(node, seen)),
        Staged::Refused(why) => {
            model.scenarios.asked = None;
            model.notice = Some(Notice { text: why.to(model.lang).to_owned(), is_bad: true });
        }
    }
    model.changed();
}

/// What is told of the scenario's own cluster goes on that cluster's tape.
fn aside(model: &mut Model, msg: Msg) {
    let now = model.now;
    let Some(aside) = &mut model.aside else { return };
    tape::tick(aside, now);
    let before = aside.revision;
    tape::take(aside, msg);
    if aside.revision != before {
        model.changed();
    }
}

/// What the scenario asks of the cluster stands on the tape like what a person asks.
fn asked(model: &mut Model, number: u64, line: &str) {
    let shown = model.shown_mut();
    tape::keyframe(shown);
    let here = tape::operations(shown).begin(line);
    tape::begun(shown, here, line);
    model.scenarios.asked_here.insert(number, here);
}

fn answered(model: &mut Model, number: u64, outcome: Outcome, took: Duration) {
    if let Some(here) = model.scenarios.asked_here.remove(&number) {
        tape::take(model.shown_mut(), Msg::OperationEnd(here, outcome, took));
    }
}

/// A step that has ended, or the verdict, is a place on the tape to come back to.
fn mark(model: &mut Model, told: &ReportEvent) {
    let script = model.scenarios.run.as_ref().map(|run| run.script.clone());
    if let Some(text) = script.and_then(|script| told.mark(&script)) {
        let mark = Mark { kind: told.mark_kind(), text, evidence: Vec::new() };
        let shown = model.shown_mut();
        tape::keyframe(shown);
        tape::note(shown, What::Mark(mark));
    }
}

/// Time goes on for the scenario's own cluster, too.
pub fn tick(model: &mut Model, now: Duration) {
    let Some(aside) = &mut model.aside else { return };
    let before = aside.revision;
    tape::tick(aside, now);
    if aside.revision != before {
        model.changed();
    }
}

/// Keys that look about in a cluster look about in the one that is shown; in the panes of the scenario itself the
/// arrows go about there.
pub fn looks(model: &Model, action: Action) -> bool {
    use Action::{Explain, Look, LookNewest, LookOldest, Scroll, ScrollPage, SpaceTime, Tape};
    match action {
        Tape(_) => true,
        Explain | Look(_) | LookNewest | LookOldest | Scroll(_) | ScrollPage(_) | SpaceTime => {
            !matches!(model.pane, Pane::Scenario | Pane::Sheet)
        }
        _ => false,
    }
}

/// The scenario of a digit; beyond the digits there is the list.
pub fn by_digit(model: &mut Model, digit: char) -> Option<Vec<Effect>> {
    let index = digit.to_digit(10)?.checked_sub(1)?;
    let name = library_names().nth(index as usize)?;
    if let Some(why) = model.no_launcher.clone() {
        // Most of them end nodes and start them again; the others can be typed.
        model.notice = Some(Notice { text: why, is_bad: true });
        return Some(Vec::new());
    }
    Some(start(model, name))
}

pub fn start(model: &mut Model, name: &str) -> Vec<Effect> {
    let refusal = match model.screen {
        Screen::Watching if model.scenarios.is_running() => Some(words::RUNS_ALREADY),
        Screen::Watching => model.no_lab().map(|_| words::NEEDS_LAB),
        _ => Some(crate::console::words::screen::NODES_NOT_THERE),
    };
    let obstacle = model.tape.obstacle().map(|text| model.say(text).to_owned());
    let refusal = obstacle.or(refusal.map(|refusal| model.say(refusal).to_owned()));
    if let Some(text) = refusal {
        model.notice = Some(Notice { text, is_bad: true });
        return Vec::new();
    }
    model.back_to_own();
    model.scenarios.asked = Some(name.to_owned());
    model.changed();
    vec![Effect::RunScenario(name.to_owned())]
}

/// `run NAME`, `scenario run NAME`, `stop`; `None` if the line is none of them.
pub fn typed(model: &mut Model, line: &str) -> Option<Vec<Effect>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["run", name] | ["scenario", "run", name] => Some(start(model, name)),
        ["run"] | ["scenario"] | ["scenario", "run" | "list"] => {
            model.dialog = Some(Dialog::Scenarios { chosen: 0 });
            Some(Vec::new())
        }
        ["stop"] if model.scenarios.is_running() => Some(vec![Effect::StopScenario]),
        _ => None,
    }
}

/// What may stand at the end of a line that names a scenario.
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

/// Keys while the list of scenarios is open.
pub fn on_list_key(model: &mut Model, event: &KeyEvent, chosen: usize) -> Vec<Effect> {
    let last = library_names().count().saturating_sub(1);
    let chosen = match event.code {
        KeyCode::Up => chosen.saturating_sub(1),
        KeyCode::Down | KeyCode::Tab => (chosen + 1).min(last),
        KeyCode::Enter => return nth(model, chosen),
        _ => {
            let letter = keys::letter(event);
            if let Some(index) = letter.and_then(index_of) {
                return nth(model, index);
            }
            return match keys::binding(Mode::Control, event).map(|binding| binding.action) {
                Some(Action::Quit) => quit(model),
                // Anything else closes it.
                _ => Vec::new(),
            };
        }
    };
    model.dialog = Some(Dialog::Scenarios { chosen });
    Vec::new()
}

fn nth(model: &mut Model, index: usize) -> Vec<Effect> {
    library_names().nth(index).map_or(Vec::new(), |name| start(model, name))
}

/// The key of each scenario in the list: the digits, then letters.
pub fn letter_of(index: usize) -> char {
    const LETTERS: &[u8] = b"123456789abcdefghijklmnoprstuvwxyz";
    LETTERS.get(index).map_or(' ', |letter| char::from(*letter))
}

fn index_of(letter: char) -> Option<usize> {
    let count = library_names().count();
    (0..count).find(|index| letter_of(*index) == letter)
}
