//! Watches of committed changes: from a revision on, in order, each exactly once, across failures of nodes.
//!
//! Revisions are the same at every node. When a node fails or falls behind, the watch continues at another one after
//! the last revision that was read, so no change is missed or repeated.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::{sleep, timeout, timeout_at};
use tonic::Streaming;

use crate::client::Client;
use crate::client::error::{ClientError, refusal};
use crate::client::nodes::{Absence, Answer, root_cause};
use crate::client::reason::Reason;
use crate::client::types::Changed;
use crate::protocol::apply::{Record, WatchCursor};
use crate::wire::endpoint::MESSAGE_BYTES_MAX;
use crate::wire::proto;
use crate::wire::proto::client_client::ClientClient;
use crate::wire::refusal::Refusal;

/// After this long without a message the node may be cut off: the others are asked for their revisions.
const QUIET: Duration = Duration::from_secs(2);
/// The time limit of a survey of all nodes, and of a node's first response.
const LOOK: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(50);

/// A watch, made by [`Client::watch`]. Dropping it ends the watch.
pub struct Watching {
    client: Client,
    prefix: Bytes,
    seen: WatchCursor,
    waiting: VecDeque<Changed>,
    /// The last node that made this watch wait has sent nothing new, while other nodes have discarded the wanted
    /// changes.
    in_vain: bool,
    stream: Option<(String, Streaming<proto::WatchResponse>)>,
}

impl Client {
    /// Watches the keys that start with `prefix`, from a revision on; `None`: from the next change on. Of revisions
    /// that do not exist yet only the next one can be watched.
    pub async fn watch(&self, prefix: Bytes, from: Option<u64>) -> Result<Watching, ClientError> {
        let seen = match from {
            Some(from) => WatchCursor::starting_at(from),
            None => WatchCursor::starting_at(self.newest_revision(self.deadline()).await? + 1),
        };
        let (client, waiting) = (self.clone(), VecDeque::new());
        let mut watching = Watching { client, prefix, seen, waiting, in_vain: false, stream: None };
        watching.connect().await?;
        Ok(watching)
    }

    /// The greatest revision of any node.
    async fn newest_revision(&self, deadline: Instant) -> Result<u64, ClientError> {
        self.meet(deadline).await?;
        let answers = self.shared.nodes.ask_all(deadline.min(Instant::now() + LOOK), |_, _| false).await;
        Ok(revisions(&answers).map(|(revision, _)| revision).max().unwrap_or(0))
    }
}

impl Watching {
    /// The revision up to which everything was read.
    pub fn revision(&self) -> u64 {
        self.seen.revision()
    }

    /// The next change. An error says that no node could be watched within the client's deadline, that no node still
    /// has changes from that revision on, or that the wanted revision is beyond the next one. After an error `next` may
    /// be called again.
    pub async fn next(&mut self) -> Result<Changed, ClientError> {
        loop {
            if let Some(changed) = self.waiting.pop_front() {
                return Ok(changed);
            }
            let Some((_, stream)) = &mut self.stream else {
                self.connect().await?;
                continue;
            };
            match timeout(QUIET, stream.message()).await {
                Ok(Ok(Some(response))) => self.take(response)?,
                Ok(Ok(None) | Err(_)) => self.stream = None,
                Err(_) => self.leave_if_behind().await,
            }
        }
    }

    /// Finds a node that has the wanted revision, if there is one, and takes its first response.
    async fn connect(&mut self) -> Result<(), ClientError> {
        let deadline = self.client.deadline();
        loop {
            let (mut why, mut oldest, mut refused) = (Reason::NoNode, None, None);
            for address in self.candidates(deadline).await {
                match timeout(LOOK, self.open(&address)).await {
                    // It lags, and the watch would wait there again.
                    Ok(Ok((_, response))) if self.in_vain && response.refused.is_none() && !self.is_news(&response) => {
                    }
                    Ok(Ok((stream, response))) if response.refused.is_none() => {
                        self.in_vain = oldest.is_some();
                        self.stream = Some((address, stream));
                        return self.take(response);
                    }
                    // Another attempt cannot succeed.
                    Ok(Ok((_, response))) if is_future(&response) => return self.take(response),
                    Ok(Ok((_, response))) if response.oldest > 0 => {
                        oldest = Some(oldest.map_or(response.oldest, |oldest: u64| oldest.min(response.oldest)));
                    }
                    Ok(Ok((_, response))) => refused = response.refused.or(refused),
                    Ok(Err(reason)) => why = reason.at(&address),
                    Err(_) => why = Reason::Silent { address },
                }
            }
            self.in_vain = false;
            if let Some(oldest) = oldest {
                return Err(Refusal::HistoryGone { revision: self.seen.revision() + 1, bound: oldest }.into());
            }
            if Instant::now() + PAUSE >= deadline {
                if let Some(refused) = refused {
                    return Err(refusal(refused).into());
                }
                return Err(ClientError::Unreachable { addresses: self.client.shared.nodes.named(), why });
            }
            sleep(PAUSE).await;
        }
    }

