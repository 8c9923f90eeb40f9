//! Records a cluster without a screen: observes all nodes, polls the launcher for the processes, and takes the
//! operations of a scenario.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use epoca::client::watch::{Expected, Observed, watch_expected};
use epoca::client::{Client, Process, ProcessState};
use epoca::protocol::NodeId;
use epoca::protocol::trace::NodeState;
use epoca::verify::order::PATIENCE;
use tokio::sync::Notify;
use tokio::sync::watch::{Receiver, Sender, channel};
use tokio::task::JoinSet;

use crate::command::Outcome;
use crate::tape::file::FileError;
use crate::tape::order::Sorter;
use crate::tape::record::{Mark, MarkKind, ProcessSeen, Record, What, reduced};
use crate::tape::recorder::{Recorder, RecordingStatus};

/// The pause between two requests for the processes.
const PROCESSES_EVERY: Duration = Duration::from_millis(500);
/// The pause between two searches for new nodes.
const NEW_NODES_EVERY: Duration = Duration::from_millis(200);
/// How long the start waits for a first observation of each node.
const FIRST_OBSERVATION: Duration = Duration::from_secs(3);

/// A recording that continues until it is ended.
pub struct ClusterRecorder {
    tap: Tap,
    tasks: JoinSet<()>,
}

/// The input of a recording. Each record gets its time here.
#[derive(Clone)]
pub struct Tap {
    recorder: Arc<Recorder>,
    began: Instant,
    operations: Arc<AtomicU64>,
    sorter: Arc<Mutex<Sorter>>,
}

impl Tap {
    /// Records the begin of an operation as it would be typed. Returns its number.
    pub fn begin(&self, line: &str) -> u64 {
        let number = self.operations.fetch_add(1, Ordering::Relaxed) + 1;
        self.note(What::Begin { number, line: line.trim().to_owned() });
        number
    }

    pub fn end(&self, number: u64, outcome: &Outcome, took: Duration) {
        self.note(What::End { number, took, outcome: reduced(outcome) });
    }

    /// Marks the end of a scenario or of one of its steps.
    pub fn mark(&self, kind: MarkKind, text: &str) {
        let mark = Mark { kind, text: text.to_owned(), evidence: Vec::new() };
        self.note(What::Mark(mark));
    }

    fn note(&self, what: What) {
        let mut sorter = self.lock();
        let now = self.began.elapsed();
        sorter.push(now, what);
        self.write(|| sorter.next(now));
    }

    /// Writes the records that have waited long enough.
    fn write_ready(&self) {
        let mut sorter = self.lock();
        let now = self.began.elapsed();
        self.write(|| sorter.next(now));
    }

    /// Writes all waiting records.
    fn finish(&self) {
        let mut sorter = self.lock();
        self.write(|| sorter.next_at_end());
    }

    /// The caller holds the lock of the sorter, so that records are written in its order.
    fn write(&self, next: impl FnMut() -> Option<Record>) {
        std::iter::from_fn(next).for_each(|record| self.recorder.take(record));
    }

