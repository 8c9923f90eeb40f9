//! Client and read traps that need real processes: a frozen leader that does not know that it was deposed, a write
//! without a response.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use epoca::client::{Client, ClientError, Consistency};
use epoca::cluster::Cluster;
use epoca::protocol::NodeId;
use epoca::protocol::trace::RoleName;
use epoca::verify::patience::Patience;
use futures_util::future::join_all;
use tokio::task::JoinHandle;

use crate::support::{self, NODES, PATIENCE, USUAL_ELECTION_TIMEOUT, scaled};

/// How long the leader is frozen: short enough to process the acks in its socket in time. They count as received when
/// it resumes.
const FROZEN: Duration = Duration::from_millis(850);
const ATTEMPTS: usize = 20;
const READS: usize = 20;
const WRITERS: usize = 4;

/// A lease that starts when acks are *processed* would let the frozen leader read for one more election timeout, while
/// the others, which receive nothing from it, have elected another leader.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trap_28_a_frozen_leader_gives_no_stale_read_when_it_resumes() {
    let _alone = support::alone().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cluster = support::start_as_usual(folder.path()).await;
    let client = cluster.client(scaled(PATIENCE)).expect("a client");
    for attempt in 0..ATTEMPTS {
        support::agreed(&client).await;
        if frozen_leader_is_exposed(&cluster, attempt).await {
            cluster.stop().await;
            return;
        }
    }
    panic!("no frozen leader still believed that it led after another election, so nothing was checked");
}

/// Freezes the leader, cuts it off, waits for another leader and a write confirmed by it. Returns true if the first
/// leader still believed that it leads after that, and so received reads that it must not serve from its own state.
async fn frozen_leader_is_exposed(cluster: &Cluster, attempt: usize) -> bool {
    let client = cluster.client(scaled(PATIENCE)).expect("a client");
    let frozen = support::leader(&client).await.expect("a node leads");
    let others: Vec<NodeId> = NODES.into_iter().filter(|node| *node != frozen).collect();
    // Writes are in flight when it freezes, so their acks are, too.
    let over = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..WRITERS).map(|number| keep_writing(cluster, number, over.clone())).collect();
    tokio::time::sleep(scaled(Duration::from_millis(100))).await;
    client.pause(frozen).await.expect("it runs");
    let since = Instant::now();
    for other in &others {
        client.cut(frozen, *other).await.expect("it is cut off");
    }
    over.store(true, Ordering::SeqCst);
    tokio::time::sleep(scaled(FROZEN).saturating_sub(since.elapsed())).await;
    client.resume(frozen).await.expect("it was paused");

    let exposed = reads_are_fresh(cluster, frozen, &others, &format!("new-{attempt}")).await;
    for other in &others {
        client.heal(frozen, *other).await.expect("it is healed");
    }
    join_all(writers).await;
    exposed
}

/// Waits until the others elect a leader and confirm a write; every later read result of `frozen` must include that
/// write. Returns true if `frozen` still believed that it leads.
async fn reads_are_fresh(cluster: &Cluster, frozen: NodeId, others: &[NodeId], new: &str) -> bool {
    let client = cluster.client(scaled(USUAL_ELECTION_TIMEOUT)).expect("a client");
    let key = Bytes::from_static(b"x");
    let patience = Patience::of(PATIENCE);
    while !join_all(others.iter().map(|node| leads(&client, *node))).await.contains(&true) {
        assert!(!patience.is_over(), "the others elect no leader");
    }
    if client.put(key.clone(), Bytes::copy_from_slice(new.as_bytes())).await.is_err() {
        return false;
    }
    let believes = leads(&client, frozen).await;
    let gets = (0..READS).map(|_| client.get(key.clone(), Consistency::Linearizable, Some(frozen)));
    for record in join_all(gets).await.into_iter().flatten() {
        let value = record.map(|record| record.value.escape_ascii().to_string());
        assert_eq!(value.as_deref(), Some(new), "{frozen} was frozen and returns a stale value");
    }
    believes
}

async fn leads(client: &Client, node: NodeId) -> bool {
    client.report(node).await.is_ok_and(|said| said.role == RoleName::Leader)
}

/// Writes to its own keys until the run ends.
fn keep_writing(cluster: &Cluster, number: usize, over: Arc<AtomicBool>) -> JoinHandle<()> {
    let client = cluster.client(scaled(USUAL_ELECTION_TIMEOUT)).expect("a client");
    tokio::spawn(async move {
        while !over.load(Ordering::SeqCst) {
            // Writes in flight when the leader froze have unknown outcomes; the test does not check them.
            let _ = client.put(Bytes::from(format!("writer-{number}")), Bytes::from_static(b"1")).await;
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trap_29_a_write_without_an_answer_is_unknown_and_happens_at_most_once() {
    let _alone = support::alone().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cluster = support::start_as_usual(folder.path()).await;
    let client = cluster.client(scaled(PATIENCE)).expect("a client");
    let hurried = cluster.client(scaled(Duration::from_millis(500))).expect("a client");
    hurried.put(Bytes::from_static(b"x"), Bytes::from_static(b"before")).await.expect("it is confirmed");
    let leader = support::leader(&client).await.expect("a node leads");
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
