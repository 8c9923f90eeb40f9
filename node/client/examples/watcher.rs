//! A watcher that stops and resumes: the second one continues after the last revision that the first one handled, so
//! every change is seen once and in order.
//!
//! ```sh
//! cargo run --example watcher                                # starts four nodes
//! cargo run --example watcher -- --connect 127.0.0.1:7101    # uses a running cluster
//! ```

mod support;

use bytes::Bytes;
use epoca::client::{Client, ClientError};
use support::{Failure, Setup};

const PREFIX: Bytes = Bytes::from_static(b"examples/watcher/");
const CHANGES: usize = 20;
/// How many changes the first watcher handles before it stops.
const FIRST: usize = 8;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let setup = Setup::from_arguments().await?;
    // A revision from which on nothing is missed: the next one after a write of our own.
    let start = setup.client.put(Bytes::from("examples/started"), Bytes::new()).await?.revision + 1;
    let writing = tokio::spawn(write(setup.client.clone()));

    let (mut seen, resume) = watch("first", &setup.client, start, FIRST).await?;
    println!("the first watcher stops; the next one continues at revision {resume}");
    let (rest, _) = watch("second", &setup.client, resume, CHANGES - FIRST).await?;
    writing.await??;

    seen.extend(rest);
    let in_order = seen.iter().eq((1..=CHANGES).map(|number| number.to_string()).collect::<Vec<_>>().iter());
    println!("{} changes seen, each once and in order: {in_order}", seen.len());
    setup.end().await;
    Ok(())
}

async fn write(client: Client) -> Result<(), ClientError> {
    for number in 1..=CHANGES {
        let key = Bytes::from([&PREFIX[..], b"key"].concat());
        client.put(key, Bytes::from(number.to_string())).await?;
    }
    Ok(())
}

/// Handles this number of changes from a revision on; returns their values and the revision at which to resume.
async fn watch(name: &str, client: &Client, from: u64, count: usize) -> Result<(Vec<String>, u64), ClientError> {
    let mut watching = client.watch(PREFIX, Some(from)).await?;
    let (mut values, mut resume) = (Vec::new(), from);
    while values.len() < count {
        let changed = watching.next().await?;
        let value = String::from_utf8_lossy(&changed.value.unwrap_or_default()).into_owned();
        println!("{name} watcher: revision {} wrote {value}", changed.revision);
        values.push(value);
        // A program that must not miss a change stores this number together with its own results.
        resume = changed.revision + 1;
    }
    Ok((values, resume))
}
