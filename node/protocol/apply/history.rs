//! The latest changes of the final data, for watchers: kept in memory, bounded in number and bytes. And the position
//! of a watcher, which moves from node to node without missing a change or seeing one twice.
//!
//! The history grows as entries are applied. It starts empty with a node, except for what is applied again from the
//! log. Requests for older revisions fail with the oldest available one. Revisions are the same on all nodes, so a
//! watcher needs only its revision to continue at another node.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::apply::Write;

/// The memory that a change takes besides its key and value, in bytes.
const CHANGE_BYTES: usize = 128;

/// Bounds of a history.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HistoryLimits {
    /// The number of changes.
    pub changes: usize,
    /// The memory of the changes, in bytes.
    pub bytes: usize,
}

impl Default for HistoryLimits {
    fn default() -> HistoryLimits {
        HistoryLimits { changes: 32_768, bytes: 8 << 20 }
    }
}

/// A part of the history, for one watcher.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangePage {
    /// The changes, in the order of their revisions.
    pub changes: Vec<Write>,
    /// All changes up to this revision were considered; the next page starts after it.
    pub up_to: u64,
}

/// The history does not reach back to the revision that was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooOld {
    /// The oldest revision that is available.
    pub oldest: u64,
}

/// The latest changes of a database.
#[derive(Clone, Debug)]
pub struct History {
    /// The bounds.
    limits: HistoryLimits,
    /// The changes, oldest first. Invariant: revisions are contiguous, and the first one is `before + 1`; `after`
    /// finds a revision by its index.
    writes: VecDeque<Write>,
    /// The memory of `writes`, in bytes.
    bytes: usize,
    /// The revision before the first change that is kept. It moves forward when changes are dropped.
    before: u64,
}

impl History {
    /// An empty history of a database at this revision, with the default bounds.
    pub fn new(revision: u64) -> History {
        History::bounded(revision, HistoryLimits::default())
    }

    /// An empty history of a database at this revision.
    pub fn bounded(revision: u64, limits: HistoryLimits) -> History {
        History { limits, writes: VecDeque::new(), bytes: 0, before: revision }
    }

    /// Adds changes that were applied, and drops the oldest beyond the bounds.
    pub fn add(&mut self, writes: Vec<Write>) {
        for write in writes {
            let write = compact(write);
            self.bytes += weight(&write);
            self.writes.push_back(write);
        }
        while self.writes.len() > self.limits.changes || self.bytes > self.limits.bytes {
            let Some(oldest) = self.writes.pop_front() else { break };
            self.bytes -= weight(&oldest);
            self.before = oldest.revision;
        }
    }

    /// Changes after `revision` of keys that start with `prefix`, at most `limit`. An error if the history does not
    /// reach back to `revision`.
    pub fn after(&self, revision: u64, prefix: &[u8], limit: usize) -> Result<ChangePage, TooOld> {
        if revision < self.before {
            return Err(TooOld { oldest: self.before + 1 });
        }
        let mut page = ChangePage { changes: Vec::new(), up_to: revision };
        for write in self.writes.iter().skip((revision - self.before) as usize) {
            if page.changes.len() == limit {
                break;
            }
            page.up_to = write.revision;
            if write.key.starts_with(prefix) {
                page.changes.push(write.clone());
            }
        }
        Ok(page)
    }
}

/// How far a watcher has read, independent of the node it reads from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WatchCursor(u64);

impl WatchCursor {
    /// A watcher that wants the changes from this revision on.
    pub fn starting_at(from: u64) -> WatchCursor {
        WatchCursor(from.saturating_sub(1))
    }

    /// All changes up to this revision were read.
    pub fn revision(self) -> u64 {
        self.0
    }

    /// Notes a change. False if it was read before: a node that the watcher turns to may start too early.
    pub fn advance(&mut self, revision: u64) -> bool {
        let new = revision > self.0;
        self.0 = self.0.max(revision);
        new
    }

    /// Notes that a node has no further changes up to this revision.
    pub fn advance_to(&mut self, up_to: u64) {
        self.0 = self.0.max(up_to);
    }
}

/// The memory of a change, in bytes.
fn weight(write: &Write) -> usize {
    CHANGE_BYTES + write.key.len() + write.record.as_ref().map_or(0, |(value, _)| value.len())
}

/// A copy in memory of its own. Key and value otherwise share the memory of the whole message in which they arrived.
fn compact(mut write: Write) -> Write {
    let value = write.record.as_ref().map_or(&[][..], |(value, _)| value);
    let mut both = Vec::with_capacity(write.key.len() + value.len());
    both.extend_from_slice(&write.key);
    both.extend_from_slice(value);
    let mut both = Bytes::from(both);
    write.key = both.split_to(write.key.len());
    if let Some((value, _)) = &mut write.record {
        *value = both;
    }
    write
}
