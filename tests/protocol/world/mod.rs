//! A deterministic world of in-memory nodes in one thread: virtual time, and messages in a pool.
//!
//! Nothing happens automatically. A test delivers, flushes, ticks and crashes; [`World::settle`] and [`World::elapse`]
//! do what a healthy machine would do. Voters without a node here are scripted: the test sends their messages with
//! [`World::send_as`] and finds the messages to them in the pool.

mod control;
pub mod logs;
mod members;
mod network;
mod node;
mod scripted;

pub use network::{Network, Pick};
pub use node::{Auto, Node};

use std::collections::{BTreeMap, BTreeSet};

use epoca::protocol::trace::{Fact, NodeState, RoleName};
use epoca::protocol::{
    Answer, Config, Core, Envelope, FeatureLevel, Incarnation, Input, Leadership, Limits, Member, Membership, NodeId,
    Output, Rejection, RequestId, Time,
};
use epoca::verify::host::{Effect, Host, TakenSnapshots, Work};

use crate::world::node::accept;

pub struct World {
    pub now: Time,
    pub nodes: BTreeMap<NodeId, Node>,
    pub network: Network,
    /// The events since the last [`World::take_events`].
    events: Vec<Event>,
    answers: BTreeMap<RequestId, Answer>,
    /// The nodes that may have changed since the last [`World::take_touched`].
    touched: BTreeSet<NodeId>,
    pub(crate) requests: u64,
    /// Counts the messages of scripted voters.
    scripted: u64,
    taken: TakenSnapshots,
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
    /// All voters with empty disks, none of them started.
    pub fn new(options: &Options) -> World {
        let voters: Vec<_> = (1..=options.voters).map(|id| (NodeId(id), format!("127.0.0.1:{}", 7100 + id))).collect();
        let nodes = voters.iter().map(|(id, _)| (*id, Node::new(config(*id, &voters, options)))).collect();
        World {
            now: Time(0),
            nodes,
            network: Network::default(),
            events: Vec::new(),
            answers: BTreeMap::new(),
            touched: BTreeSet::new(),
            requests: 0,
            scripted: 0,
            taken: TakenSnapshots::default(),
        }
    }

    /// This many voters, all started on empty disks and watched.
    pub fn started(voters: u64) -> World {
        let mut world = World::new(&Options::voters(voters));
        world.start_all();
        world
    }

    /// This many voters. n1 leads epoch 1, and its opening entry is final everywhere.
    pub fn led(voters: u64) -> World {
        let mut world = World::started(voters);
        world.stand(1);
        world.settle();
        assert_eq!(world.leader(), Some(1), "n1 leads after it was asked to stand");
        world.take_events();
        world
    }

    /// A world in which only node 1 is real. The other voters are scripted.
    pub fn solo(voters: u64) -> World {
        let mut world = World::new(&Options::voters(voters));
        world.nodes.retain(|id, _| *id == NodeId(1));
        world
    }

    pub fn node(&self, id: u64) -> &Node {
        self.nodes.get(&NodeId(id)).unwrap_or_else(|| panic!("there is no n{id}"))
    }

    pub fn node_mut(&mut self, id: u64) -> &mut Node {
        self.touched.insert(NodeId(id));
        self.nodes.get_mut(&NodeId(id)).unwrap_or_else(|| panic!("there is no n{id}"))
    }

    pub fn host(&self, id: u64) -> &Host {
        &self.node(id).host
    }

