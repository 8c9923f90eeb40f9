//! Starts a node from its options, runs it, and starts it again with an empty folder after a quarantine.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot, watch};

use crate::lab::Gate;
use crate::membership::Identity;
use crate::membership::foreign_clusters::ForeignClusters;
use crate::membership::lost_disks::LostDisks;
use crate::membership::view::MembershipView;
use crate::protocol::{Core, Limits};
use crate::runtime::bootstrap::{self, Bootstrap};
use crate::runtime::clock::Clock;
use crate::runtime::database::Applier;
use crate::runtime::error::NodeError;
use crate::runtime::event_loop::{EventLoop, StopMode};
use crate::runtime::faults::Faults;
use crate::runtime::flush::Flusher;
use crate::runtime::inbox::{CompletionSender, Inbox};
use crate::runtime::observers::Observers;
use crate::runtime::options::NodeOptions;
use crate::runtime::pending_requests::PendingRequests;
use crate::runtime::quarantine;
use crate::runtime::records::Stores;
use crate::runtime::signals::Signals;
use crate::server::requests::RequestQueue;
use crate::server::{About, Services, serve};
use crate::storage::{FinalDatabase, Label, OpenOptions, Opened, SnapshotStore, open};
use crate::wire::log_throttle::LogThrottle;
use crate::wire::note::Note;

/// Threads for reads that block on the disk. `server::admission` lets clients use four of them, so that the node's own
/// reads for replicas find a free one.
const BLOCKING_THREADS_MAX: usize = 8;
/// Connections that the kernel queues before the node accepts them: thousands of clients may connect at once.
const BACKLOG: u32 = 4_096;
/// The most open connections, if the limit on open files allows them. `OTHER_FILES` descriptors remain for the log,
/// the database and the links.
const CONNECTIONS_MAX: usize = 16_384;
const OTHER_FILES: usize = 1_024;
/// How long the last responses may take at the end.
const LAST_ANSWERS_MAX: Duration = Duration::from_millis(500);

/// Runs a node until SIGTERM, SIGINT or SIGHUP, or until an error stops it. It blocks; it starts its own async
/// runtime.
///
/// If the node finds its data damaged and knows other nodes, it moves the data to a quarantine folder and starts again
/// in the same process, with an empty folder, as a new member.
///
/// # Errors
///
/// An invalid option, a port in use, damaged data that no other node could replace, or a failing disk: see
/// [`NodeError`].
pub fn run(options: NodeOptions) -> Result<(), NodeError> {
    options.check()?;
    let runtime = build_runtime()?;
    // The port first: a port in use is the most frequent error, and the check is cheap.
    let listener = runtime.block_on(async { bind(options.listen)?.into_std().map_err(socket_error) })?;
    let mut signals = None;
    let mut ended = run_once(&options, runtime, &listener, &mut signals);
    while let Err(error) = &ended
        && let Some(damage) = error.damage()
    {
        quarantine::move_aside(&options, damage)?;
        ended = run_once(&options, build_runtime()?, &listener, &mut signals);
    }
    ended
}

/// Runs the node once. It has an async runtime of its own: when that is dropped, no task is left that could still send
/// something for the damaged core.
fn run_once(
    options: &NodeOptions,
    runtime: Runtime,
    listener: &std::net::TcpListener,
    signals: &mut Option<Signals>,
) -> Result<(), NodeError> {
    let ended = runtime.block_on(async {
        let opened = open_storage(options)?;
        let listener = listener.try_clone().and_then(TcpListener::from_std).map_err(socket_error)?;
        let signals = match signals {
            Some(signals) => signals,
            none => none.insert(Signals::listen()?),
        };
        run_on(options, opened, listener, signals.received()).await
    });
    // A hanging read of the disk must not keep the process alive.
    runtime.shutdown_background();
    ended
}

fn build_runtime() -> Result<Runtime, NodeError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .build()
        .map_err(|error| NodeError::System { what: "a runtime", error })
}

fn socket_error(error: io::Error) -> NodeError {
    NodeError::System { what: "a listening socket", error }
}

fn bind(address: SocketAddr) -> Result<TcpListener, NodeError> {
    let bind = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // As the standard library does, so that a restarted node gets its port at once.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    bind().map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => NodeError::PortTaken(address),
        _ => NodeError::Listen { address, error },
    })
}

/// The address at which other nodes reach this one.
fn address(options: &NodeOptions, listener: &TcpListener) -> Result<String, NodeError> {
    match &options.advertise {
        Some(address) => Ok(address.clone()),
        None => {
            let bound = listener.local_addr();
            bound.map(|bound| bound.to_string()).map_err(|error| NodeError::System { what: "its own address", error })
        }
    }
}

