//! The Peer service: the streams that other nodes open to push to this one, and their election messages.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use crate::peers::Links;
use crate::peers::link::Link;
use crate::peers::queue::Queue;
use crate::protocol::Envelope;
use crate::wire::address;
use crate::wire::proto;
use crate::wire::proto::peer_server::Peer;

/// Whoever opens a stream has something to say at once.
const FIRST_MESSAGE: Duration = Duration::from_secs(5);

pub struct PeerService {
    pub links: Arc<Links>,
}

#[tonic::async_trait]
impl Peer for PeerService {
    type ReplicateStream = BoxStream<proto::Envelope>;

    async fn replicate(
        &self,
        request: Request<Streaming<proto::Envelope>>,
    ) -> Result<Response<BoxStream<proto::Envelope>>, Status> {
        let told = address::told(request.metadata());
        let mut pushes = request.into_inner();
        let links = Arc::clone(&self.links);
        // The first message names the sender, so that a stranger is refused before a stream is open.
        let first = tokio::time::timeout(FIRST_MESSAGE, pushes.message())
            .await
            .map_err(|_| Status::deadline_exceeded("the stream was opened and nothing came on it"))??
            .ok_or_else(|| Status::invalid_argument("the stream ended before it began"))?;
        let (envelope, link) = links.accept(first, told.as_deref())?;
        let answers = Arc::new(Queue::default());
        link.open(Arc::clone(&answers));
        let drain = answers.drain().map(Ok);
        tokio::spawn(async move {
            let why = receive(&links, &link, envelope, pushes, &answers).await;
            tracing::debug!("the push stream of {} has ended: {why}", link.id);
            link.ended(&answers);
        });
        Ok(Response::new(Box::pin(drain)))
    }

    async fn deliver(&self, request: Request<proto::Envelope>) -> Result<Response<proto::Delivered>, Status> {
        let told = address::told(request.metadata());
        let (envelope, _) = self.links.accept(request.into_inner(), told.as_deref())?;
        // A full inbox drops it: elections ask again.
        let _ = self.links.inbox.try_send(envelope);
        Ok(Response::new(proto::Delivered {}))
    }
}

impl Links {
    /// The first message of a call: its sender may be a guest, who has told an address.
    fn accept(self: &Arc<Self>, wire: proto::Envelope, told: Option<&str>) -> Result<(Envelope, Arc<Link>), Status> {
        let envelope = self.decode(wire)?;
        let listed = self.link(envelope.from).is_some_and(|link| link.is_listed());
        let authorized = self.authorizer.authorize(&envelope, None, listed)?;
        let link = self.host(&authorized, told).ok_or_else(|| {
            let text =
                format!("{} is not a member, and no guest: it tells no address, or there are too many", envelope.from);
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

/// Hands the pushes to the loop until the stream ends; gives the reason.
async fn receive(
    links: &Links,
    link: &Link,
    first: Envelope,
    mut pushes: Streaming<proto::Envelope>,
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
            Err(status) => return crate::wire::status::reason(&status),
        };
        let heard = links.decode(wire).and_then(|envelope| {
            links.authorizer.authorize(&envelope, Some(link.id), link.is_listed()).map(|_| envelope)
        });
        next = match heard {
            Ok(envelope) => envelope,
            Err(status) => return crate::wire::status::reason(&status),
        };
        link.touch();
    }
}
