//! The cluster on which a scenario runs: one that is there already, or one of its own in a temporary folder, of which
//! nothing stays.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use epoca::client::{Client, ClientError, Options};
use epoca::cluster::{Cluster, ClusterOptions, PreparedLog, ProcessEvent, prepare};
use epoca::verify::patience::{on_this_machine, slowness};
use tokio::sync::mpsc;

use super::script::Script;
use crate::tape::Tap;

/// The deadline of an operation that has none of its own, on a quiet machine as all times of a scenario.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Of a cluster of its own, if the scenario does not say.
const ELECTION_TIMEOUT_MS: u64 = 1_000;
/// Nodes of a cluster of its own, if the scenario does not say.
const NODES: u64 = 4;

pub struct Stage {
    pub client: Client,
    /// Ours, to look at folders with.
    pub executable: PathBuf,
    /// Where commands and steps are recorded, if they are.
    pub tap: Option<Tap>,
    own: Option<Own>,
}

/// Ended and deleted with this value.
struct Own {
    cluster: Option<Cluster>,
    folder: PathBuf,
}

impl Stage {
    /// A cluster that runs, and runs on.
    pub fn there(client: &Client, executable: PathBuf) -> Result<Stage, ClientError> {
        let client = with_timeout(client, on_this_machine(TIMEOUT))?;
        Ok(Stage { client, executable, tap: None, own: None })
    }

    /// Starts a lab cluster for the scenario.
    pub async fn own(script: &Script, executable: PathBuf, base_port: u16) -> Result<Stage, String> {
        let needs = &script.needs;
        let mut own = Own { cluster: None, folder: fresh_folder()? };
        let nodes = needs.nodes.unwrap_or(NODES);
        if !needs.logs.is_empty() {
            prepare_logs(script, &own.folder, nodes).await?;
        }
        // Else a busy machine elects another leader in the middle of what is shown.
        let slowness = tokio::task::spawn_blocking(slowness).await.unwrap_or(1.0);
        let election_timeout_ms = needs.election_timeout_ms.unwrap_or(ELECTION_TIMEOUT_MS);
        let options = ClusterOptions {
            nodes: Some(nodes),
            base_port,
            lab: true,
            election_timeout_ms: Some((election_timeout_ms as f64 * slowness) as u64),
            lease_ms: needs.lease_ms,
            more: node_options(script),
            ..ClusterOptions::new(&executable, &own.folder)
        };
        let cluster = Cluster::start(options).await.map_err(|error| error.to_string())?;
        let cluster = own.cluster.insert(cluster);
        if needs.logs.is_empty() {
            cluster.ready().await.map_err(|error| error.to_string())?;
        }
        let client = cluster.client(on_this_machine(TIMEOUT)).map_err(|error| error.to_string())?;
        Ok(Stage { client, executable, tap: None, own: Some(own) })
    }

    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// What becomes of the processes of a cluster of its own; once.
    pub fn take_events(&mut self) -> Option<mpsc::Receiver<ProcessEvent>> {
        self.own.as_mut()?.cluster.as_mut()?.take_events()
    }

    /// Ends the cluster if it is this scenario's own.
    pub async fn end(mut self) {
        if let Some(cluster) = self.own.as_mut().and_then(|own| own.cluster.take()) {
            cluster.stop().await;
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // The nodes first: they would go on to write.
        self.cluster = None;
        // What cannot be deleted lies in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The same nodes with another deadline.
pub fn with_timeout(client: &Client, timeout: Duration) -> Result<Client, ClientError> {
    Client::of_nodes(&client.nodes(), Options { timeout, ..client.options().clone() })
}

fn node_options(script: &Script) -> Vec<String> {
    let needs = &script.needs;
    let options = [
        ("--uncommitted-entries", needs.uncommitted_entries),
        ("--snapshot-entries", needs.snapshot_entries),
        ("--snapshot-margin", needs.snapshot_margin),
    ];
    let given = options.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?.to_string()]));
    given.flatten().collect()
}

async fn prepare_logs(script: &Script, folder: &Path, nodes: u64) -> Result<(), String> {
    let log =
        |log: &super::script::LogBefore| PreparedLog { node: log.node, runs: log.runs.clone(), promise: log.promise };
    let logs: Vec<PreparedLog> = script.needs.logs.iter().map(log).collect();
    let folder = folder.to_owned();
    let prepared = tokio::task::spawn_blocking(move || prepare(&folder, nodes, &logs)).await;
    prepared.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

fn fresh_folder() -> Result<PathBuf, String> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let base = std::env::temp_dir();
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = base.join(format!("epoca-scenario-{}-{number}", std::process::id()));
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(format!("cannot make {}: {error}", folder.display())),
        }
    }
}
