//! Assembles and runs the console: nodes, terminal, event loop. Besides `terminal`, the only part with input and
//! output.

mod nodes;

mod background;

mod checks;

mod config;

mod scenario_runner;

mod effects;

mod event_loop;

mod grading;

mod causal_inbox;

mod signals;

mod folders;

mod history;

mod log_file;

mod sinks;

mod speaker_notes;

mod user_input;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::command::options::Format;
use crate::command::{Exit, Outcome, print};
use crate::console::terminal::{self, writer};
use crate::console::words::startup as words;
use crate::console::{ConsoleOptions, Source};
use crate::lang::{Lang, Localized, localized};
use crate::tape::command::unreadable;
use crate::tape::read;

use event_loop::App;
use nodes::failure;

#[cfg(test)]
pub use grading::grades_of;
pub use sinks::RecordTarget;

pub fn run(options: ConsoleOptions) -> ExitCode {
    let lang = options.lang.unwrap_or_else(Lang::of_process);
    match try_run(options) {
        Ok(exit_message) => {
            if !exit_message.is_empty() {
                terminal::print_line(&exit_message);
            }
            ExitCode::SUCCESS
        }
        // Printing would block on a terminal that accepts no output.
        Err(outcome) if !writer::is_writable() => outcome.exit.into(),
        Err(outcome) => print::outcome(&outcome, Format::Text, lang).into(),
    }
}

fn try_run(options: ConsoleOptions) -> Result<String, Outcome> {
    if let Some(why) = terminal_problem() {
        let instead: Localized = match options.source {
            Source::Demo { .. } => words::INSTEAD_OF_DEMO.into(),
            Source::Connect(_) => words::INSTEAD_OF_CONSOLE.into(),
            Source::Replay(_) => words::INSTEAD_OF_REPLAY.into(),
        };
        let text = localized!("{why}; {instead}", "{why}; {instead}", with why, instead);
        return Err(Outcome::error(Exit::Usage, "no_terminal", text));
    }
    // Read before the screen is set up, so that an error is printed normally.
    let recording = match &options.source {
        Source::Replay(path) => Some(read(path).map_err(|error| unreadable(&error, Exit::Usage))?.records),
        _ => None,
    };
    terminal::install_panic_hook()
        .map_err(|error| failure("no_hook", format!("cannot install the panic hook: {error}")))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| failure("no_runtime", format!("cannot start the runtime: {error}")))?;
    let ended = runtime.block_on(App::run(options, recording));
    terminal::restore();
    runtime.shutdown_timeout(Duration::from_millis(100));
    ended
}

/// Why the console cannot run here; `None` if it can.
fn terminal_problem() -> Option<Localized> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Some(words::NO_TERMINAL.into());
    }
    match std::env::var("TERM") {
        Ok(kind) if !["", "dumb", "unknown"].contains(&&kind[..]) => None,
        Ok(kind) => Some(localized!(
            "the console needs a full-screen terminal, and TERM={kind} is none",
            "o console precisa de um terminal de tela cheia, e TERM={kind} não é um"
        )),
        Err(_) => Some(words::NO_TERM.into()),
    }
}

fn exit_message(source: &Source) -> Localized {
    match source {
        Source::Demo { data, .. } => {
            let folder = absolute(data);
            localized!(
                "The nodes have ended. Their data stays in {folder} for the next run; `epoca demo --fresh` starts \
                 without it.",
                "Os nós terminaram. Os seus dados ficam em {folder} para a próxima vez; `epoca demo --fresh` começa \
                 sem eles."
            )
        }
        Source::Connect(_) => localized!("The nodes keep running.", "Os nós continuam em execução."),
        Source::Replay(_) => Localized::default(),
    }
}

fn absolute(data: &PathBuf) -> String {
    std::path::absolute(data).unwrap_or_else(|_| data.clone()).display().to_string()
}
