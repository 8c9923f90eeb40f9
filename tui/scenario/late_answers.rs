//! Commands that a busy machine has not answered in time.
//!
//! The launcher gives a node a few seconds and then answers that the node does not answer yet. That is no refusal: a
//! started process runs, and a rule that was set is stored. A scenario waits for the process, and sends the rule again,
//! which does no harm. Only what fails for [`PATIENCE`] is a failure.

use std::time::Duration;

use epoca::protocol::NodeId;

use super::listener::Listener;
use super::messages;
use super::names::Names;
use super::script::PATIENCE;
use super::wait::Wait;
use crate::command::grammar::Fault;
use crate::command::{Command, Context, Exit, Outcome, Tone, execute};

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(200);

enum LateAnswer {
    /// The command was answered, with success or not.
    No,
    /// The process runs; the listener observes when it is up.
    Starting(NodeId),
    /// The command can be sent again.
    Repeatable,
}

/// Waits for a late answer, or sends the command again. Returns the last outcome.
pub async fn await_answer(
    command: &Command,
    context: &Context,
    mut outcome: Outcome,
    listener: &Listener,
    names: &Names,
) -> Outcome {
    let wait = Wait::new(PATIENCE, PAUSE);
    loop {
        let late = late_answer(command, &outcome);
        if matches!(late, LateAnswer::No) || !wait.again().await {
            return outcome;
        }
        match late {
            LateAnswer::Starting(node) if is_up(node, listener, names) => {
                let text = messages::answered_late(node);
                return Outcome::done(serde_json::json!({})).line(Tone::Result, text);
            }
            LateAnswer::Repeatable => outcome = execute(command, context).await,
            LateAnswer::Starting(_) | LateAnswer::No => {}
        }
    }
}

fn is_up(node: NodeId, listener: &Listener, names: &Names) -> bool {
    let observed = listener.observed();
    observed.node(node).is_some_and(|known| known.live && !names.is_stale(node, known))
}

fn late_answer(command: &Command, outcome: &Outcome) -> LateAnswer {
    let code = outcome.error_code();
    let Command::Fault(fault) = command else { return LateAnswer::No };
    if outcome.exit == Exit::Done {
        return LateAnswer::No;
    }
    match fault {
        Fault::Restart { node } | Fault::Damage { node } if code == "no_answer" => LateAnswer::Starting(node.0),
        Fault::Cut { .. }
        | Fault::Heal { .. }
        | Fault::Drop { .. }
        | Fault::Delay { .. }
        | Fault::Double { .. }
        | Fault::Hold { .. }
        | Fault::Release { .. }
        | Fault::Step { .. }
        | Fault::Pace { .. }
        | Fault::Clear
            if ["timed_out", "unreachable", "no_answer"].contains(&code) =>
        {
            LateAnswer::Repeatable
        }
        _ => LateAnswer::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::parse_line;

    #[test]
    fn only_repeatable_commands_are_sent_again_and_a_starting_process_is_awaited() {
        let of = |line: &str, code: &str| {
            let command = parse_line(line).expect(line);
            match late_answer(&command, &Outcome::error(Exit::NotDone, code, "x")) {
                LateAnswer::No => "no",
                LateAnswer::Starting(_) => "starting",
                LateAnswer::Repeatable => "repeatable",
            }
        };
        assert_eq!(of("restart 3", "no_answer"), "starting");
        assert_eq!((of("step on", "timed_out"), of("cut 1 2", "no_answer")), ("repeatable", "repeatable"));
        for (line, code) in [("put x 1", "timed_out"), ("inject 2 x y", "timed_out"), ("cut 1 2", "unknown_node")] {
            assert_eq!(of(line, code), "no", "{line}");
        }
        let done = Outcome::done(serde_json::json!({}));
        assert!(matches!(late_answer(&parse_line("step on").expect("a line"), &done), LateAnswer::No));
    }
}
