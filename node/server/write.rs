//! Writes of clients: checked, encoded for the log, and forwarded if another node leads.
//!
//! A write has three outcomes: confirmed, refused (it certainly did not happen), unknown (it may happen).

use bytes::Bytes;

use crate::protocol::apply::{Applied, Outcome};
use crate::protocol::{Answer, Change, Command, NodeId, Once};
use crate::server::client::ClientService;
use crate::server::forward::Lost;
use crate::server::requests;
use crate::wire::doubt::Doubt;
use crate::wire::forwarded::forwarded;
use crate::wire::proto;
use crate::wire::refusal::Refusal;

/// A checked write, encoded for the log. The encoded command is the only copy of key and value that the node keeps
/// while the write is in progress: log, pushes and this handler share its memory.
struct CheckedWrite {
    command: Bytes,
    /// Another node has forwarded the request; it is not forwarded again.
    is_forwarded: bool,
}

impl CheckedWrite {
    /// Decodes, checks and encodes a request. This is the only place of a node that checks the limits of keys, values
    /// and batches.
    fn new(request: proto::WriteRequest, is_forwarded: bool) -> Result<CheckedWrite, Refusal> {
        let change = request.change.ok_or(Refusal::EmptyWrite {})?;
        let change = Change::try_from(change).map_err(|_| Refusal::NothingExpected {})?;
        change.check()?;
        let proto::WriteName { session, sequence, born, answered } = request.name.unwrap_or_default();
        let once = born.map(|born| Once { born, answered });
        let command = Command { session, sequence, once, change }.encode();
        Ok(CheckedWrite { command, is_forwarded })
    }

    /// The key of a compare-and-set; `None` for other changes.
    fn compared_key(&self) -> Option<Bytes> {
        match Command::decode(&self.command)?.change {
            Change::CompareAndSet { key, .. } => Some(key),
            Change::Put { .. } | Change::Delete { .. } | Change::Batch(_) => None,
        }
    }
}

impl ClientService {
    pub(super) async fn write_one(&self, request: proto::WriteRequest, is_forwarded: bool) -> proto::WriteResponse {
        let admitted = self.limits.write(key_and_value_bytes(&request));
        let (_permits, write) =
            match admitted.and_then(|permits| Ok((permits, CheckedWrite::new(request, is_forwarded)?))) {
                Ok(admitted) => admitted,
                Err(refusal) => return refused_response(&refusal),
            };
        let command = write.command.clone();
        let answer = match self.queue.ask(|reply| requests::Request::Write(command, reply)) {
            Ok(answer) => answer.await,
            Err(why) => return refused_response(&why.into()),
        };
        match answer {
            Ok(Answer::Applied { applied, .. }) => self.applied_response(&write, applied),
            Ok(Answer::Forward(leader)) if write.is_forwarded => refused_response(&Refusal::NotALeader { leader }),
            Ok(Answer::Forward(leader)) => Box::pin(self.forward_write(leader, &write.command)).await,
            Ok(Answer::Refused(refusal)) => refused_response(&refusal.into()),
            Ok(Answer::Unknown) => unknown_response(&Doubt::SteppedDown {}),
            Ok(Answer::Injected(_) | Answer::Snapshot(_) | Answer::Readable | Answer::Done) => {
                unknown_response(&Doubt::Misfit {})
            }
            Err(_) => unknown_response(&Doubt::Stopped {}),
        }
    }

    fn applied_response(&self, write: &CheckedWrite, applied: Applied) -> proto::WriteResponse {
        use proto::write_response::Outcome as Wire;
        let (outcome, revision) = match applied.outcome {
            Outcome::Done { revision } => {
                let Applied { id, position, .. } = applied;
                let (epoch, offset) = (id.epoch.0, id.offset.0);
                let point = proto::Point { epoch, offset, position: position.0, digest: Bytes::new() };
                (Wire::Written(point), revision)
            }
            Outcome::NotEqual { present } => (Wire::NotEqual(self.not_equal(write, present)), 0),
            Outcome::SessionLost => (Wire::Refused(Refusal::SessionLost {}.to_wire()), 0),
        };
        proto::WriteResponse { outcome: Some(outcome), revision }
    }

    /// The revision that a compare-and-set found, with its value if the key still has that revision.
    fn not_equal(&self, write: &CheckedWrite, revision: Option<u64>) -> proto::NotEqual {
        let record = write.compared_key().and_then(|key| self.records.get(&key).ok().flatten());
        let value = record.filter(|record| Some(record.revision) == revision).map(|record| record.value);
        proto::NotEqual { revision, value }
    }

    async fn forward_write(&self, leader: NodeId, command: &Bytes) -> proto::WriteResponse {
        let Some(command) = Command::decode(command) else { return refused_response(&Refusal::Internal {}) };
        let request = proto::WriteRequest::from(command);
        let call =
            |mut client: proto::client_client::ClientClient<_>| async move { client.write(forwarded(request)).await };
        self.forwarder.call_leader(leader, call).await.unwrap_or_else(|lost| match lost {
            Lost::NotSent(reason) => refused_response(&Refusal::LeaderUnreachable { leader, reason }),
            Lost::Overloaded(reason) => refused_response(&Refusal::LeaderOverloaded { leader, reason }),
            Lost::Unanswered(detail) => unknown_response(&Doubt::AnswerLost { leader, detail }),
            Lost::Deposed(next) => unknown_response(&Doubt::Deposed { leader, next }),
        })
    }
}

/// The bytes of the keys and values of a write.
pub(super) fn key_and_value_bytes(request: &proto::WriteRequest) -> usize {
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

pub(super) fn refused_response(refusal: &Refusal) -> proto::WriteResponse {
    proto::WriteResponse { outcome: Some(proto::write_response::Outcome::Refused(refusal.to_wire())), revision: 0 }
}

fn unknown_response(doubt: &Doubt) -> proto::WriteResponse {
    proto::WriteResponse { outcome: Some(proto::write_response::Outcome::Unknown(doubt.into())), revision: 0 }
}
