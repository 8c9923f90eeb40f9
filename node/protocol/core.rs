//! The state machine: one input in, outputs out, in order. Here is the state, the sorting of inputs, and what every
//! part needs to say something; what happens is in the modules beside this one.

use std::collections::{BTreeMap, VecDeque};

use crate::applying::Applying;
use crate::config::{Config, Restored};
use crate::damage::Checking;
use crate::entry::Entry;
use crate::io::{Answer, Append, Input, Output, Promise, ReadId, ReadLog, Refusal, Rejection, Send, Store};
use crate::log::Log;
use crate::membership::{Listed, Lists};
use crate::message::{Envelope, Message, Refused};
use crate::role::{Follower, Progress, Role};
use crate::snapshot::Snapshots;
use crate::trace::{Belief, Fact, NodeState, Preview, RoleName};
use crate::transfer::Parked;
use crate::types::{EntryId, Epoch, Incarnation, LogPoint, NodeId, Operation, Position, RequestId, Time};

/// How far above its own promise a node believes an epoch to be: more elections than a cluster can hold while one node
/// is away. A promise is never taken back, so one mangled number must not use up all epochs for ever.
const EPOCH_REACH: u64 = 1 << 32;

/// The protocol's whole state at one node.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Core {
    pub(super) config: Config,
    random: u64,
    pub(super) started: Time,
    pub(super) now: Time,
    pub(super) promise: Option<Promise>,
    /// The member lists of the log; the last one counts.
    pub(super) lists: Lists,
    pub(super) log: Log,
    /// Invariant: `applied ≤ handed ≤ committed ≤ last`.
    pub(super) committed: Option<LogPoint>,
    /// What was given to the final database.
    pub(super) handed: Option<LogPoint>,
    pub(super) applied: Option<LogPoint>,
    pub(super) applying: Applying,
    pub(super) role: Role,
    pub(super) checking: Checking,
    pub(super) snapshots: Snapshots,
    /// Injections whose entries are not durable yet.
    pub(super) injected: VecDeque<(Operation, RequestId, LogPoint)>,
    pub(super) parked: Option<Parked>,
    /// Acks of earlier epochs in which this node led, as far as what was acked is committed: of which data folder, and
    /// up to which entry.
    pub(super) acks_known: BTreeMap<NodeId, (Incarnation, LogPoint)>,
    /// Nothing is said before this operation is durable: it holds a promise, or the deletion of forged entries.
    barrier: Option<Operation>,
    /// Who asks in this step, with which data folder: an answer names that one.
    asked_by: Option<(NodeId, Incarnation)>,
    last_operation: Operation,
    last_number: u64,
    last_read: u64,
    watched: bool,
    outputs: Vec<Output>,
}

impl Core {
    /// A core that starts now with what its disk remembers. Nothing is sent before the first `step`.
    ///
    /// Panics if what the disk remembers contradicts itself: storage has checked it.
    pub fn new(config: Config, restored: Restored, now: Time) -> Core {
        let log = Log::restore(&restored);
        let snapshots = Snapshots::restored(&restored);
        let mut core = Core {
            random: config.seed,
            config,
            started: now,
            now,
            promise: restored.promise,
            lists: Lists::new(restored.lists),
            log,
            committed: restored.committed,
            handed: restored.committed,
            applied: restored.committed,
            applying: Applying::default(),
            role: Role::Follower(Follower::new(None, now, 0)),
            checking: Checking::No,
            snapshots,
            injected: VecDeque::new(),
            parked: None,
            acks_known: BTreeMap::new(),
            barrier: None,
            asked_by: None,
            last_operation: Operation(0),
            last_number: 0,
            last_read: 0,
            watched: false,
            outputs: Vec::new(),
        };
        core.follow(None);
        core.stand_soon_if_alone();
        core.promise_up_to(restored.purged);
        assert!(core.epoch() >= core.log.last().map(|point| point.id.epoch), "the log is newer than the promise");
        core
    }

