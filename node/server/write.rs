//! Clients' writes as they came: checked, encoded for the log, and passed on to the leader if another node leads.

use bytes::Bytes;

use crate::protocol::apply::{Applied, Outcome};
use crate::protocol::{Answer, Change, Command, Expect, NodeId, Once};
use crate::server::client::ClientService;
use crate::server::forward::Lost;
use crate::server::refusal::{
    by_core, check_key, check_value, leader_overloaded, leader_unreachable, not_a_leader, not_taken, refused,
    session_lost,
};
use crate::server::requests::{Request as Ask, WriteAnswer};
use crate::wire::proto;

/// A write as it came; kept so that it can be passed on. Its bytes are shared, not copied.
pub(super) enum Write {
    Put(proto::PutRequest),
    Delete(proto::DeleteRequest),
    CompareAndSet(proto::CompareAndSetRequest),
    Batch(proto::BatchRequest),
}

impl Write {
    fn change(&self) -> Result<Change, proto::Refusal> {
        let change = match self {
            Write::Put(put) => Change::Put { key: put.key.clone(), value: put.value.clone() },
            Write::Delete(delete) => Change::Delete { key: delete.key.clone() },
            Write::CompareAndSet(set) => {
                use proto::compare_and_set_request::Expect as Expected;
                let expect = match &set.expect {
                    Some(Expected::Absent(_)) => Expect::Absent,
                    Some(Expected::Expected(value)) => Expect::Value(value.clone()),
                    Some(Expected::Revision(revision)) => Expect::Revision(*revision),
                    None => return Err(refused("nothing_expected", "a compare-and-set must say what it expects")),
                };
                Change::CompareAndSet { key: set.key.clone(), expect, value: set.value.clone() }
            }
            Write::Batch(batch) => Change::Batch(batch.changes.iter().map(change_of).collect()),
        };
        check(&change)?;
        Ok(change)
    }

    /// Its keys and values.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Write::Put(put) => put.key.len() + put.value.len(),
            Write::Delete(delete) => delete.key.len(),
            Write::CompareAndSet(set) => {
                use proto::compare_and_set_request::Expect as Expected;
                let expected = if let Some(Expected::Expected(value)) = &set.expect { value.len() } else { 0 };
                set.key.len() + expected + set.value.len()
            }
            Write::Batch(batch) => {
                let change =
                    |change: &proto::BatchChange| change.key.len() + change.value.as_ref().map_or(0, Bytes::len);
                batch.changes.iter().map(change).sum()
            }
        }
    }

    fn name(&self) -> proto::WriteName {
        let name = match self {
            Write::Put(put) => put.name,
            Write::Delete(delete) => delete.name,
            Write::CompareAndSet(set) => set.name,
            Write::Batch(batch) => batch.name,
        };
        name.unwrap_or_default()
    }

    fn command(&self) -> Result<Bytes, proto::Refusal> {
        let proto::WriteName { session, sequence, born, answered } = self.name();
        let once = born.map(|born| Once { born, answered });
        Ok(Command { session, sequence, once, change: self.change()? }.encode())
    }

    pub(super) fn is_forwarded(&self) -> bool {
        match self {
            Write::Put(put) => put.forwarded,
            Write::Delete(delete) => delete.forwarded,
            Write::CompareAndSet(set) => set.forwarded,
            Write::Batch(batch) => batch.forwarded,
        }
    }

    /// The key of a compare-and-set.
    fn compared(&self) -> Option<&Bytes> {
        if let Write::CompareAndSet(set) = self { Some(&set.key) } else { None }
    }
}

fn change_of(change: &proto::BatchChange) -> Change {
    let key = change.key.clone();
    match &change.value {
        Some(value) => Change::Put { key, value: value.clone() },
        None => Change::Delete { key },
    }
}

fn check(change: &Change) -> Result<(), proto::Refusal> {
    match change {
        Change::Batch(changes) if changes.is_empty() => {
            return Err(refused("empty_batch", "the batch is empty: give at least one put or delete"));
        }
        Change::Batch(changes) => changes.iter().try_for_each(check)?,
        Change::Put { key, value } | Change::CompareAndSet { key, value, .. } => {
            check_key(key).and_then(|()| check_value(value))?;
        }
        Change::Delete { key } => check_key(key)?,
    }
    if change.is_sound() {
        return Ok(());
    }
    let text = "keys and values together have more than 1 MiB, or there are more than 1024 changes: split it";
    Err(refused("too_large", text))
}

