//! The gRPC services of a node, all on one port, and what they admit. They translate between the wire and the event
//! loop's requests; the protocol decides, the runtime carries out.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch as channel;

use crate::membership::removed::RemovedCheck;
use crate::peers::Links;
use crate::peers::inbound::PeerService;
use crate::protocol::NodeId;
use crate::server::admission::calls::CallLimits;
use crate::server::admission::limits::RequestLimits;
use crate::server::fault_service::FaultService;
use crate::server::requests::RequestQueue;
use crate::wire::endpoint::{KEEPALIVE, MESSAGE_BYTES_MAX};
use crate::wire::proto::client_server::ClientServer;
use crate::wire::proto::control_server::ControlServer;
use crate::wire::proto::peer_server::PeerServer;

pub(crate) mod requests;

pub(crate) mod ring;

mod admission;

mod records;

mod forward;

mod client;

mod write;

mod watch;

mod quorum;

mod listing;

mod write_stream;

mod member_changes;

mod control;

mod fault_service;

mod observe;

pub(crate) use control::About;
pub(crate) use records::Records;

/// Concurrent calls on one connection; HTTP/2 makes further ones wait at the client.
const CONNECTION_CALLS_MAX: u32 = 1_024;
/// Open calls of the Client service, and of each of the other two groups: peers, and control with health and
/// reflection. They are separate, so that clients cannot keep the other nodes out.
const CLIENT_CALLS_MAX: usize = 32_768;
const CALLS_MAX: usize = 8_192;
/// Bytes of incomplete incoming messages: of clients, as many of other nodes, and an eighth for the rest.
const INCOMPLETE_BYTES_MAX: usize = 256 << 20;
/// HTTP/2 flow control: what a sender may have in flight unread, per stream and per connection. Small, because a node
/// has thousands of connections and the windows bound the memory of all of them.
const STREAM_WINDOW_BYTES: u32 = 512 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 512 << 10;

/// The generated servers share no trait for their message limits.
macro_rules! limited {
    ($server:expr) => {
        $server.max_decoding_message_size(MESSAGE_BYTES_MAX).max_encoding_message_size(MESSAGE_BYTES_MAX)
    };
}
/// What the services need of the node that runs them.
pub(crate) struct Services {
    pub(crate) about: About,
    pub(crate) queue: RequestQueue,
    pub(crate) links: Arc<Links>,
    pub(crate) records: Arc<dyn Records>,
    /// The nodes to which the lab has cut the link. Forwarding respects it like the gate does.
    pub(crate) cuts: channel::Receiver<BTreeSet<NodeId>>,
    /// The newest applied revision, sent after each batch.
    pub(crate) revisions: channel::Receiver<u64>,
    /// The leader as this node knows it.
    pub(crate) leader: channel::Receiver<Option<NodeId>>,
    /// The most open connections. Some more are admitted for a moment, see [`admission::connections`].
    pub(crate) connections_max: usize,
}

/// Serves until `stop` resolves, then lets open calls end.
pub(crate) async fn serve(
    listener: TcpListener,
    services: Services,
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let connections_max = services.connections_max;
    let Handlers { peer, client, control } = handlers(services);
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<ClientServer<client::ClientService>>().await;
    let descriptors = tonic::include_file_descriptor_set!("epoca_descriptor");
    let reflection =
        || tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(descriptors);
    // Many tools still use the earlier version of the reflection service.
    let (reflection, reflection_alpha) = (reflection().build_v1()?, reflection().build_v1alpha()?);
    let peers = CallLimits::new(CALLS_MAX, INCOMPLETE_BYTES_MAX);
    let clients = CallLimits::new(CLIENT_CALLS_MAX, INCOMPLETE_BYTES_MAX);
    let others = CallLimits::new(CALLS_MAX, INCOMPLETE_BYTES_MAX / 8);
    tonic::transport::Server::builder()
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(CONNECTION_CALLS_MAX)
        .http2_keepalive_interval(Some(KEEPALIVE * 6))
        .add_service(peers.guard(limited!(PeerServer::new(peer))))
        .add_service(clients.guard(limited!(ClientServer::new(client))))
        .add_service(others.guard(limited!(ControlServer::new(control))))
        .add_service(others.guard(health_service))
        .add_service(others.guard(reflection))
        .add_service(others.guard(reflection_alpha))
        .serve_with_incoming_shutdown(admission::connections::incoming(listener, connections_max), stop)
        .await?;
    Ok(())
}

/// The three services of a node.
struct Handlers {
    peer: PeerService,
    client: client::ClientService,
    control: control::ControlService,
}

/// Connects the services to the node, and starts the check whether this node was removed.
fn handlers(services: Services) -> Handlers {
    let Services { about, queue, links, records, cuts, revisions, leader, connections_max: _ } = services;
    let limits = RequestLimits::default();
    let forwarder = Arc::new(forward::Forwarder { links: Arc::clone(&links), cuts, leader });
    let me = about.id;
    let members = member_changes::MemberChanges {
        queue: queue.clone(),
        forwarder: Arc::clone(&forwarder),
        membership: about.membership.clone(),
        lost_disks: about.lost_disks.clone(),
        me,
    };
    let client = client::ClientService {
        queue: queue.clone(),
        forwarder,
        records: Arc::clone(&records),
        me,
        membership: about.membership.clone(),
        revisions,
        limits: limits.clone(),
    };
    let forwarder = Arc::clone(&client.forwarder);
    let removed = RemovedCheck {
        me: (me, about.incarnation),
        membership: about.membership.clone(),
        leader: forwarder.leader.clone(),
        channel: move |node| forwarder.channel(node),
    };
    tokio::spawn(removed.run());
    let faults = FaultService { queue: queue.clone(), about: about.clone(), links: Arc::clone(&links) };
    let control = control::ControlService { queue, faults, about, records, links: Arc::clone(&links), members, limits };
    Handlers { peer: PeerService { links }, client, control }
}

/// Why serving ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The description of the services could not be built.
    #[error("the reflection service does not know its own descriptors: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The listening socket failed.
    #[error("serving gRPC failed: {0}")]
    Transport(#[from] tonic::transport::Error),
}
