//! The log as the core holds it: a window of recent entries, where each epoch begins and ends, what is durable, what
//! is forged.
//!
//! Entries older than the window are on disk only; a lookup there gives [`Lookup::Unread`] until the host has read
//! them. Entries before the purge point are gone; a snapshot covers them.
//!
//! Invariants:
//!
//! 1. Positions have no gaps: `before` is directly before the first entry of the window, each entry is directly after
//!    the one before it, and the digest of each covers the one before it.
//! 2. Entries that are not both committed and durable stay in the window, because pushing, applying and truncation
//!    need them.
//! 3. `durable` and `purged` are never after the last entry. Only forged entries follow the first forged one.

use std::collections::VecDeque;

use crate::base::Base;
use crate::config::{Limits, Restored};
use crate::entry::Entry;
use crate::message::RunEnd;
use crate::types::{EntryId, Epoch, LogPoint, Operation, Position, reach};

/// The entries of one epoch. They are contiguous and their offsets start at 0, so an offset and the first position
/// give any position.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Run {
    /// The position of the entry at offset 0.
    pub(super) first: Position,
    /// The last entry of the epoch in this log. Appends and truncation move it.
    pub(super) last: LogPoint,
}

impl Run {
    pub(super) fn epoch(&self) -> Epoch {
        self.last.id.epoch
    }
}

/// What is known about a position without reading the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lookup {
    /// The entry at this position.
    Known(LogPoint),
    /// The position is after the end of the log.
    Missing,
    /// The entry exists but is older than the window; it must be read from the disk.
    Unread,
    /// The entry was given up: a snapshot covers it, so it is committed.
    Purged,
}

/// The forged tail of a log. It reaches to the end of the log: genuine entries are appended only after it was
/// truncated or confirmed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Forged {
    /// The first forged entry.
    from: Position,
    /// The last genuine entry, directly before `from`. Votes compare this one, so the experiment cannot decide an
    /// election.
    before: Option<LogPoint>,
}

/// The log of one node.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Log {
    /// The last entry that was given up; the disk holds the entries after it. It only grows. The window may still hold
    /// entries before it.
    purged: Option<LogPoint>,
    /// The entry directly before the window. `None` only if the window starts at position 1.
    before: Option<LogPoint>,
    /// The recent entries, contiguous, oldest first.
    window: VecDeque<Entry>,
    /// The weight of the entries in the window, in bytes.
    window_weight: u64,
    /// The weight of all entries after `applied`, in the window or not. A leader refuses writes when it is too large.
    unapplied_weight: u64,
    /// One run for each epoch in the log, purged ones included, oldest first. Epochs increase strictly.
    runs: Vec<Run>,
    /// The last position up to which the disk holds what this log holds; 0 for none. It grows when an operation is
    /// stored, and shrinks when entries are truncated or rewritten. Acks and the leader's own count are bounded by it:
    /// a value too large would confirm an entry that a power cut can lose.
    durable: u64,
    /// Operations in flight, oldest first, each with the last position that is durable once it is.
    ///
    /// Invariant: none of the positions is after the end of the log. Truncation lowers them, so that the late
    /// completion of an operation whose entries have been replaced makes nothing durable.
    flushing: VecDeque<(Operation, u64)>,
    /// The forged tail, if there is one.
    forged: Option<Forged>,
}

impl Log {
    /// The log as the disk has it. Everything read from the disk is durable.
    pub(super) fn restore(restored: &Restored) -> Log {
        let mut runs: Vec<Run> = Vec::new();
        for (end, position) in &restored.runs {
            let id = EntryId { epoch: end.epoch, offset: end.last };
            let first = Position(position.0 - end.last.0);
            runs.push(Run { first, last: LogPoint { id, position: *position, digest: end.digest } });
        }
        let mut log = Log {
            purged: restored.purged,
            before: restored.before_tail,
            window_weight: restored.tail.iter().map(Entry::weight).sum(),
            window: restored.tail.iter().cloned().collect(),
            unapplied_weight: restored.uncommitted().map(Entry::weight).sum(),
            runs,
            durable: 0,
            flushing: VecDeque::new(),
            forged: None,
        };
        log.durable = log.last_position();
        log.forged = restored.forged_from.map(|from| Forged { from, before: log.known(from.0 - 1) });
        log
    }

    /// The last entry, forged or not.
    pub(super) fn last(&self) -> Option<LogPoint> {
        self.window.back().map(Entry::point).or(self.before)
    }

    /// The position of the last entry; 0 for an empty log.
    pub(super) fn last_position(&self) -> u64 {
        reach(self.last())
    }

