//! Whose data folders are lost, as far as this node hears: members that ask to be added with another folder than the list
//! names.
//!
//! When a majority of the voters' folders is lost, no leader can be elected and nobody can be added. That is a matter for
//! people: it is said plainly, and no new cluster is founded over what may still be found.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::membership::view::MembershipView;
use crate::protocol::{Incarnation, Member, MemberKind, NodeId};

/// Whoever has to be added asks again much sooner; who does not any more has ended, or has its old folder again.
const MEMORY: Duration = Duration::from_secs(30);

/// Clones share it.
#[derive(Clone, Debug)]
pub struct LostDisks {
    me: (NodeId, Incarnation),
    membership: MembershipView,
    /// The members by a log that was damaged, for as long as there is no other list.
    former: Arc<[Member]>,
    asked: Arc<Mutex<BTreeMap<NodeId, (Incarnation, Instant)>>>,
}

impl LostDisks {
    pub fn new(me: (NodeId, Incarnation), membership: MembershipView, former: Option<Vec<Member>>) -> LostDisks {
        LostDisks { me, membership, former: former.unwrap_or_default().into(), asked: Arc::default() }
    }

    /// A node has asked to be added with this folder.
    pub fn asked(&self, node: NodeId, incarnation: Incarnation) {
        let listed = self.members().iter().any(|member| member.id == node);
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        // Only members are remembered, so there are few.
        if listed {
            asked.insert(node, (incarnation, Instant::now()));
        }
    }

    /// That too few disks are left, and what to do then.
    pub fn verdict(&self) -> Option<String> {
        let members = self.members();
        let voters: Vec<&Member> = members.iter().filter(|member| member.kind == MemberKind::Voter).collect();
        let (lost, whole): (Vec<&Member>, Vec<&Member>) = voters.iter().partition(|voter| self.is_lost(voter));
        if lost.is_empty() || whole.len() > voters.len() / 2 {
            return None;
        }
        let (all, needed) = (voters.len(), voters.len() / 2 + 1);
        Some(format!(
            "a quorum of lost_disks is lost: {} run with another data folder than the member list names, and {} of {all} voters \
             can be whole ({}) where {needed} are needed. No leader can be elected, and nobody can be added. Nothing is \
             founded anew, because what was confirmed may still be in the folders that were moved aside. Put back as many \
             as are missing from their quarantine folders, mended (why.txt in them says how), or restore a backup into \
             new folders with `epoca restore`",
            names(&lost),
            whole.len(),
            if whole.is_empty() { "none".to_owned() } else { names(&whole) },
        ))
    }

    fn members(&self) -> Vec<Member> {
        match self.membership.known().list {
            Some(list) => list.membership.members.clone(),
            None => self.former.to_vec(),
        }
    }

    fn is_lost(&self, voter: &Member) -> bool {
        if voter.id == self.me.0 {
            return voter.incarnation != self.me.1;
        }
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.get(&voter.id).is_some_and(|(with, when)| *with != voter.incarnation && when.elapsed() < MEMORY)
    }
}

fn names(members: &[&Member]) -> String {
    members.iter().map(|member| member.id.to_string()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{EntryId, Listed, Membership, Position};

    fn folder(of: u64) -> Incarnation {
        Incarnation([of as u8; 16])
    }

    fn voters() -> Vec<Member> {
        [1, 2, 3].map(|id| Member::voter(NodeId(id), format!("127.0.0.1:{id}"), folder(id))).to_vec()
    }

    fn membership() -> MembershipView {
        let list = Listed { id: EntryId::new(1, 0), position: Position(1), membership: Membership::found(voters()) };
        MembershipView::new(Vec::new(), Some(list))
    }

    #[test]
    fn a_lost_quorum_is_told_and_one_lost_disk_is_not() {
        let lost_disks = LostDisks::new((NodeId(1), folder(1)), membership(), None);
        assert_eq!(lost_disks.verdict(), None);
        lost_disks.asked(NodeId(2), folder(22));
        lost_disks.asked(NodeId(3), folder(3));
        lost_disks.asked(NodeId(9), folder(9));
        assert_eq!(lost_disks.verdict(), None, "two of three are whole");
        lost_disks.asked(NodeId(3), folder(33));
        let told = lost_disks.verdict().expect("one of three is left");
        assert!(
            told.contains("n2 n3 run with another data folder") && told.contains("1 of 3 voters can be whole (n1)")
        );
        lost_disks.asked(NodeId(3), folder(3));
        assert_eq!(lost_disks.verdict(), None, "n3 has its old folder again");
    }

    #[test]
    fn nodes_that_are_all_quarantined_tell_it_each_other() {
        let lost_disks = LostDisks::new((NodeId(1), folder(11)), MembershipView::new(Vec::new(), None), Some(voters()));
        assert_eq!(lost_disks.verdict(), None);
        lost_disks.asked(NodeId(2), folder(22));
        lost_disks.asked(NodeId(3), folder(33));
        assert!(lost_disks.verdict().is_some_and(|told| told.contains("0 of 3 voters can be whole (none)")));
    }
}
