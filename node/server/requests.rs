//! The desk between the services and the loop: what the services ask, and how they are answered.
//!
//! The queue of requests is bounded. A full one is a refusal at once, so nobody waits in front of a loop that cannot
//! keep up. Whoever goes away while waiting drops the receiving end, and the loop's answer goes nowhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::protocol::trace::{Fact, LinkRule, MessageId, NodeState, PendingMessage};
use crate::protocol::{Answer, Epoch, MemberChange, NodeId, Probe};
use crate::server::ring::Ring;
use crate::wire::convert::NodeSnapshot;

/// How many requests may wait for the loop.
const REQUESTS_MAX: usize = 16_384;

/// What a service asks of the loop, with the way back.
pub enum Request {
    /// An encoded command.
    Write(Bytes, oneshot::Sender<Answer>),
    /// May the final database be read now, linearizably?
    Read(oneshot::Sender<Answer>),
    /// Like [`Request::Read`], but a leader with a lease answers alone.
    LeaseRead(oneshot::Sender<Answer>),
    /// What this node says of itself for a quorum read; `None`: it is no voter.
    Probe(oneshot::Sender<Option<Probe>>),
    /// For the watchers.
    Tell(Box<Fact>),
    Stand(oneshot::Sender<Answer>),
    /// A snapshot of all that is final now.
    Backup(oneshot::Sender<Answer>),
    /// Change the member list.
    ChangeMembers(MemberChange, oneshot::Sender<Answer>),
    /// Make this node the leader, or whoever is caught up best.
    Transfer(Option<NodeId>, oneshot::Sender<Answer>),
    Inject(Injection, oneshot::Sender<Answer>),
    /// The node's state with so many entries of the log's end.
    State(usize, oneshot::Sender<State>),
    /// The messages that wait at the gate.
    Pending(oneshot::Sender<Vec<PendingMessage>>),
    /// `None`: there are too many watchers.
    Watch(Tail, oneshot::Sender<Option<Watch>>),
    /// A watcher lost events: empty its ring and give a new snapshot, with the number of all events lost.
    Resync(Arc<Ring>, Tail, oneshot::Sender<(u64, NodeSnapshot)>),
    Fault(Fault, oneshot::Sender<FaultDone>),
}

/// Forged entries for the end of the log: encoded commands.
pub struct Injection {
    pub epoch: Option<Epoch>,
    pub commands: Vec<Bytes>,
}

/// How many entries of the log's end a snapshot has at most.
#[derive(Clone, Copy)]
pub struct Tail(pub usize);

/// The node's state, with what the lab does to it.
pub struct State {
    pub snapshot: NodeState,
    /// How many messages wait at the gate; which ones is told only where it is asked for.
    pub pending: u64,
    /// How much of the core's time is left until its timer runs out.
    pub timer_micros: u64,
}

/// A new watcher: the state now, and the ring into which every later event goes.
pub struct Watch {
    pub snapshot: NodeSnapshot,
    pub ring: Arc<Ring>,
}

/// What the lab can do to a node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    Cut(NodeId),
    Heal(NodeId),
    /// A hold, a drop, a delay or a duplication.
    Rule(LinkRule),
    /// Ends the hold of this kind, or all of them.
    Release(String),
    /// Ends all that is in force.
    Lift,
    Step(bool),
    Message(MessageId, OnMessage),
    /// Lets time go on: so many microseconds, or until the timer runs out.
    Tick(Option<u64>),
}

/// What is done to a message that waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnMessage {
    Deliver,
    Discard,
    Delay { millis: u64 },
    Duplicate,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultDone {
    /// It was as asked for already.
    Already,
    Done,
    /// So many messages that waited are delivered.
    Released(u64),
    /// No such message waits here.
    NoSuchMessage,
    /// So many microseconds went on.
    Passed(u64),
}

/// Why a request was not taken; nothing of it was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotTaken {
    Overloaded,
    Stopping,
}

/// The services' end. Cheap to clone.
#[derive(Clone)]
pub struct RequestQueue {
    requests: mpsc::Sender<Request>,
    stopping: Arc<AtomicBool>,
}

impl RequestQueue {
    pub fn new() -> (RequestQueue, mpsc::Receiver<Request>) {
        let (requests, inbox) = mpsc::channel(REQUESTS_MAX);
        (RequestQueue { requests, stopping: Arc::default() }, inbox)
    }

    /// From now on nothing is taken.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Hands a request to the loop. The receiver fails if the loop ends before it has answered.
    pub fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<oneshot::Receiver<T>, NotTaken> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(NotTaken::Stopping);
        }
        let (reply, answer) = oneshot::channel();
        self.requests.try_send(request(reply)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => NotTaken::Overloaded,
            mpsc::error::TrySendError::Closed(_) => NotTaken::Stopping,
        })?;
        Ok(answer)
    }
}
