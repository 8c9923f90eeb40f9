//! Records a cluster without a screen: all nodes are watched, the launcher is asked for the processes, and whoever works
//! with the cluster adds what it does.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use epoca::client::watch::{Observed, watch};
use epoca::client::{Client, Process};
use epoca::protocol::NodeId;
use epoca::protocol::trace::Snapshot;
use tokio::sync::watch::{Receiver, Sender, channel};
use tokio::task::JoinSet;

use crate::command::Outcome;
use crate::tape::file::FileError;
use crate::tape::record::{Mark, MarkKind, ProcessSeen, Record, What, reduced};
use crate::tape::recorder::{Recorder, Written};

/// Between two looks at the processes.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long is waited for a first word of each node.
const FIRST_WORD: Duration = Duration::from_secs(3);

/// A recording that goes on until it is ended.
pub struct Gathering {
    tap: Tap,
    tasks: JoinSet<()>,
}

/// Where records go in; each gets its time there.
#[derive(Clone)]
pub struct Tap {
    recorder: Arc<Recorder>,
    began: Instant,
    operations: Arc<AtomicU64>,
}

impl Tap {
    /// Somebody asks for this, as it would be typed; gives the operation's number.
    pub fn begin(&self, line: &str) -> u64 {
        let number = self.operations.fetch_add(1, Ordering::Relaxed) + 1;
        self.note(What::Begin { number, line: line.trim().to_owned() });
        number
    }

    pub fn end(&self, number: u64, outcome: &Outcome, took: Duration) {
        self.note(What::End { number, took, outcome: reduced(outcome) });
    }

    /// A step of a scenario is done, or the scenario is.
    pub fn mark(&self, text: &str) {
        let mark = Mark { kind: MarkKind::Scenario, text: text.to_owned(), evidence: Vec::new() };
        self.note(What::Mark(mark));
    }

    fn note(&self, what: What) {
        self.recorder.take(Record { at: self.began.elapsed(), what });
    }
}

impl Gathering {
    /// Begins a recording of all nodes that the client knows. Each of them has said something, or has had its time to,
    /// when this ends: what is done from then on is recorded.
    pub async fn begin(path: &Path, bytes_max: u64, client: &Client) -> Result<Gathering, FileError> {
        let recorder = Arc::new(Recorder::begin(path, bytes_max)?);
        let tap = Tap { recorder, began: Instant::now(), operations: Arc::default() };
        let nodes = client.nodes();
        tap.note(What::Nodes { nodes: nodes.clone(), no_launcher: None });
        let (heard, mut words) = channel(0);
        let heard = Arc::new(heard);
        let mut tasks = JoinSet::new();
        let count = nodes.len();
        for (id, address) in nodes {
            tasks.spawn(hear(id, address, tap.clone(), Arc::clone(&heard)));
        }
        tasks.spawn(look_at_processes(client.clone(), tap.clone()));
        // A node that says nothing for so long is down; that is recorded too.
        let _ = tokio::time::timeout(FIRST_WORD, all_heard(&mut words, count)).await;
        Ok(Gathering { tap, tasks })
    }

    /// For whoever works with the cluster. The recording ends well only once all of them are gone.
    pub fn tap(&self) -> Tap {
        self.tap.clone()
    }

    pub fn written(&self) -> Written {
        self.tap.recorder.written()
    }

    /// Stops watching and writes what is left.
    pub async fn end(mut self) -> Written {
        self.tasks.shutdown().await;
        match Arc::try_unwrap(self.tap.recorder) {
            Ok(recorder) => recorder.end(),
            // Something that was begun is under way still; its end is not waited for.
            Err(recorder) => recorder.written(),
        }
    }
}

async fn all_heard(words: &mut Receiver<usize>, count: usize) {
    // The senders live as long as the tasks; if they are gone, there is nothing to wait for.
    let _ = words.wait_for(|heard| *heard >= count).await;
}

async fn hear(id: NodeId, address: String, tap: Tap, heard: Arc<Sender<usize>>) {
    let mut observed = watch(address, Snapshot::TAIL_MAX as u64);
    let mut first = true;
    while let Some(observed) = observed.recv().await {
        match observed {
            Observed::Events(events) => {
                for event in events {
                    tap.note(What::Observed(id, Observed::Events(vec![event])));
                }
            }
            other => tap.note(What::Observed(id, other)),
        }
        if std::mem::take(&mut first) {
            heard.send_modify(|heard| *heard += 1);
        }
    }
}

async fn look_at_processes(client: Client, tap: Tap) {
    let mut known = BTreeMap::new();
    loop {
        // A launcher that is not there or does not answer says nothing about the processes.
        for process in client.processes().await.ok().flatten().map(|all| all.nodes).unwrap_or_default() {
            let (node, seen) = seen(process);
            let before = known.insert(node, seen.clone());
            if before.unwrap_or(ProcessSeen::Running) != seen {
                tap.note(What::Process(node, seen));
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What the launcher says of a process.
pub fn seen(process: Process) -> (NodeId, ProcessSeen) {
    let seen = match process.state.as_str() {
        "paused" => ProcessSeen::Paused,
        "stopped" if process.exit.is_empty() => ProcessSeen::Killed,
        "stopped" => ProcessSeen::Ended(process.exit),
        _ => ProcessSeen::Running,
    };
    (process.id, seen)
}
