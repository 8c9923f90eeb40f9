//! Changing who belongs to the cluster, one server at a time (Raft thesis ch. 4), and what a change means to a leader.
//!
//! 1. The new list is an entry like any other. It counts at once, also before it is committed, and no more once
//!    truncated.
//! 2. The leader appends none before an entry of its own epoch is committed (else two leaders could each append another
//!    list to the same old one, and the two have quorums without a common voter), and none before the last one is
//!    committed.
//! 3. A new member gets everything as a learner. It counts in no quorum until it has caught up and is promoted.
//! 4. Nobody is refused a vote because a list does not have it: the voter's list may be the older one.
//! 5. A leader that is no voter of its own list (it inherited its removal) does not count itself, and steps down once
//!    that list is committed. One that is asked to remove itself hands over first.
//! 6. A removed replica is pushed to until it has the order for its removal, and not much longer.

use crate::core::Core;
use crate::entry::{Entry, Kind};
use crate::io::{Answer, Output, Refusal};
use crate::membership::{MEMBERS_MAX, Member, MemberChange, MemberKind, Membership};
use crate::role::{Leader, Progress, Role};
use crate::trace::{Fact, MemberIds};
use crate::types::{EntryId, Incarnation, LogPoint, NodeId, Position, RequestId, reach};

/// A removed replica that does not answer is pushed to for so many election timeouts.
const FAREWELL_TIMEOUTS: u64 = 5;

impl Core {
    /// The voters: those of the log's member list, or the command line's until there is one.
    pub(super) fn voters(&self) -> impl Iterator<Item = NodeId> {
        let listed = self.members().map(|listed| listed.membership.voters().map(|member| member.id));
        let named = self.members().is_none().then(|| self.config.voters.iter().map(|(id, _)| *id));
        listed.into_iter().flatten().chain(named.into_iter().flatten())
    }

    pub(super) fn other_voters(&self) -> Vec<NodeId> {
        self.voters().filter(|voter| *voter != self.config.id).collect()
    }

    /// How many voters make a majority.
    pub(super) fn quorum(&self) -> usize {
        self.voters().count() / 2 + 1
    }

    /// Whether this node, with this data folder, is a voter.
    pub(super) fn is_voter(&self) -> bool {
        match self.members() {
            Some(listed) => listed.membership.is_voter(self.config.id, self.config.incarnation),
            None => self.config.voters.iter().any(|(id, _)| *id == self.config.id),
        }
    }

    /// How much this node adds to a count of voters.
    pub(super) fn own_share(&self) -> usize {
        usize::from(self.is_voter())
    }

    /// Whether this node may lead. One that was removed by an entry that is not known to be committed still may:
    /// perhaps nobody else has that entry, and it is needed to commit it.
    pub(super) fn may_lead(&self) -> bool {
        let removed_lately = || {
            let earlier = self.lists.earlier().map(|listed| &listed.membership);
            !self.list_is_committed()
                && earlier.is_some_and(|list| list.is_voter(self.config.id, self.config.incarnation))
        };
        self.is_voter() || removed_lately()
    }

    fn list_is_committed(&self) -> bool {
        let committed = reach(self.committed);
        self.members().is_none_or(|listed| listed.position.0 <= committed)
    }

    /// The founders' list, while the first change of it is not committed: until then a majority of them is needed, too.
    pub(super) fn founders_asked(&self) -> Option<&Membership> {
        let founders = self.lists.earlier().filter(|earlier| earlier.position == Position::FIRST);
        founders.filter(|_| !self.list_is_committed()).map(|listed| &listed.membership)
    }

    /// Whether this node has the other one in its list, or pushes to it.
    pub(super) fn knows(&self, node: NodeId) -> bool {
        match self.members() {
            Some(listed) => listed.membership.member(node).is_some() || self.pushes_to(node),
            None => self.config.voters.iter().any(|(id, _)| *id == node),
        }
    }

    fn pushes_to(&self, node: NodeId) -> bool {
        matches!(&self.role, Role::Leader(leader) if leader.replicas.contains_key(&node))
    }

    /// Whether this node leads, and pushes to the other one only so that it hears of its removal: its epoch counts for
    /// nothing. That of a founder without whom the removal may not be committed counts.
    pub(super) fn is_leaving(&self, node: NodeId) -> bool {
        let is_listed = |list: &Membership| list.member(node).is_some();
        let is_asked = self.founders_asked().is_some_and(is_listed);
        self.pushes_to(node) && !is_asked && !self.members().is_some_and(|listed| is_listed(&listed.membership))
    }

    /// The data folder with which a node counts here.
    pub(super) fn incarnation_of(&self, node: NodeId) -> Option<Incarnation> {
        let listed = self.members().and_then(|listed| listed.membership.member(node)).map(|member| member.incarnation);
        listed.or_else(|| match &self.role {
            Role::Candidate(candidate) => candidate.incarnations.get(&node).copied(),
            Role::Leader(leader) => leader.replicas.get(&node).map(|progress| progress.incarnation),
            Role::Follower(_) | Role::PreCandidate(_) => None,
        })
    }

    /// Entries are about to follow `keep`, if the log is cut there. True if another list counts then.
    pub(super) fn note_lists(&mut self, keep: Option<Option<LogPoint>>, entries: &[Entry]) -> bool {
        let before = self.lists.current().map(|listed| (listed.id, listed.position));
        if let Some(keep) = keep {
            self.lists.truncate_after(reach(keep));
        }
        entries.iter().for_each(|entry| self.lists.append(entry));
        self.lists.current().map(|listed| (listed.id, listed.position)) != before
    }

