//! The state of a log after its records, applied one operation after the other.
//!
//! Replaying checks all invariants of a log: positions and offsets have no gaps, epochs and promises never decrease,
//! and the chain of digests follows from the content of the entries.

use crate::protocol::{Base, Digest, Entry, EntryId, Epoch, Lists, LogPoint, Offset, Position, Promise, digest_after};
use crate::storage::log::index::Index;
use crate::storage::log::record::LogRecord;

/// The entries of one epoch: from `start` to the start of the next run or the end of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Run {
    pub epoch: Epoch,
    pub start: Position,
}

/// The start of a segment, and how far back its records truncate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SegmentStart {
    pub segment: u64,
    /// The position of the next entry when the segment was created.
    pub next: Position,
    /// The least position at which a record of this segment truncates.
    pub truncates: Option<Position>,
}

impl SegmentStart {
    pub(crate) fn truncate(&mut self, from: Position) {
        self.truncates = Some(self.truncates.map_or(from, |least| least.min(from)));
    }
}

/// The state of a log after the operations replayed so far.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    /// The base that the log continues, if its first entries were dropped.
    pub base: Option<Base>,
    pub starts: Vec<SegmentStart>,
    pub promise: Option<Promise>,
    pub runs: Vec<Run>,
    /// The digest of the last entry.
    pub digest: Option<Digest>,
    /// The first forged entry; all later entries are forged too.
    pub forged_from: Option<Position>,
    pub lists: Lists,
    pub index: Index,
}

impl Replay {
    /// An empty log that continues `base`.
    pub(crate) fn after(base: Base) -> Replay {
        let start = |position: Position, last: Offset| Position(position.0 - last.0);
        Replay {
            runs: base.runs.iter().map(|(end, at)| Run { epoch: end.epoch, start: start(*at, end.last) }).collect(),
            digest: Some(base.last.digest),
            lists: Lists::new(base.lists.clone()),
            index: Index::after(Some(base.last)),
            base: Some(base),
            ..Replay::default()
        }
    }

    pub(crate) fn begin_segment(&mut self, number: u64) {
        self.index.begin_segment(number);
        self.starts.push(SegmentStart { segment: number, next: self.index.next(), truncates: None });
    }

    pub(crate) fn last(&self) -> Option<LogPoint> {
        let position = Position(self.index.next().0 - 1);
        Some(LogPoint { id: self.id_at(position)?, position, digest: self.digest? })
    }

    /// The id of the entry at a position, which follows from the runs alone.
    pub(crate) fn id_at(&self, position: Position) -> Option<EntryId> {
        let run = self.runs.iter().rev().find(|run| run.start <= position)?;
        (position < self.index.next()).then_some(EntryId { epoch: run.epoch, offset: Offset(position.0 - run.start.0) })
    }

    /// Applies one record, at `byte` of the current segment. `digest_at` reads the digest of an earlier entry. After an
    /// error nothing more may be applied.
    pub(crate) fn apply(
        &mut self,
        record: LogRecord,
        byte: u32,
        digest_at: impl FnOnce(&Index, Position) -> Option<Digest>,
    ) -> Result<(), String> {
        match record {
            LogRecord::Promise(promise) => self.promise(promise),
            LogRecord::Truncate(from) => self.truncate(from, digest_at),
            LogRecord::Entry { entry, forged } => self.entry(&entry, forged, byte),
            LogRecord::Seal { .. } => Ok(()),
        }
    }

    fn promise(&mut self, promise: Promise) -> Result<(), String> {
        if let Some(before) = self.promise {
            let second_vote = before.epoch == promise.epoch && before.vote.is_some() && before.vote != promise.vote;
            if promise.epoch < before.epoch || second_vote {
                return Err(format!("the promise of {} follows that of {}", promise.epoch, before.epoch));
            }
        }
        self.promise = Some(promise);
        Ok(())
    }

    fn truncate(
        &mut self,
        from: Position,
        digest_at: impl FnOnce(&Index, Position) -> Option<Digest>,
    ) -> Result<(), String> {
        if from < self.index.first() || from > self.index.next() {
            return Err(format!("it truncates at position {from}, but the log ends before {}", self.index.next()));
        }
        self.index.truncate(from);
        if let Some(start) = self.starts.last_mut() {
            start.truncate(from);
        }
        self.runs.retain(|run| run.start < from);
        self.forged_from = self.forged_from.filter(|forged| *forged < from);
        self.lists.truncate_after(from.0 - 1);
        if from == Position::FIRST {
            self.digest = None;
            return Ok(());
        }
        let before = Position(from.0 - 1);
        if let Some(base) = self.base.as_ref().filter(|base| base.last.position == before) {
            self.digest = Some(base.last.digest);
            return Ok(());
        }
        self.digest =
            Some(digest_at(&self.index, before).ok_or(format!("the entry at position {before} is unreadable"))?);
        Ok(())
    }

    fn entry(&mut self, entry: &Entry, forged: bool, byte: u32) -> Result<(), String> {
        let next = self.index.next();
        if entry.position != next {
            return Err(format!("its position is {}, expected was {next}", entry.position));
        }
        let last = self.id_at(Position(next.0 - 1));
        let same_epoch = last.is_some_and(|last| last.epoch == entry.id.epoch);
        let offset = last.filter(|_| same_epoch).map_or(0, |last| last.offset.0 + 1);
        if entry.id.offset.0 != offset || last.is_some_and(|last| entry.id < last) {
            return Err(format!("its id is {}, which does not follow {last:?}", entry.id));
        }
        if entry.digest != digest_after(self.digest, entry.id, entry.kind, &entry.body) {
            return Err("its digest does not follow from its content and the digest before it".into());
        }
        self.lists.append(entry);
        if !same_epoch {
            self.runs.push(Run { epoch: entry.id.epoch, start: next });
        }
        if forged && self.forged_from.is_none() {
            self.forged_from = Some(next);
        }
        self.digest = Some(entry.digest);
        self.index.push(byte);
        Ok(())
    }
}
