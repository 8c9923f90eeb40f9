//! What only the shell can say: options for all commands, starting a cluster, a node or the console.
//!
//! The commands for a running cluster are [`super::grammar`]'s, shared with the console's prompt.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::conduct::Conduct;
use super::grammar::{Command, address};
use super::verify::VerifyArgs;
use crate::console::Theme;
use crate::lang::Lang;
use crate::node::NodeArgs;
use crate::scenario::shell::ScenarioArgs;
use crate::tape::command::{RecordArgs, Recorded, ReplayArgs};

/// Data replication by push, over gRPC: one leader, replicas, and a console to watch and touch them.
///
/// Without a command it starts a local cluster of four nodes, opens the console, and ends the nodes on quit.
#[derive(Parser, Debug)]
#[command(name = "epoca", version, max_term_width = 120)]
#[command(after_help = "Exit codes: 0 done, 1 definitely not done, 2 usage, 3 outcome unknown, \
                        4 nobody reachable or no leader took it, 5 done but the result could not be written")]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub said: Option<Said>,
}

#[derive(Args, Clone, Debug)]
pub struct Global {
    /// The addresses of one or more nodes, as 127.0.0.1:7101,[::1]:7102; without it those in EPOCA_CONNECT, unless
    /// --data is given; without all of them the cluster that runs on ./epoca-data
    #[arg(long, value_name = "ADDR,…", value_delimiter = ',', value_parser = address, global = true)]
    pub connect: Vec<String>,
    #[arg(skip)]
    pub named: Named,
    /// The data folder of a local cluster
    #[arg(long, value_name = "DIR", default_value = "./epoca-data", global = true)]
    pub data: PathBuf,
    /// The deadline of each operation: seconds, or with a unit as 500ms
    #[arg(long, value_name = "S", default_value = "5", value_parser = duration, global = true)]
    pub timeout: Duration,
    /// How results and errors are shown
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text, global = true)]
    pub output: Format,
}

/// By what the cluster of a command was named. What is typed beats the environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Named {
    /// `--connect` or `--data`.
    Typed,
    /// `EPOCA_CONNECT`: its addresses are in `connect`, unchecked.
    Environment,
    /// By nothing: the default data folder counts.
    #[default]
    Nothing,
}

/// Where addresses stand when none are typed.
pub const CONNECT_VARIABLE: &str = "EPOCA_CONNECT";

impl Cli {
    /// Reads the process's arguments and environment.
    pub fn read() -> Result<Cli, clap::Error> {
        Cli::read_from(std::env::args_os(), std::env::var_os(CONNECT_VARIABLE))
    }

    fn read_from<W: Into<OsString> + Clone>(
        words: impl IntoIterator<Item = W>,
        connect: Option<OsString>,
    ) -> Result<Cli, clap::Error> {
        let mut command = Cli::command();
        let matches = command.try_get_matches_from_mut(words)?;
        let mut cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
        let typed = ["connect", "data"].iter().any(|name| matches.value_source(name) == Some(ValueSource::CommandLine));
        cli.global.settle(typed, connect);
        Ok(cli)
    }
}

impl Global {
    fn settle(&mut self, typed: bool, connect: Option<OsString>) {
        if typed {
            self.named = Named::Typed;
            return;
        }
        let text = connect.map(|text| text.to_string_lossy().into_owned()).unwrap_or_default();
        let addresses = text.split(',').map(str::trim).filter(|address| !address.is_empty());
        self.connect = addresses.map(str::to_owned).collect();
        self.named = if self.connect.is_empty() { Named::Nothing } else { Named::Environment };
    }
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
}

