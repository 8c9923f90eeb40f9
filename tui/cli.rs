//! The command line of the program, as clap reads it: one parser assembled from the arguments of all rooms.
//!
//! It reads only. `main` decides what to run. The commands for a running cluster are those of
//! [`grammar`](crate::command::grammar), which the console's prompt shares.

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::command::Command;
use crate::command::backup::{BackupArgs, RestoreArgs};
use crate::command::cluster::ClusterArgs;
use crate::command::inspect::InspectArgs;
use crate::command::node::NodeArgs;
use crate::command::node_options::LeadershipArgs;
use crate::command::options::{CONNECT_VARIABLE, Global};
use crate::command::verify::VerifyArgs;
use crate::console::Theme;
use crate::help::localized;
use crate::lang::Lang;
use crate::scenario::command::ScenarioArgs;
use crate::tape::command::{RecordArgs, RecordOptions, ReplayArgs};

/// Data replication by push over gRPC: one leader, replicas, and a console that shows and controls them.
///
/// Without a command, epoca starts a local cluster of four nodes, opens the console, and ends the nodes on quit.
#[derive(Parser, Debug)]
#[command(name = "epoca", version, max_term_width = 120)]
#[command(after_help = "Exit codes: 0 done, 1 definitely not done, 2 usage, 3 outcome unknown, \
                        4 no node reachable or no leader took it, 5 done but the result could not be written")]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub invocation: Option<Invocation>,
}

impl Cli {
    /// Reads the process's arguments and environment.
    pub fn read() -> Result<Cli, clap::Error> {
        Cli::read_from(std::env::args_os(), std::env::var_os(CONNECT_VARIABLE))
    }

    fn read_from<W: Into<OsString>>(
        words: impl IntoIterator<Item = W>,
        connect: Option<OsString>,
    ) -> Result<Cli, clap::Error> {
        let words: Vec<OsString> = words.into_iter().map(Into::into).collect();
        let mut command = localized(Cli::command(), lang_of(&words));
        let matches = command.try_get_matches_from_mut(words)?;
        let mut cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
        let is_given = |name: &&str| matches.value_source(name) == Some(ValueSource::CommandLine);
        cli.global.resolve_target(["connect", "data"].iter().any(is_given), connect);
        Ok(cli)
    }
}

/// The language that these arguments name, before they are parsed; else that of the locale.
pub fn lang_of(words: &[OsString]) -> Lang {
    let words = words.iter().filter_map(|word| word.to_str());
    let mut named = words.clone().zip(words.skip(1)).filter_map(|(word, next)| match word.split_once('=') {
        Some(("--lang", value)) => Some(value),
        None if word == "--lang" => Some(next),
        _ => next.strip_prefix("--lang="),
    });
    let named = named.find_map(|value| Lang::from_str(value, false).ok());
    named.unwrap_or_else(Lang::of_process)
}

