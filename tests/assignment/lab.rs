//! Four node processes on a temporary folder and free ports, and client processes that talk to them.
//!
//! The test is the launcher. A client is the `epoca` program, started for each command. The test learns everything that
//! it checks from such a client, from the nodes' events, or from their folders. Times are those of an idle machine.

#[path = "../support/files.rs"]
mod files;
#[path = "../support/quiet.rs"]
mod quiet;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use epoca::client::watch::{Observed, watch};
use epoca::cluster::{Cluster, ClusterOptions};
use epoca::protocol::trace::Fact;
use epoca::verify::patience::Patience;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use files::copy_folder;
pub use quiet::until;
use quiet::{PATIENCE, Scale, election_timeout_ms, until_some};

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_epoca");

pub struct Lab {
    runtime: Runtime,
    /// `None` while all nodes are stopped.
    cluster: Option<Cluster>,
    /// Of an idle machine.
    election_timeout_ms: u64,
    folder: TempDir,
}

/// A client process's output and exit code.
#[derive(Debug)]
#[allow(dead_code, reason = "what it said on standard error is shown when a test fails")]
pub struct Said {
    pub pid: u32,
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// Exit codes of the command line.
pub const DONE: i32 = 0;
pub const NOT: i32 = 1;
pub const UNKNOWN: i32 = 3;
pub const NO_LEADER: i32 = 4;

impl Lab {
    /// n1 leads epoch 1, n2 to n4 are its replicas: no election happens by chance.
    pub fn start() -> Lab {
        Lab::with_election_timeout(3_000)
    }

    /// For tests with an election or a full restart.
    pub fn with_elections() -> Lab {
        Lab::with_election_timeout(1_000)
    }

    /// A leader that keeps its role for a long time without a quorum.
    pub fn patient() -> Lab {
        Lab::with_election_timeout(10_000)
    }

    fn with_election_timeout(election_timeout_ms: u64) -> Lab {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let runtime = runtime.expect("a runtime");
        let mut lab = Lab { runtime, cluster: None, election_timeout_ms, folder };
        lab.start_everything();
        lab
    }

    pub fn start_everything(&mut self) {
        let options = ClusterOptions {
            base_port: 0,
            lab: true,
            election_timeout_ms: election_timeout_ms(self.election_timeout_ms),
            ..ClusterOptions::new(EXECUTABLE, self.folder.path())
        };
        let cluster = self.runtime.block_on(async {
            let cluster = Cluster::start(options).await.expect("the nodes start");
            cluster.ready().await.expect("a leader takes writes");
            cluster
        });
        self.cluster = Some(cluster);
    }

    /// Ends all nodes with SIGTERM, so that they shut down cleanly.
    pub fn stop_everything(&mut self) {
        if let Some(cluster) = self.cluster.take() {
            self.runtime.block_on(cluster.stop());
        }
    }

    /// Kills all node processes at once; they can neither reply nor write anything more.
    pub fn kill_everything(&mut self) {
        let _guard = self.runtime.enter();
        self.cluster = None;
    }

    fn cluster(&self) -> &Cluster {
        self.cluster.as_ref().expect("the nodes run")
    }

    pub fn pids(&self) -> Vec<u32> {
        self.cluster().nodes().iter().map(|node| node.pid.expect("it runs")).collect()
    }

    pub fn address(&self, node: usize) -> String {
        self.cluster().addresses()[node - 1].clone()
    }

    pub fn folder_of(&self, node: usize) -> PathBuf {
        self.folder.path().join(format!("n{node}"))
    }

    /// Runs a client process with this command.
    pub fn client(&self, words: &[&str]) -> Said {
        self.begin(words).end()
    }

    /// The same, without waiting for its exit.
    pub fn begin(&self, words: &[&str]) -> Running {
        let data = ["--data", self.folder.path().to_str().expect("the folder's name is text"), "--output", "json"];
        Running::start(&[words, &data].concat())
    }

    /// Runs a client process that must exit with this code; returns its JSON.
    #[track_caller]
    pub fn json(&self, code: i32, words: &[&str]) -> Value {
        let said = self.client(words);
        assert_eq!(said.code, Some(code), "{words:?}: {said:?}");
        said.json()
    }

    #[track_caller]
    pub fn put(&self, key: &str, value: &str) -> Value {
        self.json(DONE, &["put", key, value])
    }

    #[track_caller]
    pub fn fault(&self, words: &[&str]) -> Value {
        self.json(DONE, &[&["fault"], words].concat())
    }

    /// Reads this node's own final database.
    pub fn local(&self, node: usize, key: &str) -> Option<String> {
        let said = self.client(&["get", key, "--node", &node.to_string(), "--consistency", "local"]);
        match said.code {
            Some(DONE) => Some(said.json()["value"].as_str().expect("values are text here").to_owned()),
            Some(NOT) => None,
            _ => panic!("n{node} does not answer: {said:?}"),
        }
    }

    pub fn log(&self, node: usize) -> Vec<Line> {
        lines(&self.json(DONE, &["log", "--node", &node.to_string(), "--all"]))
    }

    /// Each node's status.
    pub fn status(&self) -> Vec<Value> {
        self.json(DONE, &["status"]).as_array().expect("status is a list").clone()
    }

    pub fn leader(&self) -> Option<usize> {
        let leader = self.status().into_iter().find(|node| node["role"] == "leader")?;
        leader["id"].as_u64().map(|id| id as usize)
    }