    /// A snapshot is a file of its own: it may be whole on the disk before the promise that came with it. Nothing was
    /// said in between, so in its epoch this node has voted for nobody.
    fn promise_up_to(&mut self, snapshot: Option<LogPoint>) {
        if let Some(LogPoint { id: EntryId { epoch, .. }, .. }) = snapshot
            && Some(epoch) > self.epoch()
        {
            self.save_promise(Promise { epoch, vote: None });
        }
    }

    /// Takes one input and gives what is to be done, in order.
    pub fn step(&mut self, now: Time, input: Input) -> Vec<Output> {
        self.now = self.now.max(now);
        match input {
            Input::Tick => self.on_tick(),
            Input::Message(envelope) => self.on_message(envelope),
            Input::Stored(operation) => self.on_stored(operation),
            Input::StorageFailed(text) => self.on_storage_failed(text),
            Input::Applied { up_to, outcomes } => self.on_applied(up_to, &outcomes),
            Input::LogRead { read, entries } => self.on_log_read(read, entries),
            Input::ChainChecked(check) => self.on_chain_checked(check),
            Input::Backup(request) => self.on_backup(request),
            Input::SnapshotTaken(taken) => self.on_snapshot_taken(taken),
            Input::SnapshotRead { read, bytes } => self.on_snapshot_read(read, bytes),
            Input::SnapshotWritten { snapshot, written } => self.on_snapshot_written(snapshot, written),
            Input::SnapshotInstalled(snapshot) => self.on_snapshot_installed(snapshot),
            Input::Propose(proposals) => self.on_propose(proposals),
            Input::Read(requests) => self.on_read(requests),
            Input::LeaseRead(requests) => self.on_lease_read(requests),
            Input::Stand(request) => self.on_stand(request),
            Input::Transfer(request, to) => self.on_transfer(request, to),
            Input::ChangeMembers(request, change) => self.on_change_members(request, change),
            Input::Inject(inject) => self.on_inject(inject),
            Input::Watched(watched) => self.watched = watched,
        }
        self.log.shrink(&self.config.limits, self.committed);
        self.asked_by = None;
        std::mem::take(&mut self.outputs)
    }

    /// When the core wants its next [`Input::Tick`]; the host gives it at this time or soon after.
    pub fn deadline(&self) -> Time {
        let deadline = self.role_deadline();
        self.parked.as_ref().map_or(deadline, |parked| deadline.min(parked.deadline))
    }

    fn role_deadline(&self) -> Time {
        match &self.role {
            Role::Follower(follower) => follower.deadline,
            Role::PreCandidate(candidate) => candidate.deadline,
            Role::Candidate(candidate) => candidate.deadline,
            Role::Leader(leader) => {
                let transfer = leader.transfer.as_ref();
                transfer.map_or(leader.heartbeat_at, |transfer| transfer.deadline.min(leader.heartbeat_at))
            }
        }
    }

    /// The node as somebody outside sees it, with at most `tail` entries of its log's end.
    pub fn snapshot(&self, tail: usize) -> NodeState {
        let mut snapshot = NodeState::new(self.config.id);
        snapshot.sent = Some(self.last_number);
        snapshot.epoch = self.epoch();
        snapshot.leader = self.leader();
        let preview = |entry| Preview::of(entry, self.log.is_forged(entry.position));
        snapshot.tail = self.log.newest(tail).map(preview).collect();
        snapshot.committed = self.committed;
        snapshot.applied = self.applied;
        snapshot.purged = self.log.purged();
        snapshot.members = self.member_ids();
        snapshot.snapshot = self.snapshots.latest.map(|latest| latest.point);
        match &self.role {
            Role::Follower(follower) => snapshot.held = follower.ordered.filter(|held| !self.is_handed(*held)),
            Role::PreCandidate(_) | Role::Candidate(_) => snapshot.role = RoleName::Candidate,
            Role::Leader(leader) => {
                snapshot.role = RoleName::Leader;
                let belief = |progress: &Progress| Belief {
                    matched: progress.matched,
                    next: Some(Position::after(progress.sent)),
                    snapshot: progress.snapshot(),
                };
                snapshot.beliefs = leader.replicas.iter().map(|(id, progress)| (*id, belief(progress))).collect();
            }
        }
        snapshot
    }

