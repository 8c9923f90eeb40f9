//! The nodes that a client knows, and its connections to them.
//!
//! A connection is made before the first request on it, so that "no connection" and "no answer" differ. The leader is
//! found in [`super::leader`].

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::timeout_at;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, ConnectError, Status};

use crate::client::error::ClientError;
use crate::client::reason::Reason;
use crate::client::stream::WriteStream;
use crate::protocol::{EntryId, NodeId};
use crate::wire::address::is_address;
use crate::wire::proto;
use crate::wire::proto::control_client::ControlClient;
use crate::wire::refusal::Refusal;
use crate::wire::status::refusal_of;

/// The time limit for a connection: a host that is down must not use up the deadline.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1000);
/// A connection without an answer is closed after these two times.
const KEEP_ALIVE: Duration = Duration::from_secs(2);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(2);
/// Large enough for a response of many records.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;
/// The most addresses that a client learns.
const NODES_MAX: usize = 64;

pub(super) struct Nodes {
    /// The cluster that must answer, if it is known.
    cluster: Option<Vec<u8>>,
    /// The addresses that the user named.
    named: Vec<String>,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    channels: BTreeMap<String, Channel>,
    streams: BTreeMap<String, WriteStream>,
    ids: BTreeMap<NodeId, String>,
    /// The cluster that was found.
    cluster: Option<Vec<u8>>,
    /// The greatest position that any node is known to have applied.
    applied: u64,
    /// The addresses to ask: those named by the user or by a node; once a member list is known, those of its members.
    addresses: BTreeSet<String>,
    /// The entry that set the newest known member list, and its members.
    list: Option<(EntryId, BTreeSet<NodeId>)>,
    /// The nodes that were in step mode when they last answered.
    frozen: BTreeSet<NodeId>,
    /// Nodes that the user named with their ids and no list has named yet: they may be about to join.
    awaited: BTreeSet<NodeId>,
}

/// Why a node gave no status.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Absence {
    /// No connection is accepted there.
    Gone(Reason),
    /// A connection is accepted, but no answer came.
    Silent(Reason),
    OtherCluster,
}

pub(super) struct Answer {
    pub address: String,
    pub status: Result<proto::StatusResponse, Absence>,
}

impl Nodes {
    pub fn new(addresses: &[String], cluster: Option<Vec<u8>>) -> Result<Nodes, ClientError> {
        let named: Vec<String> = addresses.iter().map(|address| address.trim().to_owned()).collect();
        if let Some(bad) = named.iter().find(|address| !is_address(address)) {
            return Err(ClientError::BadAddress { address: bad.clone() });
        }
        let book = Book { addresses: named.iter().cloned().collect(), ..Book::default() };
        Ok(Nodes { cluster, named, book: Mutex::new(book) })
    }

    /// Remembers where the nodes are.
    pub fn name(&self, nodes: &[(NodeId, String)]) {
        let mut book = self.book();
        book.ids.extend(nodes.iter().cloned());
        book.awaited.extend(nodes.iter().map(|(id, _)| *id));
    }

    pub fn cluster(&self) -> Option<Vec<u8>> {
        self.book().cluster.clone()
    }

    pub fn named(&self) -> Vec<String> {
        self.named.clone()
    }

    pub fn ids(&self) -> Vec<(NodeId, String)> {
        self.book().ids.iter().map(|(id, address)| (*id, address.clone())).collect()
    }

    /// The greatest position that any node is known to have applied.
    pub fn applied(&self) -> u64 {
        self.book().applied
    }

    /// The nodes that were in step mode when they last answered.
    pub fn frozen(&self) -> Vec<NodeId> {
        self.book().frozen.iter().copied().collect()
    }

    /// Forgets what is known: it may be about a cluster that no longer exists. The next answers replace it.
    pub fn forget_applied(&self) {
        self.book().applied = 0;
    }

    pub fn has_applied(&self, position: u64) {
        let mut book = self.book();
        book.applied = book.applied.max(position);
    }

    pub fn address_of(&self, node: NodeId) -> Option<String> {
        self.book().ids.get(&node).cloned()
    }

