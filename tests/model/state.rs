//! The state of the whole cluster, and the actions on it.
//!
//! A link is either a set of messages, which arrive in any order or never (equal ones are one), or, as in a stream, a
//! queue whose first message is delivered or lost. Election messages are separate calls and have no order.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;

use epoca::protocol::trace::RoleName;
use epoca::protocol::{
    Change, Command, Envelope, Epoch, Inject, Input, LogPoint, Message, NodeId, Proposal, RequestId, Time,
};

use crate::node::Node;
use crate::rules::{Left, Rules};

#[derive(Clone)]
pub struct State {
    pub nodes: Vec<Arc<Node>>,
    pub network: BTreeMap<Link, Vec<(u64, Arc<Envelope>)>>,
    pub history: History,
    pub left: Left,
    /// The number of nodes that have started an election. Nodes differ only in their ids, so of the others only the
    /// next one is tried: any other one would behave the same with ids exchanged.
    pub stood: usize,
    /// The reason why a node stopped, or the check that failed.
    pub broken: Option<String>,
}

/// Sender, receiver, and whether the link carries election messages.
pub type Link = (NodeId, NodeId, bool);

/// The history, as far as properties need it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct History {
    pub leaders: BTreeMap<Epoch, NodeId>,
    /// An epoch with two leaders.
    pub two_lead: Option<Epoch>,
    /// Everything that any node ever had as committed, in order.
    pub committed: Vec<LogPoint>,
    /// An entry that a node has as committed where another node had a different one.
    pub differs: Option<LogPoint>,
    /// The nodes with injected entries, each with the last of them.
    pub forged: Vec<(usize, LogPoint)>,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    Deliver(Arc<Envelope>),
    DeliverAndKeep(Arc<Envelope>),
    Lose(Arc<Envelope>),
    Flush(usize),
    Apply(usize),
    /// The election timeout of a replica or candidate ends.
    Stand(usize),
    Heartbeat(usize),
    /// The timeout of a leader for its silent replicas ends.
    LeaderTimeout(usize),
    /// The number of pending writes that the disk keeps.
    Crash(usize, usize),
    Write(usize),
    /// The epoch of the forged entry, and whether it has the content of a client's write.
    Inject(usize, Option<Epoch>, bool),
}

impl State {
    pub fn new(rules: &Rules) -> State {
        let mut state = State {
            nodes: (1..=rules.voters).map(|id| Arc::new(Node::new(id, rules))).collect(),
            network: BTreeMap::new(),
            history: History::default(),
            left: rules.left,
            stood: 0,
            broken: None,
        };
        state.observe();
        state
    }

    pub fn take(&mut self, action: &Action, rules: &Rules) {
        match action {
            Action::Deliver(envelope) | Action::DeliverAndKeep(envelope) => {
                if matches!(action, Action::Deliver(_)) {
                    self.remove(envelope);
                } else {
                    self.left.doubles -= 1;
                }
                self.deliver(Envelope::clone(envelope), rules);
            }
            Action::Lose(envelope) => {
                self.left.losses -= 1;
                self.remove(envelope);
            }
            Action::Flush(index) => {
                let mut leaving = Vec::new();
                let input = self.node(*index).flush(rules, &mut leaving);
                self.send_all(leaving, rules);
                self.input(*index, input, rules);
            }
            Action::Apply(index) => match self.node(*index).apply() {
                Ok(input) => self.input(*index, input, rules),
                Err(why) => self.broken = Some(why),
            },
            Action::Stand(index) => {
                self.left.elections -= 1;
                self.stood = self.stood.max(index + 1);
                let node = self.node(*index);
                node.clock = node.clock.max(node.core().deadline());
                self.input(*index, Some(Input::Tick), rules);
            }
            Action::Heartbeat(index) => {
                self.left.heartbeats -= 1;
                self.input(*index, Some(Input::Tick), rules);
            }
            Action::LeaderTimeout(index) => {
                self.left.heartbeats -= 1;
                let node = self.node(*index);
                node.clock = later(node.clock);
                self.input(*index, Some(Input::Tick), rules);
            }
            Action::Crash(index, kept) => {
                self.left.crashes -= 1;
                self.node(*index).crash(*kept, rules);
            }
            Action::Write(index) => {
                let request = RequestId(self.left.writes.into());
                self.left.writes -= 1;
                let proposal = Proposal { request, command: write(request.0) };
                self.input(*index, Some(Input::Propose(vec![proposal])), rules);
            }
            Action::Inject(index, epoch, genuine) => self.inject(*index, *epoch, *genuine, rules),
        }
        self.drop_stale_answers();
        self.observe();
    }

