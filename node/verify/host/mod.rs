//! One node in memory: a core, a simulated disk and final database, and the work that waits for them.
//!
//! ```text
//!   driver ── step(input) ──► core ── outputs ──► Host::carry_out ──► Effect: for the driver (send, answer, trace, …)
//!     ▲                                               │
//!     └── Input ◄── flush, apply_next, read_log, … ◄──┘ work that waits until the driver says that it is done
//! ```
//!
//! Nothing happens by itself: the driver decides when a flush, an apply, a read or a part of a snapshot is done, and
//! gives the core the input that comes of it. Three drivers share this host: the simulator under virtual time, the
//! scenario texts (`tests/protocol`) step by step, and the model checker (`tests/model`) in every order.
//!
//! What the core asks for is checked against what a log store and a database accept. A request that breaks a rule is a
//! [`Violation`], whatever the test is about.
//!
//! Left out: time, the network, clients, and faults. They belong to the drivers.

mod claims;

mod database;

mod disk;

mod image;

mod snapshots;

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::protocol::apply::{Applied, HistoryLimits, SessionLimits};
use crate::protocol::trace::{Fact, NodeState, Preview};
use crate::protocol::{
    Answer, Apply, Config, Core, Entry, Envelope, Incarnation, Input, Listed, LogPoint, NodeId, Operation, Output,
    Position, ReadLog, Rejection, RequestId, Restored, Send, Time,
};
use crate::verify::invariants::Violation;

pub use database::Database;
pub use disk::{CommitRecords, Disk, SnapshotFile};
pub use image::Image;
pub use snapshots::{TakenSnapshots, snapshot_content};

/// `Err`: something is wrong, and the run ends.
pub type Checked<T = ()> = Result<T, Box<Violation>>;

/// What a host is made with besides the core's configuration.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostOptions {
    /// Bounds of the table of sessions.
    pub sessions: SessionLimits,
    /// Bounds of the history of changes.
    pub history: HistoryLimits,
    /// Where the disk records commit points.
    pub commit_records: CommitRecords,
}

/// A node in memory.
#[derive(Clone, Debug)]
pub struct Host {
    /// The configuration of the next start, but for the seed.
    pub config: Config,
    /// Its disk, which outlives the process.
    pub disk: Disk,
    /// Its final database.
    pub database: Database,
    options: HostOptions,
    /// `None` while the process is down.
    core: Option<Core>,
    /// Messages that leave once their operation is durable, in the order in which the core sent them.
    ///
    /// Invariant: the operations never decrease, because the core's barrier only moves forward.
    waiting: VecDeque<(Operation, Envelope)>,
    /// Batches that were handed to the database and are not applied.
    applies: VecDeque<Apply>,
    reads: VecDeque<ReadLog>,
    /// How many checks of the chain of digests were asked for.
    checks: usize,
    snapshots: snapshots::SnapshotWork,
}

/// What an output leaves for the driver.
#[derive(Debug)]
pub enum Effect {
    /// It is stored, or waits for a flush.
    Stored,
    /// The message may leave now. Messages that wait come from [`Host::take_released`].
    Send(Envelope),
    /// Work is queued; the driver calls the function that does it.
    Queued(Work),
    /// The answer to a request.
    Answer(RequestId, Answer),
    /// Another member list is in force.
    Members(Listed),
    /// A fact of the trace.
    Trace(Fact),
    /// A message was rejected.
    Rejected {
        /// Its sender.
        from: NodeId,
        /// Why.
        why: Rejection,
    },
    /// The core stops the node.
    Stopped(String),
}

/// Work that the core has asked for, by the function that does it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    /// [`Host::apply_next`]
    Apply,
    /// [`Host::read_log`]
    ReadLog,
    /// [`Host::read_log`], once no read waits
    CheckChain,
    /// [`Host::begin_snapshot`], then [`Host::end_snapshot`]
    TakeSnapshot,
    /// [`Host::read_snapshot`]
    ReadSnapshot,
    /// [`Host::write_snapshot`]
    WriteSnapshot,
    /// [`Host::install_snapshot`]
    InstallSnapshot,
}

