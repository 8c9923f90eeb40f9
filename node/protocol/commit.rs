//! From acks to final data: the leader counts, commits what a quorum holds, orders the commit; every node makes final
//! what it is ordered to, as far as it is durable and confirmed.

use crate::apply::Applied;
use crate::core::Core;
use crate::entry::Entry;
use crate::io::{Answer, Apply, Output};
use crate::log::Place;
use crate::membership::Member;
use crate::message::{Ack, CommitOrder, Message};
use crate::role::Role;
use crate::trace::Fact;
use crate::types::{LogPoint, NodeId, Position, reach};

impl Core {
    pub(super) fn on_ack(&mut self, from: NodeId, ack: Ack) {
        if let Some(up_to) = ack.up_to {
            match self.log.place(up_to.position) {
                Place::Known(own) if own == up_to => {}
                Place::Unread | Place::Purged => {}
                // An ack for something that this leader never had: it counts for nothing.
                Place::Known(_) | Place::Missing => {
                    return self.trace_dropped(from, ack.answers, "ack", "ack-of-another-log");
                }
            }
        }
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(progress) = leader.replicas.get_mut(&from) else { return };
        // What it said last, not the most that it ever said: after a power cut a replica may have forgotten its commit point.
        // An ack that comes late costs one order more.
        progress.finalized = reach(ack.finalized);
        let news = Position::after(ack.up_to) > Position::after(progress.matched);
        self.on_matched(from, ack.up_to);
        if news {
            self.count(from, ack.up_to);
        }
        self.push_to(from);
        self.advance_transfer();
    }

    /// The leader counts its own copy only when its own flush is done.
    pub(super) fn on_own_copy_stored(&mut self) {
        let up_to = match self.log.place(Position(self.log.durable())) {
            Place::Known(point) => Some(point),
            _ => None,
        };
        self.count(self.config.id, up_to);
        self.hand_over();
    }

    /// The leader's arithmetic: what a quorum of the voters holds is the quorum-th greatest match. Only entries of its
    /// own epoch are counted (Raft paper 5.4.2, figure 8); those before them are committed with them.
    fn count(&mut self, from: NodeId, up_to: Option<LogPoint>) {
        let quorum = self.quorum();
        let Role::Leader(leader) = &self.role else { return };
        let opening = leader.opening;
        let others = leader.voters().map(|(_, progress)| reach(progress.matched));
        let own = self.is_voter().then(|| self.log.durable());
        let mut matches: Vec<u64> = others.chain(own).collect();
        let commit = held_by(quorum, &mut matches);
        self.trace(|| Fact::Counted { from, up_to, matches, quorum: quorum as u64, commit });
        let commit = self.with_founders(commit);
        let committed = reach(self.committed);
        if commit > committed && commit >= opening.0 {
            self.commit(committed, Position(commit));
        }
    }

    /// While the first change of the member list is not committed, a majority of the founders has to have what is committed,
    /// too. Whoever does not know of the change asks for a quorum read as few voters as meet every majority of the founders: of
    /// four any two. Without one of the four, two of the others are a majority, and the last two together would answer with
    /// what is old. A founder whose data folder was replaced by the change answers nobody any more and is not waited for.
    fn with_founders(&self, commit: u64) -> u64 {
        let (Role::Leader(leader), Some(founders)) = (&self.role, self.founders_asked()) else { return commit };
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
        commit.min(held_by(matches.len() / 2 + 1, &mut matches))
    }

    fn commit(&mut self, before: u64, position: Position) {
        let Place::Known(up_to) = self.log.place(position) else {
            unreachable!("what is not yet committed is in the window");
        };
        self.committed = Some(up_to);
        self.trace(|| Fact::Committed { up_to, count: position.0 - before });
        for replica in self.replicas() {
            self.order(replica, up_to);
        }
        self.hand_over();
        // Whose answer a round waits for may be no voter any more.
        self.confirm_round();
        self.start_round();
        self.leave_office();
    }

    fn order(&mut self, replica: NodeId, up_to: LogPoint) {
        self.trace(|| Fact::Ordered { to: replica, up_to: up_to.id });
        self.send(replica, Message::CommitOrder(CommitOrder { up_to }));
    }

    /// The order again, beside each heartbeat, until the replica says that it is done. An order younger than a heartbeat
    /// is not repeated yet: the answer to this heartbeat will tell.
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
        self.obey();
    }

    /// A replica obeys only up to what it has acked to this leader in this epoch; the rest of the order waits.
    pub(super) fn obey(&mut self) {
        let Role::Follower(follower) = &self.role else { return };
        let (Some(ordered), Some(acked)) = (follower.ordered, follower.acked) else { return };
        let target = if ordered.position <= acked.position { ordered } else { acked };
        if let Place::Known(own) = self.log.place(target.position)
            && own != target
        {
            // What was acked equals the leader's log, so no leader orders this: it is forged or mangled. The right
            // order comes again beside the next heartbeat.
            return self.forget_order();
        }
        if Position::after(Some(target)) > Position::after(self.committed) {
            self.committed = Some(target);
        }
        self.hand_over();
    }

    fn forget_order(&mut self) {
        let Role::Follower(follower) = &mut self.role else { return };
        let Some(leader) = follower.leader else { return };
        follower.ordered = None;
        self.trace_dropped(leader, 0, "commit-order", "order-of-another-log");
    }

    /// Gives the final database what is committed and durable here. A node, the leader neither, applies nothing that is
    /// not durable in its own log. What it has no room for now waits until it has applied some.
    pub(super) fn hand_over(&mut self) {
        let committed = reach(self.committed);
        let handed = reach(self.handed);
        let target = committed.min(self.log.durable());
        if target <= handed || self.is_installing() {
            return;
        }
        assert!(!self.log.is_forged(Position(target)), "forged entries are never applied");
        let entries = self.next_to_apply(Position(handed + 1), target);
        self.give_to_database(entries);
    }

    pub(super) fn give_to_database(&mut self, entries: Vec<Entry>) {
        let Some(up_to) = entries.last().map(Entry::point) else { return };
        self.handed = Some(up_to);
        let weight = entries.iter().map(Entry::weight).sum();
        self.applying.handed(up_to, entries.len() as u64, weight);
        self.output(Output::Apply(Apply { up_to, entries }));
        self.on_handed_over(weight);
    }

    /// The final database holds it: readers see it, and the leader confirms to the clients.
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
        self.hand_over();
    }
}

/// How far so many of the logs reach. Sorts them, the longest first.
fn held_by(quorum: usize, matches: &mut [u64]) -> u64 {
    matches.sort_unstable_by(|one, other| other.cmp(one));
    matches[quorum - 1]
}
