//! Watches one node: a snapshot of its state, then its events, over connections that are made again automatically.
//!
//! What the events mean for the node's state is left to [`NodeState::fold`].

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::mpsc;
use tonic::Streaming;

use crate::client::nodes::{connect, root_cause};
use crate::protocol::trace::{Event, NodeState};
use crate::protocol::{ClusterId, NodeId, Time};
use crate::wire::convert::{Malformed, NodeSnapshot, Observation};
use crate::wire::endpoint::MESSAGE_BYTES_MAX;
use crate::wire::note::Note;
use crate::wire::proto;
use crate::wire::proto::control_client::ControlClient;

/// The most observations that wait for a slow receiver. Beyond it the node's own bounded ring discards the oldest ones
/// and reports how many.
const QUEUE: usize = 256;
/// The pause between two attempts to connect. It is short, so that a restarted node is watched before the others report
/// its messages; an attempt at a port that nothing listens on is cheap.
const PAUSE: Duration = Duration::from_millis(50);
/// A node without a first observation after this long counts as hanging.
const FIRST_ANSWER: Duration = Duration::from_secs(2);

/// What a watcher receives, in order. After `Lost` and `Disconnected` a `Snapshot` follows.
#[allow(clippy::large_enum_variant, reason = "snapshots are few and are taken apart at once")]
#[derive(Clone, PartialEq, Debug)]
pub enum Observed {
    /// The state at the beginning of the watch, and after events were lost.
    Snapshot {
        /// The node's state.
        snapshot: NodeState,
        /// The node's time of the snapshot.
        time: Time,
        /// The process id.
        pid: u32,
        /// What an operator should know about the node's start.
        notes: Vec<Note>,
        /// Whether faults can be injected.
        lab: bool,
    },
    /// In order, without gaps.
    Events(Vec<Event>),
    /// The number of events that were discarded because this watcher was too slow.
    Lost(u64),
    /// The node cannot be reached, and why. Sent once until it can be reached again.
    Disconnected(String),
}

/// Which node a watcher expects at an address. After a node has ended, a node of another cluster may listen on its
/// port; it must not be taken for this one.
#[derive(Clone, Default, Debug)]
pub struct Expected {
    /// `None`: any node.
    pub node: Option<NodeId>,
    /// The cluster that the node belongs to. Watchers of one cluster share the cell: the first node that names a
    /// cluster sets it. `None`: any cluster.
    pub cluster: Option<Arc<OnceLock<ClusterId>>>,
}

impl Expected {
    fn check(&self, found: &NodeSnapshot) -> Result<(), String> {
        let node = found.snapshot.node;
        if self.node.is_some_and(|expected| expected != node) {
            return Err(format!("another node answers there, {node}"));
        }
        if let (Some(expected), Some(cluster)) = (&self.cluster, found.cluster)
            && *expected.get_or_init(|| cluster) != cluster
        {
            return Err(format!("{node} of another cluster answers there"));
        }
        Ok(())
    }
}

/// Watches any node that answers at `address`, like [`watch_expected`].
pub fn watch(address: impl Into<String>, tail: u64) -> mpsc::Receiver<Observed> {
    watch_expected(address, Expected::default(), tail)
}

/// Watches the node at `address` (`127.0.0.1:7101`) until the receiver is dropped. Must be called inside a tokio
/// runtime. A snapshot has at most `tail` entries from the end of the log; 0 means the node's default. While another
/// node than the expected one answers there, the node counts as disconnected.
pub fn watch_expected(address: impl Into<String>, expected: Expected, tail: u64) -> mpsc::Receiver<Observed> {
    let (observed, receiver) = mpsc::channel(QUEUE);
    let address = address.into();
    tokio::spawn(async move {
        tokio::select! {
            () = watch_for_ever(&address, &expected, tail, &observed) => {}
            () = observed.closed() => {}
        }
    });
    receiver
}

