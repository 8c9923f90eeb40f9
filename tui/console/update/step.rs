//! The keys of step mode. Each acts through its command.

use epoca::protocol::trace::MessageId;

use crate::command::Command;
use crate::command::grammar::{Fault, Switch};
use crate::console::keys::StepKey;
use crate::console::model::{Model, Pane, step_mode};
use crate::console::update::scroll;
use crate::console::words::step as words;

/// The command of a key, or why there is none.
pub fn line(model: &Model, key: StepKey) -> Result<String, &'static str> {
    match key {
        StepKey::Switch if step_mode::is_on(model) => return Ok("step off".to_owned()),
        StepKey::Switch => return Ok("step on".to_owned()),
        _ if !step_mode::is_there(model) => return Err(model.say(words::IS_OFF)),
        // The node picks the message when the command arrives, so two quick presses deliver two messages.
        StepKey::Next if step_mode::count(model) > 0 => return Ok("deliver next".to_owned()),
        _ => {}
    }
    let Some(selected) = step_mode::selected(model) else { return Err(model.say(words::NOTHING_WAITS)) };
    let MessageId { from, to, number } = selected.id;
    let id = format!("{}-{}-{number}", from.0, to.0);
    Ok(match key {
        StepKey::Discard => format!("discard {id}"),
        StepKey::Delay => format!("delay-message {id} {}", step_mode::DELAY_MILLIS),
        StepKey::Duplicate => format!("duplicate {id}"),
        StepKey::Switch | StepKey::Next | StepKey::Deliver => format!("deliver {id}"),
    })
}

/// Shows the waiting messages when step mode starts.
pub fn on_command(model: &mut Model, command: &Command) {
    if let Command::Fault(Fault::Step { switch: Switch::On, .. } | Fault::Pending) = command {
        scroll::show(model, Pane::Step);
    }
}
