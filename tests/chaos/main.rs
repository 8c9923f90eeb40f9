//! Chaos on real processes: killed, paused, cut off and restarted nodes while clients work, and power cuts.
//!
//! `SEED` chooses what happens, `SECONDS` and `ROUNDS` how long the long versions run. Threads and processes keep their
//! own time, so a seed repeats the schedule, not each message.

mod support;

mod nemesis;

mod clients;

mod locals;

mod histories;

mod failover;
