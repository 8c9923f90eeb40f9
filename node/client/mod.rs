//! The client library: finds the leader, writes and reads with a deadline, looks at nodes and watches them.
//!
//! An operation ends in one of three ways: it is done, it is definitely not done, or its outcome is unknown. Unknown is
//! an outcome of its own ([`ClientError::Unknown`]), never reported as failed and never retried: the entry may be in a
//! log already, and a second one would be a second write.
//!
//! It knows only the wire, and shows none of its types.

mod error;

mod types;

mod leader;

mod nodes;

mod stream;

mod requests;

mod status;

mod faults;

mod lab;

pub mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

pub use error::ClientError;
pub use lab::Handling;
pub use types::{Consistency, InForce, LogLine, NodeStatus, Process, Processes, Record, Reported, Written};

use crate::protocol::NodeId;
use crate::rpc::wire;
use leader::Finder;
use nodes::Nodes;

/// How a client behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// The deadline of each operation.
    pub timeout: Duration,
    /// The address of the launcher that started the nodes, where there is one: kill, restart, pause and resume go through
    /// it.
    pub launcher: Option<String>,
    /// The cluster that must answer, if it is known: 16 bytes.
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
    shared: Arc<Shared>,
}

struct Shared {
    options: Options,
    nodes: Nodes,
    finder: Finder,
    /// One survey of all nodes at a time, however many operations wait for its result.
    surveying: Semaphore,
    /// Random per client.
    session: u64,
    sequence: AtomicU64,
}

impl Client {
    /// Connects to a cluster by any of its nodes' addresses; the others are learned from them. Fails at once if none of
    /// the addresses takes a connection, and at the deadline if one does but nobody answers.
    pub async fn connect(addresses: &[String], options: Options) -> Result<Client, ClientError> {
        let client = Client::new(addresses, options)?;
        client.meet(client.deadline()).await?;
        Ok(client)
    }

    /// As [`Client::new`], of nodes whose ids are known.
    pub fn of_nodes(nodes: &[(NodeId, String)], options: Options) -> Result<Client, ClientError> {
        let addresses: Vec<String> = nodes.iter().map(|(_, address)| address.clone()).collect();
        let client = Client::new(&addresses, options)?;
        client.shared.nodes.name(nodes);
        Ok(client)
    }

    /// A client of nodes that need not run yet: whoever is there is found by the first operation.
    pub fn new(addresses: &[String], options: Options) -> Result<Client, ClientError> {
        let nodes = Nodes::new(addresses, options.cluster.clone())?;
        let session = getrandom::u64().map_err(|error| ClientError::NoRandom(error.to_string()))?;
        let shared = Shared {
            options,
            nodes,
            finder: Finder::default(),
            surveying: Semaphore::new(1),
            session,
            sequence: AtomicU64::new(0),
        };
        Ok(Client { shared: Arc::new(shared) })
    }

    pub fn options(&self) -> &Options {
        &self.shared.options
    }

    /// All nodes known so far, with their addresses.
    pub fn nodes(&self) -> Vec<(NodeId, String)> {
        self.shared.nodes.ids()
    }

    /// The cluster that answers: its id of 16 bytes, once a node that belongs to one has answered.
    pub fn cluster(&self) -> Option<Vec<u8>> {
        self.shared.nodes.cluster()
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.shared.options.timeout
    }

    /// The name of a new write.
    fn name(&self) -> wire::WriteName {
        let sequence = self.shared.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        wire::WriteName { session: self.shared.session, sequence }
    }
}
