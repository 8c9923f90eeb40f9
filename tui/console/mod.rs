//! The console: a full-screen view of a cluster, and a prompt to work with it.
//!
//! ```text
//!   terminal events ─┐
//!   watched nodes ───┼─► Msg ─► update(&mut Model, Msg) ─► Effect ─► app carries it out
//!   outcomes ────────┘               │
//!                                  Model ─► view ─► terminal, only when something changed
//! ```
//!
//! Commands are defined in [`crate::command`]. The console learns what the protocol does from the nodes' trace events
//! alone.
//!
//! The parts, from the lowest; each names only parts above it in this list (`tests/tidy` holds the table):
//!
//! - `text`, `keys`, `theme`: widths of texts, the table of keys, styles
//! - `model`: the state of the screen
//! - `words`: all texts of the screen, in each language
//! - `layout`: which part of the screen is where
//! - `update`: how messages change the model; no input or output
//! - `view`: draws the model; changes nothing
//! - `terminal`: the terminal device: setup, restore, output, input
//! - `export`: recordings as files for other programs
//! - `app`: assembles the parts, runs the event loop, carries out effects

mod model;

mod keys;

mod layout;

mod update;

mod text;

pub mod words;

mod theme;

mod view;

pub mod export;

mod terminal;

mod app;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

use epoca::client::Client;

use crate::command::Outcome;
use crate::command::node_options::LeadershipArgs;

use crate::lang::Lang;
pub use app::RecordTarget;
pub use theme::Theme;

/// Connects to a running cluster. `main` builds it from the command line.
pub type Connect = Pin<Box<dyn Future<Output = Result<Client, Outcome>> + Send>>;

/// Where the nodes on the screen come from.
pub enum Source {
    /// Start a local cluster with `--lab`; stop it on quit.
    Demo { nodes: Option<u64>, data: PathBuf, base_port: u16, fresh: bool, leadership: LeadershipArgs },
    /// Show a running cluster.
    Connect(Connect),
    /// Show a recording. There are no nodes.
    Replay(PathBuf),
}

pub struct ConsoleOptions {
    pub source: Source,
    pub ascii: bool,
    pub theme: Option<Theme>,
    /// Handle clicks and the wheel.
    pub mouse: bool,
    /// Start with the presenter's banner.
    pub present: bool,
    /// Begin with the guided tour of a defense.
    pub defend: bool,
    /// The folder for the speaker notes of a tour.
    pub notes: Option<PathBuf>,
    /// The language of the screen; the locale's by default.
    pub lang: Option<Lang>,
    /// Deadline of each operation.
    pub timeout: Duration,
    /// Record everything to a file.
    pub record: Option<RecordTarget>,
}

/// Runs the console until it is closed. Fails if standard output is not a terminal.
pub fn run(options: ConsoleOptions) -> ExitCode {
    app::run(options)
}
