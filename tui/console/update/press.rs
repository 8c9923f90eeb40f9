//! What a key does, by mode and by what is in the way.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};
use epoca::protocol::NodeId;

use crate::command::parse::{Completion, completion};
use crate::command::parse_line;
use crate::console::keys::{self, Action};
use crate::console::model::prompt::{LINE_BYTES_MAX, Mistake, TooLong};
use crate::console::model::story::Told;
use crate::console::model::{
    Dialog, Explained, FaultKey, Focus, Happening, Mode, Model, Notice, Pane, Presence, Screen, Window, step,
};
use crate::console::update::step::{self as update_step, StepKey};
use crate::console::update::{Effect, copy, faults, palette, quit, scenario, scroll, tape, value};
use crate::console::words::{scenario as scenario_words, screen, tape as tape_words};

/// What can be typed and is no business of the cluster.
const LOCAL: [&str; 10] = ["help", "quit", "checks", "bookmark", "event", "live", "play", "run", "scenario", "stop"];

pub fn on_key(model: &mut Model, event: &KeyEvent) -> Vec<Effect> {
    // Some systems tell the release of a key too; acting on it would double every key.
    if event.kind == KeyEventKind::Release {
        return Vec::new();
    }
    model.notice = None;
    let interrupted = std::mem::take(&mut model.interrupted);
    model.changed();
    if model.prompt.search.is_some() && on_search_key(model, event) {
        return Vec::new();
    }
    match model.dialog.take() {
        Some(Dialog::Choose { fault, first }) => on_choice(model, event, fault, first),
        Some(Dialog::Help { scrolled }) => on_help_key(model, event, scrolled),
        Some(Dialog::Palette(shown)) => palette::on_key(model, event, shown),
        Some(Dialog::Explain(_)) => on_explained_key(model, event),
        Some(Dialog::Scenarios { chosen }) => scenario::on_list_key(model, event, chosen),
        Some(Dialog::Value(value)) => value::on_key(model, event, value, interrupted),
        None => on_plain_key(model, event, interrupted),
    }
}

/// What is pasted in CONTROL is meant for the prompt: single keys acting on it would do anything. A text that a line
/// cannot take whole is not taken at all: cut, it would be another value than the one that was meant.
pub fn on_paste(model: &mut Model, text: &str) {
    model.notice = None;
    match model.prompt.paste(text) {
        Ok(()) => {
            model.dialog = None;
            model.mode = Mode::Type;
        }
        Err(TooLong) => refuse_paste(model, text.len()),
    }
}

pub fn refuse_paste(model: &mut Model, bytes: usize) {
    bad(model, screen::PASTE_TOO_LONG.with(model.lang, &[("bytes", &bytes), ("most", &LINE_BYTES_MAX)]));
}

/// Letters of the line that came at once.
pub fn on_letters(model: &mut Model, letters: &str) {
    model.notice = None;
    model.interrupted = false;
    model.changed();
    if model.prompt.insert(letters) == Err(TooLong) {
        line_is_full(model);
    }
}

fn line_is_full(model: &mut Model) {
    model.prompt.is_short = true;
    bad(model, screen::LINE_FULL.with(model.lang, &[("most", &LINE_BYTES_MAX)]));
}

pub fn on_plain_key(model: &mut Model, event: &KeyEvent, interrupted: bool) -> Vec<Effect> {
    let Some(binding) = keys::binding(model.mode, event) else {
        return on_letter(model, event);
    };
    if let Some(obstacle) = keys::obstacle(model, binding) {
        bad(model, format!("{}: {obstacle}", binding.hint.map_or(binding.shown, |hint| model.say(hint))));
        return Vec::new();
    }
    let looks = scenario::looks(model, binding.action);
    if let Some(aside) = model.aside.as_mut().filter(|_| looks) {
        act(aside, binding.action, interrupted);
        model.dialog = aside.dialog.take();
        return Vec::new();
    }
    act(model, binding.action, interrupted)
}

/// Does what a key or an entry of the palette means.
pub fn act(model: &mut Model, action: Action, interrupted: bool) -> Vec<Effect> {
    match action {
        Action::Quit => return quit(model),
        Action::Interrupt if interrupted => return quit(model),
        Action::Run => return run_typed(model),
        Action::Interrupt => {
            model.prompt.clear();
            model.interrupted = true;
            say(model, screen::CTRL_C_AGAIN.to(model.lang));
        }
        Action::Fault(fault) => model.dialog = Some(Dialog::Choose { fault, first: None }),
        Action::Step(key) => return step(model, key),
        Action::Help => model.dialog = Some(Dialog::Help { scrolled: 0 }),
        Action::Type => model.mode = Mode::Type,
        Action::Escape => escape(model),
        Action::Present => model.is_presenting = !model.is_presenting,
        Action::Plain => model.is_plain = !model.is_plain,
        Action::Reset => return reset(model),
        Action::Palette => model.dialog = Some(Dialog::Palette(Default::default())),
        Action::Copy => return copy::copy(model),
        Action::Explain => explain(model),
        Action::SpaceTime => scroll::to_space_time(model),
        Action::NextPane => scroll::beside(model, 1),
        Action::PreviousPane => scroll::beside(model, -1),
        Action::Scroll(down) => scroll::lines(model, down),
        // A presenter's clicker.
        Action::ScrollPage(1) if model.mode == Mode::Control && step::is_on(model) => {
            return step(model, StepKey::Next);
        }
        Action::ScrollPage(down) => scroll::pages(model, down),
        Action::Look(newer) => scroll::columns(model, newer),
        Action::LookOldest => scroll::to_oldest(model),
        Action::LookNewest => model.window = Window::Newest,
        Action::Complete => complete(model),
        Action::Search => model.prompt.search_on(),
        Action::Older => model.prompt.older(),
        Action::Newer => model.prompt.newer(),
        Action::Edit(request) => model.prompt.edit(request),
        Action::Tape(key) => tape::on_key(model, key),
        Action::Scenario => return scenario::by_digit(model, '1').unwrap_or_default(),
        Action::Scenarios => model.dialog = Some(Dialog::Scenarios { chosen: 0 }),
    }
    Vec::new()
}

