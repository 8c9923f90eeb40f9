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
/// Streams that watch changes; each has up to five messages of a mebibyte under way.
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
    watches: Counter,
    write_streams: Counter,
    readers: Arc<Semaphore>,
}

impl Default for Room {
    fn default() -> Room {
        let bounded = |most| Counter { used: Arc::default(), most };
        Room {
            requests: bounded(REQUESTS_MAX),
            write_bytes: bounded(WRITE_BYTES_MAX),
            watches: bounded(WATCHES_MAX),
            write_streams: bounded(WRITE_STREAMS_MAX),
            readers: Arc::new(Semaphore::new(READERS_MAX)),
        }
    }
}

/// A part of a bound, given back when it is dropped.
pub(super) struct Taken {
    used: Arc<AtomicUsize>,
    amount: usize,
}

#[derive(Clone)]
struct Counter {
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

    pub(super) fn watch(&self) -> Result<Taken, wire::Refusal> {
        let text = || format!("{WATCHES_MAX} watch changes at this node already: watch at another one, or end some");
        self.watches.take(1).ok_or_else(|| overloaded(text()))
    }

    pub(super) fn write_stream(&self) -> Result<Taken, wire::Refusal> {
        let text = || format!("{WRITE_STREAMS_MAX} streams of writes are open at this node: use one for many writes");
        self.write_streams.take(1).ok_or_else(|| overloaded(text()))
    }

    /// Waits for its turn to read from the disk; how many wait is bounded by the requests.
    pub(super) async fn reader(&self) -> Option<OwnedSemaphorePermit> {
        // Never closed.
        Arc::clone(&self.readers).acquire_owned().await.ok()
    }
}

impl Counter {
    fn take(&self, amount: usize) -> Option<Taken> {
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
