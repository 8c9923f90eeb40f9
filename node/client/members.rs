//! The member list: reads and changes it.
//!
//! A change is sent to the leader until a node gives a definite answer or the deadline passes. Repeating it is
//! harmless: if the list already has the change, an earlier attempt whose answer was lost may have made it, and it
//! counts as done.

use std::time::Instant;

use tokio::time::timeout_at;
use tonic::transport::Channel;
use tonic::{Response, Status};

use crate::client::backoff::{Backoff, LAST_ATTEMPT, PAUSE};
use crate::client::error::{ClientError, malformed, refusal};
use crate::client::nodes::root_cause;
use crate::client::reason::Reason;
use crate::client::types::Written;
use crate::client::writes::doubt;
use crate::client::{Client, is_address};
use crate::protocol::{Listed, NodeId};
use crate::wire::proto;
use crate::wire::proto::control_client::ControlClient;
use crate::wire::refusal::Refusal;

/// The result of one attempt.
enum Attempt {
    /// `None`: the list has the change already.
    Done(Option<Written>),
    No(ClientError),
    /// Definitely not done, and another attempt makes sense.
    Again(ClientError),
    /// The change may or may not be made.
    Doubtful(Reason),
}

impl Client {
    /// The member list of the leader, or without a leader that of another node; and which node gave it.
    pub async fn members(&self) -> Result<(Listed, NodeId), ClientError> {
        let deadline = self.deadline();
        if let Some(leader) = self.leader_now(deadline).await
            && let Some(told) = self.members_by(&leader, deadline).await?
        {
            return Ok(told);
        }
        // A leader whose folder was emptied counts as the leader until another one is elected.
        let any = self.any_node(deadline).await?;
        let told = self.members_by(&any, deadline).await?;
        told.ok_or(Refusal::NotFounded {}.into())
    }

    /// `None`: the log of the node at this address has no list.
    async fn members_by(&self, address: &str, deadline: Instant) -> Result<Option<(Listed, NodeId)>, ClientError> {
        let answer = self.ask(address, deadline, |channel: Channel| async move {
            ControlClient::new(channel).members(proto::MembersRequest::default()).await
        });
        let proto::MembersResponse { members, node, .. } = answer.await?;
        let listed = members.map(Listed::try_from).transpose();
        let listed = listed.map_err(|error| malformed(address, &error))?;
        Ok(listed.map(|listed| (listed, NodeId(node))))
    }

    /// Adds the node that listens at `address` and belongs to no cluster yet; returns its id. A learner stays one until
    /// it is promoted; any other node becomes a voter once it has caught up.
    pub async fn add_member(&self, address: &str, learner: bool) -> Result<(NodeId, Option<Written>), ClientError> {
        if !is_address(address) {
            return Err(ClientError::BadAddress { address: address.to_owned() });
        }
        let status = self.ask(address, self.deadline(), |channel: Channel| async move {
            ControlClient::new(channel).status(proto::StatusRequest {}).await
        });
        let status = status.await?;
        let elsewhere = status.cluster.as_ref().is_some_and(|theirs| Some(theirs.to_vec()) != self.cluster());
        if elsewhere {
            return Err(Refusal::OtherClusterAt { subject: address.to_owned() }.into());
        }
        // The address that the node advertises: this client may use another one.
        let address = if is_address(&status.address) { status.address } else { address.to_owned() };
        let request = proto::JoinRequest {
            id: status.id,
            address,
            incarnation: status.incarnation,
            learner,
            cluster: status.cluster,
            level: status.level_max,
        };
        let written = self.change(|channel: Channel| {
            let request = request.clone();
            async move { ControlClient::new(channel).join(request).await }
        });
        Ok((NodeId(status.id), written.await?))
    }

    /// Removes a member. `None`: it was removed already, or the answer with its place in the log was lost.
    pub async fn remove_member(&self, node: NodeId) -> Result<Option<Written>, ClientError> {
        let request = proto::RemoveRequest { node: node.0 };
        self.change(|channel: Channel| async move { ControlClient::new(channel).remove(request).await }).await
    }