    pub fn id(&self) -> NodeId {
        self.config.id
    }

    /// The promise's epoch.
    pub fn epoch(&self) -> Option<Epoch> {
        self.promise.map(|promise| promise.epoch)
    }

    /// Who leads this epoch, as far as this node knows.
    pub fn leader(&self) -> Option<NodeId> {
        match &self.role {
            Role::Follower(follower) => follower.leader,
            Role::Leader(_) => Some(self.config.id),
            Role::PreCandidate(_) | Role::Candidate(_) => None,
        }
    }

    pub fn last(&self) -> Option<LogPoint> {
        self.log.last()
    }

    pub fn committed(&self) -> Option<LogPoint> {
        self.committed
    }

    pub fn applied(&self) -> Option<LogPoint> {
        self.applied
    }

    /// The member list that counts here, once there is one in the log.
    pub fn members(&self) -> Option<&Listed> {
        self.lists.current()
    }

    pub fn role(&self) -> RoleName {
        match &self.role {
            Role::Follower(_) => RoleName::Replica,
            Role::PreCandidate(_) | Role::Candidate(_) => RoleName::Candidate,
            Role::Leader(_) => RoleName::Leader,
        }
    }

    /// Whether the position is past the last entry that is not forged.
    pub fn is_forged(&self, position: Position) -> bool {
        self.log.is_forged(position)
    }

    fn is_handed(&self, point: LogPoint) -> bool {
        self.handed.is_some_and(|handed| point.position <= handed.position)
    }

    fn on_tick(&mut self) {
        self.end_late_parking();
        self.end_late_transfer();
        match &self.role {
            Role::Leader(leader) if leader.heartbeat_at <= self.now => self.on_heartbeat_due(),
            Role::Leader(_) => {}
            _ if self.role_deadline() <= self.now => self.on_election_timeout(),
            _ => {}
        }
    }

