//! Keys that look closer: the code card, the screen of one node, two moments compared, the zoom.

use crossterm::event::{KeyCode, KeyEvent};
use epoca::protocol::NodeId;

use crate::console::keys::{self, Action, Mode};
use crate::console::layout::{tabs, whole};
use crate::console::model::{Changes, Dialog, Explained, LongValue, Model};
use crate::console::update::{Effect, ask_to_quit, press, scenario, tape};
use crate::console::words::{moments as words, screen};

/// Lines that a page key moves.
const PAGE: usize = 10;

/// The code card of the selected step.
pub fn code(model: &mut Model) {
    match press::explained(model) {
        Some(explained) => model.dialog = Some(Dialog::Code(explained)),
        None => model.notify(screen::NOTHING_YET.to(model.lang)),
    }
}

/// Any key closes the card; up and down show the neighbouring line, `e` explains it.
pub fn on_code_key(model: &mut Model, event: &KeyEvent, explained: Explained) -> Vec<Effect> {
    match action(event) {
        Some(Action::Quit) => return ask_to_quit(model),
        Some(Action::Explain) => model.dialog = Some(Dialog::Explain(explained)),
        Some(Action::Scroll(down)) => press::neighbour(model, down, code),
        _ => {}
    }
    Vec::new()
}

/// The tab with whole values, in a view of its own.
pub fn whole(model: &mut Model) {
    let text = whole::text(scenario::of_tab(model));
    if text.trim().is_empty() {
        model.notify(screen::NOTHING_LONG.to(model.lang));
        return;
    }
    let name = screen::tab(tabs::shown(model)).to(model.lang).to_owned();
    let about = model.filter.as_ref().map_or(String::new(), |filter| format!("/{}", filter.text));
    model.dialog = Some(Dialog::Value(LongValue::new(name, about, &text, model.size.0)));
}

/// The screen of the leader, or of the first node.
pub fn node(model: &mut Model) {
    let shown = model.shown();
    let first = shown.leader().map(|leader| leader.state.node).or(shown.nodes.keys().next().copied());
    match first {
        Some(node) => model.dialog = Some(Dialog::Node(node)),
        None => model.notify(screen::NOTHING_YET.to(model.lang)),
    }
}

/// A number selects another node, arrows the neighbouring one. Any other key closes the screen.
pub fn on_node_key(model: &mut Model, event: &KeyEvent, node: NodeId) -> Vec<Effect> {
    let nodes: Vec<NodeId> = model.shown().nodes.keys().copied().collect();
    let here = nodes.iter().position(|other| *other == node).unwrap_or_default();
    let digit = keys::letter(event).and_then(|letter| letter.to_digit(10)).map(|digit| NodeId(digit.into()));
    let there = match (event.code, digit) {
        (_, Some(wanted)) if nodes.contains(&wanted) => Some(wanted),
        (KeyCode::Down | KeyCode::Right | KeyCode::Tab, _) => nodes.get((here + 1) % nodes.len().max(1)).copied(),
        (KeyCode::Up | KeyCode::Left | KeyCode::BackTab, _) => {
            nodes.get((here + nodes.len() - 1) % nodes.len().max(1)).copied()
        }
        _ => None,
    };
    match there {
        Some(node) => model.dialog = Some(Dialog::Node(node)),
        None if action(event) == Some(Action::Quit) => return ask_to_quit(model),
        None => {}
    }
    Vec::new()
}

/// The first time remembers the shown moment, the second time shows what has changed between the two.
pub fn moments(model: &mut Model) {
    let at = model.tape.at();
    let (step, ..) = model.tape.position();
    let Some(first) = model.first_moment.take() else {
        model.first_moment = Some(at);
        model.notify(words::FIRST_SET.with(model.lang, &[("step", &step)]));
        return;
    };
    if first == at {
        model.notify(words::SAME.with(model.lang, &[("step", &step)]));
        return;
    }
    let Some(other) = tape::model_at(model, first) else {
        model.warn(model.say(words::GONE));
        return;
    };
    let steps = (model.tape.steps_before(first), step);
    let changes = match first < at {
        true => Changes::between(&other, model, steps),
        false => Changes::between(model, &other, (steps.1, steps.0)),
    };
    model.dialog = Some(Dialog::Moments { changes: Box::new(changes), scrolled: 0 });
}

/// Arrows scroll; any other key closes the comparison.
pub fn on_moments_key(model: &mut Model, event: &KeyEvent, changes: Box<Changes>, scrolled: usize) -> Vec<Effect> {
    let scrolled = match event.code {
        KeyCode::Up => scrolled.saturating_sub(1),
        KeyCode::Down => scrolled + 1,
        KeyCode::PageUp => scrolled.saturating_sub(PAGE),
        KeyCode::PageDown => scrolled + PAGE,
        _ if action(event) == Some(Action::Quit) => return ask_to_quit(model),
        _ => return Vec::new(),
    };
    model.dialog = Some(Dialog::Moments { changes, scrolled });
    Vec::new()
}

fn action(event: &KeyEvent) -> Option<Action> {
    keys::binding(Mode::Control, event).map(|binding| binding.action)
}
