//! The program `epoca`: without a command it opens the console, `epoca node` runs a node, `epoca put`, `get`, … talk to
//! a cluster.
//!
//! This file prepares the process and calls the room that does the work. It holds no logic of a command.

mod cli;

mod help;

mod lang;

mod command;

mod words;

mod tape;

mod scenario;

mod console;

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use clap::CommandFactory;
use epoca::client::Client;
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::sys::stat::{Mode, umask};
use tokio::sync::mpsc;

use cli::{Appearance, Cli, DemoArgs, Invocation, lang_of};
use command::messages::shell;
use command::options::{CONNECT_VARIABLE, Format, Global, TargetSource};
use command::{Command, Context, Exit, Outcome, backup, execute, find, inspect, node, print};
use console::export::{ExportOptions, to_asciicast, to_page, to_svg};
use console::{ConsoleOptions, RecordTarget, Source, Theme};
use lang::Lang;
use scenario::command::{ScenarioArgs, ScenarioCommand};
use tape::command::{Export, RecordOptions, ReplayArgs};

/// How many lines of progress wait for a slow terminal.
const PROGRESS: usize = 16;

/// A busy leader spent a third of its time in the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    prepare_process();
    let Cli { global, invocation } = match Cli::read() {
        Ok(cli) => cli,
        Err(error) => return usage_error(&error),
    };
    let lang = global.lang();
    let outcome = match invocation {
        None => return demo(&global, DemoArgs::DEFAULT, false),
        Some(Invocation::Demo(args)) => return demo(&global, args, false),
        Some(Invocation::Defend(args)) => return demo(&global, args, true),
        Some(Invocation::Notes) => block_on(scenario::notes::command::run(global.lang, &global.data)),
        Some(Invocation::Console(args)) => {
            let source = Source::Connect(Box::pin(connect(global.clone())));
            return open_console(&global, source, args.appearance, args.record, false);
        }
        Some(Invocation::Node(args)) => return node::run(args),
        Some(Invocation::Completions { shell }) => {
            // Written in one piece: the generator panics if standard output is closed before its end.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "epoca", &mut script);
            print_bytes(&script)
        }
        Some(Invocation::Man { command }) => man(command.as_deref()),
        Some(Invocation::Verify(args)) => command::verify::verify(&args, lang),
        Some(Invocation::Record(args)) => block_on(tape::command::record(&args, &global)),
        Some(Invocation::Replay { args, appearance }) if args.is_for_the_screen() => {
            return open_console(&global, Source::Replay(args.file), appearance, RecordOptions::default(), false);
        }
        Some(Invocation::Replay { args, appearance }) => export(&args, appearance, lang),
        Some(Invocation::Backup(args)) => block_on(backup::backup(&args, &global)),
        Some(Invocation::Restore(args)) => block_on(backup::restore(&args)),
        Some(Invocation::Inspect(args)) if args.folder.is_file() => backup::inspect(&args.folder),
        Some(Invocation::Inspect(args)) => inspect::run(&args),
        Some(Invocation::Scenario(args)) => run_scenarios(&args, &global),
        Some(Invocation::Cluster(args)) => block_on(command::cluster::run(&args, &global)),
        Some(Invocation::Command(command)) => block_on(run_command(&command, &global)),
    };
    print::outcome(&outcome, global.output, lang).into()
}

/// Settings of the whole process, and of all that it starts.
///
/// Files are readable by their owner alone, whatever the umask was: logs, backups, recordings and the database hold
/// what people have stored. A write beyond the limit on file sizes fails with an error, which is reported like a full
/// disk; by default its signal would end the process without a message.
fn prepare_process() {
    umask(Mode::S_IRWXG | Mode::S_IRWXO);
    // SAFETY: to ignore a signal installs no handler, so no code of ours runs in one.
    let ignored = unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn) };
    // It fails only for a signal that does not exist.
    debug_assert!(ignored.is_ok());
}

/// Prints usage errors, `--help` and `--version`.
fn usage_error(error: &clap::Error) -> ExitCode {
    // The arguments need not be UTF-8.
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    let lang = lang_of(&words);
    let json =
        words.windows(2).any(|pair| pair == ["--output", "json"]) || words.iter().any(|word| word == "--output=json");
    if json && error.use_stderr() {
        let text = error.to_string();
        // clap puts the error before the first empty line; a list of arguments takes several lines.
        let wrong = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect::<Vec<_>>().join(" ");
        let outcome = Outcome::error(Exit::Usage, "usage", wrong.trim_start_matches("error: "));
        return print::outcome(&outcome, Format::Json, Lang::English).into();
    }
    if lang == Lang::Portuguese
        && let Some(text) = help::usage_error(error)
    {
        return print::outcome(&Outcome::error(Exit::Usage, "usage", text), Format::Text, lang).into();
    }
    let open = if error.use_stderr() { Ok(()) } else { print::check_open() };
    match open.and_then(|()| error.print()) {
        Err(failed) if !error.use_stderr() => print::outcome(&print::output_failed(&failed), Format::Text, lang).into(),
        // If standard error cannot be written either, the exit code is all that is left.
        _ => ExitCode::from(error.exit_code() as u8),
    }
}

