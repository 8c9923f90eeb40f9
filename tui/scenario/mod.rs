//! Scenarios: texts with commands for a cluster and expectations about its nodes, and the runner that plays them.
//!
//! ```text
//!   library/*.txt, a user's file ── parse ──► Script ── run ──► ReportEvent: actions, results with their evidence
//!                                               │                  │
//!   a temporary cluster, or one that is running ┘                  └──► Run ──► verdict, report; the console's pane
//! ```
//!
//! No step passes without an observation: an expectation is met by events of the nodes' traces, by answers to commands,
//! by final data that was read, or by data on a disk. This folder neither draws nor knows the protocol beyond its
//! trace.

mod script;

mod presenter;

mod parse;

mod library;

mod listener;

mod names;

mod messages;

mod words;

mod check;

pub mod by_hand;

mod load;

mod chaos;

mod wait;

mod restore;

mod target_cluster;

mod leadership;

mod excerpt;

mod report_events;

mod account;

mod late_answers;

mod sent_command;

mod orders;

mod scene;

mod run;

mod report;

mod recorded;

pub mod notes;

pub mod command;

pub use account::{Run, is_heading};
pub use library::DEFENSE;
pub use library::{all, find, names as library_names};
pub use orders::Orders;
pub use presenter::{Order, Region, Wait};
pub use recorded::{RecordedMark, RecordedRun, recorded_runs};
pub use report::{evidence_text, points_of, points_text};
#[cfg(test)]
pub use report_events::{Evidence, EvidenceKind};
pub use report_events::{ItemResult, ReportEvent, Verdict};
pub use restore::undo_faults;
pub use run::{RunOptions, run_on_orders};
pub use script::{ItemKind, Points, Script};
pub use target_cluster::TargetCluster;
