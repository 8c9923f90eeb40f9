//! One node of the model: the unchanged core, a disk whose flushes are somebody else's decision, and what waits for it.

use std::collections::{VecDeque, hash_map::DefaultHasher};
use std::hash::{Hash, Hasher};

use epoca::protocol::apply::{Applied, Outcome};
use epoca::protocol::{
    Apply, Config, Core, Entry, EntryId, Envelope, FeatureLevel, Incarnation, Input, Kind, Leadership, Limits,
    LogPoint, Member, Membership, NodeId, Opening, Operation, Output, Promise, Time,
};

use crate::disk::{Disk, Image};
use crate::normal;
use crate::rules::{Breach, Rules};

/// All entries stay in a core's window, so no node reads its log.
const TAIL: usize = usize::MAX;

#[derive(Clone)]
pub struct Node {
    pub core: Core,
    pub disk: Disk,
    /// What readers see.
    pub applied: Option<LogPoint>,
    /// Moves only when this node's patience ends: nodes compare no times with each other.
    pub clock: Time,
    config: Config,
    waiting: Vec<(Operation, Envelope)>,
    applies: VecDeque<Apply>,
    last_operation: Option<Operation>,
    /// Of everything here but history, by [`Node::sum`].
    pub hash: u64,
}

impl Node {
    pub fn new(id: u64, rules: &Rules) -> Node {
        let image = if rules.founded { founded(rules.voters) } else { Image::default() };
        let config = config(id, rules.voters);
        let mut node = Node {
            core: Core::new(config.clone(), image.restored(TAIL), normal::START),
            applied: image.committed,
            disk: Disk::holding(image),
            clock: normal::START,
            config,
            waiting: Vec::new(),
            applies: VecDeque::new(),
            last_operation: None,
            hash: 0,
        };
        node.sum();
        node
    }

    pub fn id(&self) -> NodeId {
        self.config.id
    }

    pub fn has_applies(&self) -> bool {
        !self.applies.is_empty()
    }

    /// One input and all that the host does by itself because of it. Gives what leaves, or why the node stopped.
    pub fn step(&mut self, input: Input, rules: &Rules) -> Result<Vec<Envelope>, String> {
        let (mut inputs, mut leaving) = (VecDeque::from([input]), Vec::new());
        while let Some(input) = inputs.pop_front() {
            for output in self.core.step(self.clock, input) {
                self.carry_out(output, &mut inputs, &mut leaving)?;
            }
            if inputs.is_empty() && rules.flushes_at_once {
                inputs.extend(self.flush(rules, &mut leaving));
            }
            if inputs.is_empty() && rules.applies_at_once {
                inputs.extend(self.apply());
            }
        }
        self.sum();
        Ok(leaving)
    }

    fn carry_out(
        &mut self,
        output: Output,
        inputs: &mut VecDeque<Input>,
        leaving: &mut Vec<Envelope>,
    ) -> Result<(), String> {
        match output {
            Output::Store(operation, store) => {
                self.last_operation = Some(operation);
                self.disk.store(operation, store);
            }
            Output::Send(send) => match send.after {
                Some(operation) if !self.disk.is_done(operation) => self.waiting.push((operation, send.envelope)),
                _ => leaving.push(send.envelope),
            },
            Output::Apply(apply) => {
                if !self.disk.durable().has(apply.up_to) {
                    return Err(format!("{} makes {} final before it is on its own disk", self.id(), apply.up_to));
                }
                self.disk.record_commit(apply.up_to);
                self.applies.push_back(apply);
            }
            Output::ReadLog(read) => {
                inputs.push_back(Input::LogRead { read: read.read, entries: self.disk.read(&read) });
            }
            Output::CheckChain => inputs.push_back(Input::ChainChecked(self.disk.written().check_chain())),
            Output::Fatal(text) | Output::Damaged(text) => return Err(format!("{} stops: {text}", self.id())),
            Output::TakeSnapshot(_)
            | Output::ReadSnapshot(_)
            | Output::WriteSnapshot(_)
            | Output::InstallSnapshot(_) => unreachable!("its logs are too short for snapshots"),
            Output::Answer(..) | Output::Members(_) | Output::Trace(_) | Output::Rejected { .. } => {}
        }
        Ok(())
    }

