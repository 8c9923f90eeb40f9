//! How each check stands at the moment that is shown.

use epoca::protocol::trace::Snapshot;

use crate::console::model::Model;
use crate::tape::{Finding, LINEARIZABLE, Linearizable};

/// What several invariants are about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    OneLeader,
    LogMatching,
    Quorum,
    CommittedStays,
    FinalData,
}

/// How a check stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CheckState {
    Holds,
    /// So many operations have an order.
    Ordered(usize),
    Broken,
    /// There is nothing to check, or it cannot be said.
    Open(Open),
}

/// Why it cannot be said how a check stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Open {
    NothingYet,
    NoLeader,
    /// The search for an order gave up, and why.
    Undecided(String),
}

impl Subject {
    /// In the order of the strip.
    pub const ALL: [Subject; 5] =
        [Subject::OneLeader, Subject::LogMatching, Subject::Quorum, Subject::CommittedStays, Subject::FinalData];

    pub fn invariants(self) -> &'static [&'static str] {
        match self {
            Subject::OneLeader => &["one leader per epoch", "the promise covers the log"],
            Subject::LogMatching => &["log matching", "leader append-only", "offsets without gaps"],
            Subject::Quorum => &[
                "committed is on a quorum",
                "only voters count",
                "one change of members at a time",
                "the last list of the log counts",
            ],
            Subject::CommittedStays => &["committed never changes", "acked is durable", "leader completeness"],
            Subject::FinalData => &[
                "final data is equal at equal applied positions",
                "only committed data is readable",
                "applied ≤ committed ≤ last",
                "given up ≤ snapshot ≤ applied",
            ],
        }
    }

    /// Whether there is something that its invariants could be broken by, as far as the nodes have told at the moment
    /// that is shown.
    fn exists(self, model: &Model) -> bool {
        match self {
            Subject::OneLeader => model.leader().is_some(),
            Subject::LogMatching => model.has_at_least(2, |state| !state.tail.is_empty()),
            Subject::Quorum | Subject::CommittedStays => model.has_at_least(1, |state| state.committed.is_some()),
            Subject::FinalData => model.has_at_least(1, |state| state.applied.is_some()),
        }
    }

    fn open(self) -> Open {
        if self == Subject::OneLeader { Open::NoLeader } else { Open::NothingYet }
    }
}

impl Model {
    /// What the checks have found up to the moment that is shown.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        let at = self.tape.at();
        let findings = self.checks.iter().flat_map(|verdict| &verdict.findings);
        let places = self.tape.found_at.iter().copied().chain(std::iter::repeat(0));
        findings.zip(places).filter(move |(_, place)| *place <= at).map(|(finding, _)| finding)
    }

    /// How the check of this name stands.
    pub fn check(&self, name: &str) -> CheckState {
        if self.findings().any(|finding| finding.violation.invariant == name) {
            return CheckState::Broken;
        }
        if name == LINEARIZABLE {
            return self.check_order();
        }
        match Subject::ALL.into_iter().find(|subject| subject.invariants().contains(&name)) {
            Some(subject) if !subject.exists(self) => CheckState::Open(subject.open()),
            _ => CheckState::Holds,
        }
    }

    /// Any beginning of a history that has an order has one, too: of its operations as many count as had ended.
    fn check_order(&self) -> CheckState {
        let judged = self.operations.judged();
        let Some(verdict) = self.checks.as_ref().filter(|_| judged > 0) else {
            return CheckState::Open(Open::NothingYet);
        };
        match &verdict.linearizable {
            Linearizable::Unknown(why) => CheckState::Open(Open::Undecided(why.clone())),
            Linearizable::Yes(0) => CheckState::Open(Open::NothingYet),
            Linearizable::Yes(placed) => CheckState::Ordered(judged.min(*placed)),
            Linearizable::No(_) => CheckState::Ordered(judged),
        }
    }

    fn has_at_least(&self, least: usize, has: fn(&Snapshot) -> bool) -> bool {
        self.nodes.values().filter(|node| has(&node.state)).nth(least - 1).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::check_names;

    #[test]
    fn every_invariant_has_its_place_in_the_strip() {
        let grouped: Vec<_> = Subject::ALL.into_iter().flat_map(Subject::invariants).copied().collect();
        let names: Vec<_> = check_names().into_iter().filter(|name| *name != LINEARIZABLE).collect();
        assert!(names.iter().all(|name| grouped.contains(name)), "{names:?}");
        assert_eq!(grouped.len(), names.len());
    }
}
