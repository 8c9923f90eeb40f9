//! Sorting of inputs that concern more than one part: ticks, messages, finished storage operations, finished reads.
//!
//! Messages are checked here before any rule sees them: addressee, cluster, data folder, epoch. A message that fails is
//! rejected and changes nothing. What a valid message does is in the files of the rules.

use crate::core::Core;
use crate::entry::Entry;
use crate::io::{Answer, Output, Promise, ReadId, Rejection};
use crate::message::{Envelope, Message, Refused};
use crate::role::Role;
use crate::trace::{DropReason, Fact};
use crate::types::{Epoch, FeatureLevel, NodeId, Operation};

/// The largest distance above its own promise at which a node accepts an epoch. 2³² elections cannot happen while one
/// node is away. A promise is never lowered, so one corrupted number could otherwise use up all epochs forever.
const EPOCH_REACH: u64 = 1 << 32;

impl Core {
    /// The deadline has passed: late transfers end, then the timer of the role is checked. Each timer is compared with
    /// `now`, so an early tick does nothing.
    pub(super) fn on_tick(&mut self) {
        self.expire_parked();
        self.expire_transfer();
        match &self.role {
            Role::Leader(leader) if leader.heartbeat_at <= self.now => self.on_heartbeat_due(),
            Role::Leader(_) => {}
            _ if self.role_deadline() <= self.now => self.on_election_timeout(),
            _ => {}
        }
    }

    /// A message of another node: checked, traced, and passed to the rule for its kind.
    ///
    /// Epochs are compared by kind. Pre-votes change no promise. A vote request decides for itself. A leader's message
    /// and an answer with a greater epoch make this node promise that epoch first; an answer of a smaller one is
    /// ignored.
    pub(super) fn on_message(&mut self, envelope: Envelope) {
        if let Err(why) = self.admit(&envelope) {
            self.trace_dropped(envelope.from, envelope.number, envelope.message.kind(), why.code());
            return self.output(Output::Rejected { from: envelope.from, why });
        }
        self.trace(|| Fact::Received {
            from: envelope.from,
            number: envelope.number,
            kind: envelope.message.kind().into(),
        });
        let Envelope { from, number, epoch, message, incarnation: envelope_incarnation, sender, level, .. } = envelope;
        self.asked_by = sender.filter(|_| message.is_request()).map(|sender| (from, sender));
        match message {
            // Pre-votes change no promise, so their epochs are not compared with it here.
            Message::PreVoteAsked(asked) => self.on_pre_vote_asked(from, asked),
            Message::PreVoteAnswer(answer) => self.on_pre_vote_answer(from, epoch, level, answer),
            Message::VoteAsked(asked) => self.on_vote_asked(from, number, asked),
            Message::VoteAnswer(answer) => {
                if !self.step_down_for(epoch) {
                    self.on_vote_answer(from, answer);
                }
            }
            Message::Push(_) | Message::CommitOrder(_) | Message::TransferNow(_) | Message::SnapshotChunk(_) => {
                let invites = envelope_incarnation == Some(self.config.incarnation);
                self.on_leader_message(from, number, epoch, message, invites)
            }
            Message::Ack(_)
            | Message::RoundAnswer(_)
            | Message::LogState(_)
            | Message::SnapshotAck(_)
            | Message::Refused(_)
            | Message::TransferAsked(_) => {
                // A removed node that has not learnt of its removal must not force an election.
                let counts = !self.is_removed_replica(from);
                if !(counts && self.step_down_for(epoch)) && epoch == self.epoch() {
                    self.on_replica_message(from, level, message);
                }
            }
        }
    }

    /// Checks that the message is addressed to this node and this data folder, and comes from a member of the same
    /// cluster. Gives the rejection otherwise; a rejected message changes nothing.
    fn admit(&self, envelope: &Envelope) -> Result<(), Rejection> {
        if envelope.to != self.config.id {
            return Err(Rejection::OtherNode);
        }
        let mine = self.members().map(|listed| listed.membership.cluster);
        let same_cluster = mine.is_some() && envelope.cluster == mine;
        let for_me = envelope.incarnation == Some(self.config.incarnation);
        // The sender's list may be newer than this one. A request that names this cluster or this data folder comes
        // from someone who has a list. Answers come only from nodes that this node asked, so their senders must be
        // known.
        let from_a_list = (same_cluster || for_me) && envelope.message.is_request();
        if envelope.from == self.config.id || !(from_a_list || self.is_known_peer(envelope.from)) {
            return Err(Rejection::UnknownPeer);
        }
        if envelope.cluster.is_some() && mine.is_some() && !same_cluster {
            return Err(Rejection::OtherCluster);
        }
        if envelope.incarnation.is_some() && !for_me {
            return Err(Rejection::OtherIncarnation);
        }
        if envelope.level < self.level() && !envelope.message.only_reports() {
            return Err(Rejection::LevelTooLow);
        }
        // An answer of a replaced data folder must not count: that folder no longer holds what it acked or voted.
        let answers_as = envelope.sender.filter(|_| !envelope.message.is_request());
        if answers_as.is_some() && self.incarnation_of(envelope.from).is_some_and(|known| Some(known) != answers_as) {
            return Err(Rejection::OldIncarnation);
        }
        let reach = self.epoch().map_or(0, |epoch| epoch.0).saturating_add(EPOCH_REACH);
        if envelope.claimed_epoch().is_some_and(|claimed| claimed.0 > reach) {
            return Err(Rejection::EpochOutOfReach);
        }
        Ok(())
    }