/// Raises the soft limit on open files to the hard limit; returns the number of connections that it allows.
fn connections_max() -> usize {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let files = getrlimit(Resource::RLIMIT_NOFILE).map(|(soft, hard)| {
        let raised = setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
        if raised { hard } else { soft }
    });
    // The usual minimum, if the limit cannot be read.
    let files = usize::try_from(files.unwrap_or(1_024)).unwrap_or(usize::MAX);
    files.saturating_sub(OTHER_FILES).max(files / 2).min(CONNECTIONS_MAX)
}

fn open_storage(options: &NodeOptions) -> Result<Opened, NodeError> {
    let limits = Limits::default();
    let opened = open(&OpenOptions {
        folder: options.data.clone(),
        node: options.id,
        tail_bytes: limits.window_bytes,
        tail_entries: limits.window_entries,
        level_max: options.level_max,
        progress: &|text| tracing::info!("{text}"),
    })?;
    Ok(opened)
}

/// Runs a node on an open storage and an open port.
pub(super) async fn run_on(
    options: &NodeOptions,
    opened: Opened,
    listener: TcpListener,
    stop: impl Future<Output = StopMode>,
) -> Result<(), NodeError> {
    let quarantined = opened.quarantines.last();
    let note = quarantined.map(quarantine::note);
    // The quarantine's label matters only while the log is empty. Later the node is a member like any other.
    let former = quarantined.filter(|_| opened.restored.lists.is_empty()).map(|found| found.label.clone());
    let options =
        &former.as_ref().map_or_else(|| options.clone(), |former| quarantine::rejoin_options(options, former));
    let node = assemble(options, opened, &listener, note, former)?;
    let advertised = options.advertise.as_ref().map(|address| format!(", advertised as {address}"));
    let lab = if options.lab { ", lab" } else { "" };
    tracing::info!("{} listens on {}{}{lab}", options.id, options.listen, advertised.unwrap_or_default());
    node.run(options, listener, stop).await
}

/// All parts of a node, before it serves.
struct Node {
    event_loop: EventLoop,
    inbox: Inbox,
    services: Services,
    foreign_clusters: ForeignClusters,
    membership: MembershipView,
}

/// Connects the parts. Nothing runs yet but the thread of the final database and the tasks of the links.
fn assemble(
    options: &NodeOptions,
    opened: Opened,
    listener: &TcpListener,
    note: Option<Note>,
    former: Option<Label>,
) -> Result<Node, NodeError> {
    let Opened { incarnation, log, database, snapshots, restored, notes, .. } = opened;
    let address = address(options, listener)?;
    let me = Identity { id: options.id, incarnation, address, level_max: options.level_max };
    let list = restored.lists.last();
    let startup_notes = bootstrap::startup_notes(options, &me, list);
    let logged = |text| Note::Logged { text };
    let notes: Vec<Note> =
        notes.into_iter().map(logged).chain(note).chain(startup_notes.into_iter().map(logged)).collect();
    notes.iter().for_each(|note| tracing::info!("{note}"));
    let Bootstrap { membership, links, peer_events, addresses, join } =
        Bootstrap::new(options, &me, list, former.as_ref())?;
    let quarantined_damage = former.as_ref().map(|former| former.found.clone());
    let about = about(options, &me, notes, &membership, former);

    let (queue, requests) = RequestQueue::new();
    let (completion_sender, completions) = mpsc::unbounded_channel();
    let log_reader = log.reader();
    let stores = Stores {
        database: Arc::clone(&database),
        snapshots: Arc::clone(&snapshots),
        log: Arc::clone(&log_reader),
        completions: completion_sender.clone(),
    };
    let (applier, revisions) = start_applier(&database, &snapshots, &completion_sender)?;
    let clock = Clock::start_in_lab(options.frozen, options.pace);
    let faults = faults(options, &clock);
    let (cuts, current_cuts) = watch::channel(faults.as_ref().map(Faults::cut_off).unwrap_or_default());
    let leader = watch::Sender::new(None);
    let foreign_clusters = links.foreign_clusters().clone();

    let services = Services {
        about: about.clone(),
        queue: queue.clone(),
        links: Arc::clone(&links),
        records: Arc::new(stores),
        cuts: current_cuts,
        revisions,
        leader: leader.subscribe(),
        connections_max: connections_max(),
    };
    let config = options.config(&me, seed()?);
    let event_loop = EventLoop {
        clock,
        lease_micros: config.leadership.lease_micros,
        core: Core::new(config, restored, clock.core_time()),
        faults,
        observers: Observers::new(options.id, options.lab),
        flusher: Flusher::new(log, completion_sender.clone()),
        applier,
        database,
        snapshots,
        log_reader,
        links,
        queue,
        about,
        cuts,
        leader,
        completions: completion_sender,
        requests: PendingRequests::default(),
        log_throttle: LogThrottle::default(),
        addresses,
        processes: BTreeMap::new(),
        quarantined_damage,
        join,
    };
    let inbox = Inbox { completions, peer_events, requests };
    Ok(Node { event_loop, inbox, services, foreign_clusters, membership })
}

