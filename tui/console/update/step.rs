//! The keys of step mode. Each is done by the line that could be typed instead.

use epoca::protocol::trace::MessageId;

use crate::command::Command;
use crate::command::grammar::{Fault, Switch};
use crate::console::keys::StepKey;
use crate::console::model::{Model, Pane, step_mode};
use crate::console::update::scroll;
use crate::console::words::step as words;

/// The line that a key stands for, or why there is none.
pub fn line(model: &Model, key: StepKey) -> Result<String, &'static str> {
    match key {
        StepKey::Switch if step_mode::is_on(model) => return Ok("step off".to_owned()),
        StepKey::Switch => return Ok("step on".to_owned()),
        _ if !step_mode::is_there(model) => return Err(model.say(words::IS_OFF)),
        // By whoever holds it when the line arrives: two quick presses are two messages.
        StepKey::Next if step_mode::count(model) > 0 => return Ok("deliver next".to_owned()),
        _ => {}
    }
    let Some(chosen) = step_mode::chosen(model) else { return Err(model.say(words::NOTHING_WAITS)) };
    let MessageId { from, to, number } = chosen.id;
    let id = format!("{}-{}-{number}", from.0, to.0);
    Ok(match key {
        StepKey::Discard => format!("discard {id}"),
        StepKey::Delay => format!("delay-message {id} {}", step_mode::DELAY_MILLIS),
        StepKey::Duplicate => format!("duplicate {id}"),
        StepKey::Switch | StepKey::Next | StepKey::Deliver => format!("deliver {id}"),
    })
}

/// Whoever turns step mode on wants to see what waits.
pub fn on_command(model: &mut Model, command: &Command) {
    if let Command::Fault(Fault::Step { switch: Switch::On } | Fault::Pending) = command {
        scroll::show(model, Pane::Step);
    }
}
