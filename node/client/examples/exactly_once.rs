//! Retries that are applied once: eight tasks write while leaders are killed, and every confirmed write counts exactly
//! once.
//!
//! The client names each write by a session and a sequence number and retries under that name until its deadline. A put
//! increments the version of its key, so a write that was applied twice would show there. On a running cluster the
//! example does not kill anything: it makes other nodes lead instead.
//!
//! ```sh
//! cargo run --example exactly_once                                # starts four nodes, kills leaders
//! cargo run --example exactly_once -- --connect 127.0.0.1:7101    # hands leadership over
//! ```

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use epoca::client::{Client, ClientError, Consistency};
use epoca::protocol::NodeId;
use support::{Failure, Setup};
use tokio::task::JoinHandle;

const WRITERS: u64 = 8;
/// Changes of leader while the tasks write.
const CHANGES: u64 = 2;
/// Writes that a new leader must have confirmed before the next change; more than were in progress before it.
const BETWEEN: u64 = 10 * WRITERS;

#[derive(Default)]
struct Progress {
    confirmed: AtomicU64,
    stop: AtomicBool,
}

type Writers = Vec<JoinHandle<Result<(), ClientError>>>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let setup = Setup::from_arguments().await?;
    let (client, progress) = (&setup.client, Arc::new(Progress::default()));
    let before = versions(client).await?;
    let writers: Writers =
        (0..WRITERS).map(|writer| tokio::spawn(write(setup.client.clone(), writer, progress.clone()))).collect();
    for _ in 0..CHANGES {
        go_on(&writers, &progress).await;
        if setup.is_own() { kill_leader(client, &writers, &progress).await? } else { _ = client.lead(None).await? }
    }
    go_on(&writers, &progress).await;
    progress.stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await??;
    }
    let (confirmed, applied) = (progress.confirmed.load(Ordering::Relaxed), versions(client).await? - before);
    println!("{CHANGES} changes of leader, {confirmed} writes confirmed, each applied once: {}", confirmed == applied);
    setup.end().await;
    Ok(())
}

fn key(writer: u64) -> Bytes {
    Bytes::from(format!("examples/exactly_once/{writer}"))
}

async fn write(client: Client, writer: u64, progress: Arc<Progress>) -> Result<(), ClientError> {
    while !progress.stop.load(Ordering::Relaxed) {
        // It is applied once, however often it is retried before the deadline.
        client.put(key(writer), Bytes::from_static(b"value")).await?;
        progress.confirmed.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Waits until more writes are confirmed, or a writer has failed.
async fn go_on(writers: &Writers, progress: &Progress) {
    let wanted = progress.confirmed.load(Ordering::Relaxed) + BETWEEN;
    while progress.confirmed.load(Ordering::Relaxed) < wanted && !writers.iter().any(JoinHandle::is_finished) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn kill_leader(client: &Client, writers: &Writers, progress: &Progress) -> Result<(), Failure> {
    let leader = leader(client).await?;
    client.kill(leader).await?;
    println!("{leader} led and was killed");
    go_on(writers, progress).await;
    client.restart(leader).await?;
    Ok(())
}

/// Who leads the greatest epoch that a node knows.
async fn leader(client: &Client) -> Result<NodeId, Failure> {
    let nodes = client.status().await?;
    let known = nodes.iter().filter_map(|node| node.reported.as_ref().ok());
    let leaders = known.filter_map(|reported| Some((reported.epoch, reported.leader?)));
    leaders.max().map(|(_, leader)| leader).ok_or_else(|| "no node knows a leader".into())
}

/// How often the keys were written, all together.
async fn versions(client: &Client) -> Result<u64, ClientError> {
    let mut sum = 0;
    for writer in 0..WRITERS {
        let record = client.get(key(writer), Consistency::Linearizable, None).await?;
        sum += record.map_or(0, |record| record.version);
    }
    Ok(sum)
}
