//! What was handed to the final database and is not yet applied: bounded, so that a slow database costs no memory.
//!
//! Beyond the bound nothing more is handed over. The entries wait where they are durable anyway, in the log; what has left
//! the window meanwhile is read back from the disk. So a replica whose database is slow goes on to ack, and obeys orders as
//! fast as it can.

use std::collections::VecDeque;

use crate::config::Limits;
use crate::core::Core;
use crate::entry::Entry;
use crate::io::ReadId;
use crate::types::{LogPoint, Position};

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Applying {
    /// For each batch that was handed over its last position, how many entries it has, and their weight.
    batches: VecDeque<(Position, u64, u64)>,
    entries: u64,
    bytes: u64,
    /// The next entries have left the window and are being read.
    reading: Option<ReadId>,
}

impl Applying {
    /// How many entries of how many bytes may be handed over now; `None`: it has enough to do.
    pub(super) fn room(&self, limits: &Limits) -> Option<(u64, u64)> {
        let entries = limits.applying_entries.saturating_sub(self.entries);
        let bytes = limits.applying_bytes.saturating_sub(self.bytes);
        (entries > 0 && bytes > 0 && self.reading.is_none()).then_some((entries, bytes))
    }

    pub(super) fn handed(&mut self, up_to: LogPoint, entries: u64, bytes: u64) {
        self.batches.push_back((up_to.position, entries, bytes));
        self.entries += entries;
        self.bytes += bytes;
    }

    /// Everything up to there is applied; gives the weight of what was not before.
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
    /// The next committed entries, as many as the bounds allow; none if they are being read from the disk.
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

    /// True if that is what the read was for.
    pub(super) fn on_read_to_apply(&mut self, read: ReadId, entries: &[Entry]) -> bool {
        if self.applying.reading != Some(read) {
            return false;
        }
        self.applying.reading = None;
        let next = Position::after(self.handed);
        // A snapshot that is being installed takes the place of all that is committed here.
        if !self.is_installing() && entries.first().is_some_and(|entry| entry.position == next) {
            self.give_to_database(entries.to_vec());
        }
        self.hand_over();
        true
    }
}

/// The first entries whose weight is within the bound; at least one.
fn up_to_weight(entries: impl Iterator<Item = Entry>, bytes_max: u64) -> Vec<Entry> {
    let mut bytes = 0;
    let fits = |entry: &Entry| {
        let first = bytes == 0;
        bytes += entry.weight();
        first || bytes <= bytes_max
    };
    entries.take_while(fits).collect()
}
