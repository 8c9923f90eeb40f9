//! Whoever runs a scenario for the console: on the nodes that it shows, or on a cluster of the scenario's own, whose nodes
//! are watched for the screen meanwhile. One runs at a time.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use epoca::client::Client;
use epoca::client::watch::{Expected, Observed, watch_expected};
use epoca::cluster::ProcessEvent;
use epoca::protocol::NodeId;
use epoca::protocol::trace::NodeState;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use crate::command::messages::client_error;
use crate::console::attach;
use crate::console::update::{Msg, Staged};
use crate::lang::{Localized, localized};
use crate::scenario::{ReportEvent, RunOptions, Script, TargetCluster, Verdict, find, run, undo_faults};

/// At the beginning of a part, so that a person can read what the last one came to.
const PACE: Duration = Duration::from_millis(1_500);
/// On the sheet, which has many.
const SHEET_PACE: Duration = Duration::from_millis(300);
/// How long the nodes of a scenario's own cluster may take to be on the screen when it is over, and between two looks.
const SEEN: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(50);
/// How many things wait for the inbox.
const TOLD: usize = 256;

#[derive(Default)]
pub struct Director {
    under_way: Option<UnderWay>,
}

struct UnderWay {
    task: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
}

impl Director {
    pub fn begin(&mut self, name: String, client: Client, inbox: mpsc::Sender<Msg>) {
        // One that is over may still hold its cluster for the screen.
        if let Some(before) = self.under_way.take() {
            before.task.abort();
        }
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let refused = match play(&name, &client, &inbox, stopped).await {
                Ok(()) => return,
                Err(why) => Staged::Refused(why),
            };
            // If nobody takes it, the console is ending.
            let _ = inbox.send(Msg::Staged(Box::new(refused))).await;
        });
        self.under_way = Some(UnderWay { task, stop: Some(stop) });
    }

    /// Ends the scenario; the nodes of the console are brought in order.
    pub fn stop(&mut self) {
        if let Some(stop) = self.under_way.as_mut().and_then(|under_way| under_way.stop.take()) {
            // If it does not listen, it has ended already.
            let _ = stop.send(());
        }
    }

    /// Ends the scenario at once, and with it a cluster of its own.
    pub async fn end(&mut self) {
        if let Some(UnderWay { task, .. }) = self.under_way.take() {
            task.abort();
            // It is over either way.
            let _ = task.await;
        }
    }
}

async fn play(
    name: &str,
    client: &Client,
    inbox: &mpsc::Sender<Msg>,
    stopped: oneshot::Receiver<()>,
) -> Result<(), Localized> {
    let script = Arc::new(find(name)?);
    let executable = std::env::current_exe().map_err(|error| Localized::from(error.to_string()))?;
    let mut watching = JoinSet::new();
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let stage = if script.needs_own() {
        let mut stage = TargetCluster::start(&script, executable, 0).await?;
        show(&mut stage, inbox, &mut watching, &seen).await;
        stage
    } else {
        TargetCluster::existing(client, executable).map_err(|error| client_error(&error))?
    };
    perform(&script, &stage, inbox, stopped).await;
    if stage.is_temporary() {
        until_seen(stage.client.nodes().len(), &seen).await;
    }
    // What was seen last stays on the screen: that the nodes end now is no part of it.
    watching.shutdown().await;
    stage.end().await;
    Ok(())
}

/// The nodes that are seen now.
type Seen = Arc<Mutex<BTreeSet<NodeId>>>;

/// The nodes of the scenario's own cluster, for the screen.
async fn show(stage: &mut TargetCluster, inbox: &mpsc::Sender<Msg>, watching: &mut JoinSet<()>, seen: &Seen) {
    let nodes = stage.client.nodes();
    let _ = inbox.send(Msg::Staged(Box::new(Staged::Aside(nodes.clone())))).await;
    for (id, address) in nodes {
        watching.spawn(watch_one(stage.client.expected(id), id, address, inbox.clone(), seen.clone()));
    }
    if let Some(mut events) = stage.take_events() {
        let (inbox, seen, client) = (inbox.clone(), seen.clone(), stage.client.clone());
        watching.spawn(async move {
            // They end with this task.
            let mut newcomers = JoinSet::new();
            while let Some(event) = events.recv().await {
                if let ProcessEvent::Grown(id, address) = event {
                    let joined = Staged::Joined(id, address.clone());
                    if inbox.send(Msg::Staged(Box::new(joined))).await.is_err() {
                        return;
                    }
                    newcomers.spawn(watch_one(client.expected(id), id, address, inbox.clone(), seen.clone()));
                    continue;
                }
                let Some((node, seen)) = attach::seen(event) else { continue };
                if inbox.send(Msg::Staged(Box::new(Staged::Process(node, seen)))).await.is_err() {
                    return;
                }
            }
        });
    }
}

async fn watch_one(expected: Expected, id: NodeId, address: String, inbox: mpsc::Sender<Msg>, seen: Seen) {
    let mut observed = watch_expected(address, expected, NodeState::TAIL_MAX as u64);
    while let Some(observed) = observed.recv().await {
        let is_there = !matches!(observed, Observed::Disconnected(_));
        if inbox.send(Msg::Staged(Box::new(Staged::Observed(id, Box::new(observed))))).await.is_err() {
            return;
        }
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if is_there {
            seen.insert(id)
        } else {
            seen.remove(&id)
        };
    }
}

/// A node that was started again a moment ago is on the screen before it ends.
async fn until_seen(nodes: usize, seen: &Seen) {
    let begun = Instant::now();
    while begun.elapsed() < SEEN && seen.lock().unwrap_or_else(PoisonError::into_inner).len() < nodes {
        tokio::time::sleep(PAUSE).await;
    }
}

async fn perform(
    script: &Arc<Script>,
    stage: &TargetCluster,
    inbox: &mpsc::Sender<Msg>,
    stopped: oneshot::Receiver<()>,
) {
    let (told, mut hears) = mpsc::channel(TOLD);
    let forward = inbox.clone();
    tokio::spawn(async move {
        while let Some(told) = hears.recv().await {
            if forward.send(Msg::Staged(Box::new(Staged::Told(told)))).await.is_err() {
                return;
            }
        }
    });
    let pace = if script.is_sheet() { SHEET_PACE } else { PACE };
    let options = RunOptions { pace, ..RunOptions::default() };
    let last = told.clone();
    let stop = async {
        // A director that is gone stops nothing: it has aborted this.
        if stopped.await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        _ = run(script.clone(), stage, options, told) => return,
        () = stop => {}
    }
    if !script.needs_own() {
        undo_faults(&stage.client).await;
    }
    let why = localized!("stopped", "interrompido");
    let ended = ReportEvent::Ended { verdict: Verdict::Unknown, why, took: Duration::ZERO };
    // If nobody takes it, the console is ending.
    let _ = last.send(ended).await;
}
