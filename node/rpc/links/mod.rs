//! The links to the other nodes.
//!
//! ```text
//!   n1 leads                                        n2 replica
//!   pushes, commit orders   ──── Replicate ────▶    inbound stream of n1 ──▶ the loop
//!   the loop                ◀─── (same stream) ──   acks, log states
//!   votes                   ──── Deliver ──────▶    one call for each, the answer is a call the other way
//! ```
//!
//! Whoever has something to push opens the stream, and keeps it. The loop hands its messages over and never waits: each
//! stream has a bounded queue, and what finds no room is dropped. A broken stream is opened again with a bounded
//! backoff as soon as there is something to send.
//!
//! Absent on purpose: any knowledge of who leads, and any judgement of messages beyond who may speak.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tonic::transport::Endpoint;

use crate::protocol::{Envelope, Message, NodeId};
use crate::rpc::endpoint;

mod queue;

mod door;

mod strangers;

mod election;

mod outbound;

pub(super) mod inbound;

pub use door::KnownCluster;
pub use strangers::Strangers;

use door::Door;
use queue::Queue;

/// How many messages from other nodes may wait for the loop; beyond it their streams wait.
const INBOX_MESSAGES_MAX: usize = 1_024;

pub struct Links {
    peers: BTreeMap<NodeId, Peer>,
    door: Door,
    inbox: mpsc::Sender<Envelope>,
}

struct Peer {
    /// What this node pushes, for the stream that it opens itself.
    pushes: Arc<Queue>,
    /// The answers to what the peer pushes, for the stream that the peer has opened last.
    answers: Mutex<Option<Arc<Queue>>>,
    elections: election::Calls,
}

/// A peer's address does not make an address for gRPC.
#[derive(Debug, thiserror::Error)]
#[error("`{address}` is no address of {peer}: write HOST:PORT, as 127.0.0.1:7102")]
pub struct BadAddress {
    pub peer: NodeId,
    pub address: String,
}

impl Links {
    /// The links of a node, and the inbox into which everything goes that the other nodes say. Must be called inside
    /// the runtime: each link has a task.
    pub fn new(
        me: NodeId,
        peers: &[(NodeId, String)],
        cluster: KnownCluster,
    ) -> Result<(Arc<Links>, mpsc::Receiver<Envelope>), BadAddress> {
        let (inbox, messages) = mpsc::channel(INBOX_MESSAGES_MAX);
        let ids = peers.iter().map(|(id, _)| *id).collect();
        let endpoints: Vec<(NodeId, Endpoint)> =
            peers.iter().map(|(id, address)| Ok((*id, endpoint(*id, address)?))).collect::<Result<_, _>>()?;
        let door = Door::new(me, ids, cluster);
        let peer = |(id, endpoint): &(NodeId, Endpoint)| (*id, Peer::new(*id, endpoint, door.strangers().clone()));
        let table = endpoints.iter().map(peer).collect();
        let links = Arc::new(Links { peers: table, door, inbox });
        for (id, endpoint) in endpoints {
            tokio::spawn(outbound::run(Arc::clone(&links), id, endpoint));
        }
        Ok((links, messages))
    }

    /// Hands a message to its link. False if it was dropped: no room, no open stream, or no such node.
    pub fn send(&self, envelope: Envelope) -> bool {
        let Some(peer) = self.peers.get(&envelope.to) else { return false };
        match &envelope.message {
            Message::Push(_) | Message::CommitOrder(_) => peer.pushes.push(envelope),
            message if message.is_election() => peer.elections.deliver(envelope),
            _ => match peer.open_answers() {
                Some(answers) => answers.push(envelope),
                // A refusal can answer an election message, whose sender has no stream open.
                None => peer.elections.deliver(envelope),
            },
        }
    }

    /// The peers that belong to another cluster.
    pub fn strangers(&self) -> &Strangers {
        self.door.strangers()
    }

    /// Ends all streams once their queues are empty.
    pub fn close(&self) {
        for peer in self.peers.values() {
            peer.pushes.close();
            if let Some(answers) = peer.open_answers() {
                answers.close();
            }
        }
    }
}

impl Peer {
    fn new(id: NodeId, endpoint: &Endpoint, strangers: Strangers) -> Peer {
        let elections = election::Calls::new(id, endpoint, strangers);
        Peer { pushes: Arc::default(), answers: Mutex::default(), elections }
    }

    fn open_answers(&self) -> Option<Arc<Queue>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The peer has opened a stream; an earlier one of it ends.
    fn open(&self, answers: Arc<Queue>) {
        let earlier = self.answers.lock().unwrap_or_else(PoisonError::into_inner).replace(answers);
        if let Some(earlier) = earlier {
            earlier.close();
        }
    }

    /// The stream with these answers has ended.
    fn ended(&self, answers: &Arc<Queue>) {
        answers.close();
        let mut open = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if open.as_ref().is_some_and(|open| Arc::ptr_eq(open, answers)) {
            *open = None;
        }
    }
}
