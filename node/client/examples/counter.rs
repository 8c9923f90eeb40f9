//! A counter that four tasks increment at once with compare-and-set: no increment is lost.
//!
//! ```sh
//! cargo run --example counter                                # starts four nodes
//! cargo run --example counter -- --connect 127.0.0.1:7101    # uses a running cluster
//! ```

mod support;

use bytes::Bytes;
use epoca::client::{Client, ClientError, CompareAndSet, Consistency};
use epoca::protocol::Expect;
use support::{Failure, Setup};

const KEY: Bytes = Bytes::from_static(b"examples/counter");
const TASKS: u64 = 4;
const INCREMENTS: u64 = 25;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let setup = Setup::from_arguments().await?;
    let (before, _) = read(&setup.client).await?;
    let tasks = (1..=TASKS).map(|task| (task, tokio::spawn(increment_often(setup.client.clone()))));
    for (task, running) in tasks.collect::<Vec<_>>() {
        let conflicts = running.await??;
        println!("task {task}: {INCREMENTS} increments, {conflicts} conflicts");
    }
    let (after, _) = read(&setup.client).await?;
    println!("{TASKS} x {INCREMENTS} increments: the counter grew by {}", after - before);
    setup.end().await;
    Ok(())
}

/// Returns how often another task was faster.
async fn increment_often(client: Client) -> Result<u64, ClientError> {
    let mut conflicts = 0;
    for _ in 0..INCREMENTS {
        conflicts += increment(&client).await?;
    }
    Ok(conflicts)
}

async fn increment(client: &Client) -> Result<u64, ClientError> {
    let mut conflicts = 0;
    loop {
        let (value, expect) = read(client).await?;
        let next = Bytes::from((value + 1).to_string());
        // Another task that writes in between makes this one compare again.
        match client.compare_and_set(KEY, expect, next).await? {
            CompareAndSet::Done(_) => return Ok(conflicts),
            CompareAndSet::NotEqual { .. } => conflicts += 1,
        }
    }
}

/// The counter's value, and what a write that depends on it expects.
async fn read(client: &Client) -> Result<(u64, Expect), ClientError> {
    let Some(record) = client.get(KEY, Consistency::Linearizable, None).await? else { return Ok((0, Expect::Absent)) };
    let value = std::str::from_utf8(&record.value).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    Ok((value, Expect::Revision(record.revision)))
}
