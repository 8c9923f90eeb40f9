//! Runs a scenario on the console's nodes, or on a cluster of its own that is watched while it runs. One scenario runs
//! at a time.

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

use crate::command::messages::no_executable;
use crate::console::app::nodes;
use crate::console::update::{Msg, ScenarioMsg};
use crate::lang::Localized;
use crate::scenario::{
    Order, Orders, ReportEvent, RunOptions, Script, TargetCluster, find, run_on_orders, undo_faults,
};
use crate::words::client_error;

/// Pause before each part, so that a person can read the result of the previous one.
const PACE: Duration = Duration::from_millis(1_500);
/// The same for the assignment's sheet, which has many parts.
const SHEET_PACE: Duration = Duration::from_millis(300);
/// The pause after each item of a tour, so that an audience can follow.
const TOUR_PACE: Duration = Duration::from_millis(500);
/// After the end: how long to wait until all nodes of the scenario's own cluster are connected, and the polling
/// interval.
const SHOWN_WITHIN: Duration = Duration::from_secs(3);
const POLL_EVERY: Duration = Duration::from_millis(50);
/// Reports that wait for the inbox.
const REPORTS_MAX: usize = 256;

#[derive(Default)]
pub struct ScenarioRunner {
    running: Option<Running>,
}

struct Running {
    task: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
    orders: mpsc::UnboundedSender<Order>,
}

impl ScenarioRunner {
    pub fn begin(&mut self, name: String, client: Client, inbox: mpsc::Sender<Msg>) {
        // The previous scenario is over, but its task may still hold its cluster.
        if let Some(before) = self.running.take() {
            before.task.abort();
        }
        let (stop, stopped) = oneshot::channel();
        let (orders, received) = Orders::channel();
        let task = tokio::spawn(async move {
            let refused = match play(&name, &client, &inbox, received, stopped).await {
                Ok(()) => return,
                Err(why) => ScenarioMsg::Refused(why),
            };
            // The send fails only while the console ends.
            let _ = inbox.send(Msg::Scenario(Box::new(refused))).await;
        });
        self.running = Some(Running { task, stop: Some(stop), orders });
    }

    pub fn order(&self, order: Order) {
        if let Some(running) = &self.running {
            // The send fails if the scenario has already ended.
            let _ = running.orders.send(order);
        }
    }

    /// Stops the scenario and restores the console's nodes.
    pub fn stop(&mut self) {
        if let Some(stop) = self.running.as_mut().and_then(|running| running.stop.take()) {
            // The send fails if the scenario has already ended.
            let _ = stop.send(());
        }
    }

    /// Aborts the scenario and stops its own cluster.
    pub async fn end(&mut self) {
        if let Some(Running { task, .. }) = self.running.take() {
            task.abort();
            // An aborted task returns an error.
            let _ = task.await;
        }
    }
}

async fn play(
    name: &str,
    client: &Client,
    inbox: &mpsc::Sender<Msg>,
    orders: Orders,
    stopped: oneshot::Receiver<()>,
) -> Result<(), Localized> {
    let script = Arc::new(find(name)?);
    let executable = std::env::current_exe().map_err(|error| no_executable(&error))?;
    let mut watching = JoinSet::new();
    let live = Arc::new(Mutex::new(BTreeSet::new()));
    let stage = if script.needs_own() {
        let mut stage = TargetCluster::start(&script, executable, 0).await?;
        watch_cluster(&mut stage, inbox, &mut watching, &live).await;
        stage
    } else {
        TargetCluster::existing(client, executable).map_err(|error| client_error(&error))?
    };
    run_to_end(&script, &stage, inbox, orders, stopped).await;
    if stage.is_temporary() {
        wait_until_shown(stage.client.nodes().len(), &live).await;
    }
    // The last state stays on the screen. The shutdown of the nodes is not shown.
    watching.shutdown().await;
    stage.end().await;
    Ok(())
}

