//! Clients that stay with one node, whether it leads or not: when two nodes believe that they lead, both have readers
//! and writers.
//!
//! A client that finds the leader automatically soon uses the new one, and rarely reaches a deposed leader.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use epoca::client::{Client, Consistency};
use epoca::protocol::{Change, NodeId};
use epoca::verify::linearizability::{Action, Operation};
use epoca::verify::rng::Rng;
use epoca::wire::forwarded::forwarded;
use epoca::wire::proto;
use epoca::wire::proto::client_client::ClientClient;
use tokio::time::{sleep, timeout};
use tonic::transport::{Channel, Endpoint};

use crate::clients::{Clock, KEYS};
use crate::support::{ELECTION_TIMEOUT, scaled};

/// The deadline after which a write's outcome is unknown; the next one is another write.
const PATIENCE: Duration = ELECTION_TIMEOUT;
/// Their session ids are disjoint from those of the other clients.
const WRITERS: u64 = 1_000;
const READERS: u64 = 2_000;

/// Sequential linearizable gets at this node until the clock ends the run.
pub async fn read_at(client: Client, node: NodeId, seed: u64, clock: Arc<Clock>) -> Vec<Operation> {
    let mut rng = Rng::stream(seed, READERS + node.0);
    let mut history = Vec::new();
    while clock.runs() {
        sleep(Duration::from_millis(rng.below(10))).await;
        let key = Bytes::from_static(rng.choose(&KEYS).as_bytes());
        let called = clock.tick();
        // A failed get returned and changed nothing.
        if let Ok(record) = client.get(key.clone(), Consistency::Linearizable, Some(node)).await {
            let (returned, action) = (Some(clock.tick()), Action::Get(record.map(|record| record.value)));
            history.push(Operation { client: READERS + node.0, key, action, called, returned });
        }
    }
    history
}

/// Puts to this node, refused at once unless it believes that it leads, until the clock ends the run.
pub async fn write_at(address: String, node: NodeId, seed: u64, clock: Arc<Clock>) -> Vec<Operation> {
    let mut rng = Rng::stream(seed, WRITERS + node.0);
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address of a node");
    let mut client = ClientClient::new(endpoint.connect_timeout(scaled(PATIENCE)).connect_lazy());
    let mut history = Vec::new();
    for count in 0_u64.. {
        if !clock.runs() {
            break;
        }
        sleep(Duration::from_millis(rng.between(5, 25))).await;
        let key = Bytes::from_static(rng.choose(&KEYS).as_bytes());
        let value = Bytes::from(format!("at-{node}-{count}"));
        let action = Action::Put(value.clone());
        let mut operation = Operation { client: WRITERS + node.0, key, action, called: clock.tick(), returned: None };
        match put(&mut client, operation.key.clone(), value).await {
            Some(true) => operation.returned = Some(clock.tick()),
            Some(false) => continue,
            None => {}
        }
        history.push(operation);
    }
    history
}

/// Whether it was done or definitely not done; `None` is unknown. Marked as forwarded once, so the node does not
/// forward it.
async fn put(client: &mut ClientClient<Channel>, key: Bytes, value: Bytes) -> Option<bool> {
    let request = forwarded(proto::WriteRequest::from(Change::Put { key, value }));
    let answer = timeout(scaled(PATIENCE), client.write(request)).await.ok()?.ok()?;
    match answer.into_inner().outcome? {
        proto::write_response::Outcome::Written(_) => Some(true),
        proto::write_response::Outcome::Refused(_) => Some(false),
        _ => None,
    }
}
