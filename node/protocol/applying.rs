//! Entries that were handed to the final database and are not applied yet. Their number and weight are bounded, so
//! that a slow database costs bounded memory.
//!
//! Beyond the bound no entry is handed over. Committed entries then wait in the log, where they are durable anyway;
//! those that leave the window meanwhile are read back from the disk. A replica with a slow database therefore keeps
//! acking at full speed.

use std::collections::VecDeque;

use crate::config::Limits;
use crate::core::Core;
use crate::entry::Entry;
use crate::io::ReadId;
use crate::types::{LogPoint, Position};

/// What is between `handed` and `applied`.
///
/// Invariant: `entries` and `bytes` are the sums over `batches`, and the last batch ends at the core's `handed`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Applying {
    /// One record for each [`Output::Apply`](crate::Output::Apply) that is not confirmed: last position, number of
    /// entries, weight in bytes. Oldest first.
    batches: VecDeque<(Position, u64, u64)>,
    /// The number of entries in all batches.
    entries: u64,
    /// The weight of all batches, in bytes.
    bytes: u64,
    /// The read of the next entries, which have left the window. While it is set nothing else is handed over, so that
    /// the order is kept.
    reading: Option<ReadId>,
}

impl Applying {
    /// The number of entries and bytes that may be handed over now. `None` if the bound is reached or a read is under
    /// way.
    pub(super) fn room(&self, limits: &Limits) -> Option<(u64, u64)> {
        let entries = limits.applying_entries.saturating_sub(self.entries);
        let bytes = limits.applying_bytes.saturating_sub(self.bytes);
        (entries > 0 && bytes > 0 && self.reading.is_none()).then_some((entries, bytes))
    }

    /// Records a batch that was handed over.
    pub(super) fn handed(&mut self, up_to: LogPoint, entries: u64, bytes: u64) {
        self.batches.push_back((up_to.position, entries, bytes));
        self.entries += entries;
        self.bytes += bytes;
    }

    /// Removes the batches that are applied up to `up_to` and returns their weight in bytes.
    pub(super) fn applied(&mut self, up_to: Position) -> u64 {
        let mut weight = 0;
        while let Some((last, entries, bytes)) = self.batches.front().copied()
            && last <= up_to
        {
            self.batches.pop_front();
            self.entries -= entries;
            self.bytes -= bytes;
            weight += bytes;
        }
        weight
    }
}

impl Core {
    /// The next committed entries from position `from` up to `target`, as the bounds allow. Empty if they must be read
    /// from the disk first; the read is started then.
    pub(super) fn next_to_apply(&mut self, from: Position, target: u64) -> Vec<Entry> {
        let Some((most, room)) = self.applying.room(&self.config.limits) else { return Vec::new() };
        let count = (target + 1 - from.0).min(most);
        let in_window = self.log.window_first();
        if from.0 < in_window {
            let to = (from.0 + count - 1).min(in_window - 1);
            self.applying.reading = Some(self.read_log(from.0, to, room));
            return Vec::new();
        }
        up_to_weight(self.log.entries_from(from).take(count as usize).cloned(), room)
    }

    /// Handles the result of a read, if it was made for applying. Returns whether it was.
    pub(super) fn on_read_to_apply(&mut self, read: ReadId, entries: &[Entry]) -> bool {
        if self.applying.reading != Some(read) {
            return false;
        }
        self.applying.reading = None;
        let next = Position::after(self.handed);
        // A snapshot that is being installed replaces everything that is committed here.
        if !self.is_installing() && entries.first().is_some_and(|entry| entry.position == next) {
            self.output_apply(entries.to_vec());
        }
        self.apply_committed();
        true
    }
}

/// The first entries whose weight stays within the bound; at least one, or a large entry would block forever.
fn up_to_weight(entries: impl Iterator<Item = Entry>, bytes_max: u64) -> Vec<Entry> {
    let mut bytes = 0;
    let fits = |entry: &Entry| {
        let first = bytes == 0;
        bytes += entry.weight();
        first || bytes <= bytes_max
    };
    entries.take_while(fits).collect()
}
