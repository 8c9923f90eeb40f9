//! The Control service: a node's status, its log for inspection, watching it, and the lab's faults.
//!
//! What it shows of intermediate entries is marked so; keys and values of log entries are shown only in a lab.

use std::sync::Arc;

use tokio::sync::oneshot;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use crate::membership::lost_disks::LostDisks;
use crate::membership::view::MembershipView;
use crate::peers::Links;
use crate::protocol::trace::{NodeState, RoleName};
use crate::protocol::{
    Answer, Change, ClusterId, Command, Entry, Epoch, FeatureLevel, Incarnation, Kind, Limits, LogPoint, NodeId,
    Position,
};
use crate::server::admission::limits::RequestLimits;
use crate::server::admission::response_body;
use crate::server::fault_service::FaultService;
use crate::server::member_changes::MemberChanges;
use crate::server::observe;
use crate::server::records::Records;
use crate::server::requests::{Injection, NotTaken, Request as Ask, RequestQueue, State, Tail};
use crate::wire::convert::wrong_to_wire;
use crate::wire::done::Done;
use crate::wire::forwarded::is_forwarded;
use crate::wire::note::Note;
use crate::wire::proto;
use crate::wire::proto::control_server::Control;
use crate::wire::refusal::Refusal;
use crate::wire::status::overloaded;

const LOG_LINES_DEFAULT: u64 = 100;
const LOG_LINES_MAX: u64 = 1_000;
const LOG_PAGE_BYTES_MAX: u64 = 2 << 20;
const TAIL_DEFAULT: u64 = 1_000;
/// One part of a backup.
const BACKUP_PART_BYTES: u64 = 1 << 20;
/// The most snapshots that are read at once, including one that is sent to a replica.
const SNAPSHOTS_READ_MAX: usize = 3;

/// What a node can say of itself without asking the loop.
#[derive(Clone, Debug)]
pub struct About {
    pub id: NodeId,
    /// Where the others reach it.
    pub address: String,
    pub lab: bool,
    /// What people should know of the start, such as that the final database was rebuilt.
    pub notes: Vec<Note>,
    pub incarnation: Incarnation,
    /// The greatest feature level that it supports.
    pub level_max: FeatureLevel,
    pub membership: MembershipView,
    pub lost_disks: LostDisks,
}

impl About {
    /// What people should know now.
    pub fn notes(&self) -> Vec<Note> {
        let lost = self.lost_disks.verdict().map(|lost| Note::DisksLost { lost });
        self.notes.iter().cloned().chain(lost).collect()
    }
}

pub(super) struct ControlService {
    pub(super) queue: RequestQueue,
    pub(super) faults: FaultService,
    pub(super) about: About,
    pub(super) records: Arc<dyn Records>,
    pub(super) links: Arc<Links>,
    pub(super) limits: RequestLimits,
    pub(super) members: MemberChanges,
}

#[tonic::async_trait]
impl Control for ControlService {
    async fn status(&self, _: Request<proto::StatusRequest>) -> Result<Response<proto::StatusResponse>, Status> {
        let state = self.state(1).await?;
        Ok(Response::new(self.status_of(state)))
    }

    async fn read_log(
        &self,
        request: Request<proto::ReadLogRequest>,
    ) -> Result<Response<proto::ReadLogResponse>, Status> {
        let proto::ReadLogRequest { from, limit } = request.into_inner();
        let limit = if limit == 0 { LOG_LINES_DEFAULT } else { limit.min(LOG_LINES_MAX) };
        let mut state = self.state(1).await?.snapshot;
        let from = Position(from.clamp(Position::FIRST.0, u64::MAX / 2)).max(Position::after(state.purged));
        let to = Position(from.0 + limit - 1);
        // Only the log's end can be forged: if the last entry is not, none is.
        if state.tail.last().is_some_and(|last| last.forged) {
            state = self.state(NodeState::TAIL_MAX).await?.snapshot;
        }
        let records = Arc::clone(&self.records);
        let _room = self.limits.request().map_err(|refusal| overloaded(&refusal))?;
        let _turn = self.limits.reader().await;
        let entries = tokio::task::spawn_blocking(move || records.log(from, to, LOG_PAGE_BYTES_MAX))
            .await
            .unwrap_or_else(|error| Err(error.to_string()))
            .map_err(Status::internal)?;
        let end = entries.last().map(|entry| entry.position);
        let more = end.is_some_and(|end| state.last().is_some_and(|last| last.position > end));
        let forged_from = state.tail.iter().find(|preview| preview.forged).map(|preview| preview.point.position);
        let lines = entries.iter().map(|entry| self.line(entry, &state, forged_from)).collect();
        response_body::answer(&self.limits, proto::ReadLogResponse { lines, more, refused: None })
    }

