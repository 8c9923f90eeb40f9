//! The tape: what was observed of a cluster, record by record, so that it can be viewed again, checked and exported.
//!
//! ```text
//!   console, scenario, `epoca record` ──► Record ──► Ring      (memory, bounded, with keyframes: looking back)
//!                                           │
//!                                           ├──────► Recorder ──► FILE (JSON lines) ──► read ──► `epoca replay`
//!                                           └──────► Checker  (invariants, linearizability)
//! ```
//!
//! Nothing here knows the screen. For the console's update a record is a message like one from a live node.

mod order;

mod record;

mod ring;

mod json;

mod file;

mod recorder;

mod cluster_recorder;

mod check;

mod export;

pub mod command;

pub use check::{Checker, Finding, LINEARIZABLE, Linearizable, Verdict, check, is_judged, names as check_names};
pub use cluster_recorder::{ClusterRecorder, Tap, process_state};
pub use command::evidence_lines;
#[cfg(test)]
pub use file::read_as_written;
pub use file::{FileError, read};
pub use order::{answer_step, each, observed_step, process_step};
#[cfg(test)]
pub use order::{delayed, sorted};
pub use record::{Mark, MarkKind, ProcessSeen, Record, What, reduced};
pub use recorder::Recorder;
pub use ring::{Limits, Ring};
