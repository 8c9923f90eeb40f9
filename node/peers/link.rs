//! One link: the messages that wait to be sent to a node, and the connections to its address.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tonic::transport::{Channel, Endpoint};

use crate::membership::foreign_clusters::ForeignClusters;
use crate::peers::election::ElectionCalls;
use crate::peers::queue::Queue;
use crate::protocol::{Envelope, Message, NodeId};
use crate::wire::address::OwnAddress;
use crate::wire::endpoint::BadAddress;

pub(super) struct Link {
    pub(super) id: NodeId,
    pub(super) address: String,
    pub(super) endpoint: Endpoint,
    /// Messages for the stream that this node opens.
    pub(super) pushes: Arc<Queue>,
    /// Messages for the stream that the peer opened last. The lock is held only to read or replace this.
    answers: Mutex<Option<Arc<Queue>>>,
    elections: ElectionCalls,
    /// The channel for forwarded calls; it connects on first use.
    pub(super) channel: Channel,
    /// Whether the node is in the member list, or without a list on the command line.
    listed: AtomicBool,
    /// Set by each message on the link, cleared by each check for silence.
    used: AtomicBool,
    /// Dropped messages: the queue was full, or no stream was open.
    dropped: AtomicU64,
}

impl Link {
    pub(super) fn new(
        id: NodeId,
        address: &str,
        listed: bool,
        own: OwnAddress,
        foreign_clusters: ForeignClusters,
    ) -> Result<Link, BadAddress> {
        let endpoint = crate::wire::endpoint::endpoint(id, address)?;
        Ok(Link {
            id,
            address: address.to_owned(),
            pushes: Arc::default(),
            answers: Mutex::default(),
            elections: ElectionCalls::new(id, &endpoint, own, foreign_clusters),
            channel: endpoint.connect_lazy(),
            endpoint,
            listed: AtomicBool::new(listed),
            used: AtomicBool::new(true),
            dropped: AtomicU64::new(0),
        })
    }

    /// False if the message was dropped.
    pub(super) fn send(&self, envelope: Envelope) -> bool {
        self.touch();
        let sent = self.route(envelope);
        if !sent {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        sent
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn route(&self, envelope: Envelope) -> bool {
        match &envelope.message {
            Message::Push(_) | Message::CommitOrder(_) => self.pushes.push(envelope),
            message if message.is_election() => self.elections.send(envelope),
            _ => match self.open_answers() {
                Some(answers) => answers.push(envelope),
                // A refusal may answer an election message, whose sender has no stream open.
                None => self.elections.send(envelope),
            },
        }
    }

    pub(super) fn is_listed(&self) -> bool {
        self.listed.load(Ordering::Relaxed)
    }

    pub(super) fn set_listed(&self, listed: bool) {
        // A node that has just left the list still gets the messages for it.
        if self.listed.swap(listed, Ordering::Relaxed) != listed {
            self.touch();
        }
    }

    pub(super) fn touch(&self) {
        self.used.store(true, Ordering::Relaxed);
    }

    /// Whether there was a message on the link since the last call.
    pub(super) fn take_used(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }

    fn open_answers(&self) -> Option<Arc<Queue>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The peer has opened a stream; its previous one is closed.
    pub(super) fn stream_opened(&self, answers: Arc<Queue>) {
        let previous = self.answers.lock().unwrap_or_else(PoisonError::into_inner).replace(answers);
        if let Some(previous) = previous {
            previous.close();
        }
    }

    /// The stream of this queue has ended.
    pub(super) fn stream_ended(&self, answers: &Arc<Queue>) {
        answers.close();
        let mut open = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if open.as_ref().is_some_and(|open| Arc::ptr_eq(open, answers)) {
            *open = None;
        }
    }

    /// Whether the peer has a stream open to this node.
    pub(super) fn has_stream(&self) -> bool {
        self.open_answers().is_some()
    }

    /// Closes the streams once their queues are empty.
    pub(super) fn close(&self) {
        self.pushes.close();
        if let Some(answers) = self.open_answers() {
            answers.close();
        }
    }
}
