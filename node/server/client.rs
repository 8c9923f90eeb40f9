//! The Client service: writes and reads of the final database. Any node takes them.
//!
//! What becomes of a write is in [`super::write`]. If another node leads, a request is passed on, once. A linearizable
//! read asks the loop whether the database may be read now and then reads it; intermediate data is never seen.

use std::sync::Arc;

use tokio::sync::watch as channel;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use crate::membership::view::MembershipView;
use crate::protocol::{Answer, NodeId, Refusal, check_key};
use crate::server::admission::connections::ConnectionHandle;
use crate::server::admission::limits::{Permit, RequestLimits};
use crate::server::admission::response_body::answer;
use crate::server::forward::{Forwarder, Lost};
use crate::server::listing;
use crate::server::records::Records;
use crate::server::refusal::{by_core, leader_overloaded, leader_unreachable, not_a_leader, not_taken};
use crate::server::requests::{Request as Ask, RequestQueue};
use crate::server::write::no;
use crate::server::{watch, write_stream};
use crate::wire::forwarded::{forwarded, is_forwarded};
use crate::wire::proto;
use crate::wire::proto::client_server::Client;
use crate::wire::refusal::{refused, unsound};

/// So many leaders are asked for one read, if each is deposed before it answers.
const LEADERS_MAX: u32 = 4;

#[derive(Clone)]
pub(super) struct ClientService {
    pub(super) queue: RequestQueue,
    pub(super) forwarder: Arc<Forwarder>,
    pub(super) records: Arc<dyn Records>,
    pub(super) me: NodeId,
    pub(super) membership: MembershipView,
    /// How far the final data are.
    pub(super) revisions: channel::Receiver<u64>,
    pub(super) limits: RequestLimits,
}

#[tonic::async_trait]
impl Client for ClientService {
    async fn write(&self, request: Request<proto::WriteRequest>) -> Result<Response<proto::WriteResponse>, Status> {
        let (metadata, extensions, request) = request.into_parts();
        let is_forwarded = is_forwarded(&metadata);
        Ok(Response::new(match ConnectionHandle::check_unless(is_forwarded, &extensions) {
            Ok(()) => self.write_one(request, is_forwarded).await,
            Err(refusal) => no(refusal),
        }))
    }

    type WatchStream = BoxStream<proto::WatchResponse>;

    async fn watch(
        &self,
        request: Request<proto::WatchRequest>,
    ) -> Result<Response<BoxStream<proto::WatchResponse>>, Status> {
        Ok(Response::new(match ConnectionHandle::check(request.extensions()).and_then(|()| self.limits.watch()) {
            Ok(limits) => watch::watch(self.clone(), request.into_inner(), limits),
            Err(refusal) => watch::refuse(refusal),
        }))
    }

    type WriteStreamStream = BoxStream<proto::TaggedWriteResponse>;

    async fn write_stream(
        &self,
        request: Request<Streaming<proto::TaggedWrite>>,
    ) -> Result<Response<BoxStream<proto::TaggedWriteResponse>>, Status> {
        let limits = ConnectionHandle::check(request.extensions()).and_then(|()| self.limits.write_stream());
        let limits = limits.map_err(|refusal| Status::resource_exhausted(refusal.message))?;
        Ok(Response::new(write_stream::answers(self.clone(), request.into_inner(), limits)))
    }

    async fn get(&self, request: Request<proto::GetRequest>) -> Result<Response<proto::GetResponse>, Status> {
        let is_forwarded = is_forwarded(request.metadata());
        let _permit = match self.enter(&request, is_forwarded) {
            Ok(permit) => permit,
            Err(refusal) => {
                let outcome = Some(proto::get_response::Outcome::Refused(refusal));
                return Ok(Response::new(proto::GetResponse { outcome }));
            }
        };
        answer(&self.limits, self.get_one(request.into_inner(), is_forwarded).await?)
    }

