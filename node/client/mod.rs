//! The client library: finds the leader, writes and reads with a deadline, watches nodes.
//!
//! It knows only the wire. It deliberately never retries a write whose outcome is unknown.

pub mod watch;
