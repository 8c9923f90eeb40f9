//! Where each entry of the log stands: four bytes an entry, shared between the loop that appends and the readers.
//!
//! Entries that are not written yet are held here as well, so that a reader finds every entry that was appended. The
//! lock is held for a look-up or a push, never during input or output.

use std::collections::VecDeque;

use crate::protocol::{Entry, LogPoint, Position};

/// A place in the files of the log, ordered as the log is written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Place {
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
    /// The entry before the first that is here, if entries were given up and it was looked up.
    base: Option<LogPoint>,
    /// Positions grow from segment to segment without gaps; empty segments hold none.
    segments: Vec<Segment>,
    /// The last entries, from the first one that may not be written yet on.
    unwritten: VecDeque<(Place, Entry)>,
    /// How often entries were truncated: a reader that took several looks starts anew if it has grown.
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

    /// The position of the first entry that is here.
    pub(crate) fn first(&self) -> Position {
        self.segments.first().map_or(self.next(), |segment| segment.first)
    }

    /// The entry before the first, if it is known.
    pub(crate) fn base(&self) -> Option<LogPoint> {
        self.base.filter(|base| base.position.next() == self.first())
    }

    pub(crate) fn set_base(&mut self, base: LogPoint) {
        self.base = Some(base);
    }

    /// Gives up all segments before this one.
    pub(crate) fn give_up_before(&mut self, number: u64) {
        self.segments.retain(|segment| segment.number >= number);
    }

    /// Forgets everything: entries begin anew after `base`, in this segment.
    pub(crate) fn begin_anew(&mut self, base: LogPoint, number: u64) {
        let truncations = self.truncations + 1;
        *self = Index { truncations, ..Index::after(Some(base)) };
        self.begin_segment(number);
    }

    /// Notes the next entry at a byte of the last segment.
    pub(crate) fn push(&mut self, byte: u32) {
        if let Some(segment) = self.segments.last_mut() {
            segment.bytes.push(byte);
        }
    }

    /// Keeps an appended entry until it is written.
    pub(crate) fn hold(&mut self, place: Place, entry: Entry) {
        self.unwritten.push_back((place, entry));
    }

    pub(crate) fn truncations(&self) -> u64 {
        self.truncations
    }

    /// Forgets all entries from `from` on.
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

    /// Everything before `place` is written.
    pub(crate) fn on_written(&mut self, place: Place) {
        while self.unwritten.front().is_some_and(|(at, _)| *at < place) {
            self.unwritten.pop_front();
        }
    }

    pub(crate) fn place(&self, position: Position) -> Option<Place> {
        let after = self.segments.partition_point(|segment| segment.first <= position);
        // Segments whose entries were all truncated share their `first` with a later one: look at the last that has any.
        let segment = self.segments[..after].iter().rev().find(|segment| !segment.bytes.is_empty())?;
        let byte = *segment.bytes.get((position.0 - segment.first.0) as usize)?;
        Some(Place { segment: segment.number, byte })
    }

    /// The entry itself, if it may not be written yet.
    pub(crate) fn unwritten(&self, position: Position) -> Option<&Entry> {
        let (_, first) = self.unwritten.front()?;
        let at = position.0.checked_sub(first.position.0)?;
        self.unwritten.get(at as usize).map(|(_, entry)| entry)
    }

    /// Bytes of memory for the places of all entries.
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

    fn place(index: &Index, position: u64) -> Option<(u64, u32)> {
        index.place(Position(position)).map(|place| (place.segment, place.byte))
    }

    #[test]
    fn entries_are_found_across_segments() {
        let index = filled();
        assert_eq!(place(&index, 1), Some((1, 0)));
        assert_eq!(place(&index, 8), Some((2, 300)));
        assert_eq!(place(&index, 12), Some((3, 300)));
        assert_eq!((place(&index, 0), place(&index, 13)), (None, None));
    }

    #[test]
    fn truncated_entries_are_gone_and_their_positions_are_taken_again() {
        let mut index = filled();
        index.truncate(Position(3));
        assert_eq!((index.next(), place(&index, 2), place(&index, 3)), (Position(3), Some((1, 100)), None));
        index.push(900);
        index.begin_segment(4);
        index.push(77);
        assert_eq!(
            (place(&index, 2), place(&index, 3), place(&index, 4)),
            (Some((1, 100)), Some((3, 900)), Some((4, 77)))
        );
        index.truncate(Position(1));
        assert_eq!((index.next(), place(&index, 1)), (Position(1), None));
    }
}