    type ObserveStream = BoxStream<proto::Observation>;

    async fn observe(
        &self,
        request: Request<proto::ObserveRequest>,
    ) -> Result<Response<BoxStream<proto::Observation>>, Status> {
        let tail = match request.into_inner().tail {
            0 => TAIL_DEFAULT,
            tail => tail.min(NodeState::TAIL_MAX as u64),
        };
        let tail = Tail(tail as usize);
        let watch = self
            .ask(|reply| Ask::Watch(tail, reply))
            .await?
            .ok_or_else(|| Status::resource_exhausted("too many watch this node already: end one of them"))?;
        Ok(Response::new(observe::observations(self.queue.clone(), tail, watch)))
    }

    async fn stand(&self, _: Request<proto::StandRequest>) -> Result<Response<proto::ControlResponse>, Status> {
        let answer = answered(self.queue.ask(Ask::Stand)).await;
        let done = Done::StandsFirst { node: self.about.id };
        Ok(Response::new(answer.map_or_else(|refusal| no(&refusal), |_| yes(&done))))
    }

    async fn backup(&self, request: Request<proto::BackupRequest>) -> Result<Response<proto::BackupResponse>, Status> {
        let proto::BackupRequest { position, offset } = request.into_inner();
        let answer = |refusal: Refusal| {
            Ok(Response::new(proto::BackupResponse { refused: Some(refusal.to_wire()), ..Default::default() }))
        };
        let _room = match self.limits.request() {
            Ok(limits) => limits,
            Err(refusal) => return answer(refusal),
        };
        let at = match position {
            Some(position) => Position(position),
            // Each that begins now may take a snapshot of its own, which stays until it is read.
            None if self.records.snapshots_being_read() >= SNAPSHOTS_READ_MAX => {
                return answer(Refusal::BackupsFull {});
            }
            None => match self.ask(Ask::Backup).await? {
                Answer::Snapshot(point) => point.position,
                Answer::Refused(refusal) => return answer(refusal.into()),
                other => return Err(Status::internal(format!("a backup was answered with {other:?}"))),
            },
        };
        let records = Arc::clone(&self.records);
        let _turn = self.limits.reader().await;
        let part = tokio::task::spawn_blocking(move || records.snapshot(at, offset, BACKUP_PART_BYTES)).await;
        match part.unwrap_or_else(|error| Err(error.to_string())).map_err(Status::internal)? {
            Some((part, total)) => response_body::answer(
                &self.limits,
                proto::BackupResponse { position: at.0, total, part, refused: None },
            ),
            None => answer(Refusal::SnapshotGone {}),
        }
    }

    async fn lead(&self, request: Request<proto::LeadRequest>) -> Result<Response<proto::ControlResponse>, Status> {
        let to = request.into_inner().node.map(NodeId);
        let before = self.state(0).await?.snapshot;
        let answer = answered(self.queue.ask(|reply| Ask::Transfer(to, reply))).await;
        let done = match to {
            Some(node) if node == self.about.id && leader(&before) == Some(node) => Done::LeadsAlready { node },
            Some(node) if node == self.about.id && leader(&before).is_none() => Done::Stands { node },
            Some(node) if node == self.about.id => Done::AsksToLead { node },
            Some(node) => Done::Leads { node },
            None => Done::AnotherLeads {},
        };
        Ok(Response::new(answer.map_or_else(|refusal| no(&refusal), |_| yes(&done))))
    }

    async fn members(
        &self,
        request: Request<proto::MembersRequest>,
    ) -> Result<Response<proto::MembersResponse>, Status> {
        self.members.list(is_forwarded(request.metadata())).await.map(Response::new)
    }

    async fn join(&self, request: Request<proto::JoinRequest>) -> Result<Response<proto::MemberChanged>, Status> {
        Ok(Response::new(self.members.join(request).await))
    }

    async fn remove(&self, request: Request<proto::RemoveRequest>) -> Result<Response<proto::MemberChanged>, Status> {
        Ok(Response::new(self.members.remove(request).await))
    }

