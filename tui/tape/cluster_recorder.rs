//! Records a cluster without a screen: all nodes are watched, the launcher is asked for the processes, and whoever
//! works with the cluster adds what it does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use epoca::client::watch::{Observed, watch};
use epoca::client::{Client, Process};
use epoca::protocol::NodeId;
use epoca::protocol::trace::Snapshot;
use epoca::verify::order::PATIENCE;
use tokio::sync::Notify;
use tokio::sync::watch::{Receiver, Sender, channel};
use tokio::task::JoinSet;

use crate::command::Outcome;
use crate::tape::file::FileError;
use crate::tape::order::Sorter;
use crate::tape::record::{Mark, MarkKind, ProcessSeen, Record, What, reduced};
use crate::tape::recorder::{Recorder, Written};

/// Between two looks at the processes.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Between two looks for nodes that were not there before.
const NEWCOMERS_EVERY: Duration = Duration::from_millis(200);
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
    sorter: Arc<Mutex<Sorter>>,
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

    /// Writes what has waited long enough.
    fn go_on(&self) {
        let mut sorter = self.lock();
        let now = self.began.elapsed();
        self.write(|| sorter.next(now));
    }

    /// Writes all that waits.
    fn finish(&self) {
        let mut sorter = self.lock();
        self.write(|| sorter.next_at_end());
    }

    /// The lock of the sorter is held meanwhile, so that records are written in its order.
    fn write(&self, next: impl FnMut() -> Option<Record>) {
        std::iter::from_fn(next).for_each(|record| self.recorder.take(record));
    }

    fn lock(&self) -> MutexGuard<'_, Sorter> {
        // Nothing panics while it is held.
        self.sorter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gathering {
    /// Begins a recording of all nodes that the client knows. Each of them has said something, or has had its time to,
    /// when this ends: what is done from then on is recorded.
    pub async fn begin(path: &Path, bytes_max: u64, client: &Client) -> Result<Gathering, FileError> {
        let recorder = Arc::new(Recorder::begin(path, bytes_max)?);
        let tap = Tap { recorder, began: Instant::now(), operations: Arc::default(), sorter: Arc::default() };
        let nodes = client.nodes();
        tap.note(What::Nodes { nodes: nodes.clone(), no_launcher: None });
        let (heard, mut words) = channel(0);
        let heard = Arc::new(heard);
        let mut tasks = JoinSet::new();
        let count = nodes.len();
        let look = Arc::new(Notify::new());
        let watched = nodes.iter().map(|(id, _)| *id).collect();
        for (id, address) in nodes {
            tasks.spawn(hear(id, address, tap.clone(), Arc::clone(&heard), Arc::clone(&look)));
        }
        tasks.spawn(hear_newcomers(client.clone(), watched, tap.clone(), heard, Arc::clone(&look)));
        tasks.spawn(look_at_processes(client.clone(), tap.clone(), look));
        tasks.spawn(go_on(tap.clone()));
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
        self.tap.finish();
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

async fn hear(id: NodeId, address: String, tap: Tap, heard: Arc<Sender<usize>>, look: Arc<Notify>) {
    let mut observed = watch(address, Snapshot::TAIL_MAX as u64);
    let mut first = true;
    while let Some(observed) = observed.recv().await {
        match observed {
            Observed::Events(events) => {
                for event in events {
                    tap.note(What::Observed(id, Observed::Events(vec![event])));
                }
            }
            other => {
                tap.note(What::Observed(id, other));
                // Its process has ended or was started, as far as anybody can tell from here.
                look.notify_one();
            }
        }
        if std::mem::take(&mut first) {
            heard.send_modify(|heard| *heard += 1);
        }
    }
}

/// Nodes that the launcher starts later, or that become members, are heard from then on.
async fn hear_newcomers(
    client: Client,
    mut watched: BTreeSet<NodeId>,
    tap: Tap,
    heard: Arc<Sender<usize>>,
    look: Arc<Notify>,
) {
    let mut tasks = JoinSet::new();
    loop {
        // What does not answer tells of no newcomer.
        let processes = client.processes().await.ok().flatten().map(|all| all.nodes).unwrap_or_default();
        let members = client.members().await.map(|(listed, _)| listed.membership.members).unwrap_or_default();
        let processes = processes.into_iter().map(|process| (process.id, process.address));
        let known = processes.chain(members.into_iter().map(|member| (member.id, member.address)));
        for (id, address) in known.filter(|(id, _)| watched.insert(*id)).collect::<Vec<_>>() {
            tap.note(What::Nodes { nodes: vec![(id, address.clone())], no_launcher: None });
            tasks.spawn(hear(id, address, tap.clone(), Arc::clone(&heard), Arc::clone(&look)));
        }
        tokio::time::sleep(NEWCOMERS_EVERY).await;
    }
}

async fn go_on(tap: Tap) {
    loop {
        tokio::time::sleep(PATIENCE / 4).await;
        tap.go_on();
    }
}

async fn look_at_processes(client: Client, tap: Tap, look: Arc<Notify>) {
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
        // Either way it is time to look again.
        let _ = tokio::time::timeout(LOOK_EVERY, look.notified()).await;
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
