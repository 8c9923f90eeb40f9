//! Chaos on real processes: killed, paused, cut off and restarted nodes while clients work, and power cuts.
//!
//! `SEED` chooses what happens, `SECONDS` and `ROUNDS` how long the long versions run. Threads and processes keep their
//! own time, so a seed repeats the schedule, not each message.

mod support;

mod nemesis;

mod clients;

mod pinned;

mod locals;

mod histories;

mod traps;

mod failover;

// The disk that keeps only what was synced is preloaded as Linux does it.
#[cfg(target_os = "linux")]
mod disk;

#[cfg(target_os = "linux")]
mod power;