    async fn promote(&self, request: Request<proto::PromoteRequest>) -> Result<Response<proto::MemberChanged>, Status> {
        Ok(Response::new(self.members.promote(request).await))
    }

    async fn set_rule(
        &self,
        request: Request<proto::SetRuleRequest>,
    ) -> Result<Response<proto::ControlResponse>, Status> {
        self.faults.set(request.into_inner()).await
    }

    async fn clear_rule(
        &self,
        request: Request<proto::ClearRuleRequest>,
    ) -> Result<Response<proto::ControlResponse>, Status> {
        self.faults.clear(request.into_inner()).await
    }

    async fn list_rules(
        &self,
        _: Request<proto::ListRulesRequest>,
    ) -> Result<Response<proto::ListRulesResponse>, Status> {
        let lab = self.state(0).await?.snapshot.lab;
        let rules = lab.rules.iter().map(Into::into).collect();
        let (frozen, every, slowdown) = (lab.frozen, lab.every, lab.pace.slowdown());
        Ok(Response::new(proto::ListRulesResponse { rules, frozen, every, slowdown }))
    }

    async fn step(&self, request: Request<proto::StepRequest>) -> Result<Response<proto::ControlResponse>, Status> {
        self.faults.step(request.into_inner()).await
    }

    async fn set_pace(
        &self,
        request: Request<proto::SetPaceRequest>,
    ) -> Result<Response<proto::ControlResponse>, Status> {
        self.faults.set_pace(request.into_inner().slowdown).await
    }

    async fn pending(&self, _: Request<proto::PendingRequest>) -> Result<Response<proto::PendingResponse>, Status> {
        let pending = self.ask(Ask::Pending).await?;
        Ok(Response::new(proto::PendingResponse { messages: pending.iter().map(Into::into).collect() }))
    }

    async fn handle(&self, request: Request<proto::HandleRequest>) -> Result<Response<proto::ControlResponse>, Status> {
        self.faults.handle(request.into_inner()).await
    }

    async fn tick(&self, request: Request<proto::TickRequest>) -> Result<Response<proto::TickResponse>, Status> {
        self.faults.tick(request.into_inner().micros).await
    }

    async fn inject(&self, request: Request<proto::InjectRequest>) -> Result<Response<proto::ControlResponse>, Status> {
        if !self.about.lab {
            return Ok(Response::new(no(&Refusal::LabOnly {})));
        }
        let injection = match injection(request.into_inner()) {
            Ok(injection) => injection,
            Err(refusal) => return Ok(Response::new(no(&refusal))),
        };
        let answer = answered(self.queue.ask(|reply| Ask::Inject(injection, reply))).await;
        let done = answer.and_then(|last| Ok(Done::Injected { last: last.ok_or(Refusal::Internal {})? }));
        Ok(Response::new(done.map_or_else(|refusal| no(&refusal), |done| yes(&done))))
    }
}

impl ControlService {
    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Result<T, Status> {
        ask(&self.queue, request).await
    }

    async fn state(&self, tail: usize) -> Result<State, Status> {
        self.ask(|reply| Ask::State(tail, reply)).await
    }

    fn status_of(&self, state: State) -> proto::StatusResponse {
        let State { snapshot, pending, timer_micros } = state;
        let lab = &snapshot.lab;
        let peers = self.links.members().into_iter();
        proto::StatusResponse {
            id: self.about.id.0,
            address: self.about.address.clone(),
            role: proto::Role::from(snapshot.role).into(),
            epoch: snapshot.epoch.map(|epoch| epoch.0),
            leader: leader(&snapshot).map(|leader| leader.0),
            last: snapshot.last().map(Into::into),
            committed: snapshot.committed.map(Into::into),
            applied: snapshot.applied.map(Into::into),
            purged: snapshot.purged.map(Into::into),
            snapshot: snapshot.snapshot.map(Into::into),
            pid: std::process::id(),
            cluster: self.about.membership.cluster().map(|ClusterId(id)| id.to_vec().into()),
            lab: self.about.lab,
            revision: self.records.revision(),
            peers: peers
                .map(|(id, address)| proto::PeerAddress { id: id.0, address, dropped: self.links.dropped(id) })
                .collect(),
            cpu_micros: cpu_micros(),
            notes: self.about.notes.iter().map(Into::into).collect(),
            disks_lost: self.about.lost_disks.verdict().as_ref().map(Into::into),
            rules: lab.rules.iter().map(Into::into).collect(),
            frozen: lab.frozen,
            pending,
            wrong: wrong_to_wire(lab.wrong),
            timer_micros,
            slowdown: lab.pace.slowdown(),
            incarnation: self.about.incarnation.0.to_vec().into(),
            members: self.about.membership.known().list.map(|list| (&*list).into()),
            level_max: self.about.level_max.0,
        }
    }