/// Prints the bytes unchanged.
fn print_bytes(bytes: &[u8]) -> Outcome {
    match print::result(bytes) {
        Ok(()) => Outcome::done(serde_json::Value::Null),
        Err(error) => print::output_failed(&error),
    }
}

/// Connects to the cluster that the command line names.
async fn connect(global: Global) -> Result<Client, Outcome> {
    let target = find::find(&global)?;
    find::connect(&target, &global).await.map_err(|error| execute::failed(&error))
}

/// Runs one command against a running cluster.
async fn run_command(command: &Command, global: &Global) -> Outcome {
    let target = match find::find(global) {
        Ok(target) => target,
        Err(outcome) => return outcome,
    };
    let client = match find::connect(&target, global).await {
        Ok(client) => client,
        Err(error) => match (command, find::connect_to_launcher(&target, global).await) {
            (Command::Fault(_), Some(client)) => client,
            _ => return execute::failed(&error),
        },
    };
    match command {
        Command::Watch(args) => return command::watch::stream(args, &client, global.shown()).await,
        Command::List { prefix, limit } => {
            return command::listing::stream_list(prefix, *limit, &client, global.shown()).await;
        }
        Command::Log(args) => return command::listing::stream_log(args, &client, global.shown()).await,
        Command::Get(args) if args.raw => return command::get::raw(args, &client, global.output).await,
        _ => {}
    }
    let lang = global.lang();
    let (progress, mut lines) = mpsc::channel(PROGRESS);
    let context = Context { client, stdin: true, progress: Some(progress) };
    let show = async {
        while let Some(line) = lines.recv().await {
            print::error_line(line.to(lang));
        }
    };
    let work = async move { execute(command, &context).await };
    tokio::join!(work, show).0
}

fn run_scenarios(args: &ScenarioArgs, global: &Global) -> Outcome {
    if global.source == TargetSource::Environment && matches!(args.command, ScenarioCommand::Run(_)) {
        // Scenarios cause faults, so they use only a cluster that was named for them.
        print::error_line(shell::variable_unused(CONNECT_VARIABLE).to(global.lang()));
    }
    block_on(scenario::command::run(args, global, global.source == TargetSource::Option))
}

fn demo(global: &Global, args: DemoArgs, defend: bool) -> ExitCode {
    let DemoArgs { nodes, base_port, fresh, leadership, appearance, record } = args;
    let source = Source::Demo { nodes, data: global.data.clone(), base_port, fresh, leadership };
    open_console(global, source, appearance, record, defend)
}

fn open_console(
    global: &Global,
    source: Source,
    appearance: Appearance,
    record: RecordOptions,
    defend: bool,
) -> ExitCode {
    let notes = match source {
        Source::Demo { .. } => Some(global.data.clone()),
        // The folder of another cluster must not get this one's notes.
        Source::Connect(_) if global.connect.is_empty() && global.data.is_dir() => Some(global.data.clone()),
        Source::Connect(_) | Source::Replay(_) => None,
    };
    let Appearance { ascii, theme, mouse, present } = appearance;
    let lang = global.lang;
    let RecordOptions { record, record_max } = record;
    let record = record.map(|path| RecordTarget { path, bytes_max: record_max });
    let timeout = global.timeout;
    console::run(ConsoleOptions { source, ascii, theme, lang, mouse, present, defend, notes, timeout, record })
}

/// `epoca replay` without the screen.
fn export(args: &ReplayArgs, appearance: Appearance, lang: Lang) -> Outcome {
    let options = ExportOptions {
        lang,
        theme: appearance.theme.unwrap_or(Theme::Dark),
        ascii: appearance.ascii,
        present: appearance.present,
        size: args.size,
        speed: args.speed,
        at: args.at,
    };
    tape::command::replay(args, &|format, name, recording| match format {
        Export::Html => to_page(name, recording.records, &options),
        Export::Asciicast => to_asciicast(name, recording.records, &options),
        _ => to_svg(name, recording.records, &options),
    })
}

fn man(name: Option<&str>) -> Outcome {
    let mut program = Cli::command();
    program.build();
    let page = match name {
        None => program,
        Some(name) => match program.find_subcommand(name) {
            Some(command) => command.clone(),
            None => return Outcome::error(Exit::Usage, "usage", format!("there is no command {name:?}")),
        },
    };
    let mut text = Vec::new();
    match clap_mangen::Man::new(page).render(&mut text) {
        Ok(()) => print_bytes(&text),
        Err(error) => Outcome::error(Exit::NotDone, "no_page", format!("cannot render the man page: {error}")),
    }
}

fn block_on(work: impl Future<Output = Outcome>) -> Outcome {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Outcome::error(Exit::NotDone, "no_runtime", format!("cannot start: {error}")),
    };
    let outcome = runtime.block_on(work);
    // A pending read of standard input must not keep the process alive.
    runtime.shutdown_timeout(Duration::from_millis(100));
    outcome
}