    /// The nodes that answer: first those that are far enough, the greatest revision first.
    async fn candidates(&self, deadline: Instant) -> Vec<String> {
        let until = deadline.min(Instant::now() + LOOK);
        let seen = self.seen.revision();
        let far = |answers: &[Answer], _| revisions(answers).any(|(revision, _)| revision > seen);
        let answers = self.client.shared.nodes.ask_all(until, far).await;
        let mut found: Vec<_> = revisions(&answers).collect();
        found.sort_by_key(|(revision, _)| std::cmp::Reverse(*revision));
        found.into_iter().map(|(_, address)| address.clone()).collect()
    }

    async fn open(&self, address: &str) -> Result<(Streaming<proto::WatchResponse>, proto::WatchResponse), Reason> {
        let channel = self.client.shared.nodes.channel(address, Instant::now() + LOOK).await?;
        let mut client = ClientClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
        let request = proto::WatchRequest { prefix: self.prefix.clone(), from: Some(self.seen.revision() + 1) };
        let opened = client.watch(request).await.map_err(|status| root_cause(&status))?;
        let mut stream = opened.into_inner();
        match stream.message().await {
            Ok(Some(response)) => Ok((stream, response)),
            Ok(None) => Err(Reason::StreamEnded),
            Err(status) => Err(root_cause(&status)),
        }
    }

    fn is_news(&self, response: &proto::WatchResponse) -> bool {
        response.up_to > self.seen.revision()
    }

    fn take(&mut self, response: proto::WatchResponse) -> Result<(), ClientError> {
        let is_future = is_future(&response);
        if let Some(refused) = response.refused {
            self.stream = None;
            // Another node may decide differently for any other reason.
            return if is_future { Err(refusal(refused).into()) } else { Ok(()) };
        }
        self.in_vain &= !self.is_news(&response);
        for changed in response.changes {
            let Some(record) = changed.record.map(Record::from) else { continue };
            if self.seen.advance(record.revision) {
                let Record { key, value, id, revision, .. } = record;
                self.waiting.push_back(Changed { key, value: (!changed.deleted).then_some(value), id, revision });
            }
        }
        self.seen.advance_to(response.up_to);
        Ok(())
    }

    /// Nothing arrived for a while: leaves the node if another one has more.
    async fn leave_if_behind(&mut self) {
        let until = Instant::now() + LOOK;
        let seen = self.seen.revision();
        let far = |answers: &[Answer], _| revisions(answers).any(|(revision, _)| revision > seen);
        let asked = timeout_at(until.into(), self.client.shared.nodes.ask_all(until, far)).await;
        let behind = asked.is_ok_and(|answers| revisions(&answers).any(|(revision, _)| revision > seen));
        if behind {
            self.stream = None;
        }
    }
}

fn revisions(answers: &[Answer]) -> impl Iterator<Item = (u64, &String)> {
    answers.iter().filter_map(|answer: &Answer| match &answer.status {
        Ok(status) => Some((status.revision, &answer.address)),
        Err(Absence::Gone(_) | Absence::Silent(_) | Absence::OtherCluster) => None,
    })
}

/// Whether the first wanted revision is beyond the newest one plus one.
fn is_future(response: &proto::WatchResponse) -> bool {
    response.refused.as_ref().is_some_and(|refused| refused.code() == proto::RefusalCode::FutureRevision)
}