    /// The members as a watcher sees them.
    pub(super) fn member_ids(&self) -> Option<MemberIds> {
        let listed = self.members()?;
        let (voters, learners) = (listed.membership.voters(), listed.membership.learners());
        Some(MemberIds {
            at: listed.id,
            voters: voters.map(|member| member.id).collect(),
            learners: learners.map(|member| member.id).collect(),
        })
    }

    pub(super) fn on_list_changed(&mut self) {
        let ids = self.member_ids();
        if let (Some(listed), Some(MemberIds { at, voters, learners })) = (self.members().cloned(), ids) {
            self.trace(|| Fact::MembersSet { at, voters, learners });
            self.output(Output::Members(listed));
        }
        self.follow_list();
    }

    /// The leader pushes to all members of its list, and for a while to those that were removed.
    pub(super) fn follow_list(&mut self) {
        let (now, me, last) = (self.now, self.config.id, self.log.last());
        let leaves = now.plus_micros(self.config.election_timeout_micros * FAREWELL_TIMEOUTS);
        let founders = self.founders_asked().cloned();
        let Some(listed) = self.lists.current() else { return };
        let Role::Leader(leader) = &mut self.role else { return };
        // Nobody has the entry that founds the cluster; of anybody else its answer tells what it has.
        let sent = last.filter(|_| leader.opening > Position::FIRST);
        for member in listed.membership.members.iter().filter(|member| member.id != me) {
            match leader.replicas.get_mut(&member.id) {
                Some(known) if known.incarnation == member.incarnation => {
                    (known.kind, known.leaves) = (Some(member.kind), None);
                }
                // Whatever another data folder of this id had, this one has not.
                _ => _ = leader.replicas.insert(member.id, Progress::new(member, sent, now)),
            }
        }
        // A founder that is about to be removed may be needed to commit that.
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

    /// Those that were removed and know it, or have had time enough to hear of it, are pushed to no longer.
    pub(super) fn part_with_removed(&mut self) {
        let now = self.now;
        let Some(position) = self.members().map(|listed| listed.position.0) else { return };
        if self.founders_asked().is_some() {
            return;
        }
        let Role::Leader(leader) = &mut self.role else { return };
        leader
            .replicas
            .retain(|_, progress| progress.leaves.is_none_or(|leaves| now < leaves && progress.finalized < position));
    }

    pub(super) fn on_change_members(&mut self, request: RequestId, change: MemberChange) {
        if !matches!(self.role, Role::Leader(_)) {
            let answer = self.leader().map_or(Answer::Refused(Refusal::NoLeader), Answer::Forward);
            return self.answer(request, answer);
        }
        if change == MemberChange::Remove(self.config.id) && self.voters().count() > 1 {
            return self.hand_over_to_leave(request);
        }
        match self.may_change().and_then(|()| self.changed(&change)) {
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

    /// Whether the leader may append a list now.
    fn may_change(&self) -> Result<(), Refusal> {
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

    /// The list after the change; `None` if it is so already.
    fn changed(&self, change: &MemberChange) -> Result<Option<Membership>, Refusal> {
        let (Role::Leader(leader), Some(listed)) = (&self.role, self.members()) else { return Err(Refusal::NoLeader) };
        let mut list = listed.membership.clone();
        match change {
            MemberChange::Add(new) => {
                let Some(member) = self.added(leader, new)? else { return Ok(None) };
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
        self.keeps_going(leader, &list)?;
        Ok(Some(list))
    }

    /// The member as which a node is taken up: a learner, unless it was known with this very data folder.
    fn added(&self, leader: &Leader, new: &Member) -> Result<Option<Member>, Refusal> {
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

    /// A change must leave voters, and a majority of them must have been heard.
    fn keeps_going(&self, leader: &Leader, list: &Membership) -> Result<(), Refusal> {
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

    pub(super) fn is_live(&self, progress: &Progress) -> bool {
        self.now < progress.heard.plus_micros(self.config.election_timeout_micros)
    }

    fn has_caught_up(&self, progress: &Progress) -> bool {
        progress.matched.is_some() && self.lacks_little(progress) && self.was_heard_lately(progress)
    }

    /// It has everything but what is on its way.
    pub(super) fn lacks_little(&self, progress: &Progress) -> bool {
        reach(progress.matched) + self.config.limits.push_entries as u64 >= self.log.last_position()
    }

    /// The new list becomes an entry; gives its place.
    fn append_list(&mut self, list: &Membership) -> LogPoint {
        let before = self.log.last();
        let epoch = self.epoch().expect("a leader has promised its epoch");
        let id = EntryId::next_in(epoch, before.map(|point| point.id));
        let entry = Entry::after(before, id, Kind::Members, list.encode());
        let point = entry.point();
        self.trace_proposed(std::slice::from_ref(&entry));
        self.write(vec![entry]);
        point
    }

    fn trace_change(&mut self, change: &MemberChange) {
        match change {
            MemberChange::Add(Member { id, kind, incarnation, .. }) => {
                let (node, kind) = (*id, kind.name());
                // It is a member, and only listens elsewhere now.
                if self.members().is_some_and(|listed| listed.membership.lists(node, *incarnation)) {
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

    /// A joining member that has caught up becomes a voter, without anybody asking.
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
        if let Ok(Some(list)) = self.changed(&MemberChange::Promote(id)) {
            self.trace_promoted(id);
            self.append_list(&list);
        }
    }

    /// A leader that its committed list does not have as a voter has nothing to lead any more.
    pub(super) fn leave_office(&mut self) {
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
