//! The replica's consistency check: is a push the exact continuation of this log (assignment 3b)?
//!
//! 1. `prev` is not in the log: nothing is truncated; the log state is reported.
//! 2. `prev` or an entry differs in id or digest: the log is truncated from there and its state reported. On a resync
//!    push the differing entries are replaced in one storage operation instead.
//! 3. Everything is equal or new: the new entries become intermediate data; the ack is sent when they are durable
//!    (3a).
//!
//! The check knows nothing of forged entries: it finds them like any other difference. Raft compares ids only (paper
//! 5.3); the digest also finds an entry with the right id and the wrong content.

use crate::core::Core;
use crate::damage::OwedReport;
use crate::entry::{Entry, Kind};
use crate::io::ReadId;
use crate::log::Lookup;
use crate::membership::Membership;
use crate::message::{Ack, LogState, Message, MessageKind, Push, Pushed, RoundAnswer};
use crate::payload::Opening;
use crate::role::{Follower, Role, Stashed};
use crate::trace::{Difference, DropReason, Fact, Preview, TruncationReason};
use crate::types::{EntryId, LogPoint, NodeId, Offset, Position, reach};

/// The result of the check.
enum Finding {
    /// Everything is equal or new.
    Consistent {
        /// The number of pushed entries that the log holds already.
        equal: u64,
        /// The entries after those, as they are to be appended.
        fresh: Vec<Entry>,
    },
    /// The log ends before `prev`.
    PrevMissing,
    /// The whole push lies before the first entry of the log, so nothing can be compared.
    Purged,
    /// An entry of the log differs.
    Differs {
        /// What differs: the entry before the push, or one of its entries.
        what: Difference,
        /// The last entry before the difference; `None` at the start of the log.
        keep: Option<LogPoint>,
        /// The entry of the push.
        expected: LogPoint,
        /// The entry of this log.
        found: LogPoint,
        /// The number of pushed entries before the difference.
        equal: u64,
        /// The entries of the push from the difference on.
        fresh: Vec<Entry>,
    },
    /// Entries older than the window must be read first, from the first to the second position.
    Unread(u64, u64),
    /// The push is not a possible part of a log.
    Malformed,
}

impl Core {
    /// A push of this epoch's leader. `read_back` holds the points of entries older than the window that were read for
    /// it.
    ///
    /// The order: the round is answered first, because reads must not wait for the check or the disk; then the check;
    /// then the ack, which waits for the store, or the report.
    pub(super) fn on_push(&mut self, from: NodeId, number: u64, push: Push, read_back: &[LogPoint]) {
        if let Some(why) = self.beyond_level(&push.entries) {
            return self.fatal(why);
        }
        let Role::Follower(follower) = &mut self.role else { return };
        follower.push = follower.push.max(number);
        if let Some(acked) = push.acked.filter(|acked| self.lacks_entry(*acked)) {
            return self.on_older_copy(from, acked);
        }
        let Role::Follower(follower) = &mut self.role else { return };
        // Each round is answered once, and again on a heartbeat, since an answer may have been lost.
        if push.round > follower.round || (push.round > 0 && push.entries.is_empty()) {
            follower.round = follower.round.max(push.round);
            let patience_micros = self.patience_micros();
            self.send(from, Message::RoundAnswer(RoundAnswer { round: push.round, patience_micros }));
        }
        if self.is_installing() {
            return self.ack_while_installing(from);
        }
        match self.check(&push, read_back) {
            Finding::Consistent { equal, fresh } => self.accept(from, number, &push, equal, fresh),
            Finding::Purged => self.report(from, number, &push),
            Finding::PrevMissing => {
                self.trace_conflict(from, number, Difference::PrevMissing, push.prev, self.log.last());
                self.report(from, number, &push);
            }
            Finding::Differs { what, keep, expected, found, equal, fresh } => {
                self.trace_conflict(from, number, what, Some(expected), Some(found));
                // Both sides have committed this position: never truncate here, look for damage.
                if self.committed.is_some_and(|committed| found.position <= committed.position) {
                    let report = OwedReport { answers: number, resync: push.resync };
                    return self.check_for_damage(from, found, Some(report));
                }
                if self.conflicts_with_matched(found.position) {
                    return self.trace_dropped(from, number, MessageKind::Push, DropReason::LeaderContradictsItself);
                }
                if push.replaces && what == Difference::EntryDiffers {
                    return self.replace(from, number, &push, keep, equal, fresh);
                }
                self.truncate(keep, TruncationReason::Conflict);
                self.report(from, number, &push);
            }
            Finding::Unread(first, last) => self.stash(number, push, first, last),
            Finding::Malformed => self.trace_dropped(from, number, MessageKind::Push, DropReason::Malformed),
        }
    }

