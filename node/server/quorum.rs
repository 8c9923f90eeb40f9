//! Quorum reads at the node that was asked: it chooses voters at random, asks them, and asks again until one may answer;
//! if they do not come to agree in a bounded time, the leader is asked as for a linearizable read. What counts as agreement
//! is the protocol's business.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tonic::Status;

use crate::membership::view::Members;
use crate::protocol::trace::Fact;
use crate::protocol::{EntryId, Listed, NodeId, Position, Probe, QuorumRead, replicas_least};
use crate::server::client::ClientService;
use crate::server::requests::Request as Ask;
use crate::wire::convert::Malformed;
use crate::wire::proto;
use crate::wire::proto::get_response::Outcome;
use crate::wire::refusal::refused;

/// How often voters are asked before the leader is.
const ROUNDS: u32 = 10;
/// Between two rounds: an apply is mostly done by then.
const PAUSE: Duration = Duration::from_millis(5);
/// A voter that takes longer counts as gone.
const PROBE_TIMEOUT: Duration = Duration::from_millis(300);

/// A voter's answer: what it says of itself, and its record.
type Answered = (NodeId, Probe, Option<proto::Record>);

/// What the voters that were asked in one round say.
#[derive(Default)]
struct Round {
    answers: Vec<Answered>,
    /// The newest member list that any of them has, if it is newer than that by which they were asked.
    newer: Option<Listed>,
}

/// One voter's part of a round.
enum Said {
    Probe(Answered),
    Newer(Listed),
}

impl Round {
    fn add(&mut self, said: Option<Said>) {
        match said {
            Some(Said::Probe(answer)) => self.answers.push(answer),
            Some(Said::Newer(list)) if self.newer.as_ref().is_none_or(|known| known.id < list.id) => {
                self.newer = Some(list);
            }
            Some(Said::Newer(_)) | None => {}
        }
    }
}

impl ClientService {
    /// `None`: they did not agree, or too few answered.
    pub(super) async fn get_by_quorum(&self, get: &proto::GetRequest) -> Result<Option<Outcome>, Status> {
        let mut known = self.membership.known();
        let mut read = QuorumRead::default();
        for _ in 0..ROUNDS {
            let wanted = match wanted(get.replicas as usize, &known) {
                Ok(wanted) => wanted,
                Err(refusal) => return Ok(Some(Outcome::Refused(refusal))),
            };
            let Round { answers, newer } = self.ask_voters(&get.key, &known, wanted).await?;
            if let Some(newer) = newer {
                // What the voters of an older list say may miss what those of the newer one have confirmed.
                (known.list, read) = (Some(Arc::new(newer)), QuorumRead::default());
                continue;
            }
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
            return Ok(Some(record.map_or(Outcome::NotFound(proto::NotFound {}), Outcome::Record)));
        }
        Ok(None)
    }

    /// Asks so many voters at once, and another one for each that does not answer.
    async fn ask_voters(&self, key: &bytes::Bytes, known: &Members, wanted: usize) -> Result<Round, Status> {
        let order = shuffled(known.voters())?;
        let (first, rest) = order.split_at(wanted);
        let request = proto::ProbeRequest { key: key.clone(), members: known.list.as_ref().map(|list| list.id.into()) };
        let asked = first.iter().map(|node| self.ask_voter(*node, request.clone()));
        let mut round = Round::default();
        futures_util::future::join_all(asked).await.into_iter().for_each(|said| round.add(said));
        for node in rest {
            if round.answers.len() < wanted && round.newer.is_none() {
                round.add(self.ask_voter(*node, request.clone()).await);
            }
        }
        Ok(round)
    }

