//! Quorum reads: this node chooses voters at random and probes them, in several rounds, until their answers determine
//! the value; otherwise the leader is asked as for a linearizable read. Which answers agree is decided by the protocol
//! ([`QuorumRead`]).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tonic::Status;

use crate::membership::view::Members;
use crate::protocol::trace::Fact;
use crate::protocol::{EntryId, Listed, NodeId, Position, Probe, QuorumRead, replicas_least};
use crate::server::client::ClientService;
use crate::server::requests::Request;
use crate::wire::convert::Malformed;
use crate::wire::proto;
use crate::wire::proto::get_response::Outcome;
use crate::wire::refusal::Refusal;

/// Rounds before the leader is asked.
const ROUNDS: u32 = 10;
/// The pause between two rounds; an apply is mostly done by then.
const PAUSE: Duration = Duration::from_millis(5);
/// A voter that takes longer counts as unreachable.
const PROBE_TIMEOUT: Duration = Duration::from_millis(300);

/// A voter's answer: its probe, and its record.
type VoterProbe = (NodeId, Probe, Option<proto::Record>);

/// The answers of one round.
#[derive(Default)]
struct Round {
    /// One for each voter that was asked. Bound: the voters of one list.
    answers: Vec<VoterProbe>,
    /// The newest member list among the answers, if it is newer than the one used for the round.
    newer: Option<Listed>,
}

/// The answer of one voter.
enum VoterAnswer {
    Probe(VoterProbe),
    Newer(Listed),
}

impl Round {
    fn add(&mut self, answer: Option<VoterAnswer>) {
        match answer {
            Some(VoterAnswer::Probe(probe)) => self.answers.push(probe),
            Some(VoterAnswer::Newer(list)) if self.newer.as_ref().is_none_or(|known| known.id < list.id) => {
                self.newer = Some(list);
            }
            Some(VoterAnswer::Newer(_)) | None => {}
        }
    }
}

impl ClientService {
    /// `None` if the voters did not agree, or too few answered.
    pub(super) async fn get_by_quorum(&self, get: &proto::GetRequest) -> Result<Option<Outcome>, Status> {
        let mut known = self.membership.known();
        let mut read = QuorumRead::default();
        for _ in 0..ROUNDS {
            let wanted = match replicas_wanted(get.replicas as usize, &known) {
                Ok(wanted) => wanted,
                Err(refusal) => return Ok(Some(Outcome::Refused(refusal.to_wire()))),
            };
            let Round { answers, newer } = self.ask_voters(&get.key, &known, wanted).await?;
            if let Some(newer) = newer {
                // The voters of an older list may miss what those of the newer one have confirmed.
                (known.list, read) = (Some(Arc::new(newer)), QuorumRead::default());
                continue;
            }
            if answers.len() < wanted {
                return Ok(None);
            }
            let asked: Vec<NodeId> = answers.iter().map(|(node, ..)| *node).collect();
            let probes: Vec<Probe> = answers.iter().map(|(_, probe, _)| *probe).collect();
            let Some(index) = read.judge(&probes) else {
                self.trace(Fact::QuorumDisagreed { asked, wanted: read.wanted() });
                sleep(PAUSE).await;
                continue;
            };
            let applied = probes[index].applied;
            self.trace(Fact::QuorumAnswered { from: asked[index], asked, applied, wanted: read.wanted() });
            let record = answers.into_iter().nth(index).and_then(|(.., record)| record);
            return Ok(Some(record.map_or(Outcome::NotFound(proto::NotFound {}), Outcome::Record)));
        }
        Ok(None)
    }

    /// Probes `wanted` voters at once, and a further one for each that does not answer.
    async fn ask_voters(&self, key: &bytes::Bytes, known: &Members, wanted: usize) -> Result<Round, Status> {
        let order = shuffled(known.voters())?;
        let (first, rest) = order.split_at(wanted);
        let request = proto::ProbeRequest { key: key.clone(), members: known.list.as_ref().map(|list| list.id.into()) };
        let probes = first.iter().map(|node| self.ask_voter(*node, request.clone()));
        let mut round = Round::default();
        futures_util::future::join_all(probes).await.into_iter().for_each(|answer| round.add(answer));
        for node in rest {
            if round.answers.len() < wanted && round.newer.is_none() {
                round.add(self.ask_voter(*node, request.clone()).await);
            }
        }
        Ok(round)
    }

