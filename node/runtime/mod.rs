//! A running node: the loop that owns the core, and all that carries out what the core decides.
//!
//! Everything runs on one thread but what waits for the disk: the log's flushes have the storage's thread, the final
//! database one of its own, long reads the blocking pool. Nothing here decides anything of the protocol.
//!
//! In reading order: the options and errors; the event loop, its alarm and inbox; what it does with the core's outputs
//! (`effects`), with messages, with requests and in a lab (`faults`); how it starts (`start`, `bootstrap`, `quarantine`)
//! and ends (`shutdown`); durability (`flush`), the final database's thread, the observers.

mod options;

mod error;

mod start;

mod signals;

mod quarantine;

mod bootstrap;

mod event_loop;

mod alarm;

mod pending_requests;

mod inbox;

mod effects;

mod control_requests;

mod messages;

mod faults;

mod membership;

mod shutdown;

mod flush;

mod database;

mod final_changes;

mod observers;

mod records;

mod clock;

#[cfg(test)]
mod tests;

pub use error::NodeError;
pub use options::{NodeOptions, SnapshotOptions};
pub use start::run;

pub use crate::lab::Wrong;
pub use crate::wire::address::{check_address, is_unspecified};
