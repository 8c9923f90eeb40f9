//! Epoca: data replication by push, over gRPC.
//!
//! The house, in reading order. Arrows say who may call whom:
//!
//! ```text
//!   protocol   the replication protocol, pure: step(now, input) → outputs
//!      ▲
//!   storage    intermediate data (the log) and final data (the database)
//!   lab        the gate for faults made on purpose
//!   rpc        gRPC: links between nodes, services for clients and control
//!   runtime    the loop that owns the core and carries out its outputs
//!   verify     the evidence: invariants, simulator, linearizability
//!   client     the client library
//!   cluster    a local cluster of real processes
//! ```
//!
//! `protocol` knows nobody, `verify` only `protocol`. `runtime` knows `protocol`, `storage`, `rpc` and `lab`. `client`
//! knows only the wire, `cluster` only `client`. Nothing here knows the console in `tui/`: the library cannot see the binary.

pub mod protocol;

pub mod storage;

pub mod lab;

pub mod rpc;

pub mod runtime;

pub mod verify;

pub mod client;

pub mod cluster;
