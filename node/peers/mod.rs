//! Connections to the other nodes.
//!
//! ```text
//!   n1 leads                                        n2 replica
//!   pushes, commit orders   ──── Replicate ────▶    inbound stream of n1 ──▶ event loop
//!   event loop              ◀─── (same stream) ──   acks, log states
//!   votes                   ──── Deliver ──────▶    one call for each, the answer is a call the other way
//! ```
//!
//! The sender of a push opens the stream, and keeps it. The event loop hands messages over and never waits: each
//! stream has a bounded queue, and a message that does not fit is dropped, which the protocol repairs. A broken stream
//! is opened again, with a bounded backoff, when there is something to send.
//!
//! Links follow the member list. A node that has left the list keeps its link while there are messages on it. A node
//! that is not yet on the list, but sends for this node's own cluster, gets a link as a guest, to the address that it
//! sends along.
//!
//! Left out: who leads, and every check of messages except which nodes may send them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::mpsc;
use tonic::transport::Channel;

use crate::membership::Identity;
use crate::membership::foreign_clusters::ForeignClusters;
use crate::membership::view::MembershipView;
use crate::protocol::{Envelope, NodeId};
use crate::wire::address::OwnAddress;
use crate::wire::endpoint::BadAddress;

mod queue;

mod authorize;

mod election;

mod link;

mod outbound;

mod gone;

pub(super) mod inbound;

use authorize::{Authorized, Authorizer};
use link::Link;

/// The most messages of other nodes that wait for the event loop. Beyond it their streams wait, by flow control.
const INBOX_MESSAGES_MAX: usize = 1_024;
/// The most nodes outside the member list with a link. It bounds what unknown nodes can make this one open.
const GUESTS_MAX: usize = 16;

/// What the event loop hears from other nodes. One queue for both: the last messages of a process come before the
/// evidence that it has ended, and so do not refute it.
#[allow(clippy::large_enum_variant, reason = "nearly all are messages, and a box would cost each an allocation")]
pub(crate) enum PeerEvent {
    Message(Envelope),
    /// The process of this node has ended.
    Gone(NodeId),
}

pub(crate) struct Links {
    me: NodeId,
    /// The links by node. Bound: the members of the list, [`GUESTS_MAX`] guests, and removed members whose links are
    /// not idle yet. The lock is held for a lookup or a change only, never across an await or an I/O call.
    table: RwLock<BTreeMap<NodeId, Arc<Link>>>,
    own: OwnAddress,
    authorizer: Authorizer,
    inbox: mpsc::Sender<PeerEvent>,
}

impl Links {
    /// The links of a node, and the receiver of all that comes from other nodes. Must be called inside the async
    /// runtime: each link has a task.
    pub(crate) fn new(
        me: Identity,
        peers: &[(NodeId, String)],
        membership: MembershipView,
    ) -> Result<(Arc<Links>, mpsc::Receiver<PeerEvent>), BadAddress> {
        let (inbox, events) = mpsc::channel(INBOX_MESSAGES_MAX);
        let own = OwnAddress::new(&me.address);
        let (me, authorizer) = (me.id, Authorizer::new(&me, membership));
        let links = Arc::new(Links { me, table: RwLock::default(), own, authorizer, inbox });
        links.set_members(peers)?;
        Ok((links, events))
    }

    /// Sets the members. Links to other nodes stay while there are messages on them. All valid addresses take effect
    /// even if one is invalid.
    pub(crate) fn set_members(self: &Arc<Self>, members: &[(NodeId, String)]) -> Result<(), BadAddress> {
        let listed: BTreeSet<NodeId> = members.iter().map(|(id, _)| *id).collect();
        for link in self.all() {
            link.set_listed(listed.contains(&link.id));
        }
        self.authorizer.foreign_clusters().retain(&listed);
        let mut result = Ok(());
        for (id, address) in members.iter().filter(|(id, _)| *id != self.me) {
            let known = self.link(*id).is_some_and(|link| link.address == *address);
            if !known && let Err(bad) = self.connect(*id, address, true) {
                result = result.and(Err(bad));
            }
        }
        result
    }

    /// Queues a message on its link. False if it was dropped: a full queue, no open stream, or an unknown node.
    pub(crate) fn send(&self, envelope: Envelope) -> bool {
        self.link(envelope.to).is_some_and(|link| link.send(envelope))
    }

    /// The number of messages for a node that were dropped since this process started.
    pub(crate) fn dropped(&self, node: NodeId) -> u64 {
        self.link(node).map_or(0, |link| link.dropped())
    }

    /// The address of a node that has a link.
    pub(crate) fn address_of(&self, node: NodeId) -> Option<String> {
        self.link(node).map(|link| link.address.clone())
    }

    /// The other members and the addresses that this node uses for them.
    pub(crate) fn members(&self) -> Vec<(NodeId, String)> {
        let listed = self.all().into_iter().filter(|link| link.is_listed());
        listed.map(|link| (link.id, link.address.clone())).collect()
    }

    /// The addresses of all nodes with a link, guests included.
    pub(crate) fn all_addresses(&self) -> Vec<String> {
        self.all().into_iter().map(|link| link.address.clone()).collect()
    }

    /// The channel for calls that are forwarded to a node; it connects on first use.
    pub(super) fn channel(&self, node: NodeId) -> Option<Channel> {
        let link = self.link(node)?;
        link.touch();
        Some(link.channel.clone())
    }

