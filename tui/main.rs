//! The command line: `epoca` opens the console, `epoca node` runs a node, `epoca put`, `get`, … talk to a cluster.
//!
//! Here it is only decided who does the work. With `node` and `inspect` this is the one place in `tui/` that starts
//! what is below the client.

mod cli;

mod lang;

mod command;

mod tape;

mod scenario;

mod console;

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use clap::CommandFactory;
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::sys::stat::{Mode, umask};
use tokio::sync::mpsc;

use command::node_options::Conduct;
use cli::{Cli, DemoArgs, Look, Said};
use command::options::{CONNECT_VARIABLE, Format, Global, Named};
use command::{Command, Context, Exit, Outcome, backup, execute, find, inspect, node, print};
use console::{ConsoleOptions, Source, Wanted};
use scenario::command::ScenarioSaid;
use tape::command::Recorded;

/// How many lines of progress wait for a slow terminal.
const PROGRESS: usize = 16;

/// A third of a busy leader's own time went into allocating before.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    prepare_process();
    let cli = match Cli::read() {
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
            printed(&script)
        }
        Some(Said::Man { command }) => man(command.as_deref()),
        Some(Said::Verify(args)) => command::verify::verify(&args),
        Some(Said::Record(args)) => block_on(tape::command::record(&args, &global)),
        Some(Said::Replay { args, look }) if args.is_for_the_screen() => {
            return open_console(&global, Source::Replay(args.file), look, Recorded::default());
        }
        Some(Said::Replay { args, .. }) => tape::command::replay(&args),
        Some(Said::Backup(args)) => block_on(backup::backup(&args, &global)),
        Some(Said::Restore(args)) => block_on(backup::restore(&args)),
        Some(Said::Inspect(args)) if args.folder.is_file() => backup::inspect(&args.folder),
        Some(Said::Inspect(args)) => inspect::run(&args),
        Some(Said::Scenario(args)) => {
            let is_named = global.named == Named::Typed;
            if global.named == Named::Environment && matches!(args.said, ScenarioSaid::Run(_)) {
                // It would make faults in a cluster that nobody has named for that.
                print::error_line(&format!(
                    "{CONNECT_VARIABLE} is not used: scenarios run on a cluster of their own, unless --connect or --data is typed"
                ));
            }
            block_on(scenario::command::carry_out(&args, &global, is_named))
        }
        Some(Said::Cluster(args)) => block_on(command::cluster::run(&args, &global)),
        Some(Said::Command(command)) => block_on(talk(&command, &global)),
    };
    print::outcome(&outcome, global.output).into()
}

/// Files that this process makes are for its user alone, whatever the umask was: logs, backups, recordings and the
/// files of the embedded database hold what people have stored. And a write beyond a limit on the size of files fails
/// with an error, which is told like a full disk, where the signal would end the process without a word.
fn prepare_process() {
    umask(Mode::S_IRWXG | Mode::S_IRWXO);
    // SAFETY: to ignore a signal installs no handler, so no code of ours runs in one.
    let ignored = unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn) };
    // It fails only for a signal that does not exist.
    debug_assert!(ignored.is_ok());
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
        return print::outcome(&Outcome::error(Exit::Usage, "usage", message), Format::Json).into();
    }
    let open = if error.use_stderr() { Ok(()) } else { print::check_open() };
    match open.and_then(|()| error.print()) {
        Err(failed) if !error.use_stderr() => print::outcome(&print::cut_short(&failed), Format::Text).into(),
        // A message that cannot be written to stderr leaves the code to say it.
        _ => ExitCode::from(error.exit_code() as u8),
    }
}

/// What is printed as it is, and nothing else.
fn printed(bytes: &[u8]) -> Outcome {
    match print::result(bytes) {
        Ok(()) => Outcome::done(serde_json::Value::Null),
        Err(error) => print::cut_short(&error),
    }
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
    match command {
        Command::Watch(asked) => return command::watch::stream(asked, &client, global.output).await,
        Command::List { prefix, limit } => {
            return command::listing::stream_list(prefix, *limit, &client, global.output).await;
        }
        Command::Log(asked) => return command::listing::stream_log(asked, &client, global.output).await,
        Command::Get(asked) if asked.raw => return command::get::raw(asked, &client, global.output).await,
        _ => {}
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
    let mut text = Vec::new();
    match clap_mangen::Man::new(page).render(&mut text) {
        Ok(()) => printed(&text),
        Err(error) => Outcome::error(Exit::Not, "no_page", format!("the page cannot be made: {error}")),
    }
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
