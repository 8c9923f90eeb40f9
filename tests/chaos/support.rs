//! A cluster of real node processes for one test at a time, and waiting until all its nodes have converged.
//!
//! Times are those of an idle machine; [`scaled`] converts them to this one.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use epoca::client::{Client, Consistency, LogLine, Record};
use epoca::cluster::{Cluster, ClusterOptions};
use epoca::protocol::NodeId;
use epoca::protocol::trace::RoleName;
use epoca::verify::patience::{Patience, slowness};
use tokio::sync::MutexGuard;

/// The election timeout of these clusters: short, so that elections end while the links are still cut.
pub const ELECTION_TIMEOUT: Duration = Duration::from_millis(300);
const HEARTBEAT: Duration = Duration::from_millis(50);
pub const NODES: [NodeId; 4] = [NodeId(1), NodeId(2), NodeId(3), NodeId(4)];
/// The longest wait for any condition.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The slowness of this machine, relative to an idle one, when the last nodes were started.
static SLOWNESS: Mutex<f64> = Mutex::new(1.0);
/// More entries than any run writes: the whole log.
const EVERYTHING: u64 = 10_000_000;

/// Serializes the tests: two clusters at once would slow each other down.
pub async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    ALONE.lock().await
}

/// Scales a time of an idle machine for the running nodes, whose own timeouts have the same scale.
pub fn scaled(quiet: Duration) -> Duration {
    quiet.mul_f64(*SLOWNESS.lock().unwrap_or_else(PoisonError::into_inner))
}

fn measure() {
    *SLOWNESS.lock().unwrap_or_else(PoisonError::into_inner) = slowness();
}

pub fn milliseconds(time: Duration) -> u64 {
    time.as_millis() as u64
}

/// A number from the environment.
pub fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// `SEED`, or a random one.
pub fn seed() -> u64 {
    number("SEED").unwrap_or_else(|| getrandom::u64().expect("the system gives random numbers") % 1_000_000)
}

/// The program that runs the nodes: `EXECUTABLE` names another build, such as one with an injected bug.
pub fn executable() -> PathBuf {
    std::env::var_os("EXECUTABLE").map_or_else(|| env!("CARGO_BIN_EXE_epoca").into(), PathBuf::from)
}

fn options(executable: &Path, data: &Path) -> ClusterOptions {
    ClusterOptions { base_port: 0, lab: true, ..ClusterOptions::new(executable, data) }
}

/// Starts nodes with short timeouts without waiting for a leader.
pub async fn begin(executable: &Path, data: &Path) -> Cluster {
    measure();
    let hasty = ClusterOptions {
        heartbeat_ms: Some(milliseconds(HEARTBEAT)),
        election_timeout_ms: Some(milliseconds(scaled(ELECTION_TIMEOUT))),
        ..options(executable, data)
    };
    Cluster::start(hasty).await.expect("the nodes start")
}

/// Starts nodes with short timeouts and waits for a leader.
pub async fn start(executable: &Path, data: &Path) -> Cluster {
    led(begin(executable, data).await, data).await
}

/// The default election timeout of nodes.
pub const USUAL_ELECTION_TIMEOUT: Duration = Duration::from_secs(1);

/// Nodes with the default heartbeat and election timeout, unless `HEARTBEAT` and `ELECTION_TIMEOUT` set others, in
/// milliseconds of this machine; waits for a leader.
pub async fn start_as_usual(data: &Path) -> Cluster {
    measure();
    let usual = milliseconds(scaled(USUAL_ELECTION_TIMEOUT));
    let told = ClusterOptions {
        heartbeat_ms: number("HEARTBEAT"),
        election_timeout_ms: Some(number("ELECTION_TIMEOUT").unwrap_or(usual)),
        ..options(&executable(), data)
    };
    led(Cluster::start(told).await.expect("the nodes start"), data).await
}

async fn led(cluster: Cluster, data: &Path) -> Cluster {
    let words = || NODES.map(|node| std::fs::read_to_string(data.join(format!("{node}.log"))).unwrap_or_default());
    if let Err(error) = cluster.ready().await {
        panic!("no node leads: {error}; the nodes say: {:#?}", words());
    }
    cluster
}

/// The node that reports itself as the leader.
pub async fn leader(client: &Client) -> Option<NodeId> {
    let nodes = client.status().await.ok()?;
    nodes.iter().find(|node| node.reported.as_ref().is_ok_and(|said| said.role == RoleName::Leader)).map(|node| node.id)
}

/// The log and final data that all nodes have in common.
pub struct Agreed {
    pub log: Vec<LogLine>,
    pub records: Vec<Record>,
}

/// Waits until all nodes have committed and applied one whole log; then their logs and final data must be equal.
pub async fn agreed(client: &Client) -> Agreed {
    let patience = Patience::of(PATIENCE);
    let mut last = String::new();
    while !patience.is_over() {
        match at_rest(client).await {
            Ok(position) => match compare(client).await {
                agreed if at_rest(client).await.as_ref() == Ok(&position) => {
                    return agreed.unwrap_or_else(|why| panic!("{why}"));
                }
                _ => last = "they changed while they were compared".to_owned(),
            },
            Err(why) => last = why,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the nodes did not converge: {last}");
}

/// The last position of every node, if all of it is applied on all nodes.
async fn at_rest(client: &Client) -> Result<u64, String> {
    let nodes = client.status().await.map_err(|error| error.to_string())?;
    let mut ends = Vec::new();
    for node in &nodes {
        let reported = node.reported.as_ref().map_err(|why| format!("{}: {why}", node.id))?;
        if reported.last.is_none() || reported.last != reported.committed || reported.last != reported.applied {
            return Err(format!("{}: {reported:?}", node.id));
        }
        ends.push(reported.last);
    }
    match ends.iter().all(|end| *end == ends[0]) && ends.len() == NODES.len() {
        true => Ok(ends[0].map_or(0, |point| point.position.0)),
        false => Err(format!("they end differently: {ends:?}")),
    }
}

async fn compare(client: &Client) -> Result<Agreed, String> {
    let mut first: Option<Agreed> = None;
    for node in NODES {
        let failed = |error: epoca::client::ClientError| format!("{node}: {error}");
        let (log, _) = client.read_log(node, 1, EVERYTHING).await.map_err(failed)?;
        let (records, _) =
            client.list(Bytes::new(), EVERYTHING, Consistency::Local, Some(node)).await.map_err(failed)?;
        match &first {
            None => first = Some(Agreed { log, records }),
            Some(first) if first.log != log => return Err(format!("{node} has another log than n1")),
            Some(first) if first.records != records => return Err(format!("{node} has other final data than n1")),
            Some(_) => {}
        }
    }
    first.ok_or_else(|| "there is no node".to_owned())
}
