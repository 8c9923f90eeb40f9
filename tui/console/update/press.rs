//! Handles a key press, by mode and open dialog.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};
use epoca::protocol::NodeId;

use crate::command::parse::{Completion, completion};
use crate::command::parse_line;
use crate::console::keys::{self, Action, FaultKey, Mode, StepKey};
use crate::console::model::narration::NarrationLine;
use crate::console::model::prompt::{LINE_BYTES_MAX, Mistake, TooLong};
use crate::console::model::{
    Dialog, Explained, Focus, LogWindow, Model, Notice, Occurrence, Pane, Phase, Presence, step_mode,
};
use crate::console::text::cut;
use crate::console::update::{Effect, faults, long_value, palette, quit, scenario, scroll, step as update_step, tape};
use crate::console::words::{obstacles, scenario as scenario_words, screen, tape as tape_words};

/// Length of the copied text in the notice.
const COPIED_COLUMNS: usize = 60;

/// Commands of the console itself.
const LOCAL: [&str; 10] = ["help", "quit", "checks", "bookmark", "event", "live", "play", "run", "scenario", "stop"];

pub fn on_key(model: &mut Model, event: &KeyEvent) -> Vec<Effect> {
    // Some systems also report the release of a key.
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
        Some(Dialog::Value(value)) => long_value::on_key(model, event, value, interrupted),
        None => on_plain_key(model, event, interrupted),
    }
}

/// A paste in CONTROL goes to the command line; acting on its letters could do anything. A text that exceeds the line
/// is refused as a whole, because a truncated value would be a different value.
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

/// Reports the copied text by its first line.
pub fn on_copied(model: &mut Model, text: &str) {
    if text.trim().is_empty() {
        notify(model, screen::NOTHING_TO_COPY.to(model.lang));
        return;
    }
    let first = text.lines().next().unwrap_or_default();
    notify(model, &screen::COPIED.with(model.lang, &[("what", &cut(first.trim(), COPIED_COLUMNS))]));
}

pub fn refuse_paste(model: &mut Model, bytes: usize) {
    warn(model, screen::PASTE_TOO_LONG.with(model.lang, &[("bytes", &bytes), ("most", &LINE_BYTES_MAX)]));
}

/// Letters that arrived at once.
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
    warn(model, screen::LINE_FULL.with(model.lang, &[("most", &LINE_BYTES_MAX)]));
}

pub fn on_plain_key(model: &mut Model, event: &KeyEvent, interrupted: bool) -> Vec<Effect> {
    let Some(binding) = keys::binding(model.mode, event) else {
        return on_letter(model, event);
    };
    if let Some(obstacle) = model.obstacle(binding) {
        let key = binding.hint.map_or(binding.label, |hint| model.say(hint));
        warn(model, format!("{key}: {}", model.lang.obstacle(&obstacle)));
        return Vec::new();
    }
    let is_navigation = scenario::is_navigation(model, binding.action);
    if let Some(cluster) = model.scenario_cluster.as_mut().filter(|_| is_navigation) {
        act(cluster, binding.action, interrupted);
        model.dialog = cluster.dialog.take();
        return Vec::new();
    }
    act(model, binding.action, interrupted)
}

/// Carries out an action.
pub fn act(model: &mut Model, action: Action, interrupted: bool) -> Vec<Effect> {
    match action {
        Action::Quit => return quit(model),
        Action::Interrupt if interrupted => return quit(model),
        Action::Run => return run_typed(model),
        Action::Interrupt => {
            model.prompt.clear();
            model.interrupted = true;
            notify(model, screen::CTRL_C_AGAIN.to(model.lang));
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
        Action::Copy => return vec![Effect::Copy],
        Action::Explain => explain(model),
        Action::SpaceTime => scroll::to_space_time(model),
        Action::NextPane => scroll::beside(model, 1),
        Action::PreviousPane => scroll::beside(model, -1),
        Action::Scroll(down) => scroll::lines(model, down),
        // The key of a presenter's clicker.
        Action::ScrollPage(1) if model.mode == Mode::Control && step_mode::is_on(model) => {
            return step(model, StepKey::Next);
        }
        Action::ScrollPage(down) => scroll::pages(model, down),
        Action::ScrollLog(newer) => scroll::columns(model, newer),
        Action::OldestEntry => scroll::to_oldest(model),
        Action::NewestEntry => model.window = LogWindow::Newest,
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
            notify(model, why);
            Vec::new()
        }
    }
}

