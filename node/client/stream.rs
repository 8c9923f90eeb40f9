//! One stream of writes to one node: many under way at once, each with a tag that its answer carries back.
//!
//! A write that the stream has taken may have left. If the stream breaks, what is not answered is unknown; whoever
//! finds the stream broken before handing over a write knows that it never left.

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

/// How many writes wait to be sent; then whoever writes waits for room.
const QUEUE: usize = 1_024;

/// Why a write has no answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Lost {
    /// It never left: it can be tried again.
    NotSent(Reason),
    /// The node does not take streams of writes, or not such a message: it has not read it.
    NotTaken(Reason),
    /// The node took no stream because it has too much to do: it has read nothing of it.
    Overloaded(Refusal),
    /// It may have left.
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
    /// Why the stream has ended; from then on it takes nothing.
    ended: Option<Lost>,
}

impl WriteStream {
    /// A stream over a connection that stands. Opening it costs no round trip: writes may be handed over at once.
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

/// Takes an answer that nobody waits for any more off the list.
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
    // Those who wait find out why.
    waiting.answers.clear();
}

async fn hand_out(mut answers: tonic::Streaming<proto::TaggedWriteResponse>, waiting: &Mutex<Waiting>) -> Lost {
    loop {
        match answers.message().await {
            Ok(Some(answer)) => {
                let waits = lock(waiting).answers.remove(&answer.tag);
                if let (Some(waits), Some(response)) = (waits, answer.response) {
                    // Whoever waited may have given up.
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
    // What is done under the lock cannot leave it half done.
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}
