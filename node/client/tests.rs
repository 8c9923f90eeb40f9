//! The client against a node with scripted answers: which retries keep a write's id, and how an operation ends.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, BoxStream, Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status, Streaming};

use crate::client::{Client, ClientError, Consistency, Doubt, Options, Refusal};
use crate::verify::patience::{Patience, on_this_machine};
use crate::wire::proto;
use crate::wire::proto::client_server::ClientServer;
use crate::wire::proto::write_response::Outcome;

/// How the node ends one attempt.
#[derive(Clone, Copy, Debug)]
enum Ends {
    Overloaded,
    /// The node cannot tell whether the write will be committed.
    Unknown,
    Written,
    /// A busy machine: a read takes longer than the first attempt's timeout.
    Late,
    /// It accepts no stream.
    NoStream,
}

/// Returns answers from a list, then its last element repeatedly; records the ids of the writes.
#[derive(Clone)]
struct Node {
    answers: Arc<Mutex<VecDeque<Ends>>>,
    names: Arc<Mutex<Vec<proto::WriteName>>>,
}

impl Node {
    fn next(&self) -> Ends {
        let mut answers = self.answers.lock().unwrap();
        if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0] }
    }

    fn names(&self) -> Vec<(u64, u64)> {
        self.names.lock().unwrap().iter().map(|name| (name.session, name.sequence)).collect()
    }

    fn answer(&self, write: proto::TaggedWrite) -> proto::TaggedWriteResponse {
        let request = write.write.expect("there is a write");
        self.names.lock().unwrap().push(request.name.expect("every write has a name"));
        let outcome = match self.next() {
            Ends::Overloaded | Ends::NoStream => Outcome::Refused(refusal()),
            Ends::Unknown => Outcome::Unknown((&Doubt::SteppedDown {}).into()),
            Ends::Written | Ends::Late => {
                Outcome::Written(proto::Point { epoch: 1, offset: 7, position: 8, digest: Bytes::new() })
            }
        };
        let response = Some(proto::WriteResponse { outcome: Some(outcome), revision: 7 });
        proto::TaggedWriteResponse { tag: write.tag, response }
    }
}

fn refusal() -> proto::Refusal {
    Refusal::CommitsFull {}.to_wire()
}

#[tonic::async_trait]
impl proto::client_server::Client for Node {
    type WriteStreamStream = BoxStream<proto::TaggedWriteResponse>;
    type WatchStream = BoxStream<proto::WatchResponse>;

    async fn write_stream(
        &self,
        request: Request<Streaming<proto::TaggedWrite>>,
    ) -> Result<Response<Self::WriteStreamStream>, Status> {
        if matches!(self.answers.lock().unwrap()[0], Ends::NoStream) {
            self.next();
            return Err(Status::resource_exhausted("too many streams"));
        }
        let node = self.clone();
        Ok(Response::new(Box::pin(request.into_inner().map(move |write| write.map(|write| node.answer(write))))))
    }

    async fn get(&self, _: Request<proto::GetRequest>) -> Result<Response<proto::GetResponse>, Status> {
        use proto::get_response::Outcome;
        let outcome = match self.next() {
            Ends::NoStream => return Err(Status::resource_exhausted("too many calls")),
            Ends::Overloaded | Ends::Unknown => Outcome::Refused(refusal()),
            Ends::Written => Outcome::NotFound(proto::NotFound {}),
            Ends::Late => {
                tokio::time::sleep(Duration::from_millis(1_500)).await;
                Outcome::NotFound(proto::NotFound {})
            }
        };
        Ok(Response::new(proto::GetResponse { outcome: Some(outcome) }))
    }

    async fn write(&self, _: Request<proto::WriteRequest>) -> Result<Response<proto::WriteResponse>, Status> {
        Err(Status::unimplemented("writes come in streams"))
    }

    async fn probe(&self, _: Request<proto::ProbeRequest>) -> Result<Response<proto::ProbeResponse>, Status> {
        Err(Status::unimplemented("it is no voter"))
    }

    async fn list(&self, _: Request<proto::ListRequest>) -> Result<Response<proto::ListResponse>, Status> {
        Err(Status::unimplemented("it has nothing"))
    }

    async fn revision(&self, _: Request<proto::RevisionRequest>) -> Result<Response<proto::RevisionResponse>, Status> {
        Err(Status::unimplemented("it has nothing"))
    }

    async fn watch(&self, _: Request<proto::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("it has nothing"))
    }
}

/// The only call of the Control service that the client needs here: the node leads.
#[derive(Clone)]
struct Leads {
    /// The duration of a status call.
    takes: Duration,
}

impl NamedService for Leads {
    const NAME: &'static str = "epoca.v1.Control";
}

impl UnaryService<proto::StatusRequest> for Leads {
    type Response = proto::StatusResponse;
    type Future = BoxFuture<Response<proto::StatusResponse>, Status>;

    fn call(&mut self, _: Request<proto::StatusRequest>) -> Self::Future {
        let status = proto::StatusResponse {
            id: 1,
            role: proto::Role::Leader.into(),
            epoch: Some(1),
            leader: Some(1),
            ..proto::StatusResponse::default()
        };
        let takes = self.takes;
        Box::pin(async move {
            tokio::time::sleep(takes).await;
            Ok(Response::new(status))
        })
    }
}

