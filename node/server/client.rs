//! The Client service: writes, reads and watches of the final database, at any node.
//!
//! Writes are in [`super::write`]. If another node leads, a request is forwarded to it, once. A linearizable read
//! first asks the event loop whether the database may be read now; intermediate data is never read.

use std::sync::Arc;

use tokio::sync::watch as channel;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use crate::membership::view::MembershipView;
use crate::protocol::{Answer, NodeId, check_key};
use crate::server::admission::connections::ConnectionHandle;
use crate::server::admission::limits::{Permit, RequestLimits};
use crate::server::admission::response_body::answer;
use crate::server::forward::{Forwarder, Lost};
use crate::server::listing;
use crate::server::records::Records;
use crate::server::requests::{self, RequestQueue};
use crate::server::write::refused_response;
use crate::server::{watch, write_stream};
use crate::wire::forwarded::{forwarded, is_forwarded};
use crate::wire::proto;
use crate::wire::proto::client_server::Client;
use crate::wire::refusal::Refusal;
use crate::wire::status::overloaded;

/// How many leaders one read tries, if each is deposed before it answers.
const LEADERS_MAX: u32 = 4;

#[derive(Clone)]
pub(super) struct ClientService {
    pub(super) queue: RequestQueue,
    pub(super) forwarder: Arc<Forwarder>,
    pub(super) records: Arc<dyn Records>,
    pub(super) me: NodeId,
    pub(super) membership: MembershipView,
    /// The newest applied revision.
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
            Err(refusal) => refused_response(&refusal),
        }))
    }

    type WatchStream = BoxStream<proto::WatchResponse>;

    async fn watch(
        &self,
        request: Request<proto::WatchRequest>,
    ) -> Result<Response<BoxStream<proto::WatchResponse>>, Status> {
        Ok(Response::new(match ConnectionHandle::check(request.extensions()).and_then(|()| self.limits.watch()) {
            Ok(permit) => watch::watch(self.clone(), request.into_inner(), permit),
            Err(refusal) => watch::refuse(&refusal),
        }))
    }

    type WriteStreamStream = BoxStream<proto::TaggedWriteResponse>;

    async fn write_stream(
        &self,
        request: Request<Streaming<proto::TaggedWrite>>,
    ) -> Result<Response<BoxStream<proto::TaggedWriteResponse>>, Status> {
        let admitted = ConnectionHandle::check(request.extensions()).and_then(|()| self.limits.write_stream());
        let permit = admitted.map_err(|refusal| overloaded(&refusal))?;
        Ok(Response::new(write_stream::answers(self.clone(), request.into_inner(), permit)))
    }

    async fn get(&self, request: Request<proto::GetRequest>) -> Result<Response<proto::GetResponse>, Status> {
        let is_forwarded = is_forwarded(request.metadata());
        let _permit = match self.admit(&request, is_forwarded) {
            Ok(permit) => permit,
            Err(refusal) => {
                let outcome = Some(proto::get_response::Outcome::Refused(refusal.to_wire()));
                return Ok(Response::new(proto::GetResponse { outcome }));
            }
        };
        answer(&self.limits, self.get_record(request.into_inner(), is_forwarded).await?)
    }

    async fn revision(
        &self,
        request: Request<proto::RevisionRequest>,
    ) -> Result<Response<proto::RevisionResponse>, Status> {
        use proto::revision_response::Outcome;
        let is_forwarded = is_forwarded(request.metadata());
        let outcome = match self.admit(&request, is_forwarded) {
            Ok(_permit) => match self.newest_revision(is_forwarded).await {
                Ok(revision) => Outcome::Revision(revision),
                Err(refusal) => Outcome::Refused(refusal.to_wire()),
            },
            Err(refusal) => Outcome::Refused(refusal.to_wire()),
        };
        Ok(Response::new(proto::RevisionResponse { outcome: Some(outcome) }))
    }

    async fn probe(&self, request: Request<proto::ProbeRequest>) -> Result<Response<proto::ProbeResponse>, Status> {
        let _permit = match self.limits.request() {
            Ok(permit) => permit,
            Err(refusal) => {
                return Ok(Response::new(proto::ProbeResponse {
                    refused: Some(refusal.to_wire()),
                    ..Default::default()
                }));
            }
        };
        answer(&self.limits, self.probe_here(&request.into_inner()).await?)
    }

    async fn list(&self, request: Request<proto::ListRequest>) -> Result<Response<proto::ListResponse>, Status> {
        let is_forwarded = is_forwarded(request.metadata());
        let _permit = match self.admit(&request, is_forwarded) {
            Ok(permit) => permit,
            Err(refusal) => {
                return Ok(Response::new(proto::ListResponse {
                    refused: Some(refusal.to_wire()),
                    ..Default::default()
                }));
            }
        };
        answer(&self.limits, self.list_page(request.into_inner(), is_forwarded).await?)
    }
}

