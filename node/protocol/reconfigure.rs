//! Changes of the member list, one member at a time (Raft thesis, chapter 4), and their effect on a leader.
//!
//! 1. The new list is an entry like any other. It is in force at once, before it is committed, until it is truncated.
//! 2. The leader appends no list before an entry of its own epoch is committed. Otherwise two leaders could each
//!    append a different list after the same old one, and the two lists have quorums without a common voter. It also
//!    appends none before the last one is committed.
//! 3. A new member receives everything as a learner. It counts in no quorum until it has caught up and is promoted.
//! 4. A vote is never refused because the candidate is not in the voter's list: that list may be the older one.
//! 5. A leader that is no voter of its own list (it inherited its removal) does not count itself, and steps down once
//!    that list is committed. A leader that is asked to remove itself transfers leadership first.
//! 6. A removed replica is pushed to until it has the commit order for its removal, but for a limited time only.

use crate::core::Core;
use crate::entry::{Entry, Kind};
use crate::io::{Answer, Output, Refusal};
use crate::membership::{MEMBERS_MAX, Member, MemberChange, MemberKind, Membership};
use crate::role::{Leader, Progress, Role};
use crate::trace::{Fact, MemberIds};
use crate::types::{EntryId, Incarnation, LogPoint, NodeId, Position, RequestId, reach};

/// The number of election timeouts during which a removed replica without an answer is pushed to.
const REMOVED_TIMEOUTS: u64 = 5;

impl Core {
    /// The voters: those of the list in force, or those of the command line until there is a list.
    pub(super) fn voters(&self) -> impl Iterator<Item = NodeId> {
        let listed = self.members().map(|listed| listed.membership.voters().map(|member| member.id));
        let named = self.members().is_none().then(|| self.config.voters.iter().map(|(id, _)| *id));
        listed.into_iter().flatten().chain(named.into_iter().flatten())
    }

    /// The voters except this node.
    pub(super) fn other_voters(&self) -> Vec<NodeId> {
        self.voters().filter(|voter| *voter != self.config.id).collect()
    }

    /// The number of voters that form a majority.
    pub(super) fn quorum(&self) -> usize {
        self.voters().count() / 2 + 1
    }

    /// Whether this node, with this data folder, is a voter of the list in force.
    pub(super) fn is_voter(&self) -> bool {
        match self.members() {
            Some(listed) => listed.membership.is_voter(self.config.id, self.config.incarnation),
            None => self.config.voters.iter().any(|(id, _)| *id == self.config.id),
        }
    }

    /// What this node adds to a count of voters: 1, or 0 if it is none.
    pub(super) fn own_vote(&self) -> usize {
        usize::from(self.is_voter())
    }

    /// Whether this node may lead: it is a voter, or was one before a removal that is not known to be committed. In
    /// that case it may be the only node with that entry, and is needed to commit it.
    pub(super) fn may_lead(&self) -> bool {
        let removed_lately = || {
            let earlier = self.lists.earlier().map(|listed| &listed.membership);
            !self.list_is_committed()
                && earlier.is_some_and(|list| list.is_voter(self.config.id, self.config.incarnation))
        };
        self.is_voter() || removed_lately()
    }

    /// Whether the entry of the list in force is committed.
    fn list_is_committed(&self) -> bool {
        let committed = reach(self.committed);
        self.members().is_none_or(|listed| listed.position.0 <= committed)
    }

    /// The founders' list, while the first change of it is not committed. Until then commits need a majority of the
    /// founders too.
    pub(super) fn founders_required(&self) -> Option<&Membership> {
        let founders = self.lists.earlier().filter(|earlier| earlier.position == Position::FIRST);
        founders.filter(|_| !self.list_is_committed()).map(|listed| &listed.membership)
    }

    /// Whether the node is in the list in force, or is pushed to.
    pub(super) fn is_known_peer(&self, node: NodeId) -> bool {
        match self.members() {
            Some(listed) => listed.membership.member(node).is_some() || self.has_progress_of(node),
            None => self.config.voters.iter().any(|(id, _)| *id == node),
        }
    }

    /// Whether this node leads and has a progress record of the other.
    fn has_progress_of(&self, node: NodeId) -> bool {
        matches!(&self.role, Role::Leader(leader) if leader.replicas.contains_key(&node))
    }

