//! The nodes on the screen: started by the console, or of a running cluster. This task sends the messages about them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use epoca::client::Client;
use epoca::client::watch::{Expected, Observed, watch_expected};
use epoca::cluster::{Cluster, ClusterError, ClusterOptions, ProcessEvent};
use epoca::protocol::NodeId;
use epoca::protocol::trace::NodeState;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::command::node_options::LeadershipArgs;
use crate::command::{Exit, Outcome};
use crate::console::Source;
use crate::console::model::ProcessSeen;
use crate::console::update::Msg;
use crate::tape;

/// Interval between polls of a launcher in another process, which sends no events.
const POLL_EVERY: Duration = Duration::from_secs(1);

/// The task that owns the nodes. Nodes that the console started stop with it: cleanly by [`Nodes::shut_down`],
/// immediately if it is dropped.
pub struct Nodes {
    task: JoinHandle<()>,
    end: oneshot::Sender<()>,
}

impl Nodes {
    /// Starts or finds the nodes, watches them, and reports the progress.
    pub fn attach(
        source: Source,
        timeout: Duration,
        inbox: mpsc::Sender<Msg>,
        poll: &'static Notify,
    ) -> (Nodes, oneshot::Receiver<Result<Client, Outcome>>) {
        let (end, ended) = oneshot::channel();
        let (attached, attaching) = oneshot::channel();
        let task = tokio::spawn(async move {
            match source {
                Source::Demo { nodes, data, base_port, fresh, leadership } => {
                    let options = LocalCluster { nodes, data, base_port, fresh, leadership, timeout };
                    run_local_cluster(options, inbox, attached, ended).await;
                }
                Source::Replay(_) => {
                    // A recording has no nodes. Wait for the end.
                    let _ = ended.await;
                    drop(attached);
                }
                Source::Connect(client) => {
                    let connected = async { Ok(watch_all(client.await?, inbox, poll).await) };
                    drop(attached.send(connected.await));
                }
            }
        });
        (Nodes { task, end }, attaching)
    }

