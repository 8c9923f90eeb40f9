//! Asking to be added to a cluster, until somebody has done it.
//!
//! A new node asks the addresses that it was given. A node whose folder was emptied asks those that still push to the
//! old one. Whoever is asked passes it on to the leader; being added again changes nothing.
//!
//! A member that listens elsewhere than the member list says asks in the same way: the leader then changes the address
//! alone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tonic::transport::Channel;

use crate::membership::Identity;
use crate::membership::view::MembershipView;
use crate::protocol::ClusterId;
use crate::wire::proto;
use crate::wire::proto::control_client::ControlClient;
use crate::wire::proto::member_changed::Outcome;

/// The first wait after everybody was asked in vain, doubled up to the greatest.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// Longer than a change of the list takes when all goes well.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// So many different reasons are told; whoever gives more of them gives none.
const REASONS_MAX: usize = 64;

/// A node that wants to be a member.
pub struct Join {
    pub me: Identity,
    /// Stay a learner.
    pub learner: bool,
    /// The addresses to ask besides those in `linked`.
    pub at: Vec<String>,
    /// The nodes to which there are links.
    pub linked: Arc<dyn Fn() -> Vec<String> + Send + Sync>,
    pub membership: MembershipView,
    /// The cluster that it belonged to, with a folder that was damaged: no other one may take it up.
    pub former: Option<ClusterId>,
    /// It is a member already, and the list has it at this address, where it is no more.
    pub moved_from: Option<String>,
}

enum Asked {
    Added,
    /// It is so already.
    Member,
    Not(String),
}

impl Join {
    /// Ends once this node is a member.
    pub async fn run(self) {
        let me = self.me.id;
        let mut told = BTreeSet::new();
        let mut backoff = BACKOFF_MIN;
        let moved = self.moved_from.as_ref().map(|from| format!("the member list has {me} at {from}"));
        if let Some(moved) = &moved {
            tracing::info!("{moved}, and it is at {} now: it asks the leader to change that", self.me.address);
        }
        loop {
            for address in self.addresses() {
                let why = match (self.ask(&address).await, &moved) {
                    (Asked::Added, None) => {
                        return tracing::info!("{me} was added to the cluster, asked at {address}");
                    }
                    (Asked::Member, None) => return tracing::info!("{me} is a member already, says {address}"),
                    (Asked::Added | Asked::Member, Some(_)) => {
                        return tracing::info!("the member list has {me} at {} now", self.me.address);
                    }
                    (Asked::Not(why), None) => format!("{me} asks {address} to be added: {why}"),
                    // Until somebody leads, and the others are reached, every answer is like this.
                    (Asked::Not(why), Some(moved)) => {
                        tracing::debug!("{moved} still: {address} answers {why}");
                        continue;
                    }
                };
                if told.len() < REASONS_MAX && told.insert(why.clone()) {
                    tracing::warn!("{why}");
                }
            }
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }

    fn addresses(&self) -> Vec<String> {
        let mut all = self.at.clone();
        for address in (self.linked)() {
            if !all.contains(&address) {
                all.push(address);
            }
        }
        // A member that was moved can ask itself first: it knows who leads.
        all.retain(|address| *address != self.me.address);
        if self.membership.cluster().is_some() {
            all.insert(0, self.me.address.clone());
        }
        all
    }

    async fn ask(&self, address: &str) -> Asked {
        let Ok(endpoint) = crate::wire::endpoint::endpoint(self.me.id, address) else {
            return Asked::Not("that is no address".to_owned());
        };
        let call = async {
            let channel: Channel = endpoint.connect().await.map_err(|error| tonic::Status::from_error(error.into()))?;
            let request = proto::JoinRequest {
                id: self.me.id.0,
                address: self.me.address.clone(),
                incarnation: self.me.incarnation.0.to_vec().into(),
                learner: self.learner,
                cluster: self.membership.cluster().or(self.former).map(|cluster| cluster.0.to_vec().into()),
            };
            ControlClient::new(channel).join(request).await
        };
        let answer = match tokio::time::timeout(ANSWER_TIMEOUT, call).await {
            Ok(Ok(answer)) => answer.into_inner(),
            Ok(Err(status)) => return Asked::Not(crate::wire::status::reason(&status)),
            Err(_) => return Asked::Not("no answer".to_owned()),
        };
        match answer.outcome {
            Some(Outcome::Written(_)) => Asked::Added,
            Some(Outcome::Unchanged(_)) => Asked::Member,
            Some(Outcome::Refused(refusal)) => Asked::Not(refusal.message),
            Some(Outcome::Unknown(why)) => Asked::Not(why.message),
            None => Asked::Not("the answer says nothing".to_owned()),
        }
    }
}