impl Service<http::Request<Body>> for Leads {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<http::Response<Body>, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let leads = self.clone();
        Box::pin(async move { Ok(Grpc::new(tonic_prost::ProstCodec::default()).unary(leads, request).await) })
    }
}

/// A node with these answers, and its client with this deadline.
async fn node(answers: &[Ends], timeout: Duration) -> (Node, Client) {
    node_that_takes(Duration::ZERO, answers, timeout).await
}

/// The same, with a status that takes this long.
async fn node_that_takes(takes: Duration, answers: &[Ends], timeout: Duration) -> (Node, Client) {
    let node = Node { answers: Arc::new(Mutex::new(answers.iter().copied().collect())), names: Arc::default() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server =
        tonic::transport::Server::builder().add_service(Leads { takes }).add_service(ClientServer::new(node.clone()));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let options = Options { timeout: on_this_machine(timeout), ..Options::default() };
    let client = Client::connect(&[address], options).await.expect("it answers");
    (node, client)
}

/// On an idle machine.
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(900);

async fn put(client: &Client) -> Result<u64, ClientError> {
    client.put(Bytes::from("k"), Bytes::from("v")).await.map(|written| written.position.0)
}

fn code<T>(ended: Result<T, ClientError>) -> String {
    ended.err().expect("it is not done").code().to_owned()
}

#[tokio::test]
async fn a_write_to_an_overloaded_node_is_tried_again_under_its_own_name_until_it_is_taken() {
    let (node, client) = node(&[Ends::Overloaded, Ends::Overloaded, Ends::NoStream, Ends::Written], LONG).await;
    let begun = Instant::now();
    // An open stream is not refused again.
    assert_eq!(put(&client).await, Ok(8));
    let names = node.names();
    assert!(names.len() >= 3 && names.iter().all(|name| *name == names[0]), "one name for all: {names:?}");
    assert!(begun.elapsed() >= Duration::from_millis(15), "it waits in between");
}

#[tokio::test]
async fn a_stream_that_was_not_taken_is_definite_and_opened_again() {
    let (node, client) = node(&[Ends::NoStream, Ends::NoStream, Ends::Written], LONG).await;
    assert_eq!(put(&client).await, Ok(8));
    assert_eq!(node.names().len(), 1, "a refused stream was not read");
}

#[tokio::test]
async fn a_deadline_that_passes_while_a_node_is_overloaded_is_definite() {
    for answer in [Ends::Overloaded, Ends::NoStream] {
        let (_, client) = node(&[answer], SHORT).await;
        let patience = Patience::of(SHORT + Duration::from_secs(5));
        assert_eq!(code(put(&client).await), "overloaded");
        assert!(!patience.is_over(), "it goes on beyond its deadline: {:?}", patience.passed());
        assert_eq!(code(client.get(Bytes::from("k"), Consistency::Linearizable, None).await), "overloaded");
    }
}

#[tokio::test]
async fn overload_after_an_attempt_of_unknown_outcome_leaves_it_unknown() {
    let (node, client) = node(&[Ends::Unknown, Ends::Overloaded], SHORT).await;
    assert_eq!(code(put(&client).await), "unknown");
    assert!(node.names().len() >= 3, "it was tried again: {:?}", node.names());
    assert_eq!(code(put(&client.that_tells_overload()).await), "overloaded", "another write has no such past");
}

#[tokio::test]
async fn an_accepted_retry_reports_the_outcome_of_the_first_attempt() {
    let (node, client) = node(&[Ends::Unknown, Ends::Overloaded, Ends::Overloaded, Ends::Written], LONG).await;
    assert_eq!(put(&client.that_tells_overload()).await, Ok(8));
    let names = node.names();
    assert!(names.len() == 4 && names.iter().all(|name| *name == names[0]), "{names:?}");
}

#[tokio::test]
async fn a_measuring_client_gets_an_overload_immediately() {
    let (node, client) = node(&[Ends::Overloaded], LONG).await;
    let client = client.that_tells_overload();
    assert_eq!(code(put(&client).await), "overloaded");
    assert_eq!(node.names().len(), 1);
    assert_eq!(code(client.get(Bytes::from("k"), Consistency::Linearizable, None).await), "overloaded");
}

#[tokio::test]
async fn a_read_waits_for_an_overloaded_node_too() {
    let (_, client) = node(&[Ends::Overloaded, Ends::NoStream, Ends::Overloaded, Ends::Written], LONG).await;
    assert_eq!(client.get(Bytes::from("k"), Consistency::Linearizable, None).await, Ok(None));
}

#[tokio::test]
async fn a_leader_that_takes_longer_to_answer_than_a_survey_lasts_is_found_by_a_longer_one() {
    let (_, client) = node_that_takes(Duration::from_millis(700), &[Ends::Written], LONG).await;
    assert_eq!(put(&client).await, Ok(8));
}

#[tokio::test]
async fn a_read_that_takes_longer_than_the_first_attempt_lasts_is_answered_by_a_longer_one() {
    let (_, client) = node(&[Ends::Late], LONG).await;
    assert_eq!(client.get(Bytes::from("k"), Consistency::Linearizable, None).await, Ok(None));
}
