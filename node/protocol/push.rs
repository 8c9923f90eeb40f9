//! The leader's side of replication: it opens its epoch, gives each write an id, pushes entries, and pushes again what
//! a replica lacks (assignment 2a, 2b).
//!
//! Pushes are pipelined: the leader does not wait for one ack before it sends the next push. What is in flight to each
//! replica is bounded. Storing and pushing happen in the same step: [`Output::Store`](crate::Output::Store) first,
//! then the pushes, none of which waits for the store (Raft thesis 10.2.1). That is safe because the leader counts its
//! own copy only when it is durable.

use std::collections::{BTreeMap, VecDeque};

use crate::core::Core;
use crate::entry::{Entry, Kind};
use crate::io::{Answer, Proposal, ReadId, Refusal};
use crate::membership::{Member, Membership};
use crate::message::{Message, Push, Pushed};
use crate::payload::Opening;
use crate::role::{Founder, Leader, Progress, Reads, Role, Waiting};
use crate::trace::{Fact, Preview};
use crate::types::{EntryId, Epoch, FeatureLevel, LogPoint, NodeId, Position, RequestId, reach};

impl Core {
    /// Starts to lead: appends the entry at offset 0 that opens the epoch. In the first epoch that entry founds the
    /// cluster.
    ///
    /// The role is set before the entry is written, so that the write pushes to the replicas.
    pub(super) fn become_leader(&mut self, epoch: Epoch, founders: &BTreeMap<NodeId, Founder>) {
        let founding = self.members().is_none().then(|| self.founding_list(founders));
        let body = Opening { founding }.encode();
        let before = self.log.last();
        let entry = Entry::after(before, EntryId::next_in(epoch, None), Kind::Opening, body);
        self.role = Role::Leader(Leader {
            epoch,
            opening: entry.position,
            replicas: BTreeMap::new(),
            writes: VecDeque::new(),
            reads: Reads::default(),
            heartbeat_at: self.now.plus_micros(self.config.heartbeat_micros),
            transfer: None,
            transfer_rest: self.first_preferred_transfer(),
            lease_given_up: false,
        });

        self.hurry = 0;
        self.update_replicas();
        let point = entry.point();
        self.trace_proposed(std::slice::from_ref(&entry));
        let committed = self.committed;
        self.trace(|| Fact::Opened { entry: point, committed });
        self.append_and_push(vec![entry]);
        self.unpark();
    }

    /// The founding list: the voters of the command line with the data folders that answered in the first election, at
    /// the least feature level that they all support.
    fn founding_list(&self, founders: &BTreeMap<NodeId, Founder>) -> Membership {
        let member = |(id, address): &(NodeId, String)| {
            let incarnation = founders.get(id).map_or(self.config.incarnation, |founder| founder.incarnation);
            Member::voter(*id, address.clone(), incarnation)
        };
        let level = founders.values().map(|founder| founder.level).min().unwrap_or(self.config.level_max);
        Membership::founding(self.config.voters.iter().map(member).collect()).at_level(level)
    }

