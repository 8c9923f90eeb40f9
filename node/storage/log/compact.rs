//! Compaction: dropping the first entries of the log once a durable snapshot covers them, in whole segments.
//!
//! ```text
//! 1. write log/base durably: where the log begins from now on
//! 2. delete the segments before it, the oldest first
//! ```
//!
//! A crash between the two leaves segments that no reader looks at; the next start deletes them. A reset (the whole log
//! is replaced by a snapshot) has the same order: a new segment, the base, then all older segments are deleted.

use crate::protocol::{Base, LogPoint, Position, RunEnd};
use crate::storage::StorageError;
use crate::storage::disk::Disk;
use crate::storage::log::SegmentLog;
use crate::storage::log::base::LogBase;
use crate::storage::log::index::Location;
use crate::storage::log::reader::{Shared, read_entry};
use crate::storage::log::replay::SegmentStart;
use crate::storage::log::segment::{HEADER_BYTES, SegmentHeader, segment_path};
use crate::storage::log::writer::LogWrite;

/// A compaction as the log's thread carries it out.
pub(crate) struct Compaction {
    /// The base at `last` or at a later entry.
    base: Base,
    /// The first segment that stays.
    segment: u64,
    /// The last dropped entry.
    last: Position,
    /// Where that entry is; `None` if the base is at it.
    location: Option<Location>,
    obsolete: Vec<u64>,
}

impl SegmentLog {
    pub(super) fn roll_segment(&mut self) {
        let header = self.next_header(self.next);
        self.shared.index().begin_segment(header.number);
        self.starts.push(SegmentStart { segment: header.number, next: self.next, truncates: None });
        self.end = Location { segment: header.number, byte: HEADER_BYTES as u32 };
        self.writes.push(LogWrite::Roll(header));
    }

    fn next_header(&self, next: Position) -> SegmentHeader {
        let number = self.end.segment + 1;
        SegmentHeader { number, next, incarnation: self.incarnation, promise: self.promise }
    }

    /// The length of the segments that hold entries after `position`, in bytes.
    pub(crate) fn bytes_after(&self, position: Position) -> Result<u64, StorageError> {
        let ends = self.starts.iter().skip(1).map(|start| start.next).chain([Position(u64::MAX)]);
        let later = self.starts.iter().zip(ends).filter(|(_, end)| *end > position.next());
        later
            .map(|(start, _)| {
                let path = segment_path(&self.files.folder, start.segment);
                let length = std::fs::metadata(&path).map(|file| file.len());
                length.map_err(|error| StorageError::io("read", &path, &error))
            })
            .sum()
    }

    /// The length of the log before each segment, with the last position there.
    pub(crate) fn weights(&self) -> Result<Vec<(Position, u64)>, StorageError> {
        let mut weights = Vec::new();
        let mut bytes = 0;
        for start in &self.starts {
            weights.push((Position(start.next.0 - 1), bytes));
            let path = segment_path(&self.files.folder, start.segment);
            let length = std::fs::metadata(&path).map(|file| file.len());
            bytes += length.map_err(|error| StorageError::io("read", &path, &error))?;
        }
        // A segment may truncate entries of the segments before it.
        weights.sort_unstable();
        Ok(weights)
    }

    /// Drops the segments that hold no entry after `base.last`. Rolls the segment in use, so that the next compaction
    /// can drop it.
    pub(super) fn compact_up_to(&mut self, base: &Base) -> Result<(), StorageError> {
        if self.end.byte > HEADER_BYTES as u32 {
            self.roll_segment();
        }
        let Some(first) = first_to_stay(&self.starts, base.last.position) else { return Ok(()) };
        let SegmentStart { segment, next, .. } = self.starts[first];
        let last = Position(next.0 - 1);
        let mut index = self.shared.index();
        let location = if last == base.last.position { None } else { index.location(last) };
        if location.is_none() && last != base.last.position {
            let what = format!("it is to begin after the entry at {last}, which is not in it");
            return Err(StorageError::OutOfOrder { next: self.next, what });
        }
        index.drop_before(segment);
        drop(index);
        let obsolete = self.starts.drain(..first).map(|start| start.segment).collect();
        let compaction = Compaction { base: base.clone(), segment, last, location, obsolete };
        self.writes.push(LogWrite::Compact(compaction));
        Ok(())
    }

