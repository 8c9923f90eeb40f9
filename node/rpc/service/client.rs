//! The Client service: writes and reads of the final database. Any node takes them.
//!
//! What becomes of a write is in [`super::write`]. If another node leads, a request is passed on, once. A linearizable
//! read asks the loop whether the database may be read now and then reads it; intermediate data is never seen.

use std::sync::Arc;

use tokio::sync::watch;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use crate::protocol::{Answer, NodeId, Refusal};
use crate::rpc::desk::{Desk, Request as Ask};
use crate::rpc::roster::Roster;
use crate::rpc::service::connections::Standing;
use crate::rpc::service::forward::{Forwarder, Lost};
use crate::rpc::service::leaving::answer;
use crate::rpc::service::listing;
use crate::rpc::service::records::Records;
use crate::rpc::service::refusal::{
    by_core, check_key, leader_overloaded, leader_unreachable, not_a_leader, not_taken, refused,
};
use crate::rpc::service::room::{Room, Taken};
use crate::rpc::service::write::{Write, no};
use crate::rpc::service::{changes, write_stream};
use crate::rpc::wire;
use crate::rpc::wire::client_server::Client;

/// So many leaders are asked for one read, if each is deposed before it answers.
const LEADERS_MAX: u32 = 4;

#[derive(Clone)]
pub(super) struct ClientService {
    pub(super) desk: Desk,
    pub(super) forwarder: Arc<Forwarder>,
    pub(super) records: Arc<dyn Records>,
    pub(super) me: NodeId,
    pub(super) roster: Roster,
    /// How far the final data are.
    pub(super) revisions: watch::Receiver<u64>,
    pub(super) room: Room,
}

#[tonic::async_trait]
impl Client for ClientService {
    async fn put(&self, request: Request<wire::PutRequest>) -> Result<Response<wire::WriteResponse>, Status> {
        Ok(Response::new(self.write_alone(request, Write::Put).await))
    }

    async fn delete(&self, request: Request<wire::DeleteRequest>) -> Result<Response<wire::WriteResponse>, Status> {
        Ok(Response::new(self.write_alone(request, Write::Delete).await))
    }

    async fn compare_and_set(
        &self,
        request: Request<wire::CompareAndSetRequest>,
    ) -> Result<Response<wire::WriteResponse>, Status> {
        Ok(Response::new(self.write_alone(request, Write::CompareAndSet).await))
    }

    async fn batch(&self, request: Request<wire::BatchRequest>) -> Result<Response<wire::WriteResponse>, Status> {
        Ok(Response::new(self.write_alone(request, Write::Batch).await))
    }

    type WatchStream = BoxStream<wire::WatchResponse>;

    async fn watch(
        &self,
        request: Request<wire::WatchRequest>,
    ) -> Result<Response<BoxStream<wire::WatchResponse>>, Status> {
        Ok(Response::new(match Standing::check(request.extensions()).and_then(|()| self.room.watch()) {
            Ok(room) => changes::watch(self.clone(), request.into_inner(), room),
            Err(refusal) => changes::refuse(refusal),
        }))
    }

    type WriteStream = BoxStream<wire::TaggedWriteResponse>;

    async fn write(
        &self,
        request: Request<Streaming<wire::TaggedWrite>>,
    ) -> Result<Response<BoxStream<wire::TaggedWriteResponse>>, Status> {
        let room = Standing::check(request.extensions()).and_then(|()| self.room.write_stream());
        let room = room.map_err(|refusal| Status::resource_exhausted(refusal.message))?;
        Ok(Response::new(write_stream::answers(self.clone(), request.into_inner(), room)))
    }

    async fn get(&self, request: Request<wire::GetRequest>) -> Result<Response<wire::GetResponse>, Status> {
        let _room = match self.enter(&request, request.get_ref().forwarded) {
            Ok(room) => room,
            Err(refusal) => {
                let outcome = Some(wire::get_response::Outcome::Refused(refusal));
                return Ok(Response::new(wire::GetResponse { outcome }));
            }
        };
        answer(&self.room, self.get_one(request.into_inner()).await?)
    }

    async fn revision(
        &self,
        request: Request<wire::RevisionRequest>,
    ) -> Result<Response<wire::RevisionResponse>, Status> {
        use wire::revision_response::Outcome;
        let forwarded = request.get_ref().forwarded;
        let outcome = match self.enter(&request, forwarded) {
            Ok(_room) => self.newest_revision(forwarded).await.map_or_else(Outcome::Refused, Outcome::Revision),
            Err(refusal) => Outcome::Refused(refusal),
        };
        Ok(Response::new(wire::RevisionResponse { outcome: Some(outcome) }))
    }

    async fn probe(&self, request: Request<wire::ProbeRequest>) -> Result<Response<wire::ProbeResponse>, Status> {
        let _room = match self.room.request() {
            Ok(room) => room,
            Err(refusal) => {
                return Ok(Response::new(wire::ProbeResponse { refused: Some(refusal), ..Default::default() }));
            }
        };
        answer(&self.room, self.probe_here(&request.into_inner()).await?)
    }

    async fn list(&self, request: Request<wire::ListRequest>) -> Result<Response<wire::ListResponse>, Status> {
        let _room = match self.enter(&request, request.get_ref().forwarded) {
            Ok(room) => room,
            Err(refusal) => {
                return Ok(Response::new(wire::ListResponse { refused: Some(refusal), ..Default::default() }));
            }
        };
        answer(&self.room, self.list_some(request.into_inner()).await?)
    }
}

