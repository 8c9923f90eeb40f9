//! How much of the log stays before a snapshot, measured in bytes. The total weight is known at some positions only.
//! That is exact enough to cut the log and takes constant memory however long the log is.

use std::collections::VecDeque;

use crate::types::Position;

/// The distance between two marks: a sixteenth of the margin, and at least this many bytes.
const STEP_MIN: u64 = 64 << 10;
/// The number of marks that a margin spans.
const STEPS: u64 = 16;

/// The weight of the log up to some of its positions.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Weights {
    /// Positions in order, each with the approximate weight of all entries up to it. Never empty once a position is
    /// known.
    marks: VecDeque<(Position, u64)>,
    /// The weight of the entries handed to the final database, in bytes. It only grows.
    total: u64,
}

impl Weights {
    /// The weights that the disk knows, for entries up to `committed`.
    pub(super) fn restored(known: Vec<(Position, u64)>, committed: Position) -> Weights {
        let mut marks: VecDeque<_> = known.into_iter().filter(|(position, _)| *position <= committed).collect();
        let total = marks.back().map_or(0, |(_, weight)| *weight);
        if marks.is_empty() {
            marks.push_back((committed, 0));
        }
        Weights { marks, total }
    }

    /// Adds entries of this weight up to `up_to`. `margin` is the bound in bytes; it sets the distance of the marks.
    pub(super) fn add(&mut self, up_to: Position, weight: u64, margin: u64) {
        self.total += weight;
        let step = (margin / STEPS).max(STEP_MIN);
        if self.marks.back().is_none_or(|(_, before)| self.total - before >= step) {
            self.marks.push_back((up_to, self.total));
        }
    }

    /// The position up to which the log may be cut so that the entries between it and `end` weigh at most `margin`
    /// bytes. `Position(0)`, which cuts nothing, if that is not known.
    pub(super) fn cut(&self, end: Position, margin: u64) -> Position {
        let up_to_end = self.marks.iter().take_while(|(position, _)| *position <= end);
        let Some((_, weight)) = up_to_end.clone().last() else { return Position(0) };
        let cut = up_to_end.clone().find(|(_, before)| weight - before <= margin);
        cut.map_or(Position(0), |(position, _)| *position)
    }

    /// Removes marks before `position`, because the entries there were given up. One mark always stays.
    pub(super) fn forget_before(&mut self, position: Position) {
        while self.marks.len() > 1 && self.marks.front().is_some_and(|(mark, _)| *mark < position) {
            self.marks.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_before_the_end_weighs_no_more_than_the_margin_and_not_much_less() {
        let mut weights = Weights::restored(Vec::new(), Position(0));
        let (entry, margin) = (64 << 10, 1 << 20);
        for position in 1..=1_000 {
            weights.add(Position(position), entry, margin);
        }
        let cut = weights.cut(Position(1_000), margin).0;
        let stays = (1_000 - cut) * entry;
        assert!((margin - margin / 8..=margin).contains(&stays), "{stays} bytes of {margin}");
        weights.forget_before(Position(cut));
        assert_eq!(weights.cut(Position(1_000), margin).0, cut);
        assert!(weights.marks.len() <= 17, "{}", weights.marks.len());
        assert_eq!(weights.cut(Position(1_000), u64::MAX).0, cut, "the weight before the oldest mark is unknown");
    }

    #[test]
    fn after_a_restart_the_margin_is_counted_from_what_the_disk_knows() {
        let known =
            vec![(Position(0), 0), (Position(100), 16 << 20), (Position(200), 32 << 20), (Position(250), 40 << 20)];
        let weights = Weights::restored(known, Position(240));
        assert_eq!(weights.cut(Position(240), 16 << 20), Position(100));
        assert_eq!(weights.cut(Position(240), 64 << 20), Position(0));
        assert_eq!(Weights::restored(Vec::new(), Position(9)).cut(Position(5), 1), Position(0));
    }

    #[test]
    fn small_entries_leave_few_marks() {
        let mut weights = Weights::restored(Vec::new(), Position(0));
        (1..=100_000).for_each(|position| weights.add(Position(position), 100, 1));
        assert!(weights.marks.len() <= 154, "{}", weights.marks.len());
    }
}
