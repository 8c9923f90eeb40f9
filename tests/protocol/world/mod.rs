//! A deterministic world of cores in one thread: virtual time, messages in a pool, simulated disks and databases.
//!
//! Nothing happens by itself. A test delivers, flushes, ticks and crashes; or it lets [`World::settle`] and
//! [`World::elapse`] do what a healthy machine would do. Voters without a host here are puppets: the test says their
//! lines with [`World::say`] and finds what was said to them in the pool.

mod audible;
mod control;
mod database;
mod disk;
mod host;
pub mod logs;
mod members;
mod network;
mod puppets;
pub mod snapshots;

pub use database::Database;
pub use disk::{Disk, Image, SnapshotFile};
pub use host::{Auto, Host};
pub use network::{Network, Pick};

use std::collections::{BTreeMap, BTreeSet};

use epoca::protocol::trace::{Fact, RoleName};
use epoca::protocol::{
    Answer, Config, Envelope, FeatureLevel, Incarnation, Input, Leadership, Limits, Member, Membership, NodeId, Output,
    Rejection, RequestId, Time,
};

pub struct World {
    pub now: Time,
    pub hosts: BTreeMap<NodeId, Host>,
    pub network: Network,
    /// What happened since somebody took it with [`World::take_events`].
    events: Vec<Event>,
    answers: BTreeMap<RequestId, Answer>,
    /// The nodes to which anything happened since somebody took it with [`World::take_touched`].
    touched: BTreeSet<NodeId>,
    pub(crate) requests: u64,
    said: u64,
    /// Every snapshot that was ever taken: what the bytes of its file stand for.
    snapshots: Vec<SnapshotFile>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    pub time: Time,
    pub node: NodeId,
    pub what: What,
}

#[derive(Clone, PartialEq, Debug)]
pub enum What {
    Fact(Fact),
    Answer(RequestId, Answer),
    Rejected(NodeId, Rejection),
    Fatal(String),
}

#[derive(Clone, Debug)]
pub struct Options {
    pub voters: u64,
    pub heartbeat_micros: u64,
    pub election_timeout_micros: u64,
    pub seed: u64,
    pub limits: Limits,
    pub leadership: Leadership,
}

impl Options {
    pub fn voters(voters: u64) -> Options {
        Options {
            voters,
            heartbeat_micros: 100_000,
            election_timeout_micros: 1_000_000,
            seed: 1,
            limits: Limits::default(),
            leadership: Leadership::default(),
        }
    }
}

impl World {
    /// All voters as hosts with empty disks, none of them started.
    pub fn new(options: &Options) -> World {
        let voters: Vec<_> = (1..=options.voters).map(|id| (NodeId(id), format!("127.0.0.1:{}", 7100 + id))).collect();
        let hosts = voters.iter().map(|(id, _)| (*id, Host::new(config(*id, &voters, options)))).collect();
        World {
            now: Time(0),
            hosts,
            network: Network::default(),
            events: Vec::new(),
            answers: BTreeMap::new(),
            touched: BTreeSet::new(),
            requests: 0,
            said: 0,
            snapshots: Vec::new(),
        }
    }

    /// As many voters, all started on empty disks and watched.
    pub fn started(voters: u64) -> World {
        let mut world = World::new(&Options::voters(voters));
        world.start_all();
        world
    }

    /// As many voters of which n1 leads epoch 1, its opening committed and final everywhere.
    pub fn led(voters: u64) -> World {
        let mut world = World::started(voters);
        world.stand(1);
        world.settle();
        assert_eq!(world.leader(), Some(1), "n1 leads after it was asked to stand");
        world.take_events();
        world
    }

    /// A world in which only node 1 is real; the test speaks for the other voters.
    pub fn solo(voters: u64) -> World {
        let mut world = World::new(&Options::voters(voters));
        world.hosts.retain(|id, _| *id == NodeId(1));
        world
    }

    pub fn host(&self, id: u64) -> &Host {
        self.hosts.get(&NodeId(id)).unwrap_or_else(|| panic!("there is no n{id}"))
    }

    pub fn host_mut(&mut self, id: u64) -> &mut Host {
        self.touched.insert(NodeId(id));
        self.hosts.get_mut(&NodeId(id)).unwrap_or_else(|| panic!("there is no n{id}"))
    }

    pub fn ids(&self) -> Vec<u64> {
        self.hosts.keys().map(|id| id.0).collect()
    }

    /// The member list with which these nodes found their cluster.
    pub fn founding(&self) -> Membership {
        let config = &self.hosts.values().next().expect("a world has a host").config;
        let member = |(id, address): &(NodeId, String)| {
            let incarnation = self.hosts.get(id).map_or(incarnation(*id), |host| host.config.incarnation);
            Member::voter(*id, address.clone(), incarnation)
        };
        Membership::founding(config.voters.iter().map(member).collect())
    }

    /// The running leader of the greatest epoch.
    pub fn leader(&self) -> Option<u64> {
        let leads = |host: &&Host| host.is_up() && host.core().node_state(0).role == RoleName::Leader;
        let leader = self.hosts.values().filter(leads).max_by_key(|host| host.core().node_state(0).epoch);
        leader.map(|host| host.id().0)
    }

    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    pub fn take_touched(&mut self) -> BTreeSet<NodeId> {
        std::mem::take(&mut self.touched)
    }

    pub fn peek_events(&self) -> &[Event] {
        &self.events
    }

