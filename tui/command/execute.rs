//! Carrying out a command against a running cluster. Prints nothing and ends nothing: the outcome says it all.

use epoca::client::Client;

use super::grammar::Command;
use super::outcome::{Exit, Outcome};

/// What a command needs besides itself.
#[derive(Clone)]
pub struct Context {
    pub client: Client,
    /// Whether `-` may read standard input: in the shell, not at the prompt.
    pub stdin: bool,
    /// Where a long command says how far it is, line by line; full or closed, lines are dropped.
    pub progress: Option<tokio::sync::mpsc::Sender<String>>,
}

/// Carries the command out. Ends within the client's deadline, a bench within its seconds and the deadline.
pub async fn execute(command: &Command, context: &Context) -> Outcome {
    let _ = (&context.client, context.stdin, &context.progress);
    Outcome::error(Exit::Not, "not_built", format!("not built yet: {command:?}"))
}
