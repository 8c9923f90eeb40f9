//! What becomes of a command that a busy machine has not answered in time.
//!
//! The launcher gives a node a few seconds and then says that it does not answer yet. That is no refusal: a process
//! that was started runs, and a rule that was set is written down. A scenario waits for the one and says the other
//! again, both may be done twice, and only what is still so after [`PATIENCE`] is wrong.

use std::time::{Duration, Instant};

use epoca::protocol::NodeId;

use super::listener::Ears;
use super::names::Names;
use super::script::PATIENCE;
use crate::command::grammar::Fault;
use crate::command::{Command, Context, Exit, Outcome, Tone, execute};

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(200);

enum Late {
    /// It was answered: so or so.
    No,
    /// The process runs; whether it is up is heard.
    Starts(NodeId),
    /// To say it once more does no harm.
    Again,
}

pub async fn persist(
    command: &Command,
    context: &Context,
    mut outcome: Outcome,
    ears: &Ears,
    names: &Names,
) -> Outcome {
    let begun = Instant::now();
    loop {
        let late = late(command, &outcome);
        if matches!(late, Late::No) || begun.elapsed() > PATIENCE {
            return outcome;
        }
        tokio::time::sleep(PAUSE).await;
        match late {
            Late::Starts(node) if is_heard(node, ears, names) => {
                return Outcome::done(serde_json::json!({}))
                    .line(Tone::Result, format!("{node} runs, and answered late"));
            }
            Late::Again => outcome = execute(command, context).await,
            Late::Starts(_) | Late::No => {}
        }
    }
}

fn is_heard(node: NodeId, ears: &Ears, names: &Names) -> bool {
    let heard = ears.heard();
    heard.node(node).is_some_and(|seen| seen.live && !names.is_stale(node, seen))
}

fn late(command: &Command, outcome: &Outcome) -> Late {
    let code = outcome.json["error"]["code"].as_str().unwrap_or_default();
    let Command::Fault(fault) = command else { return Late::No };
    if outcome.exit == Exit::Done {
        return Late::No;
    }
    match fault {
        Fault::Restart { node } | Fault::Damage { node } if code == "no_answer" => Late::Starts(node.0),
        Fault::Cut { .. }
        | Fault::Heal { .. }
        | Fault::Drop { .. }
        | Fault::Delay { .. }
        | Fault::Double { .. }
        | Fault::Hold { .. }
        | Fault::Release { .. }
        | Fault::Step { .. }
        | Fault::Clear
            if ["timed_out", "unreachable", "no_answer"].contains(&code) =>
        {
            Late::Again
        }
        _ => Late::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::parse_line;

    #[test]
    fn only_what_may_be_said_twice_is_said_again_and_a_process_that_starts_is_waited_for() {
        let of = |line: &str, code: &str| match late(
            &parse_line(line).expect(line),
            &Outcome::error(Exit::Not, code, "x"),
        ) {
            Late::No => "no",
            Late::Starts(_) => "starts",
            Late::Again => "again",
        };
        assert_eq!(of("restart 3", "no_answer"), "starts");
        assert_eq!((of("step on", "timed_out"), of("cut 1 2", "no_answer")), ("again", "again"));
        for (line, code) in [("put x 1", "timed_out"), ("inject 2 x y", "timed_out"), ("cut 1 2", "unknown_node")] {
            assert_eq!(of(line, code), "no", "{line}");
        }
        assert!(matches!(
            late(&parse_line("step on").expect("a line"), &Outcome::done(serde_json::json!({}))),
            Late::No
        ));
    }
}
