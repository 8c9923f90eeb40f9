//! Clients' writes: checked, encoded for the log, and passed on to the leader if another node leads.

use bytes::Bytes;

use crate::protocol::apply::{Applied, Outcome};
use crate::protocol::{Answer, Change, Command, NodeId, Once};
use crate::server::client::ClientService;
use crate::server::forward::Lost;
use crate::server::refusal::{by_core, leader_overloaded, leader_unreachable, not_a_leader, not_taken, session_lost};
use crate::server::requests::Request as Ask;
use crate::wire::forwarded::forwarded;
use crate::wire::proto;
use crate::wire::refusal::{refused, unsound};

/// A client's request, kept so that it can be passed on, with the change that it asks for. They share their bytes.
pub(super) struct Write {
    request: proto::WriteRequest,
    change: Change,
    /// Another node has passed the request on.
    is_forwarded: bool,
}

impl Write {
    /// The size limits of keys, values and batches are checked here and nowhere else in a node.
    pub(super) fn new(request: proto::WriteRequest, is_forwarded: bool) -> Result<Write, proto::Refusal> {
        let Some(change) = &request.change else {
            return Err(refused("empty_write", "the message holds no write"));
        };
        let change = Change::try_from(change)
            .map_err(|_| refused("nothing_expected", "a compare-and-set must say what it expects"))?;
        change.check().map_err(unsound)?;
        Ok(Write { request, change, is_forwarded })
    }

    fn command(&self) -> Bytes {
        let proto::WriteName { session, sequence, born, answered } = self.request.name.unwrap_or_default();
        let once = born.map(|born| Once { born, answered });
        Command { session, sequence, once, change: self.change.clone() }.encode()
    }

    /// The key of a compare-and-set.
    fn compared(&self) -> Option<&Bytes> {
        if let Change::CompareAndSet { key, .. } = &self.change { Some(key) } else { None }
    }
}

impl ClientService {
    pub(super) async fn write_one(&self, request: proto::WriteRequest, is_forwarded: bool) -> proto::WriteResponse {
        let admitted = self.limits.write(bytes(&request));
        let (_permits, write) = match admitted.and_then(|permits| Ok((permits, Write::new(request, is_forwarded)?))) {
            Ok(admitted) => admitted,
            Err(refusal) => return no(refusal),
        };
        let command = write.command();
        let answered = match self.queue.ask(|reply| Ask::Write(command, reply)) {
            Ok(answer) => answer.await,
            Err(why) => return no(not_taken(why)),
        };
        match answered {
            Ok(Answer::Applied { applied, .. }) => self.done(&write, applied),
            Ok(Answer::Forward(leader)) if write.is_forwarded => no(not_a_leader(leader)),
            Ok(Answer::Forward(leader)) => Box::pin(self.forward_write(leader, write.request)).await,
            Ok(Answer::Refused(refusal)) => no(by_core(refusal)),
            Ok(Answer::Unknown) => unknown("the leader stepped down with the write in its log"),
            Ok(Answer::Injected(_) | Answer::Snapshot(_) | Answer::Readable | Answer::Done) => {
                unknown("the node gave an answer that fits no write")
            }
            Err(_) => unknown("the node stopped before it could answer"),
        }
    }

    fn done(&self, write: &Write, applied: Applied) -> proto::WriteResponse {
        use proto::write_response::Outcome as Wire;
        let (outcome, revision) = match applied.outcome {
            Outcome::Done { revision } => {
                let Applied { id, position, .. } = applied;
                let (epoch, offset) = (id.epoch.0, id.offset.0);
                let point = proto::Point { epoch, offset, position: position.0, digest: Bytes::new() };
                (Wire::Written(point), revision)
            }
            Outcome::NotEqual { present } => (Wire::NotEqual(self.not_equal(write, present)), 0),
            Outcome::SessionLost => (Wire::Refused(session_lost()), 0),
        };
        proto::WriteResponse { outcome: Some(outcome), revision }
    }

    /// The revision that a compare-and-set found, with its value if the key still has it.
    fn not_equal(&self, write: &Write, revision: Option<u64>) -> proto::NotEqual {
        let record = write.compared().and_then(|key| self.records.get(key).ok().flatten());
        let value = record.filter(|record| Some(record.revision) == revision).map(|record| record.value);
        proto::NotEqual { revision, value }
    }

    async fn forward_write(&self, leader: NodeId, request: proto::WriteRequest) -> proto::WriteResponse {
        let call =
            |mut client: proto::client_client::ClientClient<_>| async move { client.write(forwarded(request)).await };
        self.forwarder.call_leader(leader, call).await.unwrap_or_else(|lost| match lost {
            Lost::NotSent(why) => no(leader_unreachable(leader, &why)),
            Lost::Overloaded(why) => no(leader_overloaded(leader, &why)),
            Lost::Unanswered(why) => unknown(&format!("it was passed on to {leader}, whose answer was lost: {why}")),
            Lost::Deposed(next) => {
                unknown(&format!("it was passed on to {leader}, which gave no answer, and {next} leads by now"))
            }
        })
    }
}

/// The bytes of the keys and values of a write.
pub(super) fn bytes(request: &proto::WriteRequest) -> usize {
    use proto::write_request::Change as Wire;
    match &request.change {
        Some(Wire::Put(put)) => put.key.len() + put.value.len(),
        Some(Wire::Delete(delete)) => delete.key.len(),
        Some(Wire::CompareAndSet(set)) => {
            use proto::compare_and_set::Expect;
            let expected = if let Some(Expect::Expected(value)) = &set.expect { value.len() } else { 0 };
            set.key.len() + expected + set.value.len()
        }
        Some(Wire::Batch(batch)) => {
            let change = |change: &proto::BatchChange| change.key.len() + change.value.as_ref().map_or(0, Bytes::len);
            batch.changes.iter().map(change).sum()
        }
        None => 0,
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
