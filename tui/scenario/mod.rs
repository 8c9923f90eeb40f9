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

mod script;

mod parse;

mod library;

mod listener;

mod names;

mod check;

mod load;

mod chaos;

mod restore;

mod target_cluster;

mod leadership;

mod excerpt;

mod report_events;

mod late_answers;

mod run;

mod report;

pub mod command;

pub use library::{all, find, names as library_names};
pub use restore::leave as leave_in_order;
pub use report::{evidence_text, points_of, points_text};
pub use run::{RunOptions, run};
pub use script::{ItemKind, Points, Script};
pub use target_cluster::Stage;
#[cfg(test)]
pub use report_events::Evidence;
pub use report_events::{Done, Run, Told, Verdict, is_heading};
