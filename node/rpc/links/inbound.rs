//! The Peer service: the streams that other nodes open to push to this one, and their election messages.

use std::sync::Arc;

use futures_util::StreamExt;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use crate::protocol::{Envelope, NodeId};
use crate::rpc::links::Links;
use crate::rpc::links::queue::Queue;
use crate::rpc::wire;
use crate::rpc::wire::peer_server::Peer;

pub struct PeerService {
    pub links: Arc<Links>,
}

#[tonic::async_trait]
impl Peer for PeerService {
    type ReplicateStream = BoxStream<wire::Envelope>;

    async fn replicate(
        &self,
        request: Request<Streaming<wire::Envelope>>,
    ) -> Result<Response<BoxStream<wire::Envelope>>, Status> {
        let mut pushes = request.into_inner();
        let links = Arc::clone(&self.links);
        // The first message names the sender, so that a stranger is refused before a stream is open.
        let first =
            pushes.message().await?.ok_or_else(|| Status::invalid_argument("the stream ended before it began"))?;
        let envelope = links.accept(first, None)?;
        let sender = envelope.from;
        let answers = Arc::new(Queue::default());
        links.peers[&sender].open(Arc::clone(&answers));
        let drain = answers.drain().map(Ok);
        tokio::spawn(async move {
            let why = receive(&links, sender, envelope, pushes, &answers).await;
            tracing::debug!("the push stream of {sender} has ended: {why}");
            links.peers[&sender].ended(&answers);
        });
        Ok(Response::new(Box::pin(drain)))
    }

    async fn deliver(&self, request: Request<wire::Envelope>) -> Result<Response<wire::Delivered>, Status> {
        let envelope = self.links.accept(request.into_inner(), None)?;
        // A full inbox drops it: elections ask again.
        let _ = self.links.inbox.try_send(envelope);
        Ok(Response::new(wire::Delivered {}))
    }
}

impl Links {
    fn accept(&self, wire: wire::Envelope, speaker: Option<NodeId>) -> Result<Envelope, Status> {
        let envelope = Envelope::try_from(wire)
            .map_err(|malformed| self.door.refuse(Status::invalid_argument(malformed.to_string())))?;
        self.door.admit(&envelope, speaker)?;
        Ok(envelope)
    }
}

/// Hands the pushes to the loop until the stream ends; gives the reason.
async fn receive(
    links: &Links,
    sender: NodeId,
    first: Envelope,
    mut pushes: Streaming<wire::Envelope>,
    answers: &Queue,
) -> String {
    let mut next = first;
    loop {
        if links.inbox.send(next).await.is_err() || answers.is_closed() {
            return "this node ends it".into();
        }
        let wire = match pushes.message().await {
            Ok(Some(wire)) => wire,
            Ok(None) => return "the sender closed it".into(),
            Err(status) => return crate::rpc::reason(&status),
        };
        next = match links.accept(wire, Some(sender)) {
            Ok(envelope) => envelope,
            Err(status) => return crate::rpc::reason(&status),
        };
    }
}