fn step(model: &mut Model, key: StepKey) -> Vec<Effect> {
    match update_step::line(model, key) {
        Ok(line) => run(model, &line).unwrap_or_default(),
        Err(why) => {
            say(model, why);
            Vec::new()
        }
    }
}

/// Lifts all that was made to go wrong: rules of the gates, pauses, dead nodes.
fn reset(model: &mut Model) -> Vec<Effect> {
    let in_force = model.no_lab().is_none().then(|| "clear".to_owned());
    let processes = model.nodes.iter().filter_map(|(id, node)| match &node.presence {
        Presence::Down { .. } => Some(format!("restart {id}")),
        _ if node.is_paused() => Some(format!("resume {id}")),
        _ => None,
    });
    let lines: Vec<String> = in_force.into_iter().chain(processes).collect();
    lines.iter().flat_map(|line| run(model, line).unwrap_or_default()).collect()
}

/// Away with one thing at a time: the mode, the selection.
fn escape(model: &mut Model) {
    if model.mode == Mode::Type {
        model.mode = Mode::Control;
        return;
    }
    if model.scenarios.selected.take().is_some() | model.scenarios.selected_line.take().is_some() {
        return;
    }
    if !model.scenarios.is_running() && model.back_to_own() {
        return;
    }
    model.is_plain = false;
    model.space.selected = None;
    model.story.selected = None;
    model.focus = Focus::Tab;
}

/// What is selected in the space-time picture if the arrows are there, else in the narration.
fn explain(model: &mut Model) {
    let mark = model.space.selected.filter(|_| model.focus == Focus::SpaceTime || model.pane == Pane::SpaceTime);
    let mark = mark.and_then(|serial| model.space.fact(serial));
    let told = || match model.story.in_sight() {
        Some(Told { nodes, happening: Happening::Fact(fact), .. }) => Some((*nodes.first()?, fact.clone())),
        _ => None,
    };
    match mark.or_else(told) {
        Some((node, fact)) => model.dialog = Some(Dialog::Explain(Explained { node, fact })),
        None => say(model, screen::NOTHING_YET.to(model.lang)),
    }
}

/// An explanation goes with any key; up and down go on to the next step, quit still quits.
fn on_explained_key(model: &mut Model, event: &KeyEvent) -> Vec<Effect> {
    match keys::binding(Mode::Control, event).map(|binding| binding.action) {
        Some(Action::Quit) => return quit(model),
        Some(Action::Scroll(down)) => {
            scroll::lines(model, down);
            explain(model);
        }
        _ => {}
    }
    Vec::new()
}

fn on_letter(model: &mut Model, event: &KeyEvent) -> Vec<Effect> {
    let Some(letter) = keys::letter(event) else { return Vec::new() };
    if model.mode == Mode::Control
        && let Some(effects) = scenario::by_digit(model, letter)
    {
        return effects;
    }
    match model.mode {
        Mode::Type => {
            if model.prompt.insert(letter.encode_utf8(&mut [0; 4])) == Err(TooLong) {
                line_is_full(model);
            }
        }
        Mode::Control => say(model, &screen::MEANS_NOTHING.with(model.lang, &[("letter", &letter)])),
    }
    Vec::new()
}

/// Any key that the search has no use for takes what was found, then does what it always does; Enter only takes it.
fn on_search_key(model: &mut Model, event: &KeyEvent) -> bool {
    if let Some(letter) = keys::letter(event) {
        model.prompt.search_type(letter);
        return true;
    }
    match (event.code, keys::binding(Mode::Type, event).map(|binding| binding.action)) {
        (KeyCode::Backspace, _) => model.prompt.search_erase(),
        (_, Some(Action::Search)) => model.prompt.search_on(),
        (_, Some(Action::Escape | Action::Interrupt)) => model.prompt.search = None,
        (code, _) => {
            model.prompt.search_accept();
            return code == KeyCode::Enter;
        }
    }
    true
}

