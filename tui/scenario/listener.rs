//! The listener of a scenario: the events of all nodes in the order of their arrival, each node's state as its events
//! describe it, and the invariants over all of it.
//!
//! A node that ends keeps its last known state. If a node discards events because this listener is too slow, the lost
//! events are counted, and the checks treat what they would have shown as unknown.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use epoca::client::Client;
use epoca::client::watch::{Expected, Observed, watch_expected};
use epoca::protocol::NodeId;
use epoca::protocol::trace::{Event, Fact, NodeState, RoleName};
use epoca::verify::invariants::{Causal, Violation};
use tokio::task::{JoinHandle, JoinSet};

/// How many events are kept. The oldest are dropped first.
const EVENTS_MAX: usize = 200_000;
/// The pause between two requests for the member list.
const MEMBERS_EVERY: Duration = Duration::from_millis(300);

/// A place in the stream of all events.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct EventMark(u64);

pub struct Listener {
    observed: Arc<Mutex<ObservedCluster>>,
    tasks: Vec<JoinHandle<()>>,
}

/// All that the listener has observed.
pub struct ObservedCluster {
    events: VecDeque<Event>,
    events_max: usize,
    /// How many events were dropped before the first one that is kept.
    dropped: u64,
    nodes: BTreeMap<NodeId, ObservedNode>,
    /// `None` where no invariants are needed. The lock is never shared; with it the value can be.
    causal: Option<Mutex<Causal>>,
    pub violations: Vec<Violation>,
    /// How many full states were read: one for each connection, so also one after each start of a process.
    states_read: u64,
    /// Events that nodes discarded.
    pub lost: u64,
}

/// A node as its events describe it.
pub struct ObservedNode {
    pub state: NodeState,
    /// Whether the node is connected. If not, the state is its last known one.
    pub live: bool,
    pub pid: u32,
    /// The value of `states_read` when the node's full state was last read.
    state_read: u64,
    /// The first event that was observed after the node started. Its events before that are unknown.
    joined: Option<EventMark>,
}

impl ObservedNode {
    /// Whether the node's full state is one of the first `states_read`. It may then be that of a process that has
    /// ended.
    pub fn is_older_than(&self, states_read: u64) -> bool {
        self.state_read <= states_read
    }

    /// Whether events since the mark may be missing.
    pub fn missed_since(&self, mark: EventMark) -> bool {
        !self.live || self.joined.is_some_and(|joined| joined >= mark)
    }
}

impl Listener {
    /// Starts listening to all nodes, including those that become members later. Ends when it is dropped. Must be
    /// called inside a runtime.
    pub fn start(client: &Client) -> Listener {
        let nodes = client.nodes();
        let causal = Some(Mutex::new(Causal::new()));
        let observed = ObservedCluster { causal, ..ObservedCluster::without_invariants(EVENTS_MAX) };
        let observed = Arc::new(Mutex::new(observed));
        let listen = |(id, address): &(NodeId, String)| {
            tokio::spawn(listen(*id, address.clone(), client.expected(*id), observed.clone()))
        };
        let mut tasks: Vec<_> = nodes.iter().map(listen).collect();
        let known = nodes.iter().map(|(id, _)| *id).collect();
        tasks.push(tokio::spawn(listen_to_new_members(client.clone(), known, observed.clone())));
        Listener { observed, tasks }
    }