#[derive(Subcommand, Debug)]
pub enum Said {
    /// Start a local cluster; Ctrl-C or SIGTERM ends it
    Cluster(ClusterArgs),
    /// Start a local cluster with faults allowed, open the console, end the nodes on quit
    Demo(DemoArgs),
    /// Open the console of a running cluster
    Console(ConsoleArgs),
    /// Record all that happens in a running cluster
    Record(RecordArgs),
    /// Open a recording in the console, check it, or hand it on
    Replay(ReplayArgs),
    /// Run one node
    Node(NodeArgs),
    #[command(flatten)]
    Command(Command),
    /// Show what a node's data folder holds, intermediate log and final database, without changing it
    Inspect(InspectArgs),
    /// Write a consistent copy of all final data to a file
    Backup(BackupArgs),
    /// Make the data folders of a new cluster from a backup
    Restore(RestoreArgs),
    /// Look for a schedule that breaks the protocol, in a simulated cluster with faults of all kinds
    Verify(VerifyArgs),
    /// Run scenarios: texts that say what is done to a cluster and what its nodes must be seen to do
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
pub struct ClusterArgs {
    /// How many nodes: one leader, the others replicas. Unless told, those that the folder holds, or 4 in a new one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=15))]
    pub nodes: Option<u64>,
    /// Ports are counted up from here, past those that are taken; 0 takes any
    #[arg(long, value_name = "PORT", default_value_t = 7101)]
    pub base_port: u16,
    /// Allow faults on purpose, and show keys and values to whoever watches
    #[arg(long)]
    pub lab: bool,
    /// Delete the data of the nodes that ran here before
    #[arg(long)]
    pub fresh: bool,
    #[command(flatten)]
    pub conduct: Conduct,
    #[command(flatten)]
    pub snapshots: SnapshotArgs,
    #[command(flatten)]
    pub bounds: BoundArgs,
}

/// How much a node takes on.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct BoundArgs {
    /// So many entries may wait to become final at a leader; beyond it writes are refused as overloaded (65,536 unless
    /// told)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub uncommitted_entries: Option<u64>,
}

impl BoundArgs {
    /// The options that were given, as `epoca node` takes them.
    pub fn given(&self) -> Vec<String> {
        let entries = self.uncommitted_entries.iter();
        entries.flat_map(|entries| ["--uncommitted-entries".to_owned(), entries.to_string()]).collect()
    }
}

/// When snapshots are taken, and what becomes of them.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct SnapshotArgs {
    /// Take a snapshot after so many entries, and cut the log behind it (100,000 unless told)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub snapshot_entries: Option<u64>,
    /// Take a snapshot after so many bytes of entries (64 MiB unless told)
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub snapshot_bytes: Option<u64>,
    /// How many entries before a snapshot the log keeps, for replicas that are a little behind (10,000 unless told)
    #[arg(long, value_name = "N")]
    pub snapshot_margin: Option<u64>,
    /// How many bytes of these entries it keeps at most (64 MiB unless told)
    #[arg(long, value_name = "BYTES")]
    pub snapshot_margin_bytes: Option<u64>,
    /// How many bytes of snapshots a leader sends in a second (64 MiB unless told)
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub snapshot_bytes_per_second: Option<u64>,
}

impl SnapshotArgs {
    /// The options that were given, as `epoca node` takes them.
    pub fn given(&self) -> Vec<String> {
        let all = [
            ("--snapshot-entries", self.snapshot_entries),
            ("--snapshot-bytes", self.snapshot_bytes),
            ("--snapshot-margin", self.snapshot_margin),
            ("--snapshot-margin-bytes", self.snapshot_margin_bytes),
            ("--snapshot-bytes-per-second", self.snapshot_bytes_per_second),
        ];
        let given = all.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?.to_string()]));
        given.flatten().collect()
    }
}

#[derive(Args, Clone, Debug)]
pub struct DemoArgs {
    /// How many nodes: one leader, the others replicas. Unless told, those that the folder holds, or 4 in a new one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=15))]
    pub nodes: Option<u64>,
    /// Ports are counted up from here, past those that are taken; 0 takes any
    #[arg(long, value_name = "PORT", default_value_t = 7101)]
    pub base_port: u16,
    /// Delete the data of the nodes that ran here before
    #[arg(long)]
    pub fresh: bool,
    #[command(flatten)]
    pub conduct: Conduct,
    #[command(flatten)]
    pub look: Look,
    #[command(flatten)]
    pub recorded: Recorded,
}

#[derive(Args, Clone, Debug)]
pub struct ConsoleArgs {
    #[command(flatten)]
    pub look: Look,
    #[command(flatten)]
    pub recorded: Recorded,
}

