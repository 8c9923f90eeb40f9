//! The replica's consistency check: does a push continue this log exactly?
//!
//! 1. `prev` is not in the log: nothing is truncated, the log state is reported.
//! 2. `prev` or an entry differs, in id or digest: the log is cut from there on and its state reported. On a resync
//!    push what differs in the entries is replaced in one storage operation instead.
//! 3. All is equal or new: the new entries become intermediate data; the ack follows when they are durable.
//!
//! The check knows nothing of forged entries: it finds them like any other difference.

use crate::core::Core;
use crate::damage::Report;
use crate::entry::{Entry, Kind};
use crate::io::ReadId;
use crate::log::Place;
use crate::membership::Membership;
use crate::message::{Ack, LogState, Message, Push, Pushed, RoundAnswer};
use crate::payload::Opening;
use crate::role::{Follower, Role, Stashed};
use crate::trace::{Fact, Preview};
use crate::types::{EntryId, LogPoint, NodeId, Offset, Position, reach};

/// What the check found.
enum Finding {
    Consistent {
        equal: u64,
        fresh: Vec<Entry>,
    },
    /// Our log ends before `prev`.
    PrevMissing,
    /// All of the push lies before our log's first entry, so nothing can be compared.
    Purged,
    /// `found` is ours, `keep` the last entry before it; `fresh` what the push has from there on.
    Differs {
        what: &'static str,
        keep: Option<LogPoint>,
        expected: LogPoint,
        found: LogPoint,
        equal: u64,
        fresh: Vec<Entry>,
    },
    /// Entries older than the window must be read first, from the first to the second position.
    Unread(u64, u64),
    Malformed,
}

impl Core {
    /// `looked`: entries older than the window that were read for this push.
    pub(super) fn on_push(&mut self, from: NodeId, number: u64, push: Push, looked: &[LogPoint]) {
        let Role::Follower(follower) = &mut self.role else { return };
        follower.push = follower.push.max(number);
        if let Some(acked) = push.acked.filter(|acked| self.lacks(*acked)) {
            return self.on_older_copy(from, acked);
        }
        let Role::Follower(follower) = &mut self.role else { return };
        // Once for each round, and again on a heartbeat, since an answer may have been lost.
        if push.round > follower.round || (push.round > 0 && push.entries.is_empty()) {
            follower.round = follower.round.max(push.round);
            let patience_micros = self.patience_micros();
            self.send(from, Message::RoundAnswer(RoundAnswer { round: push.round, patience_micros }));
        }
        if self.is_installing() {
            return self.answer_installing(from);
        }
        match self.check(&push, looked) {
            Finding::Consistent { equal, fresh } => self.accept(from, number, &push, equal, fresh),
            Finding::Purged => self.report(from, number, &push),
            Finding::PrevMissing => {
                self.trace_conflict(from, number, "prev-missing", push.prev, self.log.last());
                self.report(from, number, &push);
            }
            Finding::Differs { what, keep, expected, found, equal, fresh } => {
                self.trace_conflict(from, number, what, Some(expected), Some(found));
                if self.committed.is_some_and(|committed| found.position <= committed.position) {
                    let report = Report { answers: number, resync: push.resync };
                    return self.suspect_damage(from, found, Some(report));
                }
                if self.contradicts_itself(found.position) {
                    return self.trace_dropped(from, number, "push", "leader-contradicts-itself");
                }
                if push.replaces && what == "entry-differs" {
                    return self.replace(from, number, &push, keep, equal, fresh);
                }
                self.truncate(keep, "conflict");
                self.report(from, number, &push);
            }
            Finding::Unread(first, last) => self.stash(number, push, first, last),
            Finding::Malformed => self.trace_dropped(from, number, "push", "malformed"),
        }
    }

    /// A leader's log is append-only: what it confirmed here cannot conflict with it later.
    fn contradicts_itself(&self, conflict: Position) -> bool {
        let Role::Follower(follower) = &self.role else { return false };
        follower.matched.is_some_and(|matched| conflict <= matched.position)
    }