/// Clears all faults: rules, pauses, dead nodes.
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

/// Leaves one thing at a time: the mode, the selection.
fn escape(model: &mut Model) {
    if model.mode == Mode::Type {
        model.mode = Mode::Control;
        return;
    }
    if model.scenarios.selected.take().is_some() | model.scenarios.selected_line.take().is_some() {
        return;
    }
    if !model.scenarios.is_running() && model.leave_scenario_cluster() {
        return;
    }
    model.is_plain = false;
    model.space_time.selected = None;
    model.narration.selected = None;
    model.focus = Focus::Tab;
}

/// Explains the selection of the focused pane.
fn explain(model: &mut Model) {
    let mark = model.space_time.selected.filter(|_| model.focus == Focus::SpaceTime || model.pane == Pane::SpaceTime);
    let mark = mark.and_then(|serial| model.space_time.fact(serial));
    let told = || match model.narration.focused() {
        Some(NarrationLine { nodes, occurrence: Occurrence::Fact(fact), .. }) => Some((*nodes.first()?, fact.clone())),
        _ => None,
    };
    match mark.or_else(told) {
        Some((node, fact)) => model.dialog = Some(Dialog::Explain(Explained { node, fact })),
        None => notify(model, screen::NOTHING_YET.to(model.lang)),
    }
}

/// Any key closes the explanation. Up and down explain the neighbouring line. Quit still quits.
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
        Mode::Control => notify(model, &screen::MEANS_NOTHING.with(model.lang, &[("letter", &letter)])),
    }
    Vec::new()
}

/// A key without a meaning in the search accepts the found line and then acts as usual. Enter only accepts.
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
    let chosen = model.choices(fault, first).into_iter().find(|choice| choice.letter == letter);
    let line = match chosen {
        None => Err(screen::NO_NODE.with(model.lang, &[("letter", &letter)])),
        Some(choice) => match choice.obstacle {
            Some(unfit) => Err(format!("{} {}", choice.node, model.say(obstacles::unfit(unfit)))),
            None => Ok((choice.node, faults::line(model, fault, first, choice.node))),
        },
    };
    match line {
        Ok((_, Some(line))) => return run(model, &line).unwrap_or_default(),
        Ok((node, None)) => model.dialog = Some(Dialog::Choose { fault, first: Some(node) }),
        Err(text) => {
            warn(model, text);
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

/// Executes a command, typed or of a key. `None` after an error, which is shown.
fn run(model: &mut Model, line: &str) -> Option<Vec<Effect>> {
    match line.trim() {
        "quit" | "exit" => return Some(quit(model)),
        "help" => {
            model.dialog = Some(Dialog::Help { scrolled: 0 });
            return Some(Vec::new());
        }
        _ => {}
    }
    if let Some(effects) = scenario::run_line(model, line.trim()) {
        return Some(effects);
    }
    if let Some(cluster) = &mut model.scenario_cluster {
        if tape::run_line(cluster, line) {
            return Some(Vec::new());
        }
        warn(model, model.say(scenario_words::OTHER_CLUSTER).to_owned());
        return None;
    }
    if tape::run_line(model, line) {
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
    if model.phase != Phase::Watching {
        warn(model, model.say(screen::NODES_NOT_THERE).to_owned());
        return None;
    }
    if model.tape.file.is_some() {
        warn(model, model.say(tape_words::NO_NODE_THERE).to_owned());
        return None;
    }
    if model.tape.past().is_some() {
        tape::to_end(model);
        notify(model, tape_words::BACK_TO_NOW.to(model.lang));
    }
    tape::keyframe(model);
    update_step::on_command(model, &command);
    let number = model.operations.begin(line);
    tape::record_begin(model, number, line);
    Some(vec![Effect::Execute { number, command }])
}

/// Completes the word at the cursor.
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
            let keys = model.nodes.values().flat_map(|node| node.final_db.keys().keys());
            keys.filter_map(|key| std::str::from_utf8(key).ok()).map(ToOwned::to_owned).collect()
        }
        Completion::OneOf(values) => values,
    };
    known.sort();
    known.dedup();
    model.prompt.complete(&known);
}

pub fn notify(model: &mut Model, text: &str) {
    model.notice = Some(Notice { text: text.to_owned(), is_bad: false });
}

pub fn warn(model: &mut Model, text: String) {
    model.notice = Some(Notice { text, is_bad: true });
}
