//! The client library: finds the leader, writes and reads with a deadline, looks at nodes and watches them.
//!
//! An operation ends in one of three ways: it is done, it is definitely not done, or its outcome is unknown. A write
//! that was lost on the way is tried again under its own name until the deadline, and applied once: a change of leader
//! is no more than a delay. Unknown ([`ClientError::Unknown`]) is left for a deadline that passes before anybody could
//! say what became of the write; it is never reported as failed. An overloaded node has taken nothing: the operation
//! waits and is tried again, and if the deadline passes meanwhile, it ends as overloaded, which is definite.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use bytes::Bytes;
//! use epoca::client::{BatchChange, Client, ClientError, CompareAndSet, Consistency, Options};
//! use epoca::protocol::Expect;
//!
//! # async fn example() -> Result<(), ClientError> {
//! let options = Options { timeout: Duration::from_secs(10), ..Options::default() };
//! let client = Client::connect(&["127.0.0.1:7101".to_owned()], options).await?;
//!
//! let written = client.put(Bytes::from("balance"), Bytes::from("100")).await?;
//! let record = client.get(Bytes::from("balance"), Consistency::Linearizable, None).await?;
//! assert_eq!(record.map(|record| record.value), Some(Bytes::from("100")));
//!
//! // Only if nobody else has written it since.
//! let expect = Expect::Revision(written.revision);
//! match client.compare_and_set(Bytes::from("balance"), expect, Bytes::from("90")).await? {
//!     CompareAndSet::Done(written) => println!("done as {}", written.id),
//!     CompareAndSet::NotEqual { revision, .. } => println!("somebody wrote revision {revision:?}"),
//! }
//!
//! // All or nothing.
//! client
//!     .batch(vec![
//!         BatchChange::Put { key: Bytes::from("balance"), value: Bytes::from("80") },
//!         BatchChange::Delete { key: Bytes::from("reserved") },
//!     ])
//!     .await?;
//!
//! // Every committed change from here on, once and in order, across changes of leader.
//! let mut watching = client.watch(Bytes::from("balance"), Some(written.revision)).await?;
//! let first = watching.next().await?;
//! println!("revision {} made it {:?}", first.revision, first.value);
//! # Ok(())
//! # }
//! ```
//!
//! Whole programs are in `node/client/examples`: a counter with compare-and-set, a watcher that resumes, writes that
//! are applied once while leaders are killed.
//!
//! It knows only the wire, and shows none of its types.

mod error;

mod reason;

mod types;

mod leader;

mod nodes;

mod stream;

mod sessions;

mod backoff;

mod requests;

mod listing;

mod writes;

mod changes;

mod status;

mod members;

mod elections;

mod processes;

mod faults;

pub mod watch;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

pub use crate::wire::address::check_address;
pub use crate::wire::done::Done;
pub use crate::wire::doubt::Doubt;
pub use crate::wire::note::Note;
pub use crate::wire::refusal::{DisksLost, Refusal};
pub use changes::Watching;
pub use error::ClientError;
pub use faults::Handling;
pub use listing::{Listing, LogListing};
pub use reason::Reason;
pub use types::{
    BatchChange, Changed, CompareAndSet, Consistency, InForce, LogLine, NodeStatus, Process, ProcessState, Processes,
    Record, Reported, Written,
};

use crate::protocol::{ClusterId, NodeId};
use crate::wire::address::is_address;
use leader::Finder;
use nodes::Nodes;
use sessions::Sessions;

/// How a client behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// The deadline of each operation.
    pub timeout: Duration,
    /// The address of the launcher that started the nodes, where there is one: kill, restart, pause and resume go
    /// through it.
    pub launcher: Option<String>,
    /// The cluster that must answer, if it is known: 16 bytes.
    pub cluster: Option<Vec<u8>>,
    /// After an answer "overloaded" wait and try again until the deadline. Without it the first such answer is the
    /// result: for whoever measures.
    pub wait_when_overloaded: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { timeout: Duration::from_secs(5), launcher: None, cluster: None, wait_when_overloaded: true }
    }
}

/// A cluster as a client sees it. Cheap to clone: clones share connections and sessions.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    /// The deadline of each operation.
    timeout: Duration,
    wait_when_overloaded: bool,
}

struct Shared {
    options: Options,
    nodes: Nodes,
    finder: Finder,
    /// One survey of all nodes at a time, however many operations wait for its result.
    surveying: Semaphore,
    sessions: Sessions,
    /// The cluster that the watchers of this client's nodes have met.
    watched_cluster: Arc<OnceLock<ClusterId>>,
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

    /// A client of nodes that need not run yet: the first operation connects.
    ///
    /// ```
    /// use epoca::client::{Client, ClientError, Options};
    ///
    /// assert!(Client::new(&["127.0.0.1:7101".to_owned()], Options::default()).is_ok());
    /// let wrong = Client::new(&["127.0.0.1".to_owned()], Options::default());
    /// assert!(matches!(wrong.map(drop), Err(ClientError::BadAddress { .. })));
    /// ```
    pub fn new(addresses: &[String], options: Options) -> Result<Client, ClientError> {
        let nodes = Nodes::new(addresses, options.cluster.clone())?;
        let shared = Shared {
            options,
            nodes,
            finder: Finder::default(),
            surveying: Semaphore::new(1),
            sessions: Sessions::default(),
            watched_cluster: Arc::default(),
        };
        let Options { timeout, wait_when_overloaded, .. } = shared.options;
        Ok(Client { shared: Arc::new(shared), timeout, wait_when_overloaded })
    }

    /// The same client with another deadline: in step mode a write takes as long as a person takes to walk it.
    pub fn with_timeout(&self, timeout: Duration) -> Client {
        Client { timeout, ..self.clone() }
    }

    /// The same client, which gives an answer "overloaded" to its caller at once.
    pub fn that_tells_overload(&self) -> Client {
        Client { wait_when_overloaded: false, ..self.clone() }
    }

    pub fn options(&self) -> &Options {
        &self.shared.options
    }

    /// All nodes known so far, with their addresses.
    pub fn nodes(&self) -> Vec<(NodeId, String)> {
        self.shared.nodes.ids()
    }

    /// What a watcher of this cluster's node expects at its address. All watchers that share it follow one cluster: a
    /// node of another one is refused, also one that was founded later at the same addresses.
    pub fn expected(&self, node: NodeId) -> watch::Expected {
        watch::Expected { node: Some(node), cluster: Some(Arc::clone(&self.shared.watched_cluster)) }
    }

    /// The cluster that answers: its id of 16 bytes, once a node that belongs to one has answered.
    pub fn cluster(&self) -> Option<Vec<u8>> {
        self.shared.nodes.cluster()
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// When an operation goes on without a node that has not answered: after this time, or a fifth of the deadline if
    /// that is longer. Who gives more time has a slower machine or network.
    fn silence(&self, least: Duration) -> Instant {
        Instant::now() + least.max(self.timeout / 5).min(self.timeout)
    }
}

#[cfg(test)]
mod tests;
