//! Passing clients' calls on to the leader: one hop, over connections that are kept.
//!
//! A call that never left is definitely not done. Once it may have left, a lost answer to a write is *unknown*. A
//! leader that is frozen closes no connection: a call to it ends as soon as this node follows another leader.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tonic::transport::Channel;
use tonic::{Code, ConnectError, Response, Status};

use crate::peers::Links;
use crate::protocol::NodeId;
use crate::wire::endpoint::MESSAGE_BYTES_MAX;
use crate::wire::proto::client_client::ClientClient;
use crate::wire::status::reason;

/// How long a node waits for the leader before it gives an answer up; clients mostly have a shorter deadline.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) struct Forwarder {
    pub(super) links: Arc<Links>,
    /// The nodes to which the lab has cut the link: nothing is passed on to them.
    pub(super) cuts: watch::Receiver<BTreeSet<NodeId>>,
    /// Who leads, as far as this node knows.
    pub(super) leaders: watch::Receiver<Option<NodeId>>,
}

/// Why there is no answer from the leader.
pub(super) enum Lost {
    /// The call never left.
    NotSent(String),
    /// It arrived, and the leader has not begun it: it has too much to do.
    Overloaded(String),
    /// It may have arrived.
    Unanswered(String),
    /// It may have arrived, and another node leads by now: this one.
    Deposed(NodeId),
}

impl Forwarder {
    /// A call of the Client service.
    pub(super) async fn call<T, F>(&self, to: NodeId, call: impl FnOnce(ClientClient<Channel>) -> F) -> Result<T, Lost>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        self.pass_on(to, |channel| call(client(channel))).await
    }

    /// A call of the Client service that only the leader can answer.
    pub(super) async fn call_leader<T, F>(
        &self,
        leader: NodeId,
        call: impl FnOnce(ClientClient<Channel>) -> F,
    ) -> Result<T, Lost>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        self.ask_leader(leader, |channel| call(client(channel))).await
    }

    /// Whether this node knows of another leader.
    pub(super) fn is_deposed(&self, leader: NodeId) -> bool {
        self.leaders.borrow().is_some_and(|known| known != leader)
    }

    /// As [`Forwarder::pass_on`], until this node knows of another leader.
    pub(super) async fn ask_leader<T, F>(&self, leader: NodeId, call: impl FnOnce(Channel) -> F) -> Result<T, Lost>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        if self.is_deposed(leader) {
            return Err(Lost::NotSent("another node leads by now".into()));
        }
        let mut leaders = self.leaders.clone();
        let another = |known: &Option<NodeId>| known.is_some_and(|known| known != leader);
        let deposed = async {
            match leaders.wait_for(another).await.map(|known| *known) {
                Ok(Some(next)) => next,
                // The node ends: whoever waits for the answer is told otherwise.
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            answered = self.pass_on(leader, call) => answered,
            next = deposed => Err(Lost::Deposed(next)),
        }
    }

    /// A connection to a node, for calls that are not clients' calls; none over a link that the lab has cut.
    pub(super) fn channel(&self, to: NodeId) -> Option<Channel> {
        if self.cuts.borrow().contains(&to) { None } else { self.links.calls(to) }
    }

    pub(super) async fn pass_on<T, F>(&self, to: NodeId, call: impl FnOnce(Channel) -> F) -> Result<T, Lost>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let Some(channel) = self.links.calls(to) else {
            return Err(Lost::NotSent("this node does not know where it is".into()));
        };
        let mut cuts = self.cuts.clone();
        if cuts.borrow_and_update().contains(&to) {
            return Err(Lost::NotSent("the lab has cut the link".into()));
        }
        tokio::select! {
            answered = tokio::time::timeout(FORWARD_TIMEOUT, call(channel)) => match answered {
                Ok(Ok(response)) => Ok(response.into_inner()),
                Ok(Err(status)) if never_left(&status) => Err(Lost::NotSent(reason(&status))),
                Ok(Err(status)) if is_overload(&status) => Err(Lost::Overloaded(reason(&status))),
                Ok(Err(status)) => Err(Lost::Unanswered(reason(&status))),
                Err(_) => Err(Lost::Unanswered("no answer in time".into())),
            },
            Ok(_) = cuts.wait_for(|cuts| cuts.contains(&to)) => {
                Err(Lost::Unanswered("the lab has cut the link".into()))
            }
        }
    }
}

fn client(channel: Channel) -> ClientClient<Channel> {
    ClientClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX).max_encoding_message_size(MESSAGE_BYTES_MAX)
}

/// A node refuses with this code what it has not begun. Made from a connection's end it has that as its source.
fn is_overload(status: &Status) -> bool {
    status.code() == Code::ResourceExhausted && status.source().is_none()
}

/// Only a failed connect is proof that nothing was sent.
fn never_left(status: &Status) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = status.source();
    while let Some(error) = cause {
        if error.is::<ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}