    fn inject(&mut self, index: usize, epoch: Option<Epoch>, genuine: bool, rules: &Rules) {
        self.left.injections -= 1;
        let body = if genuine { write(self.left.writes.into()) } else { write(1_000) };
        let inject = Inject { request: RequestId(1_000), epoch, commands: vec![body] };
        self.input(index, Some(Input::Inject(inject)), rules);
        if let Some(last) = self.nodes[index].disk().written().last().filter(|_| !genuine) {
            self.history.forged.push((index, last));
        }
    }

    fn node(&mut self, index: usize) -> &mut Node {
        Arc::make_mut(&mut self.nodes[index])
    }

    fn deliver(&mut self, envelope: Envelope, rules: &Rules) {
        let leaving = self.receive(envelope, rules);
        self.send_all(leaving, rules);
    }

    fn input(&mut self, index: usize, input: Option<Input>, rules: &Rules) {
        let leaving = input.map(|input| self.step(index, input, rules)).unwrap_or_default();
        self.send_all(leaving, rules);
    }

    /// A replica that receives a vote request has not heard its leader for a timeout: otherwise it refuses, which is
    /// equivalent to a loss. Returns the messages that leave.
    fn receive(&mut self, envelope: Envelope, rules: &Rules) -> Vec<Envelope> {
        let index = envelope.to.0 as usize - 1;
        let asked = matches!(envelope.message, Message::PreVoteAsked(_) | Message::VoteAsked(_));
        let node = self.node(index);
        if asked && node.core().role() == RoleName::Replica {
            node.clock = later(node.clock);
        }
        self.step(index, Input::Message(envelope), rules)
    }

    fn step(&mut self, index: usize, input: Input, rules: &Rules) -> Vec<Envelope> {
        let node = self.node(index);
        match catch_unwind(AssertUnwindSafe(|| node.step(input, rules))) {
            Ok(Ok(leaving)) => return leaving,
            Ok(Err(why)) => self.broken = Some(why),
            Err(_) => self.broken = Some(format!("an assertion of n{} failed", index + 1)),
        }
        Vec::new()
    }

    fn send_all(&mut self, leaving: Vec<Envelope>, rules: &Rules) {
        let mut asked = Vec::new();
        for envelope in leaving.into_iter().map(unnumbered) {
            if rules.pre_votes_at_once && matches!(envelope.message, Message::PreVoteAsked(_)) {
                asked.push(envelope);
            } else {
                self.send(envelope, rules);
            }
        }
        // Grants first: a refusal would raise the candidate above the epoch of another candidate.
        let mut answers: Vec<_> = asked.into_iter().flat_map(|envelope| self.receive(envelope, rules)).collect();
        answers.sort_by_key(|envelope| match &envelope.message {
            Message::PreVoteAnswer(answer) => !answer.granted,
            _ => false,
        });
        answers.into_iter().for_each(|envelope| self.deliver(unnumbered(envelope), rules));
    }

    fn send(&mut self, envelope: Envelope, rules: &Rules) {
        let link = link(&envelope);
        let message = (key(&envelope), Arc::new(envelope));
        let messages = self.network.entry(link).or_default();
        if rules.in_order(&link) {
            messages.push(message);
        } else if let Err(place) = messages.binary_search_by_key(&message.0, |known| known.0) {
            messages.insert(place, message);
        }
    }