impl ClientService {
    /// Admits a request, or refuses it as overloaded. The permit counts it until it is dropped.
    fn admit<T>(&self, request: &Request<T>, is_forwarded: bool) -> Result<Permit, Refusal> {
        ConnectionHandle::check_unless(is_forwarded, request.extensions()).and_then(|()| self.limits.request())
    }

    async fn get_record(&self, get: proto::GetRequest, is_forwarded: bool) -> Result<proto::GetResponse, Status> {
        use proto::get_response::Outcome;
        let outcome = |outcome| Ok(proto::GetResponse { outcome: Some(outcome) });
        if let Err(why) = check_key(&get.key) {
            return outcome(Outcome::Refused(Refusal::from(why).to_wire()));
        }
        let mut get = get;
        if get.consistency == proto::Consistency::Quorum as i32 {
            if let Some(answer) = self.get_by_quorum(&get).await? {
                return outcome(answer);
            }
            get.consistency = proto::Consistency::Linearizable as i32;
        }
        let call = |leader| {
            let get = forwarded(get.clone());
            self.forwarder.call_leader(leader, |mut client| async move { client.get(get).await })
        };
        match self.read(get.consistency, is_forwarded, call).await {
            Ok(ReadAt::Here) => match self.records.get(&get.key).map_err(Status::internal)? {
                Some(record) => outcome(Outcome::Record(record.into())),
                None => outcome(Outcome::NotFound(proto::NotFound {})),
            },
            Ok(ReadAt::Leader(answer)) => Ok(answer),
            Err(refusal) => outcome(Outcome::Refused(refusal.to_wire())),
        }
    }

    async fn list_page(&self, list: proto::ListRequest, is_forwarded: bool) -> Result<proto::ListResponse, Status> {
        let refusal = |refusal: Refusal| {
            Ok(proto::ListResponse { records: Vec::new(), more: false, refused: Some(refusal.to_wire()) })
        };
        let call = |leader| {
            let list = forwarded(list.clone());
            self.forwarder.call_leader(leader, |mut client| async move { client.list(list).await })
        };
        match self.read(list.consistency, is_forwarded, call).await {
            Ok(ReadAt::Here) => {
                let records = Arc::clone(&self.records);
                let _permit = self.limits.reader().await;
                tokio::task::spawn_blocking(move || listing::page(&*records, &list))
                    .await
                    .unwrap_or_else(|error| Err(error.to_string()))
                    .map_err(Status::internal)
            }
            Ok(ReadAt::Leader(answer)) => Ok(answer),
            Err(why) => refusal(why),
        }
    }