/// What the shell can run.
#[derive(Subcommand, Debug)]
pub enum Invocation {
    /// Start a local cluster; Ctrl-C or SIGTERM ends it
    Cluster(ClusterArgs),
    /// Start a local cluster with faults allowed, open the console, end the nodes on quit
    Demo(DemoArgs),
    /// Start the demo with the guided tour of a defense: four tests and every graded line, paced by one key
    Defend(DemoArgs),
    /// Show the speaker notes of a defense on another terminal, in the language of its console or that of --lang
    Notes,
    /// Open the console of a running cluster
    Console(ConsoleArgs),
    /// Record everything that happens in a running cluster
    Record(RecordArgs),
    /// Open a recording in the console, check it, or export it
    Replay {
        #[command(flatten)]
        args: ReplayArgs,
        #[command(flatten)]
        appearance: Appearance,
    },
    /// Run one node
    Node(NodeArgs),
    #[command(flatten)]
    Command(Command),
    /// Show the contents of a node's data folder, intermediate log and final database, without changing it
    Inspect(InspectArgs),
    /// Write a consistent copy of all final data to a file
    Backup(BackupArgs),
    /// Create the data folders of a new cluster from a backup
    Restore(RestoreArgs),
    /// Search for a schedule that breaks the protocol, in a simulated cluster with faults of all kinds
    Verify(VerifyArgs),
    /// Run scenarios: texts with commands for a cluster and with what its nodes must then do
    Scenario(ScenarioArgs),
    /// Print completions for a shell
    Completions {
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Print the man page, or that of one command
    Man {
        #[arg(value_name = "COMMAND")]
        command: Option<String>,
    },
}

#[derive(Args, Clone, Debug)]
pub struct DemoArgs {
    /// How many nodes: one leader and replicas [default: those that the folder holds, or 4 in a new one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=15))]
    pub nodes: Option<u64>,
    /// The first port; ports in use are skipped; 0 takes any
    #[arg(long, value_name = "PORT", default_value_t = 7101)]
    pub base_port: u16,
    /// Delete the data of earlier nodes
    #[arg(long)]
    pub fresh: bool,
    #[command(flatten)]
    pub leadership: LeadershipArgs,
    #[command(flatten)]
    pub appearance: Appearance,
    #[command(flatten)]
    pub record: RecordOptions,
}

impl DemoArgs {
    /// The demo that starts without a command.
    pub const DEFAULT: DemoArgs = DemoArgs {
        nodes: None,
        base_port: 7101,
        fresh: false,
        leadership: LeadershipArgs::DEFAULT,
        appearance: Appearance { ascii: false, theme: None, mouse: false, present: false },
        record: RecordOptions { record: None, record_max: 0 },
    };
}

#[derive(Args, Clone, Debug)]
pub struct ConsoleArgs {
    #[command(flatten)]
    pub appearance: Appearance,
    #[command(flatten)]
    pub record: RecordOptions,
}

/// The appearance of the console.
#[derive(Args, Clone, Copy, Debug)]
pub struct Appearance {
    /// Draw with ASCII characters only
    #[arg(long)]
    pub ascii: bool,
    /// Colours for a dark or a light background [default: the terminal's, else dark]; NO_COLOR turns them off
    #[arg(long, value_enum)]
    pub theme: Option<Theme>,
    /// Accept clicks and the wheel: tabs, rows, messages
    #[arg(long)]
    pub mouse: bool,
    /// Begin with a large banner that explains what happens, for an audience
    #[arg(long)]
    pub present: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::options::{Format, TargetSource};

    #[test]
    fn the_grammar_has_no_contradictions() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_for_all_commands_may_stand_behind_the_command() {
        let words = ["epoca", "get", "x", "--output", "json", "--connect", "a:1,b:2"];
        let cli = Cli::try_parse_from(words).expect("it is a command");
        assert_eq!(cli.global.output, Format::Json);
        assert_eq!(cli.global.connect, ["a:1", "b:2"]);
    }

    #[test]
    fn what_is_typed_beats_the_environment_wherever_it_stands() {
        let read = |words: &[&str], variable: &str| {
            let words = std::iter::once(&"epoca").chain(words);
            let Global { connect, source, .. } =
                Cli::read_from(words, Some(variable.into())).expect("it is read").global;
            (source, connect)
        };
        let there = vec!["c:1".to_owned(), "d:2".to_owned()];
        assert_eq!(read(&["get", "x"], "c:1,d:2"), (TargetSource::Environment, there.clone()));
        assert_eq!(read(&["status"], " c:1, d:2, "), (TargetSource::Environment, there));
        assert_eq!(read(&["status"], ""), (TargetSource::Default, vec![]));
        for words in [["--data", "folder", "status"], ["status", "--data", "folder"]] {
            assert_eq!(read(&words, "c:1"), (TargetSource::Option, vec![]));
        }
        for words in [["--connect", "a:1", "status"], ["status", "--connect", "a:1"]] {
            assert_eq!(read(&words, "c:1"), (TargetSource::Option, vec!["a:1".to_owned()]));
        }
    }

    #[test]
    fn a_node_has_a_data_folder_of_its_own() {
        let words = ["epoca", "node", "--id", "1", "--listen", "127.0.0.1:1", "--data", "folder"];
        let cli = Cli::try_parse_from(words).expect("it is a command");
        assert!(matches!(cli.invocation, Some(Invocation::Node(_))));
    }
}
