//! The end of a run. The faults are over: within a bound one node must lead, all logs and states must be equal, and new
//! writes must be confirmed. Then everything is checked once more, and the clients' history is checked.

use crate::protocol::trace::{NodeState, Preview, RoleName};
use crate::protocol::{LogPoint, MemberKind, Prefer, Time};
use crate::verify::host::{Checked, Host};
use crate::verify::invariants::Violation;
use crate::verify::linearizability;
use crate::verify::simulator::clients::PROBER;
use crate::verify::simulator::members::is_member;
use crate::verify::simulator::options::{self, Options};
use crate::verify::simulator::plan::{Call, CallKind};
use crate::verify::simulator::world::Simulation;

/// How many election timeouts the nodes may take to agree.
const TIMEOUTS_MAX: u64 = 60;

/// After this many election timeouts a leader pushes to members only: the core's own bound, and one for its tick.
const REMOVAL_TIMEOUTS: u64 = 7;

/// The additional time for each entry, if a node lacks them all and gets them one by one.
const ENTRY_MICROS_MAX: u64 = 5_000;

impl Simulation<'_> {
    pub(super) fn settle(&mut self) -> Checked {
        self.end_all_faults()?;
        let timeout = self.plan.options.election_timeout_micros;
        let entries = self.hosts().filter_map(|host| host.disk.durable().last()).map(|last| last.position.0).max();
        let catching_up = entries.unwrap_or(0) * ENTRY_MICROS_MAX;
        let (begin, end) = (self.now, self.now + timeout * TIMEOUTS_MAX + catching_up);
        while !(self.clients.probed.is_some() && self.operators_are_done() && self.has_converged()) {
            if self.now >= end {
                return Err(self.not_converged());
            }
            if !self.clients.is_busy(PROBER) {
                self.call(0, CallKind::Put)?;
            }
            self.run_until(self.now + timeout / 4)?;
        }
        self.stats.settle_micros_max = self.now - begin;
        self.read_all()?;
        self.check_removed_nodes()?;
        self.wait_for_watchers()?;
        self.end_all_calls()?;
        self.check_everything()?;
        self.check_history()
    }

    /// Ends all faults, and finds damage that no read has found.
    fn end_all_faults(&mut self) -> Checked {
        self.network.options = options::Network::CALM;
        self.disk = options::Disk::CALM;
        let now = self.now;
        for node in self.ids() {
            if let Some(deadline) = self.host(node).running().map(|core| core.deadline()) {
                // A clock that was set back lets its node sleep for that long.
                let sane = Time(deadline.0.saturating_sub(self.plan.options.election_timeout_micros * 10));
                self.machine_mut(node).clock.advance_to(now, sane);
                self.reset_timer(node)?;
            }
            self.stop_if_damaged(node);
            self.restart(node)?;
        }
        Ok(())
    }

    fn call(&mut self, key: u64, kind: CallKind) -> Checked {
        let call = Call { at: self.now, client: PROBER, key, kind, node: None };
        self.clients.calls.push(call);
        self.begin_call(self.clients.calls.len() - 1)
    }

    /// Whether every member follows one leader and has its log, all of it durable and final.
    fn has_converged(&self) -> bool {
        let Some(leader) = self.leader() else { return false };
        let core = |host: &Host| host.running().map(|core| (core.leader(), core.epoch(), core.last()));
        let Some(wanted) = core(self.host(leader)) else { return false };
        let agrees = |host: &Host| {
            let (image, last) = (host.disk.durable(), wanted.2);
            let (stored, applied) = (image.last() == last && image.forged_from.is_none(), host.database.applied());
            core(host) == Some(wanted) && host.disk.pending() == 0 && stored && applied == last
        };
        let list = self.host(leader).running().and_then(|core| core.members());
        let Some(list) = list.map(|listed| &listed.membership) else { return false };
        // Members whose disk was replaced do not count. A joining node must have become a voter.
        let mut members = self.hosts().filter(|host| is_member(host, list));
        let joins = |host: &Host| list.member(host.id()).is_some_and(|member| member.kind == MemberKind::Joining);
        let leads_rightly = list.voters().any(|voter| voter.id == leader);
        leads_rightly && wanted.0 == Some(leader) && members.all(|host| agrees(host) && !joins(host))
    }

    fn not_converged(&self) -> Box<Violation> {
        let text = |point: Option<LogPoint>| point.map_or("-".to_owned(), |point| point.to_string());
        let mut all = format!("{TIMEOUTS_MAX} election timeouts after the last fault the nodes do not agree:");
        for host in self.hosts() {
            let Some(core) = host.running() else {
                all += &format!(" {} is down;", host.id());
                continue;
            };
            let (role, epoch, leader) = (core.role().name(), core.epoch(), core.leader());
            let (last, committed, applied) = (text(core.last()), text(core.committed()), text(core.applied()));
            let out = if self.list().is_some_and(|list| is_member(host, list)) { "" } else { " (no member)" };
            all += &format!(
                " {}{out} {role} {epoch:?} of {leader:?}, last {last}, committed {committed}, applied {applied};",
                host.id()
            );
        }
        Violation::of("all nodes agree once the faults end", all)
    }

    /// Reads each key once more, so that the history ends with the final value of each.
    fn read_all(&mut self) -> Checked {
        self.wait_for_prober()?;
        for key in 0..self.plan.options.work.keys {
            let call = self.clients.calls.len();
            self.call(key, CallKind::Get)?;
            self.wait_for_prober()?;
            if self.clients.probed != Some(call) {
                let text = format!("the key k{key} could not be read, although all nodes agree");
                return Err(Violation::of("all nodes agree once the faults end", text));
            }
        }
        Ok(())
    }

    /// Nodes that were removed or wait to be added cause no election, and after a while no leader pushes to them.
    fn check_removed_nodes(&mut self) -> Checked {
        let Options { election_timeout_micros: timeout, leadership, members, .. } = &self.plan.options;
        let (timeout, leadership) = (*timeout, *leadership);
        if members.changes_max == 0 {
            return Ok(());
        }
        let epoch = |simulation: &Self| {
            let leader = simulation.leader()?;
            simulation.host(leader).running().and_then(|core| core.epoch())
        };
        let before = epoch(self);
        self.run_until(self.now + timeout * REMOVAL_TIMEOUTS)?;
        self.removed_are_done = true;
        self.run_until(self.now + timeout)?;
        if leadership.prefer == Prefer::None && epoch(self) != before {
            let text = format!("leadership moved from {before:?} to {:?} after the last fault", epoch(self));
            return Err(Violation::of("removed nodes are left alone", text));
        }
        Ok(())
    }

    /// Every watcher has seen everything in the end.
    fn wait_for_watchers(&mut self) -> Checked {
        let timeout = self.plan.options.election_timeout_micros;
        let end = self.now + timeout * TIMEOUTS_MAX;
        while self.watchers.behind() > 0 {
            if self.now >= end {
                let text = format!(
                    "{} watchers have not received everything after {TIMEOUTS_MAX} timeouts",
                    self.watchers.behind()
                );
                return Err(Violation::of("all nodes agree once the faults end", text));
            }
            self.run_until(self.now + timeout / 4)?;
        }
        Ok(())
    }

    fn wait_for_prober(&mut self) -> Checked {
        while self.clients.is_busy(PROBER) {
            self.run_until(self.now + 1_000)?;
        }
        Ok(())
    }

    pub(super) fn check_everything(&self) -> Checked {
        for host in self.hosts() {
            self.oracle.check(host)?;
            self.check_view(host)?;
        }
        Ok(())
    }

    /// The state of a node as its events tell it is its real state.
    fn check_view(&self, host: &Host) -> Checked {
        let (Some(core), Some(view)) = (host.running(), self.watch.snapshot(host.id())) else { return Ok(()) };
        let real = core.node_state(NodeState::TAIL_MAX);
        let position = |point: Option<LogPoint>| point.map_or(0, |point| point.position.0);
        let committed = position(view.applied)..=position(real.committed);
        let same = view.role == real.role
            && ends_alike(&view.tail, &real.tail)
            && view.applied == real.applied
            && view.members == real.members
            && view.epoch == real.epoch
            // A replica reports a commit order when readers see the data, and its leader after a push was accepted.
            && committed.contains(&position(view.committed))
            && (view.leader.is_none() || view.leader == real.leader)
            && (view.role != RoleName::Leader || view.committed == real.committed);
        if same {
            return Ok(());
        }
        let short = |mut snapshot: NodeState| {
            let from = snapshot.tail.len().saturating_sub(2);
            snapshot.tail.drain(..from);
            format!("{snapshot:?}")
        };
        let text = format!("{} is {}, but its events give {}", host.id(), short(real), short(view.clone()));
        Err(Violation::of("events reproduce the node's state", text))
    }

    fn check_history(&mut self) -> Checked {
        match linearizability::check(&self.clients.history) {
            Ok(placed) => {
                self.stats.linearized = placed as u64;
                Ok(())
            }
            Err(failure) => Err(Violation::of("linearizability", failure.to_string())),
        }
    }
}

/// Whether two tails are equal as far as both reach back.
fn ends_alike(one: &[Preview], other: &[Preview]) -> bool {
    let count = one.len().min(other.len());
    one[one.len() - count..] == other[other.len() - count..]
}
