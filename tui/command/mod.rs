//! The command line's grammar, and carrying out what it says: the same for the shell and the console's prompt.
//!
//! ```text
//!   a line of the prompt ── parse_line ──┐
//!                                        ├── Command ── execute ── Outcome: lines, JSON, exit code
//!   the shell's arguments ── clap ───────┘
//! ```

pub mod execute;

mod batch;

mod bench;

pub mod watch;

mod lab;

mod members;

pub mod columns;

pub mod text;

pub mod options;

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
pub use parse::{Word, parse_line, words};
