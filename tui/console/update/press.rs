//! Handles a key press, by mode and open dialog.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};
use epoca::protocol::NodeId;

use crate::console::keys::{self, Action, Binding, FaultKey, Mode, StepKey};
use crate::console::model::narration::NarrationLine;
use crate::console::model::prompt::TooLong;
use crate::console::model::{Dialog, Explained, Focus, GradesShown, LogWindow, Model, Occurrence, Pane, step_mode};
use crate::console::text::cut;
use crate::console::update::{
    Effect, ask_to_quit, closer, command_line, faults, filter, hand, long_value, pace, paced, palette, quit, scenario,
    scroll, step as update_step, tape,
};
use crate::console::words::{obstacles, screen};
use crate::scenario::DEFENSE;

/// Length of the copied text in the notice.
const COPIED_COLUMNS: usize = 60;

pub fn on_key(model: &mut Model, event: &KeyEvent) -> Vec<Effect> {
    // Some systems also report the release of a key.
    if event.kind == KeyEventKind::Release {
        return Vec::new();
    }
    model.notice = None;
    model.scenarios.leave_asked &= event.code == KeyCode::Esc;
    let interrupted = std::mem::take(&mut model.interrupted);
    let was_asked = model.quit_asked;
    model.changed();
    let effects = on_pressed(model, event, interrupted);
    // Only the next key confirms.
    model.quit_asked &= !was_asked;
    effects
}

fn on_pressed(model: &mut Model, event: &KeyEvent, interrupted: bool) -> Vec<Effect> {
    if model.prompt.search.is_some() && on_search_key(model, event) {
        return Vec::new();
    }
    match model.dialog.take() {
        Some(Dialog::Choose { fault, first }) => on_choice(model, event, fault, first),
        Some(Dialog::Forge(forgery)) => hand::on_forge_key(model, event, forgery),
        Some(Dialog::Grades { scrolled }) => on_grades_key(model, event, scrolled),
        Some(Dialog::Help { scrolled }) => on_help_key(model, event, scrolled),
        Some(Dialog::Palette(shown)) => palette::on_key(model, event, shown),
        Some(Dialog::Explain(explained)) => on_explained_key(model, event, explained),
        Some(Dialog::Code(explained)) => closer::on_code_key(model, event, explained),
        Some(Dialog::Node(node)) => closer::on_node_key(model, event, node),
        Some(Dialog::Moments { changes, scrolled }) => closer::on_moments_key(model, event, changes, scrolled),
        Some(Dialog::Scenarios { selected }) => scenario::on_list_key(model, event, selected),
        Some(Dialog::Questions { selected }) => paced::on_list_key(model, event, selected),
        Some(Dialog::Value(value)) => long_value::on_key(model, event, value, interrupted),
        None if model.is_typing_filter() => filter::on_key(model, event, interrupted),
        None => on_plain_key(model, event, interrupted),
    }
}

/// Reports the copied text by its first line.
pub fn on_copied(model: &mut Model, text: &str) {
    if text.trim().is_empty() {
        model.notify(screen::NOTHING_TO_COPY.to(model.lang));
        return;
    }
    let first = text.lines().next().unwrap_or_default();
    model.notify(screen::COPIED.with(model.lang, &[("what", &cut(first.trim(), COPIED_COLUMNS))]));
}

pub fn on_plain_key(model: &mut Model, event: &KeyEvent, interrupted: bool) -> Vec<Effect> {
    match paced::binding(model, event).or_else(|| keys::binding(model.mode, event)) {
        Some(binding) => on_binding(model, binding, interrupted),
        None => on_letter(model, event),
    }
}