    /// Clients' writes: each gets the next offset of the epoch. Together they are one storage operation and one push
    /// to each replica. Writes beyond the bounds are refused as overloaded; during a transfer they wait.
    pub(super) fn on_propose(&mut self, proposals: Vec<Proposal>) {
        let limits = self.config.limits;
        let Role::Leader(leader) = &mut self.role else { return self.forward_proposals(proposals) };
        if let Some(transfer) = &mut leader.transfer {
            let room = (limits.uncommitted_entries as usize).saturating_sub(transfer.waiting.len());
            let mut proposals = proposals;
            let refused = proposals.split_off(room.min(proposals.len()));
            transfer.waiting.append(&mut proposals);
            let refused = refused.into_iter().map(|proposal| proposal.request).collect();
            return self.refuse_writes(refused, Refusal::Overloaded);
        }
        let epoch = leader.epoch;
        let proposals = self.within_level(proposals);
        let mut bytes = self.log.unapplied_weight();
        let mut count = self.log.last_position() - reach(self.applied);
        let mut before = self.log.last();
        let (mut entries, mut writes, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for Proposal { request, command } in proposals {
            if bytes >= limits.uncommitted_bytes || count >= limits.uncommitted_entries {
                refused.push(request);
                continue;
            }
            let id = EntryId::next_in(epoch, before.map(|point| point.id));
            let entry = Entry::after(before, id, Kind::Command, command);
            (bytes, count, before) = (bytes + entry.weight(), count + 1, Some(entry.point()));
            writes.push((entry.point(), request));
            entries.push(entry);
        }
        if !entries.is_empty() {
            self.trace_proposed(&entries);
        }
        self.refuse_writes(refused, Refusal::Overloaded);
        if let Role::Leader(leader) = &mut self.role {
            leader.writes.extend(writes);
        }
        if !entries.is_empty() {
            self.append_and_push(entries);
        }
    }

    /// The proposals that the level in force allows; the others are refused.
    fn within_level(&mut self, proposals: Vec<Proposal>) -> Vec<Proposal> {
        let level = self.level();
        let is_within = |proposal: &Proposal| FeatureLevel::needed_by(Kind::Command, &proposal.command) <= level;
        let (within, beyond): (Vec<_>, Vec<_>) = proposals.into_iter().partition(is_within);
        self.refuse_writes(beyond.into_iter().map(|proposal| proposal.request).collect(), Refusal::FeatureLevel);
        within
    }

    /// Traces entries that this leader creates.
    pub(super) fn trace_proposed(&mut self, entries: &[Entry]) {
        self.trace(|| Fact::Proposed { entry: entries.iter().map(|entry| Preview::of(entry, false)).collect() });
    }

    /// Answers writes on a node that does not lead: forward, or refuse if no leader is known.
    fn forward_proposals(&mut self, proposals: Vec<Proposal>) {
        let requests: Vec<RequestId> = proposals.into_iter().map(|proposal| proposal.request).collect();
        let Some(leader) = self.leader() else { return self.refuse_writes(requests, Refusal::NoLeader) };
        for request in requests {
            self.trace(|| Fact::Forwarded { request: request.0, to: leader });
            self.answer(request, Answer::Forward(leader));
        }
    }

    /// Refuses writes and traces it.
    pub(super) fn refuse_writes(&mut self, requests: Vec<RequestId>, refusal: Refusal) {
        for request in &requests {
            self.trace(|| Fact::WriteRefused { request: request.0, why: refusal.code().into() });
        }
        self.refuse(requests, refusal);
    }

    /// Stores entries as intermediate data and pushes them to every replica in the same step.
    pub(super) fn append_and_push(&mut self, entries: Vec<Entry>) {
        self.store_entries(None, entries);
        for replica in self.replicas() {
            self.push_to(replica);
        }
    }

    /// The nodes that this leader pushes to.
    pub(super) fn replicas(&self) -> Vec<NodeId> {
        let Role::Leader(leader) = &self.role else { return Vec::new() };
        leader.replicas.keys().copied().collect()
    }

    /// Pushes what the replica has not been sent, as far as the bounds allow. Entries older than the window are read
    /// from the disk first; entries that were given up need a snapshot.
    pub(super) fn push_to(&mut self, replica: NodeId) {
        loop {
            let limits = self.config.limits;
            let Role::Leader(leader) = &mut self.role else { return };
            let Some(progress) = leader.replicas.get_mut(&replica) else { return };
            let from = Position::after(progress.sent);
            let full = progress.in_flight.len() >= limits.in_flight_pushes
                || progress.in_flight_bytes >= limits.in_flight_bytes;
            if progress.waiting != Waiting::Nothing || full || from.0 > self.log.last_position() {
                return;
            }
            if from.0 < self.log.window_first() && from.0 <= self.log.purged_position() {
                return self.queue_for_snapshot(replica);
            }
            if from.0 < self.log.window_first() {
                let to = (self.log.window_first() - 1).min(from.0 + limits.push_entries as u64 - 1);
                let read = self.read_log(from.0, to, limits.push_bytes);
                self.progress(replica).waiting = Waiting::Entries(read);
                return;
            }
            let mut bytes = 0;
            let fits = |entry: &&Entry| {
                let first = bytes == 0;
                bytes += entry.weight();
                first || bytes <= limits.push_bytes
            };
            let entries = self.log.entries_from(from).take(limits.push_entries).take_while(fits).cloned().collect();
            self.send_push(replica, entries);
        }
    }

    /// The progress record of a replica that this leader pushes to.
    fn progress(&mut self, replica: NodeId) -> &mut Progress {
        let Role::Leader(leader) = &mut self.role else { unreachable!("only a leader has progress records") };
        leader.replicas.get_mut(&replica).expect("every replica that is pushed to has a progress record")
    }

    /// Pushes entries after the last one sent. Without entries it is a heartbeat.
    fn send_push(&mut self, replica: NodeId, entries: Vec<Entry>) {
        let acked = self.last_known_ack(replica);
        let Role::Leader(leader) = &mut self.role else { return };
        let silent = leader.reads.asked.is_empty() && self.config.leadership.lease_micros == 0;
        let round = if silent { 0 } else { leader.reads.round };
        let Some(progress) = leader.replicas.get_mut(&replica) else { return };
        let prev = progress.sent;
        let replaces = reach(prev) < progress.resync_to;
        let resync = progress.resync;
        let ends = entries.first().map(Entry::point).zip(entries.last().map(Entry::point));
        if let Some((_, last)) = ends {
            let weight = entries.iter().map(Entry::weight).sum();
            progress.in_flight.push_back((last.position, weight));
            progress.in_flight_bytes += weight;
            progress.sent = Some(last);
        }
        let count = entries.len() as u64;
        let pushed = |entry: Entry| Pushed { id: entry.id, kind: entry.kind, body: entry.body };
        let entries = entries.into_iter().map(pushed).collect();
        if let Some((first, last)) = ends {
            let number = self.next_number();
            let (prev, first, last) = (prev.map(|point| point.id), first.id, last.id);
            // Traced before the message is sent: the receiver's facts follow from it.
            self.trace(|| Fact::Pushed { to: replica, number, prev, first, last, count, resync });
        }
        // Only these two reach a log that ends too early: an older copy of the replica's folder lacks `prev` of any
        // other push. So it learns what it acked before it can ack anything else.
        let acked = acked.filter(|_| ends.is_none() || replaces);
        self.send(replica, Message::Push(Push { prev, entries, resync, replaces, round, acked }));
    }

    /// A heartbeat: an empty push. It shows that the leader is live, and its answer shows what was lost.
    pub(super) fn send_heartbeat(&mut self, replica: NodeId) {
        self.send_push(replica, Vec::new());
    }

    /// A heartbeat is due. A leader without a live quorum steps down (Raft thesis 6.2): it could commit nothing, and
    /// clients should look for another.
    pub(super) fn on_heartbeat_due(&mut self) {
        let (now, interval) = (self.now, self.config.heartbeat_micros);
        let Role::Leader(leader) = &self.role else { return };
        let live = leader.voters().filter(|(_, progress)| self.is_live(progress)).count();
        if live + self.own_vote() < self.quorum() {
            return self.step_down(None);
        }
        let Role::Leader(leader) = &mut self.role else { return };
        // Counted from the last deadline, not from now: a late tick must not delay all later heartbeats.
        leader.heartbeat_at = leader.heartbeat_at.plus_micros(interval);
        if leader.heartbeat_at <= now {
            leader.heartbeat_at = now.plus_micros(interval);
        }
        self.drop_removed_replicas();
        self.renew_lease();
        for replica in self.replicas() {
            self.send_heartbeat(replica);
            self.repeat_order(replica);
            self.push_to(replica);
        }
        self.transfer_to_preferred();
        self.promote_caught_up();
        self.raise_level();
        self.continue_snapshot();
    }

    /// Moves `matched` forward and removes the pushes that the ack covers from `in_flight`. `matched` never moves
    /// back: acks can arrive out of order.
    pub(super) fn on_matched(&mut self, replica: NodeId, matched: Option<LogPoint>) {
        let progress = self.progress(replica);
        if Position::after(matched) > Position::after(progress.matched) {
            progress.matched = matched;
        }
        if Position::after(progress.matched) > Position::after(progress.sent) {
            progress.sent = progress.matched;
        }
        let reached = Position::after(progress.matched);
        while progress.in_flight.front().is_some_and(|(last, _)| *last < reached) {
            let (_, weight) = progress.in_flight.pop_front().expect("the loop condition found a first one");
            progress.in_flight_bytes -= weight;
        }
    }

    /// Entries were read for a replica: for a push, or to find a sync point.
    pub(super) fn on_leader_read(&mut self, read: ReadId, entries: Vec<Entry>) {
        let Role::Leader(leader) = &self.role else { return };
        let waits = |progress: &Progress| match &progress.waiting {
            Waiting::Nothing | Waiting::Turn | Waiting::Snapshot(_) => false,
            Waiting::Entries(waiting) => *waiting == read,
            Waiting::SyncPoint { read: waiting, .. } => *waiting == read,
        };
        let Some((replica, _)) = leader.replicas.iter().find(|(_, progress)| waits(progress)) else { return };
        let replica = *replica;
        let progress = self.progress(replica);
        match std::mem::replace(&mut progress.waiting, Waiting::Nothing) {
            Waiting::SyncPoint { report, mut read_back, .. } => {
                read_back.extend(entries.first().map(Entry::point));
                self.resync(replica, report, read_back);
            }
            _ => {
                // An ack may have arrived meanwhile. Only entries directly after the last one sent are pushed.
                let sent = reach(progress.sent);
                let rest: Vec<Entry> = entries.into_iter().filter(|entry| entry.position.0 > sent).collect();
                if rest.first().is_some_and(|entry| entry.position.0 == sent + 1) {
                    self.send_push(replica, rest);
                }
                self.push_to(replica);
            }
        }
    }
}
