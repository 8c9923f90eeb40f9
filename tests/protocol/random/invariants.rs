//! The invariants that hold after every step, checked from outside: on disks, databases, answers and snapshots.

use std::collections::{BTreeMap, BTreeSet};

use epoca::protocol::trace::{Fact, NodeState, RoleName};
use epoca::protocol::{Answer, Command, Digest, Entry, EntryId, Epoch, Kind, LogPoint, NodeId, Position, RequestId};
use epoca::verify::host::{Database, Host};

use crate::world::{Event, Node, What, World};

/// The observations so far, to compare later ones with.
#[derive(Default)]
pub struct Witness {
    leaders: BTreeMap<Epoch, NodeId>,
    /// Everything that any node ever had as committed, in order.
    committed: Vec<Entry>,
    /// The digest of each id: two genuine entries with one id are one entry.
    digests: BTreeMap<EntryId, Digest>,
    /// The database after each committed position, computed on demand.
    databases: Vec<Database>,
    writes: BTreeSet<RequestId>,
    reads: BTreeMap<RequestId, Position>,
    /// The node of each unanswered request.
    open: BTreeMap<RequestId, NodeId>,
    /// The greatest position that a client knows to be final, or 0. Later reads must cover it.
    confirmed: u64,
    refused: BTreeSet<RequestId>,
}

impl Witness {
    pub fn put(&mut self, world: &mut World, id: u64, write: &str) {
        let request = world.put(id, write);
        self.writes.insert(request);
        self.open.insert(request, NodeId(id));
    }

    pub fn read(&mut self, world: &mut World, id: u64) {
        // The answer may arrive within the call, so the floor is read before it.
        let floor = Position(self.confirmed);
        let request = world.read(id);
        self.reads.insert(request, floor);
        self.open.insert(request, NodeId(id));
    }

    /// After the faults end, every request has an answer unless its node was killed.
    pub fn check_answered(&self) {
        assert!(self.open.is_empty(), "these requests are never answered: {:?}", self.open);
    }

    /// The number of entries known to be final.
    pub fn confirmed(&self) -> u64 {
        self.confirmed
    }

    pub fn check(&mut self, world: &mut World) {
        let events = world.take_events();
        for id in world.take_touched() {
            let node = &world.nodes[&id];
            self.check_disk(&node.host);
            if node.host.is_up() {
                self.check_running(node);
            }
        }
        for event in &events {
            self.check_event(world, event);
        }
    }

    fn check_disk(&mut self, host: &Host) {
        let id = host.id();
        for image in [host.disk.durable(), host.disk.written()] {
            let promised = image.promise.map(|promise| promise.epoch);
            let last = image.last().map(|last| last.id.epoch);
            assert!(promised >= last, "{id} promised {promised:?} and holds an entry of {last:?}");
            for entry in image.genuine_entries() {
                let digest = *self.digests.entry(entry.id).or_insert(entry.digest);
                assert_eq!(digest, entry.digest, "{id} holds another {} than another node", entry.id);
            }
            for (entry, known) in image.entries.iter().zip(&self.committed) {
                let agrees = entry.digest == known.digest;
                let claimed = image.committed.is_some_and(|committed| committed.position >= entry.position);
                assert!(agrees || !claimed, "{id} recorded {} as committed, which {} is", entry.id, known.id);
            }
        }
        let known = host.database.applied().map_or(0, |applied| applied.position.0);
        assert!(
            known <= self.committed.len() as u64 || host.is_up(),
            "{id} applied entries that no node has committed"
        );
    }

    fn check_running(&mut self, node: &Node) {
        let host = &node.host;
        let id = host.id();
        let snapshot = host.core().node_state(NodeState::TAIL_MAX);
        check_view(id, &node.view, &snapshot);
        if snapshot.role == RoleName::Leader {
            let epoch = snapshot.epoch.expect("a leader has an epoch");
            let leader = *self.leaders.entry(epoch).or_insert(id);
            assert_eq!(leader, id, "two lead {epoch}");
        }
        self.learn_committed(host, snapshot.committed);
        if snapshot.role == RoleName::Leader {
            self.check_leader(host, &snapshot);
        }
        let (applied, committed) = (position(snapshot.applied), position(snapshot.committed));
        assert!(applied <= committed, "{id} has applied {applied} and committed {committed}");
        let readable = position(host.database.applied());
        assert!(readable <= committed, "{id} shows {readable} to readers and has committed {committed}");
        assert_eq!(host.database, *self.database(readable), "{id} has data that its log prefix does not produce");
    }

    /// A new leader has everything that was committed before its epoch.
    fn check_leader(&self, host: &Host, snapshot: &NodeState) {
        let written = host.disk.written();
        for known in self.committed.iter().filter(|entry| Some(entry.id.epoch) < snapshot.epoch) {
            assert!(written.has(known.point()), "{} leads {:?} without {}", host.id(), snapshot.epoch, known.id);
        }
    }