impl Host {
    /// A node with an empty disk that is not started yet.
    pub fn new(config: Config, options: HostOptions) -> Host {
        Host {
            config,
            disk: Disk::new(options.commit_records),
            database: Database::new(options.sessions, options.history),
            options,
            core: None,
            waiting: VecDeque::new(),
            applies: VecDeque::new(),
            reads: VecDeque::new(),
            checks: 0,
            snapshots: snapshots::SnapshotWork::default(),
        }
    }

    /// The node's id.
    pub fn id(&self) -> NodeId {
        self.config.id
    }

    /// Whether the process runs.
    pub fn is_up(&self) -> bool {
        self.core.is_some()
    }

    /// The core of a node that is up.
    pub fn core(&self) -> &Core {
        self.core.as_ref().unwrap_or_else(|| panic!("{} is down", self.id()))
    }

    /// The core, if the node is up.
    pub fn running(&self) -> Option<&Core> {
        self.core.as_ref()
    }

    /// Starts the process on what its disk holds: the newest snapshot, then the log up to the recorded commit point.
    /// The core gets up to `tail_more` entries besides those that are not committed.
    pub fn start(&mut self, seed: u64, now: Time, tail_more: u64) -> Checked {
        for entry in self.load_database() {
            self.apply_entry(&entry)?;
        }
        let restored = self.restored(tail_more);
        self.start_core(restored, seed, now);
        Ok(())
    }

    /// Loads the database from the newest snapshot. Returns the entries that are still to be applied to it.
    pub fn load_database(&mut self) -> Vec<Entry> {
        assert!(self.core.is_none(), "{} is up", self.id());
        self.disk.complete_install();
        let empty = || Database::new(self.options.sessions, self.options.history);
        self.database = self.disk.snapshot().map_or_else(empty, |file| file.database.clone());
        let next = Position::after(self.database.applied());
        let image = self.disk.written();
        let committed = image.committed_with(self.disk.snapshot().map(|file| file.id));
        let lacks = |entry: &&Entry| entry.position >= next && Some(entry.position) <= committed.map(|it| it.position);
        image.entries.iter().filter(lacks).cloned().collect()
    }

    /// What the storage hands to the core at a start.
    pub fn restored(&self, tail_more: u64) -> Restored {
        self.disk.written().restored(self.disk.snapshot().map(|file| file.id), tail_more)
    }

    /// Starts the process with what the storage restored, and a seed for its timeouts. The database is not touched.
    pub fn start_core(&mut self, restored: Restored, seed: u64, now: Time) {
        let config = Config { seed, ..self.config.clone() };
        self.core = Some(Core::new(config, restored, now));
    }

    /// The running node as an observer sees it, with the whole log that is on its disk.
    pub fn view(&self) -> NodeState {
        let image = self.disk.written();
        let preview = |entry: &Entry| Preview::of(entry, image.is_forged(entry.position));
        // The core has only its window. What lies before belongs to the log, too.
        NodeState { tail: image.entries.iter().map(preview).collect(), ..self.core().node_state(0) }
    }

    /// The process ends, and with it all work that waits. What becomes of the disk is for the driver to say.
    pub fn stop(&mut self) {
        self.core = None;
        self.waiting.clear();
        self.applies.clear();
        self.reads.clear();
        self.checks = 0;
        self.snapshots.stop();
    }

    /// Gives a stopped node an empty data folder, with another incarnation.
    pub fn wipe(&mut self) {
        assert!(self.core.is_none(), "{} is up", self.id());
        self.disk = Disk::new(self.options.commit_records);
        self.database = Database::new(self.options.sessions, self.options.history);
        self.snapshots.forget_received();
        let Incarnation(bytes) = &mut self.config.incarnation;
        bytes[15] += 1;
    }

    /// Gives the core one input. Nothing comes of it while the node is down.
    pub fn step(&mut self, now: Time, input: Input) -> Vec<Output> {
        self.core.as_mut().map_or(Vec::new(), |core| core.step(now, input))
    }

