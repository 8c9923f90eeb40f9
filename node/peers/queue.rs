//! The bounded queue of messages for one stream.
//!
//! The event loop fills it and never waits: when it is full the newest message is dropped, which the protocol repairs
//! like any loss. The stream that is open drains it and takes everything that is ready at once, so that many messages
//! leave in few writes.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::Stream;

use crate::protocol::{Envelope, Message};
use crate::wire::proto;

/// Limits of one queue. The core keeps less than this in flight to a replica, but heartbeats to a paused one
/// accumulate.
const MESSAGES_MAX: usize = 1_024;
const BYTES_MAX: usize = 32 << 20;

#[derive(Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Oldest first. Bounds: [`MESSAGES_MAX`] and [`BYTES_MAX`]; beyond them the newest message is dropped.
    messages: VecDeque<Envelope>,
    /// The estimated memory of `messages`.
    bytes: usize,
    reader: Option<Waker>,
    /// Counts the drains. Only the latest may take messages; an earlier one belongs to a broken stream.
    drain: u64,
    closed: bool,
}

impl Queue {
    /// Adds a message. False if the queue is full or closed; the message is dropped.
    pub(super) fn push(&self, envelope: Envelope) -> bool {
        let mut inner = self.lock();
        let bytes = weight(&envelope);
        if inner.closed || inner.messages.len() >= MESSAGES_MAX || inner.bytes + bytes > BYTES_MAX {
            return false;
        }
        inner.bytes += bytes;
        inner.messages.push_back(envelope);
        if let Some(reader) = inner.reader.take() {
            reader.wake();
        }
        true
    }

    /// Drops all messages: the peer is unreachable, and the protocol will send what it needs.
    pub(super) fn clear(&self) {
        let mut inner = self.lock();
        inner.messages.clear();
        inner.bytes = 0;
    }

    /// Closes the queue; its stream ends once it is empty.
    pub(super) fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        if let Some(reader) = inner.reader.take() {
            reader.wake();
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Waits for a message without taking it; false if the queue is closed.
    pub(super) async fn filled(&self) -> bool {
        poll_fn(|context| {
            let mut inner = self.lock();
            if inner.closed || !inner.messages.is_empty() {
                return Poll::Ready(!inner.closed);
            }
            inner.reader = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// The messages as a stream for gRPC. The previous drain of this queue ends.
    pub(super) fn drain(self: &Arc<Queue>) -> Drain {
        let mut inner = self.lock();
        inner.drain += 1;
        if let Some(reader) = inner.reader.take() {
            reader.wake();
        }
        Drain { queue: Arc::clone(self), number: inner.drain }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while the lock is held.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn weight(envelope: &Envelope) -> usize {
    let bodies = match &envelope.message {
        Message::Push(push) => push.entries.iter().map(|entry| entry.body.len() + 64).sum(),
        Message::SnapshotChunk(chunk) => chunk.bytes.len(),
        _ => 0,
    };
    bodies + 128
}

pub(super) struct Drain {
    queue: Arc<Queue>,
    number: u64,
}

impl Stream for Drain {
    type Item = proto::Envelope;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<proto::Envelope>> {
        let mut inner = self.queue.lock();
        if inner.drain != self.number {
            return Poll::Ready(None);
        }
        if let Some(envelope) = inner.messages.pop_front() {
            inner.bytes -= weight(&envelope);
            drop(inner);
            return Poll::Ready(Some(envelope.into()));
        }
        if inner.closed {
            return Poll::Ready(None);
        }
        inner.reader = Some(context.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};

    use super::*;
    use crate::protocol::{NodeId, RoundAnswer};

    fn message(number: u64) -> Envelope {
        let message = Message::RoundAnswer(RoundAnswer { round: 1, patience_micros: 0 });
        Envelope::bare(NodeId(1), NodeId(2), number, message)
    }

    #[tokio::test]
    async fn a_full_queue_drops_the_newest() {
        let queue = Arc::new(Queue::default());
        for number in 0..MESSAGES_MAX as u64 {
            assert!(queue.push(message(number)));
        }
        assert!(!queue.push(message(MESSAGES_MAX as u64)));
        let first = queue.drain().next().await.map(|envelope| envelope.number);
        assert_eq!(first, Some(0));
        assert!(queue.push(message(7)), "there is room again");
    }

    #[tokio::test]
    async fn an_earlier_drain_takes_nothing_from_a_later_one() {
        let queue = Arc::new(Queue::default());
        let mut broken = queue.drain();
        assert!(broken.next().now_or_never().is_none(), "nothing is there yet");
        let mut open = queue.drain();
        queue.push(message(1));
        assert_eq!(broken.next().await, None);
        assert_eq!(open.next().await.map(|envelope| envelope.number), Some(1));
    }

    #[tokio::test]
    async fn a_closed_queue_gives_what_it_holds_and_ends() {
        let queue = Arc::new(Queue::default());
        queue.push(message(1));
        queue.close();
        assert!(!queue.push(message(2)));
        assert!(!queue.filled().await);
        let numbers: Vec<_> = queue.drain().map(|envelope| envelope.number).collect().await;
        assert_eq!(numbers, [1]);
    }
}
