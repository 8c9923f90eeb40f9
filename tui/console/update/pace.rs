//! The keys of slow motion. Each acts through its command.

use std::time::Duration;

use epoca::protocol::trace::Pace;

use crate::command::Command;
use crate::command::grammar::Fault;
use crate::console::keys::PaceKey;
use crate::console::layout::{is_split, tabs};
use crate::console::model::{Model, PaceAsked, Pane, pace};
use crate::console::update::{Effect, command_line};
use crate::console::words::pace as words;

/// The time between two frames while a message moves: the app draws no more than 30 a second.
const FRAME: Duration = Duration::from_millis(33);

pub fn on_key(model: &mut Model, key: PaceKey) -> Vec<Effect> {
    let from = pace::wanted(model);
    let to = match key {
        PaceKey::Slower => from.step(true),
        PaceKey::Faster => from.step(false),
        PaceKey::Real => Pace::REAL,
    };
    if to == from {
        let text = if from.is_real() { words::IS_REAL } else { words::IS_SLOWEST };
        model.notify(text.with(model.lang, &[("pace", &from)]));
        return Vec::new();
    }
    match &mut model.pace_asked {
        Some(asked) => {
            asked.wanted = to;
            Vec::new()
        }
        None => ask(model, to),
    }
}

fn ask(model: &mut Model, pace: Pace) -> Vec<Effect> {
    let Some(effects) = command_line::run(model, &format!("pace {}", pace.slowdown())) else { return Vec::new() };
    let number = model.operations.newest().map(|newest| newest.number);
    model.pace_asked = number.map(|number| PaceAsked { wanted: pace, sent: pace, number });
    effects
}

/// A scenario waits in real time: in slow motion it would take what comes late for what does not come.
pub fn is_refused(model: &Model, command: &Command) -> bool {
    let is_slow = matches!(command, Command::Fault(Fault::Pace { pace }) if !pace.is_real());
    is_slow && model.scenarios.is_running()
}

/// An operation has ended. If it was the command of a key, the keys that were pressed since are obeyed now.
pub fn on_operation_end(model: &mut Model, number: u64) -> Vec<Effect> {
    let Some(asked) = model.pace_asked.take_if(|asked| asked.number == number) else { return Vec::new() };
    let is_obeyed = asked.wanted == asked.sent || model.tape.past().is_some();
    if is_obeyed { Vec::new() } else { ask(model, asked.wanted) }
}

/// When a message that moves must be drawn again; `None` if none is visible.
pub fn next_wake(model: &Model) -> Option<Duration> {
    is_moving(model).then(|| model.now + FRAME)
}

/// Whether a message moves in the visible space-time diagram.
pub fn is_moving(model: &Model) -> bool {
    let is_shown = is_split(model.size) || tabs::shown(model) == Pane::SpaceTime;
    is_shown && model.space_time.is_moving(model.now)
}