    /// The connection to an address, made now if there is none. The error is the reason, without the address.
    pub async fn channel(&self, address: &str, until: Instant) -> Result<Channel, Reason> {
        let made = timeout_at(until.into(), self.made_channel(address)).await;
        made.unwrap_or(Err(Reason::NoConnection))
    }

    async fn made_channel(&self, address: &str) -> Result<Channel, Reason> {
        if let Some(channel) = self.book().channels.get(address) {
            return Ok(channel.clone());
        }
        let channel = connect(address).await?;
        self.book().channels.insert(address.to_owned(), channel.clone());
        Ok(channel)
    }

    /// The write stream to an address, opened now if there is none or it has ended.
    pub async fn stream(&self, address: &str, until: Instant) -> Result<WriteStream, Reason> {
        if let Some(stream) = self.book().streams.get(address).filter(|stream| !stream.has_ended()) {
            return Ok(stream.clone());
        }
        let channel = self.channel(address, until).await?;
        let mut book = self.book();
        // Another write may have opened one meanwhile.
        let known = book.streams.get(address).filter(|stream| !stream.has_ended()).cloned();
        let stream = known.unwrap_or_else(|| WriteStream::open(address, channel));
        book.streams.insert(address.to_owned(), stream.clone());
        Ok(stream)
    }

    /// Closes the connection; the next request makes another one.
    pub fn forget(&self, address: &str) {
        self.book().channels.remove(address);
    }

    /// Asks every node at once, including those learned meanwhile, and passes each answer on until `enough` or until
    /// all have answered or the time is over. The remaining nodes count as silent.
    pub async fn ask_all(&self, until: Instant, mut enough: impl FnMut(&[Answer], usize) -> bool) -> Vec<Answer> {
        let mut asked: BTreeSet<String> = self.book().addresses.clone();
        let mut pending: FuturesUnordered<_> =
            asked.iter().cloned().map(|address| self.ask_by(address, until)).collect();
        let mut answers: Vec<Answer> = Vec::new();
        while let Some(answer) = pending.next().await {
            if let Ok(status) = &answer.status {
                for address in self.learn(&answer.address, status) {
                    if asked.insert(address.clone()) {
                        pending.push(self.ask_by(address, until));
                    }
                }
            }
            answers.push(answer);
            if enough(&answers, asked.len()) {
                break;
            }
        }
        if answers.iter().all(|answer| answer.status.is_err()) {
            self.begin_anew();
        }
        answers
    }

    async fn ask_by(&self, address: String, until: Instant) -> Answer {
        let status = match timeout_at(until.into(), self.ask(&address)).await {
            Ok(status) => status,
            Err(_) => Err(Absence::Silent(Reason::NoAnswer)),
        };
        if matches!(status, Err(Absence::Silent(_))) {
            self.forget(&address);
        }
        Answer { address, status }
    }

    async fn ask(&self, address: &str) -> Result<proto::StatusResponse, Absence> {
        let channel = self.made_channel(address).await.map_err(Absence::Gone)?;
        let answer = ControlClient::new(channel).status(proto::StatusRequest {}).await;
        let status = answer.map_err(|status| {
            self.forget(address);
            match never_left(&status) {
                true => Absence::Gone(root_cause(&status)),
                false => Absence::Silent(root_cause(&status)),
            }
        })?;
        let status = status.into_inner();
        match (&self.cluster, &status.cluster) {
            (Some(wanted), Some(found)) if wanted[..] != found[..] => Err(Absence::OtherCluster),
            _ => Ok(status),
        }
    }

