//! How much a node has under way for clients: requests, the bytes of their writes, streams, and reads of the disk. Beyond
//! that it says "overloaded" at once, so that nobody waits in silence and memory stays bounded whoever asks.
//!
//! The messages of other nodes need no room here: however many clients come, the cluster goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::wire::proto;
use crate::wire::refusal::refused;

/// Requests under way, each write of a stream one of them.
const REQUESTS_MAX: usize = 65_536;
/// Keys and values of the writes under way. More than a leader takes uncommitted, because a node that passes writes on
/// holds them, too.
const WRITE_BYTES_MAX: usize = 128 << 20;
/// Large answers that their clients have not taken yet.
const ANSWER_BYTES_MAX: usize = 256 << 20;
/// Answers that wait on streams of writes to be read.
const STREAM_ANSWERS_MAX: usize = 65_536;
/// Streams that watch changes; each has up to three messages of a mebibyte under way.
const WATCHES_MAX: usize = 512;
/// Streams of writes.
const WRITE_STREAMS_MAX: usize = 16_384;
/// Lists, pages of the log and parts of a backup that are read at the same time. The node's own reads of the disk, for
/// replicas that lack entries, share the same threads and must find some free.
const READERS_MAX: usize = 4;

/// Clones share it.
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

/// A part of a bound, given back when it is dropped.
pub(in crate::server) struct Permit {
    used: Arc<AtomicUsize>,
    amount: usize,
}

/// A bound and how much of it is in use; clones share it.
#[derive(Clone)]
pub(in crate::server) struct Counter {
    used: Arc<AtomicUsize>,
    most: usize,
}

impl RequestLimits {
    pub(in crate::server) fn request(&self) -> Result<Permit, proto::Refusal> {
        let text = || format!("{REQUESTS_MAX} requests are under way at this node: try again a little later");
        self.requests.take(1).ok_or_else(|| overloaded(text()))
    }

    /// A write with keys and values of so many bytes.
    pub(in crate::server) fn write(&self, bytes: usize) -> Result<(Permit, Permit), proto::Refusal> {
        let request = self.request()?;
        let mebibytes = WRITE_BYTES_MAX >> 20;
        let text = || format!("{mebibytes} MiB of writes are under way at this node: try again a little later");
        Ok((request, self.write_bytes.take(bytes).ok_or_else(|| overloaded(text()))?))
    }

    /// A large answer, until its client has taken it.
    pub(in crate::server) fn answer(&self, bytes: usize) -> Result<Permit, proto::Refusal> {
        let mebibytes = ANSWER_BYTES_MAX >> 20;
        let text = || format!("{mebibytes} MiB of answers wait at this node to be read: try again a little later");
        self.answer_bytes.take(bytes).ok_or_else(|| overloaded(text()))
    }

    pub(in crate::server) fn watch(&self) -> Result<Permit, proto::Refusal> {
        let text = || format!("{WATCHES_MAX} watch changes at this node already: watch at another one, or end some");
        self.watches.take(1).ok_or_else(|| overloaded(text()))
    }

    pub(in crate::server) fn write_stream(&self) -> Result<Permit, proto::Refusal> {
        let text = || format!("{WRITE_STREAMS_MAX} streams of writes are open at this node: use one for many writes");
        self.write_streams.take(1).ok_or_else(|| overloaded(text()))
    }

    /// An answer that waits on a stream of writes; `None` if there are too many, and then the stream is to take few writes.
    pub(in crate::server) fn stream_answer(&self) -> Option<Permit> {
        self.stream_answers.take(1)
    }

    pub(in crate::server) fn has_stream_answers(&self) -> bool {
        self.stream_answers.has_room()
    }

    /// Waits for its turn to read from the disk; how many wait is bounded by the requests.
    pub(in crate::server) async fn reader(&self) -> Option<OwnedSemaphorePermit> {
        // Never closed.
        Arc::clone(&self.readers).acquire_owned().await.ok()
    }
}

impl Counter {
    pub(in crate::server) fn new(most: usize) -> Counter {
        Counter { used: Arc::default(), most }
    }

    pub(in crate::server) fn has_room(&self) -> bool {
        self.used.load(Ordering::Relaxed) < self.most
    }

    pub(in crate::server) fn is_beyond_half(&self) -> bool {
        self.used.load(Ordering::Relaxed) > self.most / 2
    }

    pub(in crate::server) fn take(&self, amount: usize) -> Option<Permit> {
        let used = self.used.fetch_add(amount, Ordering::Relaxed);
        let taken = Permit { used: Arc::clone(&self.used), amount };
        // Dropped, it gives back what was too much.
        (used + amount <= self.most).then_some(taken)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.used.fetch_sub(self.amount, Ordering::Relaxed);
    }
}

pub(in crate::server) fn overloaded(text: String) -> proto::Refusal {
    refused("overloaded", text)
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
            assert!(refusal.code == "overloaded" && refusal.message.contains("128 MiB"), "{refusal:?}");
        }
        assert!(limits.request().is_ok(), "reads have room");
        drop(most);
        assert_eq!(limits.write_bytes.used.load(Ordering::Relaxed), 0);
        assert_eq!(limits.requests.used.load(Ordering::Relaxed), 0);
        assert!(limits.write(WRITE_BYTES_MAX).is_ok(), "what ended has made room");
    }

    #[test]
    fn the_number_of_requests_is_bounded() {
        let limits = RequestLimits::default();
        let taken: Vec<_> = (0..REQUESTS_MAX).map(|_| limits.request().expect("there is room")).collect();
        assert_eq!(limits.request().map(drop).expect_err("there is no room").code, "overloaded");
        drop(taken);
        assert!(limits.request().is_ok());
    }
}
