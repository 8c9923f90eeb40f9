//! One simulated node: a core, its clock, its disk, its final database, and what waits for either.

use std::collections::{BTreeMap, VecDeque};

use crate::protocol::apply::{HistoryLimits, SessionLimits};
use crate::protocol::trace::NodeState;
use crate::protocol::{
    Apply, Base, Config, Core, Entry, Envelope, Epoch, Incarnation, LogPoint, NodeId, Operation, Position, Proposal,
    ReadLog, ReadSnapshot, SnapshotId, Time, WriteSnapshot,
};
use crate::verify::dice::mix;
use crate::verify::simulator::database::Database;
use crate::verify::simulator::disk::{Disk, Image, SnapshotFile};
use crate::verify::simulator::queue::Due;

pub(super) struct Host {
    pub(super) config: Config,
    /// `None` while the node is down.
    pub(super) core: Option<Core>,
    pub(super) disk: Disk,
    pub(super) database: Database,
    sessions: SessionLimits,
    kept: HistoryLimits,
    /// What the entries came to that were applied just now, and the position of the first.
    pub(super) clock: Clock,
    /// Counts the starts; what was due for an earlier run is not due any more.
    pub(super) run: u64,
    /// How many pauses are in force. What is due meanwhile waits in the backlog.
    pub(super) paused: u64,
    pub(super) backlog: VecDeque<Due>,
    /// What was durable on disks that were emptied: whoever has an ack of one was not lied to.
    pub(super) destroyed: Vec<(Incarnation, Image)>,
    /// What is stored may have changed which member list counts.
    pub(super) list_touched: bool,
    /// Messages that may leave once an operation is durable.
    pub(super) waiting: VecDeque<(Operation, Envelope)>,
    pub(super) applies: VecDeque<Apply>,
    pub(super) applying: bool,
    pub(super) reads: VecDeque<ReadLog>,
    /// A snapshot is to be taken once the database has applied up to there.
    pub(super) snapshot_due: Option<Base>,
    /// One is being written.
    pub(super) taking: Option<SnapshotFile>,
    pub(super) snapshot_reads: VecDeque<ReadSnapshot>,
    pub(super) snapshot_writes: VecDeque<WriteSnapshot>,
    /// What was received of snapshots; a restart goes on with it.
    pub(super) incoming: Vec<(SnapshotId, Vec<u8>)>,
    /// To be installed once all that was handed to the database is applied.
    pub(super) install_due: Option<SnapshotId>,
    pub(super) checks: usize,
    /// Writes that came in and go into the core together.
    pub(super) proposals: Vec<Proposal>,
    /// When the earliest tick is due that is in the queue.
    pub(super) tick_at: Option<u64>,
    /// Counts the trace events of this run.
    pub(super) events: u64,
    /// From which run of each node its last message came.
    pub(super) heard: BTreeMap<NodeId, u64>,
    /// The commit point after the last step.
    pub(super) committed: Option<LogPoint>,
    /// What local reads have seen since the last power cut.
    pub(super) shown: Option<LogPoint>,
    pub(super) fails_next_flush: bool,
    /// A flush, or an apply, takes as long as this at least.
    pub(super) flush_micros: u64,
    pub(super) apply_micros: u64,
    /// How many faults hold its commit orders back.
    pub(super) orders_held: u64,
    pub(super) held: Vec<Envelope>,
}

/// A node's own time: it starts anywhere, jumps, and runs at its own rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    from: u64,
    shows: u64,
    /// Millionths of the true rate.
    rate: u64,
}

impl Clock {
    pub(super) fn new(shows: u64) -> Clock {
        Clock { from: 0, shows, rate: 1_000_000 }
    }

    pub(super) fn shows(&self, now: u64) -> Time {
        Time(self.shows + (now - self.from) * self.rate / 1_000_000)
    }

    /// When it will show this, if that is not past.
    pub(super) fn when(&self, shows: Time, now: u64) -> u64 {
        let ahead = shows.0.saturating_sub(self.shows(now).0);
        now + (ahead * 1_000_000).div_ceil(self.rate)
    }

    pub(super) fn set(&mut self, now: u64, step: i64, rate_ppm: i64) {
        self.shows = self.shows(now).0.saturating_add_signed(step);
        self.from = now;
        self.rate = 1_000_000_u64.saturating_add_signed(rate_ppm);
    }

    pub(super) fn advance_to(&mut self, now: u64, shows: Time) {
        let behind = shows.0.saturating_sub(self.shows(now).0);
        self.set(now, behind as i64, 0);
    }
}

