//! The other nodes as a node knows them at its start: from the member list in its log, or else from the command line.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::membership::Identity;
use crate::membership::join::Join;
use crate::membership::view::MembershipView;
use crate::peers::{Links, PeerEvent};
use crate::protocol::{Listed, NodeId};
use crate::runtime::error::NodeError;
use crate::runtime::membership::{Addresses, not_a_member};
use crate::runtime::options::NodeOptions;
use crate::storage::Label;

pub(super) struct Bootstrap {
    pub(super) membership: MembershipView,
    pub(super) links: Arc<Links>,
    pub(super) peer_events: mpsc::Receiver<PeerEvent>,
    pub(super) addresses: Addresses,
    /// `None` if the request to join is already being sent.
    pub(super) join: Option<Join>,
}

impl Bootstrap {
    pub(super) fn new(
        options: &NodeOptions,
        me: &Identity,
        list: Option<&Listed>,
        former: Option<&Label>,
    ) -> Result<Bootstrap, NodeError> {
        let named: Vec<NodeId> = options.voters(&me.address).into_iter().map(|(id, _)| id).collect();
        let membership = MembershipView::new(named, list.cloned());
        let (links, peer_events) = Links::new(me.clone(), &options.peers, membership.clone())?;
        let mut addresses = Addresses::new(&options.peers);
        if let Some(list) = list
            && let Err(bad) = links.set_members(&addresses.resolve(&list.membership))
        {
            tracing::warn!("the member list has an invalid address: {bad}");
        }
        let join = Join {
            me: me.clone(),
            learner: options.learner,
            seeds: options.join.clone(),
            linked: {
                let links = Arc::clone(&links);
                Arc::new(move || links.all_addresses())
            },
            membership: membership.clone(),
            former_cluster: former.and_then(|former| former.cluster),
            moved_from: list.and_then(|list| moved_from(me, list)),
        };
        let asks_at_once = !options.join.is_empty() || join.moved_from.is_some();
        let mut join = Some(join);
        if asks_at_once && let Some(join) = join.take() {
            tokio::spawn(join.run());
        }
        Ok(Bootstrap { membership, links, peer_events, addresses, join })
    }
}

/// Notes about the node's membership at its start, for its log and its status.
pub(super) fn startup_notes(options: &NodeOptions, me: &Identity, list: Option<&Listed>) -> Vec<String> {
    let Some(list) = list else {
        if options.wait || !options.join.is_empty() {
            let how = if options.wait { "`epoca member add` names its address" } else { "a cluster adds it" };
            tracing::info!("{} belongs to no cluster yet and waits at {} until {how}", me.id, me.address);
        }
        return Vec::new();
    };
    let not_a_member = not_a_member(&list.membership, (me.id, me.incarnation));
    options.other_members(&list.membership).into_iter().chain(not_a_member).collect()
}

/// The address of this node in the member list, if it is another one: then the node asks for the list to be changed.
/// The command lines of the other nodes are not enough, because a node that joins later knows only the list. A
/// prepared log has no addresses yet, which is not an error.
fn moved_from(me: &Identity, list: &Listed) -> Option<String> {
    let listed = &list.membership.member_with(me.id, me.incarnation)?.address;
    (!listed.is_empty() && *listed != me.address).then(|| listed.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{EntryId, FeatureLevel, Incarnation, Member, Membership, Position};

    fn at(address: &str) -> Identity {
        Identity {
            id: NodeId(1),
            incarnation: Incarnation([1; 16]),
            address: address.to_owned(),
            level_max: FeatureLevel::NEWEST,
        }
    }

    fn listed(address: &str, incarnation: u8) -> Listed {
        let member = Member::voter(NodeId(1), address.to_owned(), Incarnation([incarnation; 16]));
        Listed { id: EntryId::new(1, 0), position: Position(1), membership: Membership::founding(vec![member]) }
    }

    #[test]
    fn a_member_that_listens_elsewhere_than_it_is_listed_has_moved() {
        assert_eq!(moved_from(&at("new:1"), &listed("old:1", 1)), Some("old:1".to_owned()));
        assert_eq!(moved_from(&at("old:1"), &listed("old:1", 1)), None);
        assert_eq!(moved_from(&at("new:1"), &listed("", 1)), None, "a prepared log names no address");
        assert_eq!(moved_from(&at("new:1"), &listed("old:1", 2)), None, "another data folder is another member");
    }
}