    /// Handles a message that only a leader of its epoch sends. A smaller epoch is refused. A greater one is promised
    /// first; the barrier keeps every answer back until the promise is durable (Raft paper 5.1).
    fn on_leader_message(&mut self, from: NodeId, number: u64, epoch: Option<Epoch>, message: Message, invites: bool) {
        let Some(epoch) = epoch else { return };
        if Some(epoch) < self.epoch() {
            self.send(from, Message::Refused(Refused { answers: number }));
            return;
        }
        if Some(epoch) > self.epoch() {
            self.step_down(Some(epoch));
            self.save_promise(Promise { epoch, vote: None });
        }
        if !self.accept_leader(from) {
            return self.trace_dropped(from, number, message.kind(), DropReason::SecondLeader);
        }
        if let Role::Follower(follower) = &mut self.role {
            follower.invited |= invites;
        }
        match message {
            Message::Push(push) => self.on_push(from, number, push, &[]),
            Message::CommitOrder(order) => self.on_commit_order(from, order),
            Message::TransferNow(transfer) => self.on_transfer_now(from, number, transfer.last),
            Message::SnapshotChunk(chunk) => self.on_snapshot_chunk(from, number, chunk),
            _ => unreachable!("the caller passes a leader's messages only"),
        }
    }

    /// Handles a message to a leader in its own epoch. The epoch was compared before.
    fn on_replica_message(&mut self, from: NodeId, level: FeatureLevel, message: Message) {
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(progress) = leader.replicas.get_mut(&from) else { return };
        progress.heard = self.now;
        progress.level = Some(level);
        match message {
            Message::Ack(ack) => self.on_ack(from, ack),
            Message::RoundAnswer(answer) => self.on_round_answer(from, answer),
            Message::LogState(state) => self.on_log_state(from, state),
            Message::TransferAsked(_) => self.on_transfer_asked(from),
            Message::SnapshotAck(ack) => self.on_snapshot_ack(from, ack),
            _ => {}
        }
    }

    /// `operation` and all before it are durable. Injections are answered, then the role reacts: a candidate counts
    /// its own vote, a leader counts its own copy, a replica acks. None of the three may happen earlier.
    pub(super) fn on_stored(&mut self, operation: Operation) {
        if self.barrier.is_some_and(|barrier| barrier <= operation) {
            self.barrier = None;
        }
        let more = self.log.stored(operation);
        while self.injected.front().is_some_and(|(pending, ..)| *pending <= operation) {
            let (_, request, last) = self.injected.pop_front().expect("the loop condition found a first one");
            self.answer(request, Answer::Injected(last));
        }
        match &self.role {
            // An older promise may have become durable; then the barrier is still set.
            Role::Candidate(_) if self.barrier.is_none() => self.on_own_vote_stored(),
            Role::Leader(_) if more => self.on_own_copy_stored(),
            Role::Follower(_) => self.acknowledge(false),
            _ => {}
        }
    }

    /// A failed write or flush is final. The kernel may have dropped the data, so retrying could report success for
    /// data that is lost.
    pub(super) fn on_storage_failed(&mut self, text: String) {
        self.trace(|| Fact::DiskError { text: text.clone().into() });
        self.fatal(format!("the disk failed, so nothing that it says can be trusted: {text}"));
    }

    /// Entries read from the disk for compaction, for applying, or for the current role. A result that is not
    /// awaited any more is ignored.
    pub(super) fn on_log_read(&mut self, read: ReadId, entries: Vec<Entry>) {
        if self.on_read_for_compaction(read, &entries) || self.on_read_to_apply(read, &entries) {
            return;
        }
        match &self.role {
            Role::Follower(_) => self.on_stashed_read(read, &entries),
            Role::Leader(_) => self.on_leader_read(read, entries),
            _ => {}
        }
    }
}
