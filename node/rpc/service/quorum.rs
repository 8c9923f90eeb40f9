//! Quorum reads at the node that was asked: it chooses voters at random, asks them, and asks again until one may answer;
//! if they do not come to agree in a bounded time, the leader is asked as for a linearizable read. What counts as agreement
//! is the protocol's business.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tonic::Status;

use crate::protocol::trace::Fact;
use crate::protocol::{EntryId, NodeId, Probe, QuorumRead, replicas_least};
use crate::rpc::convert::Malformed;
use crate::rpc::desk::Request as Ask;
use crate::rpc::service::client::ClientService;
use crate::rpc::service::refusal::refused;
use crate::rpc::wire;
use crate::rpc::wire::get_response::Outcome;

/// How often voters are asked before the leader is.
const ROUNDS: u32 = 10;
/// Between two rounds: an apply is mostly done by then.
const PAUSE: Duration = Duration::from_millis(5);
/// A voter that takes longer counts as gone.
const PROBE_TIMEOUT: Duration = Duration::from_millis(300);

/// A voter's answer: what it says of itself, and its record.
type Answered = (NodeId, Probe, Option<wire::Record>);

impl ClientService {
    /// `None`: they did not agree, or too few answered.
    pub(super) async fn get_by_quorum(&self, get: &wire::GetRequest) -> Result<Option<Outcome>, Status> {
        let least = replicas_least(self.voters.len());
        let wanted = match get.replicas as usize {
            0 => least,
            replicas => replicas,
        };
        if wanted < least || wanted > self.voters.len() {
            let text = format!(
                "a quorum read of {wanted} nodes is not possible: of {} voters at least {least} must be asked, so that one \
                 of them has every confirmed write",
                self.voters.len()
            );
            return Ok(Some(Outcome::Refused(refused("wrong_replicas", text))));
        }
        let mut read = QuorumRead::default();
        for _ in 0..ROUNDS {
            let answers = self.ask_voters(&get.key, wanted).await?;
            if answers.len() < wanted {
                return Ok(None);
            }
            let asked: Vec<NodeId> = answers.iter().map(|(node, ..)| *node).collect();
            let probes: Vec<Probe> = answers.iter().map(|(_, probe, _)| *probe).collect();
            let Some(index) = read.judge(&probes) else {
                self.tell(Fact::QuorumDisagreed { asked, wanted: read.wanted() });
                sleep(PAUSE).await;
                continue;
            };
            let applied = probes[index].applied;
            self.tell(Fact::QuorumAnswered { from: asked[index], asked, applied, wanted: read.wanted() });
            let record = answers.into_iter().nth(index).and_then(|(.., record)| record);
            return Ok(Some(record.map_or(Outcome::NotFound(wire::NotFound {}), Outcome::Record)));
        }
        Ok(None)
    }

    /// Asks so many voters at once, and another one for each that does not answer.
    async fn ask_voters(&self, key: &bytes::Bytes, wanted: usize) -> Result<Vec<Answered>, Status> {
        let order = shuffled(&self.voters)?;
        let (first, rest) = order.split_at(wanted);
        let asked = first.iter().map(|node| self.ask_voter(*node, key.clone()));
        let mut answers: Vec<Answered> = futures_util::future::join_all(asked).await.into_iter().flatten().collect();
        for node in rest {
            if answers.len() < wanted {
                answers.extend(self.ask_voter(*node, key.clone()).await);
            }
        }
        Ok(answers)
    }

    async fn ask_voter(&self, node: NodeId, key: bytes::Bytes) -> Option<Answered> {
        let request = wire::ProbeRequest { key };
        let answer = if node == self.me {
            self.probe_here(&request).await.ok()?
        } else {
            let call = self.forwarder.call(node, |mut client| async move { client.probe(request).await });
            timeout(PROBE_TIMEOUT, call).await.ok()?.ok()?
        };
        let voter = answer.voter.filter(|_| answer.refused.is_none())?;
        Some((node, probe(voter).ok()?, answer.record))
    }

    /// What this node says of itself first, then the value: it may be newer than that, never older.
    pub(super) async fn probe_here(&self, request: &wire::ProbeRequest) -> Result<wire::ProbeResponse, Status> {
        let asked = self.desk.ask(Ask::Probe).map_err(|_| Status::unavailable("this node is busy or stops"))?;
        let said = asked.await.map_err(|_| Status::unavailable("this node stopped before it could answer"))?;
        let Some(Probe { applied, accepted }) = said else {
            let text = "this node's log does not make it a voter: it cannot answer for one";
            return Ok(wire::ProbeResponse { refused: Some(refused("no_voter", text)), ..Default::default() });
        };
        let record = self.records.get(&request.key).map_err(Status::internal)?.map(Into::into);
        let voter = wire::Voter { applied: applied.map(Into::into), accepted: accepted.map(Into::into) };
        Ok(wire::ProbeResponse { record, voter: Some(voter), refused: None })
    }

    /// Watchers are told, if there are any; nobody waits for it.
    fn tell(&self, fact: Fact) {
        let _ = self.desk.ask(|_: tokio::sync::oneshot::Sender<()>| Ask::Tell(Box::new(fact)));
    }
}

fn probe(voter: wire::Voter) -> Result<Probe, Malformed> {
    let id = |id: Option<wire::EntryId>| id.map(EntryId::try_from).transpose();
    Ok(Probe { applied: id(voter.applied)?, accepted: id(voter.accepted)? })
}

/// The voters in a random order, so that no one of them gets all the reads.
fn shuffled(voters: &[NodeId]) -> Result<Vec<NodeId>, Status> {
    let mut order = voters.to_vec();
    for last in (1..order.len()).rev() {
        let random = getrandom::u64().map_err(|error| Status::internal(format!("no random numbers: {error}")))?;
        order.swap(last, (random % (last as u64 + 1)) as usize);
    }
    Ok(order)
}
