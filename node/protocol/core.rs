//! The state of one node and the step that changes it: one input in, a list of outputs out.
//!
//! This file holds the state, its invariants and the sorting of inputs. Each rule of the protocol has a file of its
//! own beside this one. Building messages, storage operations and answers is in `outputs.rs`; checking and sorting of
//! messages is in `dispatch.rs`.
//!
//! Order of outputs: the host carries them out in the order in which a step lists them. A [`Output::Store`] is listed
//! before the [`Output::Send`] that claims what it stores, and that send names the operation it waits for. An
//! [`Output::Apply`] is listed before the answers that depend on it, because those are given in a later step, after
//! [`Input::Applied`].

mod fingerprint;

use std::collections::{BTreeMap, VecDeque};

use crate::applying::Applying;
use crate::config::{Config, Restored};
use crate::damage::Checking;
use crate::io::{Input, Output, Promise};
use crate::log::Log;
use crate::membership::{Listed, Lists};
use crate::rng::SplitMix64;
use crate::role::{Follower, Progress, Role};
use crate::snapshot::Snapshots;
use crate::trace::{Belief, NodeState, Preview, RoleName};
use crate::transfer::Parked;
use crate::types::{EntryId, Epoch, FeatureLevel, Incarnation, LogPoint, NodeId, Operation, Position, RequestId, Time};

/// The complete protocol state of one node (Raft paper, figure 2, with what batching, snapshots and changes of members
/// add).
///
/// The state is a value: two cores with equal state give equal outputs for equal inputs. The model checker
/// compares it by [`Core::fingerprint`], so it contains no clock, handle or address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Core {
    /// Fixed for the life of the core.
    pub(super) config: Config,
    /// State of the seeded random sequence. Only [`Core::draw_timeout`] advances it. It belongs to the state so that a
    /// replay draws the same election timeouts.
    rng: SplitMix64,
    /// The time given to [`Core::new`]. A restarted voter has forgotten which lease it promised to respect, so it
    /// grants no vote until one lease patience after this time. An earlier value would let two leaders answer reads at
    /// once.
    pub(super) started: Time,
    /// The greatest time given to any step. It never goes back, even if the host's clock does: a timer that ran out
    /// stays run out, and a lease that ended does not begin again.
    pub(super) now: Time,
    /// The greatest epoch this node follows, and its vote in that epoch (Raft's `currentTerm` and `votedFor`).
    ///
    /// Invariants: the epoch never decreases; within an epoch the vote changes at most once, from `None` to `Some`;
    /// the epoch is not less than that of any entry in the log. Only [`Core::save_promise`] changes it, and no message
    /// leaves before the new value is durable. A node that forgot its vote could vote twice in one epoch and elect two
    /// leaders.
    pub(super) promise: Option<Promise>,
    /// The latest member lists of the log; the last one is in force, committed or not (Raft thesis 4.1). Every append,
    /// truncation and installed snapshot updates them in the same step as the log. If they lagged behind the log, the
    /// node would count a quorum of the wrong voters.
    pub(super) lists: Lists,
    /// The log: which entries exist, which are durable, which are forged.
    pub(super) log: Log,
    /// The last entry known to be committed.
    ///
    /// Invariant: `applied ≤ handed ≤ committed ≤ last genuine entry of the log`, and `handed` is also durable here.
    /// None of the four ever moves back, except that the log may lose entries after `committed`.
    ///
    /// A leader advances it when a quorum holds an entry of its own epoch ([`Core::count`]). A replica advances it by
    /// a commit order, up to what it has acked to that leader, or by a snapshot. If it moved back, the node could
    /// truncate an entry that is already final.
    pub(super) committed: Option<LogPoint>,
    /// The last entry given to the final database with [`Output::Apply`]. It moves only when such an output is made,
    /// or when a snapshot is installed. It keeps one entry from being applied twice.
    pub(super) handed: Option<LogPoint>,
    /// The last entry that the host reported as applied. Reads and writes are answered only up to here. It moves only
    /// with [`Input::Applied`] or an installed snapshot; a larger value would answer a read before its data is
    /// visible.
    pub(super) applied: Option<LogPoint>,
    /// The batches between `applied` and `handed`.
    pub(super) applying: Applying,
    /// What the node is, with the state that belongs to it. State that must not survive a change of role lives in the
    /// role, so that replacing the role forgets it.
    pub(super) role: Role,
    /// Whether this node is checking, or has checked, its own log for damage.
    pub(super) checking: Checking,
    /// Snapshots that exist, are being taken, sent, received or installed.
    pub(super) snapshots: Snapshots,
    /// Injections whose forged entries are not durable yet, in the order of their operations. Each is answered when
    /// its operation is stored.
    pub(super) injected: VecDeque<(Operation, RequestId, LogPoint)>,
    /// Writes and the request of a leadership transfer that are waiting to learn who the new leader is. Set when a
    /// leader with a transfer steps down; taken as soon as a leader is known, or refused at the deadline. Each request
    /// in it is answered exactly once.
    pub(super) parked: Option<Parked>,
    /// For each replica of an epoch in which this node led: the data folder, and an entry that this folder has acked.
    ///
    /// Invariant: the entry is committed, so no later leader truncates it. Updated when this node stops leading. An
    /// uncommitted entry here could be truncated legitimately, and the replica would then be taken for an older copy
    /// of itself.
    pub(super) known_acks: BTreeMap<NodeId, (Incarnation, LogPoint)>,
    /// The last storage operation that messages must wait for: a promise, or the deletion of forged entries. Every
    /// message built while it is set carries it in [`crate::Send::after`]. Cleared when that operation is stored.
    /// Without it a vote could leave before it is durable, be lost in a crash, and be given to another candidate.
    pub(super) barrier: Option<Operation>,
    /// The number of attempts to be elected that still use a short timeout. Set by evidence that the leader's process
    /// has ended, reduced by each attempt, 0 once a leader is heard or a vote is given to another node.
    pub(super) hurry: u8,
    /// The sender of the request handled in this step and its data folder; an answer names that folder. Cleared at the
    /// end of each step, so that a later message does not name it.
    pub(super) asked_by: Option<(NodeId, Incarnation)>,
    /// The number of the latest storage operation. The numbers grow by one, in the order in which operations must
    /// become durable.
    pub(super) last_operation: Operation,
    /// The number of the latest message sent. The trace pairs "sent" with "received" by it.
    pub(super) last_number: u64,
    /// The number of the latest read of the log or of a snapshot file. Each read has a number of its own, so that a
    /// late result is not taken for another.
    pub(super) last_read: u64,
    /// Whether trace outputs are built. It changes no other output.
    pub(super) watched: bool,
    /// The outputs of the current step, in order. Empty between steps.
    pub(super) outputs: Vec<Output>,
}