    /// Whether this leader pushes to the node only so that it learns of its removal. Its epoch must not depose the
    /// leader. The epoch of a founder without which the removal may not be committed does count.
    pub(super) fn is_removed_replica(&self, node: NodeId) -> bool {
        let is_listed = |list: &Membership| list.member(node).is_some();
        let is_asked = self.founders_required().is_some_and(is_listed);
        self.has_progress_of(node) && !is_asked && !self.members().is_some_and(|listed| is_listed(&listed.membership))
    }

    /// The data folder with which a node counts here.
    pub(super) fn incarnation_of(&self, node: NodeId) -> Option<Incarnation> {
        let listed = self.members().and_then(|listed| listed.membership.member(node)).map(|member| member.incarnation);
        listed.or_else(|| match &self.role {
            Role::Candidate(candidate) => candidate.founders.get(&node).map(|founder| founder.incarnation),
            Role::Leader(leader) => leader.replicas.get(&node).map(|progress| progress.incarnation),
            Role::Follower(_) | Role::PreCandidate(_) => None,
        })
    }

    /// Updates the lists for a truncation after `keep` and for appended entries. Returns whether another list is in
    /// force. Called in the step that changes the log, before the entries are stored.
    pub(super) fn update_lists(&mut self, keep: Option<Option<LogPoint>>, entries: &[Entry]) -> bool {
        let before = self.lists.current().map(|listed| (listed.id, listed.position));
        if let Some(keep) = keep {
            self.lists.truncate_after(reach(keep));
        }
        entries.iter().for_each(|entry| self.lists.append(entry));
        self.lists.current().map(|listed| (listed.id, listed.position)) != before
    }

    /// The members as watchers see them.
    pub(super) fn member_ids(&self) -> Option<MemberIds> {
        let listed = self.members()?;
        let (voters, learners) = (listed.membership.voters(), listed.membership.learners());
        Some(MemberIds {
            at: listed.id,
            voters: voters.map(|member| member.id).collect(),
            learners: learners.map(|member| member.id).collect(),
        })
    }

    /// Another list is in force: watchers and the host learn of it, and a leader updates its progress records.
    pub(super) fn on_list_changed(&mut self) {
        let ids = self.member_ids();
        if let (Some(listed), Some(MemberIds { at, voters, learners })) = (self.members().cloned(), ids) {
            self.trace(|| Fact::MembersSet { at, voters, learners });
            self.output(Output::Members(listed));
        }
        self.update_replicas();
    }

    /// Updates the leader's progress records: one for each member of the list, and for a limited time for removed
    /// ones.
    pub(super) fn update_replicas(&mut self) {
        let (now, me, last) = (self.now, self.config.id, self.log.last());
        let leaves = now.plus_micros(self.config.election_timeout_micros * REMOVED_TIMEOUTS);
        let founders = self.founders_required().cloned();
        let Some(listed) = self.lists.current() else { return };
        let Role::Leader(leader) = &mut self.role else { return };
        // No node has the entry that founds the cluster. Of any other start, the first answer shows what the replica
        // has.
        let sent = last.filter(|_| leader.opening > Position::FIRST);
        for member in listed.membership.members.iter().filter(|member| member.id != me) {
            match leader.replicas.get_mut(&member.id) {
                Some(known) if known.incarnation == member.incarnation => {
                    (known.kind, known.leaves) = (Some(member.kind), None);
                }
                // Another data folder of this id has none of the entries that the old one acked.
                _ => _ = leader.replicas.insert(member.id, Progress::new(member, sent, now)),
            }
        }
        // A founder that is about to be removed may be needed to commit its removal.
        for founder in founders.iter().flat_map(Membership::voters).filter(|founder| founder.id != me) {
            leader.replicas.entry(founder.id).or_insert_with(|| Progress::new(founder, sent, now));
        }
        for (id, progress) in &mut leader.replicas {
            if listed.membership.member(*id).is_none() {
                progress.kind = None;
                progress.leaves = progress.leaves.or(Some(leaves));
            }
        }
    }

