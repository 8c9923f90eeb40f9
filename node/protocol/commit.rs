//! From acks to final data: the leader counts acks, commits what a quorum holds and sends commit orders; every node
//! applies what is committed and durable in its own log (assignment 2c, 2d, 3c; Raft paper 5.3, 5.4.2).
//!
//! The order of outputs on the leader: [`Output::Send`] of the order, then [`Output::Apply`]. A client is answered
//! only after [`Input::Applied`](crate::Input::Applied), so it reads its own write from the leader's final database.

use crate::apply::Applied;
use crate::core::Core;
use crate::entry::Entry;
use crate::io::{Answer, Apply, Output};
use crate::log::Lookup;
use crate::membership::Member;
use crate::message::{Ack, CommitOrder, Message, MessageKind};
use crate::role::Role;
use crate::trace::{DropReason, Fact};
use crate::types::{LogPoint, NodeId, Position, reach};

impl Core {
    /// An ack: the replica's log equals this leader's up to an entry, and that is durable there.
    pub(super) fn on_ack(&mut self, from: NodeId, ack: Ack) {
        if let Some(up_to) = ack.up_to {
            match self.log.lookup(up_to.position) {
                Lookup::Known(own) if own == up_to => {}
                Lookup::Unread | Lookup::Purged => {}
                // An ack for an entry that this leader never had. Counting it would commit something else at that
                // position.
                Lookup::Known(_) | Lookup::Missing => {
                    return self.trace_dropped(from, ack.answers, MessageKind::Ack, DropReason::AckOfAnotherLog);
                }
            }
        }
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(progress) = leader.replicas.get_mut(&from) else { return };
        // The latest value, not the greatest: a replica can lose its commit point in a power cut. A late ack only
        // causes one order more.
        progress.finalized = reach(ack.finalized);
        let news = Position::after(ack.up_to) > Position::after(progress.matched);
        self.on_matched(from, ack.up_to);
        if news {
            self.count(from, ack.up_to);
        }
        self.push_to(from);
        self.advance_transfer();
    }

    /// The leader's own flush is done. Its copy counts like any other, and only when it is durable (assignment 2e).
    pub(super) fn on_own_copy_stored(&mut self) {
        let up_to = match self.log.lookup(Position(self.log.durable())) {
            Lookup::Known(point) => Some(point),
            _ => None,
        };
        self.count(self.config.id, up_to);
        self.apply_committed();
    }

    /// Computes what a quorum of voters holds: the quorum-th greatest match. Only entries of the leader's own epoch
    /// are committed by counting; earlier ones are committed with them (Raft paper 5.4.2, figure 8).
    fn count(&mut self, from: NodeId, up_to: Option<LogPoint>) {
        let quorum = self.quorum();
        let Role::Leader(leader) = &self.role else { return };
        let opening = leader.opening;
        let others = leader.voters().map(|(_, progress)| reach(progress.matched));
        let own = self.is_voter().then(|| self.log.durable());
        let mut matches: Vec<u64> = others.chain(own).collect();
        let commit = quorum_position(quorum, &mut matches);
        self.trace(|| Fact::Counted { from, up_to, matches, quorum: quorum as u64, commit });
        let commit = self.bound_by_founders(commit);
        let committed = reach(self.committed);
        if commit > committed && commit >= opening.0 {
            self.commit(committed, Position(commit));
        }
    }

    /// Bounds a commit by what a majority of the founders holds, while the first change of the member list is not
    /// committed.
    ///
    /// A quorum read by a node that does not know of the change asks as few voters as meet every majority of the
    /// founders: two of four. Suppose one of four founders is removed. Two of the remaining three are a majority of
    /// the new list, and the other two founders together could answer a quorum read with old data. A founder whose
    /// data folder was replaced by the change answers no longer and is not waited for.
    fn bound_by_founders(&self, commit: u64) -> u64 {
        let (Role::Leader(leader), Some(founders)) = (&self.role, self.founders_required()) else { return commit };
        let list = self.members().map(|listed| &listed.membership);
        let stays = |founder: &&Member| {
            let known = list.and_then(|list| list.member(founder.id));
            known.is_none_or(|known| known.incarnation == founder.incarnation)
        };
        let has = |founder: &Member| {
            if founder.id == self.config.id {
                return if founder.incarnation == self.config.incarnation { self.log.durable() } else { 0 };
            }
            let known = leader.replicas.get(&founder.id).filter(|known| known.incarnation == founder.incarnation);
            reach(known.and_then(|known| known.matched))
        };
        let mut matches: Vec<u64> = founders.voters().filter(stays).map(has).collect();
        commit.min(quorum_position(matches.len() / 2 + 1, &mut matches))
    }

    /// Commits up to `position`. The order: state, trace, commit orders, apply. Then reads and the leader's own role
    /// are looked at again, since the entry may be a change of members.
    fn commit(&mut self, before: u64, position: Position) {
        let Lookup::Known(up_to) = self.log.lookup(position) else {
            unreachable!("entries that are not committed stay in the window");
        };
        self.committed = Some(up_to);
        self.trace(|| Fact::Committed { up_to, count: position.0 - before });
        for replica in self.replicas() {
            self.order(replica, up_to);
        }
        self.apply_committed();
        // A committed change of members can make the answers that a read round has sufficient.
        self.confirm_round();
        self.start_round();
        self.step_down_if_removed();
    }

    /// Sends a commit order.
    fn order(&mut self, replica: NodeId, up_to: LogPoint) {
        self.trace(|| Fact::Ordered { to: replica, up_to: up_to.id });
        self.send(replica, Message::CommitOrder(CommitOrder { up_to }));
    }