    async fn ask_voter(&self, node: NodeId, request: proto::ProbeRequest) -> Option<VoterAnswer> {
        let members = request.members;
        let answer = if node == self.me {
            self.probe_here(&request).await.ok()?
        } else {
            let call = self.forwarder.call(node, |mut client| async move { client.probe(request).await });
            timeout(PROBE_TIMEOUT, call).await.ok()?.ok()?
        };
        if let Some(newer) = answer.newer {
            return Listed::try_from(newer).ok().map(VoterAnswer::Newer);
        }
        let voter = answer.voter.filter(|_| answer.refused.is_none())?;
        Some(VoterAnswer::Probe((node, probe_from_wire(voter, members?).ok()?, answer.record)))
    }

    /// The probe comes first, then the value: it may be newer than the probe, never older.
    pub(super) async fn probe_here(&self, request: &proto::ProbeRequest) -> Result<proto::ProbeResponse, Status> {
        let probe =
            self.queue.ask(Request::Probe).map_err(|_| Status::unavailable("this node is overloaded or stopping"))?;
        let probe = probe.await.map_err(|_| Status::unavailable("this node stopped before it could answer"))?;
        // The list is read after the probe, so it is not older than the log that the probe speaks of.
        let list_id = request.members.map(EntryId::try_from).transpose().ok().flatten();
        let newer = self.membership.known().list.filter(|list| Some(list.id) > list_id);
        if let Some(newer) = newer {
            return Ok(proto::ProbeResponse { newer: Some((&*newer).into()), ..Default::default() });
        }
        let counts = |probe: &Probe| list_id.is_some_and(|list| probe.counts_for(list));
        let Some(Probe { applied, accepted, .. }) = probe.filter(counts) else {
            let refused = Some(Refusal::NoVoter {}.to_wire());
            return Ok(proto::ProbeResponse { refused, ..Default::default() });
        };
        let record = self.records.get(&request.key).map_err(Status::internal)?.map(Into::into);
        let voter = proto::Voter { applied: applied.map(Into::into), accepted: accepted.map(Into::into) };
        Ok(proto::ProbeResponse { record, voter: Some(voter), ..Default::default() })
    }

    /// Publishes a fact for observers.
    fn trace(&self, fact: Fact) {
        let _ = self.queue.ask(|_: tokio::sync::oneshot::Sender<()>| Request::Trace(Box::new(fact)));
    }
}

/// The number of voters to probe. Fewer than a majority are enough only while the list has never changed: a few
/// answers cannot show that the others already use another list.
fn replicas_wanted(replicas: usize, known: &Members) -> Result<usize, Refusal> {
    let voters = known.voters().len();
    if voters == 0 {
        return Err(Refusal::NoCluster {});
    }
    let changed = known.list.as_ref().is_some_and(|list| list.position != Position::FIRST);
    let least = if changed { known.quorum() } else { replicas_least(voters) };
    let wanted = if replicas == 0 { least } else { replicas };
    if (least..=voters).contains(&wanted) {
        return Ok(wanted);
    }
    let (count, voters, limit) = (wanted as u64, voters as u64, least as u64);
    Err(Refusal::WrongReplicas { count, voters, limit, changed })
}

/// The voter itself has checked that it counts for the list in the request.
fn probe_from_wire(voter: proto::Voter, members: proto::EntryId) -> Result<Probe, Malformed> {
    let id = |id: Option<proto::EntryId>| id.map(EntryId::try_from).transpose();
    Ok(Probe { applied: id(voter.applied)?, accepted: id(voter.accepted)?, members: members.try_into()? })
}

/// The voters in random order, so that the load spreads.
fn shuffled(mut order: Vec<NodeId>) -> Result<Vec<NodeId>, Status> {
    for last in (1..order.len()).rev() {
        let random = getrandom::u64().map_err(|error| Status::internal(format!("no random numbers: {error}")))?;
        order.swap(last, (random % (last as u64 + 1)) as usize);
    }
    Ok(order)
}