    /// Whether a node other than `old` leads and has committed in its epoch.
    #[track_caller]
    pub fn until_followed(&self, old: usize) -> usize {
        let leader = until_some("another node leads", || self.leader().filter(|leader| *leader != old));
        self.put("a write to", "the new leader");
        leader
    }

    /// The folder of a node as `epoca inspect` shows it. For a running node, a copy of its files is inspected.
    pub fn inspect(&self, node: usize) -> Inspected {
        let copy = tempfile::tempdir().expect("a temporary folder");
        copy_folder(&self.folder_of(node), copy.path());
        let said = Running::start(&["inspect", copy.path().to_str().expect("text"), "--output", "json"]).end();
        assert_eq!(said.code, Some(DONE), "{said:?}");
        let json = said.json();
        Inspected { log: lines(&json["log"]), database: records(&json["database"]) }
    }

    /// Subscribes to a node's events.
    pub fn watch(&self, node: usize) -> Watched {
        let facts = Arc::new(Mutex::new(Vec::new()));
        let seen = facts.clone();
        let address = self.address(node);
        let (ready, begun) = std::sync::mpsc::channel();
        self.runtime.spawn(async move {
            let mut observed = watch(address, 0);
            while let Some(observation) = observed.recv().await {
                match observation {
                    Observed::Snapshot { .. } => drop(ready.send(())),
                    Observed::Events(events) => {
                        seen.lock()
                            .expect("no holder of the lock panics")
                            .extend(events.into_iter().map(|event| event.fact));
                    }
                    Observed::Lost(_) | Observed::Disconnected(_) => {}
                }
            }
        });
        let patience = Patience::of(PATIENCE);
        while begun.recv_timeout(Duration::from_millis(100)) == Err(RecvTimeoutError::Timeout) {
            assert!(!patience.is_over(), "the node cannot be watched");
        }
        Watched { facts }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.stop_everything();
    }
}

/// A running client process.
pub struct Running(std::process::Child);

impl Running {
    fn start(words: &[&str]) -> Running {
        let mut command = Command::new(EXECUTABLE);
        let mut words: Vec<OsString> = words.iter().map(OsString::from).collect();
        let scale = Scale::of_this_machine();
        scale.timeout_unless_given(&mut words);
        scale.all(&mut words);
        command.args(words).env_remove("EPOCA_CONNECT").stdin(Stdio::null());
        Running(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the client starts"))
    }

    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("the process can be polled").is_some()
    }

    pub fn end(self) -> Said {
        let pid = self.0.id();
        let output = self.0.wait_with_output().expect("the process can be awaited");
        let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
        Said { pid, code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Said {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }
}

/// One log entry, as client and `inspect` show it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    pub epoch: u64,
    pub offset: u64,
    pub digest: String,
    pub state: String,
    pub key: Option<String>,
    pub value: Option<String>,
}

impl Line {
    /// `e1·o2:x=1`, or `e1·o0` for an opening.
    pub fn text(&self) -> String {
        let id = format!("e{}·o{}", self.epoch, self.offset);
        match (&self.key, &self.value) {
            (Some(key), Some(value)) => format!("{id}:{key}={value}"),
            _ => id,
        }
    }
}

/// The texts of the entries in a state.
pub fn in_state(lines: &[Line], state: &str) -> Vec<String> {
    lines.iter().filter(|line| line.state == state).map(Line::text).collect()
}

/// Entry ids and digests: two logs with equal ones are equal.
pub fn identity(lines: &[Line]) -> Vec<(u64, u64, String)> {
    lines.iter().map(|line| (line.epoch, line.offset, line.digest.clone())).collect()
}

/// A folder's contents: intermediate data and final data.
#[derive(Debug)]
pub struct Inspected {
    pub log: Vec<Line>,
    /// `x=1 from e1·o1`, by key.
    pub database: Vec<String>,
}

fn lines(json: &Value) -> Vec<Line> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let line = |line: &Value| Line {
        epoch: line["epoch"].as_u64().expect("an epoch"),
        offset: line["offset"].as_u64().expect("an offset"),
        digest: text(&line["digest"]).expect("a digest"),
        state: text(&line["state"]).expect("a state"),
        key: text(&line["key"]),
        value: text(&line["value"]),
    };
    json.as_array().expect("a log is a list").iter().map(line).collect()
}

fn records(json: &Value) -> Vec<String> {
    let record = |record: &Value| {
        let text = |name: &str| record[name].as_str().expect("text").to_owned();
        format!("{}={} from e{}·o{}", text("key"), text("value"), record["epoch"], record["offset"])
    };
    json.as_array().expect("a database is a list").iter().map(record).collect()
}

/// A node's events, in order of arrival.
pub struct Watched {
    facts: Arc<Mutex<Vec<Fact>>>,
}

impl Watched {
    pub fn facts(&self) -> Vec<Fact> {
        self.facts.lock().expect("no holder of the lock panics").clone()
    }

    /// Waits for a fact that `take` accepts; returns its result for the first one.
    #[track_caller]
    pub fn until<T>(&self, what: &str, mut take: impl FnMut(&Fact) -> Option<T>) -> T {
        until_some(what, || self.facts().iter().find_map(&mut take))
    }

    /// The index of the first fact so far that the function accepts.
    pub fn place(&self, take: impl FnMut(&Fact) -> bool) -> Option<usize> {
        self.facts().iter().position(take)
    }
}
