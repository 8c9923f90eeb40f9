//! The log as the core holds it: a window of recent entries, the runs of epochs, what is durable, what is forged.
//!
//! Entries older than the window are on disk only; a place there is [`Place::Unread`] until the host has read it. What is
//! not yet committed and durable always stays in the window.

use std::collections::VecDeque;

use crate::base::Base;
use crate::config::{Limits, Restored};
use crate::entry::Entry;
use crate::message::RunEnd;
use crate::types::{EntryId, Epoch, LogPoint, Operation, Position, reach};

/// The entries of one epoch: they lie next to each other, offsets from 0.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Run {
    pub(super) first: Position,
    pub(super) last: LogPoint,
}

impl Run {
    pub(super) fn epoch(&self) -> Epoch {
        self.last.id.epoch
    }
}

/// What is known of a position without asking the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Known(LogPoint),
    /// Beyond the end of the log.
    Missing,
    /// In the log, but older than the window.
    Unread,
    /// Given up: a snapshot holds what it made.
    Purged,
}

/// A tail that the lab has put there.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Forged {
    from: Position,
    /// The last entry that is not forged.
    before: Option<LogPoint>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Log {
    /// The last entry that was given up; what the disk holds begins after it. The window may still have some before it.
    purged: Option<LogPoint>,
    /// The entry before the window.
    before: Option<LogPoint>,
    window: VecDeque<Entry>,
    window_weight: u64,
    /// Of the entries that the final database has not applied, in the window or not.
    unapplied_weight: u64,
    runs: Vec<Run>,
    /// All positions up to this one are on disk, with the content that this log has. 0: none.
    durable: u64,
    /// Operations under way, each with the last position that is durable once it is.
    /// Invariant: none is above the end of the log; truncation lowers them, so a late completion of an operation whose
    /// entries were since replaced confirms nothing.
    flushing: VecDeque<(Operation, u64)>,
    forged: Option<Forged>,
}

impl Log {
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

    pub(super) fn last(&self) -> Option<LogPoint> {
        self.window.back().map(Entry::point).or(self.before)
    }

    /// 0 for an empty log.
    pub(super) fn last_position(&self) -> u64 {
        reach(self.last())
    }

    /// The last entry that is not forged: what votes compare.
    pub(super) fn last_genuine(&self) -> Option<LogPoint> {
        self.forged.as_ref().map_or_else(|| self.last(), |forged| forged.before)
    }

    pub(super) fn forged_from(&self) -> Option<Position> {
        self.forged.as_ref().map(|forged| forged.from)
    }

    pub(super) fn is_forged(&self, position: Position) -> bool {
        self.forged_from().is_some_and(|from| from <= position)
    }

    pub(super) fn durable(&self) -> u64 {
        self.durable
    }

    pub(super) fn unapplied_weight(&self) -> u64 {
        self.unapplied_weight
    }

