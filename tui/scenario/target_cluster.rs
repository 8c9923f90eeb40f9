//! The cluster on which a scenario runs: an existing one, or a temporary one that is deleted with all its data.

use std::path::{Path, PathBuf};
use std::time::Duration;

use epoca::client::{Client, ClientError, Options};
use epoca::cluster::{Cluster, ClusterOptions, PreparedLog, ProcessEvent, prepare};
use epoca::verify::patience::{on_this_machine, slowness};
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::script::{LogBefore, Script};
use crate::command::node_options::arguments;
use crate::tape::Tap;

/// The deadline of an operation without a deadline of its own, on a quiet machine like all times of a scenario.
const TIMEOUT: Duration = Duration::from_secs(20);
/// The election timeout of a temporary cluster, if the scenario does not set one.
const ELECTION_TIMEOUT_MS: u64 = 1_000;
/// The number of nodes of a temporary cluster, if the scenario does not set one.
const NODES: u64 = 4;

pub struct TargetCluster {
    pub client: Client,
    /// The file of this program, to inspect data folders with.
    pub executable: PathBuf,
    /// The recording of commands and steps, if there is one.
    pub tap: Option<Tap>,
    temporary: Option<Temporary>,
}

/// A cluster that ends, and whose data is deleted, with this value. The fields are dropped in this order: the nodes
/// would otherwise write into the folder while it is deleted.
struct Temporary {
    cluster: Option<Cluster>,
    folder: TempDir,
}

impl TargetCluster {
    /// A running cluster, which continues after the scenario.
    pub fn existing(client: &Client, executable: PathBuf) -> Result<TargetCluster, ClientError> {
        let client = with_timeout(client, on_this_machine(TIMEOUT))?;
        Ok(TargetCluster { client, executable, tap: None, temporary: None })
    }

    /// Starts a temporary lab cluster that meets the needs of the scenario.
    pub async fn start(script: &Script, executable: PathBuf, base_port: u16) -> Result<TargetCluster, String> {
        let needs = &script.needs;
        let folder = tempfile::Builder::new().prefix("epoca-scenario-").tempdir();
        let folder = folder.map_err(|error| format!("cannot create a temporary folder: {error}"))?;
        let mut temporary = Temporary { cluster: None, folder };
        let nodes = needs.nodes.unwrap_or(NODES);
        if !needs.logs.is_empty() {
            prepare_logs(script, temporary.folder.path(), nodes).await?;
        }
        // With an unchanged timeout a busy machine would elect another leader in the middle of the scenario.
        let slowness = tokio::task::spawn_blocking(slowness).await.unwrap_or(1.0);
        let election_timeout_ms = needs.election_timeout_ms.unwrap_or(ELECTION_TIMEOUT_MS);
        let options = ClusterOptions {
            nodes: Some(nodes),
            base_port,
            lab: true,
            election_timeout_ms: Some((election_timeout_ms as f64 * slowness) as u64),
            lease_ms: needs.lease_ms,
            more: node_options(script),
            ..ClusterOptions::new(&executable, temporary.folder.path())
        };
        let cluster = Cluster::start(options).await.map_err(|error| error.to_string())?;
        let cluster = temporary.cluster.insert(cluster);
        if needs.logs.is_empty() {
            cluster.ready().await.map_err(|error| error.to_string())?;
        }
        let client = cluster.client(on_this_machine(TIMEOUT)).map_err(|error| error.to_string())?;
        Ok(TargetCluster { client, executable, tap: None, temporary: Some(temporary) })
    }

    pub fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }

    /// What happens to the processes of a temporary cluster. Returns the receiver once.
    pub fn take_events(&mut self) -> Option<mpsc::Receiver<ProcessEvent>> {
        self.temporary.as_mut()?.cluster.as_mut()?.take_events()
    }

    /// Ends the cluster if it is temporary.
    pub async fn end(mut self) {
        if let Some(cluster) = self.temporary.as_mut().and_then(|temporary| temporary.cluster.take()) {
            cluster.stop().await;
        }
    }
}

/// A client of the same nodes with another deadline.
pub fn with_timeout(client: &Client, timeout: Duration) -> Result<Client, ClientError> {
    Client::of_nodes(&client.nodes(), Options { timeout, ..client.options().clone() })
}

fn node_options(script: &Script) -> Vec<String> {
    let needs = &script.needs;
    arguments([
        ("--uncommitted-entries", needs.uncommitted_entries),
        ("--snapshot-entries", needs.snapshot_entries),
        ("--snapshot-margin", needs.snapshot_margin),
    ])
}

async fn prepare_logs(script: &Script, folder: &Path, nodes: u64) -> Result<(), String> {
    let log = |log: &LogBefore| PreparedLog { node: log.node, runs: log.runs.clone(), promise: log.promise };
    let logs: Vec<PreparedLog> = script.needs.logs.iter().map(log).collect();
    let folder = folder.to_owned();
    let prepared = tokio::task::spawn_blocking(move || prepare(&folder, nodes, &logs)).await;
    prepared.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}
