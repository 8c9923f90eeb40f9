//! The Peer service: streams that other nodes open to push to this one, and their election messages.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use crate::peers::link::Link;
use crate::peers::queue::Queue;
use crate::peers::{Links, PeerEvent};
use crate::protocol::Envelope;
use crate::wire::address::sender_address;
use crate::wire::proto;
use crate::wire::proto::peer_server::Peer;

/// A node opens a stream only when it has a message to send.
const FIRST_MESSAGE_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) struct PeerService {
    pub(crate) links: Arc<Links>,
}

#[tonic::async_trait]
impl Peer for PeerService {
    type ReplicateStream = BoxStream<proto::Envelope>;

    async fn replicate(
        &self,
        request: Request<Streaming<proto::Envelope>>,
    ) -> Result<Response<BoxStream<proto::Envelope>>, Status> {
        let address = sender_address(request.metadata());
        let mut pushes = request.into_inner();
        let links = Arc::clone(&self.links);
        // The first message names the sender, so a foreign node is refused before the stream opens.
        let first = tokio::time::timeout(FIRST_MESSAGE_TIMEOUT, pushes.message())
            .await
            .map_err(|_| Status::deadline_exceeded("the stream was opened, but no message came on it"))??
            .ok_or_else(|| Status::invalid_argument("the stream ended without a message"))?;
        let (envelope, link) = links.accept(first, address.as_deref())?;
        let answers = Arc::new(Queue::default());
        link.stream_opened(Arc::clone(&answers));
        let drain = answers.drain().map(Ok);
        tokio::spawn(async move {
            let why = receive(&links, &link, envelope, pushes, &answers).await;
            tracing::debug!("the push stream of {} ended: {why}", link.id);
            link.stream_ended(&answers);
            links.report_if_gone(&link).await;
        });
        Ok(Response::new(Box::pin(drain)))
    }

    async fn deliver(&self, request: Request<proto::Envelope>) -> Result<Response<proto::Delivered>, Status> {
        let address = sender_address(request.metadata());
        let (envelope, _) = self.links.accept(request.into_inner(), address.as_deref())?;
        // A full inbox drops the message; the protocol repeats elections.
        let _ = self.links.inbox.try_send(PeerEvent::Message(envelope));
        Ok(Response::new(proto::Delivered {}))
    }
}

impl Links {
    /// Accepts the first message of a call. Its sender may be a guest that has sent its address.
    fn accept(self: &Arc<Self>, wire: proto::Envelope, address: Option<&str>) -> Result<(Envelope, Arc<Link>), Status> {
        let envelope = self.decode(wire)?;
        let listed = self.link(envelope.from).is_some_and(|link| link.is_listed());
        let authorized = self.authorizer.authorize(&envelope, None, listed)?;
        let link = self.link_for(&authorized, address).ok_or_else(|| {
            let text = format!(
                "{} is not a member, and cannot be a guest: it sent no address, or there are too many guests",
                envelope.from
            );
            self.authorizer.refuse(Status::resource_exhausted(text))
        })?;
        link.touch();
        Ok((envelope, link))
    }

    fn decode(&self, wire: proto::Envelope) -> Result<Envelope, Status> {
        Envelope::try_from(wire)
            .map_err(|malformed| self.authorizer.refuse(Status::invalid_argument(malformed.to_string())))
    }
}

/// Passes messages to the event loop until the stream ends; returns the reason.
async fn receive(
    links: &Links,
    link: &Link,
    first: Envelope,
    mut pushes: Streaming<proto::Envelope>,
    answers: &Queue,
) -> String {
    let mut next = first;
    loop {
        if links.inbox.send(PeerEvent::Message(next)).await.is_err() || answers.is_closed() {
            return "this node closed it".into();
        }
        let wire = match pushes.message().await {
            Ok(Some(wire)) => wire,
            Ok(None) => return "the sender closed it".into(),
            Err(status) => return crate::wire::status::reason(&status),
        };
        let authorized = links.decode(wire).and_then(|envelope| {
            links.authorizer.authorize(&envelope, Some(link.id), link.is_listed()).map(|_| envelope)
        });
        next = match authorized {
            Ok(envelope) => envelope,
            Err(status) => return crate::wire::status::reason(&status),
        };
        link.touch();
    }
}