    /// Makes a learner a voter.
    pub async fn promote_member(&self, node: NodeId) -> Result<Option<Written>, ClientError> {
        let request = proto::PromoteRequest { node: node.0 };
        self.change(|channel: Channel| async move { ControlClient::new(channel).promote(request).await }).await
    }

    /// `None`: the list had the change already, or an attempt whose answer was lost made it.
    async fn change<A: Future<Output = Result<Response<proto::MemberChanged>, Status>>>(
        &self,
        ask: impl Fn(Channel) -> A,
    ) -> Result<Option<Written>, ClientError> {
        self.change_until_known(ask).await.map_err(|error| self.with_step_mode(error))
    }

    async fn change_until_known<A: Future<Output = Result<Response<proto::MemberChanged>, Status>>>(
        &self,
        ask: impl Fn(Channel) -> A,
    ) -> Result<Option<Written>, ClientError> {
        let deadline = self.deadline();
        let (mut last, mut doubt) = (None, None);
        loop {
            let address = match self.leader(deadline).await {
                Ok(address) => address,
                Err(error) => return Err(doubt.map(unknown).or(last).unwrap_or(error)),
            };
            match self.change_once(&address, deadline, &ask).await {
                Attempt::Done(written) => return Ok(written),
                // An attempt whose answer was lost has removed it.
                Attempt::No(ClientError::Refused(Refusal::NoMember {})) if doubt.is_some() => return Ok(None),
                Attempt::No(error) => return Err(doubt.map(unknown).unwrap_or(error)),
                Attempt::Again(error) => last = Some(error),
                Attempt::Doubtful(why) => doubt = Some(why),
            }
            self.shared.finder.lost(&address);
            // A last attempt that begins too late would replace a definite answer with an unknown one.
            let least = if last.is_some() && doubt.is_none() { LAST_ATTEMPT } else { PAUSE };
            if Instant::now() + least >= deadline {
                let late = || ClientError::TimedOut { timeout: self.timeout, why: Reason::NotTaken };
                return Err(doubt.map(unknown).or(last).unwrap_or_else(late));
            }
            Backoff::pause(deadline).await;
        }
    }

    async fn change_once<A: Future<Output = Result<Response<proto::MemberChanged>, Status>>>(
        &self,
        address: &str,
        deadline: Instant,
        ask: &impl Fn(Channel) -> A,
    ) -> Attempt {
        use proto::member_changed::Outcome;
        let channel = match self.shared.nodes.channel(address, deadline).await {
            Ok(channel) => channel,
            Err(why) => return Attempt::Again(self.no_leader(why.at(address))),
        };
        let answer = match timeout_at(deadline.into(), ask(channel)).await {
            Ok(Ok(answer)) => answer.into_inner(),
            Ok(Err(status)) => {
                self.shared.nodes.forget(address);
                return Attempt::Doubtful(Reason::may_have_taken(address, root_cause(&status)));
            }
            Err(_) => return Attempt::Doubtful(Reason::may_have_taken(address, Reason::NotAnswering)),
        };
        match answer.outcome {
            Some(Outcome::Written(point)) => match Written::try_from(point) {
                Ok(written) => Attempt::Done(Some(written)),
                Err(error) => Attempt::Doubtful(Reason::Unreadable(error.to_string())),
            },
            Some(Outcome::Unchanged(_)) => Attempt::Done(None),
            Some(Outcome::Refused(refused)) => match refusal(refused) {
                refusal if refusal.is_about_the_leader() => Attempt::Again(self.no_leader(refusal.into())),
                refusal if refusal.ends_by_itself() => Attempt::Again(refusal.into()),
                refusal => Attempt::No(refusal.into()),
            },
            Some(Outcome::Unknown(unknown)) => Attempt::Doubtful(doubt(unknown)),
            None => Attempt::Doubtful(Reason::Empty),
        }
    }
}

fn unknown(why: Reason) -> ClientError {
    ClientError::UnknownChange { why }
}