    /// The facts among the events so far, with whose they are.
    pub fn facts(&self) -> impl Iterator<Item = (u64, &Fact)> {
        self.events.iter().filter_map(|event| match &event.what {
            What::Fact(fact) => Some((event.node.0, fact)),
            _ => None,
        })
    }

    pub fn answer(&self, request: RequestId) -> Option<&Answer> {
        self.answers.get(&request)
    }

    /// Gives a node one input, carries out what it puts out, and does what its host does by itself.
    pub fn step(&mut self, id: u64, input: Input) {
        self.step_once(id, input);
        while let Some(input) = self.due(id) {
            self.step_once(id, input);
        }
    }

    fn step_once(&mut self, id: u64, input: Input) {
        let now = self.now;
        let host = self.host_mut(id);
        let Some(core) = host.core.as_mut() else { return };
        let outputs = core.step(now, input);
        for output in outputs {
            self.carry_out(id, output);
        }
    }

    fn carry_out(&mut self, id: u64, output: Output) {
        let node = NodeId(id);
        let host = self.host_mut(id);
        if !host.is_up() {
            return;
        }
        match output {
            Output::Store(operation, store) => host.disk.store(operation, store),
            Output::Send(send) => match send.after {
                Some(operation) if !host.disk.is_done(operation) => host.waiting.push((operation, send.envelope)),
                _ => self.leave(send.envelope),
            },
            Output::Apply(apply) => {
                let durable = host.disk.durable().has(apply.up_to);
                assert!(durable, "n{id} makes {} final before it is on its own disk", apply.up_to);
                host.disk.record_commit(apply.up_to);
                host.applies.push_back(apply);
            }
            Output::ReadLog(read) => host.reads.push_back(read),
            Output::TakeSnapshot(_)
            | Output::ReadSnapshot(_)
            | Output::WriteSnapshot(_)
            | Output::InstallSnapshot(_) => {
                host.snapshots.push_back(output);
                host.begin_snapshot();
            }
            Output::Rejected { from, why } => self.note(node, What::Rejected(from, why)),
            Output::Members(_) => {}
            Output::CheckChain => host.checks += 1,
            Output::Answer(request, answer) => {
                let before = self.answers.insert(request, answer.clone());
                assert_eq!(before, None, "{request:?} is answered twice, now with {answer:?}");
                self.note(node, What::Answer(request, answer));
            }
            Output::Trace(fact) => {
                host.view.fold(&fact);
                self.note(node, What::Fact(fact));
            }
            Output::Fatal(text) | Output::Damaged(text) => {
                let pending = host.disk.pending();
                host.stop(pending);
                host.fatal = Some(text.clone());
                self.note(node, What::Fatal(text));
            }
        }
    }

    pub(crate) fn note(&mut self, node: NodeId, what: What) {
        self.events.push(Event { time: self.now, node, what });
    }

    /// What the node's host has done by now, as an input, if it does that by itself.
    fn due(&mut self, id: u64) -> Option<Input> {
        let auto = self.host(id).auto;
        auto.flush
            .then(|| self.flush_one(id, usize::MAX))
            .flatten()
            .or_else(|| {
                let host = self.host_mut(id);
                auto.apply.then(|| host.apply_one()).flatten().or_else(|| auto.read.then(|| host.read_one()).flatten())
            })
            .or_else(|| auto.snapshot.then(|| self.snapshot_one(id)).flatten())
    }

    /// Makes writes durable; what waited for them leaves.
    fn flush_one(&mut self, id: u64, count: usize) -> Option<Input> {
        let host = self.host_mut(id);
        let done = host.disk.flush(count);
        for envelope in host.released() {
            self.leave(envelope);
        }
        done.map(Input::Stored)
    }

    fn leave(&mut self, envelope: Envelope) {
        audible::check(&self.hosts[&envelope.from], &envelope);
        self.network.pool.push(envelope);
    }

    pub(crate) fn next_request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }
}

impl Host {
    /// Makes the oldest waiting entries final.
    pub(super) fn apply_one(&mut self) -> Option<Input> {
        let apply = self.applies.pop_front()?;
        let outcomes = self.database.apply(&apply.entries);
        assert_eq!(self.database.applied(), Some(apply.up_to), "an apply ends where it says");
        self.begin_snapshot();
        Some(Input::Applied { up_to: apply.up_to, outcomes })
    }

    /// Answers the oldest waiting read of the log, or check of its chain.
    pub(super) fn read_one(&mut self) -> Option<Input> {
        if let Some(read) = self.reads.pop_front() {
            return Some(Input::LogRead { read: read.read, entries: self.disk.read(&read) });
        }
        self.checks = self.checks.checked_sub(1)?;
        Some(Input::ChainChecked(self.disk.written().check_chain()))
    }
}

fn config(id: NodeId, voters: &[(NodeId, String)], options: &Options) -> Config {
    Config {
        id,
        incarnation: incarnation(id),
        voters: voters.to_vec(),
        heartbeat_micros: options.heartbeat_micros,
        election_timeout_micros: options.election_timeout_micros,
        seed: options.seed.wrapping_mul(1_000).wrapping_add(id.0),
        limits: options.limits,
        leadership: options.leadership,
        level_max: FeatureLevel::NEWEST,
    }
}

fn incarnation(id: NodeId) -> Incarnation {
    let mut bytes = [0; 16];
    bytes[0] = id.0 as u8;
    Incarnation(bytes)
}