    fn check(&self, push: &Push, looked: &[LogPoint]) -> Finding {
        let last_wanted = reach(push.prev) + push.entries.len() as u64;
        let place = |position: Position| self.log.place_or(position, looked);
        if let Some(prev) = push.prev {
            match place(prev.position) {
                Place::Known(found) if found == prev => {}
                // It is committed; the entries must chain to the very point at which our log begins.
                Place::Purged => {}
                Place::Missing => return Finding::PrevMissing,
                Place::Unread => return Finding::Unread(prev.position.0.saturating_sub(1).max(1), last_wanted),
                Place::Known(found) => {
                    let keep = match prev.position.0 {
                        1 => None,
                        position => match place(Position(position - 1)) {
                            Place::Known(keep) => Some(keep),
                            // It is committed, so nothing is cut there.
                            Place::Purged => None,
                            _ => return Finding::Unread(position - 1, last_wanted),
                        },
                    };
                    let (what, fresh) = ("prev-differs", Vec::new());
                    return Finding::Differs { what, keep, expected: prev, found, equal: 0, fresh };
                }
            }
        }
        let mut before = push.prev;
        for (index, pushed) in push.entries.iter().enumerate() {
            let Some(entry) = self.continues(before, pushed) else { return Finding::Malformed };
            let (equal, keep, expected) = (index as u64, before, entry.point());
            match place(entry.position) {
                Place::Known(found) if found == expected => before = Some(found),
                Place::Purged => before = Some(expected),
                Place::Unread => return Finding::Unread(entry.position.0, last_wanted),
                missing_or_other => {
                    let Some(fresh) = self.chain(entry, &push.entries[index + 1..]) else { return Finding::Malformed };
                    let Place::Known(found) = missing_or_other else { return Finding::Consistent { equal, fresh } };
                    return Finding::Differs { what: "entry-differs", keep, expected, found, equal, fresh };
                }
            }
        }
        // An ack of what lies before our log would give the leader nothing to go on from, even where it is known as the
        // end of an epoch.
        if last_wanted < self.log.purged_position() {
            return Finding::Purged;
        }
        Finding::Consistent { equal: push.entries.len() as u64, fresh: Vec::new() }
    }

    /// The entry after `before`, if its id is a possible next one: the next offset, or offset 0 of a later epoch that
    /// is not above the leader's.
    fn continues(&self, before: Option<LogPoint>, pushed: &Pushed) -> Option<Entry> {
        let last = before.map(|point| point.id);
        let epoch = pushed.id.epoch;
        let possible = last.is_none_or(|last| last.epoch <= epoch)
            && pushed.id == EntryId::next_in(epoch, last)
            && Some(epoch) <= self.epoch()
            && self.lists_well(before, pushed);
        possible.then(|| Entry::after(before, pushed.id, pushed.kind, pushed.body.clone()))
    }

    /// The first entry founds the cluster, and a change of members is a change of this cluster's: with any other list
    /// this node would hear nobody any more.
    fn lists_well(&self, before: Option<LogPoint>, pushed: &Pushed) -> bool {
        if before.is_none() {
            let Role::Follower(Follower { invited, .. }) = &self.role else { return false };
            let opening = (pushed.kind == Kind::Opening).then(|| Opening::decode(&pushed.body)).flatten();
            let mine = |list: &Membership| *invited || list.lists(self.config.id, self.config.incarnation);
            return opening.and_then(|opening| opening.founding).is_some_and(|list| list.founds() && mine(&list));
        }
        let mine = self.members().map(|listed| listed.membership.cluster);
        let ours = |list: Membership| list.is_sound() && mine.is_none_or(|cluster| cluster == list.cluster);
        pushed.kind != Kind::Members || Membership::decode(&pushed.body).is_some_and(ours)
    }

    fn chain(&self, first: Entry, rest: &[Pushed]) -> Option<Vec<Entry>> {
        let mut entries = Vec::with_capacity(rest.len() + 1);
        let mut before = first.point();
        entries.push(first);
        for pushed in rest {
            let entry = self.continues(Some(before), pushed)?;
            before = entry.point();
            entries.push(entry);
        }
        Some(entries)
    }