    fn on_message(&mut self, envelope: Envelope) {
        if let Err(why) = self.admit(&envelope) {
            self.trace_dropped(envelope.from, envelope.number, envelope.message.kind(), why.code());
            return self.output(Output::Rejected { from: envelope.from, why });
        }
        self.trace(|| Fact::Received {
            from: envelope.from,
            number: envelope.number,
            kind: envelope.message.kind().into(),
        });
        let Envelope { from, number, epoch, message, incarnation: envelope_incarnation, sender, .. } = envelope;
        self.asked_by = sender.filter(|_| message.asks()).map(|sender| (from, sender));
        match message {
            // They change nothing, so no epoch of theirs counts.
            Message::PreVoteAsked(asked) => self.on_pre_vote_asked(from, asked),
            Message::PreVoteAnswer(answer) => self.on_pre_vote_answer(from, epoch, answer),
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
                let counts = !self.is_leaving(from);
                if !(counts && self.step_down_for(epoch)) && epoch == self.epoch() {
                    self.on_replica_message(from, message);
                }
            }
        }
    }

    /// Whether the message is for this node, of this cluster, from a member, and meant for this very data folder.
    fn admit(&self, envelope: &Envelope) -> Result<(), Rejection> {
        if envelope.to != self.config.id {
            return Err(Rejection::OtherNode);
        }
        let mine = self.members().map(|listed| listed.membership.cluster);
        let same_cluster = mine.is_some() && envelope.cluster == mine;
        let for_me = envelope.incarnation == Some(self.config.incarnation);
        // This list may be older than the sender's: who names this cluster or this data folder has that from a list.
        // But only those are asked whom this node knows, so answers come from nobody else.
        let from_a_list = (same_cluster || for_me) && envelope.message.asks();
        if envelope.from == self.config.id || !(from_a_list || self.knows(envelope.from)) {
            return Err(Rejection::UnknownPeer);
        }
        if envelope.cluster.is_some() && mine.is_some() && !same_cluster {
            return Err(Rejection::OtherCluster);
        }
        if envelope.incarnation.is_some() && !for_me {
            return Err(Rejection::OtherIncarnation);
        }
        let answers_as = envelope.sender.filter(|_| !envelope.message.asks());
        if answers_as.is_some() && self.incarnation_of(envelope.from).is_some_and(|known| Some(known) != answers_as) {
            return Err(Rejection::OldIncarnation);
        }
        let reach = self.epoch().map_or(0, |epoch| epoch.0).saturating_add(EPOCH_REACH);
        if envelope.claims().is_some_and(|claimed| claimed.0 > reach) {
            return Err(Rejection::EpochOutOfReach);
        }
        Ok(())
    }

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
        if !self.recognise(from) {
            return self.trace_dropped(from, number, message.kind(), "second-leader");
        }
        if let Role::Follower(follower) = &mut self.role {
            follower.invited |= invites;
        }
        match message {
            Message::Push(push) => self.on_push(from, number, push, &[]),
            Message::CommitOrder(order) => self.on_commit_order(from, order),
            Message::TransferNow(transfer) => self.on_transfer_now(from, number, transfer.last),
            Message::SnapshotChunk(chunk) => self.on_snapshot_chunk(from, number, chunk),
            _ => unreachable!("only a leader's messages come here"),
        }
    }

    fn on_replica_message(&mut self, from: NodeId, message: Message) {
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(progress) = leader.replicas.get_mut(&from) else { return };
        progress.heard = self.now;
        match message {
            Message::Ack(ack) => self.on_ack(from, ack),
            Message::RoundAnswer(answer) => self.on_round_answer(from, answer),
            Message::LogState(state) => self.on_log_state(from, state),
            Message::TransferAsked(_) => self.on_transfer_asked(from),
            Message::SnapshotAck(ack) => self.on_snapshot_ack(from, ack),
            _ => {}
        }
    }

    fn on_stored(&mut self, operation: Operation) {
        if self.barrier.is_some_and(|barrier| barrier <= operation) {
            self.barrier = None;
        }
        let more = self.log.stored(operation);
        while self.injected.front().is_some_and(|(pending, ..)| *pending <= operation) {
            let (_, request, last) = self.injected.pop_front().expect("there is a first one");
            self.answer(request, Answer::Injected(last));
        }
        match &self.role {
            // An older promise may be what is durable now; then the barrier still stands.
            Role::Candidate(_) if self.barrier.is_none() => self.on_own_vote_stored(),
            Role::Leader(_) if more => self.on_own_copy_stored(),
            Role::Follower(_) => self.acknowledge(false),
            _ => {}
        }
    }

    fn on_storage_failed(&mut self, text: String) {
        self.trace(|| Fact::DiskError { text: text.clone().into() });
        self.fatal(format!("the disk failed, so nothing that it says can be trusted: {text}"));
    }

    fn on_log_read(&mut self, read: ReadId, entries: Vec<Entry>) {
        if self.on_read_for_compaction(read, &entries) || self.on_read_to_apply(read, &entries) {
            return;
        }
        match &self.role {
            Role::Follower(_) => self.on_stashed_read(read, &entries),
            Role::Leader(_) => self.on_leader_read(read, entries),
            _ => {}
        }
    }

    /// Appends entries and stores them in one operation, after cutting the log behind `keep` if that is given.
    pub(super) fn store_entries(&mut self, keep: Option<Option<LogPoint>>, entries: Vec<Entry>) {
        let operation = self.next_operation();
        let truncate_from = keep.map(Position::after);
        if let Some(keep) = keep {
            self.log.truncate_after(keep, operation);
        }
        let changes = self.note_lists(keep, &entries);
        for entry in &entries {
            self.log.append(entry.clone(), operation);
        }
        let append = Append { truncate_from, entries, forged: false };
        self.outputs.push(Output::Store(operation, Store::Append(append)));
        if changes {
            self.on_list_changed();
        }
    }

    pub(super) fn save_promise(&mut self, promise: Promise) {
        self.promise = Some(promise);
        let operation = self.next_operation();
        self.outputs.push(Output::Store(operation, Store::Promise(promise)));
        self.say_nothing_before(operation);
    }

    pub(super) fn say_nothing_before(&mut self, operation: Operation) {
        self.barrier = Some(operation);
    }

    pub(super) fn next_operation(&mut self) -> Operation {
        self.last_operation.0 += 1;
        self.last_operation
    }

    pub(super) fn last_operation(&self) -> Operation {
        self.last_operation
    }

    pub(super) fn next_read(&mut self) -> ReadId {
        self.last_read += 1;
        ReadId(self.last_read)
    }

    pub(super) fn read_log(&mut self, from: u64, to: u64, bytes_max: u64) -> ReadId {
        let read = self.next_read();
        self.outputs.push(Output::ReadLog(ReadLog { read, from: Position(from), to: Position(to), bytes_max }));
        read
    }

    /// The number of the message that is sent next.
    pub(super) fn next_number(&self) -> u64 {
        self.last_number + 1
    }

    /// Sends a message; whatever it claims is durable before it leaves.
    pub(super) fn send(&mut self, to: NodeId, message: Message) {
        let number = self.next_number();
        self.last_number = number;
        let epoch = self.epoch();
        self.trace(|| Fact::Sent {
            to,
            number,
            kind: message.kind().into(),
            epoch,
            about: message.about(),
            entries: message.entries() as u64,
            bytes: message.bytes() as u64,
        });
        let envelope = Envelope {
            from: self.config.id,
            to,
            number,
            cluster: self.members().map(|listed| listed.membership.cluster),
            incarnation: self.incarnation_named(to, &message),
            epoch: self.epoch(),
            sender: Some(self.config.incarnation),
            process: 0,
            message,
        };
        self.outputs.push(Output::Send(Send { after: self.barrier, envelope }));
    }

    /// Whoever asks names the data folder that its list has. An answer goes to whoever asked: the list of the node that
    /// answers may be an older one, and name a folder that was replaced since.
    fn incarnation_named(&self, to: NodeId, message: &Message) -> Option<Incarnation> {
        if message.asks() {
            return self.incarnation_of(to);
        }
        self.asked_by.filter(|(asker, _)| *asker == to).map(|(_, incarnation)| incarnation)
    }

    pub(super) fn answer(&mut self, request: RequestId, answer: Answer) {
        self.outputs.push(Output::Answer(request, answer));
    }

    pub(super) fn refuse(&mut self, requests: Vec<RequestId>, refusal: Refusal) {
        for request in requests {
            self.answer(request, Answer::Refused(refusal));
        }
    }

    pub(super) fn output(&mut self, output: Output) {
        self.outputs.push(output);
    }

    pub(super) fn fatal(&mut self, why: String) {
        self.outputs.push(Output::Fatal(why));
    }

    pub(super) fn damaged(&mut self, why: String) {
        self.trace(|| Fact::Damaged { text: why.clone().into() });
        self.outputs.push(Output::Damaged(why));
    }

    /// Tells what happened, if anybody watches; the fact is built only then.
    pub(super) fn trace(&mut self, fact: impl FnOnce() -> Fact) {
        if self.watched {
            self.outputs.push(Output::Trace(fact()));
        }
    }

    pub(super) fn is_watched(&self) -> bool {
        self.watched
    }

    /// A message was thrown away.
    pub(super) fn trace_dropped(&mut self, from: NodeId, number: u64, kind: &'static str, why: &'static str) {
        let to = self.config.id;
        self.trace(|| Fact::Dropped { from, to, number, kind: kind.into(), why: why.into() });
    }

    /// The next number of the seeded sequence (SplitMix64, Steele, Lea and Flood 2014).
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// An election timeout for one attempt: between once and twice the least.
    pub(super) fn draw_timeout(&mut self) -> u64 {
        let least = self.config.election_timeout_micros;
        least + self.next_random() % least.max(1)
    }
}
