//! Keys of a running scenario or tour, and the list of a tour's questions and steps.

use crossterm::event::{KeyCode, KeyEvent};

use crate::console::keys::{self, Action, Binding, GuideKey, Mode};
use crate::console::model::{Dialog, Model, Phase};
use crate::console::update::{Effect, ask_to_quit, scenario};
use crate::console::words::tour as words;
use crate::scenario::{DEFENSE, Order, Wait};

/// The binding that comes before those of CONTROL while a scenario runs.
pub fn binding(model: &Model, event: &KeyEvent) -> Option<&'static Binding> {
    if !model.is_paced() {
        return None;
    }
    keys::binding(Mode::Paced, event).filter(|binding| model.has_guide_key(binding.action))
}

pub fn on_key(model: &mut Model, key: GuideKey) -> Vec<Effect> {
    let waits = model.scenarios.run.as_ref().and_then(|run| run.waits);
    let order = match key {
        GuideKey::Stop => return vec![Effect::StopScenario],
        GuideKey::Questions => {
            model.dialog = Some(Dialog::Questions { selected: 0 });
            return Vec::new();
        }
        GuideKey::Question => match model.scenarios.tour().and_then(|run| run.question_here()) {
            Some(heading) => Order::To(heading),
            None => {
                model.notify(words::NO_QUESTION.to(model.lang));
                return Vec::new();
            }
        },
        GuideKey::Next => Order::Next,
        GuideKey::Back => Order::Back,
        GuideKey::Again => Order::Again,
        GuideKey::Pause => match waits {
            // Nothing runs that could be paused.
            Some(Wait::Ready | Wait::Then(_) | Wait::Done) => Order::Next,
            _ if model.scenarios.pause_asked => Order::GoOn,
            _ => Order::Pause,
        },
    };
    match order {
        Order::Pause => model.scenarios.pause_asked = true,
        // One item, and the pause stays.
        Order::Next if waits == Some(Wait::Paused) => {}
        _ => model.scenarios.pause_asked = false,
    }
    vec![Effect::OrderScenario(order)]
}

/// Esc with nothing to close: asks once, then stops and goes back to the console's own cluster.
pub fn leave(model: &mut Model) -> Vec<Effect> {
    if !model.scenarios.is_running() {
        return Vec::new();
    }
    if !std::mem::replace(&mut model.scenarios.leave_asked, true) {
        let text = if model.scenarios.tour().is_some() { words::LEAVE_TOUR } else { words::LEAVE };
        model.notify(text.to(model.lang));
        return Vec::new();
    }
    (model.scenarios.leave_asked, model.scenarios.is_left) = (false, true);
    vec![Effect::StopScenario]
}

/// Begins the tour that was asked for at the start, once the nodes are there.
pub fn begin_wanted(model: &mut Model) -> Vec<Effect> {
    let is_ready = model.phase == Phase::Watching && model.no_lab().is_none() && model.leader().is_some();
    if !model.scenarios.tour_wanted || !is_ready {
        return Vec::new();
    }
    model.scenarios.tour_wanted = false;
    scenario::start(model, DEFENSE)
}

/// Keys in the list of questions and steps. A letter chooses a question.
pub fn on_list_key(model: &mut Model, event: &KeyEvent, selected: usize) -> Vec<Effect> {
    let Some(run) = model.scenarios.tour() else { return Vec::new() };
    let entries = run.entries();
    let last = entries.len().saturating_sub(1);
    let chosen = match event.code {
        KeyCode::Up => Err(selected.saturating_sub(1)),
        KeyCode::Down | KeyCode::Tab => Err((selected + 1).min(last)),
        KeyCode::PageUp => Err(selected.saturating_sub(10)),
        KeyCode::PageDown => Err((selected + 10).min(last)),
        KeyCode::Enter => Ok(entries.get(selected).copied()),
        _ => {
            let letter = keys::letter(event);
            Ok(entries.iter().enumerate().find(|(index, _)| Some(keys::scenario_letter(*index)) == letter))
                .map(|found| found.map(|(_, heading)| *heading))
        }
    };
    match chosen {
        Err(selected) => model.dialog = Some(Dialog::Questions { selected }),
        Ok(Some(heading)) => {
            model.scenarios.pause_asked = false;
            return vec![Effect::OrderScenario(Order::To(heading))];
        }
        Ok(None) => {
            if let Some(Action::Quit) = keys::binding(Mode::Control, event).map(|binding| binding.action) {
                return ask_to_quit(model);
            }
        }
    }
    Vec::new()
}