/// A key, pressed or clicked.
pub fn on_binding(model: &mut Model, binding: &Binding, interrupted: bool) -> Vec<Effect> {
    if let Some(obstacle) = model.obstacle(binding) {
        let key = binding.hint.map_or(binding.label, |hint| model.say(hint));
        model.warn(format!("{key}: {}", model.lang.obstacle(&obstacle)));
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
        Action::Quit => return ask_to_quit(model),
        Action::Interrupt if interrupted => return quit(model),
        Action::Run => return command_line::run_typed(model),
        Action::Interrupt => {
            model.prompt.clear();
            model.interrupted = true;
            model.notify(screen::CTRL_C_AGAIN.to(model.lang));
        }
        Action::Fault(fault) => model.dialog = Some(Dialog::Choose { fault, first: None }),
        Action::Step(key) => return step(model, key),
        Action::Pace(key) => return pace::on_key(model, key),
        Action::Help => model.dialog = Some(Dialog::Help { scrolled: 0 }),
        Action::Type => model.mode = Mode::Type,
        Action::Escape => return escape(model),
        Action::Present => model.is_presenting = !model.is_presenting,
        Action::Plain => model.is_plain = !model.is_plain,
        Action::Clean => return command_line::run(model, "clean").unwrap_or_default(),
        Action::Grades => show_grades(model),
        Action::Write => return hand::write(model),
        Action::ReadAll => return command_line::run(model, "read").unwrap_or_default(),
        Action::Repeat => return hand::repeat(model),
        Action::Answers => {
            hand::close_answer(model);
            scroll::show(model, Pane::Ops);
        }
        Action::Palette => model.dialog = Some(Dialog::Palette(Default::default())),
        Action::Copy => return vec![Effect::Copy],
        Action::Explain => explain(model),
        Action::Filter => filter::open(model),
        Action::Code => closer::code(model),
        Action::Node => closer::node(model),
        Action::Moments => closer::moments(model),
        Action::Whole => closer::whole(model),
        Action::Zoom => model.is_zoomed = !model.is_zoomed,
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
        Action::Complete => command_line::complete(model),
        Action::Search => model.prompt.search_on(),
        Action::Older => model.prompt.older(),
        Action::Newer => model.prompt.newer(),
        Action::Edit(request) => model.prompt.edit(request),
        Action::Tape(key) => tape::on_key(model, key),
        Action::Scenario => return scenario::by_digit(model, '1').unwrap_or_default(),
        Action::Scenarios => model.dialog = Some(Dialog::Scenarios { selected: 0 }),
        Action::Tour => return scenario::start(model, DEFENSE),
        Action::Guide(key) => return paced::on_key(model, key),
    }
    Vec::new()
}

fn step(model: &mut Model, key: StepKey) -> Vec<Effect> {
    match update_step::line(model, key) {
        Ok(line) => command_line::run(model, &line).unwrap_or_default(),
        Err(why) => {
            model.notify(why);
            Vec::new()
        }
    }
}

/// The view of the grades; from it the strip; from the strip nothing.
fn show_grades(model: &mut Model) {
    match model.grades.place {
        GradesShown::Strip => model.grades.place = GradesShown::Hidden,
        GradesShown::Hidden => model.dialog = Some(Dialog::Grades { scrolled: 0 }),
    }
}

fn on_grades_key(model: &mut Model, event: &KeyEvent, scrolled: usize) -> Vec<Effect> {
    let down = match keys::binding(Mode::Control, event).map(|binding| binding.action) {
        Some(Action::Quit) => return ask_to_quit(model),
        Some(Action::Grades) => {
            model.grades.place = GradesShown::Strip;
            return Vec::new();
        }
        Some(Action::Scroll(down)) => down,
        Some(Action::ScrollPage(down)) => down * scroll::PAGE,
        _ => return Vec::new(),
    };
    let scrolled = scrolled.saturating_add_signed(down).min(scroll::grades_max(model));
    model.dialog = Some(Dialog::Grades { scrolled });
    Vec::new()
}

/// Leaves one thing at a time: the mode, the selection.
fn escape(model: &mut Model) -> Vec<Effect> {
    if model.mode == Mode::Type {
        model.mode = Mode::Control;
        return Vec::new();
    }
    if hand::close_answer(model) || filter::clear(model) {
        return Vec::new();
    }
    if model.scenarios.selected.take().is_some() | model.scenarios.selected_line.take().is_some() {
        return Vec::new();
    }
    if !model.scenarios.is_running() && model.leave_scenario_cluster() {
        return Vec::new();
    }
    if std::mem::take(&mut model.is_zoomed) || model.shown_mut().first_moment.take().is_some() {
        return Vec::new();
    }
    let shown = model.shown_mut();
    let is_selected = shown.space_time.selected.take().is_some() | shown.narration.selected.take().is_some();
    let is_elsewhere = std::mem::replace(&mut shown.focus, Focus::Tab) != Focus::Tab;
    if std::mem::take(&mut model.is_plain) | is_selected | is_elsewhere {
        return Vec::new();
    }
    paced::leave(model)
}

