//! A running node: the event loop that owns the core, and everything that carries out the core's decisions.
//!
//! One thread runs the event loop, the services and the links. Only what waits for the disk runs elsewhere: flushes of
//! the log on the storage's thread, the final database on its own thread, long reads on the blocking pool. The
//! decisions of the protocol are made in `protocol`, not here.
//!
//! The road of a write: `server` puts it into the request queue; `inbox` and `event_loop` take it from there;
//! `effects` executes the core's outputs in order; `flush` makes the log durable and holds back messages until it is;
//! `database` applies committed entries; `pending_requests` returns the answer.
//!
//! The rest, in reading order: `options` and `error`; start and end (`start`, `bootstrap`, `quarantine`, `signals`,
//! `shutdown`); messages of other nodes (`messages`, in a lab `faults`); `control_requests`, `observers`,
//! `membership`.

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

pub use crate::protocol::trace::Wrong;
pub use crate::server::ServeError;
pub use crate::wire::address::{check_address, is_unspecified};
pub use crate::wire::endpoint::BadAddress;
