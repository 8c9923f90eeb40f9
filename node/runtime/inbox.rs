//! The inputs of the event loop. What arrives during one iteration is taken together by the next.

use std::future::poll_fn;
use std::task::Poll;

use bytes::Bytes;
use tokio::sync::mpsc::{Receiver, UnboundedReceiver, UnboundedSender};

use crate::peers::PeerEvent;
use crate::protocol::apply::Applied;
use crate::protocol::trace::Fact;
use crate::protocol::{ChainCheck, ChunkOutcome, Entry, LogPoint, Operation, ReadId, SnapshotId};
use crate::server::requests::Request;
use crate::storage::StorageError;

/// The most of each kind that one iteration takes. The rest waits for the next one, so that heartbeats are never late
/// for long.
const PEER_EVENTS_MAX: usize = 256;
const REQUESTS_MAX: usize = 4_096;
const COMPLETIONS_MAX: usize = 256;

/// The result of work that ran outside the event loop.
pub(super) enum Completion {
    /// The flush of an operation, and how many microseconds it took.
    Flushed(Operation, u64),
    /// Entries up to this one are applied, with the outcome of each.
    Applied(LogPoint, Vec<Applied>),
    /// Rows of the final database for observers. Sent before the completion of the apply or install that caused it.
    FinalChanged(Fact),
    LogRead(ReadId, Vec<Entry>),
    ChainChecked(ChainCheck),
    SnapshotTaken(SnapshotId),
    SnapshotRead(ReadId, Option<Bytes>),
    SnapshotWritten(SnapshotId, ChunkOutcome),
    SnapshotInstalled(SnapshotId),
    Failed(StorageError),
}

/// Unbounded, because the work in flight is bounded: one flush, and the jobs that the core has asked for.
pub(super) type CompletionSender = UnboundedSender<Completion>;

pub(super) struct Inbox {
    pub(super) completions: UnboundedReceiver<Completion>,
    pub(super) peer_events: Receiver<PeerEvent>,
    pub(super) requests: Receiver<Request>,
}

/// What one iteration takes. Bounds: [`COMPLETIONS_MAX`], [`MESSAGES_MAX`] and [`REQUESTS_MAX`]; emptied by the
/// iteration.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) completions: Vec<Completion>,
    pub(super) peer_events: Vec<PeerEvent>,
    pub(super) requests: Vec<Request>,
}

impl Inbox {
    /// Waits until something is ready, then takes all of it, up to the limits.
    pub(super) async fn receive(&mut self, batch: &mut Batch) {
        poll_fn(|context| {
            let completions = self.completions.poll_recv_many(context, &mut batch.completions, COMPLETIONS_MAX);
            let peer_events = self.peer_events.poll_recv_many(context, &mut batch.peer_events, PEER_EVENTS_MAX);
            let requests = self.requests.poll_recv_many(context, &mut batch.requests, REQUESTS_MAX);
            // A closed channel is always ready with zero items.
            let is_ready = [completions, peer_events, requests].iter().any(|count| matches!(count, Poll::Ready(1..)));
            if is_ready { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}