async fn watch_for_ever(address: &str, expected: &Expected, tail: u64, observed: &mpsc::Sender<Observed>) {
    let mut disconnected = false;
    loop {
        let why = match open(address, tail).await {
            Ok(stream) => forward(address, expected, stream, observed, || disconnected = false).await,
            Err(why) => why,
        };
        if !disconnected && observed.send(Observed::Disconnected(why)).await.is_err() {
            return;
        }
        disconnected = true;
        tokio::time::sleep(PAUSE).await;
    }
}

async fn open(address: &str, tail: u64) -> Result<Streaming<proto::Observation>, String> {
    let channel = connect(address).await.map_err(|why| format!("{address}: {why}"))?;
    let mut client = ControlClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
    match tokio::time::timeout(FIRST_ANSWER, client.observe(proto::ObserveRequest { tail })).await {
        Ok(Ok(answer)) => Ok(answer.into_inner()),
        Ok(Err(status)) => Err(format!("{address}: {}", root_cause(&status))),
        Err(_) => Err(format!("{address} does not answer")),
    }
}

/// Passes observations on until the stream ends; returns the reason. Calls `answered` for each.
async fn forward(
    address: &str,
    expected: &Expected,
    mut stream: Streaming<proto::Observation>,
    observed: &mpsc::Sender<Observed>,
    mut answered: impl FnMut(),
) -> String {
    let mut watched = None;
    loop {
        let observation = match stream.message().await {
            Ok(Some(observation)) => observation,
            Ok(None) => return format!("{address} ended the stream"),
            Err(status) => return format!("{address}: {}", root_cause(&status)),
        };
        match translate(&mut watched, expected, observation) {
            Ok(observation) => {
                answered();
                if observed.send(observation).await.is_err() {
                    return "the watcher is gone".to_owned();
                }
            }
            Err(why) => return format!("{address}: {why}"),
        }
    }
}

/// The wire names the node only in its snapshot, which comes first.
fn translate(
    watched: &mut Option<NodeId>,
    expected: &Expected,
    observation: proto::Observation,
) -> Result<Observed, String> {
    if let Some(proto::observation::Observation::Snapshot(snapshot)) = &observation.observation {
        *watched = Some(NodeId(snapshot.node));
    }
    let watched = watched.ok_or(Malformed::Missing("snapshot")).map_err(|error| error.to_string())?;
    Ok(match Observation::from_wire(watched, observation).map_err(|error| error.to_string())? {
        Observation::Snapshot(node) => {
            expected.check(&node)?;
            let NodeSnapshot { snapshot, time, pid, notes, lab, .. } = *node;
            Observed::Snapshot { snapshot, time, pid, notes, lab }
        }
        Observation::Events(events) => Observed::Events(events),
        Observation::Lost(events) => Observed::Lost(events),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(node: u64, cluster: Option<u8>) -> NodeSnapshot {
        NodeSnapshot {
            snapshot: NodeState::new(NodeId(node)),
            time: Time(0),
            pid: 1,
            notes: Vec::new(),
            lab: true,
            cluster: cluster.map(|cluster| ClusterId([cluster; 16])),
        }
    }

    #[test]
    fn a_node_that_took_over_the_port_of_a_dead_one_does_not_pass_for_it() {
        let cluster = Arc::new(OnceLock::new());
        let expected = |node| Expected { node: Some(NodeId(node)), cluster: Some(Arc::clone(&cluster)) };
        assert_eq!(expected(5).check(&found(5, None)), Ok(()), "it belongs to no cluster yet");
        assert_eq!(expected(1).check(&found(1, Some(7))), Ok(()));
        assert!(expected(5).check(&found(1, Some(7))).is_err(), "another node");
        assert!(expected(5).check(&found(5, Some(8))).is_err(), "the same id in another cluster");
        assert_eq!(expected(5).check(&found(5, Some(7))), Ok(()));
        assert_eq!(Expected::default().check(&found(3, Some(8))), Ok(()));
    }
}
