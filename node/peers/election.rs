//! Election messages: one unary call for each, few at a time. A lost one is asked again by the protocol.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tonic::transport::{Channel, Endpoint};

use crate::membership::foreign_clusters::ForeignClusters;
use crate::protocol::{Envelope, NodeId};
use crate::wire::address::OwnAddress;
use crate::wire::endpoint::MESSAGE_BYTES_MAX;
use crate::wire::log_throttle::LogThrottle;
use crate::wire::proto;
use crate::wire::proto::peer_client::PeerClient;

/// How many calls to one node may be under way.
const CALLS_MAX: usize = 32;
/// Longer than a vote is of use.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct Calls {
    peer: NodeId,
    client: PeerClient<Channel>,
    room: Arc<Semaphore>,
    log_throttle: Arc<LogThrottle>,
    own: OwnAddress,
    foreign_clusters: ForeignClusters,
}

impl Calls {
    pub(super) fn new(peer: NodeId, endpoint: &Endpoint, own: OwnAddress, foreign_clusters: ForeignClusters) -> Calls {
        let client = PeerClient::new(endpoint.connect_lazy()).max_encoding_message_size(MESSAGE_BYTES_MAX);
        Calls {
            peer,
            client,
            room: Arc::new(Semaphore::new(CALLS_MAX)),
            log_throttle: Arc::default(),
            own,
            foreign_clusters,
        }
    }

    /// Sends the message in a task of its own; false if too many are under way.
    pub(super) fn deliver(&self, envelope: Envelope) -> bool {
        let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() else { return false };
        let (peer, mut client, log_throttle) = (self.peer, self.client.clone(), Arc::clone(&self.log_throttle));
        let (foreign_clusters, request) =
            (self.foreign_clusters.clone(), self.own.beside(proto::Envelope::from(envelope)));
        tokio::spawn(async move {
            let call = client.deliver(request);
            if let Ok(Err(status)) = tokio::time::timeout(CALL_TIMEOUT, call).await {
                foreign_clusters.note_refusal(peer, &status);
                log_throttle
                    .warn(&format!("{peer} did not take a vote message: {}", crate::wire::status::reason(&status)));
            }
            drop(permit);
        });
        true
    }
}
