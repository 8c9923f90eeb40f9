//! Power cuts: all nodes are killed at once while clients write, and their files keep only synced bytes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use epoca::client::{Client, ClientError, Consistency, ProcessState, Written};
use epoca::cluster::Cluster;
use epoca::verify::patience::within;
use epoca::verify::rng::Rng;
use tokio::task::JoinHandle;

use crate::disk::Disk;
use crate::support::{self, Agreed, NODES, PATIENCE, scaled};

const WRITERS: u64 = 6;
/// With four copies, a confirmed write is durable on three.
const QUORUM: usize = 3;
const TIMEOUT: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trap_01_what_was_confirmed_survives_that_the_power_of_all_nodes_is_cut() {
    let _alone = support::alone().await;
    cuts(support::seed(), 3).await;
}

/// `SEED=7 ROUNDS=200 cargo test --release --test chaos -- --ignored --nocapture many_power_cuts`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "ROUNDS power cuts, 50 unless told"]
async fn what_was_confirmed_survives_many_power_cuts() {
    let _alone = support::alone().await;
    cuts(support::seed(), support::number("ROUNDS").unwrap_or(50)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trap_02_when_a_write_is_confirmed_a_quorum_has_synced_it() {
    let _alone = support::alone().await;
    let disk = Disk::new();
    let cluster = support::start(&disk.executable(), &disk.data()).await;
    let client = cluster.client(scaled(PATIENCE)).expect("a client");
    for number in 0..50 {
        let value = format!("value-{number:08}-of-a-write-that-is-looked-for");
        let before = NODES.map(|node| disk.syncs(node));
        client.put(Bytes::from("key"), Bytes::from(value.clone())).await.expect("it is confirmed");
        let synced = NODES.into_iter().zip(before).filter(|(node, before)| disk.syncs(*node) > *before);
        assert!(synced.count() >= QUORUM, "a sync on a quorum between append and ack of write {number}");
        let holds = |node: &epoca::protocol::NodeId| {
            disk.durable_log(*node).windows(value.len()).any(|bytes| bytes == value.as_bytes())
        };
        let holders = NODES.iter().filter(|node| holds(node)).count();
        assert!(holders >= QUORUM, "write {number} was confirmed, but durable on {holders} nodes");
    }
    cluster.stop().await;
}

/// The other tests of this file rely on the simulated disk: with a sync that does nothing they must fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_does_nothing_loses_confirmed_writes() {
    let _alone = support::alone().await;
    let mut disk = Disk::new();
    let cluster = support::start(&disk.executable(), &disk.data()).await;
    let client = cluster.client(scaled(PATIENCE)).expect("a client");
    let put = async |key: &'static str| client.put(Bytes::from(key), Bytes::from("1")).await.expect("it is confirmed");
    put("synced").await;
    support::agreed(&client).await;
    disk.lie();
    put("not synced").await;
    drop(cluster);
    disk.cut_power(None);

    let cluster = support::start(&disk.executable(), &disk.data()).await;
    let client = cluster.client(scaled(PATIENCE)).expect("a client");
    let get =
        async |key: &'static str| client.get(Bytes::from(key), Consistency::Linearizable, None).await.expect("read");
    assert!(get("synced").await.is_some());
    assert!(get("not synced").await.is_none(), "the disk keeps unsynced bytes, so the test proves nothing");
    cluster.stop().await;
}

/// The outcome of each write: its value, and its log position if it was confirmed.
type Writes = BTreeMap<String, Option<Written>>;

async fn cuts(seed: u64, rounds: u64) {
    println!("seed {seed}, {rounds} power cuts");
    let mut rng = Rng::stream(seed, 1);
    let mut disk = Disk::new();
    let mut writes = Writes::new();
    let mut cluster = support::start(&disk.executable(), &disk.data()).await;
    for round in 0..rounds {
        let before = confirmed(&writes);
        write_and_cut(cluster, round, &mut rng, &mut writes).await;
        disk.cut_power(Some(&mut rng));
        if rng.one_in(3) {
            // A second power cut soon after the restart: the nodes have just started, or are campaigning.
            let nodes = support::begin(&disk.executable(), &disk.data()).await;
            tokio::time::sleep(scaled(Duration::from_millis(rng.below(2_000)))).await;
            drop(nodes);
            disk.cut_power(Some(&mut rng));
        }
        cluster = support::start(&disk.executable(), &disk.data()).await;
        let running = cluster.nodes().iter().filter(|node| node.state == ProcessState::Running).count();
        assert_eq!(running, NODES.len(), "seed {seed}, cut {round}: a node refused to start: {:#?}", cluster.nodes());
        let client = cluster.client(scaled(PATIENCE)).expect("a client");
        let agreed = support::agreed(&client).await;
        compare(&writes, &agreed).unwrap_or_else(|why| panic!("seed {seed}, cut {round}: {why}"));
        assert!(confirmed(&writes) > before, "seed {seed}, cut {round}: nothing was written before it");
    }
    cluster.stop().await;
    println!("{} confirmed writes, {} of unknown outcome", confirmed(&writes), writes.len() - confirmed(&writes));
}

fn confirmed(writes: &Writes) -> usize {
    writes.values().flatten().count()
}

/// Clients write until all nodes are killed at once, with writes in flight.
async fn write_and_cut(cluster: Cluster, round: u64, rng: &mut Rng, writes: &mut Writes) {
    let over = Arc::new(AtomicBool::new(false));
    let count = Arc::new(AtomicU64::new(0));
    let start = |number: u64| {
        let client = cluster.client(scaled(TIMEOUT)).expect("a client");
        tokio::spawn(write(client, format!("{round}-{number}"), over.clone(), count.clone()))
    };
    let writers: Vec<JoinHandle<Writes>> = (0..WRITERS).map(start).collect();
    let enough = rng.between(20, 300);
    let written = async {
        while count.load(Ordering::SeqCst) < enough {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    within(PATIENCE, written).await.expect("writes are confirmed");
    drop(cluster);
    over.store(true, Ordering::SeqCst);
    for writer in writers {
        writes.extend(writer.await.expect("no writer panics"));
    }
}

async fn write(client: Client, name: String, over: Arc<AtomicBool>, count: Arc<AtomicU64>) -> Writes {
    let mut writes = Writes::new();
    for number in 0.. {
        if over.load(Ordering::SeqCst) {
            break;
        }
        let key = format!("{name}-{number}");
        match client.put(Bytes::from(key.clone()), Bytes::from(key.clone())).await {
            Ok(written) => {
                count.fetch_add(1, Ordering::SeqCst);
                writes.insert(key, Some(written));
            }
            Err(ClientError::Unknown { .. }) => _ = writes.insert(key, None),
            Err(_) => {}
        }
    }
    writes
}

/// Every confirmed write is at its confirmed position, once; every entry there was written by a client.
fn compare(writes: &Writes, agreed: &Agreed) -> Result<(), String> {
    let mut found = BTreeMap::new();
    for record in &agreed.records {
        let key = String::from_utf8_lossy(&record.key).into_owned();
        if record.key != record.value || record.version != 1 || record.create_revision != record.revision {
            return Err(format!("{key} was written once, but this is there: {record:?}"));
        }
        if !writes.contains_key(&key) {
            return Err(format!("{key} was refused or never written, but this is there: {record:?}"));
        }
        found.insert(key, record);
    }
    for (key, written) in writes {
        let Some(written) = written else { continue };
        let record = found.get(key).ok_or_else(|| format!("{key} was confirmed as {written:?} and is lost"))?;
        let line = &agreed.log[written.position.0 as usize - 1];
        if record.id != written.id || line.point.id != written.id || line.key.as_ref() != Some(&record.key) {
            return Err(format!("{key} was confirmed as {written:?}, but is now {record:?} and {line:?} in the log"));
        }
    }
    let in_log = agreed.log.iter().filter(|line| line.key.is_some()).count();
    match in_log == agreed.records.len() {
        true => Ok(()),
        false => Err(format!("{in_log} writes in the log made {} records", agreed.records.len())),
    }
}
