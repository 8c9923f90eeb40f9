//! One stream of writes to one node: many in progress at once, each with a tag that its answer repeats.
//!
//! A write that was handed to the stream may have been sent. If the stream breaks, unanswered writes are unknown. A
//! write that finds the stream already broken was definitely not sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout_at;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::client::nodes::{is_overload, never_left, overload, root_cause};
use crate::client::reason::Reason;
use crate::wire::proto;
use crate::wire::proto::client_client::ClientClient;
use crate::wire::refusal::Refusal;

/// The most writes that wait to be sent; further writers wait for room.
const QUEUE: usize = 1_024;

/// Why a write has no answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Lost {
    /// It was not sent: it can be retried.
    NotSent(Reason),
    /// The node does not support write streams, or not such a message: it has not read it.
    NotTaken(Reason),
    /// The node refused the stream because it has too much in progress: it has read none of it.
    Overloaded(Refusal),
    /// It may have been sent.
    Unanswered(Reason),
}

#[derive(Clone)]
pub(super) struct WriteStream {
    requests: mpsc::Sender<proto::TaggedWrite>,
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Default)]
struct Waiting {
    next: u64,
    answers: HashMap<u64, oneshot::Sender<proto::WriteResponse>>,
    /// Why the stream has ended. It accepts nothing afterwards.
    ended: Option<Lost>,
}

impl WriteStream {
    /// Opens a stream on an existing connection, without a round trip: writes can be handed over immediately.
    pub fn open(address: &str, channel: Channel) -> WriteStream {
        let (requests, queued) = mpsc::channel(QUEUE);
        let waiting = Arc::new(Mutex::new(Waiting::default()));
        tokio::spawn(take_answers(address.to_owned(), channel, queued, waiting.clone()));
        WriteStream { requests, waiting }
    }

    pub fn has_ended(&self) -> bool {
        lock(&self.waiting).ended.is_some()
    }

    /// Hands the write over and waits for its answer. Dropping the future forgets the answer, not the write.
    pub async fn write(&self, write: proto::WriteRequest, deadline: Instant) -> Result<proto::WriteResponse, Lost> {
        let room = match timeout_at(deadline.into(), self.requests.reserve()).await {
            Ok(Ok(room)) => room,
            Ok(Err(_)) => return Err(self.not_sent()),
            Err(_) => return Err(Lost::NotSent(Reason::StreamFull)),
        };
        let (answer, answered) = oneshot::channel();
        let tag = {
            let mut waiting = lock(&self.waiting);
            if waiting.ended.is_some() {
                drop(waiting);
                return Err(self.not_sent());
            }
            waiting.next += 1;
            let tag = waiting.next;
            waiting.answers.insert(tag, answer);
            tag
        };
        room.send(proto::TaggedWrite { tag, write: Some(write) });
        let forget = Forget { waiting: &self.waiting, tag };
        let answer = timeout_at(deadline.into(), answered).await;
        drop(forget);
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(lock(&self.waiting).ended.clone().unwrap_or(Lost::Unanswered(Reason::StreamEnded))),
            Err(_) => Err(Lost::Unanswered(Reason::NoAnswerInTime)),
        }
    }

    fn not_sent(&self) -> Lost {
        match lock(&self.waiting).ended.clone() {
            Some(Lost::NotSent(why) | Lost::Unanswered(why)) => Lost::NotSent(why),
            Some(ended @ (Lost::NotTaken(_) | Lost::Overloaded(_))) => ended,
            None => Lost::NotSent(Reason::StreamEnded),
        }
    }
}

/// Removes the entry of a writer that no longer waits.
struct Forget<'a> {
    waiting: &'a Mutex<Waiting>,
    tag: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        lock(self.waiting).answers.remove(&self.tag);
    }
}

async fn take_answers(
    address: String,
    channel: Channel,
    queued: mpsc::Receiver<proto::TaggedWrite>,
    waiting: Arc<Mutex<Waiting>>,
) {
    let why = match ClientClient::new(channel).write_stream(ReceiverStream::new(queued)).await {
        Ok(answers) => hand_out(answers.into_inner(), &waiting).await,
        Err(status) if is_overload(&status) => Lost::Overloaded(overload(&address, &status)),
        Err(status) => lost(&status),
    };
    let mut waiting = lock(&waiting);
    waiting.ended = Some(why);
    // Each waiting writer learns the reason.
    waiting.answers.clear();
}

async fn hand_out(mut answers: tonic::Streaming<proto::TaggedWriteResponse>, waiting: &Mutex<Waiting>) -> Lost {
    loop {
        match answers.message().await {
            Ok(Some(answer)) => {
                let waits = lock(waiting).answers.remove(&answer.tag);
                if let (Some(waits), Some(response)) = (waits, answer.response) {
                    // The writer may have stopped waiting.
                    let _ = waits.send(response);
                }
            }
            Ok(None) => return Lost::Unanswered(Reason::StreamEnded),
            Err(status) => return lost(&status),
        }
    }
}

fn lost(status: &Status) -> Lost {
    match status.code() {
        _ if never_left(status) => Lost::NotSent(root_cause(status)),
        Code::Unimplemented => Lost::NotTaken(root_cause(status)),
        _ => Lost::Unanswered(root_cause(status)),
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    // A panic while the lock is held cannot leave the list in an inconsistent state.
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}
