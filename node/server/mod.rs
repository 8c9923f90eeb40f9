//! The services of a node, and how they are served on one port.

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
use crate::server::requests::RequestQueue;
use crate::wire::endpoint::{KEEPALIVE, MESSAGE_BYTES_MAX};
use crate::wire::proto::client_server::ClientServer;
use crate::wire::proto::control_server::ControlServer;
use crate::wire::proto::peer_server::PeerServer;

pub mod requests;

pub mod ring;

mod admission;

mod refusal;

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

mod lab;

mod observe;

pub use control::About;
pub use records::{ChangedRecord, ChangesGone, Records, StoredRecord};

/// Calls under way on one connection; more wait at the client.
const CALLS_OF_CONNECTION_MAX: u32 = 1_024;
/// Open calls of clients, and those of nodes and of everybody else.
const CLIENT_CALLS_MAX: usize = 32_768;
const CALLS_MAX: usize = 8_192;
/// Of messages of which something is still to come: clients', and as many of other nodes.
const ARRIVING_BYTES_MAX: usize = 256 << 20;
/// What a sender may have under way unread, on a stream and on a connection. A node has many connections, and reads the
/// most at once.
const STREAM_WINDOW_BYTES: u32 = 512 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 512 << 10;

/// The three servers share no trait for their limits.
macro_rules! limited {
    ($server:expr) => {
        $server.max_decoding_message_size(MESSAGE_BYTES_MAX).max_encoding_message_size(MESSAGE_BYTES_MAX)
    };
}
/// What the services work with.
pub struct Services {
    pub about: About,
    pub queue: RequestQueue,
    pub links: Arc<Links>,
    pub records: Arc<dyn Records>,
    /// The nodes to which the lab has cut the link.
    pub cuts: channel::Receiver<BTreeSet<NodeId>>,
    /// The revision of the final data, told anew whenever it may have grown.
    pub revisions: channel::Receiver<u64>,
    /// Who leads, as far as this node knows.
    pub leaders: channel::Receiver<Option<NodeId>>,
    /// How many connections may be open; a few more are let in for a moment.
    pub connections_max: usize,
}

/// Serves until `stop` resolves, then lets calls under way end.
pub async fn serve(
    listener: TcpListener,
    services: Services,
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let Services { about, queue, links, records, cuts, revisions, leaders, connections_max } = services;
    let limits = RequestLimits::default();
    let forwarder = Arc::new(forward::Forwarder { links: Arc::clone(&links), cuts, leaders });
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
        leaders: forwarder.leaders.clone(),
        channel: move |node| forwarder.channel(node),
    };
    tokio::spawn(removed.run());
    let lab = lab::Lab { queue: queue.clone(), about: about.clone(), links: Arc::clone(&links) };
    let control = control::ControlService { queue, lab, about, records, links: Arc::clone(&links), members, limits };
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<ClientServer<client::ClientService>>().await;
    let descriptors = tonic::include_file_descriptor_set!("epoca_descriptor");
    let reflection =
        || tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(descriptors);
    // Many tools still ask by the service's earlier name.
    let (reflection, reflection_alpha) = (reflection().build_v1()?, reflection().build_v1alpha()?);
    let (clients, others) =
        (CallLimits::new(CLIENT_CALLS_MAX, ARRIVING_BYTES_MAX), CallLimits::new(CALLS_MAX, ARRIVING_BYTES_MAX / 8));
    let peers = CallLimits::new(CALLS_MAX, ARRIVING_BYTES_MAX);
    tonic::transport::Server::builder()
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(CALLS_OF_CONNECTION_MAX)
        .http2_keepalive_interval(Some(KEEPALIVE * 6))
        .add_service(peers.guard(limited!(PeerServer::new(PeerService { links }))))
        .add_service(clients.guard(limited!(ClientServer::new(client))))
        .add_service(others.guard(limited!(ControlServer::new(control))))
        .add_service(others.guard(health_service))
        .add_service(others.guard(reflection))
        .add_service(others.guard(reflection_alpha))
        .serve_with_incoming_shutdown(admission::connections::incoming(listener, connections_max), stop)
        .await?;
    Ok(())
}

/// Why a node could not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("the reflection service does not know its own descriptors: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    #[error("serving gRPC failed: {0}")]
    Transport(#[from] tonic::transport::Error),
}
