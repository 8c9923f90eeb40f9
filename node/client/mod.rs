//! The client library: finds the leader, writes and reads with a deadline, watches nodes.
//!
//! It knows only the wire. It deliberately never retries a write whose outcome is unknown.

use std::time::Duration;

pub mod watch;

/// How a client behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// The deadline of each operation.
    pub timeout: Duration,
    /// The address of the launcher that started the nodes, where there is one: kill, restart, pause and resume go through
    /// it.
    pub launcher: Option<String>,
    /// The cluster that must answer, if it is known.
    pub cluster: Option<Vec<u8>>,
}

impl Default for Options {
    fn default() -> Options {
        Options { timeout: Duration::from_secs(5), launcher: None, cluster: None }
    }
}

/// A cluster as a client sees it. Cheap to clone: clones share connections and the session.
#[derive(Clone)]
pub struct Client {
    options: Options,
}

impl Client {
    pub fn options(&self) -> &Options {
        &self.options
    }
}
