//! What really is of member lists: which were committed, whose disks and votes a quorum was made of, and whether each node
//! goes by the last list of its log. Here a member is an id with its disk, which trace events do not tell apart.

use std::collections::BTreeSet;

use crate::protocol::trace::Fact;
use crate::protocol::{Entry, EntryId, Epoch, Incarnation, Listed, LogPoint, Member, Membership, NodeId};
use crate::verify::simulator::host::Host;
use crate::verify::simulator::plan::MemberWish;
use crate::verify::simulator::stats::Changes;
use crate::verify::simulator::truth::Truth;
use crate::verify::simulator::world::{Step, wrong};

impl Truth {
    /// The last list that was committed.
    pub(super) fn list(&self) -> Option<&Listed> {
        self.lists.last()
    }

    /// All that were committed, the founding first.
    pub(super) fn committed_lists(&self) -> &[Listed] {
        &self.lists
    }

    pub(super) fn changes(&self) -> Changes {
        self.changes
    }

    /// A list was committed: the quorums of any two that follow each other have a voter in common.
    pub(super) fn take_list(&mut self, host: &Host, listed: Listed) -> Step {
        if let Some(before) = self.lists.last() {
            let (one, other) = (&before.membership, &listed.membership);
            if one.cluster != other.cluster || voters(one).symmetric_difference(&voters(other)).count() > 1 {
                let text = format!("{} commits {listed:?} after {before:?}", host.id());
                return Err(wrong("lists that follow each other differ by one voter", text));
            }
            self.changes.count(one, other);
        }
        self.lists.push(listed);
        Ok(())
    }

    /// Somebody was told that a change is done.
    pub(super) fn is_listed(&self, point: LogPoint, node: NodeId, wish: MemberWish) -> Step {
        let listed = self.lists.iter().find(|listed| listed.id == point.id);
        let member = listed.and_then(|listed| listed.membership.member(node));
        let done = match wish {
            MemberWish::Remove => member.is_none(),
            MemberWish::Promote => {
                listed.is_some_and(|listed| listed.membership.voters().any(|voter| voter.id == node))
            }
            MemberWish::Join | MemberWish::Learn | MemberWish::Move => member.is_some(),
        };
        if listed.is_some() && done {
            return Ok(());
        }
        let text = format!("{wish:?} of {node} is confirmed as {point}, and committed there is {listed:?}");
        Err(wrong("confirmed is committed", text))
    }

    pub(super) fn on_fact(&mut self, hosts: &[Host], node: NodeId, fact: &Fact) -> Step {
        match fact {
            Fact::Committed { up_to, .. } => self.on_counted(hosts, node, *up_to),
            Fact::Elected { epoch, .. } => self.on_elected(&hosts[node.0 as usize - 1], *epoch),
            Fact::Counted { from, up_to: Some(up_to), .. } => self.on_match(hosts, node, *from, *up_to),
            Fact::CaughtUp { node: learner, matched, last } => {
                self.on_caught_up(hosts, node, *learner, matched.zip(*last))
            }
            _ => Ok(()),
        }
    }

    /// A leader commits by counting: a majority of its list's voters have it on the very disks that the list names.
    fn on_counted(&mut self, hosts: &[Host], node: NodeId, up_to: LogPoint) -> Step {
        self.counted = self.counted.max(up_to.position.0);
        let Some(list) = list_of(&hosts[node.0 as usize - 1]) else {
            return Err(wrong("committed is durable on a quorum", format!("{node} commits {up_to} without a list")));
        };
        let holds = |member: &&Member| hosts[member.id.0 as usize - 1].holds(member.incarnation, up_to);
        let (holders, voters) = (list.voters().filter(holds).count(), list.voters().count());
        if holders > voters / 2 {
            return Ok(());
        }
        let text = format!("{node} commits {up_to}, and {holders} disks of {voters} voters hold it: {list:?}");
        Err(wrong("committed is durable on a quorum", text))
    }

    /// A leader takes a member to have an entry: the disk that its list names has it. Nothing would be committed by such a mistake
    /// alone, since the entry that lists a new disk lies behind all that the old one has acked; but a disk that has nothing yet
    /// would be made a voter for what another one had. Whoever has left the leader's epoch may have cut it off since.
    fn on_match(&self, hosts: &[Host], leader: NodeId, node: NodeId, up_to: LogPoint) -> Step {
        let leading = &hosts[leader.0 as usize - 1];
        let epoch = leading.core.as_ref().and_then(|core| core.epoch());
        let Some(member) = list_of(leading).and_then(|list| list.member(node)) else { return Ok(()) };
        let host = &hosts[node.0 as usize - 1];
        if host.holds(member.incarnation, up_to) || host.promised(member.incarnation) > epoch {
            return Ok(());
        }
        let text = format!("{leader} takes {node} to have {up_to}, and its disk has not: {member:?}");
        Err(wrong("what is counted is on the disk that the list names", text))
    }

    /// Whoever is made a voter lacks no more than one push.
    fn on_caught_up(&self, hosts: &[Host], leader: NodeId, learner: NodeId, ends: Option<(EntryId, EntryId)>) -> Step {
        let host = &hosts[leader.0 as usize - 1];
        let places = ends.and_then(|(matched, last)| self.place(host, matched).zip(self.place(host, last)));
        let lacks = places.map(|(matched, last)| last.position.0.saturating_sub(matched.position.0));
        if lacks.is_some_and(|lacks| lacks <= host.config.limits.push_entries as u64) {
            return places.map_or(Ok(()), |(matched, _)| self.on_match(hosts, leader, learner, matched));
        }
        let text = format!(
            "{leader} makes {learner} a voter, which has {ends:?} (what it has, the last): {lacks:?} are missing"
        );
        Err(wrong("a voter is made of whoever has caught up", text))
    }

    /// Where an entry of a node's log stands; what it has given up was committed.
    fn place(&self, host: &Host, id: EntryId) -> Option<LogPoint> {
        let written = host.disk.written().entries.iter().rev().find(|entry| entry.id == id).map(Entry::point);
        written.or_else(|| self.by_id(id))
    }

    /// A leader has the votes of a majority of its list, cast with the disks that the list names.
    fn on_elected(&self, host: &Host, epoch: Epoch) -> Step {
        let Some(list) = list_of(host) else { return Ok(()) };
        let own = (host.id(), host.config.incarnation);
        let votes = self.votes.get(&(epoch, host.id()));
        let voted = |voter: &&(NodeId, Incarnation)| **voter == own || votes.is_some_and(|votes| votes.contains(voter));
        let voters = voters(list);
        let count = voters.iter().filter(voted).count();
        if count > voters.len() / 2 {
            return Ok(());
        }
        let text = format!("{} leads {epoch} with the votes {votes:?} of {voters:?}", host.id());
        Err(wrong("elected by a quorum of voters", text))
    }

    /// The list that counts at a node is the last one of its log.
    pub(super) fn check_list(&self, host: &Host) -> Step {
        let Some(core) = &host.core else { return Ok(()) };
        let lists = host.disk.written().lists();
        if core.members() == lists.current() {
            return Ok(());
        }
        let text = format!("{} goes by {:?}, and its log has {:?}", host.id(), core.members(), lists.current());
        Err(wrong("the last list of the log counts", text))
    }
}

fn list_of(host: &Host) -> Option<&Membership> {
    host.core.as_ref().and_then(|core| core.members()).map(|listed| &listed.membership)
}

fn voters(list: &Membership) -> BTreeSet<(NodeId, Incarnation)> {
    list.voters().map(|member| (member.id, member.incarnation)).collect()
}
