//! All that the loop hears, taken in as large a bite as is ready: what came during one turn forms the next.

use std::future::poll_fn;
use std::task::Poll;

use bytes::Bytes;
use tokio::sync::mpsc::{Receiver, UnboundedReceiver, UnboundedSender};

use crate::protocol::apply::Applied;
use crate::protocol::trace::Fact;
use crate::protocol::{ChainCheck, Entry, Envelope, LogPoint, Operation, ReadId, SnapshotId, Written};
use crate::server::requests::Request;
use crate::storage::StorageError;

/// One turn's bite of each kind; the rest waits for the next turn, so that heartbeats are never late for long.
const MESSAGES_MAX: usize = 256;
const REQUESTS_MAX: usize = 4_096;
const COMPLETIONS_MAX: usize = 256;

/// Something that was done off the loop.
pub(super) enum Done {
    Flushed(Operation),
    /// Up to this entry; what each of the entries came to.
    Applied(LogPoint, Vec<Applied>),
    /// What the final database is or how it has changed, for those who watch; comes before the [`Done`] of what changed
    /// it.
    Altered(Fact),
    LogRead(ReadId, Vec<Entry>),
    ChainChecked(ChainCheck),
    SnapshotTaken(SnapshotId),
    SnapshotRead(ReadId, Option<Bytes>),
    SnapshotWritten(SnapshotId, Written),
    SnapshotInstalled(SnapshotId),
    Failed(StorageError),
}

/// Unbounded, because what is under way is bounded: one flush, and jobs that the core has asked for.
pub(super) type DoneSender = UnboundedSender<Done>;

pub(super) struct Inbox {
    pub(super) completions: UnboundedReceiver<Done>,
    pub(super) messages: Receiver<Envelope>,
    pub(super) requests: Receiver<Request>,
}

#[derive(Default)]
pub(super) struct Batch {
    pub(super) completions: Vec<Done>,
    pub(super) messages: Vec<Envelope>,
    pub(super) requests: Vec<Request>,
}

impl Inbox {
    /// Waits until there is something, then takes all of it.
    pub(super) async fn gather(&mut self, batch: &mut Batch) {
        poll_fn(|context| {
            let completions = self.completions.poll_recv_many(context, &mut batch.completions, COMPLETIONS_MAX);
            let messages = self.messages.poll_recv_many(context, &mut batch.messages, MESSAGES_MAX);
            let requests = self.requests.poll_recv_many(context, &mut batch.requests, REQUESTS_MAX);
            // A closed channel is ready with nothing, for ever.
            let some = [completions, messages, requests].iter().any(|taken| matches!(taken, Poll::Ready(1..)));
            if some { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}
