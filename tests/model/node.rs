//! One node of the model: the in-memory host with its clock. The search chooses when flushes, applies and crashes
//! happen.

use std::collections::VecDeque;

use epoca::protocol::{
    Config, Core, Entry, EntryId, Envelope, FeatureLevel, Incarnation, Input, Kind, Leadership, Limits, LogPoint,
    Member, Membership, NodeId, Opening, Promise, Restored, Time,
};
use epoca::verify::host::{CommitRecords, Disk, Effect, Host, HostOptions, Image, Work};

use crate::rules::{Breach, Rules};

/// All entries stay in a core's window, so no node reads its log.
const TAIL: u64 = u64::MAX;

/// The seed has no effect: the election timeout has only one value.
const SEED: u64 = 0;

#[derive(Clone)]
pub struct Node {
    pub host: Host,
    /// Advances only when this node's timeout ends: nodes do not compare times with each other.
    pub clock: Time,
    /// [`Host::fingerprint`], computed once after each change.
    pub fingerprint: u64,
}

impl Node {
    pub fn new(id: u64, rules: &Rules) -> Node {
        let options = HostOptions { commit_records: CommitRecords::InOrder, ..HostOptions::default() };
        let mut node = Node { host: Host::new(config(id, rules.voters), options), clock: Time(0), fingerprint: 0 };
        if rules.founded {
            node.host.disk.set_log(founded(rules.voters));
        }
        node.start();
        node
    }

    pub fn id(&self) -> NodeId {
        self.host.id()
    }

    pub fn core(&self) -> &Core {
        self.host.core()
    }

    pub fn disk(&self) -> &Disk {
        &self.host.disk
    }

    /// The readable data.
    pub fn applied(&self) -> Option<LogPoint> {
        self.host.database.applied()
    }

    fn start(&mut self) {
        for entry in self.host.load_database() {
            self.host.apply_entry(&entry).expect("the log has no gap");
        }
        // No snapshot is ever due here. The log's weight would only distinguish restarted nodes from others.
        let restored = Restored { bytes_since_snapshot: 0, ..self.host.restored(TAIL) };
        self.host.start_core(restored, SEED, self.clock);
        self.fingerprint = self.host.fingerprint();
    }

    /// Gives the node one input and does all work that the rules do at once. Returns the messages that leave. `Err`:
    /// why the node stopped, or which check failed.
    pub fn step(&mut self, input: Input, rules: &Rules) -> Result<Vec<Envelope>, String> {
        let (mut inputs, mut leaving) = (VecDeque::from([input]), Vec::new());
        while let Some(input) = inputs.pop_front() {
            for output in self.host.step(self.clock, input) {
                match self.host.carry_out(output).map_err(|violation| violation.text)? {
                    Effect::Send(envelope) => leaving.push(envelope),
                    Effect::Queued(Work::ReadLog | Work::CheckChain) => inputs.extend(self.read_log()?),
                    Effect::Queued(Work::Apply) | Effect::Stored => {}
                    Effect::Queued(_) => unreachable!("its logs are too short for snapshots"),
                    Effect::Stopped(text) => return Err(format!("{} stops: {text}", self.id())),
                    Effect::Answer(..) | Effect::Members(_) | Effect::Trace(_) | Effect::Rejected { .. } => {}
                }
            }
            if inputs.is_empty() && rules.flushes_at_once {
                inputs.extend(self.flush(rules, &mut leaving));
            }
            if inputs.is_empty() && rules.applies_at_once {
                inputs.extend(self.apply()?);
            }
        }
        self.fingerprint = self.host.fingerprint();
        Ok(leaving)
    }

    fn read_log(&mut self) -> Result<Option<Input>, String> {
        self.host.read_log().map_err(|damage| format!("{damage} cannot be read"))
    }

    /// Makes all pending writes durable, and adds the messages that waited for them. Returns the core's input.
    pub fn flush(&mut self, rules: &Rules, leaving: &mut Vec<Envelope>) -> Option<Input> {
        let done = match rules.breach {
            Some(Breach::StoredTooEarly) => self.host.disk.report_unflushed(),
            _ => self.host.disk.flush(usize::MAX),
        }?;
        leaving.extend(self.host.take_released());
        Some(Input::Stored(done))
    }

    pub fn apply(&mut self) -> Result<Option<Input>, String> {
        self.host.apply_next().map_err(|violation| violation.text)
    }

    /// A power loss that keeps the first `kept` of the unflushed writes, and a restart.
    pub fn crash(&mut self, kept: usize, rules: &Rules) {
        self.host.stop();
        self.host.disk.lose_power(kept);
        let mut image = self.host.disk.durable().clone();
        match rules.breach {
            Some(Breach::VoteForgotten) => image.promise = image.promise.map(|kept| Promise { vote: None, ..kept }),
            Some(Breach::MarkForgotten) => image.forged_from = None,
            Some(Breach::StoredTooEarly) | None => {}
        }
        self.host.disk.set_log(image);
        self.start();
    }
}

/// A clock of whole ticks: a timeout is one of them, and a leader may send its heartbeat at any time.
fn config(id: u64, voters: u64) -> Config {
    Config {
        id: NodeId(id),
        incarnation: incarnation(id),
        voters: (1..=voters).map(|id| (NodeId(id), String::new())).collect(),
        heartbeat_micros: 0,
        election_timeout_micros: 1,
        seed: SEED,
        limits: Limits::default(),
        leadership: Leadership::default(),
        level_max: FeatureLevel::NEWEST,
    }
}

fn incarnation(id: u64) -> Incarnation {
    Incarnation([id as u8; 16])
}

/// A log in which epoch 1 founded the cluster, final everywhere. No node remembers its vote, so all nodes are alike.
fn founded(voters: u64) -> Image {
    let member = |id| Member::voter(NodeId(id), String::new(), incarnation(id));
    let opening = Opening { founding: Some(Membership::founding((1..=voters).map(member).collect())) };
    let entry = Entry::after(None, EntryId::new(1, 0), Kind::Opening, opening.encode());
    Image {
        promise: Some(Promise { epoch: entry.id.epoch, vote: None }),
        committed: Some(entry.point()),
        entries: vec![entry],
        ..Image::default()
    }
}
