//! The protocol core, tested without clocks, threads, disks or networks.
//!
//! `world` holds cores, simulated disks and messages; everything else drives it: scenario texts with their whole
//! expected trace, the tables of other implementations, the traps that young implementations fall into, and random
//! schedules with invariants.

mod world;

mod scenario;

mod conformance;

mod traps;

mod watching;

mod random;
