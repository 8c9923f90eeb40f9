//! The others, as a node knows them at its start: from the member list of its log, or else from the command line.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::protocol::{Envelope, Listed, NodeId};
use crate::rpc::join::Join;
use crate::rpc::links::{Identity, Links};
use crate::rpc::roster::Roster;
use crate::runtime::error::NodeError;
use crate::runtime::members::{Addresses, not_a_member};
use crate::runtime::options::NodeOptions;
use crate::storage::Label;

pub(super) struct Company {
    pub(super) roster: Roster,
    pub(super) links: Arc<Links>,
    pub(super) messages: mpsc::Receiver<Envelope>,
    pub(super) addresses: Addresses,
    /// `None`: it is on its way already.
    pub(super) join: Option<Join>,
}

impl Company {
    pub(super) fn new(
        options: &NodeOptions,
        me: &Identity,
        list: Option<&Listed>,
        former: Option<&Label>,
    ) -> Result<Company, NodeError> {
        let named: Vec<NodeId> = options.voters(&me.address).into_iter().map(|(id, _)| id).collect();
        let roster = Roster::new(named, list.cloned());
        let (links, messages) = Links::new(me.clone(), &options.peers, roster.clone())?;
        let mut addresses = Addresses::new(&options.peers);
        if let Some(list) = list
            && let Err(bad) = links.set_members(&addresses.of(&list.membership))
        {
            tracing::warn!("the member list has a mistake: {bad}");
        }
        let join = Join {
            me: me.clone(),
            learner: options.learner,
            at: options.join.clone(),
            links: Arc::clone(&links),
            roster: roster.clone(),
            former: former.and_then(|former| former.cluster),
        };
        let asks_at_once = !options.join.is_empty() || list.is_some_and(|list| has_moved(options, me, list));
        let mut join = Some(join);
        if asks_at_once && let Some(join) = join.take() {
            tokio::spawn(join.run());
        }
        Ok(Company { roster, links, messages, addresses, join })
    }
}

/// What people should know of a node's membership at its start.
pub(super) fn notes(options: &NodeOptions, me: &Identity, list: Option<&Listed>) -> Vec<String> {
    let Some(list) = list else {
        if options.wait || !options.join.is_empty() {
            let how = if options.wait { "`epoca member add` names its address" } else { "a cluster adds it" };
            tracing::info!("{} belongs to no cluster yet: it waits at {} until {how}", me.id, me.address);
        }
        return Vec::new();
    };
    let stranger = not_a_member(&list.membership, (me.id, me.incarnation));
    options.other_members(&list.membership).into_iter().chain(stranger).collect()
}

/// Whether the member list has this node elsewhere, and nobody has told the others where it is now: then it tells them
/// itself, by asking to be added once more.
fn has_moved(options: &NodeOptions, me: &Identity, list: &Listed) -> bool {
    let listed = list.membership.found_by(me.id, me.incarnation);
    options.peers.is_empty() && listed.is_some_and(|listed| listed.address != me.address)
}
