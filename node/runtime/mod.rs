//! A running node: the loop that owns the core, and all that carries out what the core decides.
//!
//! Everything runs on one thread but what waits for the disk: the log's flushes have the storage's thread, the final
//! database one of its own, long reads the blocking pool. Nothing here decides anything of the protocol.
//!
//! In reading order: the [`options`] and errors; [`host`], the loop, and what it hears (`inbox`), does (`carry`,
//! `asked`, `lab`) and leaves in order (`farewell`); durability (`flush`), the final database's thread, the watchers'
//! hub.

mod options;

mod error;

mod start;

mod signals;

mod retreat;

mod company;

mod host;

mod inbox;

mod carry;

mod asked;

mod lab;

mod members;

mod farewell;

mod flush;

mod database;

mod effects;

mod hub;

mod records;

mod clock;

#[cfg(test)]
mod tests;

pub use error::NodeError;
pub use options::{NodeOptions, SnapshotOptions};
pub use start::run;

pub use crate::lab::Wrong;
pub use crate::rpc::links::{check_address, is_unspecified};