    /// Stops the console's own nodes: they refuse new work, flush, and exit.
    pub async fn shut_down(mut self) {
        let (unused, _) = oneshot::channel();
        // The send fails if the task has already ended.
        let _ = std::mem::replace(&mut self.end, unused).send(());
        let _ = (&mut self.task).await;
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct LocalCluster {
    nodes: Option<u64>,
    data: PathBuf,
    base_port: u16,
    fresh: bool,
    leadership: LeadershipArgs,
    timeout: Duration,
}

async fn run_local_cluster(
    options: LocalCluster,
    inbox: mpsc::Sender<Msg>,
    attached: oneshot::Sender<Result<Client, Outcome>>,
    mut ended: oneshot::Receiver<()>,
) {
    let started = tokio::select! {
        started = start(options, &inbox) => started,
        _ = &mut ended => return,
    };
    let cluster = match started {
        Ok((cluster, client)) => {
            // The send fails if the console has ended.
            let _ = attached.send(Ok(client));
            cluster
        }
        Err(outcome) => {
            let _ = attached.send(Err(outcome));
            return;
        }
    };
    tokio::select! {
        ready = cluster.ready() => {
            if let Err(error) = ready {
                let _ = inbox.send(Msg::Trouble(error.to_string())).await;
            }
            let _ = ended.await;
        }
        _ = &mut ended => {}
    }
    cluster.stop().await;
}

/// Starts the nodes. It does not wait for a leader, so that the screen shows the first election.
async fn start(options: LocalCluster, inbox: &mpsc::Sender<Msg>) -> Result<(Cluster, Client), Outcome> {
    let LocalCluster { nodes, data, base_port, fresh, leadership, timeout } = options;
    let executable = std::env::current_exe();
    let executable = executable.map_err(|error| {
        failure(
            "no_executable",
            format!(
                "cannot find this program's file: \
                                                                                  {error}"
            ),
        )
    })?;
    let count = nodes.map_or("the".to_owned(), |nodes| nodes.to_string());
    let text = format!("starting {count} nodes, each a process of its own, with their data in {}", data.display());
    // Sends fail only while the console ends.
    let _ = inbox.send(Msg::Progress(text)).await;
    let options = ClusterOptions {
        nodes,
        base_port,
        fresh,
        lab: true,
        ..leadership.apply_to(ClusterOptions::new(executable, &data))
    };
    let not_started = |error: ClusterError| failure(error.code(), error.to_string());
    let mut cluster = Cluster::start(options).await.map_err(not_started)?;
    for warning in cluster.warnings() {
        let _ = inbox.send(Msg::Progress(warning)).await;
    }
    let client = cluster.client(timeout).map_err(not_started)?;
    let processes = cluster.nodes();
    watch_nodes(processes.iter().map(|node| (node.id, node.address.clone())).collect(), None, inbox, None).await;
    for process in processes {
        if let Some(exit) = process.exit {
            let _ = inbox.send(Msg::Process(process.id, ProcessSeen::Ended(exit))).await;
        }
    }
    if let Some(events) = cluster.take_events() {
        tokio::spawn(forward_process_events(events, inbox.clone()));
    }
    Ok((cluster, client))
}

/// Watches the nodes of a running cluster.
async fn watch_all(client: Client, inbox: mpsc::Sender<Msg>, poll: &'static Notify) -> Client {
    let no_launcher = match client.processes().await {
        Ok(Some(_)) => None,
        Ok(None) => Some("started by hand".to_owned()),
        Err(error) => Some(format!("the launcher does not answer: {error}")),
    };
    let nodes = client.nodes();
    let shown = nodes.iter().map(|(id, _)| *id).collect();
    watch_nodes(nodes, no_launcher.clone(), &inbox, Some(poll)).await;
    tokio::spawn(poll_processes(client.clone(), no_launcher, shown, inbox, poll));
    client
}

pub fn failure(code: &str, text: String) -> Outcome {
    Outcome::error(Exit::NotDone, code, text)
}

/// Reports the nodes and forwards their events until the inbox closes. A connection or disconnection triggers a poll of
/// the launcher's processes.
async fn watch_nodes(
    nodes: Vec<(NodeId, String)>,
    no_launcher: Option<String>,
    inbox: &mpsc::Sender<Msg>,
    poll: Option<&'static Notify>,
) {
    let _ = inbox.send(Msg::Started { nodes: nodes.clone(), no_launcher }).await;
    for (id, address) in nodes {
        let inbox = inbox.clone();
        // The cluster may be founded again at the same addresses while the console is attached.
        let expected = Expected { node: Some(id), cluster: None };
        let mut observed = watch_expected(address, expected, NodeState::TAIL_MAX as u64);
        tokio::spawn(async move {
            while let Some(observed) = observed.recv().await {
                let is_change = !matches!(observed, Observed::Events(_));
                if inbox.send(Msg::Observed(id, observed)).await.is_err() {
                    return;
                }
                if let Some(poll) = poll.filter(|_| is_change) {
                    poll.notify_one();
                }
            }
        });
    }
}

async fn forward_process_events(mut events: mpsc::Receiver<ProcessEvent>, inbox: mpsc::Sender<Msg>) {
    while let Some(event) = events.recv().await {
        if let ProcessEvent::Grown(node, address) = &event {
            watch_nodes(vec![(*node, address.clone())], None, &inbox, None).await;
        }
        let Some((node, process_state)) = process_state(event) else { continue };
        if inbox.send(Msg::Process(node, process_state)).await.is_err() {
            return;
        }
    }
}

/// The process state after an event of the launcher.
pub fn process_state(event: ProcessEvent) -> Option<(NodeId, ProcessSeen)> {
    Some(match event {
        ProcessEvent::Killed(node) => (node, ProcessSeen::Killed),
        ProcessEvent::Restarted(node) | ProcessEvent::Resumed(node) => (node, ProcessSeen::Running),
        ProcessEvent::Paused(node) => (node, ProcessSeen::Paused),
        ProcessEvent::Ended(node, how) => (node, ProcessSeen::Ended(how)),
        ProcessEvent::Removed(node) => (node, ProcessSeen::Ended("removed from the cluster".to_owned())),
        ProcessEvent::Grown(..) => return None,
    })
}

/// Polls the launcher's processes and the member list. New nodes are watched from then on.
async fn poll_processes(
    client: Client,
    no_launcher: Option<String>,
    mut shown: BTreeSet<NodeId>,
    inbox: mpsc::Sender<Msg>,
    poll: &'static Notify,
) {
    loop {
        // Keep the last known state if the launcher does not answer.
        for process in client.processes().await.ok().flatten().map(|all| all.nodes).unwrap_or_default() {
            if shown.insert(process.id) {
                watch_nodes(vec![(process.id, process.address.clone())], no_launcher.clone(), &inbox, Some(poll)).await;
            }
            let (node, process_state) = tape::process_state(process);
            if inbox.send(Msg::Process(node, process_state)).await.is_err() {
                return;
            }
        }
        let listed = client.members().await.map(|(listed, _)| listed.membership.members).unwrap_or_default();
        for member in listed.into_iter().filter(|member| shown.insert(member.id)) {
            watch_nodes(vec![(member.id, member.address)], no_launcher.clone(), &inbox, Some(poll)).await;
        }
        // A timeout and a notification both lead to the next poll.
        let _ = tokio::time::timeout(POLL_EVERY, poll.notified()).await;
    }
}
