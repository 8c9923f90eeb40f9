//! Epoca: data replication by push, over gRPC.
//!
//! [`client`] reads and writes a cluster, [`runtime::run`] runs a node, [`cluster`] runs a local cluster of processes.
//! [`protocol`] is the protocol without any I/O, [`verify`] its verification.
//!
//! # Modules
//!
//! In reading order, with the modules that each one uses. `tests/tidy` reads this table and fails if the code differs:
//!
//! ```text
//! protocol    uses nothing
//! storage     uses protocol
//! lab         uses protocol
//! verify      uses protocol
//! wire        uses protocol
//! membership  uses protocol wire
//! peers       uses protocol wire membership
//! server      uses protocol wire membership peers
//! runtime     uses protocol wire membership peers server storage lab
//! client      uses protocol wire
//! cluster     uses protocol wire client storage
//! ```
//!
//! - [`protocol`]: the replication protocol as a pure state machine: step(now, input) → outputs. It is the package
//!   `epoca-protocol`.
//! - [`storage`]: intermediate data (the log), final data (the database), snapshots, identity, quarantine.
//! - `lab`: fault injection: rules, and the gate that applies them.
//! - [`verify`]: invariants, simulator, linearizability checker.
//! - [`wire`]: the wire format: generated types, conversions, addresses, endpoints.
//! - `membership`: what a running node knows of its cluster's membership.
//! - `peers`: connections between nodes.
//! - `server`: the gRPC services of a node, and limits on what they admit.
//! - [`runtime`]: the event loop that owns the core and executes its outputs.
//! - [`client`]: the client library.
//! - [`cluster`]: a local cluster of real processes, and its launcher service. It uses `storage` to prepare logs and to
//!   read the member lists of stopped nodes.
//!
//! The command line and the console are the binary in `tui/`, a separate crate that the library cannot name.

#![warn(missing_docs)]

pub use epoca_protocol as protocol;

pub mod storage;

pub(crate) mod lab;

pub mod verify;

pub mod wire;

pub(crate) mod membership;

pub(crate) mod peers;

pub(crate) mod server;

pub mod runtime;

pub mod client;

pub mod cluster;