    fn lock(&self) -> MutexGuard<'_, Sorter> {
        // No code panics while it holds the lock.
        self.sorter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClusterRecorder {
    /// Starts to record all nodes that the client knows. Returns once each of them was observed or had time for it, so
    /// that everything that is done from then on is recorded.
    pub async fn start(path: &Path, bytes_max: u64, client: &Client) -> Result<ClusterRecorder, FileError> {
        let recorder = Arc::new(Recorder::begin(path, bytes_max)?);
        let tap = Tap { recorder, began: Instant::now(), operations: Arc::default(), sorter: Arc::default() };
        let nodes = client.nodes();
        tap.note(What::Nodes { nodes: nodes.clone(), no_launcher: None });
        let (observed, mut counts) = channel(0);
        let sources = Sources { tap: tap.clone(), observed: Arc::new(observed), look: Arc::default() };
        let mut tasks = JoinSet::new();
        let count = nodes.len();
        let known = nodes.iter().map(|(id, _)| *id).collect();
        for (id, address) in nodes {
            tasks.spawn(sources.clone().observe(id, address, client.expected(id)));
        }
        tasks.spawn(sources.clone().observe_new_nodes(client.clone(), known));
        tasks.spawn(sources.poll_processes(client.clone()));
        tasks.spawn(write_ready(tap.clone()));
        // A node without an observation by then is down, which is recorded too.
        let _ = tokio::time::timeout(FIRST_OBSERVATION, all_observed(&mut counts, count)).await;
        Ok(ClusterRecorder { tap, tasks })
    }

    /// An input for the operations of others. They must drop it before the recording ends.
    pub fn tap(&self) -> Tap {
        self.tap.clone()
    }

    pub fn status(&self) -> RecordingStatus {
        self.tap.recorder.status()
    }

    /// Stops observing and writes the remaining records.
    pub async fn end(mut self) -> RecordingStatus {
        self.tasks.shutdown().await;
        self.tap.finish();
        match Arc::try_unwrap(self.tap.recorder) {
            Ok(recorder) => recorder.end(),
            // An operation is still in flight; its end is not awaited.
            Err(recorder) => recorder.status(),
        }
    }
}

async fn all_observed(counts: &mut Receiver<usize>, count: usize) {
    // An error means that the tasks have ended, so there is nothing to wait for.
    let _ = counts.wait_for(|observed| *observed >= count).await;
}

async fn write_ready(tap: Tap) {
    loop {
        tokio::time::sleep(PATIENCE / 4).await;
        tap.write_ready();
    }
}

/// What the tasks that observe the cluster share.
#[derive(Clone)]
struct Sources {
    tap: Tap,
    /// How many nodes were observed.
    observed: Arc<Sender<usize>>,
    /// Wakes the task that polls the processes.
    look: Arc<Notify>,
}

impl Sources {
    async fn observe(self, id: NodeId, address: String, expected: Expected) {
        let mut observations = watch_expected(address, expected, NodeState::TAIL_MAX as u64);
        let mut is_first = true;
        while let Some(observed) = observations.recv().await {
            match observed {
                Observed::Events(events) => {
                    for event in events {
                        self.tap.note(What::Observed(id, Observed::Events(vec![event])));
                    }
                }
                other => {
                    self.tap.note(What::Observed(id, other));
                    // The node's process has probably ended or started.
                    self.look.notify_one();
                }
            }
            if std::mem::take(&mut is_first) {
                self.observed.send_modify(|observed| *observed += 1);
            }
        }
    }

    /// Observes nodes that the launcher starts later, or that become members.
    async fn observe_new_nodes(self, client: Client, mut known: BTreeSet<NodeId>) {
        let mut tasks = JoinSet::new();
        loop {
            // Without an answer there is no new node.
            let processes = client.processes().await.ok().flatten().map(|all| all.nodes).unwrap_or_default();
            let members = client.members().await.map(|(listed, _)| listed.membership.members).unwrap_or_default();
            let processes = processes.into_iter().map(|process| (process.id, process.address));
            let nodes = processes.chain(members.into_iter().map(|member| (member.id, member.address)));
            for (id, address) in nodes.filter(|(id, _)| known.insert(*id)).collect::<Vec<_>>() {
                self.tap.note(What::Nodes { nodes: vec![(id, address.clone())], no_launcher: None });
                tasks.spawn(self.clone().observe(id, address, client.expected(id)));
            }
            tokio::time::sleep(NEW_NODES_EVERY).await;
        }
    }

    async fn poll_processes(self, client: Client) {
        let mut known = BTreeMap::new();
        loop {
            // Without an answer from a launcher the processes are unknown.
            for process in client.processes().await.ok().flatten().map(|all| all.nodes).unwrap_or_default() {
                let (node, state) = process_state(process);
                let before = known.insert(node, state.clone());
                if before.unwrap_or(ProcessSeen::Running) != state {
                    self.tap.note(What::Process(node, state));
                }
            }
            // Notified or timed out: poll again.
            let _ = tokio::time::timeout(PROCESSES_EVERY, self.look.notified()).await;
        }
    }
}

/// The state of a process as the launcher reports it.
pub fn process_state(process: Process) -> (NodeId, ProcessSeen) {
    let state = match process.state {
        ProcessState::Paused => ProcessSeen::Paused,
        ProcessState::Stopped if process.exit.is_empty() => ProcessSeen::Killed,
        ProcessState::Stopped => ProcessSeen::Ended(process.exit),
        ProcessState::Running => ProcessSeen::Running,
    };
    (process.id, state)
}