impl Host {
    pub(super) fn new(config: Config, sessions: SessionLimits, kept: HistoryLimits) -> Host {
        let clock = Clock::new(1_000_000 + mix(config.seed) % 1_000_000_000);
        Host {
            config,
            core: None,
            disk: Disk::default(),
            database: Database::new(sessions, kept),
            sessions,
            kept,
            clock,
            run: 0,
            paused: 0,
            backlog: VecDeque::new(),
            destroyed: Vec::new(),
            list_touched: false,
            waiting: VecDeque::new(),
            applies: VecDeque::new(),
            applying: false,
            reads: VecDeque::new(),
            snapshot_due: None,
            taking: None,
            snapshot_reads: VecDeque::new(),
            snapshot_writes: VecDeque::new(),
            incoming: Vec::new(),
            install_due: None,
            checks: 0,
            proposals: Vec::new(),
            tick_at: None,
            events: 0,
            heard: BTreeMap::new(),
            committed: None,
            shown: None,
            fails_next_flush: false,
            flush_micros: 0,
            apply_micros: 0,
            orders_held: 0,
            held: Vec::new(),
        }
    }

    pub(super) fn id(&self) -> NodeId {
        self.config.id
    }

    pub(super) fn is_up(&self) -> bool {
        self.core.is_some()
    }

    /// Starts a core with what the disk remembers; the final database is what the recorded commit point says.
    ///
    /// Entries after the position `known` are given back instead: nobody has applied them yet, so what they come to is
    /// still to be looked at.
    pub(super) fn start(&mut self, now: u64, tail_more: u64, known: u64) -> (NodeState, Vec<Entry>) {
        self.run += 1;
        // Another one for each node and run: nodes that draw alike would stand at the same moments for ever.
        let seed = mix(self.config.seed ^ mix(self.run << 32));
        self.disk.end_install();
        let image = self.disk.written();
        let snapshot = self.disk.snapshot();
        self.database = snapshot
            .map(|snapshot| snapshot.database.clone())
            .unwrap_or_else(|| Database::new(self.sessions, self.kept));
        let applied = Position::after(self.database.applied());
        let committed = image.committed(snapshot).map_or(0, |point| point.position.0);
        let mut unseen = Vec::new();
        for entry in image.entries.iter().filter(|entry| (applied.0..=committed).contains(&entry.position.0)) {
            if entry.position.0 > known {
                unseen.push(entry.clone());
            } else {
                self.database.apply(entry).expect("a snapshot and the log after it have no gap");
            }
        }
        let config = Config { seed, ..self.config.clone() };
        let core = Core::new(config, image.restored(snapshot, tail_more), self.clock.shows(now));
        self.committed = core.committed();
        (self.events, self.tick_at, self.list_touched) = (0, None, true);
        self.heard.clear();
        // What lies before the core's window belongs to the log too.
        let mut snapshot = core.node_state(NodeState::TAIL_MAX);
        self.core = Some(core);
        (snapshot.tail, snapshot.process) = (self.previews(), self.run);
        (snapshot, unseen)
    }

    fn previews(&self) -> Vec<crate::protocol::trace::Preview> {
        use crate::protocol::trace::Preview;
        let image = self.disk.written();
        image.entries.iter().map(|entry| Preview::of(entry, image.is_forged(entry.position))).collect()
    }

    /// The process is gone, and with it all that was on its way inside it.
    pub(super) fn stop(&mut self) {
        self.core = None;
        self.waiting.clear();
        self.applies.clear();
        self.applying = false;
        self.reads.clear();
        self.snapshot_due = None;
        self.taking = None;
        self.snapshot_reads.clear();
        self.snapshot_writes.clear();
        self.install_due = None;
        self.checks = 0;
        self.proposals.clear();
        self.fails_next_flush = false;
    }

    /// Another data folder under the same node id.
    pub(super) fn wipe(&mut self) {
        self.destroyed.push((self.config.incarnation, self.disk.durable().clone()));
        self.disk = Disk::default();
        self.incoming.clear();
        self.database = Database::new(self.sessions, self.kept);
        self.shown = None;
        let Incarnation(mut bytes) = self.config.incarnation;
        bytes[15] += 1;
        self.config.incarnation = Incarnation(bytes);
    }

    /// Whether the disk of this incarnation has, or had until it was emptied, this entry durably and not as a forged
    /// one.
    pub(super) fn holds(&self, incarnation: Incarnation, point: LogPoint) -> bool {
        self.image(incarnation).is_some_and(|image| image.has(point))
    }

    /// The epoch that was promised with the disk of this incarnation.
    pub(super) fn promised(&self, incarnation: Incarnation) -> Option<Epoch> {
        self.image(incarnation)?.promise.map(|promise| promise.epoch)
    }

    fn image(&self, incarnation: Incarnation) -> Option<&Image> {
        let destroyed = || self.destroyed.iter().find(|(known, _)| *known == incarnation).map(|(_, image)| image);
        if incarnation == self.config.incarnation { Some(self.disk.durable()) } else { destroyed() }
    }
}
