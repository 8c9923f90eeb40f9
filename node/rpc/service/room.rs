//! How much a node has under way for clients: requests, the bytes of their writes, streams, and reads of the disk. Beyond
//! that it says "overloaded" at once, so that nobody waits in silence and memory stays bounded whoever asks.
//!
//! The messages of other nodes need no room here: however many clients come, the cluster goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::rpc::service::refusal::refused;
use crate::rpc::wire;

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
pub(super) struct Room {
    requests: Counter,
    write_bytes: Counter,
    answer_bytes: Counter,
    stream_answers: Counter,
    watches: Counter,
    write_streams: Counter,
    readers: Arc<Semaphore>,
}

impl Default for Room {
    fn default() -> Room {
        Room {
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
pub(super) struct Taken {
    used: Arc<AtomicUsize>,
    amount: usize,
}

/// A bound and how much of it is in use; clones share it.
#[derive(Clone)]
pub(super) struct Counter {
    used: Arc<AtomicUsize>,
    most: usize,
}

impl Room {
    pub(super) fn request(&self) -> Result<Taken, wire::Refusal> {
        let text = || format!("{REQUESTS_MAX} requests are under way at this node: try again a little later");
        self.requests.take(1).ok_or_else(|| overloaded(text()))
    }

    /// A write with keys and values of so many bytes.
    pub(super) fn write(&self, bytes: usize) -> Result<(Taken, Taken), wire::Refusal> {
        let request = self.request()?;
        let mebibytes = WRITE_BYTES_MAX >> 20;
        let text = || format!("{mebibytes} MiB of writes are under way at this node: try again a little later");
        Ok((request, self.write_bytes.take(bytes).ok_or_else(|| overloaded(text()))?))
    }

    /// A large answer, until its client has taken it.
    pub(super) fn answer(&self, bytes: usize) -> Result<Taken, wire::Refusal> {
        let mebibytes = ANSWER_BYTES_MAX >> 20;
        let text = || format!("{mebibytes} MiB of answers wait at this node to be read: try again a little later");
        self.answer_bytes.take(bytes).ok_or_else(|| overloaded(text()))
    }

    pub(super) fn watch(&self) -> Result<Taken, wire::Refusal> {
        let text = || format!("{WATCHES_MAX} watch changes at this node already: watch at another one, or end some");
        self.watches.take(1).ok_or_else(|| overloaded(text()))
    }

    pub(super) fn write_stream(&self) -> Result<Taken, wire::Refusal> {
        let text = || format!("{WRITE_STREAMS_MAX} streams of writes are open at this node: use one for many writes");
        self.write_streams.take(1).ok_or_else(|| overloaded(text()))
    }

    /// An answer that waits on a stream of writes; `None` if there are too many, and then the stream is to take few writes.
    pub(super) fn stream_answer(&self) -> Option<Taken> {
        self.stream_answers.take(1)
    }

    pub(super) fn has_stream_answers(&self) -> bool {
        self.stream_answers.has_room()
    }

    /// Waits for its turn to read from the disk; how many wait is bounded by the requests.
    pub(super) async fn reader(&self) -> Option<OwnedSemaphorePermit> {
        // Never closed.
        Arc::clone(&self.readers).acquire_owned().await.ok()
    }
}

impl Counter {
    pub(super) fn new(most: usize) -> Counter {
        Counter { used: Arc::default(), most }
    }

    pub(super) fn has_room(&self) -> bool {
        self.used.load(Ordering::Relaxed) < self.most
    }

    pub(super) fn is_beyond_half(&self) -> bool {
        self.used.load(Ordering::Relaxed) > self.most / 2
    }

    pub(super) fn take(&self, amount: usize) -> Option<Taken> {
        let used = self.used.fetch_add(amount, Ordering::Relaxed);
        let taken = Taken { used: Arc::clone(&self.used), amount };
        // Dropped, it gives back what was too much.
        (used + amount <= self.most).then_some(taken)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.used.fetch_sub(self.amount, Ordering::Relaxed);
    }
}

pub(super) fn overloaded(text: String) -> wire::Refusal {
    refused("overloaded", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_refused_and_takes_no_room() {
        let room = Room::default();
        let most = room.write(WRITE_BYTES_MAX).expect("it is all there is");
        for _ in 0..3 {
            let refusal = room.write(1).map(drop).expect_err("there is no room");
            assert!(refusal.code == "overloaded" && refusal.message.contains("128 MiB"), "{refusal:?}");
        }
        assert!(room.request().is_ok(), "reads have room");
        drop(most);
        assert_eq!(room.write_bytes.used.load(Ordering::Relaxed), 0);
        assert_eq!(room.requests.used.load(Ordering::Relaxed), 0);
        assert!(room.write(WRITE_BYTES_MAX).is_ok(), "what ended has made room");
    }

    #[test]
    fn the_number_of_requests_is_bounded() {
        let room = Room::default();
        let taken: Vec<_> = (0..REQUESTS_MAX).map(|_| room.request().expect("there is room")).collect();
        assert_eq!(room.request().map(drop).expect_err("there is no room").code, "overloaded");
        drop(taken);
        assert!(room.request().is_ok());
    }
}