/// How the console looks.
#[derive(Args, Clone, Copy, Debug)]
pub struct Look {
    /// Draw with ASCII characters only
    #[arg(long)]
    pub ascii: bool,
    /// Colours for a dark or a light background, dark by default; NO_COLOR turns them off
    #[arg(long, value_enum)]
    pub theme: Option<Theme>,
    /// Take clicks and the wheel: tabs, rows, messages
    #[arg(long)]
    pub mouse: bool,
    /// Begin with a large banner that says what happens, as for an audience
    #[arg(long)]
    pub present: bool,
    /// The screen's language; by default that of the locale (LC_ALL, LC_MESSAGES, LANG)
    #[arg(long, value_enum, value_name = "LANG")]
    pub lang: Option<Lang>,
}

#[derive(Args, Clone, Debug)]
pub struct BackupArgs {
    /// Where to write; it must not exist yet
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// From this node, as it is there; from the leader unless told
    #[arg(long, value_name = "N")]
    pub node: Option<crate::command::grammar::Node>,
}

#[derive(Args, Clone, Debug)]
pub struct RestoreArgs {
    /// What `epoca backup` has written
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The data folder of the new cluster; it must not exist yet
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// A node of the new cluster, as 1=127.0.0.1:7101; once for each. Unless told, those of the old one
    #[arg(long = "member", value_name = "N=ADDRESS")]
    pub members: Vec<crate::node::Peer>,
}

#[derive(Args, Clone, Debug)]
pub struct InspectArgs {
    /// The data folder of one node, as ./epoca-data/n1, or the file of a backup
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// The first position of the log to show
    #[arg(long, value_name = "P", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub from: u64,
    /// At most so many entries, and so many records
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub limit: u64,
}

/// `5`, `0.5`, `5s` or `500ms`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    let seconds = number.trim().parse::<f64>().map(|number| number * unit);
    match seconds {
        Ok(seconds) if (0.001..=86_400.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("a deadline is a number of seconds above 0, as 5, or has a unit, as 500ms".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_has_no_contradictions() {
        Cli::command().debug_assert();
    }

    #[test]
    fn deadlines_are_seconds_or_have_a_unit() {
        assert_eq!(duration("5"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("0.25s"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for wrong in ["", "0", "-1", "soon", "nan", "1e99"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn options_for_all_commands_may_stand_behind_the_command() {
        let cli = Cli::try_parse_from(["epoca", "get", "x", "--output", "json", "--connect", "a:1,b:2"]).unwrap();
        assert_eq!(cli.global.output, Format::Json);
        assert_eq!(cli.global.connect, ["a:1", "b:2"]);
    }

    #[test]
    fn what_is_typed_beats_the_environment_wherever_it_stands() {
        let read = |words: &[&str], variable: &str| {
            let words = std::iter::once(&"epoca").chain(words);
            let Global { connect, named, .. } =
                Cli::read_from(words, Some(variable.into())).expect("it is read").global;
            (named, connect)
        };
        let there = vec!["c:1".to_owned(), "d:2".to_owned()];
        assert_eq!(read(&["get", "x"], "c:1,d:2"), (Named::Environment, there.clone()));
        assert_eq!(read(&["status"], " c:1, d:2, "), (Named::Environment, there));
        assert_eq!(read(&["status"], ""), (Named::Nothing, vec![]));
        for words in [["--data", "folder", "status"], ["status", "--data", "folder"]] {
            assert_eq!(read(&words, "c:1"), (Named::Typed, vec![]));
        }
        for words in [["--connect", "a:1", "status"], ["status", "--connect", "a:1"]] {
            assert_eq!(read(&words, "c:1"), (Named::Typed, vec!["a:1".to_owned()]));
        }
    }

    #[test]
    fn a_node_has_a_data_folder_of_its_own() {
        let words = ["epoca", "node", "--id", "1", "--listen", "127.0.0.1:1", "--data", "folder"];
        assert!(matches!(Cli::try_parse_from(words).unwrap().said, Some(Said::Node(_))));
    }
}
