//! The console: a full-screen view of a cluster that can be worked with.
//!
//! ```text
//!   terminal events ─┐
//!   watched nodes ───┼─► Msg ─► update(&mut Model, Msg) ─► Effect ─► app carries it out
//!   outcomes ────────┘               │
//!                                  Model ─► view ─► terminal, only when something changed
//! ```
//!
//! What commands mean is the business of [`crate::command`]; what the protocol does is known from its trace alone.

#![allow(dead_code, reason = "the loop that makes all messages comes with the runtime")]

mod model;

mod update;

mod keys;

mod words;

mod layout;

mod theme;

mod view;

#[cfg(test)]
mod sample;

#[cfg(test)]
mod screens;

use std::process::ExitCode;

pub use theme::Theme;

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
