//! Limits on what a node does for clients at the same time: requests, bytes of writes, streams, reads of the disk.
//! Beyond them it refuses at once as overloaded, so that no client waits without an answer and memory stays bounded.
//!
//! Messages of other nodes are not counted here: the cluster continues however many clients there are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::wire::refusal::Refusal;

/// Requests in flight. Each write of a stream counts as one.
const REQUESTS_MAX: usize = 65_536;
/// Bytes of keys and values of writes in flight. More than the uncommitted bytes that a leader admits, because a node
/// that forwards writes holds them too.
const WRITE_BYTES_MAX: usize = 128 << 20;
/// Bytes of large answers that clients have not read.
const ANSWER_BYTES_MAX: usize = 256 << 20;
/// Answers that wait on write streams to be read.
const STREAM_ANSWERS_MAX: usize = 65_536;
/// Watches; each has up to three messages of 1 MiB in flight.
const WATCHES_MAX: usize = 512;
/// Write streams. An idle one costs some kilobytes.
const WRITE_STREAMS_MAX: usize = 16_384;
/// Concurrent reads of lists, log pages and backup parts. The node's own reads of the disk, for replicas that lack
/// entries, use the same threads and must find free ones.
const READERS_MAX: usize = 4;

/// The limits of one node. Clones share them.
#[derive(Clone)]
pub(in crate::server) struct RequestLimits {
    requests: Counter,
    write_bytes: Counter,
    answer_bytes: Counter,
    stream_answers: Counter,
    watches: Counter,
    write_streams: Counter,
    readers: Arc<Semaphore>,
}

impl Default for RequestLimits {
    fn default() -> RequestLimits {
        RequestLimits {
            requests: Counter::new(REQUESTS_MAX),
            write_bytes: Counter::new(WRITE_BYTES_MAX),
            answer_bytes: Counter::new(ANSWER_BYTES_MAX),
            stream_answers: Counter::new(STREAM_ANSWERS_MAX),
            watches: Counter::new(WATCHES_MAX),
            write_streams: Counter::new(WRITE_STREAMS_MAX),
            readers: Arc::new(Semaphore::new(READERS_MAX)),
        }
    }
}

/// A part of a limit, released on drop.
pub(in crate::server) struct Permit {
    used: Arc<AtomicUsize>,
    amount: usize,
}

/// A limit and how much of it is in use. Clones share it.
#[derive(Clone)]
pub(in crate::server) struct Counter {
    used: Arc<AtomicUsize>,
    limit: usize,
}

impl RequestLimits {
    pub(in crate::server) fn request(&self) -> Result<Permit, Refusal> {
        self.requests.take(1).ok_or(Refusal::RequestsFull { limit: REQUESTS_MAX as u64 })
    }

    /// A write with this many bytes of keys and values.
    pub(in crate::server) fn write(&self, bytes: usize) -> Result<(Permit, Permit), Refusal> {
        let request = self.request()?;
        let full = Refusal::WritesFull { limit: WRITE_BYTES_MAX as u64 };
        Ok((request, self.write_bytes.take(bytes).ok_or(full)?))
    }

    /// A large answer, until its client has read it.
    pub(in crate::server) fn answer(&self, bytes: usize) -> Result<Permit, Refusal> {
        self.answer_bytes.take(bytes).ok_or(Refusal::AnswersFull { limit: ANSWER_BYTES_MAX as u64 })
    }

    pub(in crate::server) fn watch(&self) -> Result<Permit, Refusal> {
        self.watches.take(1).ok_or(Refusal::WatchesFull { limit: WATCHES_MAX as u64 })
    }

    pub(in crate::server) fn write_stream(&self) -> Result<Permit, Refusal> {
        self.write_streams.take(1).ok_or(Refusal::WriteStreamsFull { limit: WRITE_STREAMS_MAX as u64 })
    }

    /// An answer on a write stream; `None` beyond the limit, and then the stream must read fewer writes.
    pub(in crate::server) fn stream_answer(&self) -> Option<Permit> {
        self.stream_answers.take(1)
    }

    pub(in crate::server) fn has_stream_answer_permit(&self) -> bool {
        self.stream_answers.has_permit()
    }

    /// Waits for a permit to read from the disk. The number of waiting calls is limited by [`RequestLimits::request`].
    pub(in crate::server) async fn reader(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.readers).acquire_owned().await.ok()
    }
}

impl Counter {
    pub(in crate::server) fn new(limit: usize) -> Counter {
        Counter { used: Arc::default(), limit }
    }

    pub(in crate::server) fn has_permit(&self) -> bool {
        self.used.load(Ordering::Relaxed) < self.limit
    }

    pub(in crate::server) fn is_above_half(&self) -> bool {
        self.used.load(Ordering::Relaxed) > self.limit / 2
    }

    pub(in crate::server) fn take(&self, amount: usize) -> Option<Permit> {
        let used = self.used.fetch_add(amount, Ordering::Relaxed);
        let permit = Permit { used: Arc::clone(&self.used), amount };
        // If it is dropped here, that releases the amount again.
        (used + amount <= self.limit).then_some(permit)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.used.fetch_sub(self.amount, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_refused_and_takes_no_room() {
        let limits = RequestLimits::default();
        let most = limits.write(WRITE_BYTES_MAX).expect("it is all there is");
        for _ in 0..3 {
            let refusal = limits.write(1).map(drop).expect_err("there is no room");
            assert!(refusal.is_overload() && refusal.to_string().contains("128 MiB"), "{refusal:?}");
        }
        assert!(limits.request().is_ok(), "reads have room");
        drop(most);
        assert_eq!(limits.write_bytes.used.load(Ordering::Relaxed), 0);
        assert_eq!(limits.requests.used.load(Ordering::Relaxed), 0);
        assert!(limits.write(WRITE_BYTES_MAX).is_ok(), "an ended one has made room");
    }

    #[test]
    fn the_number_of_requests_is_bounded() {
        let limits = RequestLimits::default();
        let taken: Vec<_> = (0..REQUESTS_MAX).map(|_| limits.request().expect("there is room")).collect();
        let limit = REQUESTS_MAX as u64;
        assert_eq!(limits.request().map(drop).expect_err("there is no room"), Refusal::RequestsFull { limit });
        drop(taken);
        assert!(limits.request().is_ok());
    }
}
