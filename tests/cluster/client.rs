//! The client library and the launcher as a program uses them, without the command line.

use std::path::Path;

use bytes::Bytes;
use epoca::client::watch::{Observed, watch};
use epoca::client::{Client, ClientError, Consistency, Options, ProcessState, Refusal};
use epoca::cluster::{Cluster, ClusterOptions, ProcessEvent};
use epoca::protocol::NodeId;
use epoca::protocol::trace::{NodeState, RoleName};
use tokio::sync::mpsc::Receiver;

use crate::support::{EXECUTABLE, election_timeout_ms, in_time, is_gone, patient, until};

async fn started(data: &Path) -> Cluster {
    let election_timeout_ms = election_timeout_ms(1_000);
    let options =
        ClusterOptions { base_port: 0, lab: true, election_timeout_ms, ..ClusterOptions::new(EXECUTABLE, data) };
    let cluster = Cluster::start(options).await.unwrap();
    cluster.ready().await.unwrap();
    cluster
}

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

/// The next observation of the reader.
async fn next<T>(observed: &mut Receiver<Observed>, mut take: impl FnMut(Observed) -> Option<T>) -> T {
    let wanted = async {
        loop {
            let observation = observed.recv().await.expect("it is watched as long as there is a receiver");
            if let Some(taken) = take(observation) {
                return taken;
            }
        }
    };
    in_time("it is observed", wanted).await
}

fn snapshot(observed: Observed) -> Option<NodeState> {
    match observed {
        Observed::Snapshot { snapshot, .. } => Some(snapshot),
        _ => None,
    }
}

#[tokio::test]
async fn a_watcher_gets_a_snapshot_then_events_that_keep_it_true_and_comes_back_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = started(folder.path()).await;
    let client = cluster.client(patient()).unwrap();
    let mut observed = watch(cluster.addresses()[0].clone(), 0);
    let mut seen = next(&mut observed, snapshot).await;
    assert_eq!((seen.node, seen.event), (NodeId(1), 0), "of a node that was just started all since its start");

    let written = client.put(bytes("x"), bytes("1")).await.unwrap();
    let applied = |seen: &NodeState| seen.applied.is_some_and(|applied| applied.id >= written.id);
    while !applied(&seen) {
        let events = next(&mut observed, |observed| match observed {
            Observed::Events(events) => Some(events),
            other => panic!("no event: {other:?}"),
        });
        for event in events.await {
            assert_eq!(event.number, seen.event + 1, "a gap between events");
            seen.event = event.number;
            seen.fold(&event.fact);
        }
    }
    assert_eq!(seen.role, RoleName::Leader);
    assert!(seen.tail.iter().any(|entry| entry.point.id == written.id && entry.key == Some(bytes("x"))));

    client.kill(NodeId(1)).await.unwrap();
    next(&mut observed, |observed| matches!(observed, Observed::Disconnected(_)).then_some(())).await;
    client.restart(NodeId(1)).await.unwrap();
    assert_eq!(next(&mut observed, snapshot).await.node, NodeId(1));
    cluster.stop().await;
}

#[tokio::test]
async fn a_client_that_knows_one_replica_finds_all_and_follows_the_leader() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = started(folder.path()).await;
    let options = Options { timeout: patient(), ..Options::default() };
    let client = Client::connect(&cluster.addresses()[2..3], options).await.unwrap();
    let first = client.put(bytes("x"), bytes("1")).await.unwrap();
    assert_eq!(client.nodes().len(), 4);
    cluster.client(patient()).unwrap().kill(NodeId(1)).await.unwrap();
    let second = client.put(bytes("y"), bytes("2")).await.unwrap();
    assert!(second.id.epoch > first.id.epoch, "{second:?} after {first:?}");
    let found = client.get(bytes("x"), Consistency::Linearizable, None).await.unwrap();
    assert_eq!(found.map(|record| record.value), Some(bytes("1")));
    cluster.stop().await;
}

#[tokio::test]
async fn a_client_does_not_believe_another_cluster_behind_an_address() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = started(folder.path()).await;
    let options = Options { cluster: Some(vec![7; 16]), timeout: patient(), ..Options::default() };
    let found = Client::connect(&cluster.addresses(), options).await.map(drop);
    assert!(matches!(found, Err(ClientError::OtherCluster { .. })), "{found:?}");
    cluster.stop().await;
}

