//! What a test does to the world: time, messages, disks, clients, crashes.

use bytes::Bytes;

use epoca::protocol::trace::Fact;
use epoca::protocol::{
    Answer, Envelope, Epoch, FeatureLevel, Inject, Input, Message, NodeId, Proposal, RequestId, Time,
};

use crate::world::{Auto, Pick, What, World, logs};

/// More messages than any test sends before the nodes fall silent: beyond it they would never do so.
const DELIVERIES_MAX: usize = 100_000;

impl World {
    pub fn start_all(&mut self) {
        for id in self.ids() {
            self.start(id);
        }
    }

    /// Starts a node on what its disk holds, watched.
    pub fn start(&mut self, id: u64) {
        let now = self.now;
        self.host_mut(id).start(now);
        self.step(id, Input::Watched(true));
    }

    /// A power cut: what no flush covered is lost.
    pub fn crash(&mut self, id: u64) {
        self.crash_keeping(id, 0);
        // Of what was received of a snapshot some is durable.
        self.host_mut(id).incoming.iter_mut().for_each(|(_, content)| content.truncate(content.len() / 2));
    }

    /// A power cut that leaves the first `kept` of the writes that no flush covered.
    pub fn crash_keeping(&mut self, id: u64, kept: usize) {
        self.host_mut(id).stop(kept);
        self.note(NodeId(id), What::Fact(Fact::Killed { node: NodeId(id) }));
    }

    /// The process ends; what was written stays.
    pub fn kill(&mut self, id: u64) {
        let pending = self.host(id).disk.pending();
        self.crash_keeping(id, pending);
    }

    pub fn restart(&mut self, id: u64) {
        self.note(NodeId(id), What::Fact(Fact::Restarted { node: NodeId(id) }));
        self.start(id);
    }

    pub fn wipe(&mut self, id: u64) {
        self.host_mut(id).wipe();
    }

    pub fn auto(&mut self, id: u64, auto: Auto) {
        self.host_mut(id).auto = auto;
        if self.host(id).is_up() {
            while let Some(input) = self.due(id) {
                self.step(id, input);
            }
        }
    }

    /// The disk works when the test says so.
    pub fn hold_disk(&mut self, id: u64) {
        let auto = self.host(id).auto;
        self.auto(id, Auto { flush: false, ..auto });
    }

    pub fn free_disk(&mut self, id: u64) {
        let auto = self.host(id).auto;
        self.auto(id, Auto { flush: true, ..auto });
    }

    /// Makes all pending writes of a node durable and tells it.
    pub fn flush(&mut self, id: u64) {
        self.flush_some(id, usize::MAX);
    }

    pub fn flush_some(&mut self, id: u64, count: usize) {
        if let Some(input) = self.flush_one(id, count) {
            self.step(id, input);
        }
    }

    pub fn apply(&mut self, id: u64) {
        if let Some(input) = self.host_mut(id).apply_one() {
            self.step(id, input);
        }
    }

    pub fn answer_read(&mut self, id: u64) {
        if let Some(input) = self.host_mut(id).read_one() {
            self.step(id, input);
        }
    }

    /// Hands a message to its receiver: cut links lose it, the gate may keep it, a node that is down hears nothing.
    pub fn hand_over(&mut self, envelope: Envelope) {
        let (from, to, number) = (envelope.from, envelope.to, envelope.number);
        let kind = envelope.message.kind().into();
        if self.network.is_cut(from, to) {
            let why = "cut".into();
            self.note(from, What::Fact(Fact::Dropped { from, to, number, kind, why }));
        } else if self.network.is_held(&envelope) {
            self.network.held.push(envelope);
            self.note(to, What::Fact(Fact::MessageHeld { from, to, number, kind, what: None, since: None }));
        } else if self.hosts.get(&to).is_some_and(|host| host.is_up()) {
            self.step(to.0, Input::Message(envelope));
        }
    }

    /// Delivers the messages that are under way now, not those that they cause. Gives how many.
    pub fn deliver(&mut self, pick: &Pick) -> usize {
        let taken = self.network.take(pick);
        let count = taken.len();
        taken.into_iter().for_each(|envelope| self.hand_over(envelope));
        count
    }

    /// Loses messages on their way.
    pub fn drop_messages(&mut self, pick: &Pick) -> usize {
        self.network.take(pick).len()
    }

    /// Delivers everything until the nodes fall silent. Time stands still. Messages to puppets stay in the pool.
    pub fn settle(&mut self) {
        for _ in 0..DELIVERIES_MAX {
            let next = self.network.pool.iter().position(|envelope| self.hosts.contains_key(&envelope.to));
            let Some(index) = next else { return };
            let envelope = self.network.pool.remove(index);
            self.hand_over(envelope);
        }
        panic!("the nodes never fall silent; under way: {:?}", self.network.pool);
    }

