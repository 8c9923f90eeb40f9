//! Clients that write and read a few keys, each in its own session, and record their operations.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use epoca::client::{Client, ClientError, Consistency, Record, Written};
use epoca::protocol::NodeId;
use epoca::verify::linearizability::{Action, Operation};
use epoca::verify::rng::Rng;

use crate::support::NODES;

pub const KEYS: [&str; 3] = ["a", "b", "c"];

/// One logical clock for all clients, of which only the order of ticks matters. It also ends the run.
#[derive(Default)]
pub struct Clock {
    tick: AtomicU64,
    pub over: AtomicBool,
}

impl Clock {
    pub fn tick(&self) -> u64 {
        self.tick.fetch_add(1, Ordering::SeqCst)
    }

    pub fn runs(&self) -> bool {
        !self.over.load(Ordering::SeqCst)
    }
}

/// One client's operations, and the log positions of its confirmed writes.
#[derive(Default)]
pub struct Worked {
    pub history: Vec<Operation>,
    pub confirmed: Vec<(Operation, Written)>,
}

/// Puts, deletes and linearizable gets until the clock ends the run.
pub async fn work(client: Client, number: u64, seed: u64, clock: Arc<Clock>) -> Worked {
    let mut rng = Rng::stream(seed, 100 + number);
    let mut worked = Worked::default();
    let mut count = 0;
    while clock.runs() {
        tokio::time::sleep(Duration::from_millis(rng.below(8))).await;
        // A directly addressed node may be the last to believe that it leads.
        let node = (!rng.one_in(3)).then(|| rng.choose(&NODES));
        count += 1;
        let key = Bytes::from_static(rng.choose(&KEYS).as_bytes());
        let action = match rng.below(10) {
            0..4 => Action::Put(Bytes::from(format!("{number}-{count}"))),
            4 => Action::Delete,
            _ => Action::Get(None),
        };
        let operation = Operation { client: number, key, action, called: clock.tick(), returned: None };
        operate(&client, operation, node, &clock, &mut worked).await;
    }
    worked
}

async fn operate(client: &Client, mut operation: Operation, node: Option<NodeId>, clock: &Clock, worked: &mut Worked) {
    let key = operation.key.clone();
    let written = match operation.action.clone() {
        Action::Put(value) => client.put(key, value).await,
        Action::Delete => client.delete(key).await,
        // The log does not show which comparisons were applied, and these histories are checked against the log.
        Action::CompareAndSet { .. } => return,
        Action::Get(_) => {
            // A failed get returned and changed nothing.
            if let Ok(record) = client.get(key, Consistency::Linearizable, node).await {
                operation.returned = Some(clock.tick());
                operation.action = Action::Get(record.map(|record| record.value));
                worked.history.push(operation);
            }
            return;
        }
    };
    match written {
        Ok(written) => {
            operation.returned = Some(clock.tick());
            worked.confirmed.push((operation.clone(), written));
            worked.history.push(operation);
        }
        Err(ClientError::Unknown { .. }) => worked.history.push(operation),
        // Definitely not done, so no read may return it: it is not in the history.
        Err(_) => {}
    }
}

/// A result of a local read of one node's final data.
#[derive(Clone, Debug)]
pub struct LocalRead {
    pub key: Bytes,
    pub seen: Option<Record>,
}

/// Sequential local gets at one node until the clock ends the run.
pub async fn read_locally(client: Client, node: NodeId, seed: u64, clock: Arc<Clock>) -> Vec<LocalRead> {
    let mut rng = Rng::stream(seed, 200 + node.0);
    let mut reads = Vec::new();
    while clock.runs() {
        tokio::time::sleep(Duration::from_millis(rng.below(6))).await;
        let key = Bytes::from_static(rng.choose(&KEYS).as_bytes());
        if let Ok(seen) = client.get(key.clone(), Consistency::Local, Some(node)).await {
            reads.push(LocalRead { key, seen });
        }
    }
    reads
}
