//! Watches: committed changes from a revision on, read from this node's final data.
//!
//! Revisions are the same at every node, so a client that loses its connection continues at another node after the
//! last revision that it received. At a node that lags, a watch waits. If the history does not reach back far enough,
//! the watch fails with the oldest available revision.
//!
//! Of revisions that do not exist yet, only the next one may be watched. A later one belongs to another cluster or is
//! a mistake, and the watch would wait in silence and miss the changes before it. A node that lags cannot tell by
//! itself, so it asks the leader; without a leader the watch waits.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::codegen::BoxStream;

use crate::protocol::apply::{ChangePage, TooOld, Write};
use crate::server::admission::limits::Permit;
use crate::server::client::ClientService;
use crate::server::records::Records;
use crate::wire::proto;
use crate::wire::refusal::Refusal;

/// Changes in one message, and messages buffered for a slow client; beyond it the database is not read for that
/// client.
const CHANGES_MAX: usize = 256;
const MESSAGES_MAX: usize = 1;
/// A message is cut after this many bytes of keys and values.
const BYTES_MAX: usize = 1 << 20;
/// The interval of bookmarks: without changes a client learns how far it has seen, so that it need not go back far
/// after a lost connection.
const BOOKMARK_INTERVAL: Duration = Duration::from_secs(1);
/// How long to wait for the leader's newest revision before the first response.
const NEWEST_TIMEOUT: Duration = Duration::from_millis(250);

pub(super) fn watch(
    service: ClientService,
    request: proto::WatchRequest,
    permit: Permit,
) -> BoxStream<proto::WatchResponse> {
    let (responses, receiver) = mpsc::channel(MESSAGES_MAX);
    tokio::spawn(async move {
        let (sender, _permit) = (responses.clone(), permit);
        tokio::select! {
            _ = send_all(&service, request, &responses) => {}
            () = sender.closed() => {}
        }
    });
    Box::pin(ReceiverStream::new(receiver))
}

/// A watch that is refused.
pub(super) fn refuse(refusal: &Refusal) -> BoxStream<proto::WatchResponse> {
    let response = proto::WatchResponse { refused: Some(refusal.to_wire()), ..proto::WatchResponse::default() };
    Box::pin(tokio_stream::once(Ok(response)))
}

type Responses = mpsc::Sender<Result<proto::WatchResponse, Status>>;

/// The watch is over: the client is gone, the node is stopping, or the client has received a refusal.
struct Ended;

/// Sends changes until the watch ends.
async fn send_all(service: &ClientService, request: proto::WatchRequest, responses: &Responses) -> Result<(), Ended> {
    let (records, mut revisions) = (&*service.records, service.revisions.clone());
    let proto::WatchRequest { prefix, from } = request;
    let mut seen = from.map_or_else(|| records.revision(), |from| from.saturating_sub(1));
    // The first response is sent at once, with or without changes.
    let (mut first, mut announced) = (true, seen);
    // Whether the revision after which changes are wanted exists anywhere.
    let mut exists = false;
    loop {
        exists = exists || seen <= records.revision();
        if !exists && let Some(newest) = newest(service).await {
            if newest < seen {
                return send(responses, future_revision(seen + 1, newest)).await;
            }
            exists = true;
        }
        let present = *revisions.borrow_and_update();
        let (response, up_to) = match page(records, seen, &prefix) {
            Ok(page) => page,
            Err(refusal) => return send(responses, *refusal).await,
        };
        seen = up_to;
        if std::mem::take(&mut first) || !response.changes.is_empty() {
            announced = seen;
            send(responses, response).await?;
        }
        if seen < present {
            continue;
        }
        let has_changed = match tokio::time::timeout(BOOKMARK_INTERVAL, revisions.changed()).await {
            Ok(changed) => changed.map(|()| true).map_err(|_| Ended)?,
            Err(_) => false,
        };
        if !has_changed && announced != seen {
            announced = seen;
            send(responses, proto::WatchResponse { up_to: seen, ..proto::WatchResponse::default() }).await?;
        }
    }
}

async fn send(responses: &Responses, response: proto::WatchResponse) -> Result<(), Ended> {
    responses.send(Ok(response)).await.map_err(|_| Ended)
}

/// The newest revision of the cluster, if the leader answers in time.
async fn newest(service: &ClientService) -> Option<u64> {
    tokio::time::timeout(NEWEST_TIMEOUT, service.newest_revision(false)).await.ok()?.ok()
}

fn future_revision(from: u64, newest: u64) -> proto::WatchResponse {
    let refused = Some(Refusal::FutureRevision { revision: from, bound: newest }.to_wire());
    proto::WatchResponse { refused, ..proto::WatchResponse::default() }
}

/// The next changes, and the revision up to which they are complete; or the refusal that ends the stream.
fn page(
    records: &dyn Records,
    after: u64,
    prefix: &[u8],
) -> Result<(proto::WatchResponse, u64), Box<proto::WatchResponse>> {
    match records.changes(after, prefix, CHANGES_MAX) {
        Ok(page) => {
            let ChangePage { changes, up_to } = bounded(page);
            let changes = changes.into_iter().map(proto::Changed::from).collect();
            Ok((proto::WatchResponse { changes, up_to, ..proto::WatchResponse::default() }, up_to))
        }
        Err(TooOld { oldest }) => {
            let refused = Some(Refusal::HistoryGone { revision: after + 1, bound: oldest }.to_wire());
            Err(Box::new(proto::WatchResponse { refused, oldest, ..proto::WatchResponse::default() }))
        }
    }
}

/// As many changes as fit into one message, at least one.
fn bounded(mut page: ChangePage) -> ChangePage {
    let mut bytes = 0;
    let fits = |change: &&Write| {
        let before = bytes;
        bytes += change.key.len() + change.record.as_ref().map_or(0, |(value, _)| value.len());
        before < BYTES_MAX
    };
    let count = page.changes.iter().take_while(fits).count();
    if count < page.changes.len() {
        page.changes.truncate(count);
        page.up_to = page.changes.last().map_or(page.up_to, |change| change.revision);
    }
    page
}
