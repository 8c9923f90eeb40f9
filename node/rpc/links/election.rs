//! Election messages: one unary call for each, few at a time. A lost one is asked again by the protocol.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tonic::transport::{Channel, Endpoint};

use crate::protocol::{Envelope, NodeId};
use crate::rpc::complaints::Complaints;
use crate::rpc::links::Strangers;
use crate::rpc::links::address::OwnAddress;
use crate::rpc::wire::peer_client::PeerClient;
use crate::rpc::{MESSAGE_BYTES_MAX, wire};

/// How many calls to one node may be under way.
const CALLS_MAX: usize = 32;
/// Longer than a vote is of use.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct Calls {
    peer: NodeId,
    client: PeerClient<Channel>,
    room: Arc<Semaphore>,
    complaints: Arc<Complaints>,
    own: OwnAddress,
    strangers: Strangers,
}

impl Calls {
    pub(super) fn new(peer: NodeId, endpoint: &Endpoint, own: OwnAddress, strangers: Strangers) -> Calls {
        let client = PeerClient::new(endpoint.connect_lazy()).max_encoding_message_size(MESSAGE_BYTES_MAX);
        Calls { peer, client, room: Arc::new(Semaphore::new(CALLS_MAX)), complaints: Arc::default(), own, strangers }
    }

    /// Sends the message in a task of its own; false if too many are under way.
    pub(super) fn deliver(&self, envelope: Envelope) -> bool {
        let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() else { return false };
        let (peer, mut client, complaints) = (self.peer, self.client.clone(), Arc::clone(&self.complaints));
        let (strangers, request) = (self.strangers.clone(), self.own.beside(wire::Envelope::from(envelope)));
        tokio::spawn(async move {
            let call = client.deliver(request);
            if let Ok(Err(status)) = tokio::time::timeout(CALL_TIMEOUT, call).await {
                strangers.note_refusal(peer, &status);
                complaints.say(&format!("{peer} did not take a vote message: {}", crate::rpc::reason(&status)));
            }
            drop(permit);
        });
        true
    }
}
