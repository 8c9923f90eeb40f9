//! The stream that this node opens to push: opened when there is something to send, opened again when it breaks. The same
//! task ends the link of a node that is not listed, once nothing has gone over it for a while.

use std::sync::Arc;
use std::time::Duration;

use tonic::transport::Channel;
use tonic::{Status, Streaming};

use crate::peers::Links;
use crate::peers::link::Link;
use crate::protocol::{Envelope, NodeId};
use crate::wire::endpoint::MESSAGE_BYTES_MAX;
use crate::wire::proto;
use crate::wire::proto::peer_client::PeerClient;

/// The first wait after a failure, doubled up to the greatest: a node that comes back is not left waiting.
const BACKOFF_MIN: Duration = Duration::from_millis(10);
const BACKOFF_MAX: Duration = Duration::from_millis(250);
/// A peer that takes the connection but does not answer, as a paused process does, is tried anew after this long.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// The link of a node that is not listed ends after once to twice this time without anything to send or to hear.
const SILENCE: Duration = Duration::from_secs(15);

pub(super) async fn run(links: Arc<Links>, link: Arc<Link>) {
    tokio::select! {
        () = push(&links, &link) => {}
        () = silence(&link) => links.forget(&link),
    }
}

/// Resolves when nobody needs the link.
async fn silence(link: &Link) {
    loop {
        let used = link.was_used();
        if !used && !link.is_listed() {
            return;
        }
        tokio::time::sleep(SILENCE).await;
    }
}

/// Ends when the link is closed.
async fn push(links: &Links, link: &Link) {
    let (queue, peer) = (&link.pushes, link.id);
    let mut client = PeerClient::new(link.endpoint.connect_lazy())
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let mut backoff = BACKOFF_MIN;
    let mut reachable = true;
    while queue.filled().await {
        let why = match open(&mut client, links, link).await {
            Ok(answers) => {
                tracing::debug!("the push stream to {peer} is open");
                (backoff, reachable) = (BACKOFF_MIN, true);
                receive(links, link, answers).await
            }
            Err(status) => status,
        };
        if queue.is_closed() {
            return;
        }
        log_once(&mut reachable, peer, &why);
        queue.clear();
        tokio::time::sleep(backoff).await;
        backoff = (backoff * 2).min(BACKOFF_MAX);
    }
}

async fn open(
    client: &mut PeerClient<Channel>,
    links: &Links,
    link: &Link,
) -> Result<Streaming<proto::Envelope>, Status> {
    let pushes = links.own.beside(link.pushes.drain());
    match tokio::time::timeout(OPEN_TIMEOUT, client.replicate(pushes)).await {
        Ok(opened) => opened.map(tonic::Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded("no answer")),
    }
}

/// Hands the answers to the loop until the stream ends; gives the reason.
async fn receive(links: &Links, link: &Link, mut answers: Streaming<proto::Envelope>) -> Status {
    loop {
        let wire = match answers.message().await {
            Ok(Some(wire)) => wire,
            Ok(None) => return Status::unavailable("the stream has ended"),
            Err(status) => return status,
        };
        let envelope = match Envelope::try_from(wire) {
            Ok(envelope) => envelope,
            Err(malformed) => return Status::invalid_argument(malformed.to_string()),
        };
        if let Err(status) = links.authorizer.authorize(&envelope, Some(link.id), link.is_listed()) {
            return status;
        }
        link.touch();
        if links.inbox.send(envelope).await.is_err() {
            return Status::cancelled("the node ends");
        }
    }
}

fn log_once(reachable: &mut bool, peer: NodeId, why: &Status) {
    if std::mem::replace(reachable, false) {
        tracing::warn!("the push stream to {peer} is down: {}", crate::wire::status::reason(why));
    }
}
