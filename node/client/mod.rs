//! The client library: finds the leader, writes and reads with a deadline, looks at nodes and watches them.
//!
//! An operation ends in one of three ways: done, definitely not done, or unknown. The client retries a write under its
//! own name until the deadline, and the cluster applies it once, so a change of leader is only a delay. An operation is
//! unknown ([`ClientError::Unknown`]) if the deadline passes before any node has said whether the write was committed;
//! it is never reported as failed. An overloaded node has done nothing: the client waits and retries, and if the
//! deadline passes meanwhile the operation ends as overloaded, which is definite.
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
//! // Only if no other client has written it since.
//! let expect = Expect::Revision(written.revision);
//! match client.compare_and_set(Bytes::from("balance"), expect, Bytes::from("90")).await? {
//!     CompareAndSet::Done(written) => println!("done as {}", written.id),
//!     CompareAndSet::NotEqual { revision, .. } => println!("another client wrote revision {revision:?}"),
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
//! // Every committed change from here on, exactly once and in order, across changes of leader.
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
//! The API has none of the wire's types.

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

pub use crate::protocol::apply::Record;
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
    Reported, Written,
};

use crate::protocol::{ClusterId, NodeId};
use crate::wire::address::is_address;
use leader::Finder;
use nodes::Nodes;
use sessions::Sessions;

/// The options of a client.
#[derive(Clone, Debug)]
pub struct Options {
    /// The deadline of each operation.
    pub timeout: Duration,
    /// The address of the launcher that started the nodes, if there is one. Kill, restart, pause and resume go through
    /// it.
    pub launcher: Option<String>,
    /// The cluster that must answer, if it is known: an id of 16 bytes.
    pub cluster: Option<Vec<u8>>,
    /// Whether to wait and retry after an overload until the deadline. If not, the first overload is the result, as a
    /// measurement needs it.
    pub wait_when_overloaded: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { timeout: Duration::from_secs(5), launcher: None, cluster: None, wait_when_overloaded: true }
    }
}

/// A client of one cluster. Cheap to clone: clones share connections and sessions.
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
    /// Allows one survey of all nodes at a time; all waiting operations share its result.
    surveying: Semaphore,
    sessions: Sessions,
    /// The cluster that the watchers of this client's nodes have found.
    watched_cluster: Arc<OnceLock<ClusterId>>,
}

impl Client {
    /// Connects to a cluster through any of its nodes; the others are learned from them. Fails immediately if none of
    /// the addresses accepts a connection, and at the deadline if one does but no node answers.
    pub async fn connect(addresses: &[String], options: Options) -> Result<Client, ClientError> {
        let client = Client::new(addresses, options)?;
        client.meet(client.deadline()).await?;
        Ok(client)
    }

    /// Like [`Client::new`], for nodes whose ids are known.
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

    /// The same client with another deadline, for step mode, in which a write takes as long as a person needs.
    pub fn with_timeout(&self, timeout: Duration) -> Client {
        Client { timeout, ..self.clone() }
    }

    /// The same client, which returns an overload immediately.
    pub fn that_tells_overload(&self) -> Client {
        Client { wait_when_overloaded: false, ..self.clone() }
    }

    /// The options that the client was made with.
    pub fn options(&self) -> &Options {
        &self.shared.options
    }

    /// The nodes known so far, with their addresses.
    pub fn nodes(&self) -> Vec<(NodeId, String)> {
        self.shared.nodes.ids()
    }

    /// What a watcher expects of the node at an address. Watchers that share it follow one cluster: a node of another
    /// cluster at the same address is rejected, also one that was founded later.
    pub fn expected(&self, node: NodeId) -> watch::Expected {
        watch::Expected { node: Some(node), cluster: Some(Arc::clone(&self.shared.watched_cluster)) }
    }

    /// The id of the cluster that answers, 16 bytes; `None` until a node that belongs to one has answered.
    pub fn cluster(&self) -> Option<Vec<u8>> {
        self.shared.nodes.cluster()
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// After this long an operation continues without a node that has not answered; a fifth of the deadline if that is
    /// longer, for slow machines and networks.
    fn silence(&self, least: Duration) -> Instant {
        Instant::now() + least.max(self.timeout / 5).min(self.timeout)
    }
}

#[cfg(test)]
mod tests;