    /// Removes the records of removed replicas that know of their removal, or had enough time to learn of it.
    pub(super) fn drop_removed_replicas(&mut self) {
        let now = self.now;
        let Some(position) = self.members().map(|listed| listed.position.0) else { return };
        if self.founders_required().is_some() {
            return;
        }
        let Role::Leader(leader) = &mut self.role else { return };
        leader
            .replicas
            .retain(|_, progress| progress.leaves.is_none_or(|leaves| now < leaves && progress.finalized < position));
    }

    /// A change of members: appended as an entry, forwarded, refused, or answered `Done` if it changes nothing.
    pub(super) fn on_change_members(&mut self, request: RequestId, change: MemberChange) {
        if !matches!(self.role, Role::Leader(_)) {
            let answer = self.leader().map_or(Answer::Refused(Refusal::NoLeader), Answer::Forward);
            return self.answer(request, answer);
        }
        if change == MemberChange::Remove(self.config.id) && self.voters().count() > 1 {
            return self.transfer_before_removal(request);
        }
        match self.may_change().and_then(|()| self.list_after(&change)) {
            Ok(Some(list)) => {
                self.trace_change(&change);
                let point = self.append_list(&list);
                if let Role::Leader(leader) = &mut self.role {
                    leader.writes.push_back((point, request));
                }
            }
            Ok(None) => self.answer(request, Answer::Done),
            Err(refusal) => self.answer(request, Answer::Refused(refusal)),
        }
    }

    /// Whether the leader may append a list now: rule 2, and no transfer in progress.
    pub(super) fn may_change(&self) -> Result<(), Refusal> {
        let Role::Leader(leader) = &self.role else { return Err(Refusal::NoLeader) };
        if self.committed.is_none_or(|committed| committed.position < leader.opening) {
            return Err(Refusal::NotSettled);
        }
        if !self.list_is_committed() {
            return Err(Refusal::ChangeUnderWay);
        }
        if leader.transfer.is_some() {
            return Err(Refusal::TransferUnderWay);
        }
        Ok(())
    }

    /// The list after the change. `None` if the change has no effect; an error if it is refused.
    fn list_after(&self, change: &MemberChange) -> Result<Option<Membership>, Refusal> {
        let (Role::Leader(leader), Some(listed)) = (&self.role, self.members()) else { return Err(Refusal::NoLeader) };
        let mut list = listed.membership.clone();
        match change {
            MemberChange::Add(new) => {
                let Some(member) = self.member_to_add(leader, new)? else { return Ok(None) };
                list.members.retain(|known| known.id != member.id);
                list.members.push(member);
                list.members.sort();
            }
            MemberChange::Promote(id) => {
                let known = list.members.iter_mut().find(|known| known.id == *id).ok_or(Refusal::NoMember)?;
                if known.kind == MemberKind::Voter {
                    return Ok(None);
                }
                let progress = leader.replicas.get(id).filter(|progress| self.has_caught_up(progress));
                progress.ok_or(Refusal::NotCaughtUp)?;
                known.kind = MemberKind::Voter;
            }
            MemberChange::Remove(id) => {
                list.member(*id).ok_or(Refusal::NoMember)?;
                list.members.retain(|known| known.id != *id);
            }
        }
        self.check_live_majority(leader, &list)?;
        Ok(Some(list))
    }

    /// The member as which a node is added: a learner, unless it is known with this very data folder. `None` if
    /// nothing changes.
    fn member_to_add(&self, leader: &Leader, new: &Member) -> Result<Option<Member>, Refusal> {
        let list = self.members().map(|listed| &listed.membership);
        let learner = if new.kind == MemberKind::Learner { MemberKind::Learner } else { MemberKind::Joining };
        match list.and_then(|list| list.member(new.id)) {
            Some(known) if known.incarnation == new.incarnation => {
                Ok((known.address != new.address).then(|| Member { kind: known.kind, ..new.clone() }))
            }
            Some(_) if new.id == self.config.id => Err(Refusal::IdInUse),
            Some(_) if leader.replicas.get(&new.id).is_some_and(|known| self.is_live(known)) => Err(Refusal::IdInUse),
            None if list.is_some_and(|list| list.members.len() >= MEMBERS_MAX) => Err(Refusal::TooManyMembers),
            _ => Ok(Some(Member { kind: learner, ..new.clone() })),
        }
    }

