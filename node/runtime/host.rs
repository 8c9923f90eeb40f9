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

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, Sleep};

use crate::lab::{Gate, Liar};
use crate::protocol::apply::Applied;
use crate::protocol::{Answer, Core, Envelope, Input, NodeId, Position, Proposal, Refusal, RequestId, Time};
use crate::rpc::About;
use crate::rpc::complaints::Complaints;
use crate::rpc::desk::{Desk, Request, Written};
use crate::rpc::join::Join;
use crate::rpc::links::Links;
use crate::runtime::clock::Clock;
use crate::runtime::database::Applier;
use crate::runtime::error::NodeError;
use crate::runtime::flush::Flusher;
use crate::runtime::hub::Hub;
use crate::runtime::inbox::{Batch, Done, DoneSender, Inbox};
use crate::runtime::members::Addresses;
use crate::storage::{FinalDatabase, LogReader, SnapshotStore};

/// How long a node that is stopping waits for the answers that it still owes.
const FAREWELL: Duration = Duration::from_secs(1);
/// How many handlers may wait for answers before writes are refused.
const WAITING_MAX: usize = 131_072;

pub(super) struct Host {
    pub(super) clock: Clock,
    pub(super) core: Core,
    /// Only in a lab.
    pub(super) gate: Option<Gate>,
    /// Only in a node that is wrong on purpose.
    pub(super) liar: Option<Liar>,
    /// What the liar has made up for the core.
    pub(super) made_up: VecDeque<Envelope>,
    pub(super) hub: Hub,
    pub(super) flusher: Flusher,
    pub(super) applier: Applier,
    pub(super) database: Arc<dyn FinalDatabase>,
    pub(super) snapshots: Arc<dyn SnapshotStore>,
    pub(super) log_reader: Arc<dyn LogReader>,
    pub(super) links: Arc<Links>,
    pub(super) desk: Desk,
    pub(super) about: About,
    pub(super) cuts: watch::Sender<BTreeSet<NodeId>>,
    /// Who leads, for what was passed on to a leader: it waits for nobody who leads no more.
    pub(super) leaders: watch::Sender<Option<NodeId>>,
    pub(super) done: DoneSender,
    pub(super) requests: Requests,
    pub(super) complaints: Complaints,
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

/// The handlers that wait for an answer of the core. The core answers each request once, so nothing stays here.
pub(super) struct Requests {
    waiting: HashMap<RequestId, Reply>,
    last: u64,
    /// What the entries came to that were applied just now, and the position of the first: the core is told that they
    /// are applied, and answers their writes in the same step.
    outcomes: (Position, Vec<Applied>),
}

/// The way back to a handler.
pub(super) enum Reply {
    Write(oneshot::Sender<Written>),
    Other(oneshot::Sender<Answer>),
}

impl From<oneshot::Sender<Written>> for Reply {
    fn from(sender: oneshot::Sender<Written>) -> Reply {
        Reply::Write(sender)
    }
}

impl From<oneshot::Sender<Answer>> for Reply {
    fn from(sender: oneshot::Sender<Answer>) -> Reply {
        Reply::Other(sender)
    }
}

impl Default for Requests {
    fn default() -> Requests {
        Requests { waiting: HashMap::new(), last: 0, outcomes: (Position::FIRST, Vec::new()) }
    }
}

impl Requests {
    pub(super) fn add(&mut self, reply: impl Into<Reply>) -> RequestId {
        self.last += 1;
        let request = RequestId(self.last);
        self.waiting.insert(request, reply.into());
        request
    }

    /// A handler that has gone away needs no answer.
    pub(super) fn answer(&mut self, request: RequestId, answer: Answer) {
        match self.waiting.remove(&request) {
            Some(Reply::Write(reply)) => {
                let applied = if let Answer::Written(point) = &answer { self.outcome(point.position) } else { None };
                let _ = reply.send(Written { answer, applied });
            }
            Some(Reply::Other(reply)) => _ = reply.send(answer),
            None => {}
        }
    }

    fn outcome(&self, position: Position) -> Option<Applied> {
        let (first, outcomes) = &self.outcomes;
        outcomes.get(position.0.checked_sub(first.0)? as usize).copied()
    }

    fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn is_full(&self) -> bool {
        self.waiting.len() >= WAITING_MAX
    }
}

impl Host {
    /// Runs until `stop` resolves, or until the node must stop by itself.
    pub(super) async fn run(mut self, mut inbox: Inbox, stop: impl Future<Output = Stop>) -> Result<(), NodeError> {
        let mut stop = std::pin::pin!(stop);
        self.begin_telling()?;
        let mut alarm = Alarm::new(self.clock);
        let mut batch = Batch::default();
        let mut leaves_at = None;
        loop {
            alarm.set(self.clock, self.core.deadline());
            let late = self.gate.as_ref().and_then(Gate::next_due).map(|due| self.clock.when(due));
            tokio::select! {
                // In this order, so that a busy node can be stopped and hears its deadlines.
                biased;
                how = &mut stop, if leaves_at.is_none() => {
                    leaves_at = Some(Instant::now() + FAREWELL);
                    self.say_farewell(how)?;
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
        self.hear_made_up()?;
        if self.hub.forget(self.clock.own()) {
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
            Done::Applied(up_to, outcomes) => {
                self.requests.outcomes = (Position(up_to.position.0 + 1 - outcomes.len() as u64), outcomes);
                self.step(Input::Applied(up_to))
            }
            Done::Told(fact) => {
                self.hub.tell(self.clock.own(), fact);
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
                    let _ = reply.send(Written { answer: Answer::Refused(Refusal::Overloaded), applied: None });
                }
                Request::Write(command, reply) => {
                    proposals.push(Proposal { request: self.requests.add(reply), command });
                }
                Request::Read(reply) => reads.push(self.requests.add(reply)),
                Request::LeaseRead(reply) => lease_reads.push(self.requests.add(reply)),
                other => self.on_rare_request(other)?,
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

/// The core's next deadline. It is mostly moved to later, which costs nothing until the alarm rings.
struct Alarm {
    clock: Clock,
    deadline: Time,
    armed: Time,
    sleep: Pin<Box<Sleep>>,
}

impl Alarm {
    fn new(clock: Clock) -> Alarm {
        let now = clock.now();
        Alarm { clock, deadline: now, armed: now, sleep: Box::pin(tokio::time::sleep_until(clock.when(now))) }
    }

    fn set(&mut self, clock: Clock, deadline: Time) {
        let changed = self.clock != clock;
        (self.clock, self.deadline) = (clock, deadline);
        if deadline < self.armed || changed {
            self.arm();
        }
    }

    fn arm(&mut self) {
        self.armed = self.deadline;
        if let Some(instant) = self.clock.when_core(self.deadline) {
            self.sleep.as_mut().reset(instant);
        }
    }

    /// Resolves once the deadline has come: never, while the core's time stands still.
    async fn rings(&mut self) {
        if self.clock.when_core(self.deadline).is_none() {
            std::future::pending::<()>().await;
        }
        loop {
            self.sleep.as_mut().await;
            if self.deadline <= self.clock.now() {
                return;
            }
            self.arm();
        }
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
