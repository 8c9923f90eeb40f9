//! Traps of clients and reads that need real processes: one that is frozen and does not know it, a write that nobody
//! answers.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use epoca::client::{Client, ClientError, Consistency};
use epoca::protocol::NodeId;
use tokio::time::timeout;

use crate::support::{self, EXECUTABLE, NODES, PATIENCE};

async fn leader(client: &Client) -> Option<NodeId> {
    let nodes = client.status().await.ok()?;
    nodes.iter().find(|node| node.reported.as_ref().is_ok_and(|said| said.role == "leader")).map(|node| node.id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trap_28_a_leader_that_was_frozen_gives_no_stale_read_when_it_goes_on() {
    let _alone = support::alone().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cluster = support::start(Path::new(EXECUTABLE), folder.path()).await;
    let client = cluster.client(PATIENCE).expect("a client");
    let key = Bytes::from_static(b"x");
    client.put(key.clone(), Bytes::from_static(b"old")).await.expect("it is confirmed");
    let frozen = leader(&client).await.expect("somebody leads");
    client.pause(frozen).await.expect("it runs");
    // The first attempt may go to the frozen leader and is unknown; the last one is the next leader's.
    let put = async { while client.put(key.clone(), Bytes::from_static(b"new")).await.is_err() {} };
    timeout(PATIENCE, put).await.expect("another node leads and takes it");
    // They wait at the frozen node's door, so that it meets them before it hears of anything else.
    let gets: Vec<_> = (0..50)
        .map(|_| {
            let (client, key) = (client.clone(), key.clone());
            tokio::spawn(async move { client.get(key, Consistency::Linearizable, Some(frozen)).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    client.resume(frozen).await.expect("it was paused");
    let mut seen = 0;
    for get in gets {
        if let Ok(record) = get.await.expect("no client panics") {
            assert_eq!(record.map(|record| record.value), Some(Bytes::from_static(b"new")), "a stale read");
            seen += 1;
        }
    }
    assert!(seen > 0, "it never answered, so nothing was checked");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trap_29_a_write_that_nobody_answers_is_unknown_and_happens_at_most_once() {
    let _alone = support::alone().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cluster = support::start(Path::new(EXECUTABLE), folder.path()).await;
    let client = cluster.client(PATIENCE).expect("a client");
    let hurried = cluster.client(Duration::from_millis(500)).expect("a client");
    hurried.put(Bytes::from_static(b"x"), Bytes::from_static(b"before")).await.expect("it is confirmed");
    let leader = leader(&client).await.expect("somebody leads");
    let others: Vec<NodeId> = NODES.into_iter().filter(|node| *node != leader).collect();
    for node in &others[..2] {
        client.pause(*node).await.expect("it runs");
    }
    let put = hurried.put(Bytes::from_static(b"x"), Bytes::from_static(b"unknown")).await;
    assert!(matches!(put, Err(ClientError::Unknown { .. })), "it is in a log: {put:?}");
    for node in &others[..2] {
        client.resume(*node).await.expect("it was paused");
    }
    client.put(Bytes::from_static(b"y"), Bytes::from_static(b"after")).await.expect("it is confirmed");
    let agreed = support::agreed(&client).await;
    let times = agreed.log.iter().filter(|line| line.value.as_deref() == Some(b"unknown")).count();
    assert!(times <= 1, "it happened {times} times");
    let record = agreed.records.iter().find(|record| record.key == "x").expect("it was written");
    assert_eq!(record.version, 1 + times as u64, "each write counts once");
    cluster.stop().await;
}
