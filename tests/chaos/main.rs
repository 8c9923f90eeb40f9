//! Chaos on real processes: killed, paused, cut off and restarted nodes while clients work, and power cuts.
//!
//! `SEED` selects the schedule; `SECONDS` and `ROUNDS` set the length of the long versions. Threads and processes run
//! in real time, so a seed repeats the schedule, not each message.

mod support;

mod nemesis;

mod clients;

mod pinned;

mod locals;

mod histories;

mod traps;

mod failover;

// The library of the simulated disk is preloaded with Linux's `LD_PRELOAD`.
#[cfg(target_os = "linux")]
mod disk;

#[cfg(target_os = "linux")]
mod power;
