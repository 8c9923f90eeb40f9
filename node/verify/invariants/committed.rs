//! What is committed never changes: for each position the one entry that was ever committed there. With it: nodes that
//! have applied up to the same position made the same entries final, since a digest covers all entries up to its own.

use std::collections::VecDeque;

use crate::protocol::trace::{Event, Fact};
use crate::protocol::{EntryId, Epoch, LogPoint, Position};
use crate::verify::invariants::sight::Seen;
use crate::verify::invariants::{Found, Source, source, violation};

pub(super) const NEVER_CHANGES: &str = "committed never changes";
pub(super) const FINAL_EQUAL: &str = "final data is equal at equal applied positions";

/// How many committed entries are remembered.
const REMEMBERED: usize = 100_000;

/// The committed entries, without gaps.
#[derive(Default)]
pub(super) struct Ledger {
    entries: VecDeque<(LogPoint, Source)>,
}

impl Ledger {
    pub(super) fn last(&self) -> Option<LogPoint> {
        self.entries.back().map(|(point, _)| *point)
    }

    pub(super) fn at(&self, position: Position) -> Option<(LogPoint, Source)> {
        let first = self.entries.front()?.0.position.0;
        self.entries.get(position.0.checked_sub(first)? as usize).copied()
    }

    /// The last committed entry whose id is not greater.
    pub(super) fn last_up_to(&self, id: EntryId) -> Option<(LogPoint, Source)> {
        self.last_of(|point| point.id <= id)
    }

    /// The last committed entry of an earlier epoch.
    pub(super) fn last_before(&self, epoch: Epoch) -> Option<(LogPoint, Source)> {
        self.last_of(|point| point.id.epoch < epoch)
    }

    fn last_of(&self, early: impl Fn(LogPoint) -> bool) -> Option<(LogPoint, Source)> {
        let count = self.entries.partition_point(|(point, _)| early(*point));
        self.entries.get(count.checked_sub(1)?).copied()
    }

    pub(super) fn learn_snapshot(&mut self, seen: &Seen, source: Source) -> Found {
        let snapshot = &seen.snapshot;
        let applied = snapshot.applied.and_then(|applied| self.take(applied, source, FINAL_EQUAL));
        applied.or_else(|| self.learn_up_to(seen, snapshot.committed?, source, NEVER_CHANGES))
    }

    pub(super) fn learn(&mut self, seen: &Seen, event: &Event) -> Found {
        match &event.fact {
            Fact::Committed { up_to, .. } => self.learn_up_to(seen, *up_to, source(event), NEVER_CHANGES),
            Fact::Finalized { up_to, .. } => self.learn_up_to(seen, *up_to, source(event), FINAL_EQUAL),
            _ => None,
        }
    }

    /// The node says that everything up to `up_to` is committed. What lies before is as in its log.
    fn learn_up_to(&mut self, seen: &Seen, up_to: LogPoint, source: Source, invariant: &'static str) -> Found {
        let next = self.last().map_or(1, |point| point.position.0 + 1);
        if self.entries.is_empty() {
            return self.take(up_to, source, invariant);
        }
        for position in next..up_to.position.0 {
            match seen.at(Position(position)) {
                Some(preview) => self.push(preview.point, source),
                // The watcher does not know what lies between: it begins anew.
                None => self.entries.clear(),
            }
        }
        self.take(up_to, source, invariant)
    }

    /// One committed entry, which continues what is known, or must be the one that is known there.
    fn take(&mut self, point: LogPoint, source: Source, invariant: &'static str) -> Found {
        let next = self.last().map_or(point.position.0, |last| last.position.0 + 1);
        if point.position.0 > next {
            self.entries.clear();
        }
        if point.position.0 >= next {
            self.push(point, source);
            return None;
        }
        let (known, earlier) = self.at(point.position)?;
        if known == point {
            return None;
        }
        let Source { node, .. } = source;
        let text = format!(
            "at position {} {node} has {point} as committed, and {} had {known} there",
            point.position, earlier.node
        );
        violation(invariant, &[earlier, source], text)
    }

    fn push(&mut self, point: LogPoint, source: Source) {
        self.entries.push_back((point, source));
        if self.entries.len() > REMEMBERED {
            self.entries.pop_front();
        }
    }
}
