//! Listening to all nodes: their events in the order in which they came, each node's state as its events tell it, and
//! the invariants over all of it.
//!
//! A node that ends keeps its last known state. Events that a node has thrown away because this listener was too slow
//! are counted: then what was not seen is not known.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use epoca::client::Client;
use epoca::client::watch::{Observed, watch};
use epoca::protocol::NodeId;
use epoca::protocol::trace::{Event, Fact, Snapshot};
use epoca::verify::invariants::{Causal, Violation};
use tokio::task::{JoinHandle, JoinSet};

/// How many events are kept; the oldest go first.
const EVENTS_MAX: usize = 200_000;
/// Between two looks at the member list.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// A place in the stream of all events.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Mark(u64);

pub struct Ears {
    heard: Arc<Mutex<Heard>>,
    tasks: Vec<JoinHandle<()>>,
}

pub struct Heard {
    events: VecDeque<Event>,
    /// How many events came before the first that is kept.
    before: u64,
    nodes: BTreeMap<NodeId, Node>,
    causal: Causal,
    pub violations: Vec<Violation>,
    /// How often a node's state was read whole: at each connection, so also after each start of its process.
    reads: u64,
    /// Events that nodes have thrown away.
    pub lost: u64,
}

/// A node as its events tell it.
pub struct Node {
    pub state: Snapshot,
    /// Its events come; else it is as it was seen last.
    pub live: bool,
    pub pid: u32,
    /// Which reading of a whole state this one goes back to.
    read: u64,
    /// From where on it is heard: what it told before that, after its start, nobody heard.
    joined: Option<Mark>,
}

impl Node {
    /// Whether its state goes back to a time before so many readings: it may be that of a process which has ended
    /// since.
    pub fn is_older_than(&self, reads: u64) -> bool {
        self.read <= reads
    }

    /// Whether some of its events since the mark may have been missed.
    pub fn missed_since(&self, mark: Mark) -> bool {
        !self.live || self.joined.is_some_and(|joined| joined >= mark)
    }
}

impl Ears {
    /// Must be called inside a runtime; listens until it is dropped, also to nodes that become members later.
    pub fn open(client: &Client) -> Ears {
        let nodes = client.nodes();
        let heard = Arc::new(Mutex::new(Heard {
            events: VecDeque::new(),
            before: 0,
            nodes: BTreeMap::new(),
            causal: Causal::new(),
            violations: Vec::new(),
            reads: 0,
            lost: 0,
        }));
        let listen = |(id, address): &(NodeId, String)| tokio::spawn(listen(*id, address.clone(), heard.clone()));
        let mut tasks: Vec<_> = nodes.iter().map(listen).collect();
        let known = nodes.iter().map(|(id, _)| *id).collect();
        tasks.push(tokio::spawn(listen_to_newcomers(client.clone(), known, heard.clone())));
        Ears { heard, tasks }
    }

    pub fn heard(&self) -> MutexGuard<'_, Heard> {
        lock(&self.heard)
    }

    pub fn mark(&self) -> Mark {
        self.heard().end()
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    // What is done under the lock leaves each part whole.
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Asks for the member list again and again: who is new in it is listened to from then on.
async fn listen_to_newcomers(client: Client, mut known: BTreeSet<NodeId>, heard: Arc<Mutex<Heard>>) {
    let mut listeners = JoinSet::new();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        // Without an answer nobody has become a member as far as this listener knows.
        let Ok((listed, _)) = client.members().await else { continue };
        // Those that were known from the start are heard where they said; the list may have another address.
        for member in listed.membership.members.into_iter().filter(|member| known.insert(member.id)) {
            listeners.spawn(listen(member.id, member.address, heard.clone()));
        }
    }
}

async fn listen(node: NodeId, address: String, heard: Arc<Mutex<Heard>>) {
    let mut observed = watch(address, Snapshot::TAIL_MAX as u64);
    while let Some(observed) = observed.recv().await {
        lock(&heard).take(node, observed);
    }
}

impl Heard {
    pub fn end(&self) -> Mark {
        Mark(self.before + self.events.len() as u64)
    }

    /// All events that came from the mark on and are still kept.
    pub fn since(&self, mark: Mark) -> impl Iterator<Item = &Event> {
        let skipped = usize::try_from(mark.0.saturating_sub(self.before)).unwrap_or(usize::MAX);
        self.events.iter().skip(skipped)
    }

    pub fn reads(&self) -> u64 {
        self.reads
    }

    pub fn node(&self, node: NodeId) -> Option<&Node> {
        self.nodes.get(&node)
    }

    pub fn nodes(&self) -> &BTreeMap<NodeId, Node> {
        &self.nodes
    }

    /// The nodes whose events come now.
    pub fn live(&self) -> Vec<NodeId> {
        self.nodes.iter().filter(|(_, node)| node.live).map(|(id, _)| *id).collect()
    }

    /// The live node that leads the greatest epoch.
    pub fn leader(&self) -> Option<(NodeId, &Snapshot)> {
        use epoca::protocol::trace::RoleName;
        let leads = |node: &&Node| node.live && node.state.role == RoleName::Leader;
        let leading = self.nodes.values().filter(leads).max_by_key(|node| node.state.epoch);
        leading.map(|node| (node.state.node, &node.state))
    }

    fn take(&mut self, id: NodeId, observed: Observed) {
        match observed {
            Observed::Snapshot { snapshot, pid, .. } => {
                self.violations.extend(self.causal.joined(&snapshot));
                let joined = (snapshot.event > 0).then(|| self.end());
                self.reads += 1;
                self.nodes.insert(id, Node { state: snapshot, live: true, pid, read: self.reads, joined });
            }
            Observed::Events(events) => events.into_iter().for_each(|event| self.hear(id, event)),
            Observed::Lost(events) => {
                self.lost += events;
                self.violations.extend(self.causal.closed(id));
            }
            Observed::Disconnected(_) => {
                self.violations.extend(self.causal.closed(id));
                if let Some(node) = self.nodes.get_mut(&id) {
                    node.live = false;
                }
            }
        }
    }

    fn hear(&mut self, id: NodeId, event: Event) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        node.state.fold(&event.fact);
        node.state.event = event.number;
        self.violations.extend(self.causal.event(event.clone()));
        if matches!(event.fact, Fact::Sent { .. } | Fact::Received { .. }) {
            // The invariants have seen them; nothing else asks for each single message.
            return;
        }
        self.events.push_back(event);
        if self.events.len() > EVENTS_MAX {
            self.events.pop_front();
            self.before += 1;
        }
    }
}
