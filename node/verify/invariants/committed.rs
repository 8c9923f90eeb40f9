//! Committed entries never change: at each position only one entry is ever committed. It follows that nodes which have
//! applied up to the same position made the same entries final, since a digest covers all entries up to its own.

use std::collections::VecDeque;

use crate::protocol::trace::{Event, Fact, NodeState};
use crate::protocol::{EntryId, Epoch, LogPoint, Position};
use crate::verify::invariants::observer::ObservedNode;
use crate::verify::invariants::{Finding, Source, source, violation};

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
    /// The epoch in which it was committed, or a later one: an entry may be committed by a leader of a later epoch.
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

    /// The last entry that every log with the entry `id` must hold.
    pub(super) fn last_below(&self, id: EntryId) -> Option<(LogPoint, Source)> {
        self.last_of(|commit| commit.within <= Some(id.epoch) && commit.point.id <= id)
    }

    /// The last entry that the leader of this epoch must hold.
    pub(super) fn last_before(&self, epoch: Epoch) -> Option<(LogPoint, Source)> {
        self.last_of(|commit| commit.within < Some(epoch))
    }

    fn last_of(&self, wanted: impl Fn(&Commit) -> bool) -> Option<(LogPoint, Source)> {
        self.entries.iter().rev().find(|commit| wanted(commit)).map(|commit| (commit.point, commit.source))
    }

    pub(super) fn learn_snapshot(&mut self, observed: &ObservedNode, source: Source) -> Finding {
        let NodeState { applied, committed, epoch, .. } = observed.snapshot;
        let said = |point| Commit { point, within: epoch, source };
        let applied = applied.and_then(|applied| self.take(said(applied), FINAL_EQUAL));
        applied.or_else(|| self.learn_up_to(observed, said(committed?), NEVER_CHANGES))
    }

    pub(super) fn learn(&mut self, observed: &ObservedNode, event: &Event) -> Finding {
        let source = source(event);
        match event.fact {
            // A leader commits an entry of its own epoch, and all before it.
            Fact::Committed { up_to: point, .. } => {
                self.learn_up_to(observed, Commit { point, within: Some(point.id.epoch), source }, NEVER_CHANGES)
            }
            Fact::Finalized { up_to: point, .. } => {
                self.learn_up_to(observed, Commit { point, within: observed.snapshot.epoch, source }, FINAL_EQUAL)
            }
            _ => None,
        }
    }

    /// The node reports that everything up to an entry is committed. The entries before are those of its log.
    fn learn_up_to(&mut self, observed: &ObservedNode, commit: Commit, invariant: &'static str) -> Finding {
        let next = self.last().map_or(1, |point| point.position.0 + 1);
        if self.entries.is_empty() {
            return self.take(commit, invariant);
        }
        for position in next..commit.point.position.0 {
            match observed.at(Position(position)) {
                Some(preview) => self.push(Commit { point: preview.point, ..commit }),
                // The entries between are unknown: the ledger begins again.
                None => self.entries.clear(),
            }
        }
        self.take(commit, invariant)
    }

    /// Takes one committed entry. It continues the ledger, or must be the entry that is known at its position.
    fn take(&mut self, commit: Commit, invariant: &'static str) -> Finding {
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
            "at position {} {} has {point} as committed, but {} had {known} there",
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
