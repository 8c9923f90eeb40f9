//! Carrying out a plan's faults, and mending them.

use bytes::Bytes;

use crate::protocol::{Change, Command, Epoch, Inject, Input, Kind as EntryKind, NodeId, Position, RequestId};
use crate::verify::simulator::Told;
use crate::verify::simulator::clients::FORGER;
use crate::verify::simulator::host::Host;
use crate::verify::simulator::options;
use crate::verify::simulator::plan::{Kind, MemberWish, Who};
use crate::verify::simulator::queue::Due;
use crate::verify::simulator::world::{Simulation, Step};

/// A request of no client: whatever the answer, nobody waits for it.
pub(super) const NOBODY: RequestId = RequestId(u64::MAX);

impl Simulation<'_> {
    pub(super) fn begin_fault(&mut self, index: usize) -> Step {
        let kind = self.plan.faults[index].kind.clone();
        let node = who(&kind).and_then(|who| self.whom(who));
        self.struck[index] = node;
        if who(&kind).is_some() && node.is_none() {
            return Ok(());
        }
        if let Some(record) = &mut self.record {
            let whom = node.map_or(String::new(), |node| format!(" ({node})"));
            record.line(self.now, format_args!("FAULT {kind}{whom}"));
        }
        *self.stats.faults.entry(kind.name()).or_default() += 1;
        match (kind, node) {
            (Kind::PowerCutOfAll { kept_percent, torn }, _) => {
                for node in self.ids() {
                    self.cut_power(node, kept_percent, torn);
                }
                Ok(())
            }
            (Kind::Cut { links }, _) => {
                links.iter().for_each(|(from, to)| self.network.cut(*from, *to));
                Ok(())
            }
            (Kind::Noise { lost_in, doubled_in, late_in }, _) => {
                let noise = options::Network { lost_in, doubled_in, late_in, ..self.plan.options.network };
                self.network.noise.push((index, noise));
                Ok(())
            }
            (Kind::Echo { one_in, after_micros }, _) => {
                self.network.echoes.push((index, one_in, after_micros));
                Ok(())
            }
            (kind, Some(node)) => self.strike(node, kind),
            (_, None) => Ok(()),
        }
    }

    /// A fault of one node.
    fn strike(&mut self, node: NodeId, kind: Kind) -> Step {
        let (now, may_lose) = (self.now, self.may_lose(node));
        let host = self.host(node);
        match kind {
            Kind::PowerCut { kept_percent, torn, .. } => self.cut_power(node, kept_percent, torn),
            Kind::Kill { .. } if host.is_up() => {
                self.stop(node);
                self.host(node).disk.kill();
            }
            Kind::Pause { .. } if host.is_up() => host.paused += 1,
            Kind::Isolate { speaks, hears, .. } => {
                self.links_of(node, speaks, hears).for_each(|(from, to)| self.network.cut(from, to));
            }
            Kind::SlowDisk { flush_micros, .. } => host.flush_micros = flush_micros,
            Kind::FailingDisk { .. } => host.fails_next_flush = host.is_up(),
            Kind::SlowApply { apply_micros, .. } => host.apply_micros = apply_micros,
            Kind::Clock { step_micros, rate_ppm, .. } => {
                host.clock.set(now, step_micros, rate_ppm);
                return self.wake_anew(node);
            }
            Kind::HoldOrders { .. } => host.orders_held += 1,
            Kind::Transfer { to, .. } if host.is_up() => return self.step(node, Input::Transfer(NOBODY, to)),
            Kind::Inject { count, epochs_below, copied, .. } => return self.inject(node, count, epochs_below, copied),
            Kind::FlippedBit { stopped, .. } if may_lose => self.flip_bit(node, stopped),
            Kind::Wipe { .. } if may_lose => self.wipe(node),
            Kind::Members { wish, .. } => self.want(node, wish),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn end_fault(&mut self, index: usize) -> Step {
        let kind = &self.plan.faults[index].kind;
        let node = self.struck[index];
        if who(kind).is_some() && node.is_none() {
            return Ok(());
        }
        if let Some(record) = &mut self.record {
            record.line(self.now, format_args!("MENDED {kind}"));
        }
        match (kind, node) {
            (Kind::PowerCutOfAll { .. }, _) => self.ids().into_iter().try_for_each(|node| self.restart(node)),
            (Kind::Cut { links }, _) => {
                links.iter().for_each(|(from, to)| self.network.heal(*from, *to));
                Ok(())
            }
            (Kind::Noise { .. }, _) => {
                self.network.noise.retain(|(noise, _)| *noise != index);
                Ok(())
            }
            (Kind::Echo { .. }, _) => {
                self.network.echoes.retain(|(echo, ..)| *echo != index);
                Ok(())
            }
            (kind, Some(node)) => self.mend(node, kind),
            (_, None) => Ok(()),
        }
    }

    fn mend(&mut self, node: NodeId, kind: &Kind) -> Step {
        let now = self.now;
        let host = self.host(node);
        match kind {
            Kind::Pause { .. } => return self.resume(node),
            Kind::Isolate { speaks, hears, .. } => {
                self.links_of(node, *speaks, *hears).for_each(|(from, to)| self.network.heal(from, to));
            }
            Kind::SlowDisk { .. } => host.flush_micros = 0,
            Kind::FailingDisk { .. } => {
                host.fails_next_flush = false;
                return self.restart(node);
            }
            Kind::SlowApply { .. } => host.apply_micros = 0,
            Kind::Clock { .. } => {
                host.clock.set(now, 0, 0);
                return self.wake_anew(node);
            }
            Kind::HoldOrders { .. } => {
                host.orders_held -= 1;
                if host.orders_held == 0 {
                    let held = std::mem::take(&mut host.held);
                    held.into_iter().for_each(|envelope| self.queue.put(now, Due::Message(Box::new(envelope))));
                }
            }
            Kind::PowerCut { .. } | Kind::Kill { .. } | Kind::FlippedBit { .. } => return self.restart(node),
            Kind::Wipe { .. } => {
                self.restart(node)?;
                self.replace_lost(node);
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn restart(&mut self, node: NodeId) -> Step {
        let host = self.host(node);
        if host.is_up() { Ok(()) } else { self.start(node) }
    }

    /// A disk was lost: where members change at all, somebody does something about it.
    fn replace_lost(&mut self, node: NodeId) {
        let is_member = self.list().is_some_and(|list| self.hosts[node.0 as usize - 1].is_member(list));
        if self.plan.options.members.changes_most > 0 && !is_member {
            self.want(node, MemberWish::Join);
        }
    }

    /// The node comes back under its old id, but as another incarnation. If the command line named it the founders, it may
    /// do so again, as long as one of them still knows that there is a cluster.
    fn wipe(&mut self, node: NodeId) {
        self.cut_power(node, 100, false);
        let first = self.hosts.iter().all(|host| host.destroyed.is_empty());
        let host = self.host(node);
        host.wipe();
        if !first || host.config.voters.len() < 2 {
            host.config.voters.clear();
        }
        self.watch.left(node);
        self.tell(Told::Left(node));
    }

    pub(super) fn cut_power(&mut self, node: NodeId, kept_percent: u64, torn: bool) {
        if !self.host(node).is_up() {
            return;
        }
        self.stop(node);
        let host = self.host(node);
        // Only the beginning of what was received of a snapshot is found whole.
        let kept = |content: &Vec<u8>| content.len() * kept_percent as usize / 100;
        host.incoming.iter_mut().for_each(|(_, content)| content.truncate(kept(content)));
        host.disk.cut_power(kept_percent, torn);
        host.shown = None;
    }

    /// What waited for the process happens now, in its order; or its timer comes first.
    fn resume(&mut self, node: NodeId) -> Step {
        let now = self.now;
        let tick_first = self.dice.one_in(2);
        let host = self.host(node);
        host.paused = host.paused.saturating_sub(1);
        if host.paused > 0 {
            return Ok(());
        }
        let run = host.run;
        let backlog = std::mem::take(&mut host.backlog);
        if tick_first && host.is_up() {
            self.queue.put(now, Due::Tick { node, run });
        }
        backlog.into_iter().for_each(|due| self.queue.put(now, due));
        Ok(())
    }

    /// The links that are cut for a node that others do not hear, or that does not hear them.
    fn links_of(&self, node: NodeId, speaks: bool, hears: bool) -> impl Iterator<Item = (u64, u64)> + use<> {
        let others = (1..=self.hosts.len() as u64).filter(move |other| *other != node.0);
        others
            .flat_map(move |other| {
                [(node.0, other, speaks), (other, node.0, hears)].into_iter().filter(|(.., works)| !works)
            })
            .map(|(from, to, _)| (from, to))
    }

    fn whom(&self, who: Who) -> Option<NodeId> {
        match who {
            Who::Node(node) => Some(node).filter(|node| node.0 as usize <= self.hosts.len()),
            Who::Leader => self.leader(),
            Who::Replica(index) => {
                let leader = self.leader();
                let others: Vec<NodeId> = self.ids().into_iter().filter(|node| Some(*node) != leader).collect();
                nth(&others, index)
            }
            Who::Outsider(index) => {
                let list = self.list()?;
                let others = self.hosts.iter().filter(|host| !host.is_member(list));
                nth(&others.map(Host::id).collect::<Vec<_>>(), index)
            }
            Who::Learner(index) => nth(&self.list()?.learners().map(|member| member.id).collect::<Vec<_>>(), index),
        }
    }

    fn inject(&mut self, node: NodeId, count: u64, epochs_below: Option<u64>, copied: bool) -> Step {
        let Some(core) = &self.host(node).core else { return Ok(()) };
        let next = core.last().map_or(1, |last| last.position.0 + 1);
        let promised = core.epoch().map_or(0, |epoch| epoch.0);
        let epoch = epochs_below.map(|below| Epoch(promised.saturating_sub(below)));
        let commands = (next..next + count).map(|position| self.forgery(Position(position), copied)).collect();
        self.clients.injections += 1;
        let request = RequestId(1 << 63 | self.clients.injections);
        self.step(node, Input::Inject(Inject { request, epoch, commands }))
    }

    /// What the leader has at this position, or something that nobody ever asked for.
    fn forgery(&self, position: Position, copied: bool) -> Bytes {
        let leader = self.leader().filter(|_| copied).map(|leader| &self.hosts[leader.0 as usize - 1]);
        let entry = leader.and_then(|host| host.disk.written().at(position));
        let copy = entry.filter(|entry| entry.kind == EntryKind::Command).map(|entry| entry.body.clone());
        let change = Change::Put { key: Bytes::from_static(b"k0"), value: Bytes::from_static(b"forged") };
        copy.unwrap_or_else(|| {
            Command { session: FORGER, sequence: self.clients.injections, once: None, change }.encode()
        })
    }
}

fn nth(nodes: &[NodeId], index: u64) -> Option<NodeId> {
    nodes.get(index as usize % nodes.len().max(1)).copied()
}

fn who(kind: &Kind) -> Option<Who> {
    match kind {
        Kind::PowerCut { who, .. }
        | Kind::Kill { who }
        | Kind::Pause { who }
        | Kind::Isolate { who, .. }
        | Kind::SlowDisk { who, .. }
        | Kind::FailingDisk { who }
        | Kind::SlowApply { who, .. }
        | Kind::Clock { who, .. }
        | Kind::HoldOrders { who }
        | Kind::Transfer { who, .. }
        | Kind::Inject { who, .. }
        | Kind::FlippedBit { who, .. }
        | Kind::Wipe { who }
        | Kind::Members { who, .. } => Some(*who),
        Kind::PowerCutOfAll { .. } | Kind::Cut { .. } | Kind::Noise { .. } | Kind::Echo { .. } => None,
    }
}
