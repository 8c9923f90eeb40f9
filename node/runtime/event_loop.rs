//! The event loop: one task owns the core and all state that only the core may change.
//!
//! ```text
//!   completions ─┐                                  ┌─▶ log, one flush in flight
//!   messages ────┼─▶ gate ─▶ core.step ─▶ outputs ──┼─▶ gate ─▶ links
//!   requests ────┘                                  ├─▶ final database's thread, blocking pool
//!   deadline ────────────────────────────────────── └─▶ waiting handlers, watchers
//! ```
//!
//! Each iteration takes everything that is ready. All writes of an iteration form one proposal, so they share an
//! append, a push and a flush.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::membership::join::Join;
use crate::peers::{Links, PeerEvent};
use crate::protocol::trace::Fact;
use crate::protocol::{Answer, Core, Input, NodeId, Operation, Proposal, Refusal};
use crate::runtime::alarm::Alarm;
use crate::runtime::clock::Clock;
use crate::runtime::database::Applier;
use crate::runtime::error::NodeError;
use crate::runtime::faults::Faults;
use crate::runtime::flush::Flusher;
use crate::runtime::inbox::{Batch, Completion, CompletionSender, Inbox};
use crate::runtime::membership::Addresses;
use crate::runtime::observers::Observers;
use crate::runtime::pending_requests::PendingRequests;
use crate::server::About;
use crate::server::requests::{Request, RequestQueue};
use crate::storage::{FinalDatabase, LogReader, SnapshotStore};
use crate::wire::log_throttle::LogThrottle;

/// How long a stopping node waits for outstanding answers, that of its own leadership transfer among them.
const SHUTDOWN_MAX: Duration = Duration::from_secs(1);

/// All state of a running node that changes. The task of [`EventLoop::run`] owns it, so that it needs no lock. Others
/// see parts of it through the channels and shared handles below.
pub(super) struct EventLoop {
    pub(super) clock: Clock,
    pub(super) core: Core,
    /// The length of a lease; 0 without leases.
    pub(super) lease_micros: u64,
    /// `Some` only in a lab.
    pub(super) faults: Option<Faults>,
    pub(super) observers: Observers,
    /// Owns the log.
    pub(super) flusher: Flusher,
    /// Owns the thread that writes the final database; the handles after it only read, or close it at the end.
    pub(super) applier: Applier,
    pub(super) database: Arc<dyn FinalDatabase>,
    pub(super) snapshots: Arc<dyn SnapshotStore>,
    pub(super) log_reader: Arc<dyn LogReader>,
    pub(super) links: Arc<Links>,
    pub(super) queue: RequestQueue,
    pub(super) about: About,
    /// The nodes to which the lab has cut the link. Forwarded calls do not pass the gate, so they look here.
    pub(super) cuts: watch::Sender<BTreeSet<NodeId>>,
    /// The leader as the core knows it. A call that was forwarded to a leader ends as soon as another node leads.
    pub(super) leader: watch::Sender<Option<NodeId>>,
    /// For work that runs outside the loop; the receiver is in the inbox.
    pub(super) completions: CompletionSender,
    pub(super) requests: PendingRequests,
    pub(super) log_throttle: LogThrottle,
    pub(super) addresses: Addresses,
    /// The process, by its start time, from which each node's last message came. Bound: `PROCESSES_MAX` nodes, see
    /// `messages`.
    pub(super) processes: BTreeMap<NodeId, u64>,
    /// The damage found in the quarantined folder, if this node started with an empty folder because of it.
    pub(super) quarantined_damage: Option<String>,
    /// Taken when this node must ask to be added as a new member.
    pub(super) join: Option<Join>,
}

/// How a node stops.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum StopMode {
    /// A leader transfers leadership first.
    HandOver,
    Immediate,
}

impl EventLoop {
    /// Runs until `stop` resolves, or until the node must stop because of an error.
    pub(super) async fn run(mut self, mut inbox: Inbox, stop: impl Future<Output = StopMode>) -> Result<(), NodeError> {
        let mut stop = std::pin::pin!(stop);
        self.begin_observing()?;
        let mut alarm = Alarm::new(self.clock);
        let mut batch = Batch::default();
        let mut shutdown_deadline = None;
        loop {
            alarm.set(self.clock, self.core.deadline());
            let delayed = self.next_delayed().map(|due| self.clock.instant_of(due));
            tokio::select! {
                // In this order, so that a busy node can still be stopped and still sees its deadlines.
                biased;
                mode = &mut stop, if shutdown_deadline.is_none() => {
                    shutdown_deadline = Some(Instant::now() + SHUTDOWN_MAX);
                    self.begin_shutdown(mode)?;
                }
                () = sleep_until(shutdown_deadline) => break,
                () = alarm.rings() => self.step(Input::Tick)?,
                () = sleep_until(delayed) => self.deliver_delayed()?,
                () = inbox.receive(&mut batch) => {}
            }
            self.process(&mut batch)?;
            if shutdown_deadline.is_some() && self.requests.is_empty() {
                break;
            }
        }
        self.finish(inbox).await
    }