    /// All that the push holds is equal to what is here, or new.
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
        self.matched(reaches, push.entries.is_empty());
    }

    /// The last entry that the push speaks of; it is in the log.
    fn end_of(&self, push: &Push) -> Option<LogPoint> {
        let position = reach(push.prev) + push.entries.len() as u64;
        if push.entries.is_empty() {
            return push.prev;
        }
        match self.log.place(Position(position)) {
            Place::Known(point) => Some(point),
            // Older than the window: everything there was checked; the chain tells the digest.
            _ => push.entries.iter().fold(push.prev, |before, pushed| {
                Some(Entry::after(before, pushed.id, pushed.kind, pushed.body.clone()).point())
            }),
        }
    }

    /// A resync push: cut and append in one storage operation, so that a crash in between deletes nothing that is
    /// right.
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
        self.trace_truncated(keep, "resync");
        self.trace_consistent(from, number, push, equal, confirmed, &fresh);
        let reaches = fresh.last().map(Entry::point);
        self.store_entries(Some(keep), fresh);
        self.matched(reaches, false);
    }

    /// Deletes everything after `keep`; nothing of it is committed.
    pub(super) fn truncate(&mut self, keep: Option<LogPoint>, why: &'static str) {
        self.trace_truncated(keep, why);
        self.store_entries(Some(keep), Vec::new());
    }

    fn trace_truncated(&mut self, keep: Option<LogPoint>, why: &'static str) {
        let kept = reach(keep);
        let committed = reach(self.committed);
        assert!(kept >= committed, "committed entries are never truncated");
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

    /// The id at a position, from the runs alone.
    fn id_of(&self, position: Position) -> Option<EntryId> {
        let run = self.log.runs().iter().find(|run| run.first <= position && position <= run.last.position)?;
        Some(EntryId { epoch: run.epoch(), offset: Offset(position.0 - run.first.0) })
    }

    /// Both logs are equal up to here. The ack goes when all of that is durable; orders that waited for it are obeyed
    /// then.
    fn matched(&mut self, reaches: Option<LogPoint>, heartbeat: bool) {
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

    /// Acks what is durable of what matches, if a push waits for it; a heartbeat is answered even without news, so that
    /// the leader hears of a node whose disk is slow.
    pub(super) fn acknowledge(&mut self, heartbeat: bool) {
        let durable = self.log.durable();
        let Role::Follower(follower) = &mut self.role else { return };
        let Some(leader) = follower.leader.filter(|_| follower.ack_owed) else { return };
        let up_to = match follower.matched {
            Some(point) if point.position.0 > durable => match self.log.place(Position(durable)) {
                Place::Known(point) => Some(point),
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
        self.obey();
    }

    fn acked(&self) -> Option<LogPoint> {
        let Role::Follower(follower) = &self.role else { return None };
        follower.acked
    }

    /// Tells the leader what this log holds: once for each resync number, and again on a heartbeat, since a report may
    /// have been lost.
    fn report(&mut self, to: NodeId, number: u64, push: &Push) {
        let Role::Follower(follower) = &mut self.role else { return };
        if follower.reported == Some(push.resync) && !push.entries.is_empty() {
            return;
        }
        follower.reported = Some(push.resync);
        self.send_log_state(to, number, push.resync);
    }

    pub(super) fn send_log_state(&mut self, to: NodeId, answers: u64, resync: u64) {
        let runs = self.log.run_ends();
        let (last, committed, epochs) = (self.log.last(), self.committed, runs.len() as u64);
        let (last, committed_id) = (last.map(|point| point.id), committed.map(|point| point.id));
        self.trace(|| Fact::Reported { to, answers, resync, last, committed: committed_id, epochs });
        self.send(to, Message::LogState(LogState { runs, committed, purged: self.log.purged(), answers, resync }));
    }

    /// Keeps one push until older entries of the log are read; others are lost meanwhile, and repaired as lost ones
    /// are.
    fn stash(&mut self, number: u64, push: Push, first: u64, last: u64) {
        let Role::Follower(Follower { stashed: None, .. }) = &self.role else { return };
        // All of it, or the check could not end: as many entries as one push has, and one before.
        let first = first.max(self.log.purged_position() + 1);
        let read = self.read_log(first, last.min(self.log.last_position()), u64::MAX);
        if let Role::Follower(follower) = &mut self.role {
            follower.stashed = Some(Stashed { read, number, push });
        }
    }

    pub(super) fn on_stashed_read(&mut self, read: ReadId, entries: &[Entry]) {
        let Role::Follower(follower) = &mut self.role else { return };
        let Some(leader) = follower.leader else { return };
        if follower.stashed.as_ref().is_some_and(|stashed| stashed.read == read) {
            let Stashed { number, push, .. } = follower.stashed.take().expect("it was looked at just now");
            let looked: Vec<LogPoint> = entries.iter().map(Entry::point).collect();
            self.on_push(leader, number, push, &looked);
        }
    }

    fn trace_conflict(
        &mut self,
        from: NodeId,
        number: u64,
        what: &'static str,
        expected: Option<LogPoint>,
        found: Option<LogPoint>,
    ) {
        self.trace(|| Fact::Conflict { from, number, what: what.into(), expected, found });
    }

    /// `confirmed` were there and forged; now they are as good as the `fresh` ones.
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
