//! Giving up the log's first entries, once a snapshot covers them: whole segments go, from the first on.
//!
//! ```text
//! 1. where the log will begin is written, durably (log/base)
//! 2. the segments before it are deleted
//! ```
//!
//! A crash between the two leaves segments that nobody reads, and the next start deletes them. A log is replaced in the
//! same way: a new segment, the base, then all older ones go.

use crate::protocol::{Base, Position};
use crate::storage::StorageError;
use crate::storage::disk::Disk;
use crate::storage::log::SegmentLog;
use crate::storage::log::base::LogBase;
use crate::storage::log::index::Place;
use crate::storage::log::reader::{Shared, read_entry};
use crate::storage::log::replay::Start;
use crate::storage::log::segment::{HEADER_BYTES, SegmentHeader, segment_path};
use crate::storage::log::writer::Step;

/// What the log's thread does to give up segments.
pub(crate) struct GiveUp {
    /// What is known up to an entry that is not before the last one given up.
    base: Base,
    /// The first segment that stays.
    segment: u64,
    /// The last entry that is given up; where it stands, unless it is the base's own.
    last: Position,
    place: Option<Place>,
    gone: Vec<u64>,
}

impl SegmentLog {
    pub(super) fn begin_next_segment(&mut self) {
        let header = self.next_header(self.next);
        self.shared.index().begin_segment(header.number);
        self.starts.push(Start { segment: header.number, next: self.next, truncates: None });
        self.end = Place { segment: header.number, byte: HEADER_BYTES as u32 };
        self.steps.push(Step::Begin(header));
    }

    fn next_header(&self, next: Position) -> SegmentHeader {
        let number = self.end.segment + 1;
        SegmentHeader { number, next, incarnation: self.incarnation, promise: self.promise }
    }

    /// How long the segments are that hold entries after `position`.
    pub(crate) fn bytes_after(&self, position: Position) -> Result<u64, StorageError> {
        let ends = self.starts.iter().skip(1).map(|start| start.next).chain([Position(u64::MAX)]);
        let later = self.starts.iter().zip(ends).filter(|(_, end)| *end > position.next());
        later
            .map(|(start, _)| {
                let path = segment_path(&self.place.folder, start.segment);
                let length = std::fs::metadata(&path).map(|file| file.len());
                length.map_err(|error| StorageError::io("read", &path, &error))
            })
            .sum()
    }

    /// How long the log is up to the last entry of each segment.
    pub(crate) fn weights(&self) -> Result<Vec<(Position, u64)>, StorageError> {
        let mut weights = Vec::new();
        let mut bytes = 0;
        for start in &self.starts {
            weights.push((Position(start.next.0 - 1), bytes));
            let path = segment_path(&self.place.folder, start.segment);
            let length = std::fs::metadata(&path).map(|file| file.len());
            bytes += length.map_err(|error| StorageError::io("read", &path, &error))?;
        }
        // A segment may begin with what truncates the ones before.
        weights.sort_unstable();
        Ok(weights)
    }

    /// Gives up what whole segments hold of the entries up to `base.last`. The segment in use is ended, so that the
    /// next time it can go too.
    pub(super) fn give_up(&mut self, base: &Base) -> Result<(), StorageError> {
        if self.end.byte > HEADER_BYTES as u32 {
            self.begin_next_segment();
        }
        let Some(first) = first_to_stay(&self.starts, base.last.position) else { return Ok(()) };
        let Start { segment, next, .. } = self.starts[first];
        let last = Position(next.0 - 1);
        let mut index = self.shared.index();
        let place = if last == base.last.position { None } else { index.place(last) };
        if place.is_none() && last != base.last.position {
            let what = format!("the entry at {last}, after which it is to begin, is not in it");
            return Err(StorageError::OutOfOrder { next: self.next, what });
        }
        index.give_up_before(segment);
        drop(index);
        let gone = self.starts.drain(..first).map(|start| start.segment).collect();
        self.steps.push(Step::GiveUp(GiveUp { base: base.clone(), segment, last, place, gone }));
        Ok(())
    }

