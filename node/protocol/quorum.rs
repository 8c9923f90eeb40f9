//! Quorum reads: any node asks some voters and answers without the leader, and still sees every write that was
//! confirmed before.
//!
//! A write is confirmed once `NW`, a majority, of the `N` voters hold it, mostly as intermediate data. Of any `NR`
//! voters with `NR + NW > N` at least one is among those. So the greatest entry that any of them has *accepted* is not
//! before that write. A value counts only from a voter that has *applied* that entry; if none has yet, voters are
//! asked again. Comparing final data alone would miss a confirmed write whose commit order is still in flight.
//!
//! The voters are those of one member list. A voter with a newer list says so, and the read starts over with that
//! list. Once the list has changed, a majority is asked: fewer voters might all be unaware of the change.
//!
//! Left out: asking the voters, waiting, and what happens if they never agree. The host does that.

use crate::core::Core;
use crate::types::EntryId;

/// What a voter reports about itself together with a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Probe {
    /// The last entry applied there: the value is not older.
    pub applied: Option<EntryId>,
    /// The last genuine entry of its log.
    pub accepted: Option<EntryId>,
    /// The entry that set the member list by which it is a voter.
    pub members: EntryId,
}

impl Probe {
    /// Whether the report counts for a read among the voters of the list that the entry `members` set.
    ///
    /// It does not count if that list is missing in a log that continues beyond it: the list was truncated, so its
    /// voters need not hold what others have confirmed. A voter whose log ends before the list counts. A voter with a
    /// newer list does not; the read starts over.
    pub fn counts_for(&self, members: EntryId) -> bool {
        self.members == members || self.members < members && self.accepted < Some(members)
    }
}

/// The least number of voters that a quorum read must ask: `NR = N - NW + 1`, where `NW` is a majority.
///
/// ```
/// use epoca_protocol::replicas_least;
///
/// // Of four voters a write is confirmed by three, so any two of them have it.
/// assert_eq!([1, 3, 4, 5].map(replicas_least), [1, 2, 2, 3]);
/// ```
pub fn replicas_least(voters: usize) -> usize {
    voters - (voters / 2 + 1) + 1
}

/// The state of one quorum read over its rounds.
///
/// ```
/// use epoca_protocol::{EntryId, Probe, QuorumRead};
///
/// let report = |applied, accepted| Probe {
///     applied: Some(EntryId::new(1, applied)),
///     accepted: Some(EntryId::new(1, accepted)),
///     members: EntryId::new(1, 0),
/// };
/// let mut read = QuorumRead::default();
/// // One of the two voters has accepted offset 4, and neither has applied it.
/// assert_eq!(read.judge(&[report(3, 3), report(3, 4)]), None);
/// assert_eq!(read.wanted(), Some(EntryId::new(1, 4)));
/// // Asked again, the second one has.
/// assert_eq!(read.judge(&[report(3, 4), report(4, 4)]), Some(1));
/// ```
#[derive(Clone, Debug, Default)]
pub struct QuorumRead {
    /// The entry that the answering voter must have applied. Set by the first round and never changed; `Some(None)` if
    /// all logs were empty.
    wanted: Option<Option<EntryId>>,
}

impl QuorumRead {
    /// The index of the first report whose value may be returned, from one round of reports of different voters.
    /// `None`: ask again.
    pub fn judge(&mut self, probes: &[Probe]) -> Option<usize> {
        // Only the first round sets it. Later rounds have later entries, and a busy cluster would never answer.
        let accepted = || probes.iter().map(|probe| probe.accepted).max().flatten();
        let wanted = *self.wanted.get_or_insert_with(accepted);
        probes.iter().position(|probe| probe.applied >= wanted)
    }

    /// The entry that the answering voter must have applied; `None` before the first round, or if no voter had an
    /// entry.
    pub fn wanted(&self) -> Option<EntryId> {
        self.wanted.flatten()
    }
}

impl Core {
    /// This node's report for a quorum read. `None` if its log does not name it as a voter: its folder may have been
    /// emptied, and it must not vouch for what it has lost.
    pub fn probe(&self) -> Option<Probe> {
        let id = |point: Option<crate::types::LogPoint>| point.map(|point| point.id);
        let members = self.members().filter(|_| self.is_voter())?.id;
        Some(Probe { applied: id(self.applied), accepted: id(self.log.last_genuine()), members })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(applied: u64, accepted: u64) -> Probe {
        let members = EntryId::new(1, 0);
        Probe { applied: Some(EntryId::new(1, applied)), accepted: Some(EntryId::new(1, accepted)), members }
    }

    #[test]
    fn a_confirmed_write_that_is_not_final_anywhere_yet_is_waited_for() {
        let mut read = QuorumRead::default();
        assert_eq!(read.judge(&[probe(3, 3), probe(3, 4)]), None);
        assert_eq!(read.wanted(), Some(EntryId::new(1, 4)));
        // Others are asked, and have later entries by now: what the first round wanted is enough.
        assert_eq!(read.judge(&[probe(3, 9), probe(4, 8)]), Some(1));
    }

    #[test]
    fn a_voter_whose_log_continues_without_the_list_of_the_read_does_not_count() {
        let list = EntryId::new(1, 5);
        let with = |accepted, members| Probe { accepted: Some(accepted), members, ..probe(0, 0) };
        assert!(with(EntryId::new(1, 7), list).counts_for(list));
        assert!(with(EntryId::new(1, 4), EntryId::new(1, 0)).counts_for(list), "its log ends before the list");
        assert!(!with(EntryId::new(2, 0), EntryId::new(1, 0)).counts_for(list), "the list was truncated there");
        assert!(!with(EntryId::new(2, 3), EntryId::new(2, 1)).counts_for(list), "it has a newer list");
    }

    #[test]
    fn every_choice_of_that_size_meets_every_majority() {
        for voters in 1..=9 {
            assert!(replicas_least(voters) + voters / 2 >= voters);
            assert_eq!(replicas_least(voters) + voters / 2, voters, "one less would not");
        }
    }
}
