//! The oracle's part about membership: which member lists were committed, whose disks and votes a quorum consisted of,
//! and whether each node goes by the last list of its log. A member is here an id together with the incarnation of its
//! disk; trace events do not tell incarnations apart.

use std::collections::BTreeSet;

use crate::protocol::trace::Fact;
use crate::protocol::{Entry, EntryId, Epoch, Incarnation, Listed, LogPoint, Member, Membership, NodeId};
use crate::verify::host::{Checked, Host};
use crate::verify::invariants::Violation;
use crate::verify::simulator::machine::Machine;
use crate::verify::simulator::oracle::Oracle;
use crate::verify::simulator::plan::MemberRequest;
use crate::verify::simulator::stats::Changes;

impl Oracle {
    /// The last list that was committed.
    pub(super) fn list(&self) -> Option<&Listed> {
        self.lists.last()
    }

    /// Every list that was committed, the founding one first.
    pub(super) fn committed_lists(&self) -> &[Listed] {
        &self.lists
    }

    pub(super) fn changes(&self) -> Changes {
        self.changes
    }

    /// A list was committed. It differs by at most one voter from the one before, so that any quorums of the two share
    /// a voter.
    pub(super) fn on_list_committed(&mut self, host: &Host, listed: Listed) -> Checked {
        if let Some(before) = self.lists.last() {
            let (one, other) = (&before.membership, &listed.membership);
            if one.cluster != other.cluster || voters(one).symmetric_difference(&voters(other)).count() > 1 {
                let text = format!("{} commits {listed:?} after {before:?}", host.id());
                return Err(Violation::of("consecutive member lists differ by one voter", text));
            }
            self.changes.count(one, other);
        }
        self.lists.push(listed);
        Ok(())
    }

    /// An operator got the answer that its change is done.
    pub(super) fn check_listed(&self, point: LogPoint, node: NodeId, request: MemberRequest) -> Checked {
        let listed = self.lists.iter().find(|listed| listed.id == point.id);
        let member = listed.and_then(|listed| listed.membership.member(node));
        let done = match request {
            MemberRequest::Remove => member.is_none(),
            MemberRequest::Promote => {
                listed.is_some_and(|listed| listed.membership.voters().any(|voter| voter.id == node))
            }
            MemberRequest::Join | MemberRequest::Learn | MemberRequest::Move => member.is_some(),
        };
        if listed.is_some() && done {
            return Ok(());
        }
        let text = format!("{request:?} of {node} is confirmed as {point}, but {listed:?} is committed there");
        Err(Violation::of("confirmed is committed", text))
    }

    pub(super) fn on_fact(&mut self, machines: &[Machine], node: NodeId, fact: &Fact) -> Checked {
        match fact {
            Fact::Committed { up_to, .. } => self.on_counted(machines, node, *up_to),
            Fact::Elected { epoch, .. } => self.on_elected(&machines[node.0 as usize - 1].host, *epoch),
            Fact::Counted { from, up_to: Some(up_to), .. } => self.on_match(machines, node, *from, *up_to),
            Fact::CaughtUp { node: learner, matched, last } => {
                self.on_caught_up(machines, node, *learner, matched.zip(*last))
            }
            _ => Ok(()),
        }
    }

    /// A leader commits by counting: the entry is on the disks of a majority of its list's voters, and these are the
    /// disks that the list names.
    fn on_counted(&mut self, machines: &[Machine], node: NodeId, up_to: LogPoint) -> Checked {
        self.counted = self.counted.max(up_to.position.0);
        let Some(list) = list_of(&machines[node.0 as usize - 1].host) else {
            return Err(Violation::of(
                "committed is durable on a quorum",
                format!("{node} commits {up_to} without a list"),
            ));
        };
        let holds = |member: &&Member| machines[member.id.0 as usize - 1].holds(member.incarnation, up_to);
        let (holders, voters) = (list.voters().filter(holds).count(), list.voters().count());
        if holders > voters / 2 {
            return Ok(());
        }
        let text = format!("{node} commits {up_to}, which is on {holders} disks of {voters} voters: {list:?}");
        Err(Violation::of("committed is durable on a quorum", text))
    }

    /// A leader believes that a member has an entry: the disk that its list names has it. A mistake here would not
    /// commit anything by itself, since the entry that lists a new disk comes after all entries that the old disk has
    /// acked. But a disk that has nothing yet would be promoted for what another disk had. A member that has left the
    /// leader's epoch may have truncated the entry since.
    fn on_match(&self, machines: &[Machine], leader: NodeId, node: NodeId, up_to: LogPoint) -> Checked {
        let leading = &machines[leader.0 as usize - 1].host;
        let epoch = leading.running().and_then(|core| core.epoch());
        let Some(member) = list_of(leading).and_then(|list| list.member(node)) else { return Ok(()) };
        let machine = &machines[node.0 as usize - 1];
        if machine.holds(member.incarnation, up_to) || machine.promised(member.incarnation) > epoch {
            return Ok(());
        }
        let text = format!("{leader} counts {up_to} for {node}, whose disk does not have it: {member:?}");
        Err(Violation::of("counted acks are on the listed disk", text))
    }

    /// A node that is promoted to a voter lacks at most the entries of one push.
    fn on_caught_up(
        &self,
        machines: &[Machine],
        leader: NodeId,
        learner: NodeId,
        ends: Option<(EntryId, EntryId)>,
    ) -> Checked {
        let host = &machines[leader.0 as usize - 1].host;
        let ends_found = ends.and_then(|(matched, last)| self.find(host, matched).zip(self.find(host, last)));
        let lacks = ends_found.map(|(matched, last)| last.position.0.saturating_sub(matched.position.0));
        if lacks.is_some_and(|lacks| lacks <= host.config.limits.push_entries as u64) {
            return ends_found.map_or(Ok(()), |(matched, _)| self.on_match(machines, leader, learner, matched));
        }
        let text = format!("{leader} promotes {learner}, whose log is {ends:?} (stored, last); it lacks {lacks:?}");
        Err(Violation::of("only a node that has caught up becomes a voter", text))
    }

    /// The entry of this id in a node's log. An entry that was compacted away was committed.
    fn find(&self, host: &Host, id: EntryId) -> Option<LogPoint> {
        let written = host.disk.written().entries.iter().rev().find(|entry| entry.id == id).map(Entry::point);
        written.or_else(|| self.by_id(id))
    }

    /// A new leader has the votes of a majority of its list, cast with the disks that the list names.
    fn on_elected(&self, host: &Host, epoch: Epoch) -> Checked {
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
        Err(Violation::of("elected by a quorum of voters", text))
    }

    /// The list in force at a node is the last one of its log.
    pub(super) fn check_list(&self, host: &Host) -> Checked {
        let Some(core) = host.running() else { return Ok(()) };
        let lists = host.disk.written().lists();
        if core.members() == lists.current() {
            return Ok(());
        }
        let text =
            format!("{} uses {:?}, but the last list of its log is {:?}", host.id(), core.members(), lists.current());
        Err(Violation::of("the last list of the log counts", text))
    }
}

fn list_of(host: &Host) -> Option<&Membership> {
    host.running().and_then(|core| core.members()).map(|listed| &listed.membership)
}

fn voters(list: &Membership) -> BTreeSet<(NodeId, Incarnation)> {
    list.voters().map(|member| (member.id, member.incarnation)).collect()
}
