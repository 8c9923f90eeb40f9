//! One link: what waits to be sent to a node, and the connections to the address where it listens.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tonic::transport::{Channel, Endpoint};

use crate::membership::foreign_clusters::ForeignClusters;
use crate::peers::election::Calls;
use crate::peers::queue::Queue;
use crate::protocol::{Envelope, Message, NodeId};
use crate::wire::address::OwnAddress;
use crate::wire::endpoint::BadAddress;

pub(super) struct Link {
    pub(super) id: NodeId,
    pub(super) address: String,
    pub(super) endpoint: Endpoint,
    /// What this node pushes, for the stream that it opens itself.
    pub(super) pushes: Arc<Queue>,
    /// The answers to what the peer pushes, for the stream that the peer has opened last.
    answers: Mutex<Option<Arc<Queue>>>,
    elections: Calls,
    /// For clients' calls that are passed on; made when it is used first.
    pub(super) calls: Channel,
    /// Whether the member list, or the command line while there is no list, names the node.
    listed: AtomicBool,
    /// Something went over the link since somebody looked last.
    used: AtomicBool,
    /// Messages that found no room, or nobody to take them.
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
            elections: Calls::new(id, &endpoint, own, foreign_clusters),
            calls: endpoint.connect_lazy(),
            endpoint,
            listed: AtomicBool::new(listed),
            used: AtomicBool::new(true),
            dropped: AtomicU64::new(0),
        })
    }

    /// False if the message was dropped.
    pub(super) fn send(&self, envelope: Envelope) -> bool {
        self.touch();
        let sent = self.hand_on(envelope);
        if !sent {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        sent
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn hand_on(&self, envelope: Envelope) -> bool {
        match &envelope.message {
            Message::Push(_) | Message::CommitOrder(_) => self.pushes.push(envelope),
            message if message.is_election() => self.elections.deliver(envelope),
            _ => match self.open_answers() {
                Some(answers) => answers.push(envelope),
                // A refusal can answer an election message, whose sender has no stream open.
                None => self.elections.deliver(envelope),
            },
        }
    }

    pub(super) fn is_listed(&self) -> bool {
        self.listed.load(Ordering::Relaxed)
    }

    pub(super) fn list(&self, listed: bool) {
        // Whoever has just left the list still gets what was meant for it.
        if self.listed.swap(listed, Ordering::Relaxed) != listed {
            self.touch();
        }
    }

    pub(super) fn touch(&self) {
        self.used.store(true, Ordering::Relaxed);
    }

    /// Whether something went over the link since the last call of this.
    pub(super) fn was_used(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }

    fn open_answers(&self) -> Option<Arc<Queue>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The peer has opened a stream; an earlier one of it ends.
    pub(super) fn open(&self, answers: Arc<Queue>) {
        let earlier = self.answers.lock().unwrap_or_else(PoisonError::into_inner).replace(answers);
        if let Some(earlier) = earlier {
            earlier.close();
        }
    }

    /// The stream with these answers has ended.
    pub(super) fn ended(&self, answers: &Arc<Queue>) {
        answers.close();
        let mut open = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if open.as_ref().is_some_and(|open| Arc::ptr_eq(open, answers)) {
            *open = None;
        }
    }

    /// Ends its streams once their queues are empty.
    pub(super) fn close(&self) {
        self.pushes.close();
        if let Some(answers) = self.open_answers() {
            answers.close();
        }
    }
}
