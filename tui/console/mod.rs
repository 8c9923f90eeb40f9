//! The console: model, update, view.

use std::process::ExitCode;

/// Where the nodes come from that the console shows.
pub enum Source {
    /// Start a local lab cluster, and end it on quit.
    Demo { nodes: u64, data: std::path::PathBuf, base_port: u16, fresh: bool },
    /// Show nodes that run already.
    Connect(Vec<String>),
}

pub struct ConsoleOptions {
    pub source: Source,
    pub ascii: bool,
    pub theme: Theme,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Theme {
    Dark,
    Light,
}

pub fn run(options: ConsoleOptions) -> ExitCode {
    let ConsoleOptions { source, ascii, theme } = options;
    match source {
        Source::Demo { nodes, data, base_port, fresh } => {
            eprintln!("no console yet: {nodes} {} {base_port} {fresh} {ascii} {theme:?}", data.display())
        }
        Source::Connect(addresses) => eprintln!("no console yet: {addresses:?}"),
    }
    ExitCode::FAILURE
}