    pub fn observed(&self) -> MutexGuard<'_, ObservedCluster> {
        lock(&self.observed)
    }

    pub fn mark(&self) -> EventMark {
        self.observed().end()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

fn lock(observed: &Mutex<ObservedCluster>) -> MutexGuard<'_, ObservedCluster> {
    // A panic under the lock leaves every field valid.
    observed.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Polls the member list and listens to every node that is new in it.
async fn listen_to_new_members(client: Client, mut known: BTreeSet<NodeId>, observed: Arc<Mutex<ObservedCluster>>) {
    let mut listeners = JoinSet::new();
    loop {
        tokio::time::sleep(MEMBERS_EVERY).await;
        // Without an answer there is no new member that this listener could know of.
        let Ok((listed, _)) = client.members().await else { continue };
        // A node that was known from the start keeps its first address, even if the list has another one.
        for member in listed.membership.members.into_iter().filter(|member| known.insert(member.id)) {
            listeners.spawn(listen(member.id, member.address, client.expected(member.id), observed.clone()));
        }
    }
}

async fn listen(node: NodeId, address: String, expected: Expected, observed: Arc<Mutex<ObservedCluster>>) {
    let mut messages = watch_expected(address, expected, NodeState::TAIL_MAX as u64);
    while let Some(message) = messages.recv().await {
        lock(&observed).on_observed(node, message);
    }
}

impl ObservedCluster {
    /// Nothing was observed yet. At most `events_max` events are kept.
    pub fn without_invariants(events_max: usize) -> ObservedCluster {
        ObservedCluster {
            events: VecDeque::new(),
            events_max,
            dropped: 0,
            nodes: BTreeMap::new(),
            causal: None,
            violations: Vec::new(),
            states_read: 0,
            lost: 0,
        }
    }

    pub fn end(&self) -> EventMark {
        EventMark(self.dropped + self.events.len() as u64)
    }

    /// Whether all events since the mark are still kept.
    pub fn keeps(&self, mark: EventMark) -> bool {
        mark.0 >= self.dropped
    }

    /// All events since the mark that are still kept.
    pub fn since(&self, mark: EventMark) -> impl Iterator<Item = &Event> {
        let skipped = usize::try_from(mark.0.saturating_sub(self.dropped)).unwrap_or(usize::MAX);
        self.events.iter().skip(skipped)
    }

    pub fn states_read(&self) -> u64 {
        self.states_read
    }

    pub fn node(&self, node: NodeId) -> Option<&ObservedNode> {
        self.nodes.get(&node)
    }

    pub fn nodes(&self) -> &BTreeMap<NodeId, ObservedNode> {
        &self.nodes
    }

    /// The nodes that are connected now.
    pub fn live(&self) -> Vec<NodeId> {
        self.nodes.iter().filter(|(_, node)| node.live).map(|(id, _)| *id).collect()
    }

    /// The live node that leads the greatest epoch.
    pub fn leader(&self) -> Option<(NodeId, &NodeState)> {
        let leads = |node: &&ObservedNode| node.live && node.state.role == RoleName::Leader;
        let leader = self.nodes.values().filter(leads).max_by_key(|node| node.state.epoch);
        leader.map(|node| (node.state.node, &node.state))
    }

    pub fn on_observed(&mut self, id: NodeId, observed: Observed) {
        match observed {
            Observed::Snapshot { snapshot, pid, .. } => {
                let found = self.causal().map(|causal| causal.joined(&snapshot));
                self.violations.extend(found.into_iter().flatten());
                let joined = (snapshot.event > 0).then(|| self.end());
                self.states_read += 1;
                let state_read = self.states_read;
                self.nodes.insert(id, ObservedNode { state: snapshot, live: true, pid, state_read, joined });
            }
            Observed::Events(events) => events.into_iter().for_each(|event| self.on_event(id, event)),
            Observed::Lost(events) => {
                self.lost += events;
                let found = self.causal().map(|causal| causal.closed(id));
                self.violations.extend(found.into_iter().flatten());
            }
            Observed::Disconnected(_) => {
                let found = self.causal().map(|causal| causal.closed(id));
                self.violations.extend(found.into_iter().flatten());
                if let Some(node) = self.nodes.get_mut(&id) {
                    node.live = false;
                }
            }
        }
    }

    fn causal(&mut self) -> Option<&mut Causal> {
        self.causal.as_mut().map(|causal| causal.get_mut().unwrap_or_else(PoisonError::into_inner))
    }

    fn on_event(&mut self, id: NodeId, event: Event) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        node.state.fold(&event.fact);
        node.state.event = event.number;
        let found = self.causal().map(|causal| causal.event(event.clone()));
        self.violations.extend(found.into_iter().flatten());
        if matches!(event.fact, Fact::Sent { .. } | Fact::Received { .. }) {
            // Only the invariants need single messages, and they have seen this one.
            return;
        }
        self.events.push_back(event);
        if self.events.len() > self.events_max {
            self.events.pop_front();
            self.dropped += 1;
        }
    }
}