    /// A leader's log is append-only. What it showed to be equal cannot differ in a later push, so such a push is
    /// corrupted.
    fn conflicts_with_matched(&self, conflict: Position) -> bool {
        let Role::Follower(follower) = &self.role else { return false };
        follower.matched.is_some_and(|matched| conflict <= matched.position)
    }

    /// Compares a push with the log. Changes nothing.
    fn check(&self, push: &Push, read_back: &[LogPoint]) -> Finding {
        let last_wanted = reach(push.prev) + push.entries.len() as u64;
        let place = |position: Position| self.log.lookup_or(position, read_back);
        if let Some(prev) = push.prev {
            match place(prev.position) {
                Lookup::Known(found) if found == prev => {}
                // The entry is committed. The pushed entries must chain to the point at which this log begins.
                Lookup::Purged => {}
                Lookup::Missing => return Finding::PrevMissing,
                Lookup::Unread => return Finding::Unread(prev.position.0.saturating_sub(1).max(1), last_wanted),
                Lookup::Known(found) => {
                    let keep = match prev.position.0 {
                        1 => None,
                        position => match place(Position(position - 1)) {
                            Lookup::Known(keep) => Some(keep),
                            // The entry is committed, so nothing is truncated there.
                            Lookup::Purged => None,
                            _ => return Finding::Unread(position - 1, last_wanted),
                        },
                    };
                    let (what, fresh) = (Difference::PrevDiffers, Vec::new());
                    return Finding::Differs { what, keep, expected: prev, found, equal: 0, fresh };
                }
            }
        }
        let mut before = push.prev;
        for (index, pushed) in push.entries.iter().enumerate() {
            let Some(entry) = self.next_entry(before, pushed) else { return Finding::Malformed };
            let (equal, keep, expected) = (index as u64, before, entry.point());
            match place(entry.position) {
                Lookup::Known(found) if found == expected => before = Some(found),
                Lookup::Purged => before = Some(expected),
                Lookup::Unread => return Finding::Unread(entry.position.0, last_wanted),
                missing_or_other => {
                    let Some(fresh) = self.chain_entries(entry, &push.entries[index + 1..]) else {
                        return Finding::Malformed;
                    };
                    let Lookup::Known(found) = missing_or_other else { return Finding::Consistent { equal, fresh } };
                    return Finding::Differs { what: Difference::EntryDiffers, keep, expected, found, equal, fresh };
                }
            }
        }
        // An ack for a position before the log would not tell the leader from where to continue, even if the position
        // is known as the end of an epoch.
        if last_wanted < self.log.purged_position() {
            return Finding::Purged;
        }
        Finding::Consistent { equal: push.entries.len() as u64, fresh: Vec::new() }
    }

    /// The entry after `before`, if its id is possible there: the next offset of the epoch, or offset 0 of a later
    /// epoch that is not above the promise. The digest is computed here.
    fn next_entry(&self, before: Option<LogPoint>, pushed: &Pushed) -> Option<Entry> {
        let last = before.map(|point| point.id);
        let epoch = pushed.id.epoch;
        let possible = last.is_none_or(|last| last.epoch <= epoch)
            && pushed.id == EntryId::next_in(epoch, last)
            && Some(epoch) <= self.epoch()
            && self.sets_valid_list(before, pushed);
        possible.then(|| Entry::after(before, pushed.id, pushed.kind, pushed.body.clone()))
    }

    /// Whether an entry that sets a member list sets an acceptable one. The first entry must found a cluster that has
    /// this node, and a change must be of this node's cluster. With any other list this node would reject all its
    /// peers.
    fn sets_valid_list(&self, before: Option<LogPoint>, pushed: &Pushed) -> bool {
        if before.is_none() {
            let Role::Follower(Follower { invited, .. }) = &self.role else { return false };
            let opening = (pushed.kind == Kind::Opening).then(|| Opening::decode(&pushed.body)).flatten();
            let mine = |list: &Membership| *invited || list.contains(self.config.id, self.config.incarnation);
            return opening.and_then(|opening| opening.founding).is_some_and(|list| list.is_founding() && mine(&list));
        }
        let mine = self.members().map(|listed| listed.membership.cluster);
        let ours = |list: Membership| list.is_valid() && mine.is_none_or(|cluster| cluster == list.cluster);
        pushed.kind != Kind::Members || Membership::decode(&pushed.body).is_some_and(ours)
    }

