//! Passing clients' calls on to the leader: one hop, over connections that are kept.
//!
//! A call that never left is definitely not done. Once it may have left, a lost answer to a write is *unknown*.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tonic::transport::Channel;
use tonic::{Code, ConnectError, Response, Status};

use crate::protocol::NodeId;
use crate::rpc::links::Links;
use crate::rpc::wire::client_client::ClientClient;
use crate::rpc::{MESSAGE_BYTES_MAX, reason};

/// How long a node waits for the leader before it gives an answer up; clients mostly have a shorter deadline.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) struct Forwarder {
    pub(super) links: Arc<Links>,
    /// The nodes to which the lab has cut the link: nothing is passed on to them.
    pub(super) cuts: watch::Receiver<BTreeSet<NodeId>>,
}

/// Why there is no answer from the leader.
pub(super) enum Lost {
    /// The call never left.
    NotSent(String),
    /// It arrived, and the leader has not begun it: it has too much to do.
    Overloaded(String),
    /// It may have arrived.
    Unanswered(String),
}

impl Forwarder {
    /// A call of the Client service.
    pub(super) async fn call<T, F>(&self, to: NodeId, call: impl FnOnce(ClientClient<Channel>) -> F) -> Result<T, Lost>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let client = |channel| {
            ClientClient::new(channel)
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .max_encoding_message_size(MESSAGE_BYTES_MAX)
        };
        self.pass_on(to, |channel| call(client(channel))).await
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
