//! Overload on real processes: peak memory per kind of load, the responses to clients, and the health of the other
//! nodes.

mod crowd;
mod deaf;
mod hostile;
mod limits;
mod piling_up;
mod restart;
mod retry;
mod slow_replica;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use epoca::client::{Client, Refusal};
use epoca::cluster::{Cluster, ClusterOptions};
use epoca::protocol::{Change, NodeId};
use epoca::verify::patience::{Patience, within};
use epoca::wire::proto;
use epoca::wire::proto::client_client::ClientClient;
use tokio::sync::{Mutex, MutexGuard};
use tonic::transport::{Channel, Endpoint};

use crate::support::{EXECUTABLE, PATIENCE, election_timeout_ms, patient};

/// A client without a response after this time counts as hanging.
const HANGS: Duration = PATIENCE;

/// Serializes these tests, because they measure memory and time.
async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}

async fn started(data: &Path, quiet_election_timeout_ms: u64) -> Cluster {
    started_with(data, election_timeout_ms(quiet_election_timeout_ms), &[]).await
}

/// Starts a cluster with exactly this election timeout, and more options for its nodes.
async fn started_with(data: &Path, election_timeout_ms: Option<u64>, more: &[String]) -> Cluster {
    let options = ClusterOptions {
        base_port: 0,
        lab: true,
        election_timeout_ms,
        more: more.to_vec(),
        ..ClusterOptions::new(EXECUTABLE, data)
    };
    let cluster = Cluster::start(options).await.expect("the nodes start");
    cluster.ready().await.expect("one of them leads");
    cluster
}

async fn connected(address: &str) -> ClientClient<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("it is an address");
    let endpoint = endpoint.connect_timeout(patient()).tcp_nodelay(true);
    ClientClient::new(endpoint.connect().await.expect("it takes a connection"))
}

/// The number of writes per outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tally {
    confirmed: u64,
    overloaded: u64,
    /// Definitely not done for another reason, such as a missing leader, with its error code.
    refused: BTreeMap<&'static str, u64>,
    unknown: u64,
    /// No response at all; this must stay 0.
    hanging: u64,
    /// The messages of the overloaded node.
    said: Option<String>,
}

impl Tally {
    fn answered(&self) -> u64 {
        self.confirmed + self.overloaded + self.refused.values().sum::<u64>() + self.unknown
    }

    fn add(&mut self, other: Tally) {
        self.confirmed += other.confirmed;
        self.overloaded += other.overloaded;
        self.unknown += other.unknown;
        self.hanging += other.hanging;
        other.refused.into_iter().for_each(|(code, count)| *self.refused.entry(code).or_default() += count);
        self.said = self.said.take().or(other.said);
    }

    fn count(&mut self, answer: Option<Result<proto::WriteResponse, tonic::Status>>) {
        use proto::write_response::Outcome;
        match answer.map(|answer| answer.map(|response| response.outcome)) {
            None => self.hanging += 1,
            Some(Ok(Some(Outcome::Written(_)))) => self.confirmed += 1,
            Some(Ok(Some(Outcome::Refused(refusal)))) => match Refusal::try_from(refusal).expect("it is well formed") {
                refusal if refusal.is_overload() => {
                    self.overloaded += 1;
                    self.said = Some(refusal.to_string());
                }
                refusal => *self.refused.entry(refusal.code()).or_default() += 1,
            },
            // A broken connection leaves the outcome unknown, too.
            Some(Ok(Some(Outcome::Unknown(_))) | Err(_)) => self.unknown += 1,
            Some(Ok(other)) => panic!("a put was answered with {other:?}"),
        }
    }
}

/// Sends one put and counts its outcome.
async fn put(client: &mut ClientClient<Channel>, key: String, value: Bytes) -> Tally {
    put_until(Duration::ZERO, client, key, value).await
}

/// Like [`put`], to a leader that may keep the write for `kept` of real time before it responds.
async fn put_until(kept: Duration, client: &mut ClientClient<Channel>, key: String, value: Bytes) -> Tally {
    let put = proto::WriteRequest::from(Change::Put { key: key.into(), value });
    let mut tally = Tally::default();
    let mut answer = std::pin::pin!(client.write(put));
    let answer = match tokio::time::timeout(kept, &mut answer).await {
        Ok(answer) => Some(answer),
        Err(_) => within(HANGS, answer).await,
    };
    tally.count(answer.map(|answer| answer.map(|ok| ok.into_inner())));
    tally
}

/// Resident memory of a process in MiB; 0 once it has ended.
fn resident_mib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1_024
}

/// Samples the memory of all nodes; returns the peak of each.
struct Memory {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<BTreeMap<NodeId, u64>>,
}

impl Memory {
    fn watch(cluster: &Cluster) -> Memory {
        let pids: Vec<_> = cluster.nodes().into_iter().filter_map(|node| Some((node.id, node.pid?))).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut most = BTreeMap::new();
            while !stopped.load(Ordering::Relaxed) {
                for (node, pid) in &pids {
                    let found = most.entry(*node).or_insert(0);
                    *found = resident_mib(*pid).max(*found);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            most
        });
        Memory { stop, thread }
    }

    fn most(self) -> BTreeMap<NodeId, u64> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("it only looks")
    }
}

#[track_caller]
fn assert_bounded(memory: &BTreeMap<NodeId, u64>, most_mib: u64) {
    assert!(memory.values().all(|mib| (1..=most_mib).contains(mib)), "above {most_mib} MiB: {memory:?}");
}

/// Checks that the cluster confirms writes and that all nodes apply the last of them.
async fn goes_on(cluster: &Cluster) {
    let client = cluster.client(patient()).expect("a client");
    let written = client.put(Bytes::from("after all"), Bytes::from("1")).await.expect("writes are confirmed again");
    let patience = Patience::of(HANGS);
    for node in cluster.nodes() {
        loop {
            let applied = client.report(node.id).await.ok().and_then(|said| said.applied);
            if applied.is_some_and(|applied| applied.id >= written.id) {
                break;
            }
            assert!(!patience.is_over(), "{} does not come to hold {}: {applied:?}", node.id, written.id);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Writes with `clients` clients of the library for a while; returns the confirmed writes per second. Both times are
/// scaled by the machine's slowness, so that a busy machine compares the same number of writes.
async fn throughput(client: &Client, clients: usize, time: Duration) -> f64 {
    let patience = &Patience::of(time);
    let work = |number: usize| {
        let client = client.clone();
        async move {
            let mut confirmed = 0_u64;
            while !patience.is_over() {
                let key = Bytes::from(format!("t{number}-{}", confirmed % 100));
                match client.put(key, Bytes::from(vec![b'v'; 256])).await {
                    Ok(_) => confirmed += 1,
                    Err(error) if error.is_overload() => {}
                    Err(error) => panic!("a write failed: {error}"),
                }
            }
            confirmed
        }
    };
    let all = futures_util::future::join_all((0..clients).map(work)).await;
    all.into_iter().sum::<u64>() as f64 / patience.passed().as_secs_f64()
}
