//! What a node's process does: it starts, takes inputs, has its outputs carried out and checked, and ends.

use std::hash::Hash;

use crate::protocol::apply::Applied;
use crate::protocol::trace::{Event, Fact, NodeState};
use crate::protocol::{Entry, Envelope, Input, Kind, Message, NodeId, Output, Store, Time};
use crate::verify::host::{Checked, Effect, Work};
use crate::verify::invariants::Violation;
use crate::verify::simulator::Notification;
use crate::verify::simulator::damage::{AT_A_START, BY_A_READ};
use crate::verify::simulator::queue::Due;
use crate::verify::simulator::world::Simulation;

/// How many steps lie between two checks of everything.
const FULL_CHECK_STEPS: u64 = 5_000;

/// Why a core stops itself after a simulated disk failure.
const DISK_FAILURE: &str = "the simulated disk fails";

impl Simulation<'_> {
    pub(super) fn start(&mut self, node: NodeId) -> Checked {
        // A start reads the whole log.
        if let Some(damage) = self.host(node).disk.damage() {
            return self.quarantine(node, damage, AT_A_START);
        }
        let (now, tail_more) = (self.now, self.plan.options.tail_more);
        let was_closed_cleanly = self.watchers.rng.one_in(2);
        let known = self.oracle.applied();
        let new = self.machine_mut(node).start(now, tail_more, known);
        for entry in &new {
            self.apply(node, entry)?;
        }
        if was_closed_cleanly {
            self.host_mut(node).database.forget_history();
        }
        let snapshot = NodeState { process: self.machine(node).run, ..self.host(node).view() };
        self.notify(Notification::Started(&snapshot));
        self.watch.restarted(&snapshot).map_or(Ok(()), |violation| Err(Box::new(violation)))?;
        self.step(node, Input::Watched(true))
    }

    pub(super) fn on_message(&mut self, envelope: Envelope) -> Checked {
        let (node, now) = (envelope.to, self.now);
        let machine = self.machine_mut(node);
        if !machine.host.is_up() {
            return Ok(());
        }
        if machine.orders_held > 0 && matches!(envelope.message, Message::CommitOrder(_)) {
            machine.held.push(envelope);
            return Ok(());
        }
        let (from, process) = (envelope.from, envelope.process);
        if machine.heard.insert(from, process) != Some(process) {
            let time = machine.clock.at(now);
            self.trace(node, time, Fact::PeerProcess { node: from, process })?;
        }
        self.step(node, Input::Message(envelope))
    }

    pub(super) fn on_tick(&mut self, node: NodeId) -> Checked {
        self.machine_mut(node).tick_at = None;
        self.step(node, Input::Tick)
    }

    pub(super) fn on_flushed(&mut self, node: NodeId) -> Checked {
        let machine = self.machine_mut(node);
        if std::mem::take(&mut machine.fails_next_flush) {
            return self.step(node, Input::StorageFailed(DISK_FAILURE.to_owned()));
        }
        let Some(operation) = machine.host.disk.end_flush() else { return Ok(()) };
        for envelope in machine.host.take_released() {
            self.send(envelope)?;
        }
        self.step(node, Input::Stored(operation))
    }

    pub(super) fn on_applied(&mut self, node: NodeId) -> Checked {
        let machine = self.machine_mut(node);
        machine.is_applying = false;
        let Some(apply) = machine.host.take_apply() else { return Ok(()) };
        let mut outcomes = Vec::new();
        for entry in &apply.entries {
            outcomes.push(self.apply(node, entry)?);
        }
        self.begin_snapshot(node);
        self.begin_install(node);
        self.step(node, Input::Applied { up_to: apply.up_to, outcomes })
    }

    fn apply(&mut self, node: NodeId, entry: &Entry) -> Checked<Applied> {
        let host = &mut self.machines[node.0 as usize - 1].host;
        let before = host.database.revision();
        let applied = host.apply_entry(entry)?;
        let changed = host.database.revision() != before;
        if entry.position.0 > self.oracle.applied() {
            self.watchers.on_committed(host.database.last_changes())?;
        }
        self.oracle.on_applied(host, entry, applied, changed)?;
        Ok(applied)
    }

    pub(super) fn on_log_read(&mut self, node: NodeId) -> Checked {
        match self.host_mut(node).read_log() {
            Ok(Some(input)) => self.step(node, input),
            Ok(None) => Ok(()),
            Err(damage) => self.quarantine(node, damage, BY_A_READ),
        }
    }

    /// Gives the node's core one input and carries out its outputs.
    pub(super) fn step(&mut self, node: NodeId, input: Input) -> Checked {
        let now = self.now;
        let machine = self.machine_mut(node);
        let (time, run) = (machine.clock.at(now), machine.run);
        if !machine.host.is_up() {
            return Ok(());
        }
        let outputs = machine.host.step(time, input);
        self.stats.steps += 1;
        for output in outputs {
            // An earlier output may have ended the process.
            let machine = self.machine(node);
            if machine.run == run && machine.host.is_up() {
                self.carry_out(node, time, output)?;
            }
        }
        self.after_step(node)?;
        if self.stats.steps.is_multiple_of(FULL_CHECK_STEPS) { self.check_everything() } else { Ok(()) }
    }

    fn carry_out(&mut self, node: NodeId, time: Time, output: Output) -> Checked {
        let machine = &mut self.machines[node.0 as usize - 1];
        let run = machine.run;
        if let Output::Store(_, store) = &output {
            self.oracle.before_store(&machine.host, store)?;
            machine.list_touched |= may_change_list(store);
        }
        match machine.host.carry_out(output)? {
            Effect::Stored | Effect::Queued(Work::Apply) => Ok(()),
            Effect::Send(envelope) => self.send(envelope),
            Effect::Queued(Work::ReadLog) => {
                let at = self.now + 1 + self.rng.below(self.disk.read_micros_max);
                self.queue.put(at, Due::LogRead { node, run });
                Ok(())
            }
            Effect::Queued(Work::CheckChain) => {
                self.queue.put(self.now + 1_000, Due::LogRead { node, run });
                Ok(())
            }
            Effect::Queued(work) => {
                self.on_snapshot_work(node, work);
                Ok(())
            }
            Effect::Members(listed) => {
                self.on_members(listed);
                Ok(())
            }
            Effect::Answer(request, answer) => {
                (request.0 & 1 << 63).hash(&mut self.hash);
                self.on_answer(node, request, &answer)
            }
            Effect::Trace(fact) => self.trace(node, time, fact),
            Effect::Rejected { .. } => {
                self.stats.rejected += 1;
                Ok(())
            }
            Effect::Stopped(text) => self.on_stopped(node, text),
        }
    }

    /// The core stops the node. That is right if the disk failed, and wrong otherwise.
    fn on_stopped(&mut self, node: NodeId, text: String) -> Checked {
        if !text.contains(DISK_FAILURE) {
            return Err(Violation::of("no node stops without a cause", format!("{node} stops: {text}")));
        }
        let kept = self.rng.below(101);
        self.stop(node);
        self.host_mut(node).disk.lose_power_percent(kept, true);
        self.machine_mut(node).shown = None;
        Ok(())
    }

    /// The process ends. What becomes of its disk is for the caller to say.
    pub(super) fn stop(&mut self, node: NodeId) {
        self.machine_mut(node).stop();
        self.drop_connections(node);
        self.drop_watchers(node);
    }

    /// Hands a message to the network.
    fn send(&mut self, mut envelope: Envelope) -> Checked {
        let machine = &self.machines[envelope.from.0 as usize - 1];
        envelope.process = machine.run;
        self.oracle.before_sending(&machine.host, &envelope)?;
        if matches!(envelope.message, Message::Push(_) | Message::CommitOrder(_) | Message::SnapshotChunk(_)) {
            self.check_removed(envelope.from, envelope.to)?;
        }
        self.stats.messages += 1;
        let fate = self.network.fate(self.now, &envelope);
        if let Some(at) = fate.again {
            self.stats.doubled += 1;
            self.queue.put(at, Due::Message(Box::new(envelope.clone())));
        }
        match fate.at {
            Some(at) => self.queue.put(at, Due::Message(Box::new(envelope))),
            None => self.stats.lost += 1,
        }
        Ok(())
    }

    pub(super) fn trace(&mut self, node: NodeId, time: Time, fact: Fact) -> Checked {
        let now = self.now;
        let machine = self.machine_mut(node);
        machine.events += 1;
        let event = Event { node, number: machine.events, time, fact };
        (now, node, event.number).hash(&mut self.hash);
        event.fact.hash(&mut self.hash);
        self.stats.count(&event.fact);
        if let Some(transcript) = &mut self.transcript {
            transcript.event(now, &event);
        }
        self.notify(Notification::Event(&event));
        self.oracle.on_fact(&self.machines, node, &event.fact)?;
        self.watch.event(&event).map_or(Ok(()), |violation| Err(Box::new(violation)))
    }

    /// What the process does by itself after a step: it flushes, applies, and sets its timer.
    fn after_step(&mut self, node: NodeId) -> Checked {
        let machine = &mut self.machines[node.0 as usize - 1];
        let Some(core) = machine.host.running() else { return Ok(()) };
        let committed = core.committed();
        if committed != machine.committed {
            let before = std::mem::replace(&mut machine.committed, committed);
            self.oracle.on_committed(&machine.host, before, committed, &self.clients)?;
        }
        if std::mem::take(&mut machine.list_touched) {
            self.oracle.check_list(&machine.host)?;
        }
        let (now, run, rng, disk) = (self.now, machine.run, &mut self.rng, &self.disk);
        if machine.host.disk.begin_flush() {
            let at = now + (1 + rng.below(disk.flush_micros_max)).max(machine.flush_micros);
            self.queue.put(at, Due::Flushed { node, run });
        }
        if !machine.is_applying && machine.host.has_applies() {
            machine.is_applying = true;
            let at = now + (1 + rng.below(disk.apply_micros_max)).max(machine.apply_micros);
            self.queue.put(at, Due::Applied { node, run });
        }
        let at = machine.clock.when(machine.host.core().deadline(), now).max(now + 1);
        if machine.tick_at.is_none_or(|known| at < known) {
            machine.tick_at = Some(at);
            self.queue.put(at, Due::Tick { node, run });
        }
        Ok(())
    }

    /// A node's clock was set: its timer is set again.
    pub(super) fn reset_timer(&mut self, node: NodeId) -> Checked {
        self.machine_mut(node).tick_at = None;
        self.after_step(node)
    }
}

/// Whether another member list may be in force once this is stored.
fn may_change_list(store: &Store) -> bool {
    match store {
        Store::Append(append) => {
            append.truncate_from.is_some() || append.entries.iter().any(|entry| entry.kind != Kind::Command)
        }
        Store::Replace(_) | Store::Compact(_) => true,
        Store::Promise(_) => false,
    }
}
