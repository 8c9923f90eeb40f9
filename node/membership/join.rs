//! Asks to be added to a cluster, again and again until it succeeds.
//!
//! A new node asks the addresses from its command line. A node whose folder was emptied asks the nodes that still push
//! to the old one. Each of them forwards the request to the leader. Being added twice changes nothing.
//!
//! A member whose address differs from the member list asks in the same way; the leader then changes only the address.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tonic::transport::Channel;

use crate::membership::Identity;
use crate::membership::view::MembershipView;
use crate::protocol::ClusterId;
use crate::wire::doubt::Doubt;
use crate::wire::proto;
use crate::wire::proto::control_client::ControlClient;
use crate::wire::proto::member_changed::Outcome;
use crate::wire::refusal::Refusal;

/// The first and the longest pause after all addresses have failed; it doubles in between.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// Longer than a change of the list takes without failures.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// How many different reasons are logged. A peer that sends ever new ones cannot fill the log.
const REASONS_MAX: usize = 64;

/// A node that wants to be a member, or to have its address changed.
pub(crate) struct Join {
    pub(crate) me: Identity,
    /// Remain a learner.
    pub(crate) learner: bool,
    /// Addresses to ask, besides those of `linked`.
    pub(crate) seeds: Vec<String>,
    /// The addresses of nodes that this one has a link to.
    pub(crate) linked: Arc<dyn Fn() -> Vec<String> + Send + Sync>,
    pub(crate) membership: MembershipView,
    /// The cluster of the quarantined folder. No other one may add the node.
    pub(crate) former_cluster: Option<ClusterId>,
    /// The outdated address in the member list, if the node is a member already.
    pub(crate) moved_from: Option<String>,
}

enum JoinAnswer {
    Added,
    /// Nothing had to change.
    AlreadyMember,
    /// Refused or unreachable: why.
    Refused(String),
}

impl Join {
    /// Runs until this node is a member.
    pub(crate) async fn run(self) {
        let me = self.me.id;
        let mut logged = BTreeSet::new();
        let mut backoff = BACKOFF_MIN;
        let moved = self.moved_from.as_ref().map(|from| format!("the member list has {me} at {from}"));
        if let Some(moved) = &moved {
            tracing::info!("{moved}, but it is at {} now: it asks the leader to change that", self.me.address);
        }
        loop {
            for address in self.addresses() {
                let why = match (self.ask(&address).await, &moved) {
                    (JoinAnswer::Added, None) => {
                        return tracing::info!("{me} was added to the cluster, asked at {address}");
                    }
                    (JoinAnswer::AlreadyMember, None) => {
                        return tracing::info!("{me} is a member already, says {address}");
                    }
                    (JoinAnswer::Added | JoinAnswer::AlreadyMember, Some(_)) => {
                        return tracing::info!("the member list has {me} at {} now", self.me.address);
                    }
                    (JoinAnswer::Refused(why), None) => format!("{me} asks {address} to be added: {why}"),
                    // Normal until there is a leader and it is reachable.
                    (JoinAnswer::Refused(why), Some(moved)) => {
                        tracing::debug!("{moved} still: {address} answered: {why}");
                        continue;
                    }
                };
                if logged.len() < REASONS_MAX && logged.insert(why.clone()) {
                    tracing::warn!("{why}");
                }
            }
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }

    fn addresses(&self) -> Vec<String> {
        let mut all = self.seeds.clone();
        for address in (self.linked)() {
            if !all.contains(&address) {
                all.push(address);
            }
        }
        // A moved member asks itself first: it knows the leader.
        all.retain(|address| *address != self.me.address);
        if self.membership.cluster().is_some() {
            all.insert(0, self.me.address.clone());
        }
        all
    }

    async fn ask(&self, address: &str) -> JoinAnswer {
        let Ok(endpoint) = crate::wire::endpoint::endpoint(self.me.id, address) else {
            return JoinAnswer::Refused("this is not a valid address".to_owned());
        };
        let call = async {
            let channel: Channel = endpoint.connect().await.map_err(|error| tonic::Status::from_error(error.into()))?;
            let request = proto::JoinRequest {
                id: self.me.id.0,
                address: self.me.address.clone(),
                incarnation: self.me.incarnation.0.to_vec().into(),
                learner: self.learner,
                level: self.me.level_max.0,
                cluster: self.membership.cluster().or(self.former_cluster).map(|cluster| cluster.0.to_vec().into()),
            };
            ControlClient::new(channel).join(request).await
        };
        let answer = match tokio::time::timeout(ANSWER_TIMEOUT, call).await {
            Ok(Ok(answer)) => answer.into_inner(),
            Ok(Err(status)) => return JoinAnswer::Refused(crate::wire::status::reason(&status)),
            Err(_) => return JoinAnswer::Refused("no answer".to_owned()),
        };
        match answer.outcome {
            Some(Outcome::Written(_)) => JoinAnswer::Added,
            Some(Outcome::Unchanged(_)) => JoinAnswer::AlreadyMember,
            Some(Outcome::Refused(refusal)) => JoinAnswer::Refused(
                Refusal::try_from(refusal).map_or_else(|error| error.to_string(), |refusal| refusal.to_string()),
            ),
            Some(Outcome::Unknown(unknown)) => JoinAnswer::Refused(
                Doubt::try_from(unknown).map_or_else(|error| error.to_string(), |doubt| doubt.to_string()),
            ),
            None => JoinAnswer::Refused("the answer is empty".to_owned()),
        }
    }
}
