//! Reads of the final database. A read changes nothing, so it can be retried until the deadline.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::timeout_at;
use tonic::Status;
use tonic::transport::Channel;

use crate::client::Client;
use crate::client::backoff::{Backoff, PAUSE};
use crate::client::error::{ClientError, refusal};
use crate::client::nodes::{is_overload, overload, root_cause};
use crate::client::reason::Reason;
use crate::client::types::Consistency;
use crate::protocol::apply::Record;
use crate::protocol::{NodeId, check_key};
use crate::wire::endpoint::MESSAGE_BYTES_MAX;
use crate::wire::proto;
use crate::wire::proto::client_client::ClientClient;

/// The time limit of one attempt of a read; the next one may go to another leader.
const READ_ATTEMPT: Duration = Duration::from_secs(1);

/// How one attempt ended: with a result, or with a reason to retry.
enum Attempt<T> {
    Ended(Result<T, ClientError>),
    Again(ClientError),
    /// Retry after a pause.
    Overloaded(ClientError),
}

/// The answer of one node to a read.
pub(super) type Answered<T> = Result<Result<T, proto::Refusal>, Status>;

impl Client {
    /// `None`: the key is absent. Without `node` the leader is asked.
    pub async fn get(
        &self,
        key: Bytes,
        consistency: Consistency,
        node: Option<NodeId>,
    ) -> Result<Option<Record>, ClientError> {
        check_key(&key)?;
        let deadline = self.deadline();
        let replicas = if let Consistency::Quorum(replicas) = consistency { replicas } else { 0 };
        let request = proto::GetRequest { key, consistency: consistency.into(), replicas };
        self.read(node, deadline, |channel| get_once(channel, request.clone())).await
    }

    /// Retries until a node answers or the deadline passes: a read changes nothing.
    pub(super) async fn read<T, A: Future<Output = Answered<T>>>(
        &self,
        node: Option<NodeId>,
        deadline: Instant,
        ask: impl Fn(Channel) -> A,
    ) -> Result<T, ClientError> {
        self.read_until(node, deadline, ask).await.map_err(|error| self.with_step_mode(error))
    }

    async fn read_until<T, A: Future<Output = Answered<T>>>(
        &self,
        node: Option<NodeId>,
        deadline: Instant,
        ask: impl Fn(Channel) -> A,
    ) -> Result<T, ClientError> {
        let (mut last, mut backoff, mut time) = (None, Backoff::default(), READ_ATTEMPT);
        loop {
            let address = match node {
                Some(node) => self.address(node, deadline).await,
                None => self.leader(deadline).await,
            };
            let address = match address {
                Ok(address) => address,
                Err(error) => return Err(last.unwrap_or(error)),
            };
            match self.attempt_read(&address, deadline.min(Instant::now() + time), &ask).await {
                Attempt::Ended(result) => {
                    if result.is_ok() && node.is_none() {
                        self.shared.finder.heard(&address);
                    }
                    return result;
                }
                Attempt::Overloaded(error) => {
                    if !self.wait_when_overloaded || !backoff.overloaded(deadline).await {
                        return Err(error);
                    }
                    last = Some(error);
                    continue;
                }
                // The requested node does not answer: no other node can answer for it.
                Attempt::Again(error @ ClientError::Unreachable { .. }) if node.is_some() => return Err(error),
                Attempt::Again(error) if Instant::now() + PAUSE >= deadline => return Err(error),
                Attempt::Again(error) => {
                    // After a timeout the next attempt gets more time.
                    if matches!(error, ClientError::TimedOut { .. }) {
                        time *= 2;
                    }
                    last = Some(error);
                }
            }
            self.shared.finder.lost(&address);
            Backoff::pause(deadline).await;
        }
    }

    async fn attempt_read<T, A: Future<Output = Answered<T>>>(
        &self,
        address: &str,
        until: Instant,
        ask: &impl Fn(Channel) -> A,
    ) -> Attempt<T> {
        let channel = match self.shared.nodes.channel(address, until).await {
            Ok(channel) => channel,
            Err(why) => return Attempt::Again(ClientError::Unreachable { addresses: vec![address.to_owned()], why }),
        };
        match timeout_at(until.into(), ask(channel)).await {
            Ok(Ok(Ok(value))) => Attempt::Ended(Ok(value)),
            Ok(Ok(Err(refused))) => match refusal(refused) {
                refusal if refusal.is_about_the_leader() => Attempt::Again(self.no_leader(refusal.into())),
                refusal if refusal.is_overload() => Attempt::Overloaded(refusal.into()),
                refusal => Attempt::Ended(Err(refusal.into())),
            },
            Ok(Err(status)) if is_overload(&status) => Attempt::Overloaded(overload(address, &status).into()),
            Ok(Err(status)) => {
                self.shared.nodes.forget(address);
                let why = root_cause(&status);
                Attempt::Again(ClientError::Unreachable { addresses: vec![address.to_owned()], why })
            }
            Err(_) => {
                let why = Reason::Silent { address: address.to_owned() };
                Attempt::Again(ClientError::TimedOut { timeout: self.timeout, why })
            }
        }
    }

    /// An operation without an answer, with the reason if it is step mode: messages wait for a person, who may have
    /// left without ending it.
    pub(super) fn with_step_mode(&self, error: ClientError) -> ClientError {
        let frozen = self.shared.nodes.frozen();
        if frozen.is_empty() { error } else { error.in_step_mode(frozen) }
    }

    pub(super) fn no_leader(&self, why: Reason) -> ClientError {
        ClientError::NoLeader { timeout: self.timeout, why }
    }
}

async fn get_once(channel: Channel, request: proto::GetRequest) -> Answered<Option<Record>> {
    use proto::get_response::Outcome;
    let mut client = ClientClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
    match client.get(request).await?.into_inner().outcome {
        Some(Outcome::Record(record)) => Ok(Ok(Some(record.into()))),
        Some(Outcome::NotFound(_)) => Ok(Ok(None)),
        Some(Outcome::Refused(refusal)) => Ok(Err(refusal)),
        None => Err(Status::internal("the answer is empty")),
    }
}

impl From<Consistency> for i32 {
    fn from(consistency: Consistency) -> i32 {
        match consistency {
            Consistency::Linearizable => proto::Consistency::Linearizable as i32,
            Consistency::Lease => proto::Consistency::Lease as i32,
            Consistency::Quorum(_) => proto::Consistency::Quorum as i32,
            Consistency::Local => proto::Consistency::Local as i32,
        }
    }
}
