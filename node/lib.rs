//! Epoca: data replication by push, over gRPC.
//!
//! The rooms, in reading order, and which others each of them uses. `tests/tidy` reads this table:
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
//! - `protocol`: the replication protocol, pure: step(now, input) → outputs. It is the package `epoca-protocol`.
//! - [`storage`]: intermediate data (the log), final data (the database), snapshots, identity, quarantine.
//! - [`lab`]: fault injection: rules and the gate that applies them.
//! - [`verify`]: the evidence: invariants, simulator, linearizability.
//! - [`wire`]: the wire format: generated types, conversions, addresses, endpoints.
//! - [`membership`]: what a running node knows of its cluster's membership.
//! - [`peers`]: connections between nodes.
//! - [`server`]: the gRPC services of a node, and what they admit.
//! - [`runtime`]: the event loop that owns the core and carries out its effects.
//! - [`client`]: the client library.
//! - [`cluster`]: a local cluster of real processes and its launcher service. It uses `storage` to prepare logs and to
//!   read member lists of nodes that do not run.
//!
//! The console in `tui/` is another crate, the binary: the library cannot name it.

pub use epoca_protocol as protocol;

pub mod storage;

pub mod lab;

pub mod verify;

pub mod wire;

pub mod membership;

pub mod peers;

pub mod server;

pub mod runtime;

pub mod client;

pub mod cluster;
