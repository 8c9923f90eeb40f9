//! Scenarios: texts that say what is done to a cluster and what its nodes must be seen to do, and what runs them.
//!
//! ```text
//!   library/*.txt, a user's file ── parse ──► Script ── run ──► Told: each action, each tick with its evidence
//!                                               │                  │
//!        a cluster of its own, or one that runs ┘                  └──► Run ──► verdict, report; the console's pane
//! ```
//!
//! Nothing is ticked by assertion: an expectation is met by events of the nodes' traces, by answers of commands, by
//! final data that was read, by what lies on a disk. What is absent on purpose: drawing, and any knowledge of the
//! protocol beyond its trace.

mod lang;

mod script;

mod parse;

mod library;

mod ears;

mod names;

mod check;

mod load;

mod chaos;

mod order;

mod stage;

mod steady;

mod excerpt;

mod told;

mod persist;

mod run;

mod report;

pub mod shell;

pub use library::{all, find, names as library_names};
pub use order::leave as leave_in_order;
pub use report::{evidence_text, points_of, points_text};
pub use run::{RunOptions, run};
pub use script::{ItemKind, Points, Script};
pub use stage::Stage;
#[cfg(test)]
pub use told::Evidence;
pub use told::{Done, Run, Told, Verdict, is_heading};
