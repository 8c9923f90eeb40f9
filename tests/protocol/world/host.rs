//! One node of the world: a core, its disk, its final database, and what waits for either.

use std::collections::VecDeque;

use epoca::protocol::trace::NodeState;
use epoca::protocol::{
    Apply, Config, Core, Envelope, Incarnation, NodeId, Operation, Output, ReadLog, Restored, SnapshotId, Time,
};

use crate::world::{Database, Disk, SnapshotFile};

pub struct Host {
    pub config: Config,
    /// `None` while the node is down.
    pub core: Option<Core>,
    pub disk: Disk,
    pub database: Database,
    /// Whether flushes, applies and reads of the log happen at once, or when the test says so.
    pub auto: Auto,
    /// How many entries before the uncommitted ones a restart hands to the core.
    pub tail_more: usize,
    /// Why the node stopped itself.
    pub fatal: Option<String>,
    /// The node as a watcher sees it: a snapshot, then the fold over its events.
    pub view: NodeState,
    pub(super) waiting: Vec<(Operation, Envelope)>,
    pub(super) applies: VecDeque<Apply>,
    pub(super) reads: VecDeque<ReadLog>,
    pub(super) checks: usize,
    /// What is to be done about snapshots, in order.
    pub(super) snapshots: VecDeque<Output>,
    /// A snapshot that is being written.
    pub(super) begun: Option<SnapshotFile>,
    /// What was received of snapshots; without a meaning after a restart.
    pub(super) incoming: Vec<(SnapshotId, Vec<u8>)>,
    pub(super) starts: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Auto {
    pub flush: bool,
    pub apply: bool,
    pub read: bool,
    /// What is asked of snapshots.
    pub snapshot: bool,
}

impl Auto {
    pub const ALL: Auto = Auto { flush: true, apply: true, read: true, snapshot: true };
    pub const NONE: Auto = Auto { flush: false, apply: false, read: false, snapshot: false };
}

impl Host {
    pub fn new(config: Config) -> Host {
        let view = NodeState::new(config.id);
        Host {
            config,
            core: None,
            disk: Disk::default(),
            database: Database::default(),
            auto: Auto::ALL,
            tail_more: 0,
            fatal: None,
            view,
            waiting: Vec::new(),
            applies: VecDeque::new(),
            reads: VecDeque::new(),
            checks: 0,
            snapshots: VecDeque::new(),
            begun: None,
            incoming: Vec::new(),
            starts: 0,
        }
    }

    /// How many entries were handed to the final database and are not applied.
    pub fn entries_to_apply(&self) -> usize {
        self.applies.iter().map(|apply| apply.entries.len()).sum()
    }

    pub fn id(&self) -> NodeId {
        self.config.id
    }

    pub fn is_up(&self) -> bool {
        self.core.is_some()
    }

    pub fn core(&self) -> &Core {
        self.core.as_ref().expect("the node is up")
    }

    pub fn snapshot(&self) -> NodeState {
        self.core().node_state(NodeState::TAIL_MAX)
    }

    pub fn deadline(&self) -> Option<Time> {
        self.core.as_ref().map(Core::deadline)
    }

    /// Starts the core with what the disk remembers; the final database is what the recorded commit point says.
    pub(super) fn start(&mut self, now: Time) {
        assert!(self.core.is_none(), "{} runs already", self.id());
        self.starts += 1;
        let seed = self.config.seed.wrapping_add(self.starts.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        self.disk.end_install();
        let newest = self.disk.snapshot();
        let mut image = self.disk.written().clone();
        let known = [image.committed, image.purged(), newest.map(|file| file.id.point)];
        image.committed = known.into_iter().flatten().max_by_key(|point| point.position);
        self.database = newest.map_or_else(Database::default, |file| file.database.clone());
        let applied = self.database.applied().map_or(0, |point| point.position.0);
        let committed = image.committed.map_or(0, |point| point.position.0);
        let after = image.entries.iter().filter(|entry| (applied + 1..=committed).contains(&entry.position.0));
        self.database.apply(&after.cloned().collect::<Vec<_>>());
        let restored = Restored { snapshot: newest.map(|file| file.id), ..image.restored(self.tail_more) };
        let config = Config { seed, ..self.config.clone() };
        let core = Core::new(config, restored, now);
        self.view = core.node_state(NodeState::TAIL_MAX);
        self.core = Some(core);
        self.fatal = None;
    }

    /// The process is gone; of the writes that no flush covered, the disk keeps the first `kept`.
    pub(super) fn stop(&mut self, kept: usize) {
        self.core = None;
        self.disk.cut_power(kept);
        self.waiting.clear();
        self.applies.clear();
        self.reads.clear();
        self.snapshots.clear();
        self.begun = None;
        self.checks = 0;
    }

    /// Another data folder under the same node id.
    pub(super) fn wipe(&mut self) {
        assert!(self.core.is_none(), "{} runs", self.id());
        self.disk = Disk::default();
        self.incoming.clear();
        self.database = Database::default();
        let Incarnation(mut bytes) = self.config.incarnation;
        bytes[15] += 1;
        self.config.incarnation = Incarnation(bytes);
    }

    /// Messages that waited for an operation which is durable now, in the order in which they were handed out.
    pub(super) fn released(&mut self) -> Vec<Envelope> {
        let disk = &self.disk;
        let (ready, waiting) = self.waiting.drain(..).partition::<Vec<_>, _>(|(operation, _)| disk.is_done(*operation));
        self.waiting = waiting;
        ready.into_iter().map(|(_, envelope)| envelope).collect()
    }
}
