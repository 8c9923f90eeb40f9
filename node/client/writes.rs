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
use crate::client::backoff::{Backoff, OVERLOADED};
use crate::client::error::{ClientError, refused};
use crate::client::requests::{AGAIN, check_key};
use crate::client::sessions::Ticket;
use crate::client::stream::Lost;
use crate::client::types::{BatchChange, CompareAndSet, Written};
use crate::protocol::{Expect, VALUE_BYTES_MAX};
use crate::wire::proto;
use crate::wire::proto::tagged_write::Write;

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
    Doubtful(String),
    /// The session is not known any more: this attempt was not taken.
    SessionLost(ClientError),
}

impl Client {
    pub async fn put(&self, key: Bytes, value: Bytes) -> Result<Written, ClientError> {
        check_key(&key)?;
        check_value(&value)?;
        let put = move |name| {
            let (key, value) = (key.clone(), value.clone());
            Write::Put(proto::PutRequest { key, value, name: Some(name), forwarded: false })
        };
        self.write(put).await.and_then(done)
    }

    /// Deleting an absent key is a write, too.
    pub async fn delete(&self, key: Bytes) -> Result<Written, ClientError> {
        check_key(&key)?;
        let delete =
            move |name| Write::Delete(proto::DeleteRequest { key: key.clone(), name: Some(name), forwarded: false });
        self.write(delete).await.and_then(done)
    }

    /// Writes the value only if the key is as expected. Not equal is an answer, not an error: nothing was changed.
    pub async fn compare_and_set(
        &self,
        key: Bytes,
        expect: Expect,
        value: Bytes,
    ) -> Result<CompareAndSet, ClientError> {
        use proto::compare_and_set_request::Expect as Wire;
        check_key(&key)?;
        check_value(&value)?;
        let expect = match expect {
            Expect::Absent => Wire::Absent(proto::Absent {}),
            Expect::Value(value) => Wire::Expected(value),
            Expect::Revision(revision) => Wire::Revision(revision),
        };
        let set = move |name| {
            let (key, expect, value) = (key.clone(), Some(expect.clone()), value.clone());
            Write::CompareAndSet(proto::CompareAndSetRequest { key, expect, value, name: Some(name), forwarded: false })
        };
        self.write(set).await
    }

    /// Puts and deletes, in order, all or nothing. Each counts a revision of its own; the answer has the last one.
    pub async fn batch(&self, changes: Vec<BatchChange>) -> Result<Written, ClientError> {
        let changes: Vec<proto::BatchChange> = changes
            .into_iter()
            .map(|change| match change {
                BatchChange::Put { key, value } => proto::BatchChange { key, value: Some(value) },
                BatchChange::Delete { key } => proto::BatchChange { key, value: None },
            })
            .collect();
        if changes.is_empty() {
            return Err(refused("empty_batch", "the batch is empty; it has at least one put or delete"));
        }
        for change in &changes {
            check_key(&change.key)?;
            change.value.as_ref().map_or(Ok(()), check_value)?;
        }
        let batch = move |name| {
            Write::Batch(proto::BatchRequest { changes: changes.clone(), name: Some(name), forwarded: false })
        };
        self.write(batch).await.and_then(done)
    }

    async fn write(&self, write: impl Fn(proto::WriteName) -> Write) -> Result<CompareAndSet, ClientError> {
        self.write_until_known(write).await.map_err(|error| self.told_of_step_mode(error))
    }

    async fn write_until_known(&self, write: impl Fn(proto::WriteName) -> Write) -> Result<CompareAndSet, ClientError> {
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
            match self.attempt(&address, write(named.name()), deadline).await {
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
                let late = || self.no_leader("nobody took it".to_owned());
                return Err(doubt.map(unknown).or(last).unwrap_or_else(late));
            }
        }
    }

    async fn attempt(&self, address: &str, write: Write, deadline: Instant) -> Attempt {
        let stream = match self.shared.nodes.stream(address, deadline).await {
            Ok(stream) => stream,
            Err(why) => return Attempt::NotTaken(self.no_leader(format!("{address}: {why}"))),
        };
        let mut answer = std::pin::pin!(stream.write(write, deadline));
        let answer = loop {
            match timeout(PATIENCE, &mut answer).await {
                Ok(answer) => break answer,
                Err(_) if self.another_leads(address, deadline).await => {
                    return Attempt::Doubtful(format!("{address} may have taken the write, but leads no more"));
                }
                Err(_) => {}
            }
        };
        match answer {
            Ok(answer) => self.answered(answer),
            Err(Lost::NotSent(why)) => Attempt::NotTaken(self.no_leader(format!("{address}: {why}"))),
            Err(Lost::Overloaded(why)) => Attempt::Overloaded(refused(OVERLOADED, format!("{address}: {why}"))),
            Err(Lost::NotTaken(why)) => Attempt::Ended(Err(refused("not_taken", format!("{address}: {why}")))),
            Err(Lost::Unanswered(why)) => Attempt::Doubtful(format!("{address} may have taken the write, but {why}")),
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
                    Err(error) => Attempt::Ended(Err(unknown(format!("the answer cannot be read: {error}")))),
                }
            }
            Some(Outcome::NotEqual(proto::NotEqual { revision, value })) => {
                Attempt::Ended(Ok(CompareAndSet::NotEqual { revision, value }))
            }
            Some(Outcome::Refused(refusal)) if refusal.code == "session_lost" => {
                Attempt::SessionLost(refused(&refusal.code, refusal.message))
            }
            Some(Outcome::Refused(refusal)) if AGAIN.contains(&&refusal.code[..]) => {
                Attempt::NotTaken(self.no_leader(refusal.message))
            }
            Some(Outcome::Refused(refusal)) if refusal.code == OVERLOADED => {
                Attempt::Overloaded(refused(OVERLOADED, refusal.message))
            }
            Some(Outcome::Refused(refusal)) => Attempt::Ended(Err(refused(&refusal.code, refusal.message))),
            Some(Outcome::Unknown(why)) => Attempt::Doubtful(why.message),
            None => Attempt::Doubtful("the answer says nothing".to_owned()),
        }
    }
}

fn check_value(value: &Bytes) -> Result<(), ClientError> {
    if value.len() > VALUE_BYTES_MAX {
        let message = format!("the value has {} bytes; at most 1 MiB ({VALUE_BYTES_MAX}) is taken", value.len());
        return Err(refused("value_too_large", message));
    }
    Ok(())
}

/// Only a compare-and-set compares.
fn done(result: CompareAndSet) -> Result<Written, ClientError> {
    match result {
        CompareAndSet::Done(written) => Ok(written),
        CompareAndSet::NotEqual { .. } => Err(unknown("the answer fits no such write".to_owned())),
    }
}

fn unknown(why: String) -> ClientError {
    ClientError::Unknown { why }
}