/// The thread of the final database, and the newest applied revision.
fn start_applier(
    database: &Arc<dyn FinalDatabase>,
    snapshots: &Arc<dyn SnapshotStore>,
    completions: &CompletionSender,
) -> Result<(Applier, watch::Receiver<u64>), NodeError> {
    let (revision, revisions) = watch::channel(database.revision());
    let applier = Applier::start(Arc::clone(database), Arc::clone(snapshots), completions.clone(), revision);
    let applier = applier.map_err(|error| NodeError::System { what: "a thread", error })?;
    Ok((applier, revisions))
}

/// What the services report about the node.
fn about(
    options: &NodeOptions,
    me: &Identity,
    notes: Vec<Note>,
    membership: &MembershipView,
    former: Option<Label>,
) -> About {
    let former_members = former.map(|former| former.members);
    About {
        id: me.id,
        address: me.address.clone(),
        lab: options.lab,
        notes,
        incarnation: me.incarnation,
        level_max: me.level_max,
        membership: membership.clone(),
        lost_disks: LostDisks::new((me.id, me.incarnation), membership.clone(), former_members),
    }
}

/// The fault stage, in a lab.
fn faults(options: &NodeOptions, clock: &Clock) -> Option<Faults> {
    if let Some(wrong) = options.wrong {
        tracing::warn!("{} is faulty on purpose: {}", options.id, wrong.name());
    }
    let gate = || {
        let gate = Gate::new(options.id, clock.started_micros()).with(&options.rules, options.frozen);
        gate.keeps_every(options.every).at_pace(options.pace)
    };
    options.lab.then(|| Faults::new(gate(), options.wrong))
}

impl Node {
    /// Serves and runs until `stop` resolves, an error occurs, or a quorum of the peers belongs to another cluster.
    async fn run(
        self,
        options: &NodeOptions,
        listener: TcpListener,
        stop: impl Future<Output = StopMode>,
    ) -> Result<(), NodeError> {
        let Node { event_loop, inbox, services, foreign_clusters, membership } = self;
        let (end_serving, serving_ends) = oneshot::channel::<()>();
        let mut server = tokio::spawn(serve(listener, services, async {
            let _ = serving_ends.await;
        }));
        let mut outnumbered = None;
        let view = membership.clone();
        let stop = async {
            tokio::select! {
                mode = stop => mode,
                outnumbering = foreign_clusters.outnumbered(|| view.known().quorum()) => {
                    outnumbered = Some(outnumbering);
                    StopMode::Immediate
                }
            }
        };
        let ended = tokio::select! {
            ended = event_loop.run(inbox, stop) => ended,
            served = &mut server => return Err(serve_error(served)),
        };
        drop(end_serving);
        let _ = tokio::time::timeout(LAST_ANSWERS_MAX, server).await;
        match (outnumbered, membership.cluster()) {
            (Some((theirs, peers)), Some(mine)) => {
                let folder = options.data.clone();
                ended.and(Err(NodeError::OtherCluster { folder, mine, theirs, peers }))
            }
            _ => ended,
        }
    }
}

/// A node without its services is useless, so it stops.
fn serve_error(served: Result<Result<(), crate::server::ServeError>, tokio::task::JoinError>) -> NodeError {
    match served {
        Ok(Err(error)) => error.into(),
        Ok(Ok(())) => NodeError::Fatal("the gRPC server ended without an error: please report it".into()),
        Err(error) => NodeError::Fatal(format!("the gRPC server panicked: {error}; please report it")),
    }
}

/// The seed of election timeouts. It differs between nodes, so that nodes that start together do not campaign
/// together.
fn seed() -> Result<u64, NodeError> {
    getrandom::u64()
        .map_err(|error| NodeError::System { what: "random numbers", error: io::Error::other(error.to_string()) })
}