    fn learn_committed(&mut self, host: &Host, committed: Option<LogPoint>) {
        let Some(committed) = committed else { return };
        let written = host.disk.written();
        assert!(written.has(committed), "{} has committed {committed}, which it does not hold", host.id());
        let forged = written.is_forged(committed.position);
        assert!(!forged, "{} has committed the forged {committed}", host.id());
        for entry in &written.entries[..committed.position.0 as usize] {
            match self.committed.get(entry.position.0 as usize - 1) {
                Some(known) => assert_eq!(known, entry, "{} commits another entry than before", host.id()),
                None => self.commit(entry),
            }
        }
    }

    fn commit(&mut self, entry: &Entry) {
        if let Some(request) = request(entry) {
            assert!(!self.refused.contains(&request), "{request:?} was refused for good, and is committed now");
        }
        self.committed.push(entry.clone());
    }

    fn database(&mut self, position: u64) -> &Database {
        while self.databases.len() <= position as usize {
            let mut next = self.databases.last().cloned().unwrap_or_default();
            if let Some(index) = self.databases.len().checked_sub(1) {
                next.apply(&self.committed[index]).expect("committed entries have no gap");
            }
            self.databases.push(next);
        }
        &self.databases[position as usize]
    }

    fn check_event(&mut self, world: &World, event: &Event) {
        if let What::Answer(request, _) = &event.what {
            self.open.remove(request);
        }
        match &event.what {
            What::Fact(Fact::Killed { node }) => self.open.retain(|_, at| at != node),
            What::Fatal(text) => panic!("{} stops: {text}", event.node),
            What::Answer(request, answer) if self.writes.contains(request) => self.check_write(*request, answer),
            What::Answer(request, answer) if self.reads.contains_key(request) => {
                self.check_read(world, event.node, *request, answer);
            }
            _ => {}
        }
    }

    fn check_write(&mut self, request: RequestId, answer: &Answer) {
        match answer {
            Answer::Applied { entry: point, .. } => {
                let entry = self.committed.get(point.position.0 as usize - 1);
                let entry = entry.unwrap_or_else(|| panic!("{request:?} is confirmed, but {point} is not committed"));
                assert_eq!(entry.point(), *point, "{request:?} is confirmed with another entry");
                assert_eq!(self::request(entry), Some(request), "{point} is another client's");
                self.confirmed = self.confirmed.max(point.position.0);
            }
            Answer::Refused(_) | Answer::Forward(_) => {
                let committed = self.committed.iter().any(|entry| self::request(entry) == Some(request));
                assert!(!committed, "{request:?} is committed and was refused for good: {answer:?}");
                self.refused.insert(request);
            }
            Answer::Unknown => {}
            other => panic!("{request:?}, a write, is answered with {other:?}"),
        }
    }

    fn check_read(&mut self, world: &World, node: NodeId, request: RequestId, answer: &Answer) {
        if *answer == Answer::Readable {
            let floor = self.reads[&request];
            let seen = position(world.nodes[&node].host.database.applied());
            assert!(seen >= floor.0, "{request:?} at {node} sees {seen}, but {floor} was confirmed before it began");
            self.confirmed = self.confirmed.max(seen);
        }
    }
}

/// The fold over events gives the state of the core itself.
fn check_view(id: NodeId, view: &NodeState, snapshot: &NodeState) {
    assert_eq!(view.role, snapshot.role, "{id}: folded role");
    // The core forgets what is older than its window; the observer does not.
    let newest = &view.tail[view.tail.len().saturating_sub(snapshot.tail.len())..];
    let differs = newest.iter().zip(&snapshot.tail).find(|(folded, real)| folded != real);
    assert!(differs.is_none() && newest.len() == snapshot.tail.len(), "{id}: the folded log differs at {differs:?}");
    // A replica reports a commit order once the data is readable.
    let committed = position(view.committed);
    assert!(committed <= position(snapshot.committed), "{id}: folded commit point {committed}");
    assert!(committed >= position(view.applied), "{id}: folded commit point {committed}");
    assert_eq!(view.applied, snapshot.applied, "{id}: folded applied mark");
    assert_eq!(view.epoch, snapshot.epoch, "{id}: folded epoch");
    // The leader is reported once its first push was accepted.
    assert!(view.leader.is_none() || view.leader == snapshot.leader, "{id}: folded leader {:?}", view.leader);
}

fn position(point: Option<LogPoint>) -> u64 {
    point.map_or(0, |point| point.position.0)
}

/// The request of an entry: the world numbers its commands by their requests.
fn request(entry: &Entry) -> Option<RequestId> {
    let command = (entry.kind == Kind::Command).then(|| Command::decode(&entry.body)).flatten()?;
    Some(RequestId(command.sequence))
}
