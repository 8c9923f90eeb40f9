//! A load: clients that write and read a few keys while a scenario runs, and record what they observed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use epoca::client::{Client, ClientError, CompareAndSet, Consistency, Written};
use epoca::protocol::Expect;
use epoca::verify::dice::Dice;
use epoca::verify::linearizability::{Action, Operation};
use epoca::verify::patience::on_this_machine;
use tokio::task::JoinSet;

use super::target_cluster::with_timeout;

/// The deadline of an operation. It is short, so that an operation on a suspended node ends as unknown and the client
/// continues.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The number of keys, which all clients share.
const KEYS: u64 = 4;

/// A logical clock that all clients share, and the signal to stop.
#[derive(Default)]
struct Clock {
    tick: AtomicU64,
    over: AtomicBool,
    /// How many writes were confirmed so far.
    confirmed: AtomicU64,
}

impl Clock {
    fn tick(&self) -> u64 {
        self.tick.fetch_add(1, Ordering::SeqCst)
    }
}

/// The operations of the clients, and the entries of their confirmed writes.
#[derive(Default)]
pub struct LoadResult {
    pub history: Vec<Operation>,
    pub confirmed: Vec<(Operation, Written)>,
}

impl LoadResult {
    pub fn unknown(&self) -> usize {
        self.history.iter().filter(|operation| operation.returned.is_none()).count()
    }
}

pub struct Load {
    clock: Arc<Clock>,
    clients: JoinSet<LoadResult>,
}

impl Load {
    /// The keys depend on `seed`, so that no client reads what an earlier load wrote.
    pub fn start(client: &Client, clients: u64, seed: u64) -> Result<Load, ClientError> {
        let clock = Arc::new(Clock::default());
        let mut set = JoinSet::new();
        // All clients share one set of connections. With one set each, sixty-four clients on a busy machine do not find
        // the leader before their deadlines.
        let client = with_timeout(client, on_this_machine(TIMEOUT))?;
        for number in 1..=clients {
            set.spawn(work(client.clone(), number, seed, clock.clone()));
        }
        Ok(Load { clock, clients: set })
    }

    /// How many writes were confirmed so far.
    pub fn confirmed(&self) -> u64 {
        self.clock.confirmed.load(Ordering::SeqCst)
    }

    /// Ends the clients after their current operations.
    pub async fn stop(mut self) -> LoadResult {
        self.clock.over.store(true, Ordering::SeqCst);
        let mut result = LoadResult::default();
        while let Some(one) = self.clients.join_next().await {
            let one = one.unwrap_or_default();
            result.history.extend(one.history);
            result.confirmed.extend(one.confirmed);
        }
        result
    }
}

/// Puts, deletes and linearizable gets until the signal to stop.
async fn work(client: Client, number: u64, seed: u64, clock: Arc<Clock>) -> LoadResult {
    let mut dice = Dice::of(seed, 100 + number);
    let mut result = LoadResult::default();
    let mut count = 0;
    while !clock.over.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(dice.below(10))).await;
        count += 1;
        let key = Bytes::from(format!("{:04x}-{}", seed as u16, dice.below(KEYS)));
        let action = match dice.below(10) {
            0..5 => Action::Put(Bytes::from(format!("{number}-{count}"))),
            5 => Action::Delete,
            _ => Action::Get(None),
        };
        let operation = Operation { client: number, key, action, called: clock.tick(), returned: None };
        operate(&client, operation, &clock, &mut result).await;
    }
    result
}

async fn operate(client: &Client, mut operation: Operation, clock: &Clock, result: &mut LoadResult) {
    let key = operation.key.clone();
    let written = match operation.action.clone() {
        Action::Put(value) => client.put(key, value).await,
        Action::Delete => client.delete(key).await,
        Action::CompareAndSet { expected, value } => {
            let expect = expected.map_or(Expect::Absent, Expect::Value);
            match client.compare_and_set(key, expect, value).await {
                Ok(CompareAndSet::Done(written)) => Ok(written),
                // It wrote nothing, and the value that it found is not part of the history.
                Ok(CompareAndSet::NotEqual { .. }) => return,
                Err(error) => Err(error),
            }
        }
        Action::Get(_) => {
            // A failed get observed and changed nothing.
            if let Ok(record) = client.get(key, Consistency::Linearizable, None).await {
                operation.returned = Some(clock.tick());
                operation.action = Action::Get(record.map(|record| record.value));
                result.history.push(operation);
            }
            return;
        }
    };
    match written {
        Ok(written) => {
            operation.returned = Some(clock.tick());
            clock.confirmed.fetch_add(1, Ordering::SeqCst);
            result.confirmed.push((operation.clone(), written));
            result.history.push(operation);
        }
        Err(ClientError::Unknown { .. }) => result.history.push(operation),
        // It was definitely not done and must never be observed, so it is not in the history.
        Err(_) => {}
    }
}