    /// Sends the order again beside a heartbeat if the replica was not final up to the previous heartbeat's commit
    /// point. Orders are not acked on their own; this is the only repair of a lost one. Newer orders are not repeated
    /// yet: the answer to this heartbeat tells whether they arrived.
    pub(super) fn repeat_order(&mut self, replica: NodeId) {
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(committed) = self.committed.filter(|point| point.position >= leader.opening) else { return };
        let Some(progress) = leader.replicas.get_mut(&replica) else { return };
        let overdue = progress.finalized < progress.overdue;
        progress.overdue = committed.position.0;
        if overdue {
            self.order(replica, committed);
        }
    }

    /// A commit order of this epoch's leader. It is kept even if it reaches beyond `acked`; the rest takes effect when
    /// the entries are durable and acked.
    pub(super) fn on_commit_order(&mut self, from: NodeId, order: CommitOrder) {
        let Role::Follower(follower) = &mut self.role else { return };
        if Position::after(Some(order.up_to)) > Position::after(follower.ordered) {
            follower.ordered = Some(order.up_to);
        }
        let confirmed = follower.acked;
        if Position::after(confirmed) <= order.up_to.position {
            let up_to = order.up_to.id;
            self.trace(|| Fact::Held { from, up_to, confirmed: confirmed.map(|point| point.id) });
        }
        self.advance_commit_point();
    }

    /// Applies the order up to what this node acked to this leader in this epoch. Only up to there the logs are known
    /// to be equal; obeying further could make an entry final that the leader does not have.
    pub(super) fn advance_commit_point(&mut self) {
        let Role::Follower(follower) = &self.role else { return };
        let (Some(ordered), Some(acked)) = (follower.ordered, follower.acked) else { return };
        let target = if ordered.position <= acked.position { ordered } else { acked };
        if let Lookup::Known(own) = self.log.lookup(target.position)
            && own != target
        {
            // What was acked equals the leader's log, so this order is not for that log: it was forged or corrupted.
            // The right one is repeated beside the next heartbeat.
            return self.forget_order();
        }
        if Position::after(Some(target)) > Position::after(self.committed) {
            self.committed = Some(target);
        }
        self.apply_committed();
    }

    /// Drops the order; a later one takes its place.
    fn forget_order(&mut self) {
        let Role::Follower(follower) = &mut self.role else { return };
        let Some(leader) = follower.leader else { return };
        follower.ordered = None;
        self.trace_dropped(leader, 0, MessageKind::CommitOrder, DropReason::OrderOfAnotherLog);
    }

    /// Gives the final database the entries that are committed and durable here. No node, the leader included, applies
    /// an entry that is not durable in its own log: after a crash the database would be ahead of the log. Entries
    /// beyond the bound of [`Applying`](crate::applying::Applying) wait in the log.
    pub(super) fn apply_committed(&mut self) {
        let committed = reach(self.committed);
        let handed = reach(self.handed);
        let target = committed.min(self.log.durable());
        if target <= handed || self.is_installing() {
            return;
        }
        assert!(
            !self.log.is_forged(Position(target)),
            "forged entries are never applied: an ack or a commit order covered one"
        );
        let entries = self.next_to_apply(Position(handed + 1), target);
        self.output_apply(entries);
    }

    /// Outputs a batch for the final database. `handed` moves with the output, so each entry is output once.
    pub(super) fn output_apply(&mut self, entries: Vec<Entry>) {
        let Some(up_to) = entries.last().map(Entry::point) else { return };
        self.handed = Some(up_to);
        let weight = entries.iter().map(Entry::weight).sum();
        self.applying.handed(up_to, entries.len() as u64, weight);
        self.output(Output::Apply(Apply { up_to, entries }));
        self.on_handed_to_database(weight);
    }

    /// The final database holds everything up to `point`: reads see it, and the leader confirms the writes (assignment
    /// 2d).
    ///
    /// The order: `applied` moves first, then writes are answered in log order, then reads, then more is handed over.
    /// `outcomes` has one outcome for each entry applied since the last call. Answers come after `applied` so that a
    /// client never sees a confirmed write missing.
    pub(super) fn on_applied(&mut self, point: LogPoint, outcomes: &[Applied]) {
        let before = reach(self.applied);
        if point.position.0 <= before {
            return;
        }
        self.applied = Some(point);
        let weight = self.applying.applied(point.position);
        self.log.on_applied(weight);
        self.trace(|| Fact::Finalized { up_to: point, count: point.position.0 - before });
        let mut confirmed = Vec::new();
        if let Role::Leader(leader) = &mut self.role {
            while leader.writes.front().is_some_and(|(written, _)| written.position <= point.position) {
                confirmed.extend(leader.writes.pop_front());
            }
        }
        let first = point.position.0 + 1 - outcomes.len() as u64;
        for (entry, request) in confirmed {
            let applied = entry.position.0.checked_sub(first).and_then(|index| outcomes.get(index as usize));
            let applied = *applied.expect("the host gives the outcome of each entry that it has applied");
            self.answer(request, Answer::Applied { entry, applied });
        }
        self.answer_reads();
        self.advance_transfer();
        self.apply_committed();
    }
}

/// The greatest position that at least `quorum` of the logs reach. Sorts `matches` in descending order.
fn quorum_position(quorum: usize, matches: &mut [u64]) -> u64 {
    matches.sort_unstable_by(|one, other| other.cmp(one));
    matches[quorum - 1]
}