fn on_choice(model: &mut Model, event: &KeyEvent, fault: FaultKey, first: Option<NodeId>) -> Vec<Effect> {
    let Some(letter) = keys::letter(event) else { return Vec::new() };
    if let Some(Action::Quit) = keys::binding(Mode::Control, event).map(|binding| binding.action) {
        return quit(model);
    }
    let chosen = faults::choices(model, fault, first).into_iter().find(|choice| choice.letter == letter);
    let line = match chosen {
        None => Err(screen::NO_NODE.with(model.lang, &[("letter", &letter)])),
        Some(choice) => match choice.obstacle {
            Some(obstacle) => Err(format!("{} {}", choice.node, model.say(obstacle))),
            None => Ok((choice.node, faults::line(model, fault, first, choice.node))),
        },
    };
    match line {
        Ok((_, Some(line))) => return run(model, &line).unwrap_or_default(),
        Ok((node, None)) => model.dialog = Some(Dialog::Choose { fault, first: Some(node) }),
        Err(text) => {
            bad(model, text);
            model.dialog = Some(Dialog::Choose { fault, first });
        }
    }
    Vec::new()
}

fn on_help_key(model: &mut Model, event: &KeyEvent, scrolled: usize) -> Vec<Effect> {
    let down = match keys::binding(Mode::Control, event).map(|binding| binding.action) {
        Some(Action::Quit) => return quit(model),
        Some(Action::Scroll(down)) => down,
        Some(Action::ScrollPage(down)) => down * scroll::PAGE,
        _ => return Vec::new(),
    };
    let scrolled = scrolled.saturating_add_signed(down).min(scroll::help_max(model));
    model.dialog = Some(Dialog::Help { scrolled });
    Vec::new()
}

fn run_typed(model: &mut Model) -> Vec<Effect> {
    let line = model.prompt.text().to_owned();
    if line.trim().is_empty() {
        return Vec::new();
    }
    if model.prompt.is_short {
        line_is_full(model);
        return Vec::new();
    }
    let Some(mut effects) = run(model, &line) else { return Vec::new() };
    model.prompt.clear();
    if model.prompt.remember(&line) {
        effects.push(Effect::Remember(line.trim().to_owned()));
    }
    effects
}

/// Carries a line out, typed or made by a key. `None` if it cannot be; then it is said why.
fn run(model: &mut Model, line: &str) -> Option<Vec<Effect>> {
    match line.trim() {
        "quit" | "exit" => return Some(quit(model)),
        "help" => {
            model.dialog = Some(Dialog::Help { scrolled: 0 });
            return Some(Vec::new());
        }
        _ => {}
    }
    if let Some(effects) = scenario::typed(model, line.trim()) {
        return Some(effects);
    }
    if let Some(aside) = &mut model.aside {
        if tape::typed(aside, line) {
            return Some(Vec::new());
        }
        bad(model, model.say(scenario_words::OTHER_CLUSTER).to_owned());
        return None;
    }
    if tape::typed(model, line) {
        return Some(Vec::new());
    }
    let command = match parse_line(line) {
        Ok(command) => command,
        Err(error) => {
            let at = line.get(..error.at).unwrap_or(line).chars().count();
            model.prompt.mistake = Some(Mistake { at, expected: error.message.to(model.lang).to_owned() });
            return None;
        }
    };
    if model.screen != Screen::Watching {
        bad(model, model.say(screen::NODES_NOT_THERE).to_owned());
        return None;
    }
    if model.tape.file.is_some() {
        bad(model, model.say(tape_words::NO_NODE_THERE).to_owned());
        return None;
    }
    if model.tape.past().is_some() {
        tape::to_end(model);
        say(model, tape_words::BACK_TO_NOW.to(model.lang));
    }
    tape::keyframe(model);
    update_step::on_command(model, &command);
    let number = model.operations.begin(line);
    tape::begun(model, number, line);
    Some(vec![Effect::Execute { number, command }])
}

/// The words that fit where the cursor stands.
fn complete(model: &mut Model) {
    let cursor = model.prompt.input.cursor();
    let line: String = model.prompt.text().chars().take(cursor).collect();
    if let Some(names) = scenario::completions(&line) {
        return model.prompt.complete(&names);
    }
    let mut known: Vec<String> = match completion(&line) {
        Completion::Command(names) => names.into_iter().chain(LOCAL.map(ToOwned::to_owned)).collect(),
        Completion::Node => model.nodes.keys().flat_map(|id| [id.0.to_string(), id.to_string()]).collect(),
        Completion::Key => {
            let keys = model.nodes.values().flat_map(|node| node.finals.keys().keys());
            keys.filter_map(|key| std::str::from_utf8(key).ok()).map(ToOwned::to_owned).collect()
        }
        Completion::OneOf(values) => values,
    };
    known.sort();
    known.dedup();
    model.prompt.complete(&known);
}

pub fn say(model: &mut Model, text: &str) {
    model.notice = Some(Notice { text: text.to_owned(), is_bad: false });
}

pub fn bad(model: &mut Model, text: String) {
    model.notice = Some(Notice { text, is_bad: true });
}