    async fn revision(
        &self,
        request: Request<proto::RevisionRequest>,
    ) -> Result<Response<proto::RevisionResponse>, Status> {
        use proto::revision_response::Outcome;
        let is_forwarded = is_forwarded(request.metadata());
        let outcome = match self.enter(&request, is_forwarded) {
            Ok(_permit) => self.newest_revision(is_forwarded).await.map_or_else(Outcome::Refused, Outcome::Revision),
            Err(refusal) => Outcome::Refused(refusal),
        };
        Ok(Response::new(proto::RevisionResponse { outcome: Some(outcome) }))
    }

    async fn probe(&self, request: Request<proto::ProbeRequest>) -> Result<Response<proto::ProbeResponse>, Status> {
        let _permit = match self.limits.request() {
            Ok(permit) => permit,
            Err(refusal) => {
                return Ok(Response::new(proto::ProbeResponse { refused: Some(refusal), ..Default::default() }));
            }
        };
        answer(&self.limits, self.probe_here(&request.into_inner()).await?)
    }

    async fn list(&self, request: Request<proto::ListRequest>) -> Result<Response<proto::ListResponse>, Status> {
        let is_forwarded = is_forwarded(request.metadata());
        let _permit = match self.enter(&request, is_forwarded) {
            Ok(permit) => permit,
            Err(refusal) => {
                return Ok(Response::new(proto::ListResponse { refused: Some(refusal), ..Default::default() }));
            }
        };
        answer(&self.limits, self.list_some(request.into_inner(), is_forwarded).await?)
    }
}

impl ClientService {
    /// Admits a request that costs more than its own bytes.
    fn enter<T>(&self, request: &Request<T>, is_forwarded: bool) -> Result<Permit, proto::Refusal> {
        ConnectionHandle::check_unless(is_forwarded, request.extensions()).and_then(|()| self.limits.request())
    }

    async fn get_one(&self, get: proto::GetRequest, is_forwarded: bool) -> Result<proto::GetResponse, Status> {
        use proto::get_response::Outcome;
        let outcome = |outcome| Ok(proto::GetResponse { outcome: Some(outcome) });
        if let Err(why) = check_key(&get.key) {
            return outcome(Outcome::Refused(unsound(why)));
        }
        let mut get = get;
        if get.consistency == proto::Consistency::Quorum as i32 {
            if let Some(answer) = self.get_by_quorum(&get).await? {
                return outcome(answer);
            }
            get.consistency = proto::Consistency::Linearizable as i32;
        }
        let ask = |leader| {
            let get = forwarded(get.clone());
            self.forwarder.call_leader(leader, |mut client| async move { client.get(get).await })
        };
        match self.read(get.consistency, is_forwarded, ask).await {
            Ok(Read::Here) => match self.records.get(&get.key).map_err(Status::internal)? {
                Some(record) => outcome(Outcome::Record(record.into())),
                None => outcome(Outcome::NotFound(proto::NotFound {})),
            },
            Ok(Read::There(answer)) => Ok(answer),
            Err(refusal) => outcome(Outcome::Refused(refusal)),
        }
    }

    async fn list_some(&self, list: proto::ListRequest, is_forwarded: bool) -> Result<proto::ListResponse, Status> {
        let refusal = |refusal| Ok(proto::ListResponse { records: Vec::new(), more: false, refused: Some(refusal) });
        let ask = |leader| {
            let list = forwarded(list.clone());
            self.forwarder.call_leader(leader, |mut client| async move { client.list(list).await })
        };
        match self.read(list.consistency, is_forwarded, ask).await {
            Ok(Read::Here) => {
                let records = Arc::clone(&self.records);
                let _turn = self.limits.reader().await;
                tokio::task::spawn_blocking(move || listing::page(&*records, &list))
                    .await
                    .unwrap_or_else(|error| Err(error.to_string()))
                    .map_err(Status::internal)
            }
            Ok(Read::There(answer)) => Ok(answer),
            Err(why) => refusal(why),
        }
    }

