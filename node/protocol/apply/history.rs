//! The last changes of the final data, for those who watch: kept in memory, bounded in number and bytes. And how a watcher
//! goes from node to node without missing a change or seeing one twice.
//!
//! It grows with what is applied, so after a rebuild from the log it reaches back; after a clean end it begins anew, and
//! whoever wants older changes is told from where on there are some. Revisions are the same at every node: that is all that
//! a watcher needs to go on elsewhere.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::apply::Write;

/// What a change costs besides its key and value.
const CHANGE_BYTES: usize = 128;

/// Bounds of what a node keeps for those who watch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HistoryLimits {
    pub changes: usize,
    pub bytes: usize,
}

impl Default for HistoryLimits {
    fn default() -> HistoryLimits {
        HistoryLimits { changes: 32_768, bytes: 8 << 20 }
    }
}

/// Some of the changes that somebody watches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangePage {
    pub changes: Vec<Write>,
    /// All changes up to this revision were looked at.
    pub up_to: u64,
}

/// The history does not reach back so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooOld {
    /// The first revision that there is.
    pub oldest: u64,
}

#[derive(Clone, Debug)]
pub struct History {
    limits: HistoryLimits,
    /// Without gaps: each revision follows the one before.
    writes: VecDeque<Write>,
    bytes: usize,
    /// The revision before the first one that is kept.
    before: u64,
}

impl History {
    /// Of a database that has this revision, however it came to it.
    pub fn new(revision: u64) -> History {
        History::bounded(revision, HistoryLimits::default())
    }

    pub fn bounded(revision: u64, limits: HistoryLimits) -> History {
        History { limits, writes: VecDeque::new(), bytes: 0, before: revision }
    }

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

    /// Changes of keys that start with `prefix`, after that revision, at most `limit`.
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

/// How far somebody who watches has seen, whichever nodes told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen(u64);

impl Seen {
    /// Nothing was seen of this revision and of all that come.
    pub fn before(from: u64) -> Seen {
        Seen(from.saturating_sub(1))
    }

    /// All changes up to this revision were seen.
    pub fn up_to(self) -> u64 {
        self.0
    }

    /// A change came; false if it was seen before, as a node may say that has not heard how far the watcher is.
    pub fn is_new(&mut self, revision: u64) -> bool {
        let new = revision > self.0;
        self.0 = self.0.max(revision);
        new
    }

    /// A node has nothing more up to there.
    pub fn reached(&mut self, up_to: u64) {
        self.0 = self.0.max(up_to);
    }
}

fn weight(write: &Write) -> usize {
    CHANGE_BYTES + write.key.len() + write.record.as_ref().map_or(0, |(value, _)| value.len())
}

/// A copy with memory of its own: a small value must not keep the whole message alive in which it came.
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
