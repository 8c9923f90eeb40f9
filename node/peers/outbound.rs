//! The stream that this node opens to push: opened when there is something to send, and again after it breaks. The
//! same task closes the link of a node that is not a member, once there was no message on it for a while.

use std::sync::Arc;
use std::time::Duration;

use tonic::transport::Channel;
use tonic::{Status, Streaming};

use crate::peers::link::Link;
use crate::peers::{Links, PeerEvent};
use crate::protocol::{Envelope, NodeId};
use crate::wire::endpoint::MESSAGE_BYTES_MAX;
use crate::wire::proto;
use crate::wire::proto::peer_client::PeerClient;

/// The first and the longest pause after a failure; it doubles in between. Short, so that a returning node is reached
/// soon.
const BACKOFF_MIN: Duration = Duration::from_millis(10);
const BACKOFF_MAX: Duration = Duration::from_millis(250);
/// A peer that accepts the connection but does not answer, for example a paused process, is tried again after this
/// time.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// The link of a node that is not a member closes after one to two times this time without a message.
const SILENCE_CHECK_INTERVAL: Duration = Duration::from_secs(15);

pub(super) async fn run(links: Arc<Links>, link: Arc<Link>) {
    tokio::select! {
        () = push(&links, &link) => {}
        () = until_silent(&link) => links.remove(&link),
    }
}

/// Resolves when the link is no longer needed.
async fn until_silent(link: &Link) {
    loop {
        let used = link.take_used();
        if !used && !link.is_listed() {
            return;
        }
        tokio::time::sleep(SILENCE_CHECK_INTERVAL).await;
    }
}

/// Sends queued messages until the link is closed.
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
    let pushes = links.own.request(link.pushes.drain());
    match tokio::time::timeout(OPEN_TIMEOUT, client.replicate(pushes)).await {
        Ok(opened) => opened.map(tonic::Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded("no answer")),
    }
}

/// Passes answers to the event loop until the stream ends; returns the reason.
async fn receive(links: &Links, link: &Link, mut answers: Streaming<proto::Envelope>) -> Status {
    loop {
        let wire = match answers.message().await {
            Ok(Some(wire)) => wire,
            Ok(None) => return Status::unavailable("the stream ended"),
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
        if links.inbox.send(PeerEvent::Message(envelope)).await.is_err() {
            return Status::cancelled("this node is stopping");
        }
    }
}

fn log_once(reachable: &mut bool, peer: NodeId, why: &Status) {
    if std::mem::replace(reachable, false) {
        tracing::warn!("the push stream to {peer} is down: {}", crate::wire::status::reason(why));
    }
}
