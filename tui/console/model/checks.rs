//! The state of each check at the moment that is shown.

use epoca::protocol::trace::NodeState;

use crate::console::model::Model;
use crate::lang::Localized;
use crate::tape::{Finding, LINEARIZABLE, Linearizable};

/// Invariants that the strip shows as one item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CheckGroup {
    OneLeader,
    LogMatching,
    Quorum,
    CommittedStays,
    FinalData,
}

/// The state of a check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CheckState {
    Holds,
    /// Linearizable; with the number of operations that have an order.
    Ordered(usize),
    Broken,
    /// Nothing to check, or no result.
    Inconclusive(Inconclusive),
}

/// Why a check has no result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Inconclusive {
    NothingYet,
    NoLeader,
    /// The search for an order gave up; the reason.
    Undecided(Localized),
}

impl CheckGroup {
    /// In the order of the strip.
    pub const ALL: [CheckGroup; 5] = [
        CheckGroup::OneLeader,
        CheckGroup::LogMatching,
        CheckGroup::Quorum,
        CheckGroup::CommittedStays,
        CheckGroup::FinalData,
    ];

    pub fn invariants(self) -> &'static [&'static str] {
        match self {
            CheckGroup::OneLeader => &["one leader per epoch", "the promise covers the log"],
            CheckGroup::LogMatching => &["log matching", "leader append-only", "offsets without gaps"],
            CheckGroup::Quorum => &[
                "committed is on a quorum",
                "only voters count",
                "one change of members at a time",
                "the last list of the log counts",
            ],
            CheckGroup::CommittedStays => &["committed never changes", "acked is durable", "leader completeness"],
            CheckGroup::FinalData => &[
                "final data is equal at equal applied positions",
                "only committed data is readable",
                "applied ≤ committed ≤ last",
                "given up ≤ snapshot ≤ applied",
            ],
        }
    }

    /// Whether the nodes have reported anything that could violate the invariants, up to the moment that is shown.
    fn exists(self, model: &Model) -> bool {
        match self {
            CheckGroup::OneLeader => model.leader().is_some(),
            CheckGroup::LogMatching => model.has_at_least(2, |state| !state.tail.is_empty()),
            CheckGroup::Quorum | CheckGroup::CommittedStays => model.has_at_least(1, |state| state.committed.is_some()),
            CheckGroup::FinalData => model.has_at_least(1, |state| state.applied.is_some()),
        }
    }

    fn inconclusive(self) -> Inconclusive {
        if self == CheckGroup::OneLeader { Inconclusive::NoLeader } else { Inconclusive::NothingYet }
    }
}

impl Model {
    /// The violations up to the moment that is shown.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        let at = self.tape.at();
        let findings = self.checks.iter().flat_map(|verdict| &verdict.findings);
        let places = self.tape.violations_at.iter().copied().chain(std::iter::repeat(0));
        findings.zip(places).filter(move |(_, place)| *place <= at).map(|(finding, _)| finding)
    }

    /// The state of the check with this name.
    pub fn check(&self, name: &str) -> CheckState {
        if self.findings().any(|finding| finding.violation.invariant == name) {
            return CheckState::Broken;
        }
        if name == LINEARIZABLE {
            return self.check_order();
        }
        match CheckGroup::ALL.into_iter().find(|group| group.invariants().contains(&name)) {
            Some(group) if !group.exists(self) => CheckState::Inconclusive(group.inconclusive()),
            _ => CheckState::Holds,
        }
    }

    /// A prefix of a linearizable history is linearizable. At an earlier moment the number of operations is the number
    /// that had ended by then.
    fn check_order(&self) -> CheckState {
        let judged = self.operations.judged();
        let Some(verdict) = self.checks.as_ref().filter(|_| judged > 0) else {
            return CheckState::Inconclusive(Inconclusive::NothingYet);
        };
        match &verdict.linearizable {
            Linearizable::Unknown(why) => CheckState::Inconclusive(Inconclusive::Undecided(why.clone())),
            Linearizable::Yes(0) => CheckState::Inconclusive(Inconclusive::NothingYet),
            Linearizable::Yes(placed) => CheckState::Ordered(judged.min(*placed)),
            Linearizable::No(_) => CheckState::Ordered(judged),
        }
    }

    fn has_at_least(&self, least: usize, has: fn(&NodeState) -> bool) -> bool {
        self.nodes.values().filter(|node| has(&node.state)).nth(least - 1).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::check_names;

    #[test]
    fn every_invariant_has_its_place_in_the_strip() {
        let grouped: Vec<_> = CheckGroup::ALL.into_iter().flat_map(CheckGroup::invariants).copied().collect();
        let names: Vec<_> = check_names().into_iter().filter(|name| *name != LINEARIZABLE).collect();
        assert!(names.iter().all(|name| grouped.contains(name)), "{names:?}");
        assert_eq!(grouped.len(), names.len());
    }
}
