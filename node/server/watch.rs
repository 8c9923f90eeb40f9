//! Committed changes for those who watch, from a revision on, out of this node's final data.
//!
//! Revisions are the same at every node, so whoever is cut off here goes on at another node after the last revision
//! that it got. A node that is behind lets its watchers wait; one whose history does not reach back so far says from
//! where it does.
//!
//! A revision that no node has yet is waited for only if it is the next one. Beyond that the watcher means another
//! cluster, or has mistyped: it would wait in silence, and miss the changes before. A node that is behind cannot tell
//! by itself, so it asks the leader; while nobody leads, the watcher waits.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::codegen::BoxStream;

use crate::server::admission::limits::Permit;
use crate::server::client::ClientService;
use crate::server::records::{ChangedRecord, ChangesGone, Records};
use crate::wire::proto;
use crate::wire::refusal::refused;

/// Changes in one message, and how many messages wait for a slow watcher: then its node reads no further for it.
const CHANGES_MAX: usize = 256;
const MESSAGES_MAX: usize = 1;
/// A message ends after this many bytes of keys and values.
const BYTES_MAX: usize = 1 << 20;
/// A watcher of a quiet prefix is told so often how far it has seen, so that it need not go far back after a break.
const BOOKMARK: Duration = Duration::from_secs(1);
/// How long the leader may take to say which revision is the newest, before the watcher gets its first response.
const NEWEST: Duration = Duration::from_millis(250);

pub(super) fn watch(
    service: ClientService,
    request: proto::WatchRequest,
    limits: Permit,
) -> BoxStream<proto::WatchResponse> {
    let (responses, receiver) = mpsc::channel(MESSAGES_MAX);
    tokio::spawn(async move {
        let (gone, _room) = (responses.clone(), limits);
        tokio::select! {
            () = send_all(&service, request, &responses) => {}
            () = gone.closed() => {}
        }
    });
    Box::pin(ReceiverStream::new(receiver))
}

/// A watch that ends before it begins.
pub(super) fn refuse(refusal: proto::Refusal) -> BoxStream<proto::WatchResponse> {
    let response = proto::WatchResponse { refused: Some(refusal), ..proto::WatchResponse::default() };
    Box::pin(tokio_stream::once(Ok(response)))
}

type Responses = mpsc::Sender<Result<proto::WatchResponse, Status>>;

/// Sends until the watcher goes away, the node ends, or the history is gone.
async fn send_all(service: &ClientService, request: proto::WatchRequest, responses: &Responses) {
    let (records, mut revisions) = (&*service.records, service.revisions.clone());
    let proto::WatchRequest { prefix, from } = request;
    let mut seen = from.map_or_else(|| records.revision(), |from| from.saturating_sub(1));
    // The first response goes out at once, with or without changes.
    let (mut first, mut told) = (true, seen);
    // Whether somebody has the revision after which changes are wanted.
    let mut exists = false;
    loop {
        exists = exists || seen <= records.revision();
        if !exists && let Some(newest) = newest(service).await {
            if newest < seen {
                let _ = responses.send(Ok(future(seen + 1, newest))).await;
                return;
            }
            exists = true;
        }
        let present = *revisions.borrow_and_update();
        let (response, up_to) = match page(records, seen, &prefix) {
            Ok(page) => page,
            Err(refusal) => {
                let _ = responses.send(Ok(refusal)).await;
                return;
            }
        };
        seen = up_to;
        if std::mem::take(&mut first) || !response.changes.is_empty() {
            told = seen;
            if responses.send(Ok(response)).await.is_err() {
                return;
            }
        }
        if seen < present {
            continue;
        }
        match tokio::time::timeout(BOOKMARK, revisions.changed()).await {
            Ok(Ok(())) => {}
            // The node ends.
            Ok(Err(_)) => return,
            Err(_) if told == seen => {}
            Err(_) => {
                told = seen;
                let bookmark = proto::WatchResponse { up_to: seen, ..proto::WatchResponse::default() };
                if responses.send(Ok(bookmark)).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// The newest revision of all, if the leader says it in time.
async fn newest(service: &ClientService) -> Option<u64> {
    tokio::time::timeout(NEWEST, service.newest_revision(false)).await.ok()?.ok()
}

fn future(from: u64, newest: u64) -> proto::WatchResponse {
    let text = format!(
        "revision {from} does not exist yet: the newest is {newest}. Watch from {} on, or without a revision from what comes \
         next",
        newest + 1
    );
    proto::WatchResponse { refused: Some(refused("future_revision", text)), ..proto::WatchResponse::default() }
}

/// The next changes, and how far they go; or the refusal that ends the stream.
fn page(records: &dyn Records, after: u64, prefix: &[u8]) -> Result<(proto::WatchResponse, u64), proto::WatchResponse> {
    match records.changes(after, prefix, CHANGES_MAX) {
        Ok((changes, up_to)) => {
            let (changes, up_to) = bounded(changes, up_to);
            let changes = changes.into_iter().map(proto::Changed::from).collect();
            Ok((proto::WatchResponse { changes, up_to, ..proto::WatchResponse::default() }, up_to))
        }
        Err(ChangesGone { oldest }) => {
            let text = format!("changes from revision {} on are not kept any more: watch from {oldest} on", after + 1);
            let refused = Some(refused("history_gone", text));
            Err(proto::WatchResponse { refused, oldest, ..proto::WatchResponse::default() })
        }
    }
}

/// As many of them as fit into one message; at least one.
fn bounded(mut changes: Vec<ChangedRecord>, up_to: u64) -> (Vec<ChangedRecord>, u64) {
    let mut bytes = 0;
    let fits = |change: &&ChangedRecord| {
        let before = bytes;
        bytes += change.record.key.len() + change.record.value.len();
        before < BYTES_MAX
    };
    let count = changes.iter().take_while(fits).count();
    if count == changes.len() {
        return (changes, up_to);
    }
    changes.truncate(count);
    let up_to = changes.last().map_or(up_to, |change| change.record.revision);
    (changes, up_to)
}
