//! Writes. Each is applied at most once, however often it is retried.
//!
//! After a refusal, a broken connection or a leader that stepped down with the entry in its log, the client retries
//! under the same name until the deadline, and the nodes answer a retry with the result of the first application. Only
//! a write whose deadline passes after an attempt that may have been sent ends as unknown. An overload is definite: if
//! every attempt met it, the write ends as overloaded.

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

/// A write that waits this long checks whether another node leads. If none does it continues to wait: its entry is in a
/// log that may still be committed, and a second attempt would not help.
const PATIENCE: Duration = Duration::from_secs(1);

/// The result of one attempt.
enum Attempt {
    Ended(Result<CompareAndSet, ClientError>),
    /// Definitely not accepted; retry.
    NotTaken(ClientError),
    /// Definitely not accepted; retry at the same node, after a pause.
    Overloaded(ClientError),
    /// It may have been accepted: the outcome is unknown until a retry is answered.
    Doubtful(Reason),
    /// The nodes have forgotten the session: this attempt was not accepted.
    SessionLost(ClientError),
}

impl Client {
    /// Sets a key to a value.
    pub async fn put(&self, key: Bytes, value: Bytes) -> Result<Written, ClientError> {
        self.write(Change::Put { key, value }).await.and_then(done)
    }

    /// Deletes a key. Deleting an absent key is a write too.
    pub async fn delete(&self, key: Bytes) -> Result<Written, ClientError> {
        self.write(Change::Delete { key }).await.and_then(done)
    }

    /// Writes the value only if the key is as expected. Not equal is a result, not an error: nothing was changed.
    pub async fn compare_and_set(
        &self,
        key: Bytes,
        expect: Expect,
        value: Bytes,
    ) -> Result<CompareAndSet, ClientError> {
        self.write(Change::CompareAndSet { key, expect, value }).await
    }

    /// Puts and deletes, in order, all or nothing. Each has a revision of its own; the result has the last one.
    pub async fn batch(&self, changes: Vec<BatchChange>) -> Result<Written, ClientError> {
        let change = |change| match change {
            BatchChange::Put { key, value } => Change::Put { key, value },
            BatchChange::Delete { key } => Change::Delete { key },
        };
        self.write(Change::Batch(changes.into_iter().map(change).collect())).await.and_then(done)
    }

    async fn write(&self, change: Change) -> Result<CompareAndSet, ClientError> {
        change.check()?;
        self.write_until_known(change.into()).await.map_err(|error| self.with_step_mode(error))
    }

    async fn write_until_known(&self, change: proto::write_request::Change) -> Result<CompareAndSet, ClientError> {
        let deadline = self.deadline();
        let mut ticket: Option<Ticket> = None;
        let mut backoff = Backoff::default();
        // The reason of the last attempt, and why an earlier one may have been accepted.
        let (mut last, mut doubt) = (None, None);
        loop {
            let address = match self.leader(deadline).await {
                Ok(address) => address,
                // The reason of an attempt says more than the missing time for another one.
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
                    // An overloaded node still leads, as far as is known.
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

/// Only a compare-and-set has this result.
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