    /// A revision that is not older than any write confirmed before this call.
    pub(super) async fn newest_revision(&self, is_forwarded: bool) -> Result<u64, Refusal> {
        use proto::revision_response::Outcome;
        let call = |leader| {
            let request = forwarded(proto::RevisionRequest {});
            self.forwarder.call_leader(leader, move |mut client| async move { client.revision(request).await })
        };
        match self.read(proto::Consistency::Linearizable as i32, is_forwarded, call).await? {
            ReadAt::Here => Ok(self.records.revision()),
            ReadAt::Leader(proto::RevisionResponse { outcome: Some(Outcome::Revision(revision)) }) => Ok(revision),
            ReadAt::Leader(proto::RevisionResponse { outcome: Some(Outcome::Refused(refusal)) }) => {
                Err(refusal.try_into().unwrap_or(Refusal::Internal {}))
            }
            ReadAt::Leader(_) => Err(Refusal::Internal {}),
        }
    }

    /// Obtains permission for a local read, or the leader's answer. If another node leads before the leader has
    /// answered, that one is asked next: a read changes nothing, so it may be repeated.
    async fn read<T, F>(
        &self,
        consistency: i32,
        is_forwarded: bool,
        call: impl Fn(NodeId) -> F,
    ) -> Result<ReadAt<T>, Refusal>
    where
        F: Future<Output = Result<T, Lost>>,
    {
        for _ in 0..LEADERS_MAX {
            let leader = match self.read_permission(consistency, is_forwarded).await {
                ReadPermission::Granted => return Ok(ReadAt::Here),
                ReadPermission::AskLeader(leader) => leader,
                ReadPermission::Refused(refusal) => return Err(refusal),
            };
            match call(leader).await {
                Ok(answer) => return Ok(ReadAt::Leader(answer)),
                Err(Lost::Deposed(_)) => {}
                Err(Lost::NotSent(_)) if self.forwarder.is_deposed(leader) => {}
                Err(Lost::NotSent(reason) | Lost::Unanswered(reason)) => {
                    return Err(Refusal::LeaderUnreachable { leader, reason });
                }
                Err(Lost::Overloaded(reason)) => return Err(Refusal::LeaderOverloaded { leader, reason }),
            }
        }
        Err(Refusal::LeadersChanged { count: LEADERS_MAX.into() })
    }

    async fn read_permission(&self, consistency: i32, is_forwarded: bool) -> ReadPermission {
        let request = match proto::Consistency::try_from(consistency) {
            Ok(proto::Consistency::Local) => return ReadPermission::Granted,
            Ok(proto::Consistency::Linearizable | proto::Consistency::Unspecified) => requests::Request::Read,
            Ok(proto::Consistency::Lease) => requests::Request::LeaseRead,
            Ok(proto::Consistency::Quorum) => return ReadPermission::Refused(Refusal::QuorumReadOfMany {}),
            Err(_) => return ReadPermission::Refused(Refusal::UnknownConsistency { count: consistency as u64 }),
        };
        let answer = match self.queue.ask(request) {
            Ok(answer) => answer.await,
            Err(why) => return ReadPermission::Refused(why.into()),
        };
        match answer {
            Ok(Answer::Readable) => ReadPermission::Granted,
            Ok(Answer::Forward(leader)) if is_forwarded => ReadPermission::Refused(Refusal::NotALeader { leader }),
            Ok(Answer::Forward(leader)) => ReadPermission::AskLeader(leader),
            Ok(Answer::Refused(refusal)) => ReadPermission::Refused(refusal.into()),
            Ok(Answer::Applied { .. } | Answer::Injected(_) | Answer::Snapshot(_) | Answer::Done | Answer::Unknown) => {
                ReadPermission::Refused(Refusal::Internal {})
            }
            Err(_) => ReadPermission::Refused(Refusal::Stopped {}),
        }
    }
}

/// Where a read is done.
enum ReadAt<T> {
    /// At this node, now.
    Here,
    /// The leader has done it; its answer.
    Leader(T),
}

/// Whether a read may be done at this node.
enum ReadPermission {
    Granted,
    /// Only this leader may grant it.
    AskLeader(NodeId),
    Refused(Refusal),
}
