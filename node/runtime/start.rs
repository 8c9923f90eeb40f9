//! From options to a running node, and back to the caller when it has ended.

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
use crate::runtime::event_loop::{EventLoop, Stop};
use crate::runtime::faults::Faults;
use crate::runtime::flush::Flusher;
use crate::runtime::inbox::Inbox;
use crate::runtime::observers::Observers;
use crate::runtime::options::NodeOptions;
use crate::runtime::pending_requests::PendingRequests;
use crate::runtime::quarantine;
use crate::runtime::records::Stores;
use crate::runtime::signals::Signals;
use crate::server::requests::RequestQueue;
use crate::server::{About, Services, serve};
use crate::storage::{Label, OpenOptions, Opened, open};
use crate::wire::log_throttle::LogThrottle;

/// Threads for reads that block on the disk.
const BLOCKING_THREADS_MAX: usize = 8;
/// Connections that the system takes before the node does: thousands of clients may come at once.
const BACKLOG: u32 = 4_096;
/// How many connections may be open, if the system allows as many; so many file descriptors are left for all else.
const CONNECTIONS_MAX: usize = 16_384;
const OTHER_FILES: usize = 1_024;
/// How long answers that are on their way out are waited for at the end.
const LAST_ANSWERS_MAX: Duration = Duration::from_millis(500);

/// Runs a node until SIGTERM, SIGINT or SIGHUP, or until it must stop by itself. A node whose data are found damaged
/// begins anew in the same process, with an empty folder.
pub fn run(options: NodeOptions) -> Result<(), NodeError> {
    options.check()?;
    let runtime = runtime()?;
    // The port first: it is the error that people make most, and it costs nothing.
    let listener = runtime.block_on(async { bind(options.listen)?.into_std().map_err(no_socket) })?;
    let mut signals = None;
    let mut ended = live(&options, runtime, &listener, &mut signals);
    while let Err(error) = &ended
        && let Some(found) = error.damage()
    {
        quarantine::retreat(&options, found)?;
        ended = live(&options, self::runtime()?, &listener, &mut signals);
    }
    ended
}

/// One life, on a runtime of its own: when that ends, nothing of the old life is left that could still say something.
fn live(
    options: &NodeOptions,
    runtime: Runtime,
    listener: &std::net::TcpListener,
    signals: &mut Option<Signals>,
) -> Result<(), NodeError> {
    let ended = runtime.block_on(async {
        let opened = open_storage(options)?;
        let listener = listener.try_clone().and_then(TcpListener::from_std).map_err(no_socket)?;
        let signals = match signals {
            Some(signals) => signals,
            none => none.insert(Signals::listen()?),
        };
        run_on(options, opened, listener, signals.told()).await
    });
    // A read of the disk that hangs must not keep the process.
    runtime.shutdown_background();
    ended
}

fn runtime() -> Result<Runtime, NodeError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .build()
        .map_err(|error| NodeError::System { what: "a runtime", error })
}

fn no_socket(error: io::Error) -> NodeError {
    NodeError::System { what: "its port", error }
}

fn bind(address: SocketAddr) -> Result<TcpListener, NodeError> {
    let bind = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // As the standard library does, so that a node that was restarted gets its port at once.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    bind().map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => NodeError::PortTaken(address),
        _ => NodeError::Listen { address, error },
    })
}

/// Where the others reach this node.
fn address(options: &NodeOptions, listener: &TcpListener) -> Result<String, NodeError> {
    match &options.advertise {
        Some(address) => Ok(address.clone()),
        None => {
            let bound = listener.local_addr();
            bound.map(|bound| bound.to_string()).map_err(|error| NodeError::System { what: "its own address", error })
        }
    }
}

/// Raises this process's own limit of open files as far as the system allows; gives how many connections that leaves.
fn connections_max() -> usize {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let files = getrlimit(Resource::RLIMIT_NOFILE).map(|(soft, hard)| {
        let raised = setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
        if raised { hard } else { soft }
    });
    // A limit that cannot be read is taken for the least that is usual.
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
        progress: &|text| tracing::info!("{text}"),
    })?;
    Ok(opened)
}

/// The node on a storage and a port that are open already.
pub(super) async fn run_on(
    options: &NodeOptions,
    opened: Opened,
    listener: TcpListener,
    stop: impl Future<Output = Stop>,
) -> Result<(), NodeError> {
    let quarantined = opened.quarantines.last();
    let note = quarantined.map(quarantine::note);
    // The quarantine's label counts only while the log is empty: later the node is a member like any other.
    let former = quarantined.filter(|_| opened.restored.lists.is_empty()).map(|found| found.label.clone());
    let options = &former.as_ref().map_or_else(|| options.clone(), |former| quarantine::returning(options, former));
    let node = assemble(options, opened, &listener, note, former)?;
    let advertised = options.advertise.as_ref().map(|address| format!(", others reach it at {address}"));
    let lab = if options.lab { ", as a lab" } else { "" };
    tracing::info!("{} listens on {}{}{lab}", options.id, options.listen, advertised.unwrap_or_default());
    node.run(options, listener, stop).await
}

