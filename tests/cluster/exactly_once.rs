//! Client programs write while their leader is killed: each write is applied once, each comparison decides once, and a
//! watcher misses nothing and sees nothing twice.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use epoca::client::{BatchChange, Client, ClientError, CompareAndSet, Consistency, Refusal};
use epoca::cluster::{Cluster, ClusterOptions};
use epoca::protocol::trace::RoleName;
use epoca::protocol::{Change, Expect, NodeId};
use epoca::verify::patience::Patience;
use epoca::wire::forwarded::forwarded;
use epoca::wire::proto;
use epoca::wire::proto::client_client::ClientClient;

use crate::support::{EXECUTABLE, PATIENCE, election_timeout_ms, in_time, patient};

const CLIENTS: u64 = 8;
/// The approximate number of rounds of each client before and after the leader is killed.
const ROUNDS: u64 = 12;

async fn started(data: &Path) -> Cluster {
    let election_timeout_ms = election_timeout_ms(1_000);
    let options =
        ClusterOptions { base_port: 0, lab: true, election_timeout_ms, ..ClusterOptions::new(EXECUTABLE, data) };
    let cluster = Cluster::start(options).await.unwrap();
    cluster.ready().await.unwrap();
    cluster
}

fn key(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn number(value: &[u8]) -> u64 {
    std::str::from_utf8(value).unwrap().parse().unwrap()
}

async fn leader(client: &Client) -> NodeId {
    let patience = Patience::of(PATIENCE);
    loop {
        let nodes = client.status().await.unwrap();
        let leads = |node: &&epoca::client::NodeStatus| {
            node.reported.as_ref().is_ok_and(|reported| reported.role == RoleName::Leader)
        };
        if let Some(node) = nodes.iter().find(leads) {
            return node.id;
        }
        assert!(!patience.is_over(), "no node leads");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Increments the counter; retries as long as another client is faster.
async fn add_one(client: &Client) -> Result<(), ClientError> {
    loop {
        let present = client.get(key("counter"), Consistency::Linearizable, None).await?;
        let (expect, next) = match &present {
            Some(record) => (Expect::Revision(record.revision), number(&record.value) + 1),
            None => (Expect::Absent, 1),
        };
        if let CompareAndSet::Done(_) = client.compare_and_set(key("counter"), expect, next.to_string().into()).await? {
            return Ok(());
        }
    }
}

/// One client's work: a shared counter, and two keys of its own that change together.
async fn work(client: Client, id: u64, done: Arc<AtomicU64>) -> Result<(), ClientError> {
    for round in 1..=ROUNDS {
        add_one(&client).await?;
        let put = |name: &str| BatchChange::Put { key: key(&format!("{name}/{id}")), value: round.to_string().into() };
        client.batch(vec![put("one"), put("two")]).await?;
        done.fetch_add(1, Ordering::SeqCst);
    }
    Ok(())
}

/// Waits until this number of rounds is done, then kills the leader.
async fn kill_the_leader(client: &Client, done: &AtomicU64, rounds: u64) -> NodeId {
    while done.load(Ordering::SeqCst) < rounds {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let leads = leader(client).await;
    client.kill(leads).await.unwrap();
    leads
}

#[tokio::test]
async fn trap_29_counters_survive_the_death_of_the_leader_with_each_step_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = started(folder.path()).await;
    let client = cluster.client(patient()).unwrap();
    let done = Arc::new(AtomicU64::new(0));
    let workers: Vec<_> =
        (0..CLIENTS).map(|id| tokio::spawn(work(cluster.client(patient()).unwrap(), id, done.clone()))).collect();
    let killed = kill_the_leader(&client, &done, CLIENTS * ROUNDS / 3).await;
    for worker in workers {
        worker.await.unwrap().expect("a change of leader is only a delay");
    }
    client.restart(killed).await.unwrap();
    let read = async |name: &str| client.get(key(name), Consistency::Linearizable, None).await.unwrap().unwrap();
    let counter = read("counter").await;
    assert_eq!(number(&counter.value), CLIENTS * ROUNDS, "each step was confirmed once");
    assert_eq!(counter.version, CLIENTS * ROUNDS, "and applied once");
    for id in 0..CLIENTS {
        for name in ["one", "two"] {
            let record = read(&format!("{name}/{id}")).await;
            assert_eq!((number(&record.value), record.version), (ROUNDS, ROUNDS), "{name}/{id}");
        }
    }
    cluster.stop().await;
}

#[tokio::test]
async fn a_watch_across_the_death_of_a_leader_has_no_gap_and_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = started(folder.path()).await;
    let client = cluster.client(patient()).unwrap();
    let done = Arc::new(AtomicU64::new(0));
    let mut all = cluster.client(patient()).unwrap().watch(Bytes::new(), Some(1)).await.unwrap();
    let mut ones = cluster.client(patient()).unwrap().watch(key("one/"), None).await.unwrap();
    let workers: Vec<_> =
        (0..CLIENTS).map(|id| tokio::spawn(work(cluster.client(patient()).unwrap(), id, done.clone()))).collect();
    // The watched node is the most up-to-date one: usually the leader.
    kill_the_leader(&client, &done, CLIENTS * ROUNDS / 3).await;
    for worker in workers {
        worker.await.unwrap().expect("a change of leader is only a delay");
    }
    let seen = async {
        for revision in 1..=3 * CLIENTS * ROUNDS {
            let changed = all.next().await.unwrap();
            assert_eq!(changed.revision, revision, "in order, without gap, each once");
        }
        let mut rounds = vec![0; CLIENTS as usize];
        for _ in 0..CLIENTS * ROUNDS {
            let changed = ones.next().await.unwrap();
            let id = number(&changed.key[4..]) as usize;
            rounds[id] += 1;
            assert_eq!(changed.value.as_deref().map(number), Some(rounds[id]), "{changed:?}");
        }
    };
    in_time("every change is seen", seen).await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_watch_from_before_the_history_fails_with_the_oldest_revision() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = started(folder.path()).await;
    let client = cluster.client(patient()).unwrap();
    // More than the history keeps.
    let value = Bytes::from(vec![b'v'; 900_000]);
    for _ in 0..12 {
        client.put(key("large"), value.clone()).await.unwrap();
    }
    let mut from = 1;
    let mut watching = loop {
        let oldest = match client.watch(Bytes::new(), Some(from)).await {
            Ok(watching) => break watching,
            Err(ClientError::Refused(Refusal::HistoryGone { bound, .. })) => bound,
            Err(error) => panic!("{error}"),
        };
        // A replica that lagged keeps less history once it has caught up.
        assert!(oldest > from, "{oldest}");
        from = oldest;
    };
    assert!(from > 1, "the first change is not there any more");
    assert_eq!(watching.next().await.unwrap().revision, from);
    cluster.stop().await;
}

/// Found by the simulator's watchers: a lagging node accepted every watcher, which then waited for changes that never
/// arrived.
#[tokio::test]
async fn a_watcher_learns_of_dropped_changes_even_if_a_cut_off_node_would_make_it_wait() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = started(folder.path()).await;
    let client = cluster.client(patient()).unwrap();
    client.put(key("first"), key("1")).await.unwrap();
    let leads = leader(&client).await;
    let behind = (1..=4).map(NodeId).find(|node| *node != leads).unwrap();
    for other in (1..=4).map(NodeId).filter(|other| *other != behind) {
        client.cut(behind, other).await.unwrap();
    }
    let value = Bytes::from(vec![b'v'; 900_000]);
    for _ in 0..12 {
        client.put(key("large"), value.clone()).await.unwrap();
    }
    let told = async {
        match client.watch(Bytes::new(), Some(3)).await {
            Ok(mut watching) => watching.next().await.map(|changed| changed.revision),
            Err(error) => Err(error),
        }
    };
    let told = in_time("it does not wait for ever", told).await;
    assert!(matches!(&told, Err(ClientError::Refused(Refusal::HistoryGone { .. }))), "{told:?}");
    cluster.stop().await;
}

#[tokio::test]
async fn trap_45_a_forwarded_request_is_not_forwarded_again() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = started(folder.path()).await;
    let client = cluster.client(patient()).unwrap();
    let leads = leader(&client).await;
    let replica = (1..=4).map(NodeId).find(|node| *node != leads).unwrap();
    let address = cluster.addresses()[replica.0 as usize - 1].clone();
    let mut raw = ClientClient::connect(format!("http://{address}")).await.unwrap();
    let put = || proto::WriteRequest::from(Change::Put { key: key("x"), value: key("1") });
    let outcome = raw.write(forwarded(put())).await.unwrap().into_inner().outcome;
    let Some(proto::write_response::Outcome::Refused(refusal)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(Refusal::try_from(refusal), Ok(Refusal::NotALeader { leader: leads }));
    // A client's request: it is forwarded once, and done.
    let outcome = raw.write(put()).await.unwrap().into_inner().outcome;
    assert!(matches!(outcome, Some(proto::write_response::Outcome::Written(_))), "{outcome:?}");
    cluster.stop().await;
}