    fn line(&self, entry: &Entry, state: &NodeState, forged_from: Option<Position>) -> proto::LogLine {
        let command = (entry.kind == Kind::Command).then(|| Command::decode(&entry.body)).flatten();
        let shown = command.as_ref().filter(|_| self.about.lab).map(|command| command.change.preview());
        let (key, value) = shown.unzip();
        let in_session = command.filter(|command| command.once.is_some());
        proto::LogLine {
            point: Some(entry.point().into()),
            state: match state.is_committed(entry.point()) {
                true => proto::EntryState::Committed.into(),
                false => proto::EntryState::Intermediate.into(),
            },
            kind: proto::EntryKind::from(entry.kind).into(),
            key,
            value: value.flatten(),
            forged: forged_from.is_some_and(|first| entry.position >= first),
            session: in_session.as_ref().map(|command| command.session),
            sequence: in_session.map(|command| command.sequence),
        }
    }
}

/// Asks the loop; a missing answer becomes a gRPC status.
pub(super) async fn ask<T>(queue: &RequestQueue, request: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Result<T, Status> {
    let asked = queue.ask(request).map_err(|why| match why {
        NotTaken::Overloaded => overloaded(&why.into()),
        NotTaken::Stopping => Status::unavailable(Refusal::from(why).to_string()),
    })?;
    asked.await.map_err(|_| Status::unavailable(Refusal::Stopped {}.to_string()))
}

pub(super) fn leader(snapshot: &NodeState) -> Option<NodeId> {
    if snapshot.role == RoleName::Leader { Some(snapshot.node) } else { snapshot.leader }
}

fn injection(request: proto::InjectRequest) -> Result<Injection, Refusal> {
    let proto::InjectRequest { epoch, key, value, count } = request;
    Change::Put { key: key.clone(), value: value.clone() }.check()?;
    if epoch == Some(0) {
        return Err(Refusal::EpochZero {});
    }
    let count = count.max(1);
    let limit = Limits::default().injected_entries as u64;
    if count > limit {
        return Err(Refusal::TooMany { limit });
    }
    let command = Command { session: 0, sequence: 0, once: None, change: Change::Put { key, value } }.encode();
    Ok(Injection { epoch: epoch.map(Epoch), commands: vec![command; count as usize] })
}

/// The core's answer: the last entry, where entries were made.
async fn answered(asked: Result<oneshot::Receiver<Answer>, NotTaken>) -> Result<Option<LogPoint>, Refusal> {
    match asked?.await {
        Ok(Answer::Done | Answer::Readable) => Ok(None),
        Ok(Answer::Injected(last) | Answer::Applied { entry: last, .. } | Answer::Snapshot(last)) => Ok(Some(last)),
        Ok(Answer::Forward(leader)) => Err(Refusal::NotALeader { leader }),
        Ok(Answer::Refused(refusal)) => Err(refusal.into()),
        Ok(Answer::Unknown) | Err(_) => Err(Refusal::Stopped {}),
    }
}

impl From<NotTaken> for Refusal {
    fn from(why: NotTaken) -> Refusal {
        match why {
            NotTaken::Overloaded => Refusal::QueueFull {},
            NotTaken::Stopping => Refusal::Stopping {},
        }
    }
}

pub(super) fn yes(done: &Done) -> proto::ControlResponse {
    proto::ControlResponse { outcome: Some(proto::control_response::Outcome::Done(done.into())) }
}

pub(super) fn no(refusal: &Refusal) -> proto::ControlResponse {
    proto::ControlResponse { outcome: Some(proto::control_response::Outcome::Refused(refusal.to_wire())) }
}

/// User and system time of this process so far.
fn cpu_micros() -> u64 {
    use nix::sys::resource::{UsageWho, getrusage};
    let micros = |time: nix::sys::time::TimeVal| time.tv_sec() as u64 * 1_000_000 + time.tv_usec() as u64;
    getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| micros(usage.user_time()) + micros(usage.system_time()))
}
