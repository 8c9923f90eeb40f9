//! What the examples share: a cluster to work on, and the options that choose it.
//!
//! Left out: everything that the examples show of the client library.
#![allow(dead_code, reason = "each example uses some of it")]

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use epoca::client::{Client, Options};
use epoca::cluster::{Cluster, ClusterOptions};
use tempfile::TempDir;

pub type Failure = Box<dyn Error + Send + Sync>;

/// A client and, unless `--connect` names another cluster, the four nodes that were started for it.
pub struct Setup {
    pub client: Client,
    own: Option<(Cluster, TempDir)>,
}

/// What the command line says.
struct Arguments {
    connect: Vec<String>,
    timeout: Duration,
    election_timeout_ms: Option<u64>,
}

impl Setup {
    /// Connects to the nodes of `--connect A,B`, or starts four nodes in a temporary folder.
    ///
    /// `--timeout S` is the deadline of each operation (10 s), `--election-timeout MS` that of the started nodes.
    pub async fn from_arguments() -> Result<Setup, Failure> {
        let Arguments { connect, timeout, election_timeout_ms } = arguments()?;
        if !connect.is_empty() {
            let options = Options { timeout, ..Options::default() };
            let client = Client::connect(connect.as_slice(), options).await?;
            println!("connected to {} nodes", client.nodes().len());
            return Ok(Setup { client, own: None });
        }
        let folder = tempfile::tempdir()?;
        let options = ClusterOptions::new(executable()?, folder.path());
        let cluster = Cluster::start(ClusterOptions { base_port: 0, election_timeout_ms, ..options }).await?;
        let ready = cluster.ready().await?;
        println!("started {} nodes; {} leads", cluster.nodes().len(), ready.leader);
        let client = cluster.client(timeout)?;
        Ok(Setup { client, own: Some((cluster, folder)) })
    }

    /// Whether the nodes belong to this example, so that it may kill them.
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Ends the nodes that were started, and deletes their data.
    pub async fn end(self) {
        if let Some((cluster, _folder)) = self.own {
            cluster.stop().await;
        }
    }
}

fn arguments() -> Result<Arguments, Failure> {
    let mut found = Arguments { connect: Vec::new(), timeout: Duration::from_secs(10), election_timeout_ms: None };
    let mut words = std::env::args().skip(1);
    while let Some(option) = words.next() {
        let value = words.next().ok_or_else(|| format!("{option} needs a value"))?;
        match &option[..] {
            "--connect" => found.connect = value.split(',').map(str::to_owned).collect(),
            "--timeout" => found.timeout = Duration::try_from_secs_f64(value.parse()?)?,
            "--election-timeout" => found.election_timeout_ms = Some(value.parse()?),
            _ => return Err(format!("unknown option {option}: --connect, --timeout or --election-timeout").into()),
        }
    }
    Ok(found)
}

/// The program `epoca` of the same build: `target/debug/epoca` beside `target/debug/examples/counter`.
fn executable() -> Result<PathBuf, Failure> {
    let example = std::env::current_exe()?;
    let program = example.parent().and_then(|examples| examples.parent()).map(|build| build.join("epoca"));
    let program = program.filter(|program| program.exists());
    program
        .ok_or_else(|| "there is no `epoca` to start: run `cargo build` first, or name a cluster with --connect".into())
}