impl Core {
    /// Starts a core from the contents of its disk. The first [`Core::step`] may already send messages; this call
    /// sends none.
    ///
    /// A node starts as a replica without a leader (Raft paper 5.2). If it is the only voter, its first election is
    /// due one microsecond later.
    ///
    /// # Panics
    ///
    /// If the last entry of the log is of a greater epoch than the promise. Storage has checked this before.
    pub fn new(config: Config, restored: Restored, now: Time) -> Core {
        let log = Log::restore(&restored);
        let snapshots = Snapshots::restored(&restored);
        let mut core = Core {
            rng: SplitMix64::new(config.seed),
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
            known_acks: BTreeMap::new(),
            barrier: None,
            hurry: 0,
            asked_by: None,
            last_operation: Operation(0),
            last_number: 0,
            last_read: 0,
            watched: false,
            outputs: Vec::new(),
        };
        core.become_follower(None);
        core.shorten_timer_of_only_voter();
        core.raise_promise_to(restored.purged);
        let level = core.members().map_or(FeatureLevel::FIRST, |listed| listed.membership.level);
        assert!(level <= core.config.level_max, "the log needs a newer version than this node is");
        assert!(
            core.epoch() >= core.log.last().map(|point| point.id.epoch),
            "the log has entries of an epoch after the promise: the stored promise is not the last one"
        );
        core
    }

    /// Raises the promise to the epoch of the snapshot from which the log begins. A received snapshot is a file of its
    /// own and may be durable before the promise that was made for it. No message was sent in between, so this node
    /// has not voted in that epoch.
    fn raise_promise_to(&mut self, snapshot: Option<LogPoint>) {
        if let Some(LogPoint { id: EntryId { epoch, .. }, .. }) = snapshot
            && Some(epoch) > self.epoch()
        {
            self.save_promise(Promise { epoch, vote: None });
        }
    }