/// Explains the selection of the focused pane.
fn explain(model: &mut Model) {
    match explained(model) {
        Some(explained) => model.dialog = Some(Dialog::Explain(explained)),
        None => model.notify(screen::NOTHING_YET.to(model.lang)),
    }
}

/// The selection of the focused pane, or the newest line of the narration.
pub fn explained(model: &Model) -> Option<Explained> {
    let mark = model.space_time.selected.filter(|_| model.focus == Focus::SpaceTime || model.pane == Pane::SpaceTime);
    let mark = mark.and_then(|serial| model.space_time.fact(serial));
    let told = || match model.narration.focused() {
        Some(NarrationLine { nodes, occurrence: Occurrence::Fact(fact), .. }) => Some((*nodes.first()?, fact.clone())),
        _ => None,
    };
    mark.or_else(told).map(|(node, fact)| Explained { node, fact })
}

/// Any key closes the explanation. Up and down explain the neighbouring line, `C` shows its code. Quit still quits.
fn on_explained_key(model: &mut Model, event: &KeyEvent, explained: Explained) -> Vec<Effect> {
    match keys::binding(Mode::Control, event).map(|binding| binding.action) {
        Some(Action::Quit) => return ask_to_quit(model),
        Some(Action::Code) => model.dialog = Some(Dialog::Code(explained)),
        Some(Action::Scroll(down)) => neighbour(model, down, explain),
        _ => {}
    }
    Vec::new()
}

/// Selects the neighbouring line of the cluster that is shown, and opens what `open` opens for it.
pub fn neighbour(model: &mut Model, down: isize, open: fn(&mut Model)) {
    let of_tab = scenario::of_selection(model);
    scroll::lines(of_tab, down);
    open(of_tab);
    model.dialog = of_tab.dialog.take();
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
                command_line::line_is_full(model);
            }
        }
        Mode::Control | Mode::Paced => model.notify(screen::MEANS_NOTHING.with(model.lang, &[("letter", &letter)])),
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
        return ask_to_quit(model);
    }
    let selected = model.choices(fault, first).into_iter().find(|choice| choice.letter == letter);
    let line = match selected {
        None => Err(screen::NO_NODE.with(model.lang, &[("letter", &letter)])),
        Some(choice) => match choice.obstacle {
            Some(unfit) => Err(format!("{} {}", choice.node, model.say(obstacles::unfit(unfit)))),
            None if fault == FaultKey::Conflict => {
                model.dialog = Some(Dialog::Forge(model.forgery(choice.node)));
                return Vec::new();
            }
            None => Ok((choice.node, faults::line(model, fault, first, choice.node))),
        },
    };
    match line {
        Ok((_, Some(line))) => return command_line::run(model, &line).unwrap_or_default(),
        Ok((node, None)) => model.dialog = Some(Dialog::Choose { fault, first: Some(node) }),
        Err(text) => {
            model.warn(text);
            model.dialog = Some(Dialog::Choose { fault, first });
        }
    }
    Vec::new()
}

fn on_help_key(model: &mut Model, event: &KeyEvent, scrolled: usize) -> Vec<Effect> {
    let down = match keys::binding(Mode::Control, event).map(|binding| binding.action) {
        Some(Action::Quit) => return ask_to_quit(model),
        Some(Action::Scroll(down)) => down,
        Some(Action::ScrollPage(down)) => down * scroll::PAGE,
        _ => return Vec::new(),
    };
    let scrolled = scrolled.saturating_add_signed(down).min(scroll::help_max(model));
    model.dialog = Some(Dialog::Help { scrolled });
    Vec::new()
}
