//! Members whose data folders are lost, as far as this node knows: those that ask to be added with another folder than
//! the member list names.
//!
//! When a majority of the voters' folders is lost, no leader can be elected and no node can be added. People must
//! decide then: the node reports it, and never founds a new cluster over data that may still exist.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::membership::view::MembershipView;
use crate::protocol::{Incarnation, Member, MemberKind, NodeId};
use crate::wire::refusal::DisksLost;

/// How long a request to be added counts. A node that still needs it asks again much sooner.
const REQUEST_LIFETIME: Duration = Duration::from_secs(30);

/// The lost folders. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct LostDisks {
    me: (NodeId, Incarnation),
    membership: MembershipView,
    /// The members by the quarantined log, until there is a new list.
    former: Arc<[Member]>,
    /// The folder with which a node last asked to be added, and when. Bound: only members are stored.
    asked: Arc<Mutex<BTreeMap<NodeId, (Incarnation, Instant)>>>,
}

impl LostDisks {
    pub(crate) fn new(me: (NodeId, Incarnation), membership: MembershipView, former: Option<Vec<Member>>) -> LostDisks {
        LostDisks { me, membership, former: former.unwrap_or_default().into(), asked: Arc::default() }
    }

    /// Notes that a node has asked to be added with this folder.
    pub(crate) fn asked(&self, node: NodeId, incarnation: Incarnation) {
        let listed = self.members().iter().any(|member| member.id == node);
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if listed {
            asked.insert(node, (incarnation, Instant::now()));
        }
    }

    /// The lost and the intact data folders, if too few are intact.
    pub(crate) fn verdict(&self) -> Option<DisksLost> {
        let members = self.members();
        let voters: Vec<&Member> = members.iter().filter(|member| member.kind == MemberKind::Voter).collect();
        let (lost, intact): (Vec<&Member>, Vec<&Member>) = voters.iter().partition(|voter| self.is_lost(voter));
        let ids = |members: &[&Member]| members.iter().map(|member| member.id).collect();
        let is_quorum = intact.len() > voters.len() / 2;
        (!lost.is_empty() && !is_quorum).then(|| DisksLost {
            lost: ids(&lost),
            whole: ids(&intact),
            voters: voters.len() as u64,
        })
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
        asked.get(&voter.id).is_some_and(|(with, when)| *with != voter.incarnation && when.elapsed() < REQUEST_LIFETIME)
    }
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
        let list = Listed { id: EntryId::new(1, 0), position: Position(1), membership: Membership::founding(voters()) };
        MembershipView::new(Vec::new(), Some(list))
    }

    #[test]
    fn a_lost_quorum_is_reported_and_one_lost_disk_is_not() {
        let lost_disks = LostDisks::new((NodeId(1), folder(1)), membership(), None);
        assert_eq!(lost_disks.verdict(), None);
        lost_disks.asked(NodeId(2), folder(22));
        lost_disks.asked(NodeId(3), folder(3));
        lost_disks.asked(NodeId(9), folder(9));
        assert_eq!(lost_disks.verdict(), None, "two of three are intact");
        lost_disks.asked(NodeId(3), folder(33));
        let verdict = DisksLost { lost: vec![NodeId(2), NodeId(3)], whole: vec![NodeId(1)], voters: 3 };
        assert_eq!(lost_disks.verdict(), Some(verdict.clone()), "one of three is left");
        let told = verdict.to_string();
        assert!(
            told.contains("n2 n3 run with another data folder") && told.contains("1 of 3 voters can be intact (n1)")
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
        let verdict = lost_disks.verdict().expect("none is intact").to_string();
        assert!(verdict.contains("0 of 3 voters can be intact (none)"), "{verdict}");
    }
}