impl ClientService {
    /// Lets a request in that costs more than its own bytes.
    fn enter<T>(&self, request: &Request<T>, forwarded: bool) -> Result<Taken, wire::Refusal> {
        Standing::check_unless(forwarded, request.extensions()).and_then(|()| self.room.request())
    }

    async fn write_alone<T>(&self, request: Request<T>, write: impl FnOnce(T) -> Write) -> wire::WriteResponse {
        let (_, extensions, request) = request.into_parts();
        let write = write(request);
        match Standing::check_unless(write.is_forwarded(), &extensions) {
            Ok(()) => self.write_one(write).await,
            Err(refusal) => no(refusal),
        }
    }

    async fn get_one(&self, get: wire::GetRequest) -> Result<wire::GetResponse, Status> {
        use wire::get_response::Outcome;
        let outcome = |outcome| Ok(wire::GetResponse { outcome: Some(outcome) });
        if let Err(refusal) = check_key(&get.key) {
            return outcome(Outcome::Refused(refusal));
        }
        let mut get = get;
        if get.consistency == wire::Consistency::Quorum as i32 {
            if let Some(answer) = self.get_by_quorum(&get).await? {
                return outcome(answer);
            }
            get.consistency = wire::Consistency::Linearizable as i32;
        }
        let ask = |leader| {
            let get = wire::GetRequest { forwarded: true, ..get.clone() };
            self.forwarder.call_leader(leader, |mut client| async move { client.get(get).await })
        };
        match self.read(get.consistency, get.forwarded, ask).await {
            Ok(Read::Here) => match self.records.get(&get.key).map_err(Status::internal)? {
                Some(record) => outcome(Outcome::Record(record.into())),
                None => outcome(Outcome::NotFound(wire::NotFound {})),
            },
            Ok(Read::There(answer)) => Ok(answer),
            Err(refusal) => outcome(Outcome::Refused(refusal)),
        }
    }

    async fn list_some(&self, list: wire::ListRequest) -> Result<wire::ListResponse, Status> {
        let refusal = |refusal| Ok(wire::ListResponse { records: Vec::new(), more: false, refused: Some(refusal) });
        let ask = |leader| {
            let list = wire::ListRequest { forwarded: true, ..list.clone() };
            self.forwarder.call_leader(leader, |mut client| async move { client.list(list).await })
        };
        match self.read(list.consistency, list.forwarded, ask).await {
            Ok(Read::Here) => {
                let records = Arc::clone(&self.records);
                let _turn = self.room.reader().await;
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
    pub(super) async fn newest_revision(&self, forwarded: bool) -> Result<u64, wire::Refusal> {
        use wire::revision_response::Outcome;
        let ask = |leader| {
            let request = wire::RevisionRequest { forwarded: true };
            self.forwarder.call_leader(leader, move |mut client| async move { client.revision(request).await })
        };
        match self.read(wire::Consistency::Linearizable as i32, forwarded, ask).await? {
            Read::Here => Ok(self.records.revision()),
            Read::There(wire::RevisionResponse { outcome: Some(Outcome::Revision(revision)) }) => Ok(revision),
            Read::There(wire::RevisionResponse { outcome: Some(Outcome::Refused(refusal)) }) => Err(refusal),
            Read::There(_) => Err(refused("internal", "the leader's answer says nothing: please report it")),
        }
    }

    /// Lets a read happen here, or asks the leader; the next one, if another leads before that has answered: a read
    /// changes nothing, so it may be asked twice.
    async fn read<T, F>(
        &self,
        consistency: i32,
        forwarded: bool,
        ask: impl Fn(NodeId) -> F,
    ) -> Result<Read<T>, wire::Refusal>
    where
        F: Future<Output = Result<T, Lost>>,
    {
        for _ in 0..LEADERS_MAX {
            let leader = match self.may_read(consistency, forwarded).await {
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

    async fn may_read(&self, consistency: i32, forwarded: bool) -> May {
        let ask = match wire::Consistency::try_from(consistency) {
            Ok(wire::Consistency::Local) => return May::Read,
            Ok(wire::Consistency::Linearizable | wire::Consistency::Unspecified) => Ask::Read,
            Ok(wire::Consistency::Lease) => Ask::LeaseRead,
            Ok(wire::Consistency::Quorum) => {
                let text = "a quorum read is of one key: use linearizable, lease or local";
                return May::Not(refused("unknown_consistency", text));
            }
            Err(_) => {
                let text = format!("there is no consistency {consistency}: use linearizable, lease, quorum or local");
                return May::Not(refused("unknown_consistency", text));
            }
        };
        let answer = match self.desk.ask(ask) {
            Ok(answer) => answer.await,
            Err(why) => return May::Not(not_taken(why)),
        };
        match answer {
            Ok(Answer::Readable) => May::Read,
            Ok(Answer::Forward(leader)) if forwarded => May::Not(not_a_leader(leader)),
            Ok(Answer::Forward(leader)) => May::Ask(leader),
            Ok(Answer::Refused(refusal)) => May::Not(by_core(refusal)),
            Ok(Answer::Written(_) | Answer::Done | Answer::Unknown) => {
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
    Not(wire::Refusal),
}