    /// The entries from `first` on; `None` if one of them is not possible there.
    fn chain_entries(&self, first: Entry, rest: &[Pushed]) -> Option<Vec<Entry>> {
        let mut entries = Vec::with_capacity(rest.len() + 1);
        let mut before = first.point();
        entries.push(first);
        for pushed in rest {
            let entry = self.next_entry(Some(before), pushed)?;
            before = entry.point();
            entries.push(entry);
        }
        Some(entries)
    }

    /// Everything in the push is equal to the log or new. Forged entries among the equal ones lose their mark before
    /// the new ones are stored, so that the ack that follows covers genuine entries only.
    fn accept(&mut self, from: NodeId, number: u64, push: &Push, equal: u64, fresh: Vec<Entry>) {
        let reaches = fresh.last().map(Entry::point).or_else(|| self.end_of(push));
        let known = Position::after(push.prev).0 + equal - 1;
        let confirmed = self.confirm_forged(Position(known));
        let Role::Follower(follower) = &self.role else { return };
        let first_of_leader = follower.matched.is_none();
        if first_of_leader || !fresh.is_empty() || !confirmed.is_empty() {
            self.trace_consistent(from, number, push, equal, confirmed, &fresh);
        }
        if !fresh.is_empty() {
            self.store_entries(None, fresh);
        }
        self.on_push_matched(reaches, push.entries.is_empty());
    }

    /// The last entry that the push covers; it is in the log.
    fn end_of(&self, push: &Push) -> Option<LogPoint> {
        let position = reach(push.prev) + push.entries.len() as u64;
        if push.entries.is_empty() {
            return push.prev;
        }
        match self.log.lookup(Position(position)) {
            Lookup::Known(point) => Some(point),
            // Older than the window: the entries were checked, so the chain gives the digest.
            _ => push.entries.iter().fold(push.prev, |before, pushed| {
                Some(Entry::after(before, pushed.id, pushed.kind, pushed.body.clone()).point())
            }),
        }
    }

    /// Truncates and appends in one storage operation. In two, a crash in between could lose entries that this node
    /// has acked.
    fn replace(
        &mut self,
        from: NodeId,
        number: u64,
        push: &Push,
        keep: Option<LogPoint>,
        equal: u64,
        fresh: Vec<Entry>,
    ) {
        let confirmed = self.confirm_forged(Position(Position::after(keep).0 - 1));
        self.trace_truncated(keep, TruncationReason::Resync);
        self.trace_consistent(from, number, push, equal, confirmed, &fresh);
        let reaches = fresh.last().map(Entry::point);
        self.store_entries(Some(keep), fresh);
        self.on_push_matched(reaches, false);
    }

    /// Deletes everything after `keep`. None of it is committed.
    pub(super) fn truncate(&mut self, keep: Option<LogPoint>, why: TruncationReason) {
        self.trace_truncated(keep, why);
        self.store_entries(Some(keep), Vec::new());
    }

    fn trace_truncated(&mut self, keep: Option<LogPoint>, why: TruncationReason) {
        let kept = reach(keep);
        let committed = reach(self.committed);
        assert!(kept >= committed, "committed entries are never truncated: the check missed damage at {committed}");
        if !self.is_watched() || kept == self.log.last_position() {
            return;
        }
        let from = Position(kept + 1);
        let count = self.log.last_position() - kept;
        let forged = self.log.forged_from().map_or(0, |first| self.log.last_position() + 1 - first.0.max(from.0));
        let Some(first) = self.id_of(from) else { return };
        let (last, committed) = (keep.map(|point| point.id), self.committed.map(|point| point.id));
        self.trace(|| Fact::Truncated { from: first, count, forged, last, committed, why: why.into() });
    }

    /// The id at a position, computed from the runs.
    fn id_of(&self, position: Position) -> Option<EntryId> {
        let run = self.log.runs().iter().find(|run| run.first <= position && position <= run.last.position)?;
        Some(EntryId { epoch: run.epoch(), offset: Offset(position.0 - run.first.0) })
    }

    /// Both logs are equal up to `reaches`. The ack is sent when that is durable; a waiting commit order takes effect
    /// then.
    fn on_push_matched(&mut self, reaches: Option<LogPoint>, heartbeat: bool) {
        let durable = self.log.durable();
        let Role::Follower(follower) = &mut self.role else { return };
        if Position::after(reaches) > Position::after(follower.matched) {
            follower.matched = reaches;
        }
        follower.ack_owed = true;
        let waits = follower.matched.is_some_and(|matched| matched.position.0 > durable);
        if heartbeat || !waits {
            self.acknowledge(heartbeat);
        }
    }