    /// The last entry that is not forged. Votes and quorum reads use it.
    pub(super) fn last_genuine(&self) -> Option<LogPoint> {
        self.forged.as_ref().map_or_else(|| self.last(), |forged| forged.before)
    }

    /// The position of the first forged entry.
    pub(super) fn forged_from(&self) -> Option<Position> {
        self.forged.as_ref().map(|forged| forged.from)
    }

    /// Whether the entry at this position is forged.
    pub(super) fn is_forged(&self, position: Position) -> bool {
        self.forged_from().is_some_and(|from| from <= position)
    }

    /// The last durable position; 0 for none.
    pub(super) fn durable(&self) -> u64 {
        self.durable
    }

    /// The weight of entries that are not applied yet, in bytes.
    pub(super) fn unapplied_weight(&self) -> u64 {
        self.unapplied_weight
    }

    /// The final database has applied entries of this weight.
    pub(super) fn on_applied(&mut self, weight: u64) {
        self.unapplied_weight -= weight;
    }

    /// The epochs of the log with their first and last entries, oldest first.
    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The run of an epoch, if the log has entries of it.
    pub(super) fn run_of(&self, epoch: Epoch) -> Option<&Run> {
        self.runs.iter().rev().find(|run| run.epoch() == epoch)
    }

    /// The last offset of each epoch and the digest there: the log state that a replica reports.
    pub(super) fn run_ends(&self) -> Vec<RunEnd> {
        let end = |run: &Run| RunEnd { epoch: run.epoch(), last: run.last.id.offset, digest: run.last.digest };
        self.runs.iter().map(end).collect()
    }

    /// What is known about a position.
    pub(super) fn lookup(&self, position: Position) -> Lookup {
        if position.0 > self.last_position() {
            return Lookup::Missing;
        }
        let elsewhere = if position.0 <= self.purged_position() { Lookup::Purged } else { Lookup::Unread };
        self.known(position.0).map_or(elsewhere, Lookup::Known)
    }

    /// Like `place`, with the points of entries that were read from the disk.
    pub(super) fn lookup_or(&self, position: Position, read_back: &[LogPoint]) -> Lookup {
        let found = || read_back.iter().find(|point| point.position == position).copied();
        match self.lookup(position) {
            Lookup::Unread => found().map_or(Lookup::Unread, Lookup::Known),
            known => known,
        }
    }

    /// The point at a position, if memory has it: in the window, or as the end of a run, of the purged part, or before
    /// the window.
    fn known(&self, position: u64) -> Option<LogPoint> {
        let first = self.window_first();
        if position >= first {
            return self.window.get((position - first) as usize).map(Entry::point);
        }
        let end = |point: &LogPoint| point.position.0 == position;
        self.before
            .filter(end)
            .or_else(|| self.purged.filter(end))
            .or_else(|| self.runs.iter().map(|run| run.last).find(end))
    }

    /// The position of the first entry in the window, or of the next entry if the window is empty.
    pub(super) fn window_first(&self) -> u64 {
        Position::after(self.before).0
    }

    /// The entries of the window from a position on; none if it is after the end.
    ///
    /// Panics if the position is older than the window: the caller would skip entries without noticing.
    pub(super) fn entries_from(&self, from: Position) -> impl Iterator<Item = &Entry> {
        assert!(
            from.0 >= self.window_first(),
            "entry {from} is older than the window; the caller must read it from disk"
        );
        self.window.iter().skip((from.0 - self.window_first()) as usize)
    }

    /// The last entries of the window, at most `count`.
    pub(super) fn newest(&self, count: usize) -> impl Iterator<Item = &Entry> {
        self.window.iter().skip(self.window.len().saturating_sub(count))
    }

    /// Appends an entry that continues the log. The operation makes it durable.
    ///
    /// Panics on a gap: a log with a gap would ack entries it does not have.
    pub(super) fn append(&mut self, entry: Entry, operation: Operation) {
        assert_eq!(
            entry.position,
            Position::after(self.last()),
            "an append must continue the log: the caller took an old end of it"
        );
        let point = entry.point();
        match self.runs.last_mut() {
            Some(run) if run.epoch() == point.id.epoch => run.last = point,
            _ => self.runs.push(Run { first: point.position, last: point }),
        }
        self.window_weight += entry.weight();
        self.unapplied_weight += entry.weight();
        self.window.push_back(entry);
        self.flushing_up_to(operation, point.position.0);
    }

    /// Marks the entries from `from` on as forged. They are in the log already. If there are forged ones before, the
    /// mark starts there and stays.
    pub(super) fn mark_forged(&mut self, from: Position) {
        if self.forged.is_none() {
            self.forged = Some(Forged { from, before: self.known(from.0 - 1) });
        }
    }

