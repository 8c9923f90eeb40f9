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

mod keys;

mod layout;

mod update;

mod text;

pub mod words;

mod theme;

mod view;

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
use crate::command::conduct::Conduct;

use crate::lang::Lang;
pub use app::RecordTarget;
pub use theme::Theme;

/// Finds a cluster that runs. Where to look is known where the command line is read.
pub type Connect = Pin<Box<dyn Future<Output = Result<Client, Outcome>> + Send>>;

/// Where the nodes come from that the console shows.
pub enum Source {
    /// Start a local lab cluster, and end it on quit.
    Demo { nodes: Option<u64>, data: PathBuf, base_port: u16, fresh: bool, conduct: Conduct },
    /// Show nodes that run already; gives a client of theirs.
    Connect(Connect),
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
    pub record: Option<RecordTarget>,
}

/// Opens the console and gives how it ended. Refuses where there is no terminal.
pub fn run(options: ConsoleOptions) -> ExitCode {
    app::run(options)
}