    fn remove(&mut self, envelope: &Envelope) {
        let key = key(envelope);
        let messages = self.network.entry(link(envelope)).or_default();
        if let Some(place) = messages.iter().position(|known| known.0 == key) {
            messages.remove(place);
        }
    }

    /// Drops answers to an epoch that their receiver has durably left: they can have no later effect.
    fn drop_stale_answers(&mut self) {
        let nodes = &self.nodes;
        let alive = |envelope: &Envelope| {
            let promised = nodes[envelope.to.0 as usize - 1].disk().durable().promise.map(|promise| promise.epoch);
            match &envelope.message {
                Message::VoteAnswer(answer) => envelope.epoch > promised || Some(answer.epoch) >= promised,
                Message::PreVoteAnswer(answer) => Some(answer.epoch) > promised,
                Message::Ack(_) | Message::LogState(_) | Message::RoundAnswer(_) => envelope.epoch >= promised,
                _ => true,
            }
        };
        self.network.retain(|_, messages| {
            messages.retain(|(_, envelope)| alive(envelope));
            !messages.is_empty()
        });
    }

    /// Adds the current leaders and committed entries to the history.
    fn observe(&mut self) {
        let history = &mut self.history;
        for node in &self.nodes {
            if let (RoleName::Leader, Some(epoch)) = (node.core().role(), node.core().epoch())
                && *history.leaders.entry(epoch).or_insert(node.id()) != node.id()
            {
                history.two_lead = Some(epoch);
            }
            let count = node.core().committed().map_or(0, |point| point.position.0 as usize);
            for entry in node.disk().written().entries.iter().take(count) {
                match history.committed.get(entry.position.0 as usize - 1) {
                    Some(known) if *known == entry.point() => {}
                    Some(_) => history.differs = Some(entry.point()),
                    None => history.committed.push(entry.point()),
                }
            }
        }
    }
}

/// The number of a message, and of the push that it answers, are for the trace. No decision depends on them.
fn unnumbered(mut envelope: Envelope) -> Envelope {
    envelope.number = 0;
    match &mut envelope.message {
        Message::Ack(ack) => ack.answers = 0,
        Message::LogState(state) => state.answers = 0,
        Message::Refused(refused) => refused.answers = 0,
        _ => {}
    }
    envelope
}

fn key(envelope: &Envelope) -> u64 {
    let mut hasher = DefaultHasher::new();
    envelope.hash(&mut hasher);
    hasher.finish()
}

fn link(envelope: &Envelope) -> Link {
    (envelope.from, envelope.to, envelope.message.is_election())
}

fn later(time: Time) -> Time {
    time.plus_micros(1)
}

fn write(sequence: u64) -> Bytes {
    let change = Change::Put { key: Bytes::from_static(b"x"), value: Bytes::from_static(b"1") };
    Command { session: 1, sequence, once: None, change }.encode()
}

impl Hash for State {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.nodes.iter().for_each(|node| node.fingerprint.hash(state));
        for (link, messages) in &self.network {
            link.hash(state);
            messages.len().hash(state);
            messages.iter().for_each(|(key, _)| key.hash(state));
        }
        self.history.hash(state);
        self.left.hash(state);
        self.stood.hash(state);
        self.broken.hash(state);
    }
}

impl PartialEq for State {
    fn eq(&self, other: &State) -> bool {
        let sum = |state: &State| {
            let mut hasher = DefaultHasher::new();
            state.hash(&mut hasher);
            hasher.finish()
        };
        sum(self) == sum(other)
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for node in &self.nodes {
            let log: Vec<_> = node.disk().written().entries.iter().map(|entry| entry.point()).collect();
            let (role, epoch) = (node.core().role(), node.core().epoch());
            let (committed, applied) = (node.core().committed(), node.applied());
            let durable = node.disk().durable().entries.len();
            writeln!(
                f,
                "{} {role:?} of {epoch:?}: log {log:?}, {durable} durable, committed {committed:?}, \
                 applied {applied:?}",
                node.id()
            )?;
        }
        write!(f, "{:?} {:?}", self.history, self.broken)
    }
}
