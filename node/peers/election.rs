//! Sends election messages: one unary call for each, few at a time. The protocol repeats a lost one.

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

/// The most calls to one node in flight. A node that hangs must not collect calls.
const CALLS_MAX: usize = 32;
/// Longer than a vote is useful.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct ElectionCalls {
    peer: NodeId,
    client: PeerClient<Channel>,
    permits: Arc<Semaphore>,
    log_throttle: Arc<LogThrottle>,
    own: OwnAddress,
    foreign_clusters: ForeignClusters,
}

impl ElectionCalls {
    pub(super) fn new(
        peer: NodeId,
        endpoint: &Endpoint,
        own: OwnAddress,
        foreign_clusters: ForeignClusters,
    ) -> ElectionCalls {
        let client = PeerClient::new(endpoint.connect_lazy()).max_encoding_message_size(MESSAGE_BYTES_MAX);
        ElectionCalls {
            peer,
            client,
            permits: Arc::new(Semaphore::new(CALLS_MAX)),
            log_throttle: Arc::default(),
            own,
            foreign_clusters,
        }
    }

    /// Sends a message in a task of its own; false if too many calls are in flight.
    pub(super) fn send(&self, envelope: Envelope) -> bool {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else { return false };
        let (peer, mut client, log_throttle) = (self.peer, self.client.clone(), Arc::clone(&self.log_throttle));
        let (foreign_clusters, request) =
            (self.foreign_clusters.clone(), self.own.request(proto::Envelope::from(envelope)));
        tokio::spawn(async move {
            let call = client.deliver(request);
            if let Ok(Err(status)) = tokio::time::timeout(CALL_TIMEOUT, call).await {
                foreign_clusters.note_refusal(peer, &status);
                log_throttle
                    .warn(&format!("{peer} refused an election message: {}", crate::wire::status::reason(&status)));
            }
            drop(permit);
        });
        true
    }
}
