//! The loop: one task owns the core and everything that only the core may change.
//!
//! ```text
//!   completions ─┐                                  ┌─▶ log, one flush in flight
//!   messages ────┼─▶ gate ─▶ core.step ─▶ outputs ──┼─▶ gate ─▶ links
//!   requests ────┘                                  ├─▶ final database's thread, blocking pool
//!   deadline ────────────────────────────────────── └─▶ waiting handlers, watchers
//! ```
//!
//! Each turn takes all that is ready. Writes of one turn are one proposal, so they share an append, a push and a flush.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::membership::join::Join;
use crate::peers::Links;
use crate::protocol::{Answer, Core, Input, NodeId, Proposal, Refusal};
use crate::runtime::alarm::Alarm;
use crate::runtime::clock::Clock;
use crate::runtime::database::Applier;
use crate::runtime::error::NodeError;
use crate::runtime::faults::Faults;
use crate::runtime::flush::Flusher;
use crate::runtime::inbox::{Batch, Done, DoneSender, Inbox};
use crate::runtime::membership::Addresses;
use crate::runtime::observers::Observers;
use crate::runtime::pending_requests::PendingRequests;
use crate::server::About;
use crate::server::requests::{Request, RequestQueue};
use crate::storage::{FinalDatabase, LogReader, SnapshotStore};
use crate::wire::log_throttle::LogThrottle;

/// How long a node that is stopping waits for the answers that it still owes.
const SHUTDOWN_MAX: Duration = Duration::from_secs(1);

pub(super) struct EventLoop {
    pub(super) clock: Clock,
    pub(super) core: Core,
    /// Only in a lab.
    pub(super) faults: Option<Faults>,
    pub(super) observers: Observers,
    pub(super) flusher: Flusher,
    pub(super) applier: Applier,
    pub(super) database: Arc<dyn FinalDatabase>,
    pub(super) snapshots: Arc<dyn SnapshotStore>,
    pub(super) log_reader: Arc<dyn LogReader>,
    pub(super) links: Arc<Links>,
    pub(super) queue: RequestQueue,
    pub(super) about: About,
    pub(super) cuts: watch::Sender<BTreeSet<NodeId>>,
    /// Who leads, for what was passed on to a leader: it waits for nobody who leads no more.
    pub(super) leaders: watch::Sender<Option<NodeId>>,
    pub(super) done: DoneSender,
    pub(super) requests: PendingRequests,
    pub(super) log_throttle: LogThrottle,
    pub(super) addresses: Addresses,
    /// From which process of each node its last message came.
    pub(super) processes: BTreeMap<NodeId, u64>,
    /// What was found in the folder that was moved aside, if this node has begun anew after that.
    pub(super) begun_anew: Option<String>,
    /// Taken once this node has to ask to be added.
    pub(super) join: Option<Join>,
}

/// How a node that is told to end goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stop {
    /// A leader makes another node lead first.
    HandOver,
    AtOnce,
}

impl EventLoop {
    /// Runs until `stop` resolves, or until the node must stop by itself.
    pub(super) async fn run(mut self, mut inbox: Inbox, stop: impl Future<Output = Stop>) -> Result<(), NodeError> {
        let mut stop = std::pin::pin!(stop);
        self.begin_observing()?;
        let mut alarm = Alarm::new(self.clock);
        let mut batch = Batch::default();
        let mut leaves_at = None;
        loop {
            alarm.set(self.clock, self.core.deadline());
            let late = self.next_delayed().map(|due| self.clock.when(due));
            tokio::select! {
                // In this order, so that a busy node can be stopped and hears its deadlines.
                biased;
                how = &mut stop, if leaves_at.is_none() => {
                    leaves_at = Some(Instant::now() + SHUTDOWN_MAX);
                    self.begin_shutdown(how)?;
                }
                () = at(leaves_at) => break,
                () = alarm.rings() => self.step(Input::Tick)?,
                () = at(late) => self.deliver_late()?,
                () = inbox.gather(&mut batch) => {}
            }
            self.turn(&mut batch)?;
            if leaves_at.is_some() && self.requests.is_empty() {
                break;
            }
        }
        self.finish(inbox).await
    }

    fn turn(&mut self, batch: &mut Batch) -> Result<(), NodeError> {
        for done in batch.completions.drain(..) {
            self.on_done(done)?;
        }
        for envelope in batch.messages.drain(..) {
            self.on_message(envelope)?;
        }
        self.on_requests(&mut batch.requests)?;
        self.handle_injected()?;
        if self.observers.forget(self.clock.own()) {
            self.watched(false)?;
        }
        Ok(self.flusher.start()?)
    }

    fn on_done(&mut self, done: Done) -> Result<(), NodeError> {
        match done {
            Done::Flushed(operation) => {
                for envelope in self.flusher.flushed(operation) {
                    self.send(envelope);
                }
                self.step(Input::Stored(operation))
            }
            Done::Applied(up_to, outcomes) => self.step(Input::Applied { up_to, outcomes }),
            Done::Altered(fact) => {
                self.observers.tell(self.clock.own(), fact);
                Ok(())
            }
            Done::LogRead(read, entries) => self.step(Input::LogRead { read, entries }),
            Done::SnapshotTaken(taken) => {
                self.step(Input::SnapshotTaken(taken))?;
                self.remove_superfluous_snapshots();
                Ok(())
            }
            Done::SnapshotRead(read, bytes) => self.step(Input::SnapshotRead { read, bytes }),
            Done::SnapshotWritten(snapshot, written) => self.step(Input::SnapshotWritten { snapshot, written }),
            Done::SnapshotInstalled(snapshot) => self.step(Input::SnapshotInstalled(snapshot)),
            Done::ChainChecked(check) => self.step(Input::ChainChecked(check)),
            Done::Failed(error) => self.fail(error),
        }
    }

    /// Writes and reads of one turn go to the core together.
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
                Request::LeaseRead(reply) => lease_reads.push(self.requests.add(reply)),
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

    pub(super) fn step(&mut self, input: Input) -> Result<(), NodeError> {
        let outputs = self.core.step(self.clock.now(), input);
        let leader = self.core.leader();
        if *self.leaders.borrow() != leader {
            self.leaders.send_replace(leader);
        }
        self.carry_out(outputs)
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