impl ClientService {
    pub(super) async fn write_one(&self, write: Write) -> proto::WriteResponse {
        let taken = self.limits.write(write.bytes()).and_then(|limits| Ok((limits, write.command()?)));
        let (_room, command) = match taken {
            Ok(taken) => taken,
            Err(refusal) => return no(refusal),
        };
        let answered = match self.queue.ask(|reply| Ask::Write(command, reply)) {
            Ok(answer) => answer.await,
            Err(why) => return no(not_taken(why)),
        };
        match answered {
            Ok(WriteAnswer { applied: Some(applied), .. }) => self.done(&write, applied),
            Ok(WriteAnswer { answer: Answer::Forward(leader), .. }) if write.is_forwarded() => no(not_a_leader(leader)),
            Ok(WriteAnswer { answer: Answer::Forward(leader), .. }) => {
                Box::pin(self.forward_write(leader, write)).await
            }
            Ok(WriteAnswer { answer: Answer::Refused(refusal), .. }) => no(by_core(refusal)),
            Ok(WriteAnswer { answer: Answer::Unknown, .. }) => {
                unknown("the leader stepped down with the write in its log")
            }
            Ok(WriteAnswer { .. }) => unknown("the node gave an answer that fits no write"),
            Err(_) => unknown("the node stopped before it could answer"),
        }
    }

    fn done(&self, write: &Write, applied: Applied) -> proto::WriteResponse {
        use proto::write_response::Outcome as Said;
        let (said, revision) = match applied.outcome {
            Outcome::Done { revision } => {
                let Applied { id, position, .. } = applied;
                let (epoch, offset) = (id.epoch.0, id.offset.0);
                let point = proto::Point { epoch, offset, position: position.0, digest: Bytes::new() };
                (Said::Written(point), revision)
            }
            Outcome::NotEqual { present } => (Said::NotEqual(self.not_equal(write, present)), 0),
            Outcome::SessionLost => (Said::Refused(session_lost()), 0),
        };
        proto::WriteResponse { outcome: Some(said), revision }
    }

    /// What was there instead, with its value if that is still there.
    fn not_equal(&self, write: &Write, revision: Option<u64>) -> proto::NotEqual {
        let record = write.compared().and_then(|key| self.records.get(key).ok().flatten());
        let value = record.filter(|record| Some(record.revision) == revision).map(|record| record.value);
        proto::NotEqual { revision, value }
    }

    async fn forward_write(&self, leader: NodeId, write: Write) -> proto::WriteResponse {
        let forwarder = &self.forwarder;
        let lost = match write {
            Write::Put(put) => {
                let put = proto::PutRequest { forwarded: true, ..put };
                forwarder.call_leader(leader, |mut client| async move { client.put(put).await }).await
            }
            Write::Delete(delete) => {
                let delete = proto::DeleteRequest { forwarded: true, ..delete };
                forwarder.call_leader(leader, |mut client| async move { client.delete(delete).await }).await
            }
            Write::CompareAndSet(set) => {
                let set = proto::CompareAndSetRequest { forwarded: true, ..set };
                forwarder.call_leader(leader, |mut client| async move { client.compare_and_set(set).await }).await
            }
            Write::Batch(batch) => {
                let batch = proto::BatchRequest { forwarded: true, ..batch };
                forwarder.call_leader(leader, |mut client| async move { client.batch(batch).await }).await
            }
        };
        lost.unwrap_or_else(|lost| match lost {
            Lost::NotSent(why) => no(leader_unreachable(leader, &why)),
            Lost::Overloaded(why) => no(leader_overloaded(leader, &why)),
            Lost::Unanswered(why) => unknown(&format!("it was passed on to {leader}, whose answer was lost: {why}")),
            Lost::Deposed(next) => {
                unknown(&format!("it was passed on to {leader}, which gave no answer, and {next} leads by now"))
            }
        })
    }
}

pub(super) fn no(refusal: proto::Refusal) -> proto::WriteResponse {
    proto::WriteResponse { outcome: Some(proto::write_response::Outcome::Refused(refusal)), revision: 0 }
}

fn unknown(why: &str) -> proto::WriteResponse {
    let message = format!("{why}, so the write may or may not happen");
    proto::WriteResponse {
        outcome: Some(proto::write_response::Outcome::Unknown(proto::Unknown { message })),
        revision: 0,
    }
}
