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

mod model;

mod update;

mod config;

mod input;

mod backend;

mod output;

mod keys;

mod text;

mod panes;

mod palette;

pub mod words;

mod help;

mod layout;

mod theme;

mod view;

mod state;

mod terminal;

mod attach;

mod director;

mod ordered;

mod taps;

mod app;

#[cfg(test)]
mod sample;

#[cfg(test)]
mod screens;

#[cfg(test)]
mod causes;

#[cfg(test)]
mod rewound;

#[cfg(test)]
mod smooth;

#[cfg(test)]
mod staged;

#[cfg(test)]
mod truthful;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::command::node_options::LeadershipArgs;
use crate::command::options::Global;

pub use taps::Wanted;
pub use theme::Theme;
pub use words::Lang;

/// Where the nodes come from that the console shows.
pub enum Source {
    /// Start a local lab cluster, and end it on quit.
    Demo { nodes: Option<u64>, data: PathBuf, base_port: u16, fresh: bool, leadership: LeadershipArgs },
    /// Show nodes that run already, found as the shell's commands find them.
    Connect(Global),
    /// Show a recording; no node is there.
    Replay(PathBuf),
}

pub struct ConsoleOptions {
    pub source: Source,
    pub ascii: bool,
    pub theme: Option<Theme>,
    /// Take clicks and the wheel.
    pub mouse: bool,
    /// Begin with the large banner.
    pub present: bool,
    /// The screen's language; by default the locale's.
    pub lang: Option<Lang>,
    /// The deadline of each operation.
    pub timeout: Duration,
    /// Record all that happens.
    pub record: Option<Wanted>,
}

/// Opens the console and gives how it ended. Refuses where there is no terminal.
pub fn run(options: ConsoleOptions) -> ExitCode {
    app::run(options)
}
