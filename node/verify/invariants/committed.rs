//! What is committed never changes: for each position the one entry that was ever committed there. With it: nodes that
//! have applied up to the same position made the same entries final, since a digest covers all entries up to its own.

use std::collections::VecDeque;

use crate::protocol::trace::{Event, Fact, NodeState};
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
    entries: VecDeque<Commit>,
}

#[derive(Clone, Copy)]
struct Commit {
    point: LogPoint,
    /// The epoch in which it was committed, or a later one: an entry may wait for a leader of another epoch.
    within: Option<Epoch>,
    source: Source,
}

impl Ledger {
    pub(super) fn last(&self) -> Option<LogPoint> {
        self.entries.back().map(|commit| commit.point)
    }

    pub(super) fn at(&self, position: Position) -> Option<(LogPoint, Source)> {
        let first = self.entries.front()?.point.position.0;
        let commit = self.entries.get(position.0.checked_sub(first)? as usize)?;
        Some((commit.point, commit.source))
    }

    /// The last entry that every log must hold which has this one.
    pub(super) fn last_below(&self, id: EntryId) -> Option<(LogPoint, Source)> {
        self.last_of(|commit| commit.within <= Some(id.epoch) && commit.point.id <= id)
    }

    /// The last entry that every leader of this epoch must hold.
    pub(super) fn last_before(&self, epoch: Epoch) -> Option<(LogPoint, Source)> {
        self.last_of(|commit| commit.within < Some(epoch))
    }

    fn last_of(&self, wanted: impl Fn(&Commit) -> bool) -> Option<(LogPoint, Source)> {
        self.entries.iter().rev().find(|commit| wanted(commit)).map(|commit| (commit.point, commit.source))
    }

    pub(super) fn learn_snapshot(&mut self, seen: &Seen, source: Source) -> Found {
        let NodeState { applied, committed, epoch, .. } = seen.snapshot;
        let said = |point| Commit { point, within: epoch, source };
        let applied = applied.and_then(|applied| self.take(said(applied), FINAL_EQUAL));
        applied.or_else(|| self.learn_up_to(seen, said(committed?), NEVER_CHANGES))
    }

    pub(super) fn learn(&mut self, seen: &Seen, event: &Event) -> Found {
        let source = source(event);
        match event.fact {
            // A leader commits what is of its own epoch, and all that comes before it.
            Fact::Committed { up_to: point, .. } => {
                self.learn_up_to(seen, Commit { point, within: Some(point.id.epoch), source }, NEVER_CHANGES)
            }
            Fact::Finalized { up_to: point, .. } => {
                self.learn_up_to(seen, Commit { point, within: seen.snapshot.epoch, source }, FINAL_EQUAL)
            }
            _ => None,
        }
    }

    /// The node says that everything up to an entry is committed. What lies before is as in its log.
    fn learn_up_to(&mut self, seen: &Seen, commit: Commit, invariant: &'static str) -> Found {
        let next = self.last().map_or(1, |point| point.position.0 + 1);
        if self.entries.is_empty() {
            return self.take(commit, invariant);
        }
        for position in next..commit.point.position.0 {
            match seen.at(Position(position)) {
                Some(preview) => self.push(Commit { point: preview.point, ..commit }),
                // The watcher does not know what lies between: it begins anew.
                None => self.entries.clear(),
            }
        }
        self.take(commit, invariant)
    }

    /// One committed entry, which continues what is known, or must be the one that is known there.
    fn take(&mut self, commit: Commit, invariant: &'static str) -> Found {
        let Commit { point, source, .. } = commit;
        let next = self.last().map_or(point.position.0, |last| last.position.0 + 1);
        if point.position.0 > next {
            self.entries.clear();
        }
        if point.position.0 >= next {
            self.push(commit);
            return None;
        }
        let (known, earlier) = self.at(point.position)?;
        if known == point {
            return None;
        }
        let text = format!(
            "at position {} {} has {point} as committed, and {} had {known} there",
            point.position, source.node, earlier.node
        );
        violation(invariant, &[earlier, source], text)
    }

    fn push(&mut self, commit: Commit) {
        self.entries.push_back(commit);
        if self.entries.len() > REMEMBERED {
            self.entries.pop_front();
        }
    }
}