    /// All pending writes become durable, and what waited for them leaves. Gives what the core is told.
    pub fn flush(&mut self, rules: &Rules, leaving: &mut Vec<Envelope>) -> Option<Input> {
        let done = match rules.breach {
            Some(Breach::StoredTooEarly) => self.last_operation.take(),
            _ => self.disk.flush(usize::MAX),
        }?;
        let (ready, waiting) = self.waiting.drain(..).partition::<Vec<_>, _>(|(operation, _)| *operation <= done);
        self.waiting = waiting;
        leaving.extend(ready.into_iter().map(|(_, envelope)| envelope));
        Some(Input::Stored(done))
    }

    pub fn apply(&mut self) -> Option<Input> {
        let apply = self.applies.pop_front()?;
        self.applied = Some(apply.up_to);
        // The model has no database: every write changes something.
        let applied =
            |entry: &Entry| Applied { id: entry.id, position: entry.position, outcome: Outcome::Done { revision: 0 } };
        let outcomes = apply.entries.iter().map(applied).collect();
        Some(Input::Applied { up_to: apply.up_to, outcomes })
    }

    /// A power cut that keeps the first `kept` of the writes that no flush covered, and a start on what is left.
    pub fn crash(&mut self, kept: usize, rules: &Rules) {
        self.disk.cut_power(kept);
        let mut image = self.disk.durable().clone();
        match rules.breach {
            Some(Breach::VoteForgotten) => image.promise = image.promise.map(|kept| Promise { vote: None, ..kept }),
            Some(Breach::MarkForgotten) => image.forged_from = None,
            Some(Breach::StoredTooEarly) | None => {}
        }
        self.core = Core::new(self.config.clone(), image.restored(TAIL), self.clock);
        self.applied = image.committed;
        self.disk = Disk::holding(image);
        self.waiting.clear();
        self.applies.clear();
        self.last_operation = None;
        self.sum();
    }

    fn sum(&mut self) {
        let mut hasher = DefaultHasher::new();
        normal::words(&self.core, &self.config, self.clock).hash(&mut hasher);
        self.disk.hash(&mut hasher);
        self.waiting.hash(&mut hasher);
        self.applies.hash(&mut hasher);
        self.applied.hash(&mut hasher);
        self.hash = hasher.finish();
    }
}

/// A clock of whole ticks: patience is one of them, and a leader may send its heartbeat at any time.
pub fn config(id: u64, voters: u64) -> Config {
    Config {
        id: NodeId(id),
        incarnation: incarnation(id),
        voters: (1..=voters).map(|id| (NodeId(id), String::new())).collect(),
        heartbeat_micros: 0,
        election_timeout_micros: 1,
        seed: 0,
        limits: Limits::default(),
        leadership: Leadership::default(),
        level_max: FeatureLevel::NEWEST,
    }
}

fn incarnation(id: u64) -> Incarnation {
    Incarnation([id as u8; 16])
}

/// A log in which epoch 1 founded the cluster, final everywhere. Nobody remembers whom it voted for, so that all nodes
/// are alike.
fn founded(voters: u64) -> Image {
    let member = |id| Member::voter(NodeId(id), String::new(), incarnation(id));
    let opening = Opening { founding: Some(Membership::founding((1..=voters).map(member).collect())) };
    let entry = Entry::after(None, EntryId::new(1, 0), Kind::Opening, opening.encode());
    Image {
        promise: Some(Promise { epoch: entry.id.epoch, vote: None }),
        committed: Some(entry.point()),
        entries: vec![entry],
        forged_from: None,
        base: None,
    }
}
