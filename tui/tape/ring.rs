//! The tape in memory: the newest records with keyframes between them, so that the state at any moment is at most a
//! keyframe and a few thousand records away. Its size is limited in records and in bytes; dropped records are counted.
//!
//! ```text
//!   ┌ segment ───────────────┐┌ segment ───────────────┐┌ segment ────────
//!   │ keyframe  r r r … r r r ││ keyframe  r r r … r r r ││ keyframe  r r r ►
//!   └────────────────────────┘└────────────────────────┘└─────────────────
//!   dropped as a whole
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use crate::tape::record::Record;

/// How many records lie between two keyframes. To apply them takes a few milliseconds.
pub const SEGMENT: usize = 4_096;

/// The greatest size of a ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    pub records: usize,
    pub bytes: usize,
}

impl Limits {
    /// For a live cluster.
    pub const LIVE: Limits = Limits { records: 200_000, bytes: 64 << 20 };
    /// For a recording that is viewed.
    pub const FILE: Limits = Limits { records: 4_000_000, bytes: 1 << 30 };
}

/// Records and keyframes of the state `F`. Records are numbered from 0; dropped ones keep their numbers.
#[derive(Clone, Debug)]
pub struct Ring<F> {
    segments: VecDeque<Segment<F>>,
    limits: Limits,
    bytes: usize,
    records: usize,
}

#[derive(Clone, Debug)]
struct Segment<F> {
    /// The number of its first record.
    first: u64,
    /// The state before that record.
    frame: F,
    records: Vec<Arc<Record>>,
    bytes: usize,
}

impl<F> Segment<F> {
    fn end(&self) -> u64 {
        self.first + self.records.len() as u64
    }
}

impl<F> Ring<F> {
    pub fn new(limits: Limits) -> Ring<F> {
        Ring { segments: VecDeque::new(), limits, bytes: 0, records: 0 }
    }

    /// Whether a keyframe must be given before the next record.
    pub fn wants_frame(&self) -> bool {
        self.segments.back().is_none_or(|segment| segment.records.len() >= SEGMENT)
    }

    /// Begins a segment with the current state, which takes about `bytes`.
    pub fn begin(&mut self, frame: F, bytes: usize) {
        let first = self.end();
        self.segments.push_back(Segment { first, frame, records: Vec::new(), bytes });
        self.bytes += bytes;
        self.shrink();
    }

    /// Adds a record to the segment that was begun.
    pub fn push(&mut self, record: Arc<Record>) {
        let Some(segment) = self.segments.back_mut() else { return };
        let bytes = record.weight();
        segment.records.push(record);
        segment.bytes += bytes;
        self.bytes += bytes;
        self.records += 1;
        self.shrink();
    }

    /// Drops whole segments, the oldest first, but never the one that grows.
    fn shrink(&mut self) {
        while self.segments.len() > 1 && (self.records > self.limits.records || self.bytes > self.limits.bytes) {
            let Some(oldest) = self.segments.pop_front() else { return };
            self.bytes -= oldest.bytes;
            self.records -= oldest.records.len();
        }
    }

    /// The number of the oldest kept record, which is how many were dropped.
    pub fn start(&self) -> u64 {
        self.segments.front().map_or(0, |segment| segment.first)
    }

    /// The number after the newest record.
    pub fn end(&self) -> u64 {
        self.segments.back().map_or(0, Segment::end)
    }

    /// The last keyframe before a record, and the number of the first record after that keyframe.
    pub fn frame_before(&self, number: u64) -> Option<(&F, u64)> {
        let after = self.segments.partition_point(|segment| segment.first <= number);
        let segment = self.segments.get(after.checked_sub(1)?)?;
        Some((&segment.frame, segment.first))
    }

    pub fn get(&self, number: u64) -> Option<&Arc<Record>> {
        let after = self.segments.partition_point(|segment| segment.first <= number);
        let segment = self.segments.get(after.checked_sub(1)?)?;
        segment.records.get(usize::try_from(number - segment.first).ok()?)
    }

    /// The kept records with numbers from `from` up to, but not including, `to`.
    pub fn records(&self, from: u64, to: u64) -> impl Iterator<Item = &Arc<Record>> {
        (from.max(self.start())..to.min(self.end())).filter_map(|number| self.get(number))
    }

    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::tape::record::What;

    fn record(number: u64) -> Arc<Record> {
        let what = What::Begin { number, line: "put x 1".to_owned() };
        Arc::new(Record::new(Duration::from_micros(number), what))
    }

    /// The state is the number of records before it.
    fn filled(limits: Limits, records: u64) -> Ring<u64> {
        let mut ring = Ring::new(limits);
        for number in 0..records {
            if ring.wants_frame() {
                ring.begin(number, 100);
            }
            ring.push(record(number));
        }
        ring
    }

    #[test]
    fn the_oldest_segments_are_dropped_and_numbers_continue() {
        let records = 3 * SEGMENT as u64;
        let ring = filled(Limits { records: 2 * SEGMENT, bytes: usize::MAX }, records + 1);
        assert_eq!((ring.start(), ring.end()), (2 * SEGMENT as u64, records + 1));
        let ring = filled(Limits { records: usize::MAX, bytes: SEGMENT * record(0).weight() * 2 }, records + 1);
        assert!(ring.start() > 0 && ring.bytes() <= SEGMENT * record(0).weight() * 2, "{} bytes", ring.bytes());
        assert_eq!(ring.get(ring.start() - 1), None);
        assert_eq!(ring.get(ring.start()), Some(&record(ring.start())));
    }

    #[test]
    fn a_keyframe_stands_before_every_record_and_is_the_nearest() {
        let ring = filled(Limits::LIVE, 2 * SEGMENT as u64 + 5);
        let segment = SEGMENT as u64;
        for (number, frame) in [(0, 0), (segment - 1, 0), (segment, segment), (2 * segment + 4, 2 * segment)] {
            assert_eq!(ring.frame_before(number), Some((&frame, frame)), "{number}");
        }
        let taken: Vec<_> = ring.records(segment - 1, segment + 1).map(|record| record.at.as_micros() as u64).collect();
        assert_eq!(taken, [segment - 1, segment]);
    }
}
