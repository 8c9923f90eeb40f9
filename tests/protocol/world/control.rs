//! The controls of a test: time, messages, disks, clients, crashes.

use bytes::Bytes;

use epoca::protocol::trace::Fact;
use epoca::protocol::{Answer, Core, Envelope, Epoch, Inject, Input, Message, NodeId, Proposal, RequestId, Time};
use epoca::verify::host::Host;

use crate::world::{Auto, Pick, What, World, logs};

/// More messages than any test sends before the nodes are idle.
const DELIVERIES_MAX: usize = 100_000;

impl World {
    pub fn start_all(&mut self) {
        for id in self.ids() {
            self.start(id);
        }
    }

    /// Starts a node on its disk, with an observer.
    pub fn start(&mut self, id: u64) {
        let now = self.now;
        self.node_mut(id).start(now);
        self.step(id, Input::Watched(true));
    }

    /// A power loss: unflushed writes are lost, and half of a partially received snapshot.
    pub fn crash(&mut self, id: u64) {
        self.crash_keeping(id, 0);
        self.host_mut(id).keep_received(50);
    }

    /// A power loss that keeps the first `kept` unflushed writes.
    pub fn crash_keeping(&mut self, id: u64, kept: usize) {
        self.node_mut(id).stop(kept);
        self.note(NodeId(id), What::Fact(Fact::Killed { node: NodeId(id) }));
    }

    /// The process ends. All its writes stay.
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
        self.node_mut(id).auto = auto;
        if self.host(id).is_up() {
            while let Some(input) = self.work(id) {
                self.step(id, input);
            }
        }
    }

    /// From now on the test flushes explicitly.
    pub fn hold_disk(&mut self, id: u64) {
        let auto = self.node(id).auto;
        self.auto(id, Auto { flush: false, ..auto });
    }

    pub fn free_disk(&mut self, id: u64) {
        let auto = self.node(id).auto;
        self.auto(id, Auto { flush: true, ..auto });
    }

    /// Makes all pending writes of a node durable.
    pub fn flush(&mut self, id: u64) {
        self.flush_some(id, usize::MAX);
    }

    pub fn flush_some(&mut self, id: u64, count: usize) {
        if let Some(input) = self.flush_now(id, count) {
            self.step(id, input);
        }
    }

    pub fn apply(&mut self, id: u64) {
        if let Some(input) = self.node_mut(id).apply() {
            self.step(id, input);
        }
    }

    /// Does one pending piece of the node's snapshot work. Returns the resulting input, which is not given to the node
    /// yet.
    pub fn work_on_snapshots(&mut self, id: u64) -> Option<Input> {
        let World { nodes, taken, .. } = self;
        nodes.get_mut(&NodeId(id))?.work_on_snapshots(taken)
    }

    pub fn answer_read(&mut self, id: u64) {
        if let Some(input) = self.node_mut(id).read_log() {
            self.step(id, input);
        }
    }

    /// Delivers a message to its receiver. A cut link loses it, the gate may hold it, a node that is down ignores it.
    pub fn deliver_message(&mut self, envelope: Envelope) {
        let (from, to, number) = (envelope.from, envelope.to, envelope.number);
        let kind = envelope.message.kind().into();
        if self.network.is_cut(from, to) {
            let why = "cut".into();
            self.note(from, What::Fact(Fact::Dropped { from, to, number, kind, why }));
        } else if self.network.is_held(&envelope) {
            self.network.held.push(envelope);
            self.note(to, What::Fact(Fact::MessageHeld { from, to, number, kind, what: None, since: None }));
        } else if self.nodes.get(&to).is_some_and(|node| node.host.is_up()) {
            self.step(to.0, Input::Message(envelope));
        }
    }

    /// Delivers the messages that are in flight now, not those that they cause. Returns the count.
    pub fn deliver(&mut self, pick: &Pick) -> usize {
        let taken = self.network.take(pick);
        let count = taken.len();
        taken.into_iter().for_each(|envelope| self.deliver_message(envelope));
        count
    }

    /// Loses messages that are in flight.
    pub fn drop_messages(&mut self, pick: &Pick) -> usize {
        self.network.take(pick).len()
    }

    /// Delivers all messages until none is in flight, without advancing time. Messages to scripted voters stay in the
    /// pool.
    pub fn settle(&mut self) {
        for _ in 0..DELIVERIES_MAX {
            let next = self.network.pool.iter().position(|envelope| self.nodes.contains_key(&envelope.to));
            let Some(index) = next else { return };
            let envelope = self.network.pool.remove(index);
            self.deliver_message(envelope);
        }
        panic!("the nodes never become idle; in flight: {:?}", self.network.pool);
    }

    /// Advances time with a healthy network: messages arrive at once, and each node gets its ticks.
    pub fn elapse(&mut self, micros: u64) {
        let end = self.now.plus_micros(micros);
        self.settle();
        while let Some((deadline, id)) = self.next_deadline().filter(|(deadline, _)| *deadline <= end) {
            self.now = self.now.max(deadline);
            self.step(id, Input::Tick);
            let after = self.deadline(id);
            assert!(after.is_none_or(|after| after > self.now), "n{id} wants to be woken at {after:?} again");
            self.settle();
        }
        self.now = end;
    }

    pub fn elapse_millis(&mut self, millis: u64) {
        self.elapse(millis * 1_000);
    }

    /// Advances time until the condition holds, at most `seconds`.
    pub fn elapse_until(&mut self, seconds: u64, what: &str, condition: impl Fn(&World) -> bool) {
        for _ in 0..seconds * 20 {
            if condition(self) {
                return;
            }
            self.elapse_millis(50);
        }
        assert!(condition(self), "{seconds} s of virtual time were not enough for: {what}");
    }

    /// When the node wants its next tick, if it is up.
    pub fn deadline(&self, id: u64) -> Option<Time> {
        self.host(id).running().map(Core::deadline)
    }

    pub fn next_deadline(&self) -> Option<(Time, u64)> {
        self.hosts().filter_map(Host::running).map(|core| (core.deadline(), core.id().0)).min()
    }

    /// Advances time to the node's deadline and gives a tick to this node only.
    pub fn tick(&mut self, id: u64) {
        let deadline = self.core(id).deadline();
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

    /// Delivers a message that the test sends in the name of a node. Returns its number.
    pub fn send_as(&mut self, from: u64, to: u64, epoch: Option<u64>, message: Message) -> u64 {
        self.scripted += 1;
        let host = self.host(to);
        let founded = !host.disk.written().entries.is_empty() || !message.is_election();
        let envelope = Envelope {
            cluster: founded.then(|| self.founding().cluster),
            incarnation: founded.then_some(host.config.incarnation),
            epoch: epoch.map(Epoch),
            ..Envelope::bare(NodeId(from), NodeId(to), 1_000_000 + self.scripted, message)
        };
        self.step(to, Input::Message(envelope));
        1_000_000 + self.scripted
    }

    /// Whether the write is confirmed.
    pub fn is_written(&self, request: RequestId) -> bool {
        matches!(self.answer(request), Some(Answer::Applied { .. }))
    }

    /// The value of the key in the node's final database.
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
