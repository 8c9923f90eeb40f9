//! Forged entries: conflicts made on purpose at the end of a replica's log, and the mark that keeps them harmless
//! (third test of the assignment).
//!
//! The consistency check never reads the mark; it finds forged entries by id or digest like any other difference. The
//! mark has one purpose: the experiment cannot break a confirmed write. Forged entries are never acked or applied,
//! votes are compared without them, and a node deletes them before it asks for votes. A push that confirms a forged
//! entry by id and digest removes its mark, durably, before the ack.

use crate::core::Core;
use crate::entry::{Entry, Kind};
use crate::io::{Answer, Append, Inject, Output, Refusal, Store};
use crate::role::Role;
use crate::trace::{Fact, Preview, TruncationReason};
use crate::types::{EntryId, LogPoint, Offset, Position};

impl Core {
    /// Appends forged entries and stores them with the mark. Answered with `Injected` once they are durable. The
    /// request is refused on a leader, on a candidate, with too many or no entries, on an empty log, or if the epoch
    /// is out of range.
    pub(super) fn on_inject(&mut self, inject: Inject) {
        let request = inject.request;
        let first = match self.first_forged_id(&inject) {
            Ok(first) => first,
            Err(refusal) => return self.answer(request, Answer::Refused(refusal)),
        };
        let operation = self.next_operation();
        let mut entries = Vec::new();
        let mut before = self.log.last();
        for (index, command) in inject.commands.into_iter().enumerate() {
            let id = EntryId { epoch: first.epoch, offset: Offset(first.offset.0 + index as u64) };
            let entry = Entry::after(before, id, Kind::Command, command);
            before = Some(entry.point());
            self.log.append(entry.clone(), operation);
            entries.push(entry);
        }
        if let (Some(entry), Some(last)) = (entries.first(), before) {
            self.log.mark_forged(entry.position);
            self.injected.push_back((operation, request, last));
        }
        self.trace(|| Fact::Injected { entries: entries.iter().map(|entry| Preview::of(entry, true)).collect() });
        let append = Append { truncate_from: None, entries, forged: true };
        self.output(Output::Store(operation, Store::Append(append)));
    }

    /// The id of the first forged entry. Forged entries continue the log exactly: the next offset of its last epoch,
    /// or offset 0 of a greater epoch that is not above the promise.
    fn first_forged_id(&self, inject: &Inject) -> Result<EntryId, Refusal> {
        match &self.role {
            Role::Leader(_) => return Err(Refusal::Leads),
            Role::PreCandidate(_) | Role::Candidate(_) => return Err(Refusal::Standing),
            Role::Follower(_) => {}
        }
        if inject.commands.is_empty() || inject.commands.len() > self.config.limits.injected_entries {
            return Err(Refusal::TooMany);
        }
        let last = self.log.last().ok_or(Refusal::EmptyLog)?.id;
        let epoch = inject.epoch.unwrap_or(last.epoch);
        if epoch < last.epoch || Some(epoch) > self.epoch() {
            return Err(Refusal::EpochOutOfRange);
        }
        Ok(EntryId::next_in(epoch, Some(last)))
    }

    /// Deletes forged entries. Every later message waits until the deletion is durable: a vote request compares the
    /// log without them, and a crash must not bring them back.
    pub(super) fn drop_forged(&mut self) {
        if self.log.forged_from().is_none() {
            return;
        }
        self.truncate(self.log.last_genuine(), TruncationReason::ForgedDropped);
        let operation = self.last_operation();
        self.hold_messages_until(operation);
    }

    /// Removes the mark from forged entries up to `position`, which a push has confirmed. They are written again
    /// without the mark and count as durable only when that is stored; an ack before it would count an entry that is
    /// still marked on disk. Returns them for watchers.
    pub(super) fn confirm_forged(&mut self, position: Position) -> Vec<Preview> {
        let position = Position(position.0.min(self.log.last_position()));
        let Some(from) = self.log.clear_forged(position) else { return Vec::new() };
        let tail: Vec<Entry> = self.log.entries_from(from).cloned().collect();
        let (genuine, forged): (Vec<Entry>, Vec<Entry>) =
            tail.into_iter().partition(|entry| entry.position <= position);
        let told = if self.is_watched() { genuine.as_slice() } else { &[] };
        let confirmed = told.iter().map(|entry| Preview::of(entry, false)).collect();
        self.log.lower_durable(from.0 - 1);
        self.rewrite(Some(from), genuine, false);
        if !forged.is_empty() {
            self.rewrite(None, forged, true);
        }
        confirmed
    }

    /// Stores entries of the log again, in an operation of their own.
    fn rewrite(&mut self, truncate_from: Option<Position>, entries: Vec<Entry>, forged: bool) {
        let operation = self.next_operation();
        if let Some(last) = entries.last().map(Entry::point) {
            let LogPoint { position, .. } = last;
            self.log.flushing_up_to(operation, position.0);
        }
        self.output(Output::Store(operation, Store::Append(Append { truncate_from, entries, forged })));
    }
}
