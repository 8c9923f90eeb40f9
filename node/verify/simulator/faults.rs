//! Begins and ends the faults of a plan.

use bytes::Bytes;

use crate::protocol::{Change, Command, Epoch, Inject, Input, Kind, NodeId, Position, RequestId};
use crate::verify::host::{Checked, Host};
use crate::verify::simulator::Notification;
use crate::verify::simulator::clients::FORGER;
use crate::verify::simulator::members::is_member;
use crate::verify::simulator::options;
use crate::verify::simulator::plan::{FaultKind, MemberRequest, Target};
use crate::verify::simulator::queue::Due;
use crate::verify::simulator::world::Simulation;

/// A request of no client. Its answer is ignored.
pub(super) const NO_CLIENT: RequestId = RequestId(u64::MAX);

impl Simulation<'_> {
    pub(super) fn begin_fault(&mut self, index: usize) -> Checked {
        let kind = self.plan.faults[index].kind.clone();
        let node = target(&kind).and_then(|target| self.resolve(target));
        self.hit[index] = node;
        if target(&kind).is_some() && node.is_none() {
            return Ok(());
        }
        if let Some(transcript) = &mut self.transcript {
            let whom = node.map_or(String::new(), |node| format!(" ({node})"));
            transcript.line(self.now, format_args!("FAULT {kind}{whom}"));
        }
        *self.stats.faults.entry(kind.name()).or_default() += 1;
        match (kind, node) {
            (FaultKind::PowerCutOfAll { kept_percent, torn }, _) => {
                for node in self.ids() {
                    self.cut_power(node, kept_percent, torn);
                }
                Ok(())
            }
            (FaultKind::Cut { links }, _) => {
                for (from, to) in links {
                    self.cut_link(from, to);
                }
                Ok(())
            }
            (FaultKind::Noise { lost_in, doubled_in, late_in }, _) => {
                let noise = options::Network { lost_in, doubled_in, late_in, ..self.plan.options.network };
                self.network.noise.push((index, noise));
                Ok(())
            }
            (FaultKind::Echo { one_in, after_micros }, _) => {
                self.network.echoes.push((index, one_in, after_micros));
                Ok(())
            }
            (kind, Some(node)) => self.begin_at(node, kind),
            (_, None) => Ok(()),
        }
    }

    fn cut_link(&mut self, from: u64, to: u64) {
        self.network.cut(from, to);
        self.report_cut(from, to);
    }

    /// A fault of one node.
    fn begin_at(&mut self, node: NodeId, kind: FaultKind) -> Checked {
        let (now, can_lose_disk) = (self.now, self.can_lose_disk(node));
        let machine = self.machine_mut(node);
        let is_up = machine.host.is_up();
        match kind {
            FaultKind::PowerCut { kept_percent, torn, .. } => self.cut_power(node, kept_percent, torn),
            FaultKind::Kill { .. } if is_up => {
                self.stop(node);
                self.host_mut(node).disk.kill();
                self.report_ended(node);
            }
            FaultKind::Pause { .. } if is_up => machine.paused += 1,
            FaultKind::Isolate { sends, receives, .. } => {
                self.links_of(node, sends, receives).for_each(|(from, to)| self.cut_link(from, to));
            }
            FaultKind::SlowDisk { flush_micros, .. } => machine.flush_micros = flush_micros,
            FaultKind::FailingDisk { .. } => machine.fails_next_flush = is_up,
            FaultKind::SlowApply { apply_micros, .. } => machine.apply_micros = apply_micros,
            FaultKind::Clock { step_micros, rate_ppm, .. } => {
                machine.clock.set(now, step_micros, rate_ppm);
                return self.reset_timer(node);
            }
            FaultKind::HoldOrders { .. } => machine.orders_held += 1,
            FaultKind::Transfer { to, .. } if is_up => return self.step(node, Input::Transfer(NO_CLIENT, to)),
            FaultKind::Inject { count, epochs_below, copied, .. } => {
                return self.inject(node, count, epochs_below, copied);
            }
            FaultKind::FlippedBit { stopped, .. } if can_lose_disk => self.flip_bit(node, stopped),
            FaultKind::Wipe { .. } if can_lose_disk => self.wipe(node),
            FaultKind::Members { request, .. } => self.request(node, request),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn end_fault(&mut self, index: usize) -> Checked {
        let kind = &self.plan.faults[index].kind;
        let node = self.hit[index];
        if target(kind).is_some() && node.is_none() {
            return Ok(());
        }
        if let Some(transcript) = &mut self.transcript {
            transcript.line(self.now, format_args!("MENDED {kind}"));
        }
        match (kind, node) {
            (FaultKind::PowerCutOfAll { .. }, _) => self.ids().into_iter().try_for_each(|node| self.restart(node)),
            (FaultKind::Cut { links }, _) => {
                links.iter().for_each(|(from, to)| self.network.heal(*from, *to));
                Ok(())
            }
            (FaultKind::Noise { .. }, _) => {
                self.network.noise.retain(|(noise, _)| *noise != index);
                Ok(())
            }
            (FaultKind::Echo { .. }, _) => {
                self.network.echoes.retain(|(echo, ..)| *echo != index);
                Ok(())
            }
            (kind, Some(node)) => self.end_at(node, kind),
            (_, None) => Ok(()),
        }
    }

    fn end_at(&mut self, node: NodeId, kind: &FaultKind) -> Checked {
        let now = self.now;
        let machine = self.machine_mut(node);
        match kind {
            FaultKind::Pause { .. } => return self.resume(node),
            FaultKind::Isolate { sends, receives, .. } => {
                self.links_of(node, *sends, *receives).for_each(|(from, to)| self.network.heal(from, to));
            }
            FaultKind::SlowDisk { .. } => machine.flush_micros = 0,
            FaultKind::FailingDisk { .. } => {
                machine.fails_next_flush = false;
                return self.restart(node);
            }
            FaultKind::SlowApply { .. } => machine.apply_micros = 0,
            FaultKind::Clock { .. } => {
                machine.clock.set(now, 0, 0);
                return self.reset_timer(node);
            }
            FaultKind::HoldOrders { .. } => {
                machine.orders_held -= 1;
                if machine.orders_held == 0 {
                    let held = std::mem::take(&mut machine.held);
                    held.into_iter().for_each(|envelope| self.queue.put(now, Due::Message(Box::new(envelope))));
                }
            }
            FaultKind::PowerCut { .. } | FaultKind::Kill { .. } | FaultKind::FlippedBit { .. } => {
                return self.restart(node);
            }
            FaultKind::Wipe { .. } => {
                self.restart(node)?;
                self.replace_lost(node);
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn restart(&mut self, node: NodeId) -> Checked {
        if self.host(node).is_up() { Ok(()) } else { self.start(node) }
    }

    /// A disk was lost: in runs in which members change, an operator lists the node again.
    fn replace_lost(&mut self, node: NodeId) {
        let is_member = self.list().is_some_and(|list| is_member(self.host(node), list));
        if self.plan.options.members.changes_max > 0 && !is_member {
            self.request(node, MemberRequest::Join);
        }
    }

    /// The node comes back under its old id, as another incarnation. Its command line may name the founders again, as
    /// long as one of them still knows that there is a cluster.
    fn wipe(&mut self, node: NodeId) {
        self.cut_power(node, 100, false);
        let first = self.machines.iter().all(|machine| machine.destroyed.is_empty());
        let machine = self.machine_mut(node);
        machine.wipe();
        if !first || machine.host.config.voters.len() < 2 {
            machine.host.config.voters.clear();
        }
        self.watch.left(node);
        self.notify(Notification::Left(node));
    }

    pub(super) fn cut_power(&mut self, node: NodeId, kept_percent: u64, torn: bool) {
        if !self.host(node).is_up() {
            return;
        }
        self.stop(node);
        let machine = self.machine_mut(node);
        machine.host.keep_received(kept_percent);
        machine.host.disk.lose_power_percent(kept_percent, torn);
        machine.shown = None;
    }

    /// Everything that waited for the paused process happens now, in its order; or its timer comes first.
    fn resume(&mut self, node: NodeId) -> Checked {
        let now = self.now;
        let tick_first = self.rng.one_in(2);
        let machine = self.machine_mut(node);
        machine.paused = machine.paused.saturating_sub(1);
        if machine.paused > 0 {
            return Ok(());
        }
        let (run, is_up) = (machine.run, machine.host.is_up());
        let backlog = std::mem::take(&mut machine.backlog);
        if tick_first && is_up {
            self.queue.put(now, Due::Tick { node, run });
        }
        backlog.into_iter().for_each(|due| self.queue.put(now, due));
        Ok(())
    }

    /// The links to cut so that the node does not send, or does not receive.
    fn links_of(&self, node: NodeId, sends: bool, receives: bool) -> impl Iterator<Item = (u64, u64)> + use<> {
        let others = (1..=self.machines.len() as u64).filter(move |other| *other != node.0);
        others
            .flat_map(move |other| {
                [(node.0, other, sends), (other, node.0, receives)].into_iter().filter(|(.., works)| !works)
            })
            .map(|(from, to, _)| (from, to))
    }

    fn resolve(&self, target: Target) -> Option<NodeId> {
        match target {
            Target::Node(node) => Some(node).filter(|node| node.0 as usize <= self.machines.len()),
            Target::Leader => self.leader(),
            Target::Replica(index) => {
                let leader = self.leader();
                let others: Vec<NodeId> = self.ids().into_iter().filter(|node| Some(*node) != leader).collect();
                nth(&others, index)
            }
            Target::Outsider(index) => {
                let list = self.list()?;
                let others = self.hosts().filter(|host| !is_member(host, list));
                nth(&others.map(Host::id).collect::<Vec<_>>(), index)
            }
            Target::Learner(index) => nth(&self.list()?.learners().map(|member| member.id).collect::<Vec<_>>(), index),
        }
    }

    fn inject(&mut self, node: NodeId, count: u64, epochs_below: Option<u64>, copied: bool) -> Checked {
        let Some(core) = self.host(node).running() else { return Ok(()) };
        let next = core.last().map_or(1, |last| last.position.0 + 1);
        let promised = core.epoch().map_or(0, |epoch| epoch.0);
        let epoch = epochs_below.map(|below| Epoch(promised.saturating_sub(below)));
        let commands = (next..next + count).map(|position| self.forged_command(Position(position), copied)).collect();
        self.clients.injections += 1;
        let request = RequestId(1 << 63 | self.clients.injections);
        self.step(node, Input::Inject(Inject { request, epoch, commands }))
    }

    /// The command of a forged entry: what the leader has at this position, or a command of no client.
    fn forged_command(&self, position: Position, copied: bool) -> Bytes {
        let leader = self.leader().filter(|_| copied);
        let entry = leader.and_then(|leader| self.host(leader).disk.written().at(position));
        let copy = entry.filter(|entry| entry.kind == Kind::Command).map(|entry| entry.body.clone());
        let change = Change::Put { key: Bytes::from_static(b"k0"), value: Bytes::from_static(b"forged") };
        copy.unwrap_or_else(|| {
            Command { session: FORGER, sequence: self.clients.injections, once: None, change }.encode()
        })
    }
}

fn nth(nodes: &[NodeId], index: u64) -> Option<NodeId> {
    nodes.get(index as usize % nodes.len().max(1)).copied()
}

fn target(kind: &FaultKind) -> Option<Target> {
    match kind {
        FaultKind::PowerCut { target, .. }
        | FaultKind::Kill { target }
        | FaultKind::Pause { target }
        | FaultKind::Isolate { target, .. }
        | FaultKind::SlowDisk { target, .. }
        | FaultKind::FailingDisk { target }
        | FaultKind::SlowApply { target, .. }
        | FaultKind::Clock { target, .. }
        | FaultKind::HoldOrders { target }
        | FaultKind::Transfer { target, .. }
        | FaultKind::Inject { target, .. }
        | FaultKind::FlippedBit { target, .. }
        | FaultKind::Wipe { target }
        | FaultKind::Members { target, .. } => Some(*target),
        FaultKind::PowerCutOfAll { .. } | FaultKind::Cut { .. } | FaultKind::Noise { .. } | FaultKind::Echo { .. } => {
            None
        }
    }
}