    /// Drops all entries; the log continues after `base`.
    pub(super) fn reset_after(&mut self, base: &Base) {
        let next = base.last.position.next();
        let header = self.next_header(next);
        let number = header.number;
        self.shared.index().reset(base.last, number);
        let obsolete = std::mem::take(&mut self.starts).iter().map(|start| start.segment).collect();
        self.starts.push(SegmentStart { segment: number, next, truncates: None });
        let log_base = LogBase { segment: number, base: base.clone() };
        self.writes.push(LogWrite::Reset { header, base: log_base, obsolete });
        self.end = Location { segment: number, byte: HEADER_BYTES as u32 };
        self.next = next;
        self.forged_from = None;
        self.committed = Some(base.last.position);
    }
}

/// The index of the segment that becomes the first. Two conditions: no entry after `last` is before it, and neither it
/// nor a later segment truncates entries before it, so it can be replayed without them.
fn first_to_stay(starts: &[SegmentStart], last: Position) -> Option<usize> {
    let mut truncates = Position(u64::MAX);
    for (index, start) in starts.iter().enumerate().skip(1).rev() {
        truncates = truncates.min(start.truncates.unwrap_or(truncates));
        if start.next <= last.next() && truncates >= start.next {
            return Some(index);
        }
    }
    None
}

impl Compaction {
    pub(super) fn run(self, disk: &dyn Disk, shared: &Shared) -> Result<(), StorageError> {
        let mut base = self.base;
        if let Some(location) = self.location {
            base = cut(base, read_entry(&shared.folder, location, self.last)?.point());
        }
        let last = base.last;
        LogBase { segment: self.segment, base }.write(disk, &shared.folder)?;
        shared.index().set_base(last);
        delete(disk, shared, &self.obsolete)
    }
}

/// The base at an earlier entry.
fn cut(base: Base, last: LogPoint) -> Base {
    let mut runs: Vec<_> = base.runs.into_iter().filter(|(_, position)| *position < last.position).collect();
    runs.push((RunEnd { epoch: last.id.epoch, last: last.id.offset, digest: last.digest }, last.position));
    let lists = base.lists.into_iter().filter(|listed| listed.position <= last.position).collect();
    Base { last, runs, lists }
}

/// Deletes segments, the oldest first.
pub(super) fn delete(disk: &dyn Disk, shared: &Shared, numbers: &[u64]) -> Result<(), StorageError> {
    for number in numbers {
        let path = segment_path(&shared.folder, *number);
        disk.remove(&path).map_err(|error| StorageError::io("remove", &path, &error))?;
    }
    disk.sync_folder(&shared.folder).map_err(|error| StorageError::io("sync", &shared.folder, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(of: &[(u64, Option<u64>)]) -> Vec<SegmentStart> {
        let start = |(segment, (next, truncates)): (u64, &(u64, Option<u64>))| SegmentStart {
            segment,
            next: Position(*next),
            truncates: truncates.map(Position),
        };
        (1..).zip(of).map(start).collect()
    }

    #[test]
    fn the_last_segment_without_an_entry_to_drop_is_the_first_to_stay() {
        let starts = starts(&[(1, None), (10, None), (20, None), (30, None)]);
        let first = |last| first_to_stay(&starts, Position(last));
        assert_eq!((first(8), first(9), first(18), first(19)), (None, Some(1), Some(1), Some(2)));
        assert_eq!((first(29), first(1_000)), (Some(3), Some(3)));
    }

    #[test]
    fn a_segment_before_which_a_later_one_truncates_is_not_the_first_to_stay() {
        let goes_back = starts(&[(1, None), (10, None), (20, Some(15)), (17, None)]);
        let first = |last| first_to_stay(&goes_back, Position(last));
        assert_eq!((first(100), first(16), first(15), first(9)), (Some(3), Some(3), Some(1), Some(1)));
        let at_its_own_start = starts(&[(1, None), (10, Some(10))]);
        assert_eq!(first_to_stay(&at_its_own_start, Position(9)), Some(1));
    }
}