    /// Time passes for a healthy network: messages arrive at once, each node wakes up at its deadline.
    pub fn elapse(&mut self, micros: u64) {
        let end = self.now.plus_micros(micros);
        self.settle();
        while let Some((deadline, id)) = self.next_deadline().filter(|(deadline, _)| *deadline <= end) {
            self.now = self.now.max(deadline);
            self.step(id, Input::Tick);
            let after = self.host(id).deadline();
            assert!(after.is_none_or(|after| after > self.now), "n{id} wants to be woken at {after:?} again");
            self.settle();
        }
        self.now = end;
    }

    pub fn elapse_millis(&mut self, millis: u64) {
        self.elapse(millis * 1_000);
    }

    /// Time passes until the world is as wanted; at most `seconds`.
    pub fn elapse_until(&mut self, seconds: u64, what: &str, wanted: impl Fn(&World) -> bool) {
        for _ in 0..seconds * 20 {
            if wanted(self) {
                return;
            }
            self.elapse_millis(50);
        }
        assert!(wanted(self), "{seconds} s of virtual time were not enough for: {what}");
    }

    pub fn next_deadline(&self) -> Option<(Time, u64)> {
        self.hosts.values().filter_map(|host| Some((host.deadline()?, host.id().0))).min()
    }

    /// Moves time on to the node's deadline and wakes it, and nobody else.
    pub fn tick(&mut self, id: u64) {
        let deadline = self.host(id).deadline().expect("a node that ticks is up");
        self.now = self.now.max(deadline);
        self.step(id, Input::Tick);
    }

    pub fn stand(&mut self, id: u64) -> RequestId {
        let request = self.next_request();
        self.step(id, Input::Stand(request));
        request
    }

    pub fn transfer(&mut self, id: u64, to: Option<u64>) -> RequestId {
        let request = self.next_request();
        self.step(id, Input::Transfer(request, to.map(NodeId)));
        request
    }

    pub fn lease_read(&mut self, id: u64) -> RequestId {
        let request = self.next_request();
        self.step(id, Input::LeaseRead(vec![request]));
        request
    }

    /// `key=value` writes, or `key` alone to delete, handed to the node as one batch.
    pub fn propose(&mut self, id: u64, writes: &[&str]) -> Vec<RequestId> {
        let proposals: Vec<_> = writes
            .iter()
            .map(|write| {
                let request = self.next_request();
                Proposal { request, command: command(write, request.0) }
            })
            .collect();
        let requests = proposals.iter().map(|proposal| proposal.request).collect();
        self.step(id, Input::Propose(proposals));
        requests
    }

    pub fn put(&mut self, id: u64, write: &str) -> RequestId {
        self.propose(id, &[write])[0]
    }

    /// An encoded command, handed to the node.
    pub fn write(&mut self, id: u64, command: Bytes) -> RequestId {
        let request = self.next_request();
        self.step(id, Input::Propose(vec![Proposal { request, command }]));
        request
    }

    pub fn read(&mut self, id: u64) -> RequestId {
        let request = self.next_request();
        self.step(id, Input::Read(vec![request]));
        request
    }

    pub fn inject(&mut self, id: u64, writes: &[&str], epoch: Option<u64>) -> RequestId {
        let commands = writes.iter().map(|write| command(write, self.requests + 1)).collect();
        self.inject_commands(id, commands, epoch)
    }

    pub fn inject_commands(&mut self, id: u64, commands: Vec<Bytes>, epoch: Option<u64>) -> RequestId {
        let request = self.next_request();
        self.step(id, Input::Inject(Inject { request, epoch: epoch.map(Epoch), commands }));
        request
    }

    /// A line of a puppet, or of a node whose message the test makes up.
    pub fn say(&mut self, from: u64, to: u64, epoch: Option<u64>, message: Message) -> u64 {
        self.said += 1;
        let host = self.host(to);
        let founded = !host.disk.written().entries.is_empty() || !message.is_election();
        let envelope = Envelope {
            from: NodeId(from),
            to: NodeId(to),
            number: 1_000_000 + self.said,
            cluster: founded.then(|| self.founding().cluster),
            incarnation: founded.then_some(host.config.incarnation),
            epoch: epoch.map(Epoch),
            sender: None,
            process: 0,
            level: FeatureLevel::NEWEST,
            message,
        };
        self.step(to, Input::Message(envelope));
        1_000_000 + self.said
    }

    /// The answer says that the write is confirmed.
    pub fn is_written(&self, request: RequestId) -> bool {
        matches!(self.answer(request), Some(Answer::Applied { .. }))
    }

    /// The value that a read of the node's final database finds now.
    pub fn value(&self, id: u64, key: &str) -> Option<String> {
        let (value, _) = self.host(id).database.read(key)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }
}

fn command(write: &str, sequence: u64) -> Bytes {
    match write.split_once('=') {
        Some((key, value)) => logs::put(key, value, sequence),
        None => logs::delete(write, sequence),
    }
}
