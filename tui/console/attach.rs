//! The nodes that the console shows: started by it, or found running. From here come the messages about them.

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
use crate::command::options::Global;
use crate::command::{Exit, Outcome, execute, find};
use crate::console::Source;
use crate::console::model::ProcessSeen;
use crate::console::update::Msg;
use crate::tape;

/// Between two looks at the processes of a launcher elsewhere, which tells nothing by itself.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Holds the nodes for as long as the console runs. What it started ends with it: well if it is asked to, at once if it
/// is dropped.
pub struct Keeper {
    task: JoinHandle<()>,
    end: oneshot::Sender<()>,
}

impl Keeper {
    /// Starts or finds the nodes and watches them; says on the way what is being done.
    pub fn begin(
        source: Source,
        timeout: Duration,
        inbox: mpsc::Sender<Msg>,
        look: &'static Notify,
    ) -> (Keeper, oneshot::Receiver<Result<Client, Outcome>>) {
        let (end, ended) = oneshot::channel();
        let (attached, attaching) = oneshot::channel();
        let task = tokio::spawn(async move {
            match source {
                Source::Demo { nodes, data, base_port, fresh, leadership } => {
                    let wanted = Wanted { nodes, data, base_port, fresh, leadership, timeout };
                    keep_own(wanted, inbox, attached, ended).await;
                }
                // If nobody takes it, the console has ended.
                Source::Replay(_) => {
                    // Nobody is there to be attached to, until the end.
                    let _ = ended.await;
                    drop(attached);
                }
                Source::Connect(global) => drop(attached.send(connect(&global, inbox, look).await)),
            }
        });
        (Keeper { task, end }, attaching)
    }