    /// Peers that belong to another cluster.
    pub(crate) fn foreign_clusters(&self) -> &ForeignClusters {
        self.authorizer.foreign_clusters()
    }

    /// Closes all streams once their queues are empty.
    pub(crate) fn close(&self) {
        for link in self.all() {
            link.close();
        }
    }

    fn link(&self, node: NodeId) -> Option<Arc<Link>> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).get(&node).cloned()
    }

    fn all(&self) -> Vec<Arc<Link>> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Opens a link; it replaces the node's previous one.
    fn connect(self: &Arc<Self>, id: NodeId, address: &str, listed: bool) -> Result<Arc<Link>, BadAddress> {
        let link = Arc::new(Link::new(id, address, listed, self.own.clone(), self.foreign_clusters().clone())?);
        let previous = self.table.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&link));
        if let Some(previous) = previous {
            previous.close();
        }
        tokio::spawn(outbound::run(Arc::clone(self), Arc::clone(&link)));
        Ok(link)
    }

    /// The link of an authorized node. A guest without one gets it now, to the address that it sent; `None` if it sent
    /// none or there are too many guests.
    fn link_for(self: &Arc<Self>, authorized: &Authorized, address: Option<&str>) -> Option<Arc<Link>> {
        let (Authorized::Member(id) | Authorized::Guest(id)) = *authorized;
        let known = self.link(id);
        match (authorized, address) {
            (Authorized::Guest(_), Some(address)) if known.as_ref().is_none_or(|link| link.address != address) => {
                let guests = self.all().iter().filter(|link| !link.is_listed() && link.id != id).count();
                if guests < GUESTS_MAX { self.connect(id, address, false).ok() } else { None }
            }
            _ => known,
        }
    }

    /// Closes the link of a node that is not a member and is silent.
    fn remove(&self, link: &Arc<Link>) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        if table.get(&link.id).is_some_and(|known| Arc::ptr_eq(known, link)) {
            table.remove(&link.id);
        }
        drop(table);
        link.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Incarnation;

    fn links(peers: &[(u64, &str)]) -> Arc<Links> {
        let me = Identity {
            id: NodeId(1),
            incarnation: Incarnation([1; 16]),
            address: "127.0.0.1:7101".to_owned(),
            level_max: crate::protocol::FeatureLevel::NEWEST,
        };
        let (links, _) =
            Links::new(me, &owned(peers), MembershipView::new(Vec::new(), None)).expect("they are addresses");
        links
    }

    fn owned(peers: &[(u64, &str)]) -> Vec<(NodeId, String)> {
        peers.iter().map(|(id, address)| (NodeId(*id), (*address).to_owned())).collect()
    }

    fn guest(links: &Arc<Links>, id: u64, address: Option<&str>) -> Option<String> {
        links.link_for(&Authorized::Guest(NodeId(id)), address).map(|link| link.address.clone())
    }

    #[tokio::test]
    async fn links_follow_the_member_list() {
        let links = links(&[(1, "own:1"), (2, "b:1"), (3, "c:1")]);
        assert_eq!(links.members(), owned(&[(2, "b:1"), (3, "c:1")]));
        let (second, third) = (links.link(NodeId(2)), links.link(NodeId(3)));
        links.set_members(&owned(&[(2, "b:1"), (3, "c:2"), (4, "d:1")])).expect("they are addresses");
        assert_eq!(links.members(), owned(&[(2, "b:1"), (3, "c:2"), (4, "d:1")]));
        assert!(Arc::ptr_eq(&second.unwrap(), &links.link(NodeId(2)).unwrap()), "nothing has changed for n2");
        assert!(third.unwrap().pushes.is_closed(), "n3 is elsewhere now");
        assert!(links.set_members(&owned(&[(2, "no address"), (4, "d:1")])).is_err());
        assert_eq!(links.members(), owned(&[(2, "b:1"), (4, "d:1")]), "the rest counts");
    }

    #[tokio::test]
    async fn a_node_that_has_left_the_list_keeps_its_link_until_it_is_forgotten() {
        let links = links(&[(2, "b:1"), (3, "c:1")]);
        links.set_members(&owned(&[(3, "c:1")])).expect("they are addresses");
        let left = links.link(NodeId(2)).expect("it is still there");
        assert!(!left.is_listed() && !left.pushes.is_closed());
        links.remove(&left);
        assert!(left.pushes.is_closed() && links.address_of(NodeId(2)).is_none());
    }

    #[tokio::test]
    async fn guests_get_a_link_to_the_address_that_they_tell_and_are_few() {
        let links = links(&[(2, "b:1")]);
        assert_eq!(guest(&links, 9, None), None, "it has no address to answer to");
        for id in 100..100 + GUESTS_MAX as u64 {
            assert!(guest(&links, id, Some("g:1")).is_some());
        }
        assert_eq!(guest(&links, 9, Some("g:9")), None, "there are too many");
        assert_eq!(guest(&links, 100, Some("g:2")), Some("g:2".to_owned()), "it is elsewhere now");
        assert_eq!(links.members(), owned(&[(2, "b:1")]));
        // A member's address is the one in the list, whatever it sends.
        let member = links.link_for(&Authorized::Member(NodeId(2)), Some("x:1")).map(|link| link.address.clone());
        assert_eq!(member, Some("b:1".to_owned()));
    }
}
