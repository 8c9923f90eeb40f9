//! The location of each entry of the log, four bytes per entry, shared by the event loop, the writer and the readers.
//!
//! The index also holds entries that are not written yet, so a reader finds every appended entry. Its lock is held for
//! a look-up or an update, never during I/O.

use std::collections::VecDeque;

use crate::protocol::{Entry, LogPoint, Position};

/// A location in the files of the log, ordered as the log is written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Location {
    pub segment: u64,
    pub byte: u32,
}

/// The entries of one segment that still count: positions without gaps from `first` on.
#[derive(Debug)]
struct Segment {
    number: u64,
    first: Position,
    bytes: Vec<u32>,
}

#[derive(Debug, Default)]
pub(crate) struct Index {
    /// The entry before the first indexed one, if entries were dropped and it is known.
    base: Option<LogPoint>,
    /// Positions grow from segment to segment without gaps. Only the last segment may be empty, and those whose entries
    /// were all truncated.
    segments: Vec<Segment>,
    /// The last entries, from the first one on that may not be written yet. An entry is added when it is appended,
    /// removed when the writer has written it or when it is truncated.
    unwritten: VecDeque<(Location, Entry)>,
    /// Grows with each truncation: a reader that needs several look-ups starts again if it has grown.
    truncations: u64,
}

impl Index {
    pub(crate) fn begin_segment(&mut self, number: u64) {
        if let Some(segment) = self.segments.last_mut() {
            segment.bytes.shrink_to_fit();
        }
        let first = self.next();
        self.segments.retain(|segment| !segment.bytes.is_empty());
        self.segments.push(Segment { number, first, bytes: Vec::new() });
    }

    /// The position that the next entry will have.
    pub(crate) fn next(&self) -> Position {
        let empty = Position::after(self.base);
        self.segments.last().map_or(empty, |last| Position(last.first.0 + last.bytes.len() as u64))
    }

    /// An index of entries that begin after `base`; without any segment yet.
    pub(crate) fn after(base: Option<LogPoint>) -> Index {
        Index { base, ..Index::default() }
    }

    /// The position of the first indexed entry.
    pub(crate) fn first(&self) -> Position {
        self.segments.first().map_or(self.next(), |segment| segment.first)
    }

    /// The entry before the first one, if it is known.
    pub(crate) fn base(&self) -> Option<LogPoint> {
        self.base.filter(|base| base.position.next() == self.first())
    }

    pub(crate) fn set_base(&mut self, base: LogPoint) {
        self.base = Some(base);
    }

    /// Drops all segments before this one.
    pub(crate) fn drop_before(&mut self, number: u64) {
        self.segments.retain(|segment| segment.number >= number);
    }

    /// Drops all entries; the next one follows `base`, in this segment.
    pub(crate) fn reset(&mut self, base: LogPoint, number: u64) {
        let truncations = self.truncations + 1;
        *self = Index { truncations, ..Index::after(Some(base)) };
        self.begin_segment(number);
    }

    /// Adds the next entry, at a byte of the last segment.
    pub(crate) fn push(&mut self, byte: u32) {
        if let Some(segment) = self.segments.last_mut() {
            segment.bytes.push(byte);
        }
    }

    /// Keeps an appended entry until it is written.
    pub(crate) fn hold(&mut self, location: Location, entry: Entry) {
        self.unwritten.push_back((location, entry));
    }

    pub(crate) fn truncations(&self) -> u64 {
        self.truncations
    }

    /// Removes all entries from `from` on.
    pub(crate) fn truncate(&mut self, from: Position) {
        self.truncations += 1;
        for segment in self.segments.iter_mut().rev() {
            let keep = from.0.saturating_sub(segment.first.0) as usize;
            segment.bytes.truncate(keep);
            if keep > 0 {
                break;
            }
            segment.first = from;
        }
        while self.unwritten.back().is_some_and(|(_, entry)| entry.position >= from) {
            self.unwritten.pop_back();
        }
    }

    /// Everything before `end` is written.
    pub(crate) fn on_written(&mut self, end: Location) {
        while self.unwritten.front().is_some_and(|(at, _)| *at < end) {
            self.unwritten.pop_front();
        }
    }

    pub(crate) fn location(&self, position: Position) -> Option<Location> {
        let after = self.segments.partition_point(|segment| segment.first <= position);
        // A segment whose entries were all truncated has the same `first` as a later one: take the last that has
        // entries.
        let segment = self.segments[..after].iter().rev().find(|segment| !segment.bytes.is_empty())?;
        let byte = *segment.bytes.get((position.0 - segment.first.0) as usize)?;
        Some(Location { segment: segment.number, byte })
    }

    /// The entry itself, if it may not be written yet.
    pub(crate) fn unwritten(&self, position: Position) -> Option<&Entry> {
        let (_, first) = self.unwritten.front()?;
        let at = position.0.checked_sub(first.position.0)?;
        self.unwritten.get(at as usize).map(|(_, entry)| entry)
    }

    /// The memory for the locations of all entries, in bytes.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        self.segments.iter().map(|segment| segment.bytes.capacity() * size_of::<u32>()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled() -> Index {
        let mut index = Index::default();
        for segment in 1..=3 {
            index.begin_segment(segment);
            for entry in 0..4 {
                index.push(100 * entry);
            }
        }
        index
    }

    fn location(index: &Index, position: u64) -> Option<(u64, u32)> {
        index.location(Position(position)).map(|found| (found.segment, found.byte))
    }

    #[test]
    fn entries_are_found_across_segments() {
        let index = filled();
        assert_eq!(location(&index, 1), Some((1, 0)));
        assert_eq!(location(&index, 8), Some((2, 300)));
        assert_eq!(location(&index, 12), Some((3, 300)));
        assert_eq!((location(&index, 0), location(&index, 13)), (None, None));
    }

    #[test]
    fn positions_of_truncated_entries_are_used_again() {
        let mut index = filled();
        index.truncate(Position(3));
        assert_eq!((index.next(), location(&index, 2), location(&index, 3)), (Position(3), Some((1, 100)), None));
        index.push(900);
        index.begin_segment(4);
        index.push(77);
        assert_eq!(
            (location(&index, 2), location(&index, 3), location(&index, 4)),
            (Some((1, 100)), Some((3, 900)), Some((4, 77)))
        );
        index.truncate(Position(1));
        assert_eq!((index.next(), location(&index, 1)), (Position(1), None));
    }
}