    /// Acks the durable part of `matched`, if an ack is due. A heartbeat is answered even without news, so that the
    /// leader hears a node with a slow disk.
    ///
    /// The order: the ack is sent before the commit order is obeyed, because `acked` bounds what is obeyed.
    pub(super) fn acknowledge(&mut self, heartbeat: bool) {
        let durable = self.log.durable();
        let Role::Follower(follower) = &mut self.role else { return };
        let Some(leader) = follower.leader.filter(|_| follower.ack_owed) else { return };
        let up_to = match follower.matched {
            Some(point) if point.position.0 > durable => match self.log.lookup(Position(durable)) {
                Lookup::Known(point) => Some(point),
                _ => None,
            },
            matched => matched,
        };
        let news = Position::after(up_to) > Position::after(follower.acked);
        let whole = up_to == follower.matched;
        if !news && !whole && !heartbeat {
            return;
        }
        follower.ack_owed = !whole;
        follower.acked = if news { up_to } else { follower.acked };
        let answers = follower.push;
        if news {
            self.trace(|| Fact::Acked { to: leader, up_to: up_to.map(|point| point.id), answers });
        }
        let finalized = self.applied;
        let up_to = if news { up_to } else { self.acked() };
        self.send(leader, Message::Ack(Ack { up_to, finalized, answers }));
        self.advance_commit_point();
    }

    /// What was acked to this leader.
    fn acked(&self) -> Option<LogPoint> {
        let Role::Follower(follower) = &self.role else { return None };
        follower.acked
    }

    /// Reports the log state: once for each resync number, and again on a heartbeat, since a report may have been
    /// lost.
    fn report(&mut self, to: NodeId, number: u64, push: &Push) {
        let Role::Follower(follower) = &mut self.role else { return };
        if follower.reported == Some(push.resync) && !push.entries.is_empty() {
            return;
        }
        follower.reported = Some(push.resync);
        self.send_log_state(to, number, push.resync);
    }

    /// Sends the log state. Also used without a push: after a check of the chain and after a snapshot.
    pub(super) fn send_log_state(&mut self, to: NodeId, answers: u64, resync: u64) {
        let runs = self.log.run_ends();
        let (last, committed, epochs) = (self.log.last(), self.committed, runs.len() as u64);
        let (last, committed_id) = (last.map(|point| point.id), committed.map(|point| point.id));
        self.trace(|| Fact::Reported { to, answers, resync, last, committed: committed_id, epochs });
        self.send(to, Message::LogState(LogState { runs, committed, purged: self.log.purged(), answers, resync }));
    }

    /// Keeps one push until the entries it needs are read. Other pushes meanwhile are dropped and repaired like lost
    /// ones.
    fn stash(&mut self, number: u64, push: Push, first: u64, last: u64) {
        let Role::Follower(Follower { stashed: None, .. }) = &self.role else { return };
        // All of them, whatever their weight, or the check could not finish. They are at most one push's entries and
        // one before.
        let first = first.max(self.log.purged_position() + 1);
        let read = self.read_log(first, last.min(self.log.last_position()), u64::MAX);
        if let Role::Follower(follower) = &mut self.role {
            follower.stashed = Some(Stashed { read, number, push });
        }
    }

    /// The entries for the waiting push were read: it is checked again.
    pub(super) fn on_stashed_read(&mut self, read: ReadId, entries: &[Entry]) {
        let Role::Follower(follower) = &mut self.role else { return };
        let Some(leader) = follower.leader else { return };
        if follower.stashed.as_ref().is_some_and(|stashed| stashed.read == read) {
            let Stashed { number, push, .. } = follower.stashed.take().expect("the condition above found it");
            let read_back: Vec<LogPoint> = entries.iter().map(Entry::point).collect();
            self.on_push(leader, number, push, &read_back);
        }
    }

    fn trace_conflict(
        &mut self,
        from: NodeId,
        number: u64,
        what: Difference,
        expected: Option<LogPoint>,
        found: Option<LogPoint>,
    ) {
        self.trace(|| Fact::Conflict { from, number, what: what.into(), expected, found });
    }

    /// Traces an accepted push. `confirmed` are forged entries that the push confirmed; they are listed like the
    /// `fresh` ones.
    fn trace_consistent(
        &mut self,
        from: NodeId,
        number: u64,
        push: &Push,
        equal: u64,
        confirmed: Vec<Preview>,
        fresh: &[Entry],
    ) {
        let Some(epoch) = self.epoch() else { return };
        let prev = push.prev.map(|point| point.id);
        self.trace(|| {
            let mut entries = confirmed;
            entries.extend(fresh.iter().map(|entry| Preview::of(entry, false)));
            Fact::Consistent { from, epoch, number, prev, entries, equal }
        });
    }
}