/// A node with everything in place, before it serves.
struct Node {
    event_loop: EventLoop,
    inbox: Inbox,
    services: Services,
    foreign_clusters: ForeignClusters,
    membership: MembershipView,
}

fn assemble(
    options: &NodeOptions,
    opened: Opened,
    listener: &TcpListener,
    note: Option<String>,
    former: Option<Label>,
) -> Result<Node, NodeError> {
    let Opened { incarnation, log, database, snapshots, restored, notes, .. } = opened;
    let me = Identity { id: options.id, incarnation, address: address(options, listener)? };
    let list = restored.lists.last();
    let notes: Vec<String> = notes.into_iter().chain(note).chain(bootstrap::notes(options, &me, list)).collect();
    for note in &notes {
        tracing::info!("{note}");
    }
    let Bootstrap { membership, links, messages, addresses, join } =
        Bootstrap::new(options, &me, list, former.as_ref())?;
    let begun_anew = former.as_ref().map(|former| former.found.clone());
    let lost_disks = LostDisks::new((me.id, incarnation), membership.clone(), former.map(|former| former.members));
    let about = About {
        id: me.id,
        address: me.address.clone(),
        lab: options.lab,
        notes,
        incarnation,
        membership: membership.clone(),
        lost_disks,
    };
    let (queue, requests) = RequestQueue::new();
    let (done, completions) = mpsc::unbounded_channel();
    let log_reader = log.reader();
    let revision = watch::Sender::new(database.revision());
    let revisions = revision.subscribe();
    let leaders = watch::Sender::new(None);
    let applier = Applier::start(Arc::clone(&database), Arc::clone(&snapshots), done.clone(), revision)
        .map_err(|error| NodeError::System { what: "a thread", error })?;
    let clock = if options.frozen { Clock::start_frozen() } else { Clock::start() };
    let faults = faults(options, &clock);
    let cut_off = faults.as_ref().map(|faults| faults.gate().cut_off().into_iter().collect()).unwrap_or_default();
    let (cuts, cuts_now) = watch::channel(cut_off);
    let foreign_clusters = links.foreign_clusters().clone();
    let services = Services {
        about: about.clone(),
        queue: queue.clone(),
        links: Arc::clone(&links),
        records: Arc::new(Stores {
            database: Arc::clone(&database),
            snapshots: Arc::clone(&snapshots),
            log: Arc::clone(&log_reader),
            done: done.clone(),
        }),
        cuts: cuts_now,
        revisions,
        leaders: leaders.subscribe(),
        connections_max: connections_max(),
    };
    let event_loop = EventLoop {
        clock,
        core: Core::new(options.config(&me, seed()?), restored, clock.now()),
        faults,
        observers: Observers::new(options.id, options.lab),
        flusher: Flusher::new(log, done.clone()),
        applier,
        database,
        snapshots,
        log_reader,
        links,
        queue,
        about,
        cuts,
        leaders,
        done,
        requests: PendingRequests::default(),
        log_throttle: LogThrottle::default(),
        addresses,
        processes: BTreeMap::new(),
        begun_anew,
        join,
    };
    let inbox = Inbox { completions, messages, requests };
    Ok(Node { event_loop, inbox, services, foreign_clusters, membership })
}

/// The fault stage of a lab node.
fn faults(options: &NodeOptions, clock: &Clock) -> Option<Faults> {
    if let Some(wrong) = options.wrong {
        tracing::warn!("{} is WRONG on purpose: {}", options.id, wrong.name());
    }
    let gate = || Gate::new(options.id, clock.began()).with(&options.rules, options.frozen);
    options.lab.then(|| Faults::new(gate(), options.wrong))
}

impl Node {
    /// Serves and runs until `stop` resolves, until the node must stop by itself, or until a quorum of its peers turns
    /// out to belong to another cluster.
    async fn run(
        self,
        options: &NodeOptions,
        listener: TcpListener,
        stop: impl Future<Output = Stop>,
    ) -> Result<(), NodeError> {
        let Node { event_loop, inbox, services, foreign_clusters, membership } = self;
        let (end_serving, serving_ends) = oneshot::channel::<()>();
        let mut server = tokio::spawn(serve(listener, services, async {
            let _ = serving_ends.await;
        }));
        let mut outnumbered = None;
        let members = membership.clone();
        let stop = async {
            tokio::select! {
                how = stop => how,
                found = foreign_clusters.outnumber(|| members.known().quorum()) => {
                    outnumbered = Some(found);
                    Stop::AtOnce
                }
            }
        };
        let ended = tokio::select! {
            ended = event_loop.run(inbox, stop) => ended,
            served = &mut server => return Err(no_server(served)),
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

/// Serving ended before the node: there is no node without it.
fn no_server(served: Result<Result<(), crate::server::ServeError>, tokio::task::JoinError>) -> NodeError {
    match served {
        Ok(Err(error)) => error.into(),
        Ok(Ok(())) => NodeError::Fatal("the server ended by itself: please report it".into()),
        Err(error) => NodeError::Fatal(format!("the server broke: {error}; please report it")),
    }
}

/// So that nodes that start together do not stand for election together.
fn seed() -> Result<u64, NodeError> {
    getrandom::u64()
        .map_err(|error| NodeError::System { what: "random numbers", error: io::Error::other(error.to_string()) })
}
