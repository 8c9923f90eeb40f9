//! Forwarding clients' calls to the leader: one hop, over connections that are kept.
//!
//! A call that was never sent is certainly not done. Once it may have been sent, a lost answer to a write is
//! *unknown*. A frozen leader closes no connection, so a call to it ends as soon as this node follows another leader.

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

/// How long a node waits for the leader's answer. Clients mostly have a shorter deadline.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) struct Forwarder {
    pub(super) links: Arc<Links>,
    /// The nodes to which the lab has cut the link.
    pub(super) cuts: watch::Receiver<BTreeSet<NodeId>>,
    /// The leader as this node knows it.
    pub(super) leader: watch::Receiver<Option<NodeId>>,
}

/// Why the leader gave no answer.
pub(super) enum Lost {
    /// The call was certainly not sent.
    NotSent(String),
    /// The leader has refused it as overloaded, before it began.
    Overloaded(String),
    /// It may have been executed.
    Unanswered(String),
    /// It may have been executed, and this other node leads now.
    Deposed(NodeId),
}

impl Forwarder {
    /// Calls the Client service of a node.
    pub(super) async fn call<T, F>(&self, to: NodeId, call: impl FnOnce(ClientClient<Channel>) -> F) -> Result<T, Lost>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        self.forward(to, |channel| call(client(channel))).await
    }

    /// Calls the Client service of the leader; ends when another node leads.
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

    /// Whether this node knows another leader.
    pub(super) fn is_deposed(&self, leader: NodeId) -> bool {
        self.leader.borrow().is_some_and(|known| known != leader)
    }

    /// Like [`Forwarder::forward`], but ends when this node knows another leader.
    pub(super) async fn ask_leader<T, F>(&self, leader: NodeId, call: impl FnOnce(Channel) -> F) -> Result<T, Lost>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        if self.is_deposed(leader) {
            return Err(Lost::NotSent("another node leads now".into()));
        }
        let mut known_leader = self.leader.clone();
        let another = |known: &Option<NodeId>| known.is_some_and(|known| known != leader);
        let deposed = async {
            match known_leader.wait_for(another).await.map(|known| *known) {
                Ok(Some(next)) => next,
                // The node is stopping: its shutdown ends the call.
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            answered = self.forward(leader, call) => answered,
            next = deposed => Err(Lost::Deposed(next)),
        }
    }

    /// The connection to a node for calls that are not clients' calls; `None` over a cut link.
    pub(super) fn channel(&self, to: NodeId) -> Option<Channel> {
        if self.cuts.borrow().contains(&to) { None } else { self.links.channel(to) }
    }

    pub(super) async fn forward<T, F>(&self, to: NodeId, call: impl FnOnce(Channel) -> F) -> Result<T, Lost>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let Some(channel) = self.links.channel(to) else {
            return Err(Lost::NotSent("this node does not know its address".into()));
        };
        let mut cuts = self.cuts.clone();
        if cuts.borrow_and_update().contains(&to) {
            return Err(Lost::NotSent("the lab has cut the link".into()));
        }
        tokio::select! {
            answered = tokio::time::timeout(FORWARD_TIMEOUT, call(channel)) => match answered {
                Ok(Ok(response)) => Ok(response.into_inner()),
                Ok(Err(status)) if was_never_sent(&status) => Err(Lost::NotSent(reason(&status))),
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

/// A node uses this code for calls that it has not begun. tonic uses it also for a broken connection, but then with a
/// source.
fn is_overload(status: &Status) -> bool {
    status.code() == Code::ResourceExhausted && status.source().is_none()
}

/// Only a failed connect proves that nothing was sent.
fn was_never_sent(status: &Status) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = status.source();
    while let Some(error) = cause {
        if error.is::<ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}