    /// Remembers what an answer says about the cluster; returns the addresses to ask.
    fn learn(&self, address: &str, status: &proto::StatusResponse) -> Vec<String> {
        let mut book = self.book();
        book.applied = book.applied.max(status.applied.as_ref().map_or(0, |point| point.position));
        if let Some(cluster) = &status.cluster {
            book.cluster = Some(cluster.to_vec());
        }
        let peers = status.peers.iter().filter(|peer| peer.id > 0 && is_address(&peer.address));
        let peers: Vec<(NodeId, &String)> =
            peers.map(|peer| (NodeId(peer.id), &peer.address)).take(NODES_MAX).collect();
        let newer = book.follow(status.members.as_ref());
        let me = NodeId(status.id);
        if status.frozen {
            book.frozen.insert(me)
        } else {
            book.frozen.remove(&me)
        };
        if book.may_know(me) {
            book.ids.insert(me, address.to_owned());
            book.addresses.insert(address.to_owned());
        }
        let mut handed_out = Vec::new();
        for (id, address) in peers {
            if !book.may_know(id) {
                continue;
            }
            if newer {
                book.ids.insert(id, address.clone());
            }
            let known = book.ids.entry(id).or_insert_with(|| address.clone()).clone();
            if book.addresses.len() < NODES_MAX || book.addresses.contains(&known) {
                book.addresses.insert(known.clone());
                handed_out.push(known);
            }
        }
        book.keep_members();
        handed_out
    }

    /// No member answers: the addresses named by the user may be newer.
    fn begin_anew(&self) {
        let mut book = self.book();
        book.list = None;
        book.addresses.extend(self.named.iter().cloned());
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // A panic while the lock is held cannot leave the book in an inconsistent state.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// True if the list is newer than the known one.
    fn follow(&mut self, list: Option<&proto::MemberList>) -> bool {
        let Some(list) = list else { return false };
        let Some(set_by) = list.set_by.map(|id| EntryId::new(id.epoch, id.offset)) else { return false };
        if self.list.as_ref().is_some_and(|(known, _)| *known >= set_by) {
            return false;
        }
        let members: BTreeSet<NodeId> = list.members.iter().map(|member| NodeId(member.id)).collect();
        self.awaited.retain(|node| !members.contains(node));
        self.list = Some((set_by, members));
        true
    }

    fn may_know(&self, node: NodeId) -> bool {
        self.list.as_ref().is_none_or(|(_, members)| members.contains(&node) || self.awaited.contains(&node))
    }

    /// Drops nodes that are not members any more, with their connections.
    fn keep_members(&mut self) {
        let Some((_, members)) = &self.list else { return };
        self.ids.retain(|id, _| members.contains(id) || self.awaited.contains(id));
        self.frozen.retain(|id| self.ids.contains_key(id));
        let kept: BTreeSet<&String> = self.ids.values().collect();
        self.addresses.retain(|address| kept.contains(address));
        self.channels.retain(|address, _| kept.contains(address));
        self.streams.retain(|address, _| kept.contains(address));
    }
}

/// Makes a connection. The error is the reason, without the address.
pub(super) async fn connect(address: &str) -> Result<Channel, Reason> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"));
    let endpoint = endpoint.map_err(|error| Reason::System(error.to_string()))?;
    let endpoint = endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
    endpoint.connect().await.map_err(|error| root_cause(&error))
}

/// True if the request definitely was not sent: no connection could be made for it.
pub(super) fn never_left(status: &Status) -> bool {
    let mut source = status.source();
    while let Some(error) = source {
        if error.is::<ConnectError>() {
            return true;
        }
        source = error.source();
    }
    false
}

/// True if the node refused the call before it began, because it has too much in progress. The same code from a broken
/// connection has that as its source.
pub(super) fn is_overload(status: &Status) -> bool {
    status.code() == Code::ResourceExhausted && status.source().is_none()
}

/// The refusal of an overloaded node.
pub(super) fn overload(address: &str, status: &Status) -> Refusal {
    let words = || Refusal::Overloaded { subject: address.to_owned(), reason: words(status) };
    refusal_of(status).unwrap_or_else(words)
}

/// The text of the innermost error: the outer ones only say that something failed.
pub(super) fn root_cause(error: &(dyn Error + 'static)) -> Reason {
    Reason::System(words(error))
}

fn words(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    match innermost.downcast_ref::<Status>() {
        Some(status) => status.message().to_owned(),
        None => innermost.to_string(),
    }
}
