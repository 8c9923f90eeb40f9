//! Clients that write and read a few keys while a scenario goes on, and keep what they saw.

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

/// Short, so that an operation on a node that hangs ends as unknown and its client goes on.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Keys that all clients share.
const KEYS: u64 = 4;

/// One clock for all clients: only the order of its ticks counts. It also says when to stop.
#[derive(Default)]
struct Clock {
    tick: AtomicU64,
    over: AtomicBool,
    /// Writes that were confirmed so far.
    confirmed: AtomicU64,
}

impl Clock {
    fn tick(&self) -> u64 {
        self.tick.fetch_add(1, Ordering::SeqCst)
    }
}

/// What the clients did, and where their confirmed writes stand.
#[derive(Default)]
pub struct Worked {
    pub history: Vec<Operation>,
    pub confirmed: Vec<(Operation, Written)>,
}

impl Worked {
    pub fn unknown(&self) -> usize {
        self.history.iter().filter(|operation| operation.returned.is_none()).count()
    }
}

pub struct Load {
    clock: Arc<Clock>,
    clients: JoinSet<Worked>,
}

impl Load {
    /// `seed` also names the keys, so that what an earlier load wrote is not read.
    pub fn begin(client: &Client, clients: u64, seed: u64) -> Result<Load, ClientError> {
        let clock = Arc::new(Clock::default());
        let mut set = JoinSet::new();
        // One set of connections for all of them: on a busy machine sixty-four that each look for the leader by
        // themselves find none before their deadlines.
        let client = with_timeout(client, on_this_machine(TIMEOUT))?;
        for number in 1..=clients {
            set.spawn(work(client.clone(), number, seed, clock.clone()));
        }
        Ok(Load { clock, clients: set })
    }

    /// How many writes were confirmed to the clients so far.
    pub fn confirmed(&self) -> u64 {
        self.clock.confirmed.load(Ordering::SeqCst)
    }

    /// Lets each client end what it has under way.
    pub async fn stop(mut self) -> Worked {
        self.clock.over.store(true, Ordering::SeqCst);
        let mut worked = Worked::default();
        while let Some(one) = self.clients.join_next().await {
            let one = one.unwrap_or_default();
            worked.history.extend(one.history);
            worked.confirmed.extend(one.confirmed);
        }
        worked
    }
}

/// Puts, deletes and linearizable gets until the clock says stop.
async fn work(client: Client, number: u64, seed: u64, clock: Arc<Clock>) -> Worked {
    let mut dice = Dice::of(seed, 100 + number);
    let mut worked = Worked::default();
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
        operate(&client, operation, &clock, &mut worked).await;
    }
    worked
}

async fn operate(client: &Client, mut operation: Operation, clock: &Clock, worked: &mut Worked) {
    let key = operation.key.clone();
    let written = match operation.action.clone() {
        Action::Put(value) => client.put(key, value).await,
        Action::Delete => client.delete(key).await,
        Action::CompareAndSet { expected, value } => {
            let expect = expected.map_or(Expect::Absent, Expect::Value);
            match client.compare_and_set(key, expect, value).await {
                Ok(CompareAndSet::Done(written)) => Ok(written),
                // What it found instead is not asked for here, so it says nothing.
                Ok(CompareAndSet::NotEqual { .. }) => return,
                Err(error) => Err(error),
            }
        }
        Action::Get(_) => {
            // A get that failed saw nothing and changed nothing.
            if let Ok(record) = client.get(key, Consistency::Linearizable, None).await {
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
            clock.confirmed.fetch_add(1, Ordering::SeqCst);
            worked.confirmed.push((operation.clone(), written));
            worked.history.push(operation);
        }
        Err(ClientError::Unknown { .. }) => worked.history.push(operation),
        // Definitely not done, so nobody may ever see it: it is not in the history.
        Err(_) => {}
    }
}
