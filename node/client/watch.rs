//! Watching one node: a snapshot, then its events, over connections that are made again by themselves.
//!
//! What the events mean for the node's state is the fold's business ([`NodeState::fold`]), not that of this file.

use std::time::Duration;

use tokio::sync::mpsc;
use tonic::Streaming;

use crate::client::nodes::{connect, root_cause};
use crate::protocol::trace::{Event, NodeState};
use crate::protocol::{NodeId, Time};
use crate::wire::convert::{Malformed, NodeSnapshot, Observation};
use crate::wire::endpoint::MESSAGE_BYTES_MAX;
use crate::wire::proto;
use crate::wire::proto::control_client::ControlClient;

/// How many observations wait for a slow receiver; beyond that the node's own bounded ring throws the oldest away and
/// says so.
const QUEUE: usize = 256;
/// Between two attempts to connect. Short, so that a node that was started again is heard before others tell for long
/// what it sends them; an attempt at a port where nothing listens costs next to nothing.
const PAUSE: Duration = Duration::from_millis(50);
/// A node that gives no first observation within this hangs.
const FIRST_ANSWER: Duration = Duration::from_secs(2);

/// What a watcher sees, in order. After `Lost` and after `Disconnected` the next is a `Snapshot`.
#[allow(clippy::large_enum_variant, reason = "snapshots are few, and whoever watches takes them apart at once")]
#[derive(Clone, PartialEq, Debug)]
pub enum Observed {
    Snapshot {
        snapshot: NodeState,
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
    /// The node is not reachable, and why; told once until it is reachable again.
    Disconnected(String),
}

/// Watches the node at `address` (`127.0.0.1:7101`) until the receiver is dropped. Must be called inside a tokio
/// runtime. A snapshot has at most `tail` entries of the log's end; 0 means the node's default.
pub fn watch(address: impl Into<String>, tail: u64) -> mpsc::Receiver<Observed> {
    let (observed, receiver) = mpsc::channel(QUEUE);
    let address = address.into();
    tokio::spawn(async move {
        tokio::select! {
            () = watch_for_ever(&address, tail, &observed) => {}
            () = observed.closed() => {}
        }
    });
    receiver
}

async fn watch_for_ever(address: &str, tail: u64, observed: &mpsc::Sender<Observed>) {
    let mut told = false;
    loop {
        let why = match open(address, tail).await {
            Ok(stream) => {
                told = false;
                forward(address, stream, observed).await
            }
            Err(why) => why,
        };
        if !told && observed.send(Observed::Disconnected(why)).await.is_err() {
            return;
        }
        told = true;
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

/// Hands observations over until the stream ends; gives the reason.
async fn forward(
    address: &str,
    mut stream: Streaming<proto::Observation>,
    observed: &mpsc::Sender<Observed>,
) -> String {
    let mut watched = None;
    loop {
        let observation = match stream.message().await {
            Ok(Some(observation)) => observation,
            Ok(None) => return format!("{address} ended the stream"),
            Err(status) => return format!("{address}: {}", root_cause(&status)),
        };
        match translate(&mut watched, observation) {
            Ok(observation) => {
                if observed.send(observation).await.is_err() {
                    return "nobody watches any more".to_owned();
                }
            }
            Err(error) => return format!("{address}: {error}"),
        }
    }
}

/// The wire names the node in its snapshot only, which comes first.
fn translate(watched: &mut Option<NodeId>, observation: proto::Observation) -> Result<Observed, Malformed> {
    if let Some(proto::observation::Observation::Snapshot(snapshot)) = &observation.observation {
        *watched = Some(NodeId(snapshot.node));
    }
    let watched = watched.ok_or(Malformed::Missing("snapshot"))?;
    Ok(match Observation::from_wire(watched, observation)? {
        Observation::Snapshot(node) => {
            let NodeSnapshot { snapshot, time, pid, notes, cuts, holds, lab } = *node;
            Observed::Snapshot { snapshot, time, pid, notes, cuts, holds, lab }
        }
        Observation::Events(events) => Observed::Events(events),
        Observation::Lost(events) => Observed::Lost(events),
    })
}