    /// Replaces the whole log by one that begins after the base. It counts as durable up to the base once the
    /// operation is stored.
    pub(super) fn replace(&mut self, base: &Base, operation: Operation) {
        let restored = Restored {
            runs: base.runs.clone(),
            before_tail: Some(base.last),
            purged: Some(base.last),
            ..Restored::default()
        };
        *self = Log { durable: 0, ..Log::restore(&restored) };
        self.flushing_up_to(operation, base.last.position.0);
    }

    /// Removes all entries after `keep`. Afterwards nothing after `keep` counts as durable, in flight or forged.
    pub(super) fn truncate_after(&mut self, keep: Option<LogPoint>, operation: Operation) {
        let position = reach(keep);
        while self.window.back().is_some_and(|entry| entry.position.0 > position) {
            let entry = self.window.pop_back().expect("the window is not empty");
            self.window_weight -= entry.weight();
            self.unapplied_weight -= entry.weight();
        }
        if self.window.is_empty() {
            self.before = keep;
        }
        while self.runs.last().is_some_and(|run| run.first.0 > position) {
            self.runs.pop();
        }
        if let (Some(run), Some(keep)) = (self.runs.last_mut(), keep) {
            run.last = keep;
        }
        self.forged = self.forged.take().filter(|forged| forged.from.0 <= position);
        self.lower_durable(position);
        self.flushing_up_to(operation, position);
    }

    /// The entries after `position` are about to be rewritten. They count as durable again only when that operation is
    /// stored.
    pub(super) fn lower_durable(&mut self, position: u64) {
        self.durable = self.durable.min(position);
        for (_, up_to) in &mut self.flushing {
            *up_to = (*up_to).min(position);
        }
    }

    /// Once the operation is stored, the log up to `position` is durable.
    pub(super) fn flushing_up_to(&mut self, operation: Operation, position: u64) {
        match self.flushing.back_mut() {
            Some((last, up_to)) if *last == operation => *up_to = position,
            _ => self.flushing.push_back((operation, position)),
        }
    }

    /// The operation and all before it are stored. Returns whether the durable position grew.
    pub(super) fn stored(&mut self, operation: Operation) -> bool {
        let before = self.durable;
        while self.flushing.front().is_some_and(|(pending, _)| *pending <= operation) {
            let (_, up_to) = self.flushing.pop_front().expect("the loop condition found a first one");
            self.durable = self.durable.max(up_to);
        }
        self.durable > before
    }

    /// Removes the mark from the forged entries up to `position` and returns the first of them. `None` if no forged
    /// entry is at or before it.
    pub(super) fn clear_forged(&mut self, position: Position) -> Option<Position> {
        let from = self.forged_from().filter(|from| *from <= position)?;
        let before = self.known(position.0);
        self.forged = (position.0 < self.last_position()).then_some(Forged { from: position.next(), before });
        Some(from)
    }

    /// The last entry that was given up.
    pub(super) fn purged(&self) -> Option<LogPoint> {
        self.purged
    }

    /// The position of the last entry that was given up; 0 for none.
    pub(super) fn purged_position(&self) -> u64 {
        reach(self.purged)
    }

    /// Gives up the entries up to `point` on disk. The window keeps its entries: they are still useful for pushes.
    pub(super) fn purge(&mut self, point: LogPoint) {
        assert!(
            point.position.0 <= self.durable,
            "the log gives up durable entries only: a snapshot is ahead of the log"
        );
        self.purged = Some(point);
    }

    /// The ends of all epochs up to `point`, with their positions: what a log that begins after `point` must still
    /// know.
    pub(super) fn runs_up_to(&self, point: LogPoint) -> Vec<(RunEnd, Position)> {
        let before = self.runs.iter().filter(|run| run.first <= point.position);
        let end = |run: &Run| if run.last.position <= point.position { run.last } else { point };
        let end_of = |last: LogPoint| RunEnd { epoch: last.id.epoch, last: last.id.offset, digest: last.digest };
        before.map(end).map(|last| (end_of(last), last.position)).collect()
    }

    /// Removes the oldest entries from the window beyond the bounds. Entries that are not both committed and durable
    /// stay, so the window can exceed the bounds.
    pub(super) fn shrink(&mut self, limits: &Limits, committed: Option<LogPoint>) {
        let settled = reach(committed).min(self.durable);
        while self.window_weight > limits.window_bytes || self.window.len() > limits.window_entries {
            if self.window.front().is_none_or(|entry| entry.position.0 > settled) {
                return;
            }
            let entry = self.window.pop_front().expect("the window is not empty");
            self.window_weight -= entry.weight();
            self.before = Some(entry.point());
        }
    }
}
