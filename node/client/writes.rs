//! Writes, each of them applied at most once however often it is tried.
//!
//! Whatever happens to an attempt, a refusal, a broken connection, a leader that stepped down with the entry in its
//! log, another one follows under the same name until the deadline; the nodes answer a retry with what the first one
//! came to. Only a write whose deadline passes after an attempt may have left ends as unknown. An answer "overloaded"
//! is definite: if all attempts met it, so does the write end.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::timeout;

use crate::client::Client;
use crate::client::backoff::Backoff;
use crate::client::error::{ClientError, refusal};
use crate::client::reason::Reason;
use crate::client::sessions::Ticket;
use crate::client::stream::Lost;
use crate::client::types::{BatchChange, CompareAndSet, Written};
use crate::protocol::{Change, Expect};
use crate::wire::doubt::Doubt;
use crate::wire::proto;
use crate::wire::refusal::Refusal;

/// A write that waits for so long asks whether another node leads by now. As long as none does it waits on: its entry
/// is in a log that may yet be committed, and a second one would help nobody.
const PATIENCE: Duration = Duration::from_secs(1);

/// How one attempt ended.
enum Attempt {
    Ended(Result<CompareAndSet, ClientError>),
    /// Definitely not taken; another one makes sense.
    NotTaken(ClientError),
    /// Definitely not taken; another one makes sense, of the same node, after a while.
    Overloaded(ClientError),
    /// It may have been taken: from now on the outcome is unknown until a retry is answered.
    Doubtful(Reason),
    /// The session is not known any more: this attempt was not taken.
    SessionLost(ClientError),
}

impl Client {
    /// Sets a key to a value.
    pub async fn put(&self, key: Bytes, value: Bytes) -> Result<Written, ClientError> {
        self.write(Change::Put { key, value }).await.and_then(done)
    }

    /// Deletes a key. Deleting an absent key is a write, too.
    pub async fn delete(&self, key: Bytes) -> Result<Written, ClientError> {
        self.write(Change::Delete { key }).await.and_then(done)
    }

    /// Writes the value only if the key is as expected. Not equal is an answer, not an error: nothing was changed.
    pub async fn compare_and_set(
        &self,
        key: Bytes,
        expect: Expect,
        value: Bytes,
    ) -> Result<CompareAndSet, ClientError> {
        self.write(Change::CompareAndSet { key, expect, value }).await
    }

    /// Puts and deletes, in order, all or nothing. Each counts a revision of its own; the answer has the last one.
    pub async fn batch(&self, changes: Vec<BatchChange>) -> Result<Written, ClientError> {
        let change = |change| match change {
            BatchChange::Put { key, value } => Change::Put { key, value },
            BatchChange::Delete { key } => Change::Delete { key },
        };
        self.write(Change::Batch(changes.into_iter().map(change).collect())).await.and_then(done)
    }

    async fn write(&self, change: Change) -> Result<CompareAndSet, ClientError> {
        change.check()?;
        self.write_until_known((&change).into()).await.map_err(|error| self.with_step_mode(error))
    }

    async fn write_until_known(&self, change: proto::write_request::Change) -> Result<CompareAndSet, ClientError> {
        let deadline = self.deadline();
        let mut ticket: Option<Ticket> = None;
        let mut backoff = Backoff::default();
        // What the last attempt met, and why an earlier one may have been taken.
        let (mut last, mut doubt) = (None, None);
        loop {
            let address = match self.leader(deadline).await {
                Ok(address) => address,
                // What an attempt met says more than that there was none after it.
                Err(error) => return Err(doubt.map(unknown).or(last).unwrap_or(error)),
            };
            let named = match &mut ticket {
                Some(ticket) => ticket,
                None => ticket.insert(self.shared.sessions.begin(self.shared.nodes.applied())?),
            };
            let request = proto::WriteRequest { name: Some(named.name()), change: Some(change.clone()) };
            match self.attempt(&address, request, deadline).await {
                Attempt::Ended(Ok(result)) => {
                    self.shared.finder.heard(&address);
                    return Ok(result);
                }
                Attempt::Ended(Err(error)) if doubt.is_none() => return Err(error),
                Attempt::Ended(Err(_)) => {}
                Attempt::NotTaken(error) => last = Some(error),
                Attempt::Overloaded(error) if self.wait_when_overloaded || doubt.is_some() => {
                    // Whoever is overloaded leads still, as far as is known.
                    if backoff.overloaded(deadline).await {
                        last = Some(error);
                        continue;
                    }
                    return Err(doubt.map_or(error, unknown));
                }
                Attempt::Overloaded(error) => return Err(error),
                Attempt::Doubtful(why) => doubt = Some(why),
                Attempt::SessionLost(error) => {
                    self.shared.sessions.lost(named);
                    self.shared.nodes.forget_applied();
                    if let Some(why) = doubt {
                        return Err(unknown(why));
                    }
                    (ticket, last) = (None, Some(error));
                }
            }
            self.shared.finder.lost(&address);
            if !Backoff::pause(deadline).await {
                let late = || self.no_leader(Reason::NotTaken);
                return Err(doubt.map(unknown).or(last).unwrap_or_else(late));
            }
        }
    }