    /// The final database has applied entries of this weight.
    pub(super) fn on_applied(&mut self, weight: u64) {
        self.unapplied_weight -= weight;
    }

    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
    }

    pub(super) fn run_of(&self, epoch: Epoch) -> Option<&Run> {
        self.runs.iter().rev().find(|run| run.epoch() == epoch)
    }

    pub(super) fn run_ends(&self) -> Vec<RunEnd> {
        let end = |run: &Run| RunEnd { epoch: run.epoch(), last: run.last.id.offset, digest: run.last.digest };
        self.runs.iter().map(end).collect()
    }

    /// What stands at a position.
    pub(super) fn place(&self, position: Position) -> Place {
        if position.0 > self.last_position() {
            return Place::Missing;
        }
        let elsewhere = if position.0 <= self.purged_position() { Place::Purged } else { Place::Unread };
        self.known(position.0).map_or(elsewhere, Place::Known)
    }

    /// Likewise, with what was read of the entries older than the window.
    pub(super) fn place_or(&self, position: Position, looked: &[LogPoint]) -> Place {
        let found = || looked.iter().find(|point| point.position == position).copied();
        match self.place(position) {
            Place::Unread => found().map_or(Place::Unread, Place::Known),
            known => known,
        }
    }

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

    /// The position of the first entry in the window (or of the next one, if it is empty).
    pub(super) fn window_first(&self) -> u64 {
        Position::after(self.before).0
    }

    /// Entries of the window from a position on; empty if it is beyond the end.
    /// Panics if the position is older than the window.
    pub(super) fn entries_from(&self, from: Position) -> impl Iterator<Item = &Entry> {
        assert!(from.0 >= self.window_first(), "entry {from} was asked of the window, which starts later");
        self.window.iter().skip((from.0 - self.window_first()) as usize)
    }

    /// The window's last entries, at most `count`.
    pub(super) fn newest(&self, count: usize) -> impl Iterator<Item = &Entry> {
        self.window.iter().skip(self.window.len().saturating_sub(count))
    }

    /// Appends an entry that continues the log; the operation makes it durable.
    pub(super) fn append(&mut self, entry: Entry, operation: Operation) {
        assert_eq!(entry.position, Position::after(self.last()), "an append leaves a gap in the log");
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

    /// Marks the last entries, from `from` on, as forged. They are in the log already.
    pub(super) fn mark_forged(&mut self, from: Position) {
        if self.forged.is_none() {
            self.forged = Some(Forged { from, before: self.known(from.0 - 1) });
        }
    }

    /// Forgets all entries: the log begins anew after the base, once the operation is done.
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

    /// Deletes everything after `keep`.
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

    /// Entries after `position` are to be written again: they count as durable only when that is done.
    pub(super) fn lower_durable(&mut self, position: u64) {
        self.durable = self.durable.min(position);
        for (_, up_to) in &mut self.flushing {
            *up_to = (*up_to).min(position);
        }
    }

    /// The whole log up to `position` is durable once the operation is.
    pub(super) fn flushing_up_to(&mut self, operation: Operation, position: u64) {
        match self.flushing.back_mut() {
            Some((last, up_to)) if *last == operation => *up_to = position,
            _ => self.flushing.push_back((operation, position)),
        }
    }

    /// The operation and all before it are done. True if more of the log is durable than before.
    pub(super) fn stored(&mut self, operation: Operation) -> bool {
        let before = self.durable;
        while self.flushing.front().is_some_and(|(pending, _)| *pending <= operation) {
            let (_, up_to) = self.flushing.pop_front().expect("there is a first one");
            self.durable = self.durable.max(up_to);
        }
        self.durable > before
    }

    /// The first entries of the forged tail, up to `position`, lose their mark; gives the first of them.
    pub(super) fn clear_forged(&mut self, position: Position) -> Option<Position> {
        let from = self.forged_from().filter(|from| *from <= position)?;
        let before = self.known(position.0);
        self.forged = (position.0 < self.last_position()).then_some(Forged { from: position.next(), before });
        Some(from)
    }

    pub(super) fn purged(&self) -> Option<LogPoint> {
        self.purged
    }

    /// 0 if nothing was given up.
    pub(super) fn purged_position(&self) -> u64 {
        reach(self.purged)
    }

    /// The disk gives up everything up to `point`. The window keeps what it has.
    pub(super) fn purge(&mut self, point: LogPoint) {
        assert!(point.position.0 <= self.durable, "only durable entries are given up");
        self.purged = Some(point);
    }

    /// The ends of all epochs up to `point`, with the positions of their last entries.
    pub(super) fn runs_up_to(&self, point: LogPoint) -> Vec<(RunEnd, Position)> {
        let before = self.runs.iter().filter(|run| run.first <= point.position);
        let end = |run: &Run| if run.last.position <= point.position { run.last } else { point };
        let end_of = |last: LogPoint| RunEnd { epoch: last.id.epoch, last: last.id.offset, digest: last.digest };
        before.map(end).map(|last| (end_of(last), last.position)).collect()
    }

    /// Forgets the oldest entries beyond the bounds, but none that is not both committed and durable.
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