    /// A change must leave voters, and a majority of them must be live: otherwise it would stop the cluster.
    fn check_live_majority(&self, leader: &Leader, list: &Membership) -> Result<(), Refusal> {
        let voters: Vec<&Member> = list.voters().collect();
        if voters.is_empty() {
            return Err(Refusal::LastVoter);
        }
        let is_live = |member: &&&Member| {
            let known = leader.replicas.get(&member.id).filter(|known| known.incarnation == member.incarnation);
            member.id == self.config.id || known.is_some_and(|known| self.is_live(known))
        };
        let live = voters.iter().filter(is_live).count();
        if live > voters.len() / 2 { Ok(()) } else { Err(Refusal::QuorumAtRisk) }
    }

    /// Whether the replica was heard within an election timeout.
    pub(super) fn is_live(&self, progress: &Progress) -> bool {
        self.now < progress.heard.plus_micros(self.config.election_timeout_micros)
    }

    /// Whether a learner can become a voter without stopping the cluster.
    fn has_caught_up(&self, progress: &Progress) -> bool {
        progress.matched.is_some() && self.is_nearly_caught_up(progress) && self.was_heard_recently(progress)
    }

    /// Whether the replica lacks at most what one push carries.
    pub(super) fn is_nearly_caught_up(&self, progress: &Progress) -> bool {
        reach(progress.matched) + self.config.limits.push_entries as u64 >= self.log.last_position()
    }

    /// Appends the list as an entry; returns its point.
    pub(super) fn append_list(&mut self, list: &Membership) -> LogPoint {
        let before = self.log.last();
        let epoch = self.epoch().expect("a leader has promised its epoch");
        let id = EntryId::next_in(epoch, before.map(|point| point.id));
        let entry = Entry::after(before, id, Kind::Members, list.encode());
        let point = entry.point();
        self.trace_proposed(std::slice::from_ref(&entry));
        self.append_and_push(vec![entry]);
        point
    }

    /// Traces a change that is about to be appended.
    fn trace_change(&mut self, change: &MemberChange) {
        match change {
            MemberChange::Add(Member { id, kind, incarnation, .. }) => {
                let (node, kind) = (*id, kind.name());
                // It is a member already; only its address changes.
                if self.members().is_some_and(|listed| listed.membership.contains(node, *incarnation)) {
                    return;
                }
                if self.incarnation_of(node).is_some_and(|known| known != *incarnation) {
                    self.trace(|| Fact::FolderReplaced { node });
                }
                self.trace(|| Fact::JoinAsked { node, kind: kind.into() });
            }
            MemberChange::Promote(node) => self.trace_promoted(*node),
            MemberChange::Remove(node) => {
                let node = *node;
                self.trace(|| Fact::Removed { node });
            }
        }
    }

    fn trace_promoted(&mut self, node: NodeId) {
        let Role::Leader(leader) = &self.role else { return };
        let matched = leader.replicas.get(&node).and_then(|progress| progress.matched).map(|point| point.id);
        let last = self.log.last().map(|point| point.id);
        self.trace(|| Fact::CaughtUp { node, matched, last });
        self.trace(|| Fact::Promoted { node });
    }

    /// Promotes a joining member that has caught up. Called with each heartbeat; no request is needed.
    pub(super) fn promote_caught_up(&mut self) {
        if self.may_change().is_err() {
            return;
        }
        let Role::Leader(leader) = &self.role else { return };
        let ready = |(_, progress): &(&NodeId, &Progress)| {
            progress.kind == Some(MemberKind::Joining) && self.has_caught_up(progress)
        };
        let Some((id, _)) = leader.replicas.iter().find(ready) else { return };
        let id = *id;
        if let Ok(Some(list)) = self.list_after(&MemberChange::Promote(id)) {
            self.trace_promoted(id);
            self.append_list(&list);
        }
    }

    /// Steps down once the list without this node as a voter is committed (rule 5).
    pub(super) fn step_down_if_removed(&mut self) {
        if !self.is_voter() && self.list_is_committed() {
            self.step_down(None);
        }
    }
}

impl Leader {
    /// The replicas that count in quorums.
    pub(super) fn voters(&self) -> impl Iterator<Item = (&NodeId, &Progress)> {
        self.replicas.iter().filter(|(_, progress)| progress.kind == Some(MemberKind::Voter))
    }
}
