//! The leader's side of replication: it opens its epoch, gives each write its place, pushes, and sends again what a
//! replica has not got. Pushes are pipelined, with a bound on what is under way to each replica.

use std::collections::{BTreeMap, VecDeque};

use crate::core::Core;
use crate::entry::{Entry, Kind};
use crate::io::{Answer, Proposal, ReadId, Refusal};
use crate::membership::{Member, Membership};
use crate::message::{Message, Push, Pushed};
use crate::payload::Opening;
use crate::role::{Leader, Progress, Reads, Role, Waiting};
use crate::trace::{Fact, Preview};
use crate::types::{EntryId, Epoch, Incarnation, LogPoint, NodeId, Position, RequestId, reach};

impl Core {
    /// Begins to lead: the epoch opens with an entry at offset 0; that of the first one founds the cluster.
    pub(super) fn lead(&mut self, epoch: Epoch, incarnations: BTreeMap<NodeId, Incarnation>) {
        let founding = self.members().is_none().then(|| self.found(&incarnations));
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
            transfer_rest: self.first_preference(),
            lease_given_up: false,
        });

        self.follow_list();
        let point = entry.point();
        self.trace_proposed(std::slice::from_ref(&entry));
        let committed = self.committed;
        self.trace(|| Fact::Opened { entry: point, committed });
        self.write(vec![entry]);
        self.unpark();
    }

    fn found(&self, incarnations: &BTreeMap<NodeId, Incarnation>) -> Membership {
        let member = |(id, address): &(NodeId, String)| {
            let incarnation = incarnations.get(id).copied().unwrap_or(self.config.incarnation);
            Member::voter(*id, address.clone(), incarnation)
        };
        Membership::found(self.config.voters.iter().map(member).collect())
    }

    /// Clients' writes: each gets its epoch and offset; together they are one storage operation and one push.
    pub(super) fn on_propose(&mut self, proposals: Vec<Proposal>) {
        let limits = self.config.limits;
        let Role::Leader(leader) = &mut self.role else { return self.pass_on(proposals) };
        if let Some(transfer) = &mut leader.transfer {
            let room = (limits.uncommitted_entries as usize).saturating_sub(transfer.waiting.len());
            let mut proposals = proposals;
            let refused = proposals.split_off(room.min(proposals.len()));
            transfer.waiting.append(&mut proposals);
            let refused = refused.into_iter().map(|proposal| proposal.request).collect();
            return self.refuse_writes(refused, Refusal::Overloaded);
        }
        let epoch = leader.epoch;
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
            self.write(entries);
        }
    }

    pub(super) fn trace_proposed(&mut self, entries: &[Entry]) {
        self.trace(|| Fact::Proposed { entry: entries.iter().map(|entry| Preview::of(entry, false)).collect() });
    }

    fn pass_on(&mut self, proposals: Vec<Proposal>) {
        let requests: Vec<RequestId> = proposals.into_iter().map(|proposal| proposal.request).collect();
        let Some(leader) = self.leader() else { return self.refuse_writes(requests, Refusal::NoLeader) };
        for request in requests {
            self.trace(|| Fact::Forwarded { request: request.0, to: leader });
            self.answer(request, Answer::Forward(leader));
        }
    }

    pub(super) fn refuse_writes(&mut self, requests: Vec<RequestId>, refusal: Refusal) {
        for request in &requests {
            self.trace(|| Fact::WriteRefused { request: request.0, why: refusal.code().into() });
        }
        self.refuse(requests, refusal);
    }

    /// Stores entries as intermediate data and, at the same time, pushes them to every replica.
    pub(super) fn write(&mut self, entries: Vec<Entry>) {
        self.store_entries(None, entries);
        for replica in self.replicas() {
            self.push_to(replica);
        }
    }

    /// Whom this leader pushes to.
    pub(super) fn replicas(&self) -> Vec<NodeId> {
        let Role::Leader(leader) = &self.role else { return Vec::new() };
        leader.replicas.keys().copied().collect()
    }

    /// Pushes what a replica has not been sent, as far as the bounds allow.
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
                return self.needs_snapshot(replica);
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

    fn progress(&mut self, replica: NodeId) -> &mut Progress {
        let Role::Leader(leader) = &mut self.role else { unreachable!("only a leader has progress") };
        leader.replicas.get_mut(&replica).expect("whoever is pushed to has progress")
    }

    /// Sends entries after the last that was sent. Without entries: a heartbeat.
    fn send_push(&mut self, replica: NodeId, entries: Vec<Entry>) {
        let acked = self.known_acked(replica);
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
            // Before the message leaves: what the receiver does with it follows from this.
            self.trace(|| Fact::Pushed { to: replica, number, prev, first, last, count, resync });
        }
        // An older copy of the replica's log ends before `prev`, unless it is a resync push: it hears of its own acks
        // before it can give another.
        let acked = acked.filter(|_| ends.is_none() || replaces);
        self.send(replica, Message::Push(Push { prev, entries, resync, replaces, round, acked }));
    }

    /// An empty push: it shows that the leader lives, and finds out what was lost.
    pub(super) fn send_heartbeat(&mut self, replica: NodeId) {
        self.send_push(replica, Vec::new());
    }

    pub(super) fn on_heartbeat_due(&mut self) {
        let (now, interval) = (self.now, self.config.heartbeat_micros);
        let Role::Leader(leader) = &self.role else { return };
        let live = leader.voters().filter(|(_, progress)| self.is_live(progress)).count();
        if live + self.own_share() < self.quorum() {
            return self.step_down(None);
        }
        let Role::Leader(leader) = &mut self.role else { return };
        // From the last deadline, not from now: a late tick must not shift all that follow.
        leader.heartbeat_at = leader.heartbeat_at.plus_micros(interval);
        if leader.heartbeat_at <= now {
            leader.heartbeat_at = now.plus_micros(interval);
        }
        self.part_with_removed();
        self.renew_lease();
        for replica in self.replicas() {
            self.send_heartbeat(replica);
            self.repeat_order(replica);
            self.push_to(replica);
        }
        self.prefer_another();
        self.promote_caught_up();
        self.go_on_sending();
    }

    /// Forgets pushes that an ack covers.
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
            let (_, weight) = progress.in_flight.pop_front().expect("there is a first one");
            progress.in_flight_bytes -= weight;
        }
    }

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
            Waiting::SyncPoint { report, mut looked, .. } => {
                looked.extend(entries.first().map(Entry::point));
                self.resync(replica, report, looked);
            }
            _ => {
                // An ack may have come meanwhile: what continues the last sent entry is still right.
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