    pub fn host_mut(&mut self, id: u64) -> &mut Host {
        &mut self.node_mut(id).host
    }

    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.nodes.values().map(|node| &node.host)
    }

    pub fn core(&self, id: u64) -> &Core {
        self.host(id).core()
    }

    /// The running node, as its core reports it.
    pub fn snapshot(&self, id: u64) -> NodeState {
        self.core(id).node_state(NodeState::TAIL_MAX)
    }

    pub fn ids(&self) -> Vec<u64> {
        self.nodes.keys().map(|id| id.0).collect()
    }

    /// The member list with which these nodes found their cluster.
    pub fn founding(&self) -> Membership {
        let config = &self.hosts().next().expect("a world has a node").config;
        let member = |(id, address): &(NodeId, String)| {
            let incarnation = self.nodes.get(id).map_or(incarnation(*id), |node| node.host.config.incarnation);
            Member::voter(*id, address.clone(), incarnation)
        };
        Membership::founding(config.voters.iter().map(member).collect())
    }

    /// The running leader of the greatest epoch.
    pub fn leader(&self) -> Option<u64> {
        let leaders = self.hosts().filter_map(Host::running).filter(|core| core.role() == RoleName::Leader);
        leaders.max_by_key(|core| core.epoch()).map(|core| core.id().0)
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

    /// The facts among the events so far, each with its node.
    pub fn facts(&self) -> impl Iterator<Item = (u64, &Fact)> {
        self.events.iter().filter_map(|event| match &event.what {
            What::Fact(fact) => Some((event.node.0, fact)),
            _ => None,
        })
    }

    pub fn answer(&self, request: RequestId) -> Option<&Answer> {
        self.answers.get(&request)
    }

    /// Gives a node one input, carries out its outputs, and does the host work that is done at once.
    pub fn step(&mut self, id: u64, input: Input) {
        self.step_once(id, input);
        while let Some(input) = self.work(id) {
            self.step_once(id, input);
        }
    }

    fn step_once(&mut self, id: u64, input: Input) {
        let now = self.now;
        for output in self.host_mut(id).step(now, input) {
            self.carry_out(id, output);
        }
    }

    fn carry_out(&mut self, id: u64, output: Output) {
        let (id, node) = (NodeId(id), self.node_mut(id));
        if !node.host.is_up() {
            return;
        }
        match accept(node.host.carry_out(output)) {
            Effect::Stored | Effect::Members(_) => {}
            Effect::Queued(Work::TakeSnapshot) => _ = node.host.begin_snapshot(),
            Effect::Queued(_) => {}
            Effect::Send(envelope) => self.send(envelope),
            Effect::Rejected { from, why } => self.note(id, What::Rejected(from, why)),
            Effect::Answer(request, answer) => {
                let before = self.answers.insert(request, answer.clone());
                assert_eq!(before, None, "{request:?} is answered twice, now with {answer:?}");
                self.note(id, What::Answer(request, answer));
            }
            Effect::Trace(fact) => {
                node.view.fold(&fact);
                self.note(id, What::Fact(fact));
            }
            Effect::Stopped(text) => {
                node.stop(node.host.disk.pending());
                node.fatal = Some(text.clone());
                self.note(id, What::Fatal(text));
            }
        }
    }

    pub(crate) fn note(&mut self, node: NodeId, what: What) {
        self.events.push(Event { time: self.now, node, what });
    }

    /// Does one piece of the host work that is done at once. Returns the resulting input.
    fn work(&mut self, id: u64) -> Option<Input> {
        let auto = self.node(id).auto;
        let mut input = if auto.flush { self.flush_now(id, usize::MAX) } else { None };
        self.touched.insert(NodeId(id));
        let World { nodes, taken, .. } = self;
        let node = nodes.get_mut(&NodeId(id))?;
        if input.is_none() && auto.apply {
            input = node.apply();
        }
        if input.is_none() && auto.read {
            input = node.read_log();
        }
        if input.is_none() && auto.snapshot {
            input = node.work_on_snapshots(taken);
        }
        input
    }

    /// Makes writes durable, and sends the messages that depended on them.
    fn flush_now(&mut self, id: u64, count: usize) -> Option<Input> {
        let host = self.host_mut(id);
        let done = host.disk.flush(count);
        for envelope in host.take_released() {
            self.send(envelope);
        }
        done.map(Input::Stored)
    }

    fn send(&mut self, envelope: Envelope) {
        accept(self.host(envelope.from.0).check_claims(&envelope));
        self.network.pool.push(envelope);
    }

    pub(crate) fn next_request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
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