/// The nodes that are connected now.
type LiveNodes = Arc<Mutex<BTreeSet<NodeId>>>;

/// Watches the nodes of the scenario's own cluster.
async fn watch_cluster(
    stage: &mut TargetCluster,
    inbox: &mpsc::Sender<Msg>,
    watching: &mut JoinSet<()>,
    live: &LiveNodes,
) {
    let nodes = stage.client.nodes();
    let _ = inbox.send(Msg::Scenario(Box::new(ScenarioMsg::OwnCluster(nodes.clone())))).await;
    for (id, address) in nodes {
        watching.spawn(watch_one(stage.client.expected(id), id, address, inbox.clone(), live.clone()));
    }
    if let Some(mut events) = stage.take_events() {
        let (inbox, live, client) = (inbox.clone(), live.clone(), stage.client.clone());
        watching.spawn(async move {
            // Aborted together with this task.
            let mut newcomers = JoinSet::new();
            while let Some(event) = events.recv().await {
                if let ProcessEvent::Grown(id, address) = event {
                    let joined = ScenarioMsg::NodeJoined(id, address.clone());
                    if inbox.send(Msg::Scenario(Box::new(joined))).await.is_err() {
                        return;
                    }
                    newcomers.spawn(watch_one(client.expected(id), id, address, inbox.clone(), live.clone()));
                    continue;
                }
                let Some((node, live)) = nodes::process_state(event) else { continue };
                if inbox.send(Msg::Scenario(Box::new(ScenarioMsg::Process(node, live)))).await.is_err() {
                    return;
                }
            }
        });
    }
}

async fn watch_one(expected: Expected, id: NodeId, address: String, inbox: mpsc::Sender<Msg>, live: LiveNodes) {
    let mut observed = watch_expected(address, expected, NodeState::TAIL_MAX as u64);
    while let Some(observed) = observed.recv().await {
        let is_there = !matches!(observed, Observed::Disconnected(_));
        if inbox.send(Msg::Scenario(Box::new(ScenarioMsg::Observed(id, Box::new(observed))))).await.is_err() {
            return;
        }
        let mut live = live.lock().unwrap_or_else(PoisonError::into_inner);
        if is_there {
            live.insert(id)
        } else {
            live.remove(&id)
        };
    }
}

/// Waits until a recently restarted node is connected, so that the screen shows it before the cluster stops.
async fn wait_until_shown(nodes: usize, live: &LiveNodes) {
    let begun = Instant::now();
    while begun.elapsed() < SHOWN_WITHIN && live.lock().unwrap_or_else(PoisonError::into_inner).len() < nodes {
        tokio::time::sleep(POLL_EVERY).await;
    }
}

async fn run_to_end(
    script: &Arc<Script>,
    stage: &TargetCluster,
    inbox: &mpsc::Sender<Msg>,
    orders: Orders,
    stopped: oneshot::Receiver<()>,
) {
    let begun = Instant::now();
    let (reports, mut received) = mpsc::channel(REPORTS_MAX);
    let forward = inbox.clone();
    tokio::spawn(async move {
        while let Some(reports) = received.recv().await {
            if forward.send(Msg::Scenario(Box::new(ScenarioMsg::Report(reports)))).await.is_err() {
                return;
            }
        }
    });
    let pace = match script.is_tour {
        true => TOUR_PACE,
        false if script.is_sheet() => SHEET_PACE,
        false => PACE,
    };
    let options = RunOptions { pace, ..RunOptions::default() };
    let last = reports.clone();
    let stop = async {
        // A dropped sender is not a stop: the runner has aborted this task.
        if stopped.await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        _ = run_on_orders(script.clone(), stage, options, reports, orders) => return,
        () = stop => {}
    }
    if !script.needs_own() {
        undo_faults(&stage.client).await;
    }
    // The send fails only while the console ends.
    let _ = last.send(ReportEvent::Stopped { took: begun.elapsed() }).await;
}