    /// Handles one input at time `now` and returns the outputs, in the order in which the host must carry them out.
    ///
    /// The call does no I/O and never blocks. `now` is in microseconds; a time before the greatest one seen so far is
    /// taken as that one. Inputs that no longer matter (a late read, an answer to an old round) give no output.
    /// Damaged data gives [`Output::Damaged`] and a failed disk [`Output::Fatal`]; the host then stops the node. A
    /// broken invariant of the core itself panics.
    pub fn step(&mut self, now: Time, input: Input) -> Vec<Output> {
        self.now = self.now.max(now);
        match input {
            Input::Tick => self.on_tick(),
            Input::Message(envelope) => self.on_message(envelope),
            Input::PeerGone(peer) => self.on_peer_gone(peer),
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
        // After the input: entries that this step read from the window stay in memory until its end.
        self.log.shrink(&self.config.limits, self.committed);
        self.asked_by = None;
        std::mem::take(&mut self.outputs)
    }

    /// The time at which the core needs its next [`Input::Tick`]. The host gives the tick then or soon after. Every
    /// step can change it, so the host asks again after each step.
    pub fn deadline(&self) -> Time {
        let deadline = self.role_deadline();
        self.parked.as_ref().map_or(deadline, |parked| deadline.min(parked.deadline))
    }

    pub(super) fn role_deadline(&self) -> Time {
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

    /// The node's state as watchers see it, with at most `tail` of the last entries of its log.
    pub fn node_state(&self, tail: usize) -> NodeState {
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

    /// The node's id, from its configuration.
    pub fn id(&self) -> NodeId {
        self.config.id
    }

    /// The epoch of the promise: the greatest one this node has agreed to follow. `None` before the first.
    pub fn epoch(&self) -> Option<Epoch> {
        self.promise.map(|promise| promise.epoch)
    }

    /// The leader of this epoch, if this node knows it. A node that leads returns itself; a candidate returns `None`.
    pub fn leader(&self) -> Option<NodeId> {
        match &self.role {
            Role::Follower(follower) => follower.leader,
            Role::Leader(_) => Some(self.config.id),
            Role::PreCandidate(_) | Role::Candidate(_) => None,
        }
    }

    /// The last entry of the log, forged or not, durable or not. `None` for an empty log.
    pub fn last(&self) -> Option<LogPoint> {
        self.log.last()
    }

    /// The last entry known here to be committed.
    pub fn committed(&self) -> Option<LogPoint> {
        self.committed
    }

    /// The last entry that the final database holds, as the host reported.
    pub fn applied(&self) -> Option<LogPoint> {
        self.applied
    }

    /// The member list in force: the last one in the log. `None` until the log holds the entry that founds the
    /// cluster.
    pub fn members(&self) -> Option<&Listed> {
        self.lists.current()
    }

    /// The node's role; a node that asks for pre-votes is already a candidate.
    pub fn role(&self) -> RoleName {
        match &self.role {
            Role::Follower(_) => RoleName::Replica,
            Role::PreCandidate(_) | Role::Candidate(_) => RoleName::Candidate,
            Role::Leader(_) => RoleName::Leader,
        }
    }

    /// Whether the entry at this position was injected by the lab. Forged entries are always the last ones of the log.
    pub fn is_forged(&self, position: Position) -> bool {
        self.log.is_forged(position)
    }

    fn is_handed(&self, point: LogPoint) -> bool {
        self.handed.is_some_and(|handed| point.position <= handed.position)
    }

    /// Draws an election timeout in microseconds, from the least one up to twice that: the configured one, or a short
    /// one after evidence that the leader is gone. Each attempt draws again, so that two candidates do not collide
    /// forever (Raft paper 5.2).
    pub(super) fn draw_timeout(&mut self) -> u64 {
        let least = self.least_timeout();
        self.draw(least, 2 * least)
    }

    /// Draws a number from `least` on and below `most`; `least` if there is none.
    pub(super) fn draw(&mut self, least: u64, most: u64) -> u64 {
        least + self.rng.next_u64() % most.saturating_sub(least).max(1)
    }
}