    /// The newest revision: whatever was confirmed before this began has it, or a smaller one.
    pub(super) async fn newest_revision(&self, is_forwarded: bool) -> Result<u64, proto::Refusal> {
        use proto::revision_response::Outcome;
        let ask = |leader| {
            let request = forwarded(proto::RevisionRequest {});
            self.forwarder.call_leader(leader, move |mut client| async move { client.revision(request).await })
        };
        match self.read(proto::Consistency::Linearizable as i32, is_forwarded, ask).await? {
            Read::Here => Ok(self.records.revision()),
            Read::There(proto::RevisionResponse { outcome: Some(Outcome::Revision(revision)) }) => Ok(revision),
            Read::There(proto::RevisionResponse { outcome: Some(Outcome::Refused(refusal)) }) => Err(refusal),
            Read::There(_) => Err(refused("internal", "the leader's answer says nothing: please report it")),
        }
    }

    /// Lets a read happen here, or asks the leader; the next one, if another leads before that has answered: a read
    /// changes nothing, so it may be asked twice.
    async fn read<T, F>(
        &self,
        consistency: i32,
        is_forwarded: bool,
        ask: impl Fn(NodeId) -> F,
    ) -> Result<Read<T>, proto::Refusal>
    where
        F: Future<Output = Result<T, Lost>>,
    {
        for _ in 0..LEADERS_MAX {
            let leader = match self.may_read(consistency, is_forwarded).await {
                May::Read => return Ok(Read::Here),
                May::Ask(leader) => leader,
                May::Not(refusal) => return Err(refusal),
            };
            match ask(leader).await {
                Ok(answer) => return Ok(Read::There(answer)),
                Err(Lost::Deposed(_)) => {}
                Err(Lost::NotSent(_)) if self.forwarder.is_deposed(leader) => {}
                Err(Lost::NotSent(why) | Lost::Unanswered(why)) => return Err(leader_unreachable(leader, &why)),
                Err(Lost::Overloaded(why)) => return Err(leader_overloaded(leader, &why)),
            }
        }
        let text = format!("{LEADERS_MAX} leaders followed each other before one could answer: try again");
        Err(refused(Refusal::NoLeader.code(), text))
    }

    async fn may_read(&self, consistency: i32, is_forwarded: bool) -> May {
        let ask = match proto::Consistency::try_from(consistency) {
            Ok(proto::Consistency::Local) => return May::Read,
            Ok(proto::Consistency::Linearizable | proto::Consistency::Unspecified) => Ask::Read,
            Ok(proto::Consistency::Lease) => Ask::LeaseRead,
            Ok(proto::Consistency::Quorum) => {
                let text = "a quorum read is of one key: use linearizable, lease or local";
                return May::Not(refused("unknown_consistency", text));
            }
            Err(_) => {
                let text = format!("there is no consistency {consistency}: use linearizable, lease, quorum or local");
                return May::Not(refused("unknown_consistency", text));
            }
        };
        let answer = match self.queue.ask(ask) {
            Ok(answer) => answer.await,
            Err(why) => return May::Not(not_taken(why)),
        };
        match answer {
            Ok(Answer::Readable) => May::Read,
            Ok(Answer::Forward(leader)) if is_forwarded => May::Not(not_a_leader(leader)),
            Ok(Answer::Forward(leader)) => May::Ask(leader),
            Ok(Answer::Refused(refusal)) => May::Not(by_core(refusal)),
            Ok(Answer::Applied { .. } | Answer::Injected(_) | Answer::Snapshot(_) | Answer::Done | Answer::Unknown) => {
                May::Not(refused("internal", "the node gave an answer that fits no read: please report it"))
            }
            Err(_) => May::Not(refused("stopping", "this node stopped before it could answer: ask another one")),
        }
    }
}

/// Where a read was done.
enum Read<T> {
    Here,
    There(T),
}

/// What a read may do.
enum May {
    Read,
    Ask(NodeId),
    Not(proto::Refusal),
}
