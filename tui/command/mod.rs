//! The command line's grammar and the commands themselves: the same for the shell and for the console's prompt.
//!
//! ```text
//!   a line of the prompt ── parse_line ──┐
//!                                        ├── Command ── execute ── Outcome: lines, JSON, exit code
//!   the shell's arguments ── clap ───────┘
//! ```
//!
//! Commands that only the shell has (`node`, `cluster`, `verify`, `inspect`, `backup`, `restore`) have a file each and
//! no part in the grammar. Sentences for people are in [`messages`], in every language.

pub mod execute;

mod batch;

mod bench;

pub mod watch;

mod lab;

mod members;

pub mod messages;

pub mod columns;

pub mod table;

pub mod text;

pub mod options;

pub mod signals;

pub mod find;

pub mod print;

pub mod streams;

pub mod log_lines;

pub mod listing;

pub mod get;

pub mod node_options;

pub mod node;

pub mod inspect;

pub mod backup;

pub mod cluster;

pub mod verify;

pub mod grammar;

pub mod outcome;

pub mod parse;

pub use execute::{Context, execute};
pub use grammar::Command;
pub use outcome::{Exit, Line, Outcome, Tone};
pub use parse::{CommandHelp, command_help, parse_line};
