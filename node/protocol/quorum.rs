//! Quorum reads: any node asks some voters and answers without the leader, and still sees all that was confirmed before.
//!
//! A write is confirmed once `NW`, a majority, of the `N` voters have it, as intermediate data mostly. Of any `NR` voters with
//! `NR + NW > N` one is among those, so the greatest entry that any of them has *accepted* is not before that write. A value
//! counts only from a voter that has *applied* at least that entry; if none of them has yet, they are asked again. Comparing
//! final data alone would miss a confirmed write whose commit order is still on its way.
//!
//! The voters are those of one member list. A voter that has a newer one says so, and the read starts over with that; once the
//! list has ever changed a majority is asked, since fewer may all miss that it did.
//!
//! Absent on purpose: asking, waiting, and what is done when they do not come to agree.

use crate::core::Core;
use crate::types::EntryId;

/// What a voter says of itself together with its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Probe {
    /// The value is not older than this entry.
    pub applied: Option<EntryId>,
    /// The last entry of its log, forged ones left out.
    pub accepted: Option<EntryId>,
    /// The entry that set the member list by which it is a voter.
    pub members: EntryId,
}

impl Probe {
    /// Whether it may count for a read whose voters are those of another list. Not if that one is missing in a log which goes
    /// on beyond it: it was truncated, so its voters need not know what others have confirmed. A voter whose log ends before
    /// it counts; one that has a newer list knows that the read has to start over.
    pub fn counts_for(&self, members: EntryId) -> bool {
        self.members == members || self.members < members && self.accepted < Some(members)
    }
}

/// The least number of voters that must be asked: with a majority of writers it leaves none out.
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

/// One quorum read on its way.
#[derive(Clone, Debug, Default)]
pub struct QuorumRead {
    /// What must be applied where the answer comes from; known after the first round.
    wanted: Option<Option<EntryId>>,
}

impl QuorumRead {
    /// The first answer that may be given, by its index, of one round of different voters. `None`: ask again.
    pub fn judge(&mut self, probes: &[Probe]) -> Option<usize> {
        // The first round decides: later ones have later entries, and a busy cluster would never be done.
        let accepted = || probes.iter().map(|probe| probe.accepted).max().flatten();
        let wanted = *self.wanted.get_or_insert_with(accepted);
        probes.iter().position(|probe| probe.applied >= wanted)
    }

    pub fn wanted(&self) -> Option<EntryId> {
        self.wanted.flatten()
    }
}

impl Core {
    /// What this node can say for a quorum read; `None` if its log does not make it a voter: its folder may have been
    /// emptied, and it must not stand in for what it has lost.
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
    fn a_voter_whose_log_goes_on_without_the_list_of_the_read_does_not_count() {
        let list = EntryId::new(1, 5);
        let with = |accepted, members| Probe { accepted: Some(accepted), members, ..probe(0, 0) };
        assert!(with(EntryId::new(1, 7), list).counts_for(list));
        assert!(with(EntryId::new(1, 4), EntryId::new(1, 0)).counts_for(list), "it has not got it yet");
        assert!(!with(EntryId::new(2, 0), EntryId::new(1, 0)).counts_for(list), "it was cut off");
        assert!(!with(EntryId::new(2, 3), EntryId::new(2, 1)).counts_for(list), "it has a newer one");
    }

    #[test]
    fn every_choice_of_so_many_meets_every_majority() {
        for voters in 1..=9 {
            assert!(replicas_least(voters) + voters / 2 >= voters);
            assert_eq!(replicas_least(voters) + voters / 2, voters, "and one less would not");
        }
    }
}
