//! The command line: `epoca` opens the console, `epoca node` runs a node, `epoca put`, `get`, … talk to a cluster.
//!
//! Here it is only decided who does the work. With `node` and `inspect` this is the one place in `tui/` that starts
//! what is below the client.

mod begin;

mod command;

mod tape;

mod console;

mod node;

mod inspect;

mod backup;

mod scenario;

use std::future::Future;
use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use tokio::sync::mpsc;

use command::conduct::Conduct;
use command::shell::{Cli, DemoArgs, Format, Global, Look, Said};
use command::{Command, Context, Exit, Outcome, execute, find, print};
use console::{ConsoleOptions, Source, Wanted};
use tape::command::Recorded;

/// How many lines of progress wait for a slow terminal.
const PROGRESS: usize = 16;

fn main() -> ExitCode {
    begin::begin();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misunderstood(&error),
    };
    let Cli { global, said } = cli;
    let outcome = match said {
        None => return demo(&global, DEMO),
        Some(Said::Demo(args)) => return demo(&global, args),
        Some(Said::Console(args)) => {
            return open_console(&global, Source::Connect(global.clone()), args.look, args.recorded);
        }
        Some(Said::Node(args)) => return node::run(args),
        Some(Said::Completions { shell }) => {
            // Written in one piece: the generator itself panics when nobody reads to its end.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "epoca", &mut script);
            let _ = stdout().write_all(&script);
            return ExitCode::SUCCESS;
        }
        Some(Said::Man { command }) => man(command.as_deref()),
        Some(Said::Verify(args)) => command::verify::verify(&args),
        Some(Said::Record(args)) => block_on(tape::command::record(&args, &global)),
        Some(Said::Replay(args)) if args.is_for_the_screen() => {
            return open_console(&global, Source::Replay(args.file), args.look, Recorded::default());
        }
        Some(Said::Replay(args)) => tape::command::replay(&args),
        Some(Said::Backup(args)) => block_on(backup::backup(&args, &global)),
        Some(Said::Restore(args)) => block_on(backup::restore(&args)),
        Some(Said::Inspect(args)) if args.folder.is_file() => backup::inspect(&args.folder),
        Some(Said::Inspect(args)) => inspect::run(&args),
        Some(Said::Scenario(args)) => block_on(scenario::shell::carry_out(&args, &global, is_named(&global))),
        Some(Said::Cluster(args)) => block_on(command::cluster::run(&args, &global)),
        Some(Said::Command(command)) => block_on(talk(&command, &global)),
    };
    // A cluster that was started has said all there is to say.
    if outcome.json.is_null() {
        return outcome.exit.into();
    }
    print::outcome(&outcome, global.output);
    outcome.exit.into()
}

const DEMO: DemoArgs = DemoArgs {
    nodes: None,
    base_port: 7101,
    fresh: false,
    conduct: Conduct::DEFAULT,
    look: Look { ascii: false, theme: None, mouse: false, present: false, lang: None },
    recorded: Recorded { record: None, record_max: 0 },
};

/// Usage errors, `--help` and `--version`.
fn misunderstood(error: &clap::Error) -> ExitCode {
    // Words that are no text are among what can be misunderstood.
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    let json =
        words.windows(2).any(|pair| pair == ["--output", "json"]) || words.iter().any(|word| word == "--output=json");
    if json && error.use_stderr() {
        let text = error.to_string();
        // What is wrong stands before the empty line, over several lines if arguments are listed.
        let wrong = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect::<Vec<_>>().join(" ");
        let message = wrong.trim_start_matches("error: ");
        print::outcome(&Outcome::error(Exit::Usage, "usage", message), Format::Json);
    } else {
        // Nobody to tell if it fails.
        let _ = error.print();
    }
    ExitCode::from(error.exit_code() as u8)
}

/// Whether a cluster was named, and not only the folder that is looked at by default.
fn is_named(global: &Global) -> bool {
    let data =
        |word: std::ffi::OsString| word.to_str().is_some_and(|word| word == "--data" || word.starts_with("--data="));
    !global.connect.is_empty() || std::env::args_os().any(data)
}

/// One command for a running cluster.
async fn talk(command: &Command, global: &Global) -> Outcome {
    let found = match find::find(global) {
        Ok(found) => found,
        Err(outcome) => return outcome,
    };
    let client = match find::connect(&found, global).await {
        Ok(client) => client,
        Err(error) => match (command, find::launched(&found, global).await) {
            (Command::Fault(_), Some(client)) => client,
            _ => return execute::failed(&error),
        },
    };
    if let Command::Watch(asked) = command {
        return command::watch::stream(asked, &client, global.output).await;
    }
    let (progress, mut told) = mpsc::channel::<String>(PROGRESS);
    let context = Context { client, stdin: true, progress: Some(progress) };
    let show = async {
        while let Some(line) = told.recv().await {
            print::error_line(&line);
        }
    };
    let work = async move { execute(command, &context).await };
    tokio::join!(work, show).0
}

fn demo(global: &Global, args: DemoArgs) -> ExitCode {
    let DemoArgs { nodes, base_port, fresh, conduct, look, recorded } = args;
    let source = Source::Demo { nodes, data: global.data.clone(), base_port, fresh, conduct };
    open_console(global, source, look, recorded)
}

fn open_console(global: &Global, source: Source, look: Look, recorded: Recorded) -> ExitCode {
    let Look { ascii, theme, lang, mouse, present } = look;
    let Recorded { record, record_max } = recorded;
    let record = record.map(|path| Wanted { path, bytes_max: record_max });
    console::run(ConsoleOptions { source, ascii, theme, lang, mouse, present, timeout: global.timeout, record })
}

fn man(command: Option<&str>) -> Outcome {
    let mut whole = Cli::command();
    whole.build();
    let page = match command {
        None => whole,
        Some(name) => match whole.find_subcommand(name) {
            Some(found) => found.clone(),
            None => return Outcome::error(Exit::Usage, "usage", format!("there is no command {name:?}")),
        },
    };
    // As with all printing: if nobody reads, there is nobody to tell.
    let _ = clap_mangen::Man::new(page).render(&mut stdout());
    Outcome::done(serde_json::Value::Null)
}

fn block_on(work: impl Future<Output = Outcome>) -> Outcome {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Outcome::error(Exit::Not, "no_runtime", format!("cannot start: {error}")),
    };
    let outcome = runtime.block_on(work);
    // A read of standard input that nobody ends must not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(100));
    outcome
}
