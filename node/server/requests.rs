//! The queue of requests between the services and the event loop: what the services ask, and how they are answered.
//!
//! The queue is bounded. If it is full a request is refused at once, so nothing waits behind a loop that cannot keep
//! up. A caller that goes away drops the receiver, and the loop's answer is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::protocol::trace::{Fact, LinkRule, MessageId, NodeState, Pace, PendingMessage, RuleSelection};
use crate::protocol::{Answer, Epoch, MemberChange, NodeId, Probe};
use crate::server::ring::Ring;
use crate::wire::convert::NodeSnapshot;

/// The most requests that wait for the event loop: four of its iterations.
const REQUESTS_MAX: usize = 16_384;

/// A request to the event loop, with the channel for its answer.
pub(crate) enum Request {
    /// Append this encoded command to the log, and apply it.
    Write(Bytes, oneshot::Sender<Answer>),
    /// Permission to read the final database now, linearizably.
    Read(oneshot::Sender<Answer>),
    /// Like [`Request::Read`], but a leader with a valid lease asks no quorum.
    LeaseRead(oneshot::Sender<Answer>),
    /// This node's answer to a quorum read; `None` if it is not a voter.
    Probe(oneshot::Sender<Option<Probe>>),
    /// Publishes a fact for observers.
    Trace(Box<Fact>),
    Stand(oneshot::Sender<Answer>),
    /// Take a snapshot of the present final data.
    Backup(oneshot::Sender<Answer>),
    /// Change the member list.
    ChangeMembers(MemberChange, oneshot::Sender<Answer>),
    /// Transfer leadership to this node, or to the one that is caught up best.
    Transfer(Option<NodeId>, oneshot::Sender<Answer>),
    Inject(Injection, oneshot::Sender<Answer>),
    /// The node's state, with this many entries of the log's end.
    State(usize, oneshot::Sender<State>),
    /// The messages that the lab's gate keeps.
    Pending(oneshot::Sender<Vec<PendingMessage>>),
    /// Start observing; `None` if there are too many observers.
    Watch(Tail, oneshot::Sender<Option<Watch>>),
    /// An observer lost events: empty its ring, and return the number of lost events and a new snapshot.
    Resync(Arc<Ring>, Tail, oneshot::Sender<(u64, NodeSnapshot)>),
    Fault(Fault, oneshot::Sender<FaultDone>),
}

/// Forged entries for the end of the log: encoded commands. Only in a lab.
pub(crate) struct Injection {
    pub(crate) epoch: Option<Epoch>,
    /// Bound: `Limits::injected_entries`; the core refuses more.
    pub(crate) commands: Vec<Bytes>,
}

/// The most entries of the log's end in a snapshot.
#[derive(Clone, Copy)]
pub(crate) struct Tail(pub usize);

/// The node's state, with the lab's faults in force.
pub(crate) struct State {
    pub(crate) snapshot: NodeState,
    /// The number of messages that wait at the gate. They are listed by [`Request::Pending`].
    pub(crate) pending: u64,
    /// Microseconds of the core's time until its deadline.
    pub(crate) timer_micros: u64,
}

/// A new observer: the state now, and the ring into which every later event goes.
pub(crate) struct Watch {
    pub(crate) snapshot: NodeSnapshot,
    pub(crate) ring: Arc<Ring>,
}

/// A fault to inject or to end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// Sets a rule; with `true` the same rule in both directions of its link.
    Set(LinkRule, bool),
    /// Clears rules; clearing all of them ends step mode and the slower pace too.
    Clear(RuleSelection),
    /// Step mode, with `every` also for messages that change nothing.
    Step {
        on: bool,
        every: bool,
    },
    Pace(Pace),
    Message(MessageId, OnMessage),
    /// Advances the core's time by this many microseconds, or to its deadline.
    Tick(Option<u64>),
}

/// What to do with a message that waits at the gate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnMessage {
    Deliver,
    Discard,
    Delay { millis: u64 },
    Duplicate,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FaultDone {
    Done,
    /// No such message waits here.
    NoSuchMessage,
    /// The core's time advanced by this many microseconds.
    Passed(u64),
}

/// Why a request was not accepted. Nothing of it was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotTaken {
    Overloaded,
    Stopping,
}

/// The services' end of the queue. Clones share it.
#[derive(Clone)]
pub(crate) struct RequestQueue {
    requests: mpsc::Sender<Request>,
    stopping: Arc<AtomicBool>,
}

impl RequestQueue {
    pub(crate) fn new() -> (RequestQueue, mpsc::Receiver<Request>) {
        let (requests, inbox) = mpsc::channel(REQUESTS_MAX);
        (RequestQueue { requests, stopping: Arc::default() }, inbox)
    }

    /// Stops accepting requests: the node is shutting down.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Queues a request. The receiver fails if the loop ends before it has answered.
    pub(crate) fn ask<T>(
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