    async fn attempt(&self, address: &str, write: proto::WriteRequest, deadline: Instant) -> Attempt {
        let stream = match self.shared.nodes.stream(address, deadline).await {
            Ok(stream) => stream,
            Err(why) => return Attempt::NotTaken(self.no_leader(why.at(address))),
        };
        let mut answer = std::pin::pin!(stream.write(write, deadline));
        let answer = loop {
            match timeout(PATIENCE, &mut answer).await {
                Ok(answer) => break answer,
                Err(_) if self.another_leads(address, deadline).await => {
                    return Attempt::Doubtful(Reason::may_have_taken(address, Reason::LeadsNoMore));
                }
                Err(_) => {}
            }
        };
        match answer {
            Ok(answer) => self.answered(answer),
            Err(Lost::NotSent(why)) => Attempt::NotTaken(self.no_leader(why.at(address))),
            Err(Lost::Overloaded(refusal)) => Attempt::Overloaded(refusal.into()),
            Err(Lost::NotTaken(why)) => {
                let (subject, reason) = (address.to_owned(), why.to_string());
                Attempt::Ended(Err(Refusal::NotTaken { subject, reason }.into()))
            }
            Err(Lost::Unanswered(why)) => Attempt::Doubtful(Reason::may_have_taken(address, why)),
        }
    }

    async fn another_leads(&self, address: &str, deadline: Instant) -> bool {
        let soon = deadline.min(Instant::now() + PATIENCE / 2);
        self.leader(soon).await.is_ok_and(|leader| leader != address)
    }

    fn answered(&self, answer: proto::WriteResponse) -> Attempt {
        use proto::write_response::Outcome;
        match answer.outcome {
            Some(Outcome::Written(point)) => {
                self.shared.nodes.has_applied(point.position);
                match Written::try_from(point) {
                    Ok(written) => {
                        Attempt::Ended(Ok(CompareAndSet::Done(Written { revision: answer.revision, ..written })))
                    }
                    Err(error) => Attempt::Ended(Err(unknown(Reason::Unreadable(error.to_string())))),
                }
            }
            Some(Outcome::NotEqual(proto::NotEqual { revision, value })) => {
                Attempt::Ended(Ok(CompareAndSet::NotEqual { revision, value }))
            }
            Some(Outcome::Refused(refused)) => match refusal(refused) {
                refusal @ Refusal::SessionLost {} => Attempt::SessionLost(refusal.into()),
                refusal if refusal.is_about_the_leader() => Attempt::NotTaken(self.no_leader(refusal.into())),
                refusal if refusal.is_overload() => Attempt::Overloaded(refusal.into()),
                refusal => Attempt::Ended(Err(refusal.into())),
            },
            Some(Outcome::Unknown(unknown)) => Attempt::Doubtful(doubt(unknown)),
            None => Attempt::Doubtful(Reason::Empty),
        }
    }
}

/// Only a compare-and-set compares.
fn done(result: CompareAndSet) -> Result<Written, ClientError> {
    match result {
        CompareAndSet::Done(written) => Ok(written),
        CompareAndSet::NotEqual { .. } => Err(unknown(Reason::Misfit)),
    }
}

pub(super) fn doubt(unknown: proto::Unknown) -> Reason {
    Doubt::try_from(unknown).map_or_else(|error| Reason::Unreadable(error.to_string()), Reason::Doubt)
}

fn unknown(why: Reason) -> ClientError {
    ClientError::Unknown { why }
}