    /// The log is to begin after `base` and hold nothing.
    pub(super) fn begin_anew(&mut self, base: &Base) {
        let next = base.last.position.next();
        let header = self.next_header(next);
        let number = header.number;
        self.shared.index().begin_anew(base.last, number);
        let gone = std::mem::take(&mut self.starts).iter().map(|start| start.segment).collect();
        self.starts.push(Start { segment: number, next, truncates: None });
        let log_base = LogBase { segment: number, base: base.clone() };
        self.steps.push(Step::BeginAnew { header, base: log_base, gone });
        self.end = Place { segment: number, byte: HEADER_BYTES as u32 };
        self.next = next;
        self.forged_from = None;
        self.committed = Some(base.last.position);
    }
}

/// Which segment may be the first: nothing after `last` lies before it, and nothing in it or later goes back to what
/// lies before it, so that it can be read without.
fn first_to_stay(starts: &[Start], last: Position) -> Option<usize> {
    let mut truncates = Position(u64::MAX);
    for (index, start) in starts.iter().enumerate().skip(1).rev() {
        truncates = truncates.min(start.truncates.unwrap_or(truncates));
        if start.next <= last.next() && truncates >= start.next {
            return Some(index);
        }
    }
    None
}

impl GiveUp {
    pub(super) fn carry_out(self, disk: &dyn Disk, shared: &Shared) -> Result<(), StorageError> {
        let mut base = self.base;
        if let Some(place) = self.place {
            base = cut(base, read_entry(&shared.folder, place, self.last)?.point());
        }
        let last = base.last;
        LogBase { segment: self.segment, base }.write(disk, &shared.folder)?;
        shared.index().set_base(last);
        delete(disk, shared, &self.gone)
    }
}

/// What is known up to an earlier entry.
fn cut(base: Base, last: crate::protocol::LogPoint) -> Base {
    use crate::protocol::RunEnd;
    let mut runs: Vec<_> = base.runs.into_iter().filter(|(_, position)| *position < last.position).collect();
    runs.push((RunEnd { epoch: last.id.epoch, last: last.id.offset, digest: last.digest }, last.position));
    let lists = base.lists.into_iter().filter(|listed| listed.position <= last.position).collect();
    Base { last, runs, lists }
}

/// Deletes segments, the oldest first.
pub(super) fn delete(disk: &dyn Disk, shared: &Shared, gone: &[u64]) -> Result<(), StorageError> {
    for number in gone {
        let path = segment_path(&shared.folder, *number);
        disk.remove(&path).map_err(|error| StorageError::io("remove", &path, &error))?;
    }
    disk.sync_folder(&shared.folder).map_err(|error| StorageError::io("sync", &shared.folder, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(of: &[(u64, Option<u64>)]) -> Vec<Start> {
        let start = |(segment, (next, truncates)): (u64, &(u64, Option<u64>))| Start {
            segment,
            next: Position(*next),
            truncates: truncates.map(Position),
        };
        (1..).zip(of).map(start).collect()
    }

    #[test]
    fn the_last_segment_that_holds_nothing_to_be_given_up_is_the_first_to_stay() {
        let starts = starts(&[(1, None), (10, None), (20, None), (30, None)]);
        let first = |last| first_to_stay(&starts, Position(last));
        assert_eq!((first(8), first(9), first(18), first(19)), (None, Some(1), Some(1), Some(2)));
        assert_eq!((first(29), first(1_000)), (Some(3), Some(3)));
    }

    #[test]
    fn a_segment_that_a_later_one_goes_back_before_is_not_the_first_to_stay() {
        let goes_back = starts(&[(1, None), (10, None), (20, Some(15)), (17, None)]);
        let first = |last| first_to_stay(&goes_back, Position(last));
        assert_eq!((first(100), first(16), first(15), first(9)), (Some(3), Some(3), Some(1), Some(1)));
        let at_its_own_start = starts(&[(1, None), (10, Some(10))]);
        assert_eq!(first_to_stay(&at_its_own_start, Position(9)), Some(1));
    }
}