    /// Carries out one output of the core.
    pub fn carry_out(&mut self, output: Output) -> Checked<Effect> {
        let refused =
            |text: String, id: NodeId| Violation::of("log store operations are valid", format!("at {id} {text}"));
        let id = self.id();
        Ok(match output {
            Output::Store(operation, store) => {
                self.disk.store(operation, store).map_err(|text| refused(text, id))?;
                Effect::Stored
            }
            Output::Send(Send { after, envelope }) => match after.filter(|after| !self.disk.is_done(*after)) {
                Some(operation) => {
                    self.waiting.push_back((operation, envelope));
                    Effect::Stored
                }
                None => Effect::Send(envelope),
            },
            Output::Apply(apply) => {
                self.disk.record_commit(apply.up_to).map_err(|text| refused(text, id))?;
                self.applies.push_back(apply);
                Effect::Queued(Work::Apply)
            }
            Output::ReadLog(read) => {
                self.reads.push_back(read);
                Effect::Queued(Work::ReadLog)
            }
            Output::CheckChain => {
                self.checks += 1;
                Effect::Queued(Work::CheckChain)
            }
            Output::TakeSnapshot(_)
            | Output::ReadSnapshot(_)
            | Output::WriteSnapshot(_)
            | Output::InstallSnapshot(_) => self.snapshots.queue(output),
            Output::Answer(request, answer) => Effect::Answer(request, answer),
            Output::Members(listed) => Effect::Members(listed),
            Output::Trace(fact) => Effect::Trace(fact),
            Output::Rejected { from, why } => Effect::Rejected { from, why },
            Output::Fatal(text) | Output::Damaged(text) => Effect::Stopped(text),
        })
    }

    /// The messages whose operation has become durable, in their order.
    pub fn take_released(&mut self) -> Vec<Envelope> {
        let count = self.waiting.iter().take_while(|(operation, _)| self.disk.is_done(*operation)).count();
        self.waiting.drain(..count).map(|(_, envelope)| envelope).collect()
    }

    /// Takes the oldest batch that waits for the database. For drivers that apply entry by entry; the core then gets
    /// [`Input::Applied`] with all outcomes.
    pub fn take_apply(&mut self) -> Option<Apply> {
        self.applies.pop_front()
    }

    /// Applies the oldest batch that waits for the database.
    pub fn apply_next(&mut self) -> Checked<Option<Input>> {
        let Some(Apply { entries, up_to }) = self.take_apply() else { return Ok(None) };
        let mut outcomes = Vec::new();
        for entry in &entries {
            outcomes.push(self.apply_entry(entry)?);
        }
        if self.database.applied() != Some(up_to) {
            let text = format!("{} applies up to {:?}, and {up_to} was asked for", self.id(), self.database.applied());
            return Err(Violation::of("applied once, in order", text));
        }
        Ok(Some(Input::Applied { up_to, outcomes }))
    }

    /// Applies one entry to the database. `Err`: it is not the next one, or its body is no command.
    pub fn apply_entry(&mut self, entry: &Entry) -> Checked<Applied> {
        let applied = self.database.apply(entry);
        applied.map_err(|text| Violation::of("applied once, in order", format!("at {} {text}", self.id())))
    }

    /// Whether entries wait for the database.
    pub fn has_applies(&self) -> bool {
        !self.applies.is_empty()
    }

    /// How many entries wait for the database.
    pub fn entries_to_apply(&self) -> usize {
        self.applies.iter().map(|apply| apply.entries.len()).sum()
    }

    /// Answers the oldest read of the log, or else a check of its chain. `Err`: the entry whose record is damaged.
    pub fn read_log(&mut self) -> Result<Option<Input>, LogPoint> {
        if let Some(read) = self.reads.pop_front() {
            let entries = self.disk.read(&read)?;
            return Ok(Some(Input::LogRead { read: read.read, entries }));
        }
        let Some(checks) = self.checks.checked_sub(1) else { return Ok(None) };
        self.checks = checks;
        self.disk.damage().map_or(Ok(()), Err)?;
        Ok(Some(Input::ChainChecked(self.disk.written().check_chain())))
    }

    /// A hash over everything that decides the future of the node, its disk and the work that waits. The database
    /// follows from the last applied entry, whose digest covers all entries before it. Work on snapshots is not
    /// covered.
    ///
    /// Waiting messages take part with their numbers, which are history: two hosts that differ only in them have
    /// different fingerprints.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.core.as_ref().map(Core::fingerprint).hash(&mut hasher);
        self.disk.fingerprint(&mut hasher);
        (&self.waiting, &self.applies, &self.reads, self.checks).hash(&mut hasher);
        self.database.applied().hash(&mut hasher);
        hasher.finish()
    }
}
