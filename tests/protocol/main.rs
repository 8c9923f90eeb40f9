//! The protocol core, tested without clocks, threads, disks or networks.
//!
//! `world` contains cores, simulated disks and messages; everything else drives it: scenario texts with their whole
//! expected trace, the tables of other implementations, known traps, and random schedules with invariants.

mod world;

mod scenario;

mod conformance;

mod traps;

mod watching;

mod random;