    /// Ends the nodes that belong to this console: they stop taking work, flush and exit.
    pub async fn end(mut self) {
        let (unused, _) = oneshot::channel();
        // If it does not listen, it has ended already.
        let _ = std::mem::replace(&mut self.end, unused).send(());
        let _ = (&mut self.task).await;
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Wanted {
    nodes: Option<u64>,
    data: PathBuf,
    base_port: u16,
    fresh: bool,
    leadership: LeadershipArgs,
    timeout: Duration,
}

async fn keep_own(
    wanted: Wanted,
    inbox: mpsc::Sender<Msg>,
    attached: oneshot::Sender<Result<Client, Outcome>>,
    mut ended: oneshot::Receiver<()>,
) {
    let started = tokio::select! {
        started = start(wanted, &inbox) => started,
        _ = &mut ended => return,
    };
    let cluster = match started {
        Ok((cluster, client)) => {
            // If nobody takes it, the console has ended.
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

/// Starts the nodes; who leads is not waited for, so that the first election is seen.
async fn start(wanted: Wanted, inbox: &mpsc::Sender<Msg>) -> Result<(Cluster, Client), Outcome> {
    let Wanted { nodes, data, base_port, fresh, leadership, timeout } = wanted;
    let executable = std::env::current_exe();
    let executable = executable.map_err(|error| refused("no_executable", format!("where is this program? {error}")))?;
    let count = nodes.map_or("the".to_owned(), |nodes| nodes.to_string());
    let text = format!("starting {count} nodes, each a process of its own, with their data in {}", data.display());
    // If nobody listens any more, the console is ending.
    let _ = inbox.send(Msg::Progress(text)).await;
    let options = ClusterOptions {
        nodes,
        base_port,
        fresh,
        lab: true,
        ..leadership.apply_to(ClusterOptions::new(executable, &data))
    };
    let not_started = |error: ClusterError| refused(error.code(), error.to_string());
    let mut cluster = Cluster::start(options).await.map_err(not_started)?;
    for warning in cluster.warnings() {
        let _ = inbox.send(Msg::Progress(warning)).await;
    }
    let client = cluster.client(timeout).map_err(not_started)?;
    let processes = cluster.nodes();
    show(processes.iter().map(|node| (node.id, node.address.clone())).collect(), None, inbox, None).await;
    for process in processes {
        if let Some(exit) = process.exit {
            let _ = inbox.send(Msg::Process(process.id, ProcessSeen::Ended(exit))).await;
        }
    }
    if let Some(events) = cluster.take_events() {
        tokio::spawn(hear_processes(events, inbox.clone()));
    }
    Ok((cluster, client))
}

async fn connect(global: &Global, inbox: mpsc::Sender<Msg>, look: &'static Notify) -> Result<Client, Outcome> {
    let found = find::find(global)?;
    let client = find::connect(&found, global).await.map_err(|error| execute::failed(&error))?;
    let no_launcher = match client.processes().await {
        Ok(Some(_)) => None,
        Ok(None) => Some("started by hand".to_owned()),
        Err(error) => Some(format!("the launcher does not answer: {error}")),
    };
    let nodes = client.nodes();
    let shown = nodes.iter().map(|(id, _)| *id).collect();
    show(nodes, no_launcher.clone(), &inbox, Some(look)).await;
    tokio::spawn(look_at_processes(client.clone(), no_launcher, shown, inbox, look));
    Ok(client)
}

pub fn refused(code: &str, text: String) -> Outcome {
    Outcome::error(Exit::NotDone, code, text)
}

/// Tells which nodes there are, then watches them for as long as somebody takes the messages. When a node comes or goes
/// it is time to look at the processes of a launcher that tells nothing by itself.
async fn show(
    nodes: Vec<(NodeId, String)>,
    no_launcher: Option<String>,
    inbox: &mpsc::Sender<Msg>,
    look: Option<&'static Notify>,
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
                if let Some(look) = look.filter(|_| is_change) {
                    look.notify_one();
                }
            }
        });
    }
}

async fn hear_processes(mut events: mpsc::Receiver<ProcessEvent>, inbox: mpsc::Sender<Msg>) {
    while let Some(event) = events.recv().await {
        if let ProcessEvent::Grown(node, address) = &event {
            show(vec![(*node, address.clone())], None, &inbox, None).await;
        }
        let Some((node, seen)) = seen(event) else { continue };
        if inbox.send(Msg::Process(node, seen)).await.is_err() {
            return;
        }
    }
}

/// What a launcher tells of a process.
pub fn seen(event: ProcessEvent) -> Option<(NodeId, ProcessSeen)> {
    Some(match event {
        ProcessEvent::Killed(node) => (node, ProcessSeen::Killed),
        ProcessEvent::Restarted(node) | ProcessEvent::Resumed(node) => (node, ProcessSeen::Running),
        ProcessEvent::Paused(node) => (node, ProcessSeen::Paused),
        ProcessEvent::Ended(node, how) => (node, ProcessSeen::Ended(how)),
        ProcessEvent::Removed(node) => (node, ProcessSeen::Ended("removed from the cluster".to_owned())),
        ProcessEvent::Grown(..) => return None,
    })
}

/// Looks at the launcher's processes, if there is one, and at the member list: who is new is shown from then on.
async fn look_at_processes(
    client: Client,
    no_launcher: Option<String>,
    mut shown: BTreeSet<NodeId>,
    inbox: mpsc::Sender<Msg>,
    look: &'static Notify,
) {
    loop {
        // A launcher that does not answer says nothing about the processes; what was seen last stays.
        for process in client.processes().await.ok().flatten().map(|all| all.nodes).unwrap_or_default() {
            if shown.insert(process.id) {
                show(vec![(process.id, process.address.clone())], no_launcher.clone(), &inbox, Some(look)).await;
            }
            let (node, seen) = tape::process_state(process);
            if inbox.send(Msg::Process(node, seen)).await.is_err() {
                return;
            }
        }
        let listed = client.members().await.map(|(listed, _)| listed.membership.members).unwrap_or_default();
        for member in listed.into_iter().filter(|member| shown.insert(member.id)) {
            show(vec![(member.id, member.address)], no_launcher.clone(), &inbox, Some(look)).await;
        }
        // Either way it is time to look again.
        let _ = tokio::time::timeout(LOOK_EVERY, look.notified()).await;
    }
}
