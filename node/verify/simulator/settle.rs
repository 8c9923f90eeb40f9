//! The end of a run: the faults are over, so within a bound one node must lead, all logs and states be equal, and new
//! writes be confirmed. Then everything is looked at once more, and the clients' history judged.

use crate::protocol::trace::{Preview, RoleName};
use crate::protocol::{LogPoint, MemberKind, Prefer, Time};
use crate::verify::linearizability;
use crate::verify::simulator::clients::PROBER;
use crate::verify::simulator::host::Host;
use crate::verify::simulator::options::{self, Options};
use crate::verify::simulator::plan::{Call, Wish};
use crate::verify::simulator::world::{Simulation, Step, wrong};

/// How many election timeouts the nodes may take to agree. Membership a cluster waits five times as long by itself.
const TIMEOUTS_MAX: u64 = 60;

/// So many of them after the last change, and one more for a leader's tick, nobody is pushed to who is no member.
const FAREWELL_TIMEOUTS: u64 = 7;

/// How long one entry may take besides, if a node lacks them all and gets them one by one.
const ENTRY_MICROS_MAX: u64 = 5_000;

impl Simulation<'_> {
    pub(super) fn settle(&mut self) -> Step {
        self.calm_down()?;
        let timeout = self.plan.options.election_timeout_micros;
        let entries = self.hosts.iter().filter_map(|host| host.disk.durable().last()).map(|last| last.position.0);
        let catching_up = entries.max().unwrap_or(0) * ENTRY_MICROS_MAX;
        let (begin, end) = (self.now, self.now + timeout * TIMEOUTS_MAX + catching_up);
        while !(self.clients.probed.is_some() && self.operators_are_done() && self.is_one()) {
            if self.now >= end {
                return Err(self.never_agree());
            }
            if !self.clients.is_busy(PROBER) {
                self.call(0, Wish::Put)?;
            }
            self.run_until(self.now + timeout / 4)?;
        }
        self.stats.settled_most_micros = self.now - begin;
        self.read_all()?;
        self.leave_alone()?;
        self.wait_for_watchers()?;
        self.all_give_up()?;
        self.check_everything()?;
        self.judge()
    }

    /// No more faults: whatever is still broken is mended, and damage that nobody has met is found.
    fn calm_down(&mut self) -> Step {
        self.network.options = options::Network::CALM;
        self.disk = options::Disk::CALM;
        let now = self.now;
        for node in self.ids() {
            let host = self.host(node);
            if let Some(shown) = host.core.as_ref().map(|core| core.deadline()) {
                // A clock that was put back lets a node sleep for that long.
                let sane = Time(shown.0.saturating_sub(self.plan.options.election_timeout_micros * 10));
                self.host(node).clock.advance_to(now, sane);
                self.wake_anew(node)?;
            }
            self.end_if_damaged(node);
            self.restart(node)?;
        }
        Ok(())
    }

    fn call(&mut self, key: u64, wish: Wish) -> Step {
        let call = Call { at: self.now, client: PROBER, key, wish, node: None };
        self.clients.calls.push(call);
        self.begin_call(self.clients.calls.len() - 1)
    }

    /// Every member follows one leader and has its log, all of it durable and final.
    fn is_one(&self) -> bool {
        let Some(leader) = self.leader() else { return false };
        let core = |host: &Host| host.core.as_ref().map(|core| (core.leader(), core.epoch(), core.last()));
        let Some(wanted) = core(&self.hosts[leader.0 as usize - 1]) else { return false };
        let agrees = |host: &Host| {
            let (image, last) = (host.disk.durable(), wanted.2);
            let (stored, applied) = (image.last() == last && image.forged_from.is_none(), host.database.applied());
            core(host) == Some(wanted) && host.disk.is_idle() && stored && applied == last
        };
        let list = self.hosts[leader.0 as usize - 1].core.as_ref().and_then(|core| core.members());
        let Some(list) = list.map(|listed| &listed.membership) else { return false };
        // Those that are to agree: the members with the disks that they work with. Whoever joins has become a voter.
        let mut members = self.hosts.iter().filter(|host| host.is_member(list));
        let joins = |host: &Host| list.member(host.id()).is_some_and(|member| member.kind == MemberKind::Joining);
        let leads_rightly = list.voters().any(|voter| voter.id == leader);
        leads_rightly && wanted.0 == Some(leader) && members.all(|host| agrees(host) && !joins(host))
    }

    fn never_agree(&self) -> Box<crate::verify::invariants::Violation> {
        let text = |point: Option<LogPoint>| point.map_or("-".to_owned(), |point| point.to_string());
        let mut all = format!("{TIMEOUTS_MAX} election timeouts after the last fault the nodes do not agree:");
        for host in &self.hosts {
            let Some(core) = &host.core else {
                all += &format!(" {} is down;", host.id());
                continue;
            };
            let (role, epoch, leader) = (core.role().name(), core.epoch(), core.leader());
            let (last, committed, applied) = (text(core.last()), text(core.committed()), text(core.applied()));
            let out = if self.list().is_some_and(|list| host.is_member(list)) { "" } else { " (no member)" };
            all += &format!(
                " {}{out} {role} {epoch:?} of {leader:?}, last {last}, committed {committed}, applied {applied};",
                host.id()
            );
        }
        wrong("everybody agrees once the faults end", all)
    }

    /// Each key is read once more, so that the history ends with what everybody may know.
    fn read_all(&mut self) -> Step {
        self.wait_for_prober()?;
        for key in 0..self.plan.options.work.keys {
            let call = self.clients.calls.len();
            self.call(key, Wish::Get)?;
            self.wait_for_prober()?;
            if self.clients.probed != Some(call) {
                let text = format!("the key k{key} could not be read, though everybody agrees");
                return Err(wrong("everybody agrees once the faults end", text));
            }
        }
        Ok(())
    }

    /// Those that were removed or wait disturb nobody, and after a while nobody pushes to them.
    fn leave_alone(&mut self) -> Step {
        let Options { election_timeout_micros: timeout, leadership, members, .. } = &self.plan.options;
        let (timeout, leadership) = (*timeout, *leadership);
        if members.changes_most == 0 {
            return Ok(());
        }
        let epoch = |simulation: &Self| {
            let leader = simulation.leader()?;
            simulation.hosts[leader.0 as usize - 1].core.as_ref().and_then(|core| core.epoch())
        };
        let before = epoch(self);
        self.run_until(self.now + timeout * FAREWELL_TIMEOUTS)?;
        self.strays_are_over = true;
        self.run_until(self.now + timeout)?;
        if leadership.prefer == Prefer::None && epoch(self) != before {
            let text = format!("{before:?} was left for {:?}, though nothing is wrong any more", epoch(self));
            return Err(wrong("who was removed is left alone", text));
        }
        Ok(())
    }

    /// Whoever watches has seen everything in the end.
    fn wait_for_watchers(&mut self) -> Step {
        let timeout = self.plan.options.election_timeout_micros;
        let end = self.now + timeout * TIMEOUTS_MAX;
        while self.watchers.behind() > 0 {
            if self.now >= end {
                let text = format!(
                    "{} watchers have not seen everything {TIMEOUTS_MAX} timeouts later",
                    self.watchers.behind()
                );
                return Err(wrong("everybody agrees once the faults end", text));
            }
            self.run_until(self.now + timeout / 4)?;
        }
        Ok(())
    }

    fn wait_for_prober(&mut self) -> Step {
        while self.clients.is_busy(PROBER) {
            self.run_until(self.now + 1_000)?;
        }
        Ok(())
    }

    pub(super) fn check_everything(&self) -> Step {
        for host in &self.hosts {
            self.truth.check(host)?;
            self.check_view(host)?;
        }
        Ok(())
    }

    /// What a watcher takes a node for, from its events alone, is what it is.
    fn check_view(&self, host: &Host) -> Step {
        let (Some(core), Some(view)) = (&host.core, self.watch.snapshot(host.id())) else { return Ok(()) };
        let truth = core.node_state(crate::protocol::trace::NodeState::TAIL_MAX);
        let position = |point: Option<LogPoint>| point.map_or(0, |point| point.position.0);
        let committed = position(view.applied)..=position(truth.committed);
        let same = view.role == truth.role
            && ends_alike(&view.tail, &truth.tail)
            && view.applied == truth.applied
            && view.members == truth.members
            && view.epoch == truth.epoch
            // A replica tells that it obeyed when readers see it, and who leads when a push was looked at.
            && committed.contains(&position(view.committed))
            && (view.leader.is_none() || view.leader == truth.leader)
            && (view.role != RoleName::Leader || view.committed == truth.committed);
        if same {
            return Ok(());
        }
        let short = |mut snapshot: crate::protocol::trace::NodeState| {
            let from = snapshot.tail.len().saturating_sub(2);
            snapshot.tail.drain(..from);
            format!("{snapshot:?}")
        };
        let text = format!("{} is {}, and its events make it {}", host.id(), short(truth), short(view.clone()));
        Err(wrong("events tell what a node is", text))
    }

    fn judge(&mut self) -> Step {
        match linearizability::check(&self.clients.history) {
            Ok(placed) => {
                self.stats.linearized = placed as u64;
                Ok(())
            }
            Err(failure) => Err(wrong("linearizability", failure.to_string())),
        }
    }
}

/// Neither keeps all of a long log, and not the same part.
fn ends_alike(one: &[Preview], other: &[Preview]) -> bool {
    let count = one.len().min(other.len());
    one[one.len() - count..] == other[other.len() - count..]
}
