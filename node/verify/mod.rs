//! The evidence that the protocol is right: invariants over trace events, a checker for linearizability, a seeded
//! simulator. Tests, the command line and the console share it.
//!
//! Knows `protocol` alone: what is checked here runs without clocks, threads, disks or sockets; only `patience`, by
//! which tests and scenarios wait for real processes, measures the machine. Nothing here is believed because it never
//! failed: the mutants in `tests/verify` show that each check bites.

pub mod dice;

pub mod invariants;

pub mod linearizability;

pub mod order;

pub mod patience;

pub mod watching;

pub mod simulator;