    async fn ask_voter(&self, node: NodeId, request: proto::ProbeRequest) -> Option<Said> {
        let members = request.members;
        let answer = if node == self.me {
            self.probe_here(&request).await.ok()?
        } else {
            let call = self.forwarder.call(node, |mut client| async move { client.probe(request).await });
            timeout(PROBE_TIMEOUT, call).await.ok()?.ok()?
        };
        if let Some(newer) = answer.newer {
            return Listed::try_from(newer).ok().map(Said::Newer);
        }
        let voter = answer.voter.filter(|_| answer.refused.is_none())?;
        Some(Said::Probe((node, probe(voter, members?).ok()?, answer.record)))
    }

    /// What this node says of itself first, then the value: it may be newer than that, never older.
    pub(super) async fn probe_here(&self, request: &proto::ProbeRequest) -> Result<proto::ProbeResponse, Status> {
        let asked = self.queue.ask(Ask::Probe).map_err(|_| Status::unavailable("this node is busy or stops"))?;
        let said = asked.await.map_err(|_| Status::unavailable("this node stopped before it could answer"))?;
        // The list is looked at after the probe: it is not older than what the probe says of the log.
        let asked_by = request.members.map(EntryId::try_from).transpose().ok().flatten();
        let newer = self.membership.known().list.filter(|list| Some(list.id) > asked_by);
        if let Some(newer) = newer {
            return Ok(proto::ProbeResponse { newer: Some((&*newer).into()), ..Default::default() });
        }
        let counts = |said: &Probe| asked_by.is_some_and(|list| said.counts_for(list));
        let Some(Probe { applied, accepted, .. }) = said.filter(counts) else {
            let text = "this node's log does not make it a voter of this list: it cannot answer for one";
            return Ok(proto::ProbeResponse { refused: Some(refused("no_voter", text)), ..Default::default() });
        };
        let record = self.records.get(&request.key).map_err(Status::internal)?.map(Into::into);
        let voter = proto::Voter { applied: applied.map(Into::into), accepted: accepted.map(Into::into) };
        Ok(proto::ProbeResponse { record, voter: Some(voter), ..Default::default() })
    }

    /// Watchers are told, if there are any; nobody waits for it.
    fn tell(&self, fact: Fact) {
        let _ = self.queue.ask(|_: tokio::sync::oneshot::Sender<()>| Ask::Tell(Box::new(fact)));
    }
}

/// How many voters are to be asked. Less than a majority is enough only as long as the list has never changed: nobody can
/// tell from the answers of a few that the others work with another list.
fn wanted(replicas: usize, known: &Members) -> Result<usize, proto::Refusal> {
    let voters = known.voters().len();
    if voters == 0 {
        return Err(refused("not_founded", "this node belongs to no cluster yet: ask another one"));
    }
    let changed = known.list.as_ref().is_some_and(|list| list.position != Position::FIRST);
    let least = if changed { known.quorum() } else { replicas_least(voters) };
    let wanted = if replicas == 0 { least } else { replicas };
    if (least..=voters).contains(&wanted) {
        return Ok(wanted);
    }
    let why = if changed { ", a majority since the member list has changed once" } else { "" };
    let text = format!(
        "a quorum read of {wanted} nodes is not possible: of {voters} voters at least {least} must be asked{why}, so that \
         one of them has every confirmed write"
    );
    Err(refused("wrong_replicas", text))
}

/// The voter has looked whether it counts for the list that it was asked by.
fn probe(voter: proto::Voter, members: proto::EntryId) -> Result<Probe, Malformed> {
    let id = |id: Option<proto::EntryId>| id.map(EntryId::try_from).transpose();
    Ok(Probe { applied: id(voter.applied)?, accepted: id(voter.accepted)?, members: members.try_into()? })
}

/// The voters in a random order, so that no one of them gets all the reads.
fn shuffled(mut order: Vec<NodeId>) -> Result<Vec<NodeId>, Status> {
    for last in (1..order.len()).rev() {
        let random = getrandom::u64().map_err(|error| Status::internal(format!("no random numbers: {error}")))?;
        order.swap(last, (random % (last as u64 + 1)) as usize);
    }
    Ok(order)
}
