//! Verification of the protocol: invariants over trace events, a checker for linearizability, an in-memory node, and a
//! seeded simulator. Tests, the command line and the console share them.
//!
//! It depends on `protocol` alone, and runs without clocks, threads, disks or sockets. The exception is `patience`,
//! with which tests and scenarios wait for real processes: it measures the machine. That each check detects the bugs
//! that it is for is shown by the mutants (`tests/mutants`) and by `tests/verify`.

pub mod rng;

mod hash;

pub mod host;

pub mod invariants;

pub mod linearizability;

pub mod order;

pub mod patience;

pub mod watching;

pub mod simulator;