#[tokio::test]
async fn many_writes_at_once_are_each_confirmed_once() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = started(folder.path()).await;
    let client = cluster.client(patient()).unwrap();
    let mut writes = tokio::task::JoinSet::new();
    for number in 0..2_000_u32 {
        let client = client.clone();
        writes.spawn(async move { client.put(Bytes::from(format!("{number:04}")), bytes("v")).await });
    }
    let written: Vec<_> = writes.join_all().await.into_iter().map(|written| written.unwrap().position).collect();
    let mut different = written.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), 2_000);
    let (records, more) = client.list(Bytes::new(), 5_000, Consistency::Linearizable, None).await.unwrap();
    assert_eq!((records.len(), more), (2_000, false));
    assert!(records.iter().all(|record| record.version == 1), "a write was done twice");
    cluster.stop().await;
}

#[tokio::test]
async fn a_node_that_ends_by_itself_is_news_and_one_that_is_killed_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = started(folder.path()).await;
    let mut events = cluster.take_events().unwrap();
    let client = cluster.client(patient()).unwrap();
    client.kill(NodeId(2)).await.unwrap();
    assert_eq!(events.recv().await, Some(ProcessEvent::Killed(NodeId(2))));
    let pid = cluster.nodes()[2].pid.unwrap() as i32;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    let ended = in_time("it is told", events.recv()).await;
    assert!(matches!(&ended, Some(ProcessEvent::Ended(NodeId(3), how)) if how.starts_with("signal 9")), "{ended:?}");
    let processes = client.processes().await.unwrap().unwrap();
    let states: Vec<ProcessState> = processes.nodes.iter().map(|node| node.state).collect();
    let [running, stopped] = [ProcessState::Running, ProcessState::Stopped];
    assert_eq!(states, [running, stopped, stopped, running]);
    cluster.stop().await;
}

#[tokio::test]
async fn a_rebuilt_executable_is_reported_and_not_run_beside_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let executable = folder.path().join("epoca");
    std::fs::hard_link(EXECUTABLE, &executable).or_else(|_| std::fs::copy(EXECUTABLE, &executable).map(drop)).unwrap();
    let election_timeout_ms = election_timeout_ms(1_000);
    let options = ClusterOptions {
        base_port: 0,
        election_timeout_ms,
        ..ClusterOptions::new(&executable, folder.path().join("data"))
    };
    let cluster = Cluster::start(options).await.unwrap();
    cluster.ready().await.unwrap();
    let client = cluster.client(patient()).unwrap();
    client.kill(NodeId(2)).await.unwrap();
    assert!(!client.processes().await.unwrap().unwrap().rebuilt);

    std::fs::remove_file(&executable).unwrap();
    std::fs::write(&executable, "another program").unwrap();
    let restarted = client.restart(NodeId(2)).await;
    assert_eq!(restarted, Err(ClientError::Refused(Refusal::Rebuilt {})));
    assert!(client.processes().await.unwrap().unwrap().rebuilt);
    cluster.stop().await;
}

#[tokio::test]
async fn a_cluster_that_is_dropped_leaves_no_process_and_lets_the_folder_go() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = started(folder.path()).await;
    let client = cluster.client(patient()).unwrap();
    client.pause(NodeId(4)).await.unwrap();
    let pids: Vec<i32> = cluster.nodes().iter().map(|node| node.pid.unwrap() as i32).collect();
    drop(cluster);
    pids.iter().for_each(|pid| until("the node has ended", || is_gone(*pid)));
    started(folder.path()).await.stop().await;
}

#[tokio::test]
async fn a_list_keeps_its_deadline_however_fast_its_pages_come_and_what_its_reader_takes_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = started(folder.path()).await;
    let client = cluster.client(patient()).unwrap();
    let value = Bytes::from(vec![b'v'; 1 << 20]);
    for key in ["a", "b", "c", "d", "e"] {
        client.put(bytes(key), value.clone()).await.unwrap();
    }
    let deadline = patient() / 12;
    let hurried = client.with_timeout(deadline);
    let mut listing = hurried.listing(Bytes::new(), u64::MAX, Consistency::Linearizable, None);
    let page = listing.next().await.unwrap().expect("a first page");
    assert!(page.len() < 5, "{} MiB in one page", page.len());
    tokio::time::sleep(deadline).await;
    let late = listing.next().await;
    assert!(matches!(late, Err(ClientError::TimedOut { .. })), "{late:?}");
    listing.put_off(patient());
    let mut keys: Vec<Bytes> = page.into_iter().map(|record| record.key).collect();
    while let Some(page) = listing.next().await.unwrap() {
        keys.extend(page.into_iter().map(|record| record.key));
    }
    assert_eq!(keys, ["a", "b", "c", "d", "e"].map(bytes));
    assert!(!listing.has_more());
}