    /// One iteration. Completions come first, because they free messages, answers and memory. The flush comes last, so
    /// that it covers everything that this iteration appended.
    fn process(&mut self, batch: &mut Batch) -> Result<(), NodeError> {
        for completion in batch.completions.drain(..) {
            self.on_completion(completion)?;
        }
        for event in batch.peer_events.drain(..) {
            match event {
                PeerEvent::Message(envelope) => self.on_message(envelope)?,
                PeerEvent::Gone(peer) => self.step(Input::PeerGone(peer))?,
            }
        }
        self.on_requests(&mut batch.requests)?;
        self.handle_injected()?;
        if self.observers.prune(self.clock.node_time()) {
            self.set_observed(false)?;
        }
        Ok(self.flusher.start_flush()?)
    }

    fn on_completion(&mut self, completion: Completion) -> Result<(), NodeError> {
        match completion {
            Completion::Flushed(operation, took_micros) => {
                if self.is_flush_over(operation, took_micros) {
                    self.on_flushed(operation)
                } else {
                    Ok(())
                }
            }
            Completion::Applied(up_to, outcomes) => self.step(Input::Applied { up_to, outcomes }),
            Completion::FinalChanged(fact) => {
                self.publish(fact);
                Ok(())
            }
            Completion::LogRead(read, entries) => self.step(Input::LogRead { read, entries }),
            Completion::SnapshotTaken(taken) => {
                self.step(Input::SnapshotTaken(taken))?;
                self.remove_superfluous_snapshots();
                Ok(())
            }
            Completion::SnapshotRead(read, bytes) => self.step(Input::SnapshotRead { read, bytes }),
            Completion::SnapshotWritten(snapshot, written) => self.step(Input::SnapshotWritten { snapshot, written }),
            Completion::SnapshotInstalled(snapshot) => self.step(Input::SnapshotInstalled(snapshot)),
            Completion::ChainChecked(check) => self.step(Input::ChainChecked(check)),
            Completion::Failed(error) => self.fail(error),
        }
    }

    /// A flush is over: what waited for it is sent, and the core counts it as durable.
    pub(super) fn on_flushed(&mut self, operation: Operation) -> Result<(), NodeError> {
        for envelope in self.flusher.on_flushed(operation) {
            self.send(envelope);
        }
        self.step(Input::Stored(operation))
    }

    /// Submits all writes of an iteration as one proposal, and all reads as one read. A lease read is a linearizable
    /// read while a lease may be of a time that passed slower here than elsewhere.
    fn on_requests(&mut self, requests: &mut Vec<Request>) -> Result<(), NodeError> {
        let (mut proposals, mut reads, mut lease_reads) = (Vec::new(), Vec::new(), Vec::new());
        for request in requests.drain(..) {
            match request {
                Request::Write(_, reply) if self.requests.is_full() => {
                    let _ = reply.send(Answer::Refused(Refusal::Overloaded));
                }
                Request::Write(command, reply) => {
                    proposals.push(Proposal { request: self.requests.add(reply), command });
                }
                Request::Read(reply) => reads.push(self.requests.add(reply)),
                Request::LeaseRead(reply) if self.clock.keeps_lease(self.lease_micros) => {
                    lease_reads.push(self.requests.add(reply));
                }
                Request::LeaseRead(reply) => reads.push(self.requests.add(reply)),
                other => self.on_control_request(other)?,
            }
        }
        if !proposals.is_empty() {
            self.step(Input::Propose(proposals))?;
        }
        if !reads.is_empty() {
            self.step(Input::Read(reads))?;
        }
        if !lease_reads.is_empty() {
            self.step(Input::LeaseRead(lease_reads))?;
        }
        Ok(())
    }

    /// Gives a fact to the observers, at the node's present time.
    pub(super) fn publish(&mut self, fact: Fact) {
        self.observers.publish(self.clock.node_time(), fact);
    }

    pub(super) fn publish_all(&mut self, facts: impl IntoIterator<Item = Fact>) {
        facts.into_iter().for_each(|fact| self.publish(fact));
    }

    /// Steps the core with one input, and executes its outputs before the next input: their order is the core's.
    pub(super) fn step(&mut self, input: Input) -> Result<(), NodeError> {
        let outputs = self.core.step(self.clock.core_time(), input);
        let leader = self.core.leader();
        if *self.leader.borrow() != leader {
            self.leader.send_replace(leader);
        }
        self.execute(outputs)
    }
}

async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
